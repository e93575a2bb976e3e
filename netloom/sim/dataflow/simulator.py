"""Cycle-level simulation of a network of actors, exact to the rules in `core.dataflow`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netloom.core.dataflow import Constant, Network, Sink, Source, WeightedStage
from netloom.sim.dataflow import _kernels as kernels
from netloom.sim.dataflow.deadlock import deadlock
from netloom.sim.dataflow.layout import IntArray, Machine, Memory

SLICE_WORK = 30_000_000  # actors times cycles between two looks at the keyboard, well under a second
STEADY_FRAMES, STEADY_BEATS, FEWEST_FRAMES = 1024, 4_000_000, 6
"""A run waits so many frames for a repetition; so many beats if that is less, but some frames in any case."""


@dataclass(frozen=True)
class Stall:
    """In which cycles the outside offers a beat to a source, or takes one from a sink.

    Attributes:
        offered: for the name of a node a pattern bool[P] that repeats; a node that is not named is always
            served. A `Constant` may be named too, and a `WeightedStage`, for the memory of its weights.
    """

    offered: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Trace:
    """What a run showed. Cycles count from 0, the first after reset; N nodes, F FIFOs, S sinks.

    Attributes:
        latency: clock edges from the cycle in which the first beat of any source goes in to the cycle in
            which the last beat of frame 0 leaves the last sink; -1 if that was not reached.
        interval: cycles from the end of a frame to the end of the next at the last sink, when they repeat
            (the mean over the frames of one repetition); 0 for a single frame.
        periodic: whether the state of the whole network was seen twice, so that the interval is proven.
        cycles: that were run.
        occupancy: int64[F], largest count of each FIFO.
        room: int64[F], depths at which the run would have been the same: the occupancy, or one more where a
            beat went in while one left a FIFO that held its largest count.
        frame_ends: int64[S, frames], cycle in which the last beat of each frame leaves each sink, or -1.
        fired: int64[N], cycles in which a node took a beat (source and constant: gave one).
        blocked: int64[N], cycles in which a beat was ready and its FIFO full (sink: the outside not ready).
        starved: int64[N], cycles in which a node could have taken a beat and its FIFO was empty (source and
            constant: the outside not ready).
        starts: int64[N], cycle in which the first beat left a node (sink: reached it), or -1.
        ends: int64[N], the same for the last beat of frame 0.
        samples: int64[T, F], largest count of each FIFO in each `sample_period` cycles; empty unless
            recorded.
        sample_period: cycles.
    """

    latency: int
    interval: float | int
    periodic: bool
    cycles: int
    occupancy: IntArray
    room: IntArray
    frame_ends: IntArray
    fired: IntArray
    blocked: IntArray
    starved: IntArray
    starts: IntArray
    ends: IntArray
    samples: IntArray
    sample_period: int


def _latency(machine: Machine, memory: Memory) -> int:
    if memory.complete[0] < len(machine.sinks):
        return -1
    starts = memory.nodes[machine.sources, kernels.FIRST]
    return int(memory.ends[:, 0].max() - min(starts[starts >= 0], default=0))


def _mean(cycles: int, frames: int) -> float | int:
    return cycles // frames if cycles % frames == 0 else cycles / frames


def _interval(ends: IntArray) -> float | int:
    """Mean of the differences of ends int64[frames] over their shortest repetition; else the last one."""
    gaps = np.diff(ends)
    for period in range(1, len(gaps) // 2 + 1):
        if np.array_equal(gaps[-period:], gaps[-2 * period : -period]):
            return _mean(int(gaps[-period:].sum()), period)
    return int(gaps[-1]) if len(gaps) else 0


def _trace(machine: Machine, memory: Memory, repeats: float | int | None) -> Trace:
    nodes, fifos, clock = memory.nodes, memory.fifos, memory.clock
    samples = memory.record[: clock[kernels.RECORDED]]
    if len(memory.record) > 0:
        samples = np.vstack([samples, fifos[:, kernels.IN_ROW]])
    ends = memory.ends.max(axis=0)[: clock[kernels.FRAMES]]
    return Trace(
        latency=_latency(machine, memory),
        interval=_interval(ends) if repeats is None else repeats,
        periodic=repeats is not None,
        cycles=int(clock[kernels.TIME]),
        occupancy=fifos[:, kernels.HIGHEST],
        room=fifos[:, kernels.ROOM],
        frame_ends=memory.ends,
        fired=nodes[:, kernels.FIRED],
        blocked=nodes[:, kernels.HELD],
        starved=nodes[:, kernels.LACKED],
        starts=nodes[:, kernels.FIRST],
        ends=nodes[:, kernels.END],
        samples=samples,
        sample_period=int(clock[kernels.PERIOD]),
    )


def _to_frame_end(machine: Machine, memory: Memory, limit: int | None) -> bool:
    """Runs until another frame is complete, or until the limit; returns whether it is complete.

    Raises:
        Deadlock: nothing can move.
    """
    clock = memory.clock
    last = kernels.NEVER if limit is None else limit
    step = max(1000, SLICE_WORK // len(memory.nodes))
    while clock[kernels.TIME] < last:
        result = kernels.run(*memory, min(last, int(clock[kernels.TIME]) + step))
        if result == kernels.FRAME:
            return True
        if result == kernels.STUCK:
            flags, fifos = memory.nodes[:, kernels.DID], memory.fifos
            counts, depths = fifos[:, kernels.COUNT], fifos[:, kernels.DEPTH]
            raise deadlock(machine.network, int(clock[kernels.STILL]), flags, counts, depths)
    return False


def _machine(network: Network, stalls: Stall | None) -> Machine:
    """A machine with the patterns of the outside.

    Raises:
        ValueError: a pattern for a name that is no source, sink or constant.
    """
    offered = stalls.offered if stalls else {}
    kinds = Source | Sink | Constant | WeightedStage
    edges = {node.name for node in network.nodes if isinstance(node.actor, kinds)}
    for name in offered:
        if name not in edges:
            raise ValueError(f"'{name}' is no source, sink or constant of the network")
    return Machine(network, offered)


def checked_depths(machine: Machine, depths: IntArray | None) -> IntArray:
    """The depths int64[F] of a run.

    Raises:
        ValueError: their number is wrong, or one is below 1.
    """
    found = machine.depths if depths is None else np.asarray(depths, np.int64)
    if found.shape != machine.depths.shape or np.any(found < 1):
        raise ValueError(f"{len(machine.depths)} depths of at least 1 are needed")
    return found


def simulate(
    network: Network,
    frames: int = 3,
    *,
    stalls: Stall | None = None,
    record: bool = False,
    depths: IntArray | None = None,
    limit: int | None = None,
) -> Trace:
    """Runs some frames from reset until their last beats have left.

    Args:
        network: actors and FIFOs.
        frames: that each source has, at least 1.
        stalls: when the outside is ready; always by default.
        record: whether to sample the counts over time.
        depths: int64[F], in place of the FIFOs' own.
        limit: cycles after which to stop although frames remain.

    Raises:
        Deadlock: nothing can move and frames remain.
        ValueError: frames or depths below 1, an actor that the hardware does not have, or stalls of a node
            that is no edge.
    """
    if frames < 1:
        raise ValueError("at least one frame is needed")
    return run_frames(_machine(network, stalls), frames, depths, record=record, limit=limit)


def run_frames(
    machine: Machine,
    frames: int,
    depths: IntArray | None = None,
    *,
    record: bool = False,
    limit: int | None = None,
) -> Trace:
    """As `simulate`."""
    memory = machine.memory(checked_depths(machine, depths), frames, frames, record)
    while memory.clock[kernels.FRAMES] < frames and _to_frame_end(machine, memory, limit):
        pass
    return _trace(machine, memory, None)


def patience(network: Network) -> int:
    """Frames to wait for a repetition: some effects need as many frames as an image has columns."""
    longest = max((fifo.beats for fifo in network.fifos), default=1)
    return min(STEADY_FRAMES, max(STEADY_BEATS // longest, FEWEST_FRAMES))


def run_steady(
    machine: Machine,
    depths: IntArray | None = None,
    *,
    frames: int | None = None,
    until: int | None = None,
) -> Trace:
    """As `steady`; gives up if frame 0 is not complete before cycle `until`."""
    frames = frames or patience(machine.network)
    memory = machine.memory(checked_depths(machine, depths), None, frames, False)
    clock, size = memory.clock, machine.snapshot_size
    snapshots: dict[bytes, tuple[int, int]] = {}
    buffer = np.zeros(size, np.int64)
    repeats = None
    while repeats is None and clock[kernels.FRAMES] < frames:
        if not _to_frame_end(machine, memory, until if clock[kernels.FRAMES] == 0 else None):
            break
        now = int(clock[kernels.TIME]), int(clock[kernels.FRAMES])
        kernels.snapshot(memory.nodes, memory.fifos, memory.queue, clock, buffer)
        before = snapshots.setdefault(buffer.tobytes(), now)
        if before is not now:
            repeats = _mean(now[0] - before[0], now[1] - before[1])
    return _trace(machine, memory, repeats)


def steady(
    network: Network,
    *,
    stalls: Stall | None = None,
    depths: IntArray | None = None,
    frames: int | None = None,
) -> Trace:
    """Runs with sources that never end until the state of the whole network was seen before.

    From then on everything repeats: the interval, the occupancies and the absence of a deadlock hold for
    ever. After `frames` frames without a repetition it gives up (`Trace.periodic`), which happens where FIFOs
    fill slowly, or without end.

    Raises:
        Deadlock: nothing can move.
        ValueError: as `simulate`.
    """
    machine = _machine(network, stalls)
    return run_steady(machine, depths, frames=frames)
