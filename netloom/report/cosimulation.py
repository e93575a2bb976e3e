"""Depths of FIFOs from a simulation of the emitted code itself, instead of from the dataflow simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import IntegerAttr, ModuleOp

from netloom.core.dataflow import Network, Source
from netloom.core.diagnostics import CompileError
from netloom.passes.analysis.network import fifos, network
from netloom.sim.result import SimulationResult

Offers = Mapping[str, NDArray[np.bool_]]
Simulate = Callable[[ModuleOp, Offers | None], SimulationResult]
"""Emits a module, and simulates the same frames each time; with what the outside offers, if that is said."""


@dataclass(frozen=True)
class Cosimulated:
    """Depths that a simulation filled, and what a second one showed at these depths.

    Attributes:
        depths: of each FIFO, by name.
        bits_before: of all FIFOs when each held a whole frame.
        bits: of all FIFOs at the depths found.
        latency: in cycles, with deep FIFOs and at the depths found.
        interval: in cycles, the same.
    """

    depths: Mapping[str, int]
    bits_before: int
    bits: int
    latency: tuple[int | None, int | None]
    interval: tuple[int | None, int | None]

    @property
    def as_fast(self) -> bool:
        """Whether latency and interval are those of deep FIFOs."""
        return self.latency[0] == self.latency[1] and self.interval[0] == self.interval[1]


def cosimulate(module: ModuleOp, interval: int, simulate: Simulate) -> tuple[ModuleOp, Cosimulated]:
    """A copy of a streaming program with the depths that a simulation of its own code fills.

    FIFOs that hold a whole frame are filled while frames come at the design's interval; the largest counts,
    and one more for a beat that comes while one leaves, are the depths. A second simulation, with frames one
    after the other, shows that latency and interval stay.

    Raises:
        CompileError: NL602 when the design at the depths found stops.
    """
    deep = _with_depths(module, {fifo.name: max(fifo.beats, 2) for fifo in network(module).fifos})
    filled = simulate(deep, _paced(network(deep), interval))
    free = simulate(deep, None)
    depths = {name: max(most + 1, 2) for name, most in filled.fifos.items()}
    found = _with_depths(module, depths)
    again = simulate(found, None)
    latency, interval_seen = (free.latency_cycles, again.latency_cycles), (free.interval, again.interval)
    bits = network(deep).bits, network(found).bits
    return found, Cosimulated(depths, *bits, latency, interval_seen)


def check_counts(backend: str, properties: Mapping[str, str]) -> None:
    """Refuse a project whose simulator does not count the beats in FIFOs.

    Raises:
        CompileError: NL203.
    """
    if properties.get("fifo_counts") != "reported":
        raise CompileError(
            "NL203",
            f"the simulator of backend '{backend}' does not count the beats in FIFOs",
            origin="backend",
            supported="vhdl",
            hint="use fifo_depth, or co-simulation in the vendor's tool",
        )


def _with_depths(module: ModuleOp, depths: Mapping[str, int]) -> ModuleOp:
    copy = module.clone()
    for fifo in fifos(copy):
        fifo.depth = IntegerAttr(depths[fifo.label.data], 64)
    return copy


def _paced(found: Network, interval: int) -> Offers:
    """One frame in each interval, its beats one after the other."""
    sources: Sequence[tuple[str, int]] = [
        (node.name, node.actor.beats) for node in found.nodes if isinstance(node.actor, Source)
    ]
    return {name: np.arange(max(interval, beats)) < beats for name, beats in sources}
