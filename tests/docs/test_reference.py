"""The reference says what the package says."""

from __future__ import annotations

from pathlib import Path

import pytest

from netloom.core.devices import DEVICES
from netloom.core.diagnostics import CODES
from netloom.core.options import CompileOptions
from netloom.frontends.onnx.ops import CONVERTERS
from netloom.ir.context import DIALECTS
from scripts.gen_reference import (
    DIRECTORY,
    PAGES,
    codes_in,
    main,
    pages,
    raising_modules,
    section_entries,
    stale,
)


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return pages()


def test_the_checked_in_pages_are_up_to_date() -> None:
    assert stale() == [], "run scripts/gen_reference.py"


def test_nothing_else_is_in_the_directory() -> None:
    assert {path.name for path in DIRECTORY.iterdir()} == set(PAGES)


def test_writing_twice_gives_the_same_text(written: dict[str, str]) -> None:
    assert pages() == written


def test_a_changed_page_and_a_missing_page_are_stale(written: dict[str, str], tmp_path: Path) -> None:
    for name, text in written.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert stale(tmp_path) == []
    (tmp_path / "errors.md").write_text("changed", encoding="utf-8")
    (tmp_path / "cli.md").unlink()
    assert stale(tmp_path) == ["errors.md", "cli.md"]


def test_unknown_arguments_write_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--chek"]) == 2
    assert "--check" in capsys.readouterr().out


def test_every_code_op_option_operator_and_device_has_its_entry(written: dict[str, str]) -> None:
    ops = [op.name for dialect in DIALECTS for op in dialect.operations]
    assert all(f"| `{code}` |" in written["errors.md"] for code in CODES)
    assert all(f"### `{op}`\n" in written["dialects.md"] for op in ops)
    assert all(f"| `{option}` |" in written["options.md"] for option in CompileOptions.names())
    assert all(f"`{operator}`" in written["operators.md"] for operator in CONVERTERS)
    assert all(f"| `{device}` |" in written["devices.md"] for device in DEVICES)


def test_every_code_is_raised_somewhere() -> None:
    assert set(raising_modules()) == set(CODES)


def test_codes_are_found_as_first_arguments_only() -> None:
    import ast

    tree = ast.parse("raise CompileError('NL101', 'see NL102')\nx = {'NL103': 1}\nf(1, 'NL104')")
    assert codes_in(tree) == {"NL101"}


def test_entries_of_a_docstring_may_share_a_text_and_run_over_lines() -> None:
    text = "a: first\n    line.\nb, c: both."
    assert section_entries(text) == {"a": "first line.", "b": "both.", "c": "both."}
