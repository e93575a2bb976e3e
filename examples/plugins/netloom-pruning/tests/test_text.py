"""Every .mlir file of this folder: the passes after RUN-PASSES, and the text that must come out."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from filecheck.finput import FInput
from filecheck.matcher import Matcher
from filecheck.options import Options
from filecheck.parser import Parser, pattern_for_opts

from netloom.ir.text import parse_module, print_module
from netloom.passes.manager import PassManager, parse

FILES = sorted(Path(__file__).parent.glob("*.mlir"))
MARK = "// RUN-PASSES: "


def filecheck(file: Path, output: str) -> int:
    """Exit code of filecheck, which explains failures on stderr."""
    options = Options(match_filename=str(file))
    parser = Parser(options, io.StringIO(file.read_text()), *pattern_for_opts(options))
    return int(Matcher(options, FInput("output", output), parser).run())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_pass_turns_the_module_into_the_expected_text(file: Path) -> None:
    text = file.read_text()
    module = parse_module(text, file=file.name)
    assert filecheck(file, print_module(module)) == 1
    PassManager(parse(text.splitlines()[0].removeprefix(MARK))).run(module)
    assert filecheck(file, print_module(module)) == 0
