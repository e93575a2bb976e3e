"""The tutorial on streams does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, prepare, run_page


@pytest.mark.slow
def test_the_tutorial_on_streams_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    run_page(DOCS / "tutorial-streams.md", tmp_path)
