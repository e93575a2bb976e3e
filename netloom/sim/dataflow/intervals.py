"""The interval of each actor alone: what it needs for a frame when its neighbours never make it wait."""

from __future__ import annotations

from functools import lru_cache

from netloom.core.dataflow import (
    Actor,
    Collect,
    Constant,
    Fifo,
    Network,
    Node,
    Reduce,
    Resample,
    Sink,
    Source,
    Spread,
    Stage,
    WeightedStage,
    Window,
)
from netloom.sim.dataflow.simulator import steady


@lru_cache(maxsize=4096)
def _alone(actor: Actor, beats_in: int, beats_out: int) -> float | int:
    """Interval in cycles of an actor between a source and a sink that are always ready."""
    nodes = (Node("source", Source(beats_in)), Node("actor", actor), Node("sink", Sink(beats_out)))
    fifos = (Fifo("in", 0, 1, 2, 1, beats_in), Fifo("out", 1, 2, 2, 1, beats_out))
    return steady(Network(nodes, fifos)).interval


def _interval(actor: Actor, beats_in: int, beats_out: int) -> float | int:
    match actor:
        case WeightedStage():
            return _alone(actor, beats_out, beats_out)
        case Stage(latency, interval):
            return beats_out * (interval if latency > 0 else 1)
        case Window() | Resample():
            return _alone(actor, beats_in, beats_out)
        case Reduce() | Collect():
            return beats_in
        case Spread():
            return beats_out
        case Source(beats) | Sink(beats) | Constant(beats):
            return beats


def node_intervals(network: Network) -> list[float | int]:
    """Cycles that each node needs for a frame. The slowest one bounds the interval of the network."""
    beats_in, beats_out = [0] * len(network.nodes), [0] * len(network.nodes)
    for fifo in network.fifos:
        beats_out[fifo.source] = fifo.beats
        beats_in[fifo.target] = fifo.beats
    return [
        _interval(node.actor, into, out)
        for node, into, out in zip(network.nodes, beats_in, beats_out, strict=True)
    ]
