"""scikit-learn's histogram-based trees: columns that an encoder moved, and splits over categories.

A model with categorical features first moves these to the front and replaces each number by its place among
the numbers that were seen. A node sends a set of places left and the other ones right; everything else, NaN
and numbers between two categories too, goes where missing values go. So one branch takes single numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netloom.core.cuts import cuts
from netloom.frontends.trees.categories import interval_tree
from netloom.frontends.trees.errors import bad_split
from netloom.frontends.trees.nodes import Tree

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Columns:
    """What the trees compare.

    Attributes:
        feature: the model's feature in each column.
        values: of columns of categories, which come first, the numbers in order.
        known: the places of them that the trees were trained with.
    """

    feature: Ints
    values: Sequence[Reals] = ()
    known: Sequence[frozenset[int]] = ()

    def points(self, column: int, places: Iterable[int]) -> list[tuple[float, float]]:
        """The numbers at these places as intervals [low, high), ascending."""
        numbers = self.values[column][sorted(places)]
        return [(float(low), float(np.nextafter(low, np.inf))) for low in numbers]


def columns_of(model: Any) -> Columns:
    """The columns of a fitted model.

    Raises:
        CompileError: NL123 for categories that are no finite numbers.
    """
    encoder = getattr(model, "_preprocessor", None)
    if encoder is None:
        return Columns(np.arange(model.n_features_in_))
    categorical = np.asarray(model.is_categorical_, dtype=np.bool_)
    feature = np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])
    values = [
        _numbers(np.asarray(each), type(model).__name__)
        for each in encoder.named_transformers_["encoder"].categories_
    ]
    known = [
        frozenset(np.asarray(model._bin_mapper.bin_thresholds_[column]).astype(np.int64).tolist())
        for column in range(len(values))
    ]
    return Columns(feature, values, known)


def _numbers(categories: NDArray[Any], origin: str) -> Reals:
    """Categories as numbers; NaN, the last of them, is a missing value."""
    if categories.dtype.kind not in "biuf":
        raise bad_split(
            f"categories that are no numbers ({categories[:1].tolist()})",
            origin,
            "categories that are numbers",
            "encode them as numbers first; the hardware has no other inputs",
        )
    numbers = categories.astype(np.float64)
    return numbers[~np.isnan(numbers)]


def histogram_tree(predictor: Any, column: int, outputs: int, columns: Columns, origin: str) -> Tree:
    """A tree with its leaves in one of several columns of results.

    Raises:
        CompileError: NL123 for splits over categories of a model that does not say which ones it knows.
    """
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(np.bool_)
    values = np.zeros((len(nodes), outputs))
    values[:, column] = nodes["value"]
    left = np.where(leaf, -1, nodes["left"].astype(np.int64))
    right = np.where(leaf, -1, nodes["right"].astype(np.int64))
    missing_left = nodes["missing_go_to_left"].astype(np.bool_)
    position = nodes["feature_idx"].astype(np.int64)
    single: dict[int, list[tuple[float, float]]] = {}
    for node in np.flatnonzero(nodes["is_categorical"].astype(np.bool_) & ~leaf).tolist():
        place = int(position[node])
        if place >= len(columns.values):
            raise bad_split("categories without an encoder", origin, "models of scikit-learn 1.4 or later")
        goes_left = _places(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]])
        if missing_left[node]:
            single[node] = columns.points(place, columns.known[place] - goes_left)
        else:
            left[node], right[node], missing_left[node] = right[node], left[node], True
            single[node] = columns.points(place, goes_left)
    cut = cuts(nodes["num_threshold"].astype(np.float64), inclusive=True)
    tree = Tree(columns.feature[position], cut, left, right, missing_left, values)
    return interval_tree(tree, single) if single else tree


def _places(words: Any) -> frozenset[int]:
    """Numbers of the bits that are set in words of 32 bits."""
    bits = (np.asarray(words, dtype=np.int64)[:, None] >> np.arange(32)) & 1
    return frozenset(np.flatnonzero(bits).tolist())
