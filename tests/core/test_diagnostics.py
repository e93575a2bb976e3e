"""Messages, and the list of codes: what the package raises and what it declares are the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import netloom
from netloom.core.diagnostics import CODES, CompileError, NetloomWarning, suggestion, warn

PACKAGE = Path(netloom.__file__).parent
DECLARATION = PACKAGE / "core" / "diagnostics.py"


def raised_codes() -> set[str]:
    sources = (path.read_text() for path in PACKAGE.rglob("*.py") if path != DECLARATION)
    return {code for source in sources for code in re.findall(r'"(NL\d{3})"', source)}


def test_every_declared_code_is_raised_somewhere() -> None:
    assert set(CODES) - raised_codes() == set()


def test_every_raised_code_is_declared() -> None:
    assert raised_codes() - set(CODES) == set()


def test_message_says_where_what_is_supported_and_what_to_do() -> None:
    error = CompileError("NL103", "Conv", origin="conv1", supported="MatMul", hint="rewrite it")
    assert str(error) == "[NL103] at 'conv1': Conv\n  supported: MatMul\n  to do: rewrite it"


def test_parts_that_are_not_known_leave_no_line() -> None:
    assert str(CompileError("NL103", "Conv")) == "[NL103]: Conv"


def test_the_file_goes_in_front_of_the_origin() -> None:
    error = CompileError("NL103", "Conv", origin="conv1", supported="MatMul", hint="rewrite it")
    assert str(error.in_file("net.onnx")) == (
        "[NL103] at 'net.onnx: conv1': Conv\n  supported: MatMul\n  to do: rewrite it"
    )
    assert CompileError("NL101", "gone").in_file("net.onnx").origin == "net.onnx"


def test_undeclared_code_is_a_defect() -> None:
    with pytest.raises(KeyError, match="undeclared diagnostic code NL999"):
        CompileError("NL999", "something")


def test_suggestion_is_the_nearest_name_or_nothing() -> None:
    assert suggestion("presicion", ["precision", "backend"]) == "did you mean 'precision'?"
    assert suggestion("zzz", ["precision", "backend"]) == ""


def test_warnings_have_a_class_of_their_own() -> None:
    with pytest.warns(NetloomWarning, match="^slow$"):
        warn("slow")
