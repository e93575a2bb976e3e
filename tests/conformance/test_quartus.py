"""The backend `quartus` passes what every backend must pass."""

import pytest

from netloom.testing import BackendConformance

pytestmark = pytest.mark.slow


class TestQuartus(BackendConformance):
    backend = "quartus"
    io = ("parallel",)
    every = 12
