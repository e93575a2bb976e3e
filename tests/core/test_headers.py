"""Where the vendors' headers are looked for."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from netloom.core.diagnostics import CompileError
from netloom.core.headers import KINDS, find_headers


@pytest.mark.parametrize("kind", KINDS)
def test_the_open_headers_are_found_without_a_variable(kind: str) -> None:
    assert (find_headers(kind, {}) / KINDS[kind].file).is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_a_variable_names_the_directory(kind: str, tmp_path: Path) -> None:
    (tmp_path / KINDS[kind].file).touch()
    assert find_headers(kind, {KINDS[kind].variable: str(tmp_path)}) == tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_an_installation_comes_before_the_open_headers(kind: str, tmp_path: Path) -> None:
    variable, below = KINDS[kind].installations[0]
    (tmp_path / below).mkdir(parents=True)
    (tmp_path / below / KINDS[kind].file).touch()
    assert find_headers(kind, {variable: str(tmp_path)}) == tmp_path / below


def test_a_variable_that_names_another_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        CompileError, match=r"\[NL604\] at 'ap': NETLOOM_AP_TYPES is .*, which has no ap_fixed.h"
    ):
        find_headers("ap", {"NETLOOM_AP_TYPES": str(tmp_path)})


def test_a_relative_directory_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "ap_fixed.h").touch()
    monkeypatch.chdir(tmp_path)
    assert find_headers("ap", {"NETLOOM_AP_TYPES": "types"}) == tmp_path / "types"


def test_without_headers_the_error_says_what_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CompileError) as error:
        find_headers("ac", {})
    assert str(error.value) == (
        "[NL604] at 'ac': the headers of ac_fixed and ac_int were not found\n"
        "  supported: an installation of the vendor's tool, or NETLOOM_AC_TYPES\n"
        "  to do: pip install 'netloom[csim]' brings the open headers"
    )
