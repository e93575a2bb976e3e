"""Build plans: pure data, written completely or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from netloom.core.diagnostics import CompileError
from netloom.core.plan import MANIFEST, BuildPlan

PLAN = BuildPlan({"src/top.vhd": "entity top;\n", "run.sh": "#!/bin/sh\nexit 0\n", "µ.txt": "µs\n"})


def contents(directory: Path) -> dict[str, bytes]:
    """Everything below a directory; directories themselves as empty entries."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else b""
        for path in sorted(directory.rglob("*"))
    }


def refusal(plan: BuildPlan, directory: Path) -> str:
    with pytest.raises(CompileError) as caught:
        plan.write(directory)
    return str(caught.value)


def test_files_manifest_and_modes(tmp_path: Path) -> None:
    target = PLAN.write(tmp_path / "new" / "project")
    assert contents(target) == {
        "src": b"",
        "src/top.vhd": b"entity top;\n",
        "run.sh": b"#!/bin/sh\nexit 0\n",
        "µ.txt": "µs\n".encode(),
        MANIFEST: PLAN.manifest().encode(),
    }
    assert os.access(target / "run.sh", os.X_OK) and not os.access(target / "µ.txt", os.X_OK)
    assert contents(tmp_path / "new").keys() == {"project", *(f"project/{name}" for name in contents(target))}


def test_manifest_lists_the_files_and_their_digest() -> None:
    assert PLAN.manifest() == f"netloom project\ndigest {PLAN.digest}\nrun.sh\nsrc/top.vhd\nµ.txt\n"


def test_digest_depends_on_names_and_contents_only() -> None:
    assert BuildPlan(dict(reversed(PLAN.files.items()))).digest == PLAN.digest
    assert PLAN.with_files({"a": "b"}).digest != PLAN.with_files({"a": "c"}).digest
    assert BuildPlan({"ab": "c"}).digest != BuildPlan({"a": "bc"}).digest


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    PLAN.write(tmp_path / "a")
    first = contents(tmp_path)
    PLAN.write(tmp_path / "a")
    assert contents(tmp_path) == first


def test_a_project_is_replaced_as_a_whole(tmp_path: Path) -> None:
    PLAN.write(tmp_path / "a")
    BuildPlan({"other": "x"}).write(tmp_path / "a")
    assert contents(tmp_path).keys() == {"a", "a/other", f"a/{MANIFEST}"}


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    PLAN.write(tmp_path / "a")
    assert (tmp_path / "a" / MANIFEST).exists()


def test_foreign_directory(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    assert refusal(PLAN, tmp_path) == (
        f"[NL502] at '{tmp_path}': the directory is not empty and was not written by netloom\n"
        "  to do: choose another directory, or empty this one"
    )
    assert contents(tmp_path) == {"thesis.txt": b"precious"}


def test_target_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert (
        refusal(PLAN, tmp_path / "a")
        == f"[NL501] at '{tmp_path / 'a'}': it is a file\n  to do: name a directory"
    )


def test_path_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    target = tmp_path / "a" / "b" / "c"
    assert refusal(PLAN, target) == (
        f"[NL501] at '{target}': Not a directory\n  to do: choose a directory that you may write to"
    )
    assert contents(tmp_path) == {"a": b"x"}


def test_current_directory_is_not_pulled_from_under_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        refusal(PLAN, Path("."))
        == "[NL501] at '.': it is the current directory\n  to do: name a directory below it"
    )


def test_paths_stay_inside_the_project() -> None:
    for path in ("/etc/passwd", "../x", "a/../../x"):
        with pytest.raises(ValueError, match="leaves the project"):
            BuildPlan({path: ""})


def raiser(error: BaseException, after: int) -> Any:
    """os.rename that raises at a call."""
    calls: list[int] = []
    rename = os.rename

    def limited(source: Any, target: Any) -> None:
        calls.append(1)
        if len(calls) == after:
            raise error
        rename(source, target)

    return limited


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", [1, 2])
def test_failure_while_replacing_keeps_the_old_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, call: int
) -> None:
    PLAN.write(tmp_path / "a")
    before = contents(tmp_path)
    monkeypatch.setattr(os, "rename", raiser(error, call))
    with pytest.raises((CompileError, KeyboardInterrupt)) as caught:
        BuildPlan({"other": "x"}).write(tmp_path / "a")
    assert isinstance(caught.value, KeyboardInterrupt) == isinstance(error, KeyboardInterrupt)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failure_while_writing_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def failing(*_: Any, **__: Any) -> int:
        raise error

    monkeypatch.setattr(Path, "write_text", failing)
    with pytest.raises((CompileError, KeyboardInterrupt)):
        PLAN.write(tmp_path / "deep" / "er" / "a")
    assert contents(tmp_path) == {}
