"""The backend `vhdl` passes what every backend must pass."""

from netloom.testing import BackendConformance


class TestVhdl(BackendConformance):
    backend = "vhdl"
