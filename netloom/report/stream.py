"""The report of a streaming design: actors, FIFOs, the bottleneck, occupancy over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from xdsl.dialects.builtin import ModuleOp

from netloom.core.dataflow import Network, WeightedStage
from netloom.core.precision import shown
from netloom.ir.program import notes
from netloom.passes.analysis.hardware import hardware
from netloom.passes.analysis.network import actors, network
from netloom.passes.analysis.scheduled import program_timing
from netloom.report.reasons import does, reason
from netloom.report.summary import RESOURCES, Report

if TYPE_CHECKING:
    from netloom.estimate.resources import LayerEstimate
    from netloom.sim.dataflow import Explanation, FifoFigures, NodeFigures, Trace

FRAMES = 3
"""Frames whose occupancies are recorded: one that fills the pipeline and two at its pace."""


@dataclass(frozen=True)
class ActorRow:
    """An actor of a streaming design.

    Attributes:
        figures: from the simulation.
        does: what it is, in a few words.
        beats: of a frame that leave it (output of the chip: reach it).
        fill_cycles: from the first beat in to the first beat out.
        why: where the cycles of its interval come from.
        need: resources.
        weight_bits: of weights that it reads from a memory outside for a frame.
    """

    figures: NodeFigures
    does: str
    beats: int
    fill_cycles: int
    why: str
    need: LayerEstimate
    weight_bits: int = 0

    @property
    def adds_cycles(self) -> int:
        """What it adds to the latency of a frame: 0 off the critical path."""
        return self.figures.latency if self.figures.critical else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        found = self.figures
        return {
            "layer": found.name,
            "op": self.need.op,
            "does": self.does,
            "origins": list(found.origins),
            "beats": self.beats,
            "latency_cycles": self.fill_cycles,
            "critical": found.critical,
            "adds_cycles": self.adds_cycles,
            "interval_cycles": found.interval,
            "utilisation": round(found.utilisation, 6),
            "why": self.why,
            "first_beat_cycle": found.start,
            "last_beat_cycle": found.end,
            **({"weight_bits": self.weight_bits} if self.weight_bits else {}),
            **{name: getattr(self.need, name) for name in RESOURCES},
        }


@dataclass(frozen=True)
class FifoRow:
    """A FIFO of a streaming design: figures from the simulation, beats of a frame, resources."""

    figures: FifoFigures
    beats: int
    need: LayerEstimate

    @property
    def total_bits(self) -> int:
        """Bits that it holds."""
        return self.figures.depth * self.figures.bits

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        found = self.figures
        return {
            "name": found.name,
            "source": found.source,
            "target": found.target,
            "depth": found.depth,
            "occupancy": found.occupancy,
            "beat_bits": found.bits,
            "bits": self.total_bits,
            "beats": self.beats,
            **{name: getattr(self.need, name) for name in RESOURCES},
        }


@dataclass(frozen=True, eq=False)
class Occupancy:
    """How full the FIFOs are over time, from reset, without a pause outside.

    Attributes:
        samples: int64[T, F], largest count of each FIFO in each `period` cycles.
        period: cycles.
        cycles: of the whole run.
        frame_ends: cycles in which the last beats of the frames leave the chip.
    """

    samples: NDArray[np.int64]
    period: int
    cycles: int
    frame_ends: tuple[int, ...]


@dataclass(frozen=True)
class StreamReport(Report):
    """What a streaming design costs, before synthesis.

    Attributes:
        explanation: where the cycles go.
        actors: one row for each, in the order of the network.
        fifos: likewise.
        occupancy: of the FIFOs over time.
    """

    explanation: Explanation
    actors: Sequence[ActorRow]
    fifos: Sequence[FifoRow]
    occupancy: Occupancy

    @property
    def frames_per_second(self) -> float:
        """At the target clock; 0 without one."""
        frame_ns = self.explanation.interval * self.clock_period_ns
        return 1e9 / frame_ns if frame_ns else 0.0

    @property
    def bottleneck(self) -> ActorRow:
        """The actor that needs most cycles for a frame."""
        return next(row for row in self.actors if row.figures.name == self.explanation.bottleneck)

    @property
    def fifo_bits(self) -> int:
        """Bits that all FIFOs hold."""
        return sum(fifo.total_bits for fifo in self.fifos)

    def remarks(self) -> Iterator[str]:
        """What the figures mean, one sentence each."""
        slowest = self.bottleneck
        yield f"bottleneck: {slowest.figures.name}: {slowest.why}"
        others = [
            row.figures.name
            for row in self.actors
            if row is not slowest and row.figures.interval == slowest.figures.interval
        ]
        for row in self.actors:
            if row.weight_bits:
                rate = row.weight_bits / self.explanation.interval
                yield (
                    f"weights of {row.figures.name}: {row.weight_bits} bits a frame from outside,"
                    f" {rate:.1f} a cycle on average"
                )
        if others:
            yield f"as slow as the bottleneck: {shown(others)}"
        if self.explanation.fifos_limit:
            yield (
                f"FIFOs that are too small hold the interval at {self.explanation.interval:g} cycles,"
                f" where the bottleneck alone would allow {slowest.figures.interval:g}"
            )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data, for JSON; occupancies as largest counts only."""
        slowest = self.bottleneck
        return {
            **super().to_dict(),
            "interval_cycles": self.explanation.interval,
            "frames_per_second": round(self.frames_per_second, 3),
            "bottleneck": {
                "layer": slowest.figures.name,
                "interval_cycles": slowest.figures.interval,
                "why": slowest.why,
                "fifos_limit": self.explanation.fifos_limit,
            },
            "critical_path": list(self.explanation.critical_path),
            "layers": [row.to_dict() for row in self.actors],
            "fifo_bits": self.fifo_bits,
            "fifos": [row.to_dict() for row in self.fifos],
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._actor_table()
        yield (
            f"latency {self.latency_cycles} cycles = {self.latency_ns:g} ns at {self.clock_period_ns:g} ns,"
            f" interval {self.explanation.interval:g}: {self.frames_per_second:,.0f} frames per second"
        )
        yield from self.remarks()
        yield self._fifo_table()
        yield from self.remainder()

    def _actor_table(self) -> Table:
        table = Table(
            title=f"{self.name}: {self.backend}, io={self.io} (estimates before synthesis)",
            caption="fill: cycles from first beat in to first beat out; adds: to the latency of a frame",
        )
        for column in ("actor", "does"):
            table.add_column(column, overflow="fold")
        for column in ("beats", "fill", "adds", "interval", "use", *RESOURCES):
            table.add_column(column, justify="right", no_wrap=True)
        for row in self.actors:
            found = row.figures
            table.add_row(
                found.name,
                row.does,
                str(row.beats),
                str(row.fill_cycles),
                str(row.adds_cycles) if found.critical else "",
                f"{found.interval:g}",
                f"{found.utilisation:.0%}",
                *(str(getattr(row.need, name)) for name in RESOURCES),
                style="bold" if row is self.bottleneck else None,
            )
        table.add_section()
        fifos = [str(sum(getattr(row.need, name) for row in self.fifos)) for name in RESOURCES]
        table.add_row("(FIFOs)", "", "", "", "", "", "", *fifos)
        totals = [str(self.total(name)) for name in RESOURCES]
        figures = (str(self.latency_cycles), f"{self.explanation.interval:g}")
        table.add_row("total", "", "", "", *figures, "", *totals, style="bold")
        return table

    def _fifo_table(self) -> Table:
        table = Table(title=f"FIFOs: {self.fifo_bits} bits")
        for column in ("FIFO", "from", "to"):
            table.add_column(column, overflow="fold")
        for column in ("depth", "largest", "beat bits", "bits"):
            table.add_column(column, justify="right", no_wrap=True)
        for row in self.fifos:
            found = row.figures
            numbers = (found.depth, found.occupancy, found.bits, row.total_bits)
            table.add_row(found.name, found.source, found.target, *map(str, numbers))
        return table


def make_stream_report(module: ModuleOp, name: str, backend: str, io: str) -> StreamReport:
    """The report of a streaming module, from a simulation of its actors.

    Raises:
        CompileError: NL308 for a program without FIFOs, NL309 when it comes to a standstill.
    """
    from netloom.estimate.streams import estimate_actors, estimate_fifos
    from netloom.sim.dataflow import explain, steady

    flow = network(module)
    trace = steady(flow)
    explanation = explain(flow, trace)
    actor_needs, fifo_needs = estimate_actors(module), estimate_fifos(module)
    timing = program_timing(module)
    return StreamReport(
        name=name,
        backend=backend,
        io=io,
        latency_cycles=trace.latency,
        interval_cycles=round(trace.interval),
        clock_period_ns=timing.clock_period_ns if timing else 0.0,
        layers=[*actor_needs, *fifo_needs],
        ports=hardware(module).ports,
        notes=notes(module),
        explanation=explanation,
        actors=_actor_rows(module, flow, trace, explanation, actor_needs),
        fifos=[
            FifoRow(figures, fifo.beats, need)
            for figures, fifo, need in zip(explanation.fifos, flow.fifos, fifo_needs, strict=True)
        ],
        occupancy=_occupancy(flow),
    )


def _actor_rows(
    module: ModuleOp, flow: Network, trace: Trace, explanation: Explanation, needs: Sequence[LayerEstimate]
) -> list[ActorRow]:
    ops, rows = actors(module), []
    for index, (node, figures, need) in enumerate(zip(flow.nodes, explanation.nodes, needs, strict=True)):
        into, out = flow.inputs(index), flow.outputs(index)
        # From reset on nothing holds an actor up, so it takes its first beat as soon as it can have it.
        first = max((int(trace.starts[fifo.source]) + 1 for fifo in into), default=figures.start)
        fill = figures.start - first
        why = reason(flow, ops, index, figures.interval)
        beats = (out or into)[0].beats
        traffic = beats * node.actor.port.traffic_bits if isinstance(node.actor, WeightedStage) else 0
        rows.append(ActorRow(figures, does(node.actor), beats, max(fill, 0), why, need, traffic))
    return rows


def _occupancy(flow: Network) -> Occupancy:
    from netloom.sim.dataflow import simulate

    trace = simulate(flow, FRAMES, record=True)
    ends = tuple(int(end) for end in trace.frame_ends.max(axis=0))
    return Occupancy(trace.samples, trace.sample_period, trace.cycles, ends)
