"""Depths of FIFOs: the smallest that keep interval and latency, or that only do not deadlock.

All is decided by runs until the state of the network repeats, so what they show holds for ever.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netloom.core.dataflow import Constant, Network, Source
from netloom.sim.dataflow.deadlock import Deadlock
from netloom.sim.dataflow.intervals import node_intervals
from netloom.sim.dataflow.layout import IntArray, Machine
from netloom.sim.dataflow.simulator import Trace, run_frames, run_steady, simulate

Goal = Literal["keep_interval_and_latency", "keep_interval", "no_deadlock"]
UNLIMITED = 1 << 40


@dataclass(frozen=True)
class Outcome:
    """What a run at some depths showed.

    Attributes:
        latency: of frame 0 in cycles; -1 if it deadlocks without stalls or was not waited for.
        interval: in cycles; 0 in the same cases.
        proven: whether the run went on until the state repeated.
        circle: names of the FIFOs in the circle that deadlocks, without stalls or with some.
    """

    latency: int
    interval: float | int
    proven: bool
    circle: tuple[str, ...] = ()

    @property
    def deadlock(self) -> bool:
        """Whether nothing moves after a while, at least under some stalls."""
        return bool(self.circle)


@dataclass(frozen=True)
class Depth:
    """What was found for one FIFO.

    Attributes:
        name: of the FIFO.
        bits: of a beat.
        before: depth in the network.
        reference: depth with which a run with unlimited depths, fed at the interval, would be the same.
        after: depth that was found.
        smaller: what one beat less does; None at depth 1.
    """

    name: str
    bits: int
    before: int
    reference: int
    after: int
    smaller: Outcome | None


@dataclass(frozen=True, eq=False)
class Depths:
    """Depths of all FIFOs of a network.

    Attributes:
        depths: int64[F].
        outcome: latency and interval at these depths.
        reference: latency and interval that were to be kept.
        fifos: the same FIFO by FIFO, with the proof that none can lose a beat.
        runs: simulations that it took.
    """

    depths: IntArray
    outcome: Outcome
    reference: Outcome
    fifos: tuple[Depth, ...]
    runs: int

    @property
    def bits_before(self) -> int:
        """Bits of all FIFOs of the network as it was."""
        return sum(fifo.bits * fifo.before for fifo in self.fifos)

    @property
    def bits_reference(self) -> int:
        """Bits of all FIFOs if each had the depth of the reference run."""
        return sum(fifo.bits * fifo.reference for fifo in self.fifos)

    @property
    def bits(self) -> int:
        """Bits of all FIFOs at the depths found."""
        return sum(fifo.bits * fifo.after for fifo in self.fifos)


def deadlock_under_stalls(network: Network, depths: IntArray | None = None) -> tuple[str, ...]:
    """FIFOs of a circle that may deadlock when the outside stalls; empty if none can, whatever it does.

    When a stage or window is blocked it holds as many beats as happened to be in its pipeline: at least the
    one at its end. Here all hold only that one. If this network never stops then the real one never does:
    suppose it stood still, and look at the first actor here that gets further than it did there. There it
    waits for a beat that nobody gave, for room that nobody made, or with a beat at its end; as nobody else is
    further here, it waits for the same here.

    In this network it does not depend on the timing how far each actor gets (Kahn, "The semantics of a simple
    language for parallel programming", 1974, with the FIFOs' room as streams too). So frames might as well
    come one after the other, each into an empty network, and few of them tell about all.
    """
    try:
        run_frames(Machine(network, {}, least=True), 2, depths)
    except Deadlock as error:
        return error.fifos
    return ()


@dataclass
class Search:
    """Runs at various depths, each at most once.

    Attributes:
        machine: the network.
        latency: largest that is good, in cycles; None for any.
        interval: largest that is good, in cycles; None for any.
    """

    machine: Machine
    latency: int | None = None
    interval: float | int | None = None
    runs: int = 0
    _known: dict[bytes, Outcome] = field(default_factory=dict)
    _circles: dict[bytes, tuple[str, ...]] = field(default_factory=dict)

    def outcome(self, depths: IntArray, until: int | None = None) -> Outcome:
        """What a run at these depths shows; not waited for if frame 0 is not complete before `until`."""
        key = depths.tobytes()
        found = self._known.get(key)
        if found is None or (found.latency < 0 and not found.deadlock and until is None):
            found = self._known[key] = self._run(depths, until)
        return found

    def _within(self, found: Outcome) -> bool:
        """Whether a run is proven and kept within the bounds."""
        if found.latency < 0 or not found.proven:
            return False
        in_time = self.latency is None or found.latency <= self.latency
        return in_time and (self.interval is None or found.interval <= self.interval)

    def _run(self, depths: IntArray, until: int | None) -> Outcome:
        self.runs += 1
        try:
            trace = run_steady(self.machine, depths, until=until)
        except Deadlock as error:
            return Outcome(-1, 0, True, error.fifos)
        return Outcome(trace.latency, trace.interval, trace.periodic)

    def _stuck(self, depths: IntArray) -> tuple[str, ...]:
        """As `deadlock_under_stalls`."""
        key = depths.tobytes()
        if key not in self._circles:
            self.runs += 1
            self._circles[key] = deadlock_under_stalls(self.machine.network, depths)
        return self._circles[key]

    def verdict(self, depths: IntArray) -> Outcome:
        """As `outcome`, and the circle that deadlocks under stalls if there is nothing else against it."""
        found = self.outcome(depths)
        if found.deadlock or not self._within(found):
            return found
        return replace(found, circle=self._stuck(depths))

    def good(self, depths: IntArray) -> bool:
        """Whether a run at these depths is proven to have no deadlock and to keep within the bounds."""
        # Without stalls the first beat of a source goes in in cycle 0.
        found = self.outcome(depths, None if self.latency is None else self.latency + 1)
        return self._within(found) and not self._stuck(depths)

    def _smallest(self, depths: IntArray, f: int) -> int:
        """The depth of FIFO f to which bisection leads, the others as they are."""
        high = int(depths[f])
        if high == 1 or not self.good(_changed(depths, f, high - 1)):
            return high
        low, high = 1, high - 1
        while low < high:
            middle = (low + high) // 2
            if self.good(_changed(depths, f, middle)):
                high = middle
            else:
                low = middle + 1
        return high

    def shrink(self, depths: IntArray) -> IntArray:
        """Depths int64[F] of which none can lose a beat, from depths that are good; large FIFOs first."""
        bits = [fifo.bits for fifo in self.machine.network.fifos]
        order = sorted(range(len(depths)), key=lambda f: (-bits[f] * int(depths[f]), f))
        before = None
        while before is None or not np.array_equal(before, depths):
            before = depths
            for f in order:
                depths = _changed(depths, f, self._smallest(depths, f))
        return depths


def _changed(depths: IntArray, f: int, depth: int) -> IntArray:
    new = depths.copy()
    new[f] = depth
    return new


def _throttle(network: Network, interval: int) -> Mapping[str, NDArray[np.bool_]]:
    """A frame from each source every so many cycles, its beats at once."""
    return {
        node.name: np.arange(interval) < node.actor.beats
        for node in network.nodes
        if isinstance(node.actor, Source | Constant)
    }


def throttled(network: Network, least: bool = False) -> Trace:
    """A run with unlimited depths in which frames come at the interval of the slowest actor.

    `Trace.room` are depths at which this run stays the same in every cycle. With `least`, pipelines hold as
    little as in `deadlock_under_stalls`.
    """
    interval = math.ceil(max(node_intervals(network)))
    machine = Machine(network, _throttle(network, interval), least)
    return run_steady(machine, np.full(len(network.fifos), UNLIMITED))


def _reference(network: Network, search: Search) -> tuple[IntArray, IntArray, Outcome]:
    """Depths of the throttled run; depths that are good; latency and interval to keep.

    Latency and interval are those of unlimited depths. If the depths of the throttled run do not keep them
    without throttling, deeper ones are tried, and at last what those keep becomes the aim.
    """
    unlimited = np.full(len(network.fifos), UNLIMITED)
    search.latency = simulate(network, 1, depths=unlimited).latency
    search.interval = max(node_intervals(network))
    room = np.maximum(throttled(network).room, 1)
    depths = np.maximum(room, throttled(network, least=True).room)
    for frames in (2, 4, 8):
        if search.good(depths):
            return room, depths, Outcome(search.latency, search.interval, True)
        depths = np.maximum(depths, simulate(network, frames, depths=unlimited).room)
    best = search.outcome(depths)
    search.latency, search.interval = best.latency, best.interval
    return room, depths, best


def _result(network: Network, search: Search, room: IntArray, depths: IntArray, aim: Outcome) -> Depths:
    found = []
    for f, fifo in enumerate(network.fifos):
        after = int(depths[f])
        smaller = search.verdict(_changed(depths, f, after - 1)) if after > 1 else None
        found.append(Depth(fifo.name, fifo.bits, fifo.depth, int(room[f]), after, smaller))
    return Depths(depths, search.verdict(depths), aim, tuple(found), search.runs)


def optimise(network: Network, goal: Goal = "keep_interval_and_latency") -> Depths:
    """Small depths that keep what the goal says, of which none can lose a beat.

    With none of the goals can stalls of the outside bring a deadlock.

    Args:
        network: its own depths do not matter.
        goal: whether the interval and the latency of frame 0 must be those of unlimited depths.

    Raises:
        Deadlock: the network stops at any depths.
        ValueError: an unknown goal.
    """
    if goal not in ("keep_interval_and_latency", "keep_interval", "no_deadlock"):
        raise ValueError(f"unknown goal '{goal}'")
    search = Search(Machine(network, {}))
    room, depths, aim = _reference(network, search)
    if goal != "keep_interval_and_latency":
        search.latency = None
    if goal == "no_deadlock":
        search.interval = None
    return _result(network, search, room, search.shrink(depths), aim)


def quick(network: Network) -> Depths:
    """Depths that keep interval and latency, from a few runs: those of `optimise` before any FIFO is shrunk.

    Raises:
        Deadlock: the network stops at any depths.
    """
    search = Search(Machine(network, {}))
    room, depths, aim = _reference(network, search)
    rows = zip(network.fifos, room.tolist(), depths.tolist(), strict=True)
    found = (Depth(fifo.name, fifo.bits, fifo.depth, before, after, None) for fifo, before, after in rows)
    return Depths(depths, aim, aim, tuple(found), search.runs)


def minimum(network: Network) -> Depths:
    """Small depths with which nothing deadlocks: `optimise` with the goal `no_deadlock`.

    Raises:
        Deadlock: the network stops at any depths.
    """
    return optimise(network, "no_deadlock")


class Point(NamedTuple):
    """Depths int64[F] with their bits, and the interval and latency in cycles that they give."""

    bits: int
    interval: float | int
    latency: int
    depths: IntArray


def pareto(network: Network, points: int = 6) -> list[Point]:
    """Depths between `optimise` and `minimum`: none of them is beaten in bits, interval and latency at once.

    Args:
        network: actors and FIFOs.
        points: bounds for the interval that are tried, evenly spaced in their logarithm, each with the
            latency bounded in the same proportion and without a bound.

    Raises:
        Deadlock: the network stops at any depths.
    """
    search = Search(Machine(network, {}))
    _, depths, aim = _reference(network, search)
    bits = np.array([fifo.bits for fifo in network.fifos], np.int64)

    def point(depths: IntArray) -> Point:
        found = search.outcome(depths)
        return Point(int(bits @ depths), found.interval, found.latency, depths)

    best = search.shrink(depths)
    search.latency = search.interval = None
    found = [point(best), point(search.shrink(best))]
    largest = found[-1].interval / aim.interval
    for step in range(points):
        factor = largest ** (step / points)
        search.interval = aim.interval * factor
        for latency in (math.floor(aim.latency * factor), None):
            search.latency = latency
            found.append(point(search.shrink(best)))
    return _front(found)


def _front(points: list[Point]) -> list[Point]:
    """Points that no other beats, by bits."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.bits, p.interval, p.latency)):
        if not any(p.interval <= point.interval and p.latency <= point.latency for p in front):
            front.append(point)
    return front
