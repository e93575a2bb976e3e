"""GHDL runs an emitted VHDL project: analysed once, then any number of runs.

What comes back is what the design itself computed, clock cycle by clock cycle, as mantissas.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan
from netloom.core.tools import run_tool
from netloom.passes.analysis.hardware import PortInfo
from netloom.sim.result import SimulationResult
from netloom.sim.vectors import beat_ports, check, from_hex, in_beats, vector_files

Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Called with the number of samples done and their total."""

TREES = "trees.txt"
"""The words for memories of trees, beside the vectors."""

OFFERS, OFFERED = 997, 0.7
"""Cycles until random stalls repeat, and in how many of them the outside is ready."""

_SUMMARY = re.compile(r"netloom: (?P<verdict>PASS|FAIL) (?P<fields>.*)")
_LEVEL = re.compile(r"netloom: fifo (\w+) holds (\d+)")
_PROGRESS = re.compile(r"netloom: progress (\d+)")


class GhdlSimulator:
    """Runs a plan that the backend `vhdl` emitted.

    Args:
        plan: what `netloom.backends.vhdl.emit.emit` returned.
        work: directory to work in, which is kept; by default a temporary one, removed by `close`,
            by leaving a `with` block, or with the object.
        timeout_s: limit for each call of GHDL.
    """

    def __init__(self, plan: BuildPlan, work: Path | None = None, *, timeout_s: float | None = None) -> None:
        self.plan = plan
        self.ports = PortInfo.from_json(plan.properties["ports"])
        self._streams = plan.properties.get("io") == "stream"
        self._lines = beat_ports(plan)
        self._memories = json.loads(plan.properties.get("weights", "[]"))
        self._signals = plan.properties["signals"].split(",")
        self._temporary = tempfile.TemporaryDirectory(prefix="netloom-ghdl-") if work is None else None
        self.work = Path(self._temporary.name) if self._temporary is not None else work or Path()
        self._timeout_s = timeout_s
        self._analysed = False

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

    def analyse(self) -> None:
        """Compile the sources; done by the first `run` if not before.

        Raises:
            CompileError: NL601 without GHDL, NL602 when it refuses the sources.
        """
        if self._analysed:
            return
        sources = self.plan.properties["sources"].split(",")
        for path in sources:
            target = self.work / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self.plan.files[path], encoding="utf-8")
        for memory in self._memories:
            target = self.work / memory["file"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self.plan.files[memory["file"]], encoding="utf-8")
        self._ghdl("analyse", ["-a", "--std=08", *sources])
        self._analysed = True

    def run(
        self,
        inputs: Sequence[Ints],
        expected: Sequence[Ints] | None = None,
        *,
        stall_seed: int = 0,
        offers: Mapping[str, NDArray[np.bool_]] | None = None,
        trees: str = "",
        trees_after: int = 0,
        progress: Progress | None = None,
    ) -> SimulationResult:
        """Feed samples and return what comes out.

        Args:
            inputs: mantissas int64[N, *shape] for each input port, N at least 1.
            expected: mantissas for each output port, which the test bench then compares.
            stall_seed: other than 0, pause at random: `ce` and `in_valid`, or what the outside of a streaming
                design offers and takes.
            offers: for the name of a port of a streaming design, in which cycles the outside offers or takes
                a beat; the pattern repeats. In every cycle where none is given. For the name of a stage that
                reads its weights from a memory outside, in which cycles that works.
            trees: words to write to the memories of trees, as `TreeImage.lines` has them.
            trees_after: how many samples the trees before these get.
            progress: called now and then.

        Raises:
            CompileError: NL401 or NL403 for inputs that do not fit, NL601 without GHDL, NL602 when
                the design's outputs, its latency or its interval are not as expected.
        """
        samples = self._check_counts(inputs, expected)
        self.analyse()
        directory = self.work / "vectors"
        directory.mkdir(exist_ok=True)
        tensors = [*inputs, *(expected or [])]
        for port, tensor in zip(self.ports, tensors, strict=False):
            check(port, tensor)
        given = self._lines[: len(tensors)]
        tensors = [in_beats(port, tensor) for port, tensor in zip(given, tensors, strict=True)]
        files = vector_files(given, self._signals[: len(tensors)], tensors)
        files |= self._offer_files(stall_seed, offers or {}) | ({TREES: trees} if trees else {})
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8")
        stalls = bool(stall_seed or offers)
        levels: dict[str, int] = {}
        loading = ["-gTREES=vectors/" + TREES, f"-gTREES_AFTER={trees_after}"] if trees else []
        fields, failure = self._simulate(
            expected is not None, stall_seed, stalls, samples, progress, levels, loading
        )
        outputs = self._read_outputs(directory, samples)
        if failure is not None:
            raise _explained(failure, fields, self.outputs, outputs, expected)
        fifos, ends = self._read_streams(directory, levels)
        return SimulationResult(outputs, fields["latency"], fields["interval"], fields["cycles"], fifos, ends)

    def _offer_files(self, seed: int, offers: Mapping[str, NDArray[np.bool_]]) -> dict[str, str]:
        """When the outside of a streaming design is ready, for each port."""
        if not self._streams or not (seed or offers):
            return {}
        draw = np.random.default_rng(seed)
        found: dict[str, str] = {}
        names = [(port.name, signal) for port, signal in zip(self.ports, self._signals, strict=True)]
        names += [(memory["node"], memory["port"]) for memory in self._memories]
        for name, signal in names:
            some = draw.random(OFFERS) < OFFERED if seed else np.ones(1, dtype=np.bool_)
            pattern = offers.get(name, some)
            found[f"offer_{signal}.txt"] = "".join("01"[int(each)] for each in pattern) + "\n"
        return found

    def _read_streams(
        self, directory: Path, levels: Mapping[str, int]
    ) -> tuple[dict[str, int], list[list[int]]]:
        """Largest count of each FIFO, and the ends of frames at each output."""
        if not self._streams:
            return {}, []
        fifos = json.loads(self.plan.properties["fifos"])
        ends = [
            [int(cycle) for cycle in (directory / f"frames_{signal}.txt").read_text().split()]
            for port, signal in zip(self.ports, self._signals, strict=True)
            if port.direction == "out"
        ]
        return {fifo["name"]: levels.get(fifo["signal"], 0) for fifo in fifos}, ends

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

    def _simulate(
        self,
        check: bool,
        stall_seed: int,
        stalls: bool,
        samples: int,
        progress: Progress | None,
        levels: dict[str, int],
        loading: Sequence[str],
    ) -> tuple[dict[str, int], CompileError | None]:
        """The figures of the summary line, and the error when the test bench failed; fills `levels`."""
        fields: dict[str, int] = {}

        def listen(line: str) -> None:
            if found := _SUMMARY.search(line):
                pairs = (pair.split("=") for pair in found["fields"].split())
                fields.update({key: int(value) for key, value in pairs})
            elif found := _LEVEL.search(line):
                levels[found[1]] = int(found[2])
            elif progress is not None and (found := _PROGRESS.search(line)):
                progress(int(found[1]), samples)

        arguments = ["-r", "--std=08", f"tb_{self.plan.properties['top']}", "-gVECTORS=vectors/"]
        pauses = f"-gOFFERS={str(stalls).lower()}" if self._streams else f"-gSTALL_SEED={stall_seed}"
        arguments += [f"-gCHECK={str(check).lower()}", pauses, *loading]
        arguments += [f"-gPROGRESS={max(1, samples // 20)}"]
        # Registers hold undefined bits before the first sample; arithmetic on them is no error.
        arguments += ["--ieee-asserts=disable", "--max-stack-alloc=0"]
        try:
            self._ghdl("simulate", arguments, listen)
        except CompileError as error:
            if "samples" not in fields:
                raise
            return fields, error
        return fields, None

    def _read_outputs(self, directory: Path, samples: int) -> list[Ints]:
        found: list[Ints] = []
        for port, line, signal in zip(self.ports, self._lines, self._signals, strict=True):
            if port.direction == "out":
                with (directory / f"actual_{signal}.txt").open() as lines:
                    beats = from_hex(line, lines)
                # A design that failed may have given parts of a sample.
                whole = min(beats.size // port.elements, samples)
                found.append(beats.reshape(-1)[: whole * port.elements].reshape(whole, *port.shape))
        return found

    def _ghdl(
        self, name: str, arguments: Sequence[str], on_line: Callable[[str], None] | None = None
    ) -> None:
        run_tool(
            ["ghdl", *arguments],
            directory=self.work,
            log=self.work / f"{name}.log",
            timeout_s=self._timeout_s,
            on_line=on_line,
        )


def _explained(
    failure: CompileError,
    fields: dict[str, int],
    ports: Sequence[PortInfo],
    outputs: Sequence[Ints],
    expected: Sequence[Ints] | None,
) -> CompileError:
    """The first difference, when values differ; else what the test bench said."""
    for port, got, wanted in zip(ports, outputs, expected or [], strict=False):
        count = min(len(got), len(wanted))
        wrong = np.argwhere(got[:count] != wanted[:count])
        if len(wrong):
            where = tuple(int(index) for index in wrong[0])
            return CompileError(
                "NL602",
                f"GHDL: {fields['mismatches']} of {fields['samples']} samples differ; first at"
                f" sample {where[0]}, element {where[1:]}: {got[where]} instead of {wanted[where]}",
                origin=port.name,
                hint="report this design: the generated VHDL and the program disagree",
            )
    return failure
