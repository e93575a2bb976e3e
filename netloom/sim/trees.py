"""The fast emulation of `tree.ensemble`: arrays for the compiled loops of `netloom.sim._tree_kernels`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from xdsl.ir import SSAValue

from netloom.core.ensemble import Ensemble, Ints
from netloom.ir.interval import Interval
from netloom.ir.tree import EnsembleOp

Values = NDArray[Any]
Kernel = Callable[[Sequence[Values]], Values]
Holding = Callable[[float], Any]

COMPLETE_DEPTH = 8
"""Trees of up to so many levels are filled up to complete ones."""


def ensemble(op: EnsembleOp, intervals: Mapping[SSAValue, Interval], holding: Holding) -> Kernel | None:
    """Trees in floating point where that is exact; `holding` gives the cheapest type for a magnitude."""
    if not op.is_fixed:
        return None
    trees = op.ensemble
    source, result = holding(_reach(intervals[op.input], trees)), holding(_sum_reach(trees))
    if np.int64 in (source, result):
        return None
    run = (
        _complete(trees, source, result)
        if trees.max_depth <= COMPLETE_DEPTH
        else _linked(trees, source, result)
    )

    def kernel(operands: Sequence[Values]) -> Values:
        x = np.ascontiguousarray(operands[0].reshape(-1, trees.n_features), dtype=source)
        out = np.empty((len(x), trees.n_outputs), dtype=result)
        out[:] = trees.base
        if trees.n_trees:
            run(x, out)
        return out.reshape(*operands[0].shape[:-1], trees.n_outputs)

    return kernel


def _reach(interval: Interval, trees: Ensemble) -> float:
    """Largest magnitude of a feature or a threshold."""
    bounds = [abs(bound) for bound in interval.bounds]
    return float(max(*bounds, int(np.abs(trees.threshold).max(initial=0))))


def _sum_reach(trees: Ensemble) -> float:
    """More than any partial sum: each tree's largest leaf."""
    largest = np.abs(trees.leaves).max(axis=1, initial=0).astype(np.float64)
    top = np.zeros(trees.n_nodes + trees.n_leaves)
    top[trees.n_nodes :] = largest
    for level in range(trees.max_depth - 1, -1, -1):
        nodes = np.flatnonzero(trees.depth == level)
        top[nodes] = np.maximum(top[trees.place(trees.left[nodes])], top[trees.place(trees.right[nodes])])
    return float(np.abs(trees.base).max(initial=0) + top[trees.place(trees.roots)].sum())


def _depths(trees: Ensemble) -> Ints:
    """Levels of each tree."""
    height = np.zeros(trees.n_nodes + trees.n_leaves, dtype=np.int64)
    for level in range(trees.max_depth - 1, -1, -1):
        nodes = np.flatnonzero(trees.depth == level)
        below = [height[trees.place(branch[nodes])] for branch in (trees.left, trees.right)]
        height[nodes] = 1 + np.maximum(*below)
    return np.asarray(height[trees.place(trees.roots)])


def _columns(trees: Ensemble) -> Ints:
    """The only result that each tree adds to; -1 for all trees when one of them adds to several."""
    used = np.zeros((trees.n_nodes + trees.n_leaves, trees.n_outputs), dtype=np.bool_)
    used[trees.n_nodes :] = trees.leaves != 0
    for level in range(trees.max_depth - 1, -1, -1):
        nodes = np.flatnonzero(trees.depth == level)
        used[nodes] = used[trees.place(trees.left[nodes])] | used[trees.place(trees.right[nodes])]
    of_tree = used[trees.place(trees.roots)]
    if np.any(of_tree.sum(axis=1) > 1):
        return np.full(trees.n_trees, -1, dtype=np.int64)
    return np.asarray(of_tree.argmax(axis=1), dtype=np.int64)


def _values(trees: Ensemble, leaf: Ints, tree: Ints, columns: Ints, result: DTypeLike) -> Values:
    """Leaf values [..., K], or [..., 1] where each tree has one column."""
    if np.any(columns < 0):
        return trees.leaves[leaf].astype(result)
    return trees.leaves[leaf, columns[tree]][..., None].astype(result)


def _complete(trees: Ensemble, source: DTypeLike, result: DTypeLike) -> Callable[[Values, Values], None]:
    """Every tree at its place in an array of complete trees."""
    from netloom.sim._tree_kernels import BLOCK, complete

    depths, columns = _depths(trees), _columns(trees)
    deepest = int(depths.max(initial=0))
    feature = np.zeros((trees.n_trees, 1 << deepest), dtype=np.uint32)
    threshold = np.zeros((trees.n_trees, 1 << deepest), dtype=source)
    at = trees.roots[:, None]
    for level in range(deepest):
        inner = np.maximum(at, 0)
        span = slice(1 << level, 2 << level)
        feature[:, span] = np.where(at >= 0, trees.feature[inner] * BLOCK, 0) if trees.n_nodes else 0
        threshold[:, span] = np.where(at >= 0, trees.threshold[inner], 0)
        branches = [np.where(at >= 0, branch[inner], at) for branch in (trees.left, trees.right)]
        at = np.stack(branches, axis=-1).reshape(trees.n_trees, -1)
    numbers = np.arange(trees.n_trees)[:, None]
    values = _values(trees, -1 - at, numbers, columns, result)
    leaves = np.zeros((trees.n_trees, 2 << deepest, values.shape[-1]), dtype=result)
    for tree, depth in enumerate(depths.tolist()):
        # A tree that is less deep ends at an earlier level, in the first leaf below each of its ends.
        leaves[tree, 1 << depth : 2 << depth] = values[tree, :: 1 << deepest - depth]
    return lambda x, out: complete(x, feature, threshold, depths, columns, leaves, out)


def _linked(trees: Ensemble, source: DTypeLike, result: DTypeLike) -> Callable[[Values, Values], None]:
    """Nodes, and then leaves, with the numbers of their children."""
    from netloom.sim._tree_kernels import BLOCK, linked

    total = trees.n_nodes + trees.n_leaves
    own = np.arange(total)
    child = np.stack([own, own], axis=1).astype(np.uint32)
    child[: trees.n_nodes, 0], child[: trees.n_nodes, 1] = trees.place(trees.left), trees.place(trees.right)
    feature, threshold = np.zeros(total, dtype=np.uint32), np.zeros(total, dtype=source)
    feature[: trees.n_nodes], threshold[: trees.n_nodes] = trees.feature * BLOCK, trees.threshold
    depths, columns = _depths(trees), np.full(trees.n_trees, -1, dtype=np.int64)
    leaves = np.zeros((total, trees.n_outputs), dtype=result)
    leaves[trees.n_nodes :] = trees.leaves
    if trees.n_outputs == 1:
        columns[:] = 0
    roots, flat = trees.place(trees.roots).astype(np.uint32), child.reshape(-1)
    return lambda x, out: linked(x, feature, threshold, flat, roots, depths, columns, leaves, out)
