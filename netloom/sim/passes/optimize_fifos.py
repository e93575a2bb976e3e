"""optimize-fifos: the smallest depths at which a streaming program is as fast as with boundless FIFOs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.precision import check_pattern, entries, matches
from netloom.ir.flow import FifoOp
from netloom.ir.program import add_note
from netloom.passes.analysis.network import fifos, network

if TYPE_CHECKING:
    from netloom.sim.dataflow.depths import Depths, Goal

GOALS = ("fast", "interval", "small", "quick")

LARGE = 5_000_000
"""Actors times FIFOs times beats of a frame from which on `fast` does not search: it would take minutes."""


@dataclass(frozen=True)
class OptimizeFifos(ModulePass):
    """Depths from the dataflow simulator, which moves beats in the same cycles as the hardware.

    A run with boundless FIFOs, fed at the pace of the slowest actor, gives latency and interval to keep and
    depths that keep them. Then each FIFO is made smaller as long as they stay, until one beat less in any
    FIFO costs time or deadlocks.

    Options:
        depth: what to choose: `fast` keeps latency and interval, `interval` the interval alone, `small` is
            the least that does not deadlock; `quick` keeps what `fast` keeps, without making FIFOs smaller,
            and is what `fast` does for large images; a number is a depth for every FIFO. Single FIFOs by
            name or pattern: `fast; skip*=64`; later entries win.
    """

    name: ClassVar[str] = "optimize-fifos"
    depth: str = "fast"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Set the depths.

        Raises:
            CompileError: NL203 for a depth or goal that does not exist, NL202 for a pattern that matches no
                FIFO, NL309 when the network cannot run at any depths.
        """
        overall, single = self._entries()
        found = {fifo.label.data: fifo for fifo in fifos(op)}
        for pattern, _ in single:
            check_pattern(pattern, sorted(found))
        if overall in GOALS and found:
            self._search(op, overall, found)
        elif overall not in GOALS:
            for fifo in found.values():
                fifo.depth = IntegerAttr(int(overall), 64)
        for name, fifo in found.items():
            for pattern, depth in single:
                if matches(name, pattern):
                    fifo.depth = IntegerAttr(depth, 64)

    def _entries(self) -> tuple[str, list[tuple[str, int]]]:
        """What is asked for all FIFOs, and for single ones."""
        overall = GOALS[0]
        single: list[tuple[str, int]] = []
        for pattern, wanted in entries(self.depth):
            number = wanted.isascii() and wanted.isdigit() and int(wanted) > 0
            if not number and (pattern is not None or wanted not in GOALS):
                raise CompileError(
                    "NL203",
                    f"'{wanted}' is no depth of a FIFO",
                    origin=pattern or "fifo_depth",
                    supported=f"{', '.join(GOALS)}, 1, 2, 3, ..., or by name as in 'fast; skip*=64'",
                    hint=suggestion(wanted, GOALS),
                )
            if pattern is None:
                overall = wanted
            else:
                single.append((pattern, int(wanted)))
        return overall, single

    def _search(self, module: ModuleOp, goal: str, found: dict[str, FifoOp]) -> None:
        from netloom.sim.dataflow.depths import minimum, optimise, quick

        before = network(module)
        work = len(before.nodes) * len(before.fifos) * max(fifo.beats for fifo in before.fifos)
        if goal == "quick" or (goal == "fast" and work > LARGE):
            result = quick(before)
        else:
            result = minimum(before) if goal == "small" else optimise(before, _GOAL[goal])
        for fifo, depth in zip(before.fifos, result.depths, strict=True):
            found[fifo.name].depth = IntegerAttr(int(depth), 64)
        add_note(module, "fifos", _summary(result))


_GOAL: Mapping[str, Goal] = {"fast": "keep_interval_and_latency", "interval": "keep_interval"}


def _summary(result: Depths) -> str:
    deepest = max(result.fifos, key=lambda fifo: fifo.after * fifo.bits)
    return (
        f"{len(result.fifos)} FIFOs of {result.bits} bits in all ({result.bits_reference} bits at the depths"
        f" that a run with boundless FIFOs filled); the largest is '{deepest.name}': {deepest.after} beats"
        f" of {deepest.bits} bits; {result.runs} simulations"
    )
