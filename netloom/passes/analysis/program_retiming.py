"""The fewest register bits of a whole program, for a latency that is given.

Where an op starts, which side of a rectifier a register stands on, how long a branch waits and which adders
share a cycle are one question, and one linear program: see `netloom.passes.analysis.retiming` for its
rules, `netloom.passes.analysis.logic_graph` for what it is about.
"""

from __future__ import annotations

import numpy as np

from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp
from netloom.passes.analysis.differences import Differences, IntArray
from netloom.passes.analysis.kernel_timing import Time, registers, rows_of
from netloom.passes.analysis.logic_graph import LogicGraph, Parts
from netloom.passes.analysis.retiming import MOST_NODES, Place, far_apart
from netloom.passes.analysis.reuse import busy_cycles
from netloom.passes.analysis.timetable import OpTime, Timetable

PREFERENCE = 0.25
"""What all starts of shift-add networks together may weigh against one register bit."""


def retimed(parts: Parts, planned: Timetable) -> Timetable | None:
    """Times of the same latency with the fewest register bits.

    In programs whose interval is above 1, a register that holds a value for the whole interval is counted
    as a part of one for each cycle, so there the result need not be the best.

    Args:
        parts: of the program.
        planned: times that keep to the clock.

    Returns:
        None when the program is too large, or has no register that could move.
    """
    last = planned.latency_cycles - parts.register_outputs
    cycles = Differences(int(parts.register_inputs), last)
    if last <= cycles.lowest or sum(_size(parts, op) for op in parts.program.ops) > MOST_NODES:
        return None
    graph = LogicGraph(parts, planned, cycles)
    graph.build()
    # A tensor that waits in front of a network and inside of it at one cost waits in front.
    starts = [places.start[0] for op, places in graph.ops.items() if isinstance(op, KernelOp)]
    for start in starts:
        cycles.costs[start] -= PREFERENCE / (len(starts) * last)
    pairs = far_apart(graph.operands, graph.delay_ns, graph.delay_ns, parts.budget_ns)
    if pairs is None:
        return None
    found = cycles.solved(_rows(graph.places, pairs))
    return None if found is None else _timetable(graph, found, planned.latency_cycles)


def _size(parts: Parts, op: NetloomOp) -> int:
    """Nodes of an op, about."""
    return len(parts.kernels(op).bits) if isinstance(op, KernelOp) else len(parts.steps(op))


def _rows(places: list[Place], pairs: IntArray) -> IntArray:
    """The second of each pair stands in a later cycle."""
    variable, after = np.array(places, np.int64).reshape(-1, 2).T
    early, late = pairs.T
    return np.stack([variable[late], variable[early], 1 + after[early] - after[late]], axis=1)


def _timetable(graph: LogicGraph, found: list[int], latency_cycles: int) -> Timetable:
    cycle = [found[variable] + after for variable, after in graph.places]
    finish = [0.0] * len(cycle)
    for node, operands in enumerate(graph.operands):
        here = (finish[operand] for operand in operands if cycle[operand] == cycle[node])
        finish[node] = max(here, default=0.0) + graph.delay_ns[node]
    times: dict[NetloomOp, OpTime] = {}
    for op, places in graph.ops.items():
        start, end = (found[variable] + after for variable, after in (places.start, places.end))
        last = max((finish[node] for node in graph.results(op) if cycle[node] == end), default=0.0)
        stages = [found[variable] + after - start for variable, after in places.stages]
        times[op] = _time(graph, op, start, (end, last), stages)
    return Timetable.of(graph.parts.program, times, latency_cycles)


def _time(graph: LogicGraph, op: NetloomOp, start: int, ready: Time, stages: list[int]) -> OpTime:
    latency = ready[0] - start
    if isinstance(op, KernelOp):
        kernel = registers(graph.parts.kernels(op), stages, (latency, ready[1]))
        return OpTime(start, ready, (), kernel, rows_of(op) * kernel.register_bits)
    ends = [*stages[1:], latency - busy_cycles(op) + 1]
    parts = zip(graph.parts.steps(op), stages, ends, strict=False)
    bits = sum(step.bits * (end - stage) for step, stage, end in parts)
    return OpTime(start, ready, tuple(stages), None, bits)
