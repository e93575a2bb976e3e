"""Every .mlir file of this folder: the passes after RUN-PASSES, and the text that must come out."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from filecheck.finput import FInput
from filecheck.matcher import Matcher
from filecheck.options import Options
from filecheck.parser import Parser, pattern_for_opts

from netloom.core.plugins import registry
from netloom.ir.program import main, program_ops
from netloom.ir.text import parse_module, print_module
from netloom.passes.manager import PassManager, parse

FILES = sorted(Path(__file__).parent.glob("*.mlir"))
MARK = "// RUN-PASSES: "


def pipeline_of(text: str) -> str:
    first = text.splitlines()[0]
    assert first.startswith(MARK)
    return first.removeprefix(MARK)


def check(file: Path, output: str) -> int:
    """Exit code of filecheck, which explains failures on stderr."""
    options = Options(match_filename=str(file))
    checks = io.StringIO(file.read_text())
    parser = Parser(options, checks, *pattern_for_opts(options))
    return int(Matcher(options, FInput("output", output), parser).run())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_passes_turn_the_module_into_the_expected_text(file: Path) -> None:
    text = file.read_text()
    module = parse_module(text, file=file.name)
    PassManager(parse(pipeline_of(text))).run(module)
    assert check(file, print_module(module)) == 0
    assert all(op.origin is not None for op in program_ops(main(module)) if op.operands)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_without_its_passes_fails(file: Path) -> None:
    text = file.read_text()
    assert check(file, print_module(parse_module(text, file=file.name))) == 1


def test_every_pass_has_a_file() -> None:
    tested = {each.name for file in FILES for each in parse(pipeline_of(file.read_text()))}
    assert set(registry().passes) - tested == {"schedule"}  # tests/passes/test_schedule.py
