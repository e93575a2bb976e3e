"""Ensembles of decision trees held as arrays: exact meaning, bounds and order.

An :class:`Ensemble` is a set of decision graphs that share nodes and leaves.  A *reference* says where
a branch leads: ``r >= 0`` is node ``r``, ``r < 0`` is leaf ``-1 - r``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Values = NDArray[Any]

BLOCK_ELEMENTS = 1 << 20
"""Samples times trees that are followed at a time; 1 M references are 8 MB."""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Sums of leaves of decision graphs over ``n_features`` numbers.

    Node ``i`` goes ``left[i]`` where ``x[feature[i]] < threshold[i]``, else ``right[i]``; a NaN goes left
    where ``missing_left[i]``.  Branches lead to later nodes only, so there are no cycles.  The result is
    ``base`` plus the leaf, a row of ``leaves``, that each tree's walk from its root ends in.

    ``feature``, ``left``, ``right`` are int64[N], ``threshold`` float64[N] or int64[N], ``missing_left``
    bool[N], ``roots`` int64[T], ``leaves`` [L, K], ``base`` [K].

    Raises ValueError on construction when the arrays do not describe such an ensemble.
    """

    n_features: int
    feature: Ints
    threshold: Values
    left: Ints
    right: Ints
    missing_left: Bools
    roots: Ints
    leaves: Values
    base: Values

    def __post_init__(self) -> None:
        nodes = (self.feature, self.threshold, self.left, self.right, self.missing_left)
        if any(array.ndim != 1 or len(array) != self.n_nodes for array in nodes):
            raise ValueError("ensemble: the arrays of nodes must be vectors of one length")
        if self.leaves.ndim != 2 or self.base.shape != self.leaves.shape[1:]:
            raise ValueError("ensemble: leaves are [L, K], base is [K]")
        if np.any(self.feature < 0) or np.any(self.feature >= self.n_features):
            raise ValueError("ensemble: a node reads a feature that does not exist")
        if np.any(np.isnan(self.threshold)):
            raise ValueError("ensemble: a threshold is NaN")
        own = np.arange(self.n_nodes)
        for branch in (self.left, self.right):
            if np.any((branch >= 0) & (branch <= own)):
                raise ValueError("ensemble: a branch must lead to a later node, or a leaf")
        for name, references in (("branch", self.left), ("branch", self.right), ("root", self.roots)):
            if np.any(references >= self.n_nodes) or np.any(references < -self.n_leaves):
                raise ValueError(f"ensemble: a {name} leads to a node or leaf that does not exist")

    @property
    def n_nodes(self) -> int:
        """Number of comparing nodes N."""
        return len(self.feature)

    @property
    def n_leaves(self) -> int:
        """Number of leaves L."""
        return len(self.leaves)

    @property
    def n_trees(self) -> int:
        """Number of trees T."""
        return len(self.roots)

    @property
    def n_outputs(self) -> int:
        """Number of results K."""
        return len(self.base)

    @cached_property
    def depth(self) -> Ints:
        """Longest way from a root to each node, int64[N]; -1 for a node that no tree reaches."""
        depth = np.full(self.n_nodes, -1, dtype=np.int64)
        frontier, level = np.unique(self.roots[self.roots >= 0]), 0
        while frontier.size:
            depth[frontier] = level
            following = np.concatenate([self.left[frontier], self.right[frontier]])
            frontier, level = np.unique(following[following >= 0]), level + 1
        return depth

    @property
    def max_depth(self) -> int:
        """Most comparisons between a root and a leaf."""
        return int(self.depth.max(initial=-1)) + 1

    def follow(self, x: Values) -> Ints:
        """Number of the leaf of each tree, int64[S, T], for samples [S, n_features]."""
        at = np.broadcast_to(self.roots, (len(x), self.n_trees)).copy()
        rows = np.arange(len(x))[:, None]
        for _ in range(self.max_depth):
            inner = np.maximum(at, 0)
            value = x[rows, self.feature[inner]]
            left = value < self.threshold[inner]
            if x.dtype.kind == "f":
                left |= np.isnan(value) & self.missing_left[inner]
            at = np.where(at < 0, at, np.where(left, self.left[inner], self.right[inner]))
        return np.asarray(-1 - at)

    def evaluate(self, x: Values) -> Values:
        """Results [S, K] for samples [S, n_features]; added in the order of the trees."""
        found = np.empty((len(x), self.n_outputs), dtype=self.leaves.dtype)
        block = max(1, BLOCK_ELEMENTS // max(self.n_trees, 1))
        for start in range(0, len(x), block):
            leaf = self.follow(x[start : start + block]) if self.n_nodes else None
            total = np.broadcast_to(self.base, found[start : start + block].shape).copy()
            for tree in range(self.n_trees):
                total += self.leaves[-1 - self.roots[tree] if leaf is None else leaf[:, tree]]
            found[start : start + block] = total
        return found

    def _levels(self) -> Iterator[Ints]:
        """The nodes that a tree reaches, deepest first, in groups without branches between them."""
        for level in range(self.max_depth - 1, -1, -1):
            yield np.flatnonzero(self.depth == level)

    def place(self, references: Ints) -> Ints:
        """Index of what references lead to in an array of all nodes and then all leaves."""
        return np.where(references >= 0, references, self.n_nodes - 1 - references)

    def extremes(self, low: Ints, high: Ints) -> tuple[Values, Values]:
        """Smallest and largest leaf of each tree, [T, K] each, for features within int64[n_features]."""
        goes_left, goes_right = low[self.feature] < self.threshold, high[self.feature] >= self.threshold
        shape = (self.n_nodes + self.n_leaves, self.n_outputs)
        smallest, largest = np.zeros(shape, self.leaves.dtype), np.zeros(shape, self.leaves.dtype)
        smallest[self.n_nodes :] = largest[self.n_nodes :] = self.leaves
        for nodes in self._levels():
            # Where only one branch can be taken, both names mean it.
            left = self.place(np.where(goes_left, self.left, self.right)[nodes])
            right = self.place(np.where(goes_right, self.right, self.left)[nodes])
            smallest[nodes] = np.minimum(smallest[left], smallest[right])
            largest[nodes] = np.maximum(largest[left], largest[right])
        roots = self.place(self.roots)
        return smallest[roots], largest[roots]

    def bounds(self, low: Ints, high: Ints) -> tuple[Values, Values]:
        """Bounds [K] of the results for features within bounds int64[n_features]."""
        smallest, largest = self.extremes(low, high)
        return self.base + smallest.sum(axis=0), self.base + largest.sum(axis=0)


def in_order(
    n_features: int,
    feature: Ints,
    threshold: Values,
    left: Ints,
    right: Ints,
    missing_left: Bools,
    roots: Ints,
    leaves: Values,
    base: Values,
) -> Ensemble:
    """An ensemble from nodes in any order; nodes and leaves that no tree reaches are left out.

    Raises ValueError when branches lead nowhere or in circles.
    """
    count = len(feature)
    for references in (left, right, roots):
        if np.any(references >= count) or np.any(references < -len(leaves)):
            raise ValueError("a branch leads to a node or leaf that does not exist")
    level = np.full(count, -1, dtype=np.int64)
    frontier, depth = np.unique(roots[roots >= 0]), 0
    while frontier.size:
        if depth > count:
            raise ValueError("the branches of a tree form a circle")
        level[frontier] = depth
        following = np.concatenate([left[frontier], right[frontier]])
        frontier, depth = np.unique(following[following >= 0]), depth + 1
    order = np.argsort(level, kind="stable")
    order = order[np.searchsorted(level[order], 0) :]
    ends = np.concatenate([left[order], right[order], roots])
    kept = np.unique(-1 - ends[ends < 0])
    place, leaf = np.zeros(count + 1, dtype=np.int64), np.zeros(len(leaves) + 1, dtype=np.int64)
    place[order], leaf[kept] = np.arange(len(order)), np.arange(len(kept))

    def moved(references: Ints) -> Ints:
        return np.where(
            references >= 0, place[np.maximum(references, 0)], -1 - leaf[np.maximum(~references, 0)]
        )

    return Ensemble(
        n_features,
        feature[order],
        threshold[order],
        moved(left[order]),
        moved(right[order]),
        missing_left[order],
        moved(roots),
        leaves[kept],
        base,
    )
