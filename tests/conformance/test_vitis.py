"""The backend `vitis` passes what every backend must pass."""

import pytest

from netloom.testing import BackendConformance

pytestmark = pytest.mark.slow


class TestVitis(BackendConformance):
    backend = "vitis"
    io = ("parallel",)
    every = 4
