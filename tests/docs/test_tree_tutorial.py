"""The tutorial on trees does what it says: its code runs, and prints what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, prepare, run_page


@pytest.mark.slow
def test_the_tutorial_runs_from_beginning_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    run_page(DOCS / "tutorial-trees.md", tmp_path)
