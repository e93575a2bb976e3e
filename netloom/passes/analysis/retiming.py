"""The fewest register bits of a shift-add network, for a latency that is given.

Registers are placed by stages: a value that is made in stage s and last read in stage t has t - s registers.
A stage may not hold a path that is longer than the clock allows, so where the logic from one node up to and
with another takes too long, the second stands in a later stage. Differences of stages are all that these
rules and the number of registers depend on (C. Leiserson, J. Saxe: Retiming synchronous circuitry,
Algorithmica 6, 1991), so the best stages are found by `netloom.passes.analysis.differences`.

Whole programs are retimed in `netloom.passes.analysis.program_retiming`; this is for the networks of those
that are too large for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from netloom.passes.analysis.differences import Differences, IntArray
from netloom.passes.analysis.kernel_timing import KernelNodes, KernelStages, registers

FloatArray = NDArray[np.float64]

MOST_NODES = 12_000
MOST_PAIRS = 500_000
"""Networks with more nodes, or pairs of nodes that are far apart, keep the stages that they have."""
ROUNDING_NS = 1e-9
"""Times that differ by less are equal."""

Place = tuple[int, int]
"""A variable, and stages after it."""


def hold(program: Differences, made: Place, readers: Iterable[Place], bits: float) -> None:
    """Keep a value from where it is made to its last reader, for `bits` a stage."""
    variable, after = made
    found = set(readers)
    for reader, later in found:
        program.at_least(reader, variable, after - later)
    if not found or not bits:
        return
    last = next(iter(found))[0]
    if len(found) > 1:
        last = program.variable()
        for reader, later in found:
            program.at_least(last, reader, later)
    program.costs[last] += bits
    program.costs[variable] -= bits


def far_apart(
    operands: Sequence[Sequence[int]], delay_ns: Sequence[float], begin_ns: Sequence[float], budget_ns: float
) -> IntArray | None:
    """Pairs of nodes with too much logic from the first up to and with the second, [n, 2].

    Pairs that follow from others are left out.

    Args:
        operands: nodes that each node reads; they stand before it.
        delay_ns: of each node.
        begin_ns: when each node is ready within its stage, if none of its operands is in that stage.
        budget_ns: time for logic in each stage.

    Returns:
        None when there are too many.
    """
    read_from, read = _lists(operands)
    readers: list[list[int]] = [[] for _ in operands]
    for node, nodes in enumerate(operands):
        for operand in nodes:
            readers[operand].append(node)
    users_from, users = _lists(readers)
    delays, begins = np.array(delay_ns, dtype=float), np.array(begin_ns, dtype=float)
    budget_ns += ROUNDING_NS
    pairs = _pairs(read_from, read, users_from, users, delays, begins, budget_ns, MOST_PAIRS)
    return None if len(pairs) > MOST_PAIRS else pairs[_needed(pairs, users_from, users)]


def _lists(lists: Sequence[Sequence[int]]) -> tuple[IntArray, IntArray]:
    """Lists one behind the other: where each begins, and what they hold."""
    begins = np.zeros(len(lists) + 1, np.int64)
    begins[1:] = np.cumsum([len(each) for each in lists])
    return begins, np.array([entry for each in lists for entry in each], np.int64)


@numba.njit(cache=True)
def _pairs(
    read_from: IntArray,
    read: IntArray,
    users_from: IntArray,
    users: IntArray,
    delays: FloatArray,
    begins: FloatArray,
    budget_ns: float,
    most: int,
) -> IntArray:
    """For each node those at which a path from it first takes too long, in order; after `most` it stops."""
    count = len(delays)
    found: list[tuple[int, int]] = []
    since = np.empty(count)
    reached, late = np.full(count, -1), np.full(count, -1)
    for u in range(count):
        if len(found) > most:
            break
        since[u], reached[u], last = begins[u], u, u
        for v in range(u, count):
            if v > last:
                break
            if reached[v] != u:
                continue
            if v > u:
                now = -1.0
                for operand in read[read_from[v] : read_from[v + 1]]:
                    if reached[operand] == u:
                        now = max(now, since[operand])
                        if late[operand] == u:
                            late[v] = u
                if late[v] == u:
                    continue
                if now > 0.0 and delays[v] > 0.0 and now + delays[v] > budget_ns:
                    found.append((u, v))
                    late[v] = u
                    continue
                since[v] = now + delays[v]
            for user in users[users_from[v] : users_from[v + 1]]:
                reached[user] = u
                last = max(last, user)
    result = np.empty((len(found), 2), np.int64)
    for i in range(len(found)):
        result[i, 0], result[i, 1] = found[i]
    return result


@numba.njit(cache=True)
def _needed(pairs: IntArray, users_from: IntArray, users: IntArray) -> NDArray[np.bool_]:
    """Which pairs do not follow: a reader of the first node stands no earlier than it."""
    ends = np.searchsorted(pairs[:, 0], np.arange(len(users_from)))
    needed = np.ones(len(pairs), np.bool_)
    for i in range(len(pairs)):
        u, v = pairs[i]
        for user in users[users_from[u] : users_from[u + 1]]:
            at = ends[user] + np.searchsorted(pairs[ends[user] : ends[user + 1], 1], v)
            if at < ends[user + 1] and pairs[at, 1] == v:
                needed[i] = False
                break
    return needed


def fewest_registers(
    nodes: KernelNodes, planned: KernelStages, start_ns: float, budget_ns: float
) -> KernelStages:
    """Stages with the planned latency and time of arrival, and the fewest register bits.

    Args:
        nodes: of the network.
        planned: stages that keep to the clock.
        start_ns: when the inputs arrive within stage 0.
        budget_ns: time for logic in each stage.

    Returns:
        `planned` itself when it is as good, or the network is too large.
    """
    if not planned.latency_cycles or len(nodes.bits) > MOST_NODES:
        return planned
    begins = [start_ns] * nodes.n_inputs + nodes.delay_ns[nodes.n_inputs :]
    pairs = far_apart(nodes.operands, nodes.delay_ns, begins, budget_ns)
    if pairs is None:
        return planned
    found = _program(nodes, planned).solved(np.insert(pairs[:, ::-1], 2, 1, axis=1))
    if found is None:
        return planned
    better = registers(nodes, found[: len(nodes.bits)], planned.end)
    return better if better.register_bits < planned.register_bits else planned


def _program(nodes: KernelNodes, planned: KernelStages) -> Differences:
    """A variable for the stage of each node, and one for the stage of the results."""
    latency = planned.latency_cycles
    program = Differences(0, latency)
    for node, latest in enumerate(_latest(nodes, planned)):
        if nodes.operands[node]:
            program.high[program.variable()] = latest
        else:
            program.constant(planned.stages[node])
    end = (program.constant(latency), 0)
    readers: list[list[Place]] = [[] for _ in nodes.bits]
    for node, operands in enumerate(nodes.operands):
        for operand in operands:
            readers[operand].append((node, 0))
    for node, bits in enumerate(nodes.bits):
        hold(program, (node, 0), readers[node] if node < nodes.n_values else [end], bits)
    return program


def _latest(nodes: KernelNodes, planned: KernelStages) -> list[int]:
    """The last stage in which each node may stand for the outputs to be ready in time."""
    latency, finish_ns = planned.end
    after = np.full(len(nodes.bits), -np.inf)
    after[nodes.n_values :] = 0.0
    for node in range(len(nodes.bits) - 1, -1, -1):
        for operand in nodes.operands[node]:
            after[operand] = max(after[operand], after[node] + nodes.delay_ns[node])
    too_late = after + np.array(nodes.delay_ns) > finish_ns + ROUNDING_NS
    return [latency - 1 if late else latency for late in too_late]
