"""External tools are found by variable or search path, and their failures explain themselves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netloom.core.diagnostics import CompileError
from netloom.core.tools import TOOLS, find_tool, run_tool


def script(directory: Path, text: str, name: str = "tool") -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that stands for GHDL and does what its first argument says."""
    path = script(tmp_path, 'eval "$1"')
    monkeypatch.setenv("NETLOOM_GHDL", str(path))
    return path


def test_the_variable_comes_before_the_search_path(tmp_path: Path) -> None:
    chosen = script(tmp_path, "true")
    script(tmp_path, "true", name="ghdl")
    environment = {"NETLOOM_GHDL": str(chosen), "PATH": str(tmp_path)}
    assert find_tool("ghdl", environment) == chosen
    assert find_tool("ghdl", {"PATH": str(tmp_path)}) == tmp_path / "ghdl"


def test_a_missing_tool_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as error:
        find_tool("ghdl", {"PATH": str(tmp_path)})
    assert str(error.value) == (
        "[NL601] at 'ghdl': GHDL ('ghdl') was not found\n"
        "  to do: install the Debian package 'ghdl', or set NETLOOM_GHDL to the path of the executable"
    )


def test_a_missing_commercial_tool_names_its_source(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as error:
        find_tool("quartus", {"PATH": str(tmp_path)})
    assert str(error.value) == (
        "[NL601] at 'quartus': Altera Quartus Prime ('quartus_sh') was not found\n"
        "  to do: install Altera Quartus Prime, or set NETLOOM_QUARTUS to the path of the executable"
    )


def test_a_variable_that_names_no_executable_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ghdl"
    path.write_text("not executable")
    with pytest.raises(CompileError) as error:
        find_tool("ghdl", {"NETLOOM_GHDL": str(path), "PATH": os.environ["PATH"]})
    assert str(error.value) == (
        f"[NL601] at 'ghdl': NETLOOM_GHDL is '{path}', which is not an executable file\n"
        "  to do: set NETLOOM_GHDL to the path of 'ghdl', or unset it"
    )


def test_an_unknown_tool_gets_a_suggestion() -> None:
    with pytest.raises(CompileError, match=r"there is no tool 'gdhl'") as error:
        find_tool("gdhl")
    assert error.value.hint == "did you mean 'ghdl'?"


def test_every_tool_has_its_own_variable() -> None:
    variables = [tool.variable for tool in TOOLS.values()]
    assert len(set(variables)) == len(variables)
    assert {"NETLOOM_GHDL", "NETLOOM_TCLSH", "NETLOOM_GXX", "NETLOOM_VIVADO", "NETLOOM_QUARTUS"} <= {
        *variables
    }


@pytest.mark.usefixtures("stand_in")
def test_output_goes_to_the_log_and_to_the_listener(tmp_path: Path) -> None:
    before = os.getcwd()
    lines: list[str] = []
    run_tool(["ghdl", "pwd; echo two >&2"], directory=tmp_path, log=tmp_path / "log", on_line=lines.append)
    assert lines == [str(tmp_path), "two"]
    assert (tmp_path / "log").read_text() == f"{tmp_path}\ntwo\n"
    assert os.getcwd() == before


@pytest.mark.usefixtures("stand_in")
def test_a_failure_shows_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as error:
        run_tool(
            ["ghdl", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do echo line $i; done; exit 3"],
            directory=tmp_path,
            log=tmp_path / "ghdl.log",
        )
    shown = "".join(f"\n    line {number}" for number in range(2, 14))
    assert str(error.value) == (
        f"[NL602] at 'ghdl': GHDL failed with status 3; its last lines:{shown}\n"
        "  to do: the whole output is in ghdl.log"
    )


@pytest.mark.usefixtures("stand_in")
def test_a_tool_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"GHDL was ended after 0\.2 s"):
        run_tool(["ghdl", "exec sleep 60"], directory=tmp_path, log=tmp_path / "log", timeout_s=0.2)
