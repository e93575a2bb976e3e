"""The toy backends, installed as a distribution of their own for as long as a test runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netloom.core.plugins import registry

METADATA = "Metadata-Version: 2.1\nName: netloom-toys\nVersion: 0.3\n"


@pytest.fixture
def toys(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory that holds the distribution, which is on the search path."""
    directory = tmp_path_factory.mktemp("site")
    (directory / "toys.py").write_text((Path(__file__).parent / "toys.py").read_text())
    (directory / "netloom_toys-0.3.dist-info").mkdir()
    (directory / "netloom_toys-0.3.dist-info" / "METADATA").write_text(METADATA)
    (directory / "netloom_toys-0.3.dist-info" / "entry_points.txt").write_text("[netloom]\ntoys = toys\n")
    monkeypatch.syspath_prepend(str(directory))
    registry.cache_clear()
    yield directory
    registry.cache_clear()
