"""Where the cycles of a run go: figures of each actor and FIFO, for reports."""

from __future__ import annotations

from dataclasses import dataclass

from netloom.core.dataflow import Constant, Network, Sink, Source
from netloom.sim.dataflow.intervals import node_intervals
from netloom.sim.dataflow.simulator import Trace


@dataclass(frozen=True)
class NodeFigures:
    """An actor in a run. Cycles.

    Attributes:
        name: of the node.
        kind: of its actor, as the class is called.
        origins: layers of the model.
        interval: that it needs for a frame when nobody makes it wait.
        utilisation: the same as a part of the network's interval; 1 at the bottleneck.
        start, end: in which the first beat of frame 0 leaves it and the last one (sink: reaches it).
        latency: from the last beat of frame 0 that an actor before it gives to its own last beat. Along the
            critical path these add up to the latency of the network. Negative where it does not need the
            end of a frame.
        critical: whether it is on that path.
        fired, blocked, starved: in which it took a beat, waited for room, waited for a beat.
    """

    name: str
    kind: str
    origins: tuple[str, ...]
    interval: float | int
    utilisation: float
    start: int
    end: int
    latency: int
    critical: bool
    fired: int
    blocked: int
    starved: int


@dataclass(frozen=True)
class FifoFigures:
    """A FIFO in a run: its ends by name, and beats that it holds at most and did hold."""

    name: str
    source: str
    target: str
    depth: int
    occupancy: int
    bits: int


@dataclass(frozen=True)
class Explanation:
    """Figures of a run.

    Attributes:
        latency, interval: of the network in cycles.
        bottleneck: name of the actor with the largest interval.
        fifos_limit: the network's interval is larger than the bottleneck's: some FIFO is too small.
        critical_path: names of the nodes from a source to the last sink.
        nodes, fifos: in the order of the network.
    """

    latency: int
    interval: float | int
    bottleneck: str
    fifos_limit: bool
    critical_path: tuple[str, ...]
    nodes: tuple[NodeFigures, ...]
    fifos: tuple[FifoFigures, ...]


def _before(network: Network, trace: Trace) -> list[int]:
    """For each node the one whose frame 0 ends last among those before it; -1 for sources."""
    latest = [-1] * len(network.nodes)
    for fifo in network.fifos:
        other = latest[fifo.target]
        if other < 0 or trace.ends[fifo.source] > trace.ends[other]:
            latest[fifo.target] = fifo.source
    return latest


def _critical(network: Network, trace: Trace, before: list[int]) -> list[int]:
    """Nodes from a source to the sink where frame 0 ends last."""
    sinks = [i for i, node in enumerate(network.nodes) if isinstance(node.actor, Sink)]
    at = max(sinks, key=lambda i: int(trace.ends[i]))
    path = []
    while at >= 0:
        path.append(at)
        at = before[at]
    return path[::-1]


def explain(network: Network, trace: Trace) -> Explanation:
    """Figures of a run in which frame 0 was completed, best one that reached its steady interval."""
    intervals = node_intervals(network)
    before = _before(network, trace)
    path = _critical(network, trace, before)
    kinds = Source | Constant
    starts = [int(trace.starts[i]) for i, node in enumerate(network.nodes) if isinstance(node.actor, kinds)]
    begin = min(starts, default=0)
    period = trace.interval or max(intervals)
    nodes = tuple(
        NodeFigures(
            name=node.name,
            kind=type(node.actor).__name__,
            origins=node.origins,
            interval=intervals[i],
            utilisation=intervals[i] / period,
            start=int(trace.starts[i]),
            end=int(trace.ends[i]),
            latency=int(trace.ends[i]) - (int(trace.ends[before[i]]) if before[i] >= 0 else begin),
            critical=i in path,
            fired=int(trace.fired[i]),
            blocked=int(trace.blocked[i]),
            starved=int(trace.starved[i]),
        )
        for i, node in enumerate(network.nodes)
    )
    names = [node.name for node in network.nodes]
    fifos = tuple(
        FifoFigures(fifo.name, names[fifo.source], names[fifo.target], fifo.depth, int(held), fifo.bits)
        for fifo, held in zip(network.fifos, trace.occupancy, strict=True)
    )
    slowest = max(range(len(intervals)), key=lambda i: intervals[i])
    return Explanation(
        latency=trace.latency,
        interval=trace.interval,
        bottleneck=names[slowest],
        fifos_limit=trace.interval > intervals[slowest],
        critical_path=tuple(names[i] for i in path),
        nodes=nodes,
        fifos=fifos,
    )
