"""LightGBM: model text, Booster and scikit-learn objects; the text is read without the library.

The layout is that of `Booster.save_model`. `decision_type` has bit 0 for a split over categories, bit 1 for
the default to the left, bits 2 and 3 for what counts as missing: nothing, zero or NaN (LightGBM's
`include/LightGBM/tree.h`). Comparisons are x <= threshold in double.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from netloom.core.cuts import cuts
from netloom.frontends.trees.categories import JUST_ABOVE_MINUS_ONE, intervals
from netloom.frontends.trees.errors import MALFORMED, bad_split, corrupted, unfitted, unsupported
from netloom.frontends.trees.forest import Forest
from netloom.frontends.trees.nodes import Tree, TreeBuilder, ensemble_of, two_columns

ZERO = float(np.float32(1e-35))
"""Numbers within this of zero are zero where zero counts as missing."""

NONE_MISSING, ZERO_MISSING, NAN_MISSING = 0, 1, 2

OBJECTIVES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg"), ()
    ),
    "binary": ("sigmoid",),
    "cross_entropy": ("sigmoid",),
    "cross_entropy_lambda": ("softplus",),
    "multiclass": ("softmax",),
    "multiclassova": ("sigmoid",),
    **dict.fromkeys(("poisson", "gamma", "tweedie"), ("exp",)),
}
"""Objective to the steps from sums to predictions."""


def from_object(model: Any) -> Forest:
    """A fitted Booster or scikit-learn object; class probabilities for a classifier.

    Raises:
        CompileError: NL121 when it is not fitted, else as `from_text`.
    """
    origin = type(model).__name__
    booster = model
    if hasattr(model, "n_estimators"):
        try:
            booster = model.booster_
        except Exception as error:  # the library's own class of error needs the library
            raise unfitted(origin) from error
    forest = from_text(booster.model_to_string(), origin)
    if hasattr(model, "predict_proba") and forest.steps[:1] == ("sigmoid",) and forest.steps[-1] == "flat":
        trees = replace(forest.ensemble, leaves=forest.ensemble.leaves * forest.scale)
        return Forest(two_columns(trees), ("softmax",), output=forest.output, notes=forest.notes)
    return forest


def from_text(text: str, origin: str) -> Forest:
    """The forest of a model's text.

    Raises:
        CompileError: NL121 without trees, NL122 for objectives and linear trees, NL123 for splits, NL124 when
            the text is no whole model.
    """
    if not text.startswith("tree\n") or "end of trees" not in text:
        raise corrupted(origin, "it is no whole model of LightGBM")
    try:
        head, *blocks = text.split("end of trees")[0].split("\nTree=")
        return _forest(_fields(head), [_fields(block) for block in blocks], origin)
    except MALFORMED as error:
        raise corrupted(origin, f"it is no model of LightGBM: {type(error).__name__} {error}") from error


def _fields(block: str) -> dict[str, str]:
    lines = (line.partition("=") for line in block.splitlines())
    return {key: value for key, _, value in lines}


def _forest(head: Mapping[str, str], blocks: list[dict[str, str]], origin: str) -> Forest:
    if not blocks:
        raise unfitted(origin)
    words = head.get("objective", "regression").split()
    objective, settings = words[0], dict(word.partition(":")[::2] for word in words[1:])
    if objective not in OBJECTIVES or "sqrt" in settings:
        raise unsupported(f"objective '{' '.join(words)}'", origin, ", ".join(OBJECTIVES))
    steps = OBJECTIVES[objective]
    classes, features = int(head["num_tree_per_iteration"]), int(head["max_feature_idx"]) + 1
    trees = [_tree(block, origin, n % classes, classes) for n, block in enumerate(blocks)]
    scale = float(settings.get("sigmoid", 1.0)) if steps == ("sigmoid",) else 1.0
    if "average_output" in head:
        scale /= len(blocks) / classes
    ensemble = ensemble_of(trees, features, np.zeros(classes), origin)
    output = "probability" if steps in (("sigmoid",), ("softmax",)) else "score"
    return Forest(ensemble, (*steps, "flat") if classes == 1 else steps, scale, output=output)


def _tree(block: Mapping[str, str], origin: str, column: int, outputs: int) -> Tree:
    if block.get("is_linear", "0") != "0":
        raise unsupported("trees with linear leaves", origin, "linear_tree=false")
    leaves = [float(value) for value in block["leaf_value"].split()]
    builder = TreeBuilder(outputs)
    count = int(block["num_leaves"]) - 1
    # Nodes first, then leaves: child -1 - l is leaf l.
    for _ in range(2 * count + 1):
        builder.reserve()
    for number, value in enumerate(leaves):
        values = [0.0] * outputs
        values[column] = value
        builder.leaf(count + number, values)
    if count:
        _Splits(block, builder, count).write(origin)
    return builder.tree()


class _Splits:
    """The comparing nodes of one tree."""

    def __init__(self, block: Mapping[str, str], builder: TreeBuilder, count: int) -> None:
        self.builder, self.count = builder, count
        self.feature = _ints(block["split_feature"], count)
        self.kind = _ints(block["decision_type"], count)
        self.threshold = [float(value) for value in block["threshold"].split()]
        self.left, self.right = (_ints(block[f"{side}_child"], count) for side in ("left", "right"))
        self.boundaries = _ints(block.get("cat_boundaries", ""))
        self.words = _ints(block.get("cat_threshold", ""))

    def write(self, origin: str) -> None:
        """All nodes."""
        for node in range(self.count):
            left, right = (
                child if child >= 0 else self.count - 1 - child
                for child in (self.left[node], self.right[node])
            )
            if max(left, right) > 2 * self.count:
                raise ValueError("a child does not exist")
            kind = self.kind[node]
            if kind & 1:
                self.categorical(node, left, right)
            else:
                self.numerical(node, left, right, bool(kind & 2), kind >> 2 & 3, origin)

    def categorical(self, node: int, left: int, right: int) -> None:
        """A set of categories goes left; everything else, NaN too, goes right."""
        place = int(self.threshold[node])
        words = self.words[self.boundaries[place] : self.boundaries[place + 1]]
        chosen = [32 * n + bit for n, word in enumerate(words) for bit in range(32) if word >> bit & 1]
        inside = intervals(chosen, JUST_ABOVE_MINUS_ONE)
        self.builder.members(node, self.feature[node], inside, left, right, False)

    def numerical(
        self, node: int, left: int, right: int, default_left: bool, missing: int, origin: str
    ) -> None:
        """x <= threshold, with what counts as missing on its default side."""
        cut = _beyond_zero(float(cuts(np.array(self.threshold[node]), inclusive=True)))
        feature = self.feature[node]
        if missing == NONE_MISSING:
            self.builder.compare(node, feature, cut, left, right, cut > 0.0)  # NaN counts as zero
        elif missing == NAN_MISSING:
            self.builder.compare(node, feature, cut, left, right, default_left)
        elif missing == ZERO_MISSING:
            zero = (-ZERO, float(np.nextafter(ZERO, 1.0)))
            inside = _with(cut, zero) if default_left else _without(cut, zero)
            self.builder.members(node, feature, inside, left, right, default_left)
        else:
            raise bad_split(f"missing type {missing}", origin, "none, zero, NaN")


def _beyond_zero(cut: float) -> float:
    """The library takes a row's numbers within `ZERO` of zero for zero, before any comparison."""
    if -ZERO < cut <= 0.0:
        return -ZERO
    return float(np.nextafter(ZERO, 1.0)) if 0.0 < cut <= ZERO else cut


def _with(cut: float, zero: tuple[float, float]) -> list[tuple[float, float]]:
    """Below the cut, or zero."""
    if cut >= zero[0]:
        return [(-np.inf, max(cut, zero[1]))]
    return [(-np.inf, cut), zero]


def _without(cut: float, zero: tuple[float, float]) -> list[tuple[float, float]]:
    """Below the cut, but not zero."""
    below = [(-np.inf, min(cut, zero[0]))]
    return [*below, (zero[1], cut)] if cut > zero[1] else below


def _ints(text: str, count: int | None = None) -> list[int]:
    found = [int(word) for word in text.split()]
    if count is not None and len(found) != count:
        raise ValueError(f"{len(found)} numbers where {count} are due")
    return found
