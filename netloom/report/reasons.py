"""Why an actor needs the cycles that it needs, in words."""

from __future__ import annotations

from netloom.core.dataflow import (
    Actor,
    Collect,
    Constant,
    Network,
    Reduce,
    Resample,
    Sink,
    Source,
    Spread,
    Stage,
    WeightedStage,
    Window,
)
from netloom.ir.flow import FlowOp, StageOp
from netloom.passes.analysis.reuse import reuse_factor


def does(actor: Actor) -> str:
    """What an actor is, in a few words."""
    match actor:
        case Window(kernel=(rows, columns)):
            return f"window {rows}x{columns}"
        case Reduce(beats) | Collect(beats) | Spread(beats):
            return f"{type(actor).__name__.lower()} {beats}"
        case Resample():
            return f"resample {len(actor.rows)}x{len(actor.columns)}"
        case Source():
            return "input"
        case Sink():
            return "output"
        case WeightedStage():
            return "stage, weights outside"
        case Stage(0):
            return "wires"
        case _:
            return type(actor).__name__.lower()


def reason(network: Network, ops: list[FlowOp], node: int, interval: float | int) -> str:
    """Where the cycles of an actor's interval come from.

    Args:
        network: actors and FIFOs.
        ops: the network's actors as ops, in order.
        node: index of the actor.
        interval: cycles that it needs for a frame.
    """
    actor = network.nodes[node].actor
    beats_in = max((fifo.beats for fifo in network.inputs(node)), default=0)
    beats_out = max((fifo.beats for fifo in network.outputs(node)), default=0)
    match actor:
        case WeightedStage(port=port) if interval > beats_out * actor.interval:
            words = f"{port.words} words of weights for each, {port.beats} beats of the memory"
            return f"{beats_of(network, node, beats_out)}, {words} = {interval:g} cycles"
        case Stage():
            what = beats_of(network, node, beats_out)
            pace = _pace(ops[node], actor)
            expected = beats_out * actor.interval if actor.latency else beats_out
            return f"{what}{pace if interval == expected else ''} = {interval:g} cycles"
        case Window() | Resample():
            slices = actor.slices if isinstance(actor, Window) else 1
            each = f" of {slices} beats each" if slices > 1 else ""
            pixels = f"{actor.height}x{actor.width} pixels{each} in, {beats_out} {_noun(actor)} out"
            waits = interval - max(beats_in, beats_out)
            rest = f", {waits:g} more at the ends of rows" if waits > 0 else ""
            return f"{pixels}, one a cycle{rest} = {interval:g} cycles"
        case Reduce() | Collect() | Sink():
            return f"{beats_in} beats in, one a cycle = {interval:g} cycles"
        case Spread() | Source() | Constant():
            return f"{beats_out} beats out, one a cycle = {interval:g} cycles"


def _noun(actor: Window | Resample) -> str:
    return "windows" if isinstance(actor, Window) else "pixels"


def beats_of(network: Network, node: int, beats: int) -> str:
    """So many beats, by the name of what they are: windows behind a line buffer."""
    before = [network.nodes[fifo.source].actor for fifo in network.inputs(node)]
    noun = "window" if any(isinstance(actor, Window) for actor in before) else "beat"
    return f"{beats} {noun}{'' if beats == 1 else 's'}"


def _pace(op: FlowOp, actor: Stage) -> str:
    """How often a stage takes a beat."""
    if actor.latency == 0 or actor.interval == 1:
        return ", one a cycle"
    factors = [reuse_factor(inner) for inner in op.ops] if isinstance(op, StageOp) else []
    if max(factors, default=1) == actor.interval:
        return f" at reuse factor {actor.interval}"
    return f" at an interval of {actor.interval}"
