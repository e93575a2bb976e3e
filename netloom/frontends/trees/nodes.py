"""From the node arrays of libraries to an ensemble: references, checks, categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netloom.core.ensemble import Bools, Ensemble, Ints, in_order
from netloom.frontends.trees.errors import MALFORMED, corrupted

Values = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree as libraries keep it: arrays over all its nodes, leaves among them; node 0 is the root.

    Attributes:
        feature, cut: of each comparing node: left where x[feature] < cut (see `netloom.core.cuts`).
        left, right: node numbers; below zero for a leaf.
        missing_left: whether a NaN goes left.
        values: leaf values [nodes, K], read at leaves.
    """

    feature: Ints
    cut: NDArray[np.float64]
    left: Ints
    right: Ints
    missing_left: Bools
    values: NDArray[np.float64]


def ensemble_of(
    trees: Sequence[Tree], n_features: int, base: Values, origin: str, roots: Sequence[int] | None = None
) -> Ensemble:
    """All trees in one.

    Args:
        trees: arrays of nodes.
        n_features: how many features there are.
        base: what the sums start from, [K].
        origin: of what, for messages.
        roots: nodes at which trees begin, counted over all arrays; by default the first one of each.

    Raises:
        CompileError: NL124 when arrays do not describe trees.
    """
    empty = np.zeros((0, len(base)))
    sizes = [len(tree.feature) for tree in trees]
    starts = np.cumsum([0, *sizes])
    try:
        _check(trees, n_features)
        if not np.all(np.isfinite(base)):
            raise ValueError("what their sums start from is not finite")
        joined = [_joined([getattr(tree, name) for tree in trees]) for name in FIELDS]
        values = np.concatenate([empty, *(tree.values for tree in trees)])
        feature, cut, missing = joined[0].astype(np.int64), joined[1], joined[4].astype(np.bool_)
        left, right = (
            _joined(
                [_shifted(getattr(tree, side), start) for tree, start in zip(trees, starts, strict=False)]
            )
            for side in ("left", "right")
        )
        is_leaf: Bools = left < 0
        number = np.where(is_leaf, np.negative(np.cumsum(is_leaf)), np.cumsum(~is_leaf) - 1)
        inner = np.flatnonzero(~is_leaf)
        return in_order(
            n_features,
            feature[inner],
            cut[inner].astype(np.float64),
            number[left[inner].astype(np.int64)],
            number[right[inner].astype(np.int64)],
            missing[inner],
            number[starts[:-1] if roots is None else np.asarray(roots, dtype=np.int64)],
            values[is_leaf],
            np.asarray(base, dtype=np.float64),
        )
    except MALFORMED as error:
        raise corrupted(origin, f"its arrays do not describe trees: {error}") from error


def two_columns(trees: Ensemble, threshold: float = 0.0) -> Ensemble:
    """A binary score as the scores of two classes: a constant, and the score itself.

    The largest of them is the class. Where the constant is zero, their softmax are the probabilities of both.
    """
    zeros = np.zeros((trees.n_leaves, 1))
    return replace(
        trees,
        leaves=np.concatenate([zeros, trees.leaves], axis=1),
        base=np.concatenate([[threshold], trees.base]),
    )


FIELDS = ("feature", "cut", "left", "right", "missing_left")


def _check(trees: Sequence[Tree], n_features: int) -> None:
    """Every array has one element for each node; branches and features exist; leaves are finite."""
    for number, tree in enumerate(trees):
        size = len(tree.feature)
        if not size or any(len(getattr(tree, name)) != size for name in (*FIELDS, "values")):
            raise ValueError(f"tree {number} has arrays of different lengths, or no node")
        inner = tree.left >= 0
        if np.any(tree.right[inner] < 0) or np.any(tree.left >= size) or np.any(tree.right[inner] >= size):
            raise ValueError(f"tree {number} has a branch to a node that does not exist")
        if np.any(tree.feature[inner] < 0) or np.any(tree.feature[inner] >= n_features):
            raise ValueError(f"tree {number} reads a feature beyond its {n_features}")
        if np.any(np.isnan(tree.cut[inner])) or not np.all(np.isfinite(tree.values[~inner])):
            raise ValueError(f"tree {number} has a NaN threshold, or a leaf that is not finite")


def _joined(arrays: Sequence[Values]) -> Values:
    return np.concatenate([np.zeros(0, dtype=np.int64), *arrays])


def _shifted(children: Ints, start: int) -> Ints:
    return np.where(children < 0, -1, children + start)


class TreeBuilder:
    """A tree that is written node by node; for splits that become several comparisons."""

    def __init__(self, outputs: int) -> None:
        self.outputs = outputs
        self.nodes: list[tuple[int, float, int, int, bool]] = []
        self.values: list[Sequence[float]] = []

    def reserve(self) -> int:
        """A node that is filled in later."""
        self.nodes.append((0, 0.0, -1, -1, False))
        self.values.append([0.0] * self.outputs)
        return len(self.nodes) - 1

    def leaf(self, node: int, values: Sequence[float]) -> None:
        """Make a reserved node a leaf."""
        self.values[node] = values

    def compare(self, node: int, feature: int, cut: float, left: int, right: int, missing_left: bool) -> None:
        """Make a reserved node a comparison."""
        self.nodes[node] = (feature, cut, left, right, missing_left)

    def members(
        self,
        node: int,
        feature: int,
        inside: Sequence[tuple[float, float]],
        left: int,
        right: int,
        missing: bool,
    ) -> None:
        """Make a reserved node go left where x is in one of the ascending intervals [low, high).

        Args:
            node: the reserved node.
            feature: what it reads.
            inside: intervals without overlap.
            left: where x in an interval leads.
            right: where x elsewhere leads.
            missing: whether a NaN goes left.
        """
        cuts = [bound for interval in inside for bound in interval]
        self._search(node, feature, cuts, 0, left, right, missing)

    def _search(
        self, node: int, feature: int, cuts: Sequence[float], below: int, left: int, right: int, missing: bool
    ) -> None:
        """Find x among cuts by halving; an odd number of cuts at or below x means inside."""

        def end(count: int) -> int:
            return left if count % 2 else right

        if not cuts:
            # Nothing is inside: both branches lead to the same place.
            self.compare(node, feature, 0.0, right, right, missing)
            return
        half = len(cuts) // 2
        low, high = cuts[:half], cuts[half + 1 :]
        first, second = end(below), end(below + half + 1)
        if low:
            first = self.reserve()
            self._search(first, feature, low, below, left, right, missing)
        if high:
            second = self.reserve()
            self._search(second, feature, high, below + half + 1, left, right, missing)
        # A NaN follows the side that it must come out of.
        self.compare(node, feature, cuts[half], first, second, self._way(first, second, left, right, missing))

    def _way(self, first: int, second: int, left: int, right: int, missing: bool) -> bool:
        wanted = left if missing else right
        if first == wanted or second == wanted:
            return first == wanted
        return first not in (left, right)

    def tree(self) -> Tree:
        """What was written."""
        columns = list(zip(*self.nodes, strict=True))
        feature, cut, left, right, missing = (np.array(column) for column in columns)
        return Tree(
            feature.astype(np.int64),
            cut.astype(np.float64),
            left.astype(np.int64),
            right.astype(np.int64),
            missing.astype(np.bool_),
            np.array(self.values, dtype=np.float64).reshape(len(self.nodes), self.outputs),
        )
