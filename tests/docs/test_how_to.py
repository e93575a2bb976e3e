"""Every how-to page does what it says: its code runs, and prints what it shows."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, prepare, run_page, write_titled

PAGES = [page for page in sorted((DOCS / "how-to").glob("*.md")) if page.stem != "write-a-pass"]


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
def test_a_page_runs_from_beginning_to_end(page: Path, directory: Path) -> None:
    run_page(page, directory)


def install(directory: Path, pyproject: str) -> None:
    """What `pip install --editable` leaves behind, as far as plugins are concerned."""
    project = tomllib.loads(pyproject)["project"]
    name = f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    (directory / name).mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (directory / name / "METADATA").write_text(metadata)
    entries = "".join(f"{key} = {value}\n" for key, value in project["entry-points"]["netloom"].items())
    (directory / name / "entry_points.txt").write_text(f"[netloom]\n{entries}")


@pytest.mark.slow
def test_the_plugin_of_write_a_pass_works_as_installed(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netloom.core.plugins import registry

    page = DOCS / "how-to" / "write-a-pass.md"
    install(directory, write_titled(page, "pyproject.toml", directory).read_text())
    write_titled(page, "merge_truncations.py", directory)
    monkeypatch.syspath_prepend(str(directory))
    registry.cache_clear()
    try:
        run_page(page, directory, {"PYTHONPATH": str(directory)})
    finally:
        registry.cache_clear()
