"""What a backend writes: the same bytes every time and everywhere, and nothing of this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from xdsl.dialects.builtin import ModuleOp

from netloom.core.plan import BuildPlan
from netloom.ir.text import print_module
from netloom.testing.target import Target

ABSOLUTE = re.compile(
    r"""(?<![\w.$}~/-])(?:/(?:home|Users|tmp|var|root|work|mnt|private)/|[A-Za-z]:\\(?=\w))[^\s"']*"""
)
"""Paths that only exist on one machine. `/usr/bin/env` and `/dev/null` are everywhere."""

NEEDED = ("backend", "ports", "signals")
"""Properties of a plan that the compiler itself reads."""


def text_difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """The first difference between two emissions of one program; empty when there is none."""
    for path in sorted({*here, *there}):
        if path not in here or path not in there:
            return f"file {path} is only in the {'first' if path in here else 'second'} emission"
        if here[path] != there[path]:
            return _line_difference(path, here[path], there[path])
    return ""


def _line_difference(path: str, here: str, there: str) -> str:
    first, second = here.splitlines(), there.splitlines()
    for number, (a, b) in enumerate(zip(first, second, strict=False), 1):
        if a != b:
            return f"{path}:{number} differs\n  first:  {a[:200]}\n  second: {b[:200]}"
    return f"{path} has {len(first)} lines in the first emission and {len(second)} in the second"


def foreign_text(plan: BuildPlan) -> Iterator[str]:
    """Lines that hold a path of this machine."""
    places = {str(Path.cwd()), str(Path.home()), tempfile.gettempdir(), sys.prefix, *_package_paths()}
    known = [place for place in places if len(place) > 3]
    for path, text in plan.files.items():
        for number, line in enumerate(text.splitlines(), 1):
            found = ABSOLUTE.search(line)
            place = found[0] if found else next((p for p in known if p in line), "")
            if place:
                yield f"{path}:{number} holds the path {place}"


def _package_paths() -> Iterator[str]:
    with as_file(files("netloom")) as package:
        yield str(package.parent)


def emit_elsewhere(jobs: Sequence[tuple[Target, str, ModuleOp | Path]]) -> list[dict[str, str]]:
    """Files that another process emits: another hash seed, directory, home, user, time zone and day.

    Args:
        jobs: for each, a target, the pipeline to run (empty: the standard one) and a program or model.

    Raises:
        AssertionError: the process fails.
    """
    with tempfile.TemporaryDirectory(prefix="netloom-elsewhere-") as directory:
        work = Path(directory)
        requests = [_request(work, index, *job) for index, job in enumerate(jobs)]
        (work / "jobs.json").write_text(json.dumps(requests))
        with as_file(files("netloom.testing").joinpath("elsewhere.py")) as script:
            done = subprocess.run(
                [sys.executable, "-P", str(script), "jobs.json", "files.json"],
                cwd=work,
                env=_environment(work),
                capture_output=True,
                text=True,
                check=False,
            )
        assert done.returncode == 0, f"emission in another process failed:\n{done.stderr[-3000:]}"
        found: list[dict[str, str]] = json.loads((work / "files.json").read_text())
    return found


def _request(work: Path, index: int, target: Target, pipeline: str, model: ModuleOp | Path) -> dict[str, Any]:
    path = model
    if isinstance(model, ModuleOp):
        path = work / f"program{index}.mlir"
        path.write_text(print_module(model))
    options = dict(target.options)
    if pipeline:
        options["pipeline"] = pipeline
    return {"model": str(path), "backend": target.backend, "io": target.io, "options": options}


def _environment(work: Path) -> dict[str, str]:
    """Another seed than this process has, and as little of its surroundings as a start needs."""
    seed = "12345" if os.environ.get("PYTHONHASHSEED") != "12345" else "54321"
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONHASHSEED": seed,
        "HOME": str(work),
        "USER": "somebody",
        "LOGNAME": "somebody",
        "TZ": "Pacific/Auckland",
    }
