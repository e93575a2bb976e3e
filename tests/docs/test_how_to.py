"""Every how-to page does what it says: its code runs, and prints what it shows."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks, prepare, run_page, write_titled

PAGES = sorted((DOCS / "how-to").glob("*.md"))


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory of a reader who has done the tutorial."""
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    script = write_titled(DOCS / "tutorial.md", "float_tagger.py", tmp_path)
    subprocess.run([sys.executable, str(script)], check=True)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_from_beginning_to_end(
    page: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netloom.core.plugins import registry

    if all(block.title != "pyproject.toml" for block in blocks(page)):
        run_page(page, directory)
        return
    modules = install(directory, write_titled(page, "pyproject.toml", directory).read_text())
    monkeypatch.syspath_prepend(str(directory))
    registry.cache_clear()
    try:
        run_page(page, directory, {"PYTHONPATH": str(directory)})
    finally:
        registry.cache_clear()
        for module in modules:
            sys.modules.pop(module, None)


def install(directory: Path, pyproject: str) -> list[str]:
    """What `pip install --editable` leaves behind, as far as plugins are concerned; the plugin's modules."""
    project = tomllib.loads(pyproject)["project"]
    name = f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    (directory / name).mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (directory / name / "METADATA").write_text(metadata)
    entries = project["entry-points"]["netloom"]
    lines = "".join(f"{key} = {value}\n" for key, value in entries.items())
    (directory / name / "entry_points.txt").write_text(f"[netloom]\n{lines}")
    return list(entries.values())
