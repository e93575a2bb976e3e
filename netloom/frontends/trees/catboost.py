"""CatBoost: the JSON of models with oblivious trees, and fitted objects.

All nodes of one level of an oblivious tree share a split; bit i of a leaf's number is x > border of split i,
with x and the border in float32 ("Export a model to JSON" in CatBoost's documentation).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netloom.core.cuts import cuts
from netloom.frontends.trees.errors import MALFORMED, bad_split, corrupted, unfitted, unsupported
from netloom.frontends.trees.forest import Forest
from netloom.frontends.trees.nodes import Tree, ensemble_of, two_columns

PLAIN = (
    *("RMSE", "MAE", "Quantile", "MAPE", "Lq", "Huber", "Expectile", "LogCosh", "MultiRMSE"),
    *("YetiRank", "YetiRankPairwise", "PairLogit", "QueryRMSE", "StochasticRank", "LambdaMart"),
)
LOSSES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(PLAIN, ()),
    "Logloss": ("sigmoid",),
    "CrossEntropy": ("sigmoid",),
    "MultiClass": ("softmax",),
    "MultiClassOneVsAll": ("sigmoid",),
    "Poisson": ("exp",),
    "Tweedie": ("exp",),
}
"""Loss to the steps from sums to predictions."""


def from_object(model: Any) -> Forest:
    """A fitted object, through its own JSON.

    Raises:
        CompileError: NL121 when it is not fitted, else as `from_document`.
    """
    origin = type(model).__name__
    if not model.is_fitted():
        raise unfitted(origin)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.json"
        model.save_model(str(path), format="json")
        document = json.loads(path.read_text(encoding="utf-8"))
    forest = from_document(document, origin)
    if hasattr(model, "predict_proba") and forest.steps == ("sigmoid", "flat"):
        return Forest(two_columns(forest.ensemble), ("softmax",), output="probability")
    return forest


def from_document(document: Any, origin: str) -> Forest:
    """The forest of a parsed model.

    Raises:
        CompileError: NL122 for trees that are not oblivious and losses that have no exact form, NL123 for
            splits over categories, NL124 when something is missing or does not fit together.
    """
    try:
        return _forest(document, origin)
    except MALFORMED as error:
        raise corrupted(origin, f"it is no model of CatBoost: {type(error).__name__} {error}") from error


def _forest(document: Any, origin: str) -> Forest:
    if "oblivious_trees" not in document:
        raise unsupported("trees that are not oblivious", origin, "grow_policy='SymmetricTree'")
    if not document["oblivious_trees"]:
        raise unfitted(origin)
    loss = document["model_info"]["params"]["loss_function"]["type"]
    if loss not in LOSSES:
        raise unsupported(f"loss '{loss}'", origin, ", ".join(LOSSES))
    info = document["features_info"]
    if info.get("categorical_features"):
        raise bad_split(
            "splits over categories", origin, "numerical features", "encode the categories as numbers"
        )
    floats = info["float_features"]
    flat = [int(feature["flat_feature_index"]) for feature in floats]
    treated = [feature.get("nan_value_treatment", "AsIs") == "AsTrue" for feature in floats]
    scale, bias = document.get("scale_and_bias", [1.0, [0.0]])
    bias = np.atleast_1d(np.asarray(bias, dtype=np.float64))
    trees = [_tree(tree, origin, flat, treated, float(scale)) for tree in document["oblivious_trees"]]
    classes = trees[0].values.shape[1]
    ensemble = ensemble_of(trees, max(flat) + 1, np.broadcast_to(bias, (classes,)), origin)
    steps = LOSSES[loss]
    output = "probability" if steps in (("sigmoid",), ("softmax",)) else "score"
    return Forest(ensemble, (*steps, "flat") if classes == 1 else steps, output=output)


def _tree(tree: Any, origin: str, flat: list[int], treated: list[bool], scale: float) -> Tree:
    """A complete tree: node n has children 2 n + 1 and 2 n + 2, the last split at the root."""
    splits = list(reversed(tree["splits"] or []))
    for split in splits:
        if split["split_type"] != "FloatFeature":
            raise bad_split(f"a split of type {split['split_type']}", origin, "FloatFeature")
    depth = len(splits)
    leaves = np.asarray(tree["leaf_values"], dtype=np.float64).reshape(1 << depth, -1) * scale
    inner, nodes = (1 << depth) - 1, (2 << depth) - 1
    level = np.array([(n + 1).bit_length() - 1 for n in range(inner)], dtype=np.int64)
    number = np.arange(inner)
    right, left = np.full(nodes, -1), np.full(nodes, -1)
    left[:inner], right[:inner] = 2 * number + 1, 2 * number + 2
    border = np.array([split["border"] for split in splits], dtype=np.float32)
    index = np.array([int(split["float_feature_index"]) for split in splits], dtype=np.int64)
    values = np.zeros((nodes, leaves.shape[1]))
    values[inner:] = leaves

    def spread(of_split: NDArray[Any]) -> NDArray[Any]:
        found = np.zeros(nodes, dtype=of_split.dtype)
        found[:inner] = of_split[level]
        return found

    return Tree(
        spread(np.array(flat, dtype=np.int64)[index]),
        spread(cuts(border, inclusive=True, rounded_to=np.float32)),
        left,
        right,
        # A NaN is greater than every border where it is treated as true.
        spread(~np.array(treated, dtype=np.bool_)[index]),
        values,
    )
