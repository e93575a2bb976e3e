"""Depths of FIFOs as a report: what was found, what one beat less does, and what shallower ones cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

from netloom.core.dataflow import Network
from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.precision import matches, shown

if TYPE_CHECKING:
    from netloom.sim.dataflow import Depth, Depths, Outcome, Point
    from netloom.sim.dataflow.depths import Goal

GOALS: Mapping[str, Goal] = {
    "fast": "keep_interval_and_latency",
    "interval": "keep_interval",
    "small": "no_deadlock",
}
"""What may be asked for, by the words of the option `fifo_depth`."""


def _text(printed: Any) -> str:
    console = Console(width=110, record=True, file=StringIO())
    console.print(printed, highlight=False)
    return console.export_text()


@dataclass(frozen=True, eq=False)
class FifoDepths:
    """The smallest depths for a goal.

    Attributes:
        name: of the design.
        goal: one of `GOALS`.
        network: actors and FIFOs.
        found: depths, and the proof for each.
        chosen: indices of the FIFOs that are shown.
    """

    name: str
    goal: str
    network: Network
    found: Depths
    chosen: Sequence[int]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        found = self.found
        return {
            "name": self.name,
            "goal": self.goal,
            "latency_cycles": found.outcome.latency,
            "interval_cycles": found.outcome.interval,
            "bits": found.bits,
            "bits_before": found.bits_before,
            "bits_unlimited": found.bits_reference,
            "simulations": found.runs,
            "fifos": [self._row(found.fifos[index]) for index in self.chosen],
        }

    def _row(self, fifo: Depth) -> dict[str, Any]:
        return {
            "name": fifo.name,
            "beat_bits": fifo.bits,
            "depth": fifo.after,
            "depth_before": fifo.before,
            "depth_unlimited": fifo.reference,
            "bits": fifo.after * fifo.bits,
            "one_less": None if fifo.smaller is None else self._outcome(fifo.smaller),
        }

    def _outcome(self, outcome: Outcome) -> dict[str, Any]:
        if outcome.deadlock:
            return {"deadlock": list(outcome.circle)}
        known = {"latency_cycles": outcome.latency, "interval_cycles": outcome.interval}
        return {"deadlock": [], **{name: value for name, value in known.items() if value > 0}}

    def one_less(self, fifo: Depth) -> str:
        """What happens with one beat less, in words."""
        after, now = fifo.smaller, self.found.outcome
        if after is None:
            return ""
        if after.deadlock:
            return f"deadlock: {', '.join(after.circle)}"
        changes = []
        if after.latency < 0 or after.latency > now.latency:
            changes.append(f"latency {after.latency}" if after.latency > 0 else "latency longer")
        if after.interval > now.interval:
            changes.append(f"interval {after.interval:g}")
        if not after.proven:
            changes.append("no steady state seen")
        return ", ".join(changes) or "no change by itself"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = self.found
        table = Table(title=f"{self.name}: FIFO depths, goal {self.goal}")
        table.add_column("FIFO", overflow="fold")
        for column in ("beat bits", "unlimited", "depth", "bits"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("one beat less", overflow="fold")
        for fifo in (found.fifos[index] for index in self.chosen):
            numbers = (fifo.bits, fifo.reference, fifo.after, fifo.after * fifo.bits)
            table.add_row(fifo.name, *map(str, numbers), self.one_less(fifo))
        yield table
        yield (
            f"latency {found.outcome.latency} cycles, interval {found.outcome.interval:g};"
            f" with unlimited FIFOs {found.reference.latency} and {found.reference.interval:g}"
        )
        yield (
            f"{found.bits} bits in all FIFOs, {found.bits_reference} at the depths that a run with unlimited"
            f" FIFOs fills; {found.runs} simulations"
        )

    def __str__(self) -> str:
        return _text(self)


@dataclass(frozen=True, eq=False)
class FifoTrade:
    """Depths of which none is beaten in bits, interval and latency at once.

    Attributes:
        name: of the design.
        network: actors and FIFOs at the depths that the design was compiled with.
        asked: the option `fifo_depth` of the design.
        clock_period_ns: target clock period; 0 for none.
        points: by bits.
    """

    name: str
    network: Network
    asked: str
    clock_period_ns: float
    points: Sequence[Point]

    def option(self, point: Point) -> str:
        """The text of the option `fifo_depth` that gives these depths."""
        changed = [
            f"{fifo.name}={depth}"
            for fifo, depth in zip(self.network.fifos, point.depths.tolist(), strict=True)
            if depth != fifo.depth
        ]
        return "; ".join([self.asked, *changed])

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        names = [fifo.name for fifo in self.network.fifos]
        return {
            "name": self.name,
            "points": [
                {
                    "bits": point.bits,
                    "interval_cycles": point.interval,
                    "latency_cycles": point.latency,
                    "fifo_depth": self.option(point),
                    "depths": dict(zip(names, point.depths.tolist(), strict=True)),
                }
                for point in self.points
            ],
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table(title=f"{self.name}: bits of FIFOs against interval and latency")
        for column in ("bits", "interval", "latency", "frames/s"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("fifo_depth", overflow="fold")
        for point in self.points:
            frame_ns = point.interval * self.clock_period_ns
            rate = f"{1e9 / frame_ns:,.0f}" if frame_ns else ""
            numbers = (str(point.bits), f"{point.interval:g}", str(point.latency), rate)
            table.add_row(*numbers, self.option(point))
        yield table

    def __str__(self) -> str:
        return _text(self)


def fifo_depths(network: Network, name: str, goal: str = "fast", patterns: Sequence[str] = ()) -> FifoDepths:
    """The smallest depths for a goal.

    Args:
        network: actors and FIFOs; their depths do not matter.
        name: of the design.
        goal: one of `GOALS`.
        patterns: names or patterns of the FIFOs to show; all by default.

    Raises:
        CompileError: NL203 for an unknown goal, NL202 for a pattern that matches nothing, NL309 when the
            network comes to a standstill at any depths.
    """
    if goal not in GOALS:
        raise CompileError(
            "NL203",
            f"'{goal}' is no goal",
            origin="goal",
            supported=", ".join(GOALS),
            hint=suggestion(goal, GOALS),
        )
    chosen = _chosen(network, patterns)
    from netloom.sim.dataflow import optimise

    return FifoDepths(name, goal, network, optimise(network, GOALS[goal]), chosen)


def _chosen(network: Network, patterns: Sequence[str]) -> list[int]:
    names = [fifo.name for fifo in network.fifos]
    for pattern in patterns:
        if not any(matches(name, pattern) for name in names):
            raise CompileError(
                "NL202",
                f"'{pattern}' matches no FIFO",
                origin=pattern,
                supported=f"the FIFOs {shown(names)}",
                hint=suggestion(pattern, names) or "names and glob patterns such as 'conv*' are allowed",
            )
    return [i for i, n in enumerate(names) if not patterns or any(matches(n, p) for p in patterns)]


def fifo_trade(
    network: Network, name: str, bounds: int, asked: str = "fast", clock_period_ns: float = 0.0
) -> FifoTrade:
    """Depths between the fastest and the smallest.

    Args:
        network: actors and FIFOs at the depths that the option `asked` gave.
        name: of the design.
        bounds: for the interval that are tried.
        asked: option `fifo_depth` of the design.
        clock_period_ns: target clock period; 0 for none.

    Raises:
        CompileError: NL203 for fewer than one bound, NL309 as `fifo_depths`.
    """
    if bounds < 1:
        raise CompileError(
            "NL203", f"{bounds} bounds are asked for", origin="pareto", supported="1, 2, 3, ..."
        )
    from netloom.sim.dataflow import pareto

    return FifoTrade(name, network, asked, clock_period_ns, pareto(network, bounds))
