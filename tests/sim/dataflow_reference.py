"""A slow simulator in plain Python, written down from the docstrings of `netloom.core.dataflow`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netloom.core import dataflow as flow


@dataclass
class Asked:
    """What an actor did in a cycle, and what held it."""

    fire: bool = False
    push: bool = False
    blocked: bool = False
    starved: bool = False
    next: Callable[[], None] = lambda: None
    changes: bool = False


class Actor:
    """Base: `ask` returns what the rules say of the state, without changing it."""

    def ask(self, avail: bool, space: bool) -> Asked:
        raise NotImplementedError


class Stage(Actor):
    def __init__(self, actor: flow.Stage) -> None:
        self.actor, self.v, self.busy = actor, [False] * (actor.latency + 1), 0

    def ask(self, avail: bool, space: bool) -> Asked:
        if self.actor.latency == 0:
            fire = avail and space
            return Asked(fire, fire, avail and not space, not avail)
        last = self.v[self.actor.latency]
        push = last and space
        ce = not last or space
        fire = ce and avail and self.busy == 0

        def step() -> None:
            if ce:
                self.v = [False, fire, *self.v[1:-1]]
                self.busy = self.actor.interval - 1 if fire else max(self.busy - 1, 0)

        changes = ce and (any(self.v[1:]) or self.busy > 0)
        return Asked(fire, push, last and not space, ce and self.busy == 0 and not avail, step, changes)


class Weighted(Actor):
    def __init__(self, actor: flow.WeightedStage, pattern: Sequence[bool] | None) -> None:
        self.actor, self.pattern = actor, [True] if pattern is None else pattern
        self.v, self.busy = [False] * (actor.latency + 1), 0
        self.a = self.place = self.held = self.n = self.t = 0
        self.w = False
        self.asked: list[int | None] = []  # of each beat asked for the cycle in which its request was taken

    def ask(self, avail: bool, space: bool) -> Asked:
        actor, port = self.actor, self.actor.port
        outside = self.pattern[self.t % len(self.pattern)]
        need = any(self.v[actor.first : actor.first + port.words])
        ready = not need or (self.w if port.parts > 1 else self.held > 0)
        last = self.v[actor.latency]
        ce = ready and (not last or space)
        take = ce and need
        fire = ce and avail and self.busy == 0
        length = min(port.burst, port.beats - self.place)
        taken = bool(self.a and outside)
        go = (not self.a or taken) and len(self.asked) + self.held + length <= port.depth
        oldest = self.asked[0] if self.asked else None
        come = outside and oldest is not None and oldest + port.memory_latency <= self.t
        used = take if port.parts == 1 else self.held > 0 and (not self.w or take)

        def edge() -> None:
            if taken:
                self.asked = [self.t if cycle is None else cycle for cycle in self.asked]
            if come:
                self.asked.pop(0)
            if go:
                self.asked += [None] * length
                self.place = (self.place + length) % port.beats
            self.a = go or (self.a and not taken)
            self.held += come - used
            if port.parts > 1:
                self.w = (used and self.n == port.parts - 1) or (self.w and not take)
                self.n = (self.n + used) % port.parts
            if ce:
                self.v = [False, fire, *self.v[1:-1]]
                self.busy = actor.interval - 1 if fire else max(self.busy - 1, 0)
            self.t += 1

        moves = ce and (any(self.v[1:]) or self.busy > 0)
        changes = bool(moves or go or (used and port.parts > 1) or (self.asked and any(self.pattern)))
        starved = not ready or (ce and self.busy == 0 and not avail)
        return Asked(fire, ce and last, ready and last and not space, starved, edge, changes)


class Window(Actor):
    """R and g count over all frames."""

    def __init__(self, actor: flow.Window) -> None:
        self.actor = actor
        self.R = self.x = self.g = self.j = self.k = 0
        self.a: tuple[int, int] | None = None  # frame's column number k, as (True, k)
        self.v = False

    def base(self, g: int) -> int:
        frame, i = divmod(g, self.actor.out_height)
        return frame * self.actor.height + self.actor.base(i)

    def completes(self, k: int) -> bool:
        actor = self.actor
        return any(
            k == i * actor.steps + o * actor.strides[1] + actor.first
            for i in range(actor.out_height)
            for o in range(actor.out_width)
        )

    def ask(self, avail: bool, space: bool) -> Asked:
        actor = self.actor
        i = self.g % actor.out_height
        ahead, j, x = self.R - self.base(self.g), self.j, self.x
        advance = self.base(self.g + 1) - self.base(self.g)
        room = ahead < actor.banks or (ahead < actor.banks + advance and j > x)
        fire = avail and room
        push = self.v and space
        ce = not self.v or space
        need = actor.need(i)
        step = ce and (j >= actor.width or ahead > need or (ahead == need and x > j))

        def edge() -> None:
            if ce:
                self.v = self.a is not None and self.completes(self.a[1])
                self.a = (1, self.k) if step else None
            if step:
                self.k += 1
                self.j += 1
                last = i == actor.out_height - 1
                if self.j == actor.steps + (actor.tail if last else 0):
                    self.j, self.g = 0, self.g + 1
                    self.k = 0 if last else self.k
            if fire:
                self.x += 1
                if self.x == actor.width:
                    self.x, self.R = 0, self.R + 1

        changes = step or (ce and self.a is not None)
        return Asked(fire, push, self.v and not space, room and not avail, edge, changes)


class Resample(Actor):
    def __init__(self, actor: flow.Resample) -> None:
        self.actor = actor
        self.R = self.x = self.g = self.o = 0
        self.v = False

    def base(self, g: int) -> int:
        frame, i = divmod(g, len(self.actor.rows))
        return frame * self.actor.height + self.actor.rows[i]

    def ask(self, avail: bool, space: bool) -> Asked:
        actor = self.actor
        column = actor.columns[self.o]
        ahead = self.R - self.base(self.g)
        advance = self.base(self.g + 1) - self.base(self.g)
        room = ahead < 1 or (ahead < 1 + advance and column > self.x)
        fire = avail and room
        push = self.v and space
        ce = not self.v or space
        step = ce and (ahead > 0 or (ahead == 0 and self.x > column))

        def edge() -> None:
            if ce:
                self.v = step
            if step:
                self.o += 1
                if self.o == len(actor.columns):
                    self.o, self.g = 0, self.g + 1
            if fire:
                self.x += 1
                if self.x == actor.width:
                    self.x, self.R = 0, self.R + 1

        return Asked(fire, push, self.v and not space, room and not avail, edge, step)


class Gather(Actor):
    """Reduce, Collect, Spread."""

    def __init__(self, actor: flow.Reduce | flow.Collect | flow.Spread) -> None:
        self.actor, self.n, self.v = actor, 0, False

    def ask(self, avail: bool, space: bool) -> Asked:
        last = self.n == self.actor.beats - 1
        push = self.v and space
        if isinstance(self.actor, flow.Spread):
            ready = not self.v or (push and last)
            stays = self.v and not (push and last)
        elif isinstance(self.actor, flow.Reduce):
            ready = not last or not self.v or space
            stays = self.v and not push
        else:
            ready = not self.v or space
            stays = self.v and not push
        fire = avail and ready
        counts = push if isinstance(self.actor, flow.Spread) else fire

        def edge() -> None:
            self.v = (fire and (isinstance(self.actor, flow.Spread) or last)) or stays
            if counts:
                self.n = (self.n + 1) % self.actor.beats

        return Asked(fire, push, self.v and not space, ready and not avail, edge)


class Edge(Actor):
    """Source, Sink, Constant; `left` beats remain."""

    def __init__(self, pattern: Sequence[bool] | None, left: float, sink: bool) -> None:
        self.pattern, self.left, self.sink, self.t = pattern, left, sink, 0

    def ask(self, avail: bool, space: bool) -> Asked:
        outside = self.pattern is None or bool(self.pattern[self.t % len(self.pattern)])
        ready = avail if self.sink else space
        go = self.left > 0 and ready and outside
        no_fifo, no_outside = self.left > 0 and not ready, self.left > 0 and ready and not outside

        def edge() -> None:
            self.left -= go
            self.t += 1

        waiting = no_outside and any(self.pattern or ())
        if self.sink:
            return Asked(go, False, no_outside, no_fifo, edge, waiting)
        return Asked(go, go, no_fifo, no_outside, edge, waiting)


@dataclass
class Reference:
    """What a run showed, as `Trace` names it; `stuck`: the cycle from which on no beat moves."""

    cycles: int = 0
    stuck: int | None = None
    latency: int = -1
    occupancy: list[int] = field(default_factory=list)
    room: list[int] = field(default_factory=list)
    frame_ends: list[list[int]] = field(default_factory=list)
    fired: list[int] = field(default_factory=list)
    blocked: list[int] = field(default_factory=list)
    starved: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    counts: list[list[int]] = field(default_factory=list)


def _actor(node: flow.Node, frames: int, stalls: Mapping[str, Any]) -> Actor:
    pattern = stalls.get(node.name)
    match node.actor:
        case flow.WeightedStage():
            return Weighted(node.actor, pattern)
        case flow.Stage():
            return Stage(node.actor)
        case flow.Window():
            return Window(node.actor)
        case flow.Resample():
            return Resample(node.actor)
        case flow.Reduce() | flow.Collect() | flow.Spread():
            return Gather(node.actor)
        case flow.Source(beats):
            return Edge(pattern, frames * beats, False)
        case flow.Sink():
            return Edge(pattern, float("inf"), True)
        case flow.Constant():
            return Edge(pattern, float("inf"), False)


def run(network: flow.Network, frames: int, stalls: Mapping[str, Any], limit: int = 20000) -> Reference:
    """Runs the frames through the network, cycle by cycle."""
    nodes, fifos = network.nodes, network.fifos
    actors = [_actor(node, frames, stalls) for node in nodes]
    into = [[f for f, fifo in enumerate(fifos) if fifo.target == n] for n in range(len(nodes))]
    out = [[f for f, fifo in enumerate(fifos) if fifo.source == n] for n in range(len(nodes))]
    count = [0] * len(fifos)
    pushes: list[list[int]] = [[] for _ in nodes]  # cycles in which beats left (sink: came)
    found = Reference(occupancy=[0] * len(fifos), room=[0] * len(fifos))
    found.fired, found.blocked, found.starved = ([0] * len(nodes) for _ in range(3))
    sinks = [n for n, node in enumerate(nodes) if isinstance(node.actor, flow.Sink)]
    beats = {n: nodes[n].actor.beats for n in sinks}  # type: ignore[union-attr]
    t = still = 0
    while any(len(pushes[n]) < frames * beats[n] for n in sinks) and t < limit:
        found.counts.append(list(count))
        asked = [
            actor.ask(all(count[f] > 0 for f in into[n]), all(count[f] < fifos[f].depth for f in out[n]))
            for n, actor in enumerate(actors)
        ]
        if not any(a.fire or a.push or a.changes for a in asked):
            found.stuck = still
            return found
        still = t + 1 if any(a.fire or a.push for a in asked) else still
        for n, a in enumerate(asked):
            found.fired[n] += a.fire
            found.blocked[n] += a.blocked
            found.starved[n] += a.starved
            for f in out[n] if a.push else ():
                found.room[f] = max(found.room[f], count[f] + 1)
        for n, a in enumerate(asked):
            for f in into[n] if a.fire else ():
                count[f] -= 1
        for n, a in enumerate(asked):
            for f in out[n] if a.push else ():
                count[f] += 1
            if a.push or (n in sinks and a.fire):
                pushes[n].append(t)
            a.next()
        found.occupancy = [max(pair) for pair in zip(found.occupancy, count, strict=True)]
        t += 1
    found.counts.append(list(count))
    found.cycles = t
    found.frame_ends = [
        [pushes[n][k * beats[n] - 1] if len(pushes[n]) >= k * beats[n] else -1 for k in range(1, frames + 1)]
        for n in sinks
    ]
    for fifo in fifos:
        beats[fifo.source] = fifo.beats
    found.starts = [p[0] if p else -1 for p in pushes]
    found.ends = [p[beats[n] - 1] if len(p) >= beats[n] else -1 for n, p in enumerate(pushes)]
    sources = [n for n, node in enumerate(nodes) if isinstance(node.actor, flow.Source)]
    first = [pushes[n][0] for n in sources if pushes[n]]
    if all(ends[0] >= 0 for ends in found.frame_ends):
        found.latency = max(ends[0] for ends in found.frame_ends) - min(first, default=0)
    return found


def samples(found: Reference, period: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Largest count at the beginning of any cycle of each row, or at the end of its last one."""
    counts = np.array(found.counts)
    rows = range(0, found.cycles, period)
    return np.array([counts[t : t + period + 1].max(axis=0) for t in rows])
