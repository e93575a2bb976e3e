"""The backend `vhdl` passes what every backend must pass, in both forms of design."""

import pytest

from netloom.testing import BackendConformance


class TestVhdl(BackendConformance):
    backend = "vhdl"
    io = ("parallel",)


@pytest.mark.slow
class TestVhdlStream(BackendConformance):
    backend = "vhdl"
    io = ("stream",)
    every = 6
