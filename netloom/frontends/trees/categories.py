"""Splits over categories as comparisons: the categories of a set are ranges of whole numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import DTypeLike

from netloom.core.cuts import cuts
from netloom.frontends.trees.nodes import Tree, TreeBuilder

JUST_ABOVE_MINUS_ONE = float(np.nextafter(-1.0, 0.0))
"""Conversion to a whole number drops the fraction, so what is above -1 is category 0."""


def intervals(
    categories: Iterable[int], first: float, rounded_to: DTypeLike = np.float64
) -> list[tuple[float, float]]:
    """Numbers whose whole part is one of the categories, as ascending intervals [low, high).

    Args:
        categories: whole numbers from 0 on.
        first: where category 0 begins.
        rounded_to: type to which the source rounds numbers first.
    """
    found: list[tuple[float, float]] = []
    for category in sorted(categories):
        low, high = (first if category == 0 else float(category)), float(category + 1)
        if found and found[-1][1] == low:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    bounds = cuts(np.array(found).reshape(-1, 2), rounded_to=rounded_to)
    return [(float(low), float(high)) for low, high in bounds]


def category_tree(
    tree: Tree, right: Mapping[int, set[int]], first: float = 0.0, rounded_to: DTypeLike = np.float64
) -> Tree:
    """A tree in which some nodes send the numbers of a set of categories right, and others left.

    Args:
        tree: with comparisons of any kind in these nodes.
        right: the set of each of these nodes.
        first: where category 0 begins.
        rounded_to: type to which the source rounds numbers first.
    """
    return interval_tree(tree, {node: intervals(found, first, rounded_to) for node, found in right.items()})


def interval_tree(tree: Tree, right: Mapping[int, Sequence[tuple[float, float]]]) -> Tree:
    """A tree in which some nodes send the numbers of ascending intervals [low, high) right, others left.

    Args:
        tree: with comparisons of any kind in these nodes.
        right: the intervals of each of these nodes.
    """
    builder = TreeBuilder(tree.values.shape[1])
    for _ in range(len(tree.feature)):
        builder.reserve()
    for node in range(len(tree.feature)):
        feature, left, other = int(tree.feature[node]), int(tree.left[node]), int(tree.right[node])
        if node in right:
            # Inside means to the right; a missing value goes where the library sends it.
            builder.members(node, feature, right[node], other, left, not bool(tree.missing_left[node]))
        elif left >= 0:
            builder.compare(node, feature, float(tree.cut[node]), left, other, bool(tree.missing_left[node]))
        else:
            builder.leaf(node, tree.values[node].tolist())
    return builder.tree()
