"""The explanations show code too: it runs, and prints what they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, prepare, run_page


@pytest.mark.parametrize("page", sorted((DOCS / "explanation").glob("*.md")), ids=lambda page: page.stem)
def test_an_explanation_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    run_page(page, tmp_path)
