"""Who waits for whom when nothing can move."""

from __future__ import annotations

from dataclasses import dataclass

import networkx
import numpy as np
from numpy.typing import NDArray

from netloom.core.dataflow import Fifo, Network, Stage
from netloom.core.diagnostics import CompileError
from netloom.sim.dataflow import _kernels as kernels


@dataclass(frozen=True)
class Wait:
    """An actor that waits for another.

    Attributes:
        node: name of the one that waits.
        fifo: name of the FIFO between the two.
        full: it waits for room in the FIFO; otherwise for a beat.
        depth: of the FIFO.
    """

    node: str
    fifo: str
    full: bool
    depth: int

    def __str__(self) -> str:
        if self.full:
            return f"'{self.node}' waits for room in FIFO '{self.fifo}' (full, depth {self.depth})"
        return f"'{self.node}' waits for a beat from FIFO '{self.fifo}' (empty)"


class Deadlock(CompileError):
    """NL309: nothing can move and frames remain.

    Attributes:
        cycle: clock cycle from which on nothing moves.
        waits: the circle of actors that wait for each other; the whole wait-for graph if it has no circle.
        circular: whether there is a circle. Without one some actor lacks beats that never come.
    """

    def __init__(self, cycle: int, waits: tuple[Wait, ...], circular: bool) -> None:
        self.cycle = cycle
        self.waits = waits
        self.circular = circular
        what = "; ".join(map(str, waits))
        full = [f"'{wait.fifo}'" for wait in waits if wait.full]
        if circular:
            found = f"from cycle {cycle} on nothing moves, because of a circle: {what}."
            hint = f"make {' or '.join(full)} deeper, or let optimize-fifos choose the depths."
        else:
            found = f"from cycle {cycle} on nothing moves, and frames are not complete: {what}."
            hint = "a frame's beats do not fit together: some actor gets fewer than it needs."
        super().__init__("NL309", found, origin=waits[0].node if waits else "", hint=hint)

    @property
    def fifos(self) -> tuple[str, ...]:
        """Names of the FIFOs in the circle."""
        return tuple(wait.fifo for wait in self.waits)


def _edges(
    network: Network, flags: NDArray[np.int64], counts: NDArray[np.int64], depths: NDArray[np.int64]
) -> list[tuple[int, int, Wait]]:
    """Waiting node, the node that it waits for, and why."""

    def wait(node: int, f: int, fifo: Fifo, full: bool) -> Wait:
        return Wait(network.nodes[node].name, fifo.name, full, int(depths[f]))

    # A stage that slept while it was busy was not asked again: when all stand still it only lacks beats.
    stages = np.array([isinstance(node.actor, Stage) for node in network.nodes])
    blocked = flags & kernels.BLOCKED != 0
    starved = (flags & kernels.STARVED != 0) | (stages & ~blocked)
    edges = []
    for f, fifo in enumerate(network.fifos):
        if blocked[fifo.source] and counts[f] >= depths[f]:
            edges.append((fifo.source, fifo.target, wait(fifo.source, f, fifo, True)))
        if starved[fifo.target] and counts[f] == 0:
            edges.append((fifo.target, fifo.source, wait(fifo.target, f, fifo, False)))
    return edges


def deadlock(
    network: Network,
    cycle: int,
    flags: NDArray[np.int64],
    counts: NDArray[np.int64],
    depths: NDArray[np.int64],
) -> Deadlock:
    """The error for a run that is stuck.

    Args:
        network: what ran.
        cycle: in which nothing could move.
        flags: int64[N], what held each node (BLOCKED, STARVED).
        counts: int64[F], beats in each FIFO.
        depths: int64[F].
    """
    edges = _edges(network, flags, counts, depths)
    graph: networkx.DiGraph = networkx.DiGraph()
    for waiting, other, wait in edges:
        if not graph.has_edge(waiting, other):
            graph.add_edge(waiting, other, wait=wait)
    try:
        circle = networkx.find_cycle(graph) if edges else []
    except networkx.NetworkXNoCycle:
        circle = []
    if circle:
        return Deadlock(cycle, tuple(graph.edges[edge[:2]]["wait"] for edge in circle), True)
    return Deadlock(cycle, tuple(wait for _, _, wait in edges), False)
