"""All processes of a test run compile Verilator's own C++ into one directory."""

from __future__ import annotations

import os

import pytest
from netloom_circt.toolchain import CACHE_VARIABLE


@pytest.fixture(scope="session", autouse=True)
def _one_runtime(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.getbasetemp()
    # A worker of pytest-xdist has a directory of its own in that of the whole run.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ.setdefault(CACHE_VARIABLE, str(shared / "verilator-runtime"))
