"""The fewest register bits of a shift-add network, for a latency that is given.

Registers are placed by stages: a value that is made in stage s and last read in stage t has t - s registers.
A stage may not hold a path that is longer than the clock allows, so where the logic from one node up to and
with another takes too long, the second stands in a later stage. Differences of stages are all that these
rules and the number of registers depend on, and so the best stages are a vertex of a linear program, the dual
of a flow of least cost (C. Leiserson, J. Saxe: Retiming synchronous circuitry, Algorithmica 6, 1991).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

from netloom.passes.analysis.kernel_timing import KernelNodes, KernelStages, registers

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

MOST_NODES = 12_000
"""Larger networks keep the stages that they have: finding all paths takes the square of this."""
ROUNDING_NS = 1e-9
"""Times that differ by less are equal."""


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
    pairs = far_apart(nodes, start_ns, budget_ns)
    stages = _solved(nodes, planned, pairs, _latest(nodes, planned))
    if stages is None:
        return planned
    found = registers(nodes, stages, planned.end)
    return found if found.register_bits < planned.register_bits else planned


def far_apart(nodes: KernelNodes, start_ns: float, budget_ns: float) -> list[tuple[int, int]]:
    """Pairs of nodes with too much logic from the first up to and with the second.

    Pairs that follow from others are left out.
    """
    first, second = _operands(nodes)
    delays = np.array(nodes.delay_ns)
    begins = delays.copy()
    begins[: nodes.n_inputs] = start_ns
    pairs = [tuple(pair) for pair in _pairs(first, second, delays, begins, budget_ns + ROUNDING_NS).tolist()]
    known = set(pairs)
    readers: list[list[int]] = [[] for _ in nodes.bits]
    for node, operands in enumerate(nodes.operands):
        for operand in operands:
            readers[operand].append(node)
    # A reader of the first node stands no earlier than it.
    return [(u, v) for u, v in pairs if not any((reader, v) in known for reader in readers[u])]


def _operands(nodes: KernelNodes) -> tuple[IntArray, IntArray]:
    """The two operands of each node, -1 for none."""
    pairs = [(*operands, -1, -1)[:2] for operands in nodes.operands]
    array = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return array[:, 0].copy(), array[:, 1].copy()


@numba.njit(cache=True)
def _pairs(
    first: IntArray, second: IntArray, delays: FloatArray, begins: FloatArray, budget_ns: float
) -> IntArray:
    """For each node those at which a path from it first takes too long, [n, 2]."""
    count = len(delays)
    found = []
    since = np.empty(count)
    late = np.empty(count, np.bool_)
    for u in range(count):
        since[u:], late[u:] = -1.0, False
        since[u] = begins[u]
        for v in range(u + 1, count):
            for operand in (first[v], second[v]):
                if operand >= u:
                    since[v] = max(since[v], since[operand])
                    late[v] |= late[operand]
            if since[v] < 0.0 or late[v]:
                continue
            if since[v] > 0.0 and delays[v] > 0.0 and since[v] + delays[v] > budget_ns:
                found.append((u, v))
                late[v] = True
            else:
                since[v] += delays[v]
    result = np.empty((len(found), 2), np.int64)
    for i in range(len(found)):
        result[i, 0], result[i, 1] = found[i]
    return result


def _latest(nodes: KernelNodes, planned: KernelStages) -> IntArray:
    """The last stage in which each node may stand for the outputs to be ready in time."""
    latency, finish_ns = planned.end
    after = np.full(len(nodes.bits), -np.inf)
    after[nodes.n_values :] = 0.0
    for node in range(len(nodes.bits) - 1, -1, -1):
        for operand in nodes.operands[node]:
            after[operand] = max(after[operand], after[node] + nodes.delay_ns[node])
    too_late = after + np.array(nodes.delay_ns) > finish_ns + ROUNDING_NS
    return np.where(too_late, latency - 1, latency)


def _solved(
    nodes: KernelNodes, planned: KernelStages, pairs: list[tuple[int, int]], latest: IntArray
) -> list[int] | None:
    """The stages of the linear program; None when it was not solved.

    Its variables are the stage of each node and the last stage in which each is read.
    """
    count, latency = len(nodes.bits), planned.latency_cycles
    edges = [(operand, node) for node, operands in enumerate(nodes.operands) for operand in operands]
    rows = [(u, v, 1) for u, v in pairs] + [(u, v, 0) for u, v in edges]
    rows += [(node, count + operand, 0) for operand, node in edges]
    rows += [(node, count + node, 0) for node in range(count)]
    before, behind, apart = (np.array(column) for column in zip(*rows, strict=True))
    number = np.arange(len(rows))
    ones = np.ones(len(rows))
    matrix = coo_matrix(
        (np.concatenate([ones, -ones]), (np.concatenate([number, number]), np.concatenate([before, behind]))),
        shape=(len(rows), 2 * count),
    )
    bits = np.array(nodes.bits, dtype=float)
    low, high = np.zeros(2 * count), np.concatenate([latest, np.full(count, latency)])
    fixed = [n for n in range(count) if n < nodes.n_inputs or not nodes.operands[n]]
    high[fixed] = low[fixed] = np.array(planned.stages)[fixed]
    low[count + nodes.n_values :] = latency
    solved: Any = linprog(
        np.concatenate([-bits, bits]), matrix.tocsr(), -apart, bounds=np.stack([low, high], axis=1)
    )
    return np.rint(solved.x[:count]).astype(int).tolist() if solved.status == 0 else None
