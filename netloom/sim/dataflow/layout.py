"""A network as arrays, for the compiled loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netloom.core import dataflow as flow
from netloom.sim.dataflow import _kernels as kernels

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

RECORD_ROWS = 2000  # merged in pairs when all are used, so 1000 to 2000 remain


class Memory(NamedTuple):
    """State of a run; the arguments of `_kernels.run`, which describes them."""

    nodes: IntArray
    fifos: IntArray
    links: IntArray
    tables: IntArray
    queue: IntArray
    lists: IntArray
    heap: IntArray
    clock: IntArray
    ends: IntArray
    complete: IntArray
    record: IntArray


def waits(offered: BoolArray) -> list[int]:
    """For each place in a pattern, the cycles until the outside is ready next."""
    ready = np.flatnonzero(offered)
    if len(ready) == 0:
        return [kernels.NEVER] * len(offered)
    following = np.append(ready, ready[0] + len(offered))
    places = np.arange(len(offered))
    found: list[int] = (following[np.searchsorted(ready, places)] - places).tolist()
    return found


class _Tables:
    """Numbers of all nodes, one after the other."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def add(self, numbers: list[int]) -> int:
        """Appends numbers; returns where they begin."""
        start = len(self.numbers)
        self.numbers += numbers
        return start


def _stage(actor: flow.Stage) -> tuple[int, list[int]]:
    """Latency, interval, place in the queue (filled in later), places that its beats need."""
    if actor.latency == 0:
        return kernels.WIRES, []
    return kernels.STAGE, [actor.latency, actor.interval, 0, -(-actor.latency // actor.interval) + 1]


def _weighted(actor: flow.WeightedStage, tables: _Tables) -> tuple[int, list[int]]:
    """As `_stage`, behind a pattern of the outside (filled in later) a table of the rest."""
    port = actor.port
    places = -(-actor.latency // actor.interval) + 1
    rest = [actor.first, port.words, port.parts, port.beats, port.burst, port.memory_latency]
    return kernels.WEIGHTED, [actor.latency, actor.interval, 0, places, 0, 0, tables.add(rest), port.depth]


def _window(actor: flow.Window, tables: _Tables) -> tuple[int, list[int]]:
    """Parameters; tables of need and advance for each group, and of the columns that complete a window."""
    if not actor.supported:
        raise ValueError("windows that end left of the image are not supported")
    rows, places = range(actor.out_height), {actor.place(w) for w in range(actor.windows)}
    complete = [int(column in places) for column in range(actor.steps)]
    by_row = tables.add([actor.need(i) for i in rows] + [actor.advance(i) for i in rows])
    numbers = [actor.row_beats, actor.banks, actor.steps, actor.tail, actor.out_height, actor.first]
    return kernels.WINDOW, [*numbers, by_row, tables.add(complete)]


def _resample(actor: flow.Resample, tables: _Tables) -> tuple[int, list[int]]:
    """As `_window`; tables of advance and of the columns picked."""
    advance = tables.add([actor.advance(i) for i in range(len(actor.rows))])
    columns = tables.add(list(actor.columns))
    return kernels.RESAMPLE, [actor.width, 0, len(actor.columns), 0, len(actor.rows), 0, advance, columns]


def _translated(actor: flow.Actor, tables: _Tables) -> tuple[int, list[int]]:
    """Kind and parameters of an actor."""
    match actor:
        case flow.WeightedStage():
            return _weighted(actor, tables)
        case flow.Stage():
            return _stage(actor)
        case flow.Window():
            return _window(actor, tables)
        case flow.Resample():
            return _resample(actor, tables)
        case flow.Reduce(beats):
            return kernels.REDUCE, [beats]
        case flow.Collect(beats):
            return kernels.COLLECT, [beats]
        case flow.Spread(beats):
            return kernels.SPREAD, [beats]
        case flow.Constant(beats):
            return kernels.CONSTANT, [beats]
        case flow.Source(beats):
            return kernels.SOURCE, [beats]
        case flow.Sink(beats):
            return kernels.SINK, [beats]


def _registers(actor: flow.Actor) -> Mapping[int, int]:
    """Registers of an actor at reset that are not 0."""
    match actor:
        case flow.Window():
            return {kernels.AHEAD: -actor.base(0), kernels.PHASE: -actor.first}
        case flow.Resample():
            return {kernels.AHEAD: -actor.rows[0]}
        case flow.Constant() | flow.Sink() | flow.Source():
            return {kernels.REMAINING: kernels.NEVER}
        case _:
            return {}


@dataclass(frozen=True, eq=False)
class Machine:
    """A network ready to run.

    Attributes:
        network: actors and FIFOs.
        offered: patterns of the outside by names of nodes, see `Stall`.
        least: pipelines hold no more beats than they do in the worst case, see `deadlock_under_stalls`.
    """

    network: flow.Network
    offered: Mapping[str, BoolArray]
    least: bool = False

    @cached_property
    def sources(self) -> list[int]:
        """Nodes that are inputs of the chip."""
        return [i for i, node in enumerate(self.network.nodes) if isinstance(node.actor, flow.Source)]

    @cached_property
    def sinks(self) -> list[int]:
        """Nodes that are outputs of the chip."""
        return [i for i, node in enumerate(self.network.nodes) if isinstance(node.actor, flow.Sink)]

    @cached_property
    def depths(self) -> IntArray:
        """The network's own depths, int64[F]."""
        return np.array([fifo.depth for fifo in self.network.fifos], np.int64)

    @cached_property
    def _at_reset(self) -> tuple[IntArray, IntArray, IntArray, IntArray, int]:
        """Nodes, FIFOs, links and tables at reset, and places in the queue of all stages."""
        nodes = np.zeros((len(self.network.nodes), 32), np.int64)
        tables, queue = _Tables(), 0
        for i, node in enumerate(self.network.nodes):
            actor = node.actor
            if self.least and isinstance(actor, flow.Stage):
                actor = flow.Stage(min(actor.latency, 1))
            kind, numbers = _translated(actor, tables)
            nodes[i, kernels.SHORT] = int(self.least)
            nodes[i, : 1 + len(numbers)] = kind, *numbers
            if kind == kernels.STAGE:
                nodes[i, kernels.QUEUE] = queue
                queue += numbers[3]
            if kind == kernels.WEIGHTED and isinstance(actor, flow.WeightedStage):
                nodes[i, kernels.QUEUE] = queue
                queue += numbers[3] + kernels.READER + actor.port.depth
            for column, value in _registers(node.actor).items():
                nodes[i, column] = value
            pattern = self.offered.get(node.name)
            if pattern is not None and len(pattern) > 0:
                nodes[i, [kernels.PATTERN, kernels.PATTERN_CYCLES]] = tables.add(waits(pattern)), len(pattern)
        nodes[self.sinks, kernels.SINK_NUMBER] = np.arange(len(self.sinks))
        nodes[:, kernels.AWAKE] = 1
        nodes[:, [kernels.ASKED, kernels.ALARM, kernels.FIRST, kernels.END]] = -1
        links = self._link(nodes)
        return nodes, self._fifos(), links, np.array(tables.numbers, np.int64), queue

    def _fifos(self) -> IntArray:
        fifos = np.zeros((len(self.network.fifos), 8), np.int64)
        for row, fifo in zip(fifos, self.network.fifos, strict=True):
            row[[kernels.SOURCE_NODE, kernels.TARGET_NODE]] = fifo.source, fifo.target
        return fifos

    def _link(self, nodes: IntArray) -> IntArray:
        """FIFOs of all nodes; sets where those of each begin, and the beats of its frames."""
        inputs: list[list[int]] = [[] for _ in nodes]
        outputs: list[list[int]] = [[] for _ in nodes]
        nodes[:, kernels.BEATS] = 1
        for f, fifo in enumerate(self.network.fifos):
            inputs[fifo.target].append(f)
            outputs[fifo.source].append(f)
            nodes[fifo.source, kernels.BEATS] = fifo.beats
        nodes[self.sinks, kernels.BEATS] = nodes[self.sinks, 1]
        links: list[int] = []
        for row, into, out in zip(nodes, inputs, outputs, strict=True):
            row[[kernels.INPUTS, kernels.OUTPUTS]] = len(links), len(links) + len(into)
            links += into + out
            row[kernels.LINKS_END] = len(links)
        return np.array(links, np.int64)

    @property
    def snapshot_size(self) -> int:
        """Numbers that a snapshot needs."""
        return 8 * len(self.network.nodes) + len(self.network.fifos) + self._at_reset[4]

    def memory(self, depths: IntArray, source_frames: int | None, frames: int, record: bool) -> Memory:
        """The state at reset.

        Args:
            depths: int64[F].
            source_frames: for which each source has beats; None is without end.
            frames: whose ends are measured.
            record: whether to sample the counts.
        """
        nodes, fifos, links, tables, queue = self._at_reset
        nodes, fifos, n = nodes.copy(), fifos.copy(), len(nodes)
        fifos[:, kernels.DEPTH] = depths
        if source_frames is not None:
            nodes[self.sources, kernels.REMAINING] = source_frames * nodes[self.sources, 1]
        lists = np.zeros((3, n), np.int64)
        lists[0] = np.arange(n)
        clock = np.zeros(8, np.int64)
        clock[[kernels.LISTED, kernels.PERIOD, kernels.ROW_END]] = n, 1, 1
        return Memory(
            nodes, fifos, links, tables, np.zeros(queue, np.int64), lists, np.zeros(8 * n, np.int64), clock,
            np.full((len(self.sinks), frames), -1), np.zeros(frames, np.int64),
            np.zeros((RECORD_ROWS if record else 0, len(fifos)), np.int64),
        )  # fmt: skip
