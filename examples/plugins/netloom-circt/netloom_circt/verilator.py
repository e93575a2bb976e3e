"""Verilator compiles an emitted project once and runs it any number of times.

Verilator turns the SystemVerilog into C++, and g++ compiles that with the project's test bench. What
comes back is what the design itself computed, clock cycle by clock cycle, as mantissas.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan
from netloom.core.tools import LOG_TAIL_LINES, run_tool
from netloom.passes.analysis.hardware import PortInfo
from netloom.sim.result import SimulationResult
from netloom.sim.vectors import from_hex, vector_files
from netloom_circt.toolchain import FLAGS, Verilator, find_verilator, runtime

Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Called with the number of samples done and their total."""

DISAGREEMENT = "report this design: the generated SystemVerilog and the program disagree"
BROKEN_OFF = "it did not come to its end, which says nothing of the design; is there enough memory?"

_SUMMARY = re.compile(r"netloom: (?:PASS|FAIL) (?P<fields>.*)")
_PROGRESS = re.compile(r"netloom: progress (\d+)")


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
        self._translate(verilator, top)
        return self._compile(verilator, top)

    def _translate(self, verilator: Verilator, top: str) -> None:
        """SystemVerilog to C++."""
        arguments = ["--cc", "--top-module", top, "--prefix", f"V{top}", "-Wno-fatal", "-Wno-lint"]
        command = [str(verilator.executable), *arguments, "--Mdir", "obj", f"rtl/{top}.sv"]
        status, lines = _run(command, self.work, {"VERILATOR_ROOT": str(verilator.root)})
        if status:
            raise _failure(
                "Verilator",
                status,
                lines,
                "design.write(directory) keeps the design; 'make sim' there shows all that Verilator says",
            )

    def _compile(self, verilator: Verilator, top: str) -> Path:
        """C++ to a program, in one unit: most of the time goes into reading headers."""
        parts = [*sorted((self.work / "obj").glob("*.cpp")), self.work / "sim" / f"tb_{top}.cpp"]
        unit = self.work / "obj" / "all.cc"
        unit.write_text("".join(f'#include "{part}"\n' for part in parts))
        executable, own = self.work / f"V{top}", runtime(verilator)
        command = ["gxx", *FLAGS, "-include", str(own.header), "-Iobj", *verilator.includes, str(unit)]
        command += [*map(str, own.objects), "-o", str(executable)]
        run_tool(command, directory=self.work, log=self.work / "compile.log")
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
            CompileError: NL401 or NL403 for inputs that do not fit, NL601 without tools, NL602 when a tool
                fails, or the design's outputs or its latency are not as expected.
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

        status, lines = _run(command, self.work, on_line=listen)
        fields = _figures(lines)
        if status or not fields:
            raise _failure("the simulation", status, lines, DISAGREEMENT if fields else BROKEN_OFF)
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
    """The figures of the summary line; none when the simulation did not come to its end."""
    found = next(filter(None, map(_SUMMARY.search, reversed(lines))), None)
    pairs = (pair.split("=") for pair in found["fields"].split()) if found else ()
    return {key: int(value) for key, value in pairs}


def _run(
    command: Sequence[str],
    directory: Path,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> tuple[int, list[str]]:
    """Run a program to its end; its exit status, and the lines of its output."""
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
    return process.returncode, lines


def _failure(title: str, status: int, lines: Sequence[str], hint: str) -> CompileError:
    """NL602 with the last lines of a program's output."""
    head = f"{title} failed with status {status}; its last lines:"
    return CompileError("NL602", "\n    ".join([head, *lines[-LOG_TAIL_LINES:]]), origin=title, hint=hint)
