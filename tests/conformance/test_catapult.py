"""The backend `catapult` passes what every backend must pass."""

import pytest

from netloom.testing import BackendConformance

pytestmark = pytest.mark.slow


class TestCatapult(BackendConformance):
    backend = "catapult"
    io = ("parallel",)
    every = 4
