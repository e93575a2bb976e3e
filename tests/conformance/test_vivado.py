"""The backend `vivado` passes what every backend must pass."""

import pytest

from netloom.testing import BackendConformance

pytestmark = pytest.mark.slow


class TestVivado(BackendConformance):
    backend = "vivado"
    io = ("parallel",)
    every = 12
