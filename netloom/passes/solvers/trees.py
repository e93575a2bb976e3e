"""Rebuilds the adder trees of a network so that they need fewer bits.

What a solver shares is one thing, in which order the rest is added another.  Every adder whose value only
one other adder reads is taken apart; what remains are sums of several terms, and each of them is built
again: terms that are narrow, that end low or that barely overlap come first (the idea of Huffman's code),
as long as the sum still arrives in time.  A sum is tried in several orders and the cheapest one is kept.
Which adders a network has stays as it is; only their widths change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netloom.core.adder_graph import AdderGraph

IntArray = NDArray[np.int64]
Leaf = tuple[int, int, int]
"""Node, shift, and 1 when it is subtracted."""

# Depth of an output without a deadline, and the widest sum whose bounds are added up in int64.
_ANY_DEPTH = np.int64(1) << 40
_LIMIT = 2.0**60


@dataclass(frozen=True, eq=False)
class Collapsed:
    """The nodes that stay, and the terms of each: ``kept`` int64[S], ``leaves`` with old node numbers."""

    kept: IntArray
    leaves: list[list[Leaf]]


def rebuilt_trees(
    graph: AdderGraph,
    lo: IntArray,
    hi: IntArray,
    *,
    input_depth: IntArray | None = None,
    out_depth: IntArray | None = None,
    tries: int = 0,
) -> AdderGraph:
    """The same matrix from the same shared sums, with trees that need fewer bits.

    ``lo``, ``hi`` int64[K] bound the inputs and ``input_depth`` int64[K] are their levels.  No output gets
    deeper than the deepest one is, nor than its own depth or ``out_depth`` int64[N], whichever is more.
    ``tries`` is how many random orders to try for each sum.  The graph itself is returned when it has no
    adders or when its values come near 62 bits.
    """
    from netloom.passes.solvers import _trees

    if graph.n_adders == 0 or not bounds_fit(graph, lo, hi):
        return graph
    low, high = graph.intervals(lo, hi)
    depths = graph.depths(input_depth)
    sums = collapsed(graph)
    number = np.full(graph.n_nodes, -1, dtype=np.int64)
    number[: graph.n_inputs] = np.arange(graph.n_inputs)
    number[sums.kept] = graph.n_inputs + np.arange(len(sums.kept))
    leaves = np.array([leaf for leaves in sums.leaves for leaf in leaves], dtype=np.int64)
    leaves[:, 0] = number[leaves[:, 0]]
    order = np.concatenate([np.arange(graph.n_inputs), sums.kept])
    place = np.zeros((len(order), 3), dtype=np.int64)
    place[: graph.n_inputs, 0] = np.arange(graph.n_inputs)
    depth = np.zeros(len(order), dtype=np.int64)
    depth[: graph.n_inputs] = depths[: graph.n_inputs]
    adders = _trees.build_trees(
        np.cumsum([0, *map(len, sums.leaves)]),
        leaves,
        deadlines(graph, depths, out_depth)[sums.kept],
        low[order],
        high[order],
        place,
        depth,
        tries,
    )
    return with_adders(graph, adders, np.where(graph.out_node < 0, -1, number[graph.out_node]), place)


def with_adders(graph: AdderGraph, adders: IntArray, out: IntArray, place: IntArray) -> AdderGraph:
    """The graph of new adders; ``out`` int64[N] are rows of ``place``, or -1."""
    node, shift, negated = place[out].T
    return AdderGraph(
        n_inputs=graph.n_inputs,
        lhs=adders[:, 0],
        rhs=adders[:, 1],
        lhs_shift=adders[:, 2],
        rhs_shift=adders[:, 3],
        subtract=adders[:, 4] != 0,
        out_node=np.where(out < 0, -1, node),
        out_shift=np.where(out < 0, 0, graph.out_shift + shift),
        out_negate=(out >= 0) & (graph.out_negate != (negated != 0)),
    )


def bounds_fit(graph: AdderGraph, lo: IntArray, hi: IntArray, spare_bits: int = 0) -> bool:
    """Whether no sum of absolute terms leaves int64: then no partial sum does in any order."""
    bound: list[float] = np.maximum(np.abs(lo), np.abs(hi)).astype(np.float64).tolist()
    operands = (graph.lhs, graph.rhs, graph.lhs_shift, graph.rhs_shift)
    for lhs, rhs, ls, rs in zip(*(array.tolist() for array in operands), strict=True):
        bound.append(bound[lhs] * 2.0**ls + bound[rhs] * 2.0**rs)
    return max(bound, default=0.0) < _LIMIT * 0.5**spare_bits


def collapsed(graph: AdderGraph) -> Collapsed:
    """Takes apart every adder that exactly one adder reads, once, and no output."""
    readers = np.bincount(np.concatenate([graph.lhs, graph.rhs]), minlength=graph.n_nodes)
    readers[graph.out_node[graph.out_node >= 0]] += 2
    apart = (readers == 1).tolist()
    operands = (graph.lhs, graph.rhs, graph.lhs_shift, graph.rhs_shift, graph.subtract.astype(np.int64))
    leaves: list[list[Leaf]] = [[]] * graph.n_inputs
    kept: list[int] = []
    for lhs, rhs, ls, rs, subtract in zip(*(array.tolist() for array in operands), strict=True):
        terms: list[Leaf] = []
        for node, shift, sign in ((lhs, ls, 0), (rhs, rs, subtract)):
            if node >= graph.n_inputs and apart[node]:
                terms += [(leaf, more + shift, negated ^ sign) for leaf, more, negated in leaves[node]]
            else:
                terms.append((node, shift, sign))
        if not apart[len(leaves)]:
            kept.append(len(leaves))
        leaves.append(terms)
    return Collapsed(np.array(kept, dtype=np.int64), [leaves[node] for node in kept])


def deadlines(graph: AdderGraph, depths: IntArray, out_depth: IntArray | None) -> IntArray:
    """The latest level of each node that keeps the outputs in time in the network as it is, int64[K+A]."""
    outputs = graph.out_node >= 0
    nodes = graph.out_node[outputs]
    own = depths[nodes]
    allowed = np.full(len(nodes), own.max(initial=0))
    if out_depth is not None:
        allowed = np.minimum(allowed, out_depth[outputs])
    latest = np.full(graph.n_nodes, _ANY_DEPTH, dtype=np.int64)
    np.minimum.at(latest, nodes, np.maximum(allowed, own))
    late: list[int] = latest.tolist()
    for k in range(graph.n_adders - 1, -1, -1):
        before = late[graph.n_inputs + k] - 1
        for operand in (int(graph.lhs[k]), int(graph.rhs[k])):
            late[operand] = min(late[operand], before)
    return np.array(late, dtype=np.int64)
