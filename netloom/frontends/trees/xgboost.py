"""XGBoost: Booster and scikit-learn objects, and their JSON and UBJ files, read without the library.

The layout of the files is that of "Introduction to Model IO" in XGBoost's documentation. A node goes left
where float32(x) < split_conditions, a missing value where default_left says; the score of a class is
base_score, as a margin, plus the leaves of its trees.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netloom.core.cuts import cuts
from netloom.core.ensemble import Bools
from netloom.frontends.trees.categories import category_tree
from netloom.frontends.trees.errors import MALFORMED, corrupted, unfitted, unsupported
from netloom.frontends.trees.forest import Forest
from netloom.frontends.trees.nodes import Tree, ensemble_of, two_columns

Reals = NDArray[np.float64]


def _same(base: Reals) -> Reals:
    return base


def _log_odds(base: Reals) -> Reals:
    return -np.log(1.0 / base - 1.0)


OBJECTIVES: Mapping[str, tuple[Callable[[Reals], Reals], tuple[str, ...]]] = {
    **dict.fromkeys(
        (
            "reg:squarederror",
            "reg:linear",
            "reg:squaredlogerror",
            "reg:pseudohubererror",
            "reg:absoluteerror",
            "reg:quantileerror",
            "binary:logitraw",
            "rank:pairwise",
            "rank:ndcg",
            "rank:map",
        ),
        (_same, ()),
    ),
    "binary:logistic": (_log_odds, ("sigmoid",)),
    "reg:logistic": (_log_odds, ("sigmoid",)),
    "multi:softprob": (_same, ("softmax",)),
    "multi:softmax": (_same, ("argmax",)),
    **dict.fromkeys(
        ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"), (np.log, ("exp",))
    ),
}
"""Objective to the margin of its base score and the steps from margins to predictions."""


def from_object(model: Any) -> Forest:
    """A fitted Booster, or scikit-learn object: up to its best round, with class probabilities.

    Raises:
        CompileError: NL121 when it is not fitted, else as `from_document`.
    """
    booster = model
    if hasattr(model, "get_booster"):
        try:
            booster = model.get_booster()
        except Exception as error:  # the library's own class of error needs the library
            raise unfitted(type(model).__name__) from error
        best = getattr(booster, "best_iteration", None) if booster.attr("best_iteration") else None
        if best is not None:
            booster = booster[: int(best) + 1]
        missing = getattr(model, "missing", np.nan)
        if missing is not None and not np.isnan(missing):
            raise unsupported(
                f"missing={missing:g} stands for missing values",
                type(model).__name__,
                "missing=nan",
                "leave missing values out of the hardware's inputs, and train with missing=nan",
            )
    try:
        raw = bytes(booster.save_raw(raw_format="json"))
    except Exception as error:
        raise unfitted(type(model).__name__) from error
    forest = from_document(json.loads(raw), type(model).__name__)
    if hasattr(model, "predict_proba") and forest.steps == ("sigmoid", "flat"):
        trees = two_columns(forest.ensemble)
        return Forest(trees, ("softmax",), output="probability", notes=forest.notes)
    if hasattr(model, "predict_proba") and forest.steps == ("argmax",):
        return Forest(forest.ensemble, ("softmax",), output="probability", notes=forest.notes)
    return forest


def from_document(document: Any, origin: str) -> Forest:
    """The forest of a parsed model.

    Raises:
        CompileError: NL122 for boosters and objectives that have no exact form, NL123 for splits, NL124
            when something is missing or does not fit together.
    """
    try:
        return _forest(document["learner"], origin)
    except MALFORMED as error:
        raise corrupted(origin, f"it is no model of XGBoost: {type(error).__name__} {error}") from error


def _forest(learner: Any, origin: str) -> Forest:
    booster, weights = learner["gradient_booster"], None
    if booster["name"] == "dart":
        weights = np.asarray(booster["weight_drop"], dtype=np.float32)
        booster = booster["gbtree"]
    if booster["name"] != "gbtree":
        raise unsupported(f"booster '{booster['name']}'", origin, "gbtree, dart")
    objective = learner["objective"]["name"]
    if objective not in OBJECTIVES:
        raise unsupported(f"objective '{objective}'", origin, ", ".join(OBJECTIVES))
    to_margin, steps = OBJECTIVES[objective]
    parameters = learner["learner_model_param"]
    classes = max(int(parameters["num_class"]), int(parameters.get("num_target", "1")), 1)
    model = booster["model"]
    if not model["trees"]:
        raise unfitted(origin)
    features = int(parameters["num_feature"])
    trees = [_tree(tree) for tree in model["trees"]]
    groups = [int(group) for group in model["tree_info"]]
    if weights is not None:
        trees = [_weighted(tree, weight) for tree, weight in zip(trees, weights, strict=True)]
    base = to_margin(_base_score(parameters["base_score"]))
    placed = [_placed(tree, group, classes) for tree, group in zip(trees, groups, strict=True)]
    ensemble = ensemble_of(placed, features, np.broadcast_to(base, (classes,)), origin)
    if classes == 1:
        steps = (*steps, "flat")
    names = {"sigmoid": "probability", "softmax": "probability", "argmax": "label"}
    return Forest(
        ensemble, steps, output=names.get(steps[0], "score") if steps else "score", notes=_notes(learner)
    )


def _base_score(text: Any) -> Reals:
    """One number, or since XGBoost 3.1 one for each class, as text."""
    found = np.asarray(json.loads(text) if isinstance(text, str) else text, dtype=np.float32)
    return found.astype(np.float64).reshape(-1)


def _notes(learner: Any) -> tuple[str, ...]:
    attributes = learner.get("attributes") or {}
    best = attributes.get("best_iteration")
    rounds = len(learner["gradient_booster"].get("model", {}).get("iteration_indptr", ())) - 1
    if best is None or int(best) + 1 >= rounds:
        return ()
    return (f"all {rounds} rounds are used, as Booster.predict does; the best one was {best}",)


def _tree(tree: Any) -> Tree:
    left = np.asarray(tree["left_children"], dtype=np.int64)
    conditions = np.asarray(tree["split_conditions"], dtype=np.float32)
    plain = Tree(
        np.asarray(tree["split_indices"], dtype=np.int64),
        cuts(conditions, rounded_to=np.float32),
        left,
        np.asarray(tree["right_children"], dtype=np.int64),
        np.asarray(tree["default_left"]).astype(np.bool_),
        _values(tree, conditions, left < 0),
    )
    categorical = np.flatnonzero(np.asarray(tree.get("split_type", [])) == 1)
    if not categorical.size:
        return plain
    return category_tree(plain, _categories(tree, categorical.tolist()), rounded_to=np.float32)


def _values(tree: Any, conditions: NDArray[np.float32], is_leaf: Bools) -> Reals:
    """Values of leaves [nodes, K]: a number in place of a threshold, or with `multi_output_tree` a vector.

    Vectors lie side by side, since XGBoost 3.2 those of the leaves only, numbered by the right child.
    """
    size = int(tree["tree_param"].get("size_leaf_vector", "1"))
    if size <= 1:
        return conditions.astype(np.float64)[:, None]
    if "leaf_weights" not in tree:
        return _vectors(tree["base_weights"], len(conditions), size)
    number = np.asarray(tree["right_children"], dtype=np.int64)[is_leaf]
    if sorted(number.tolist()) != list(range(len(number))):
        raise ValueError("its leaves are not numbered one by one")
    values = np.zeros((len(conditions), size))
    values[is_leaf] = _vectors(tree["leaf_weights"], len(number), size)[number]
    return values


def _vectors(weights: Any, count: int, size: int) -> Reals:
    return np.asarray(weights, dtype=np.float32).astype(np.float64).reshape(count, size)


def _categories(tree: Any, nodes: list[int]) -> dict[int, set[int]]:
    """Categories that go right, by node."""
    listed = tree["categories_nodes"]
    found: dict[int, set[int]] = {}
    for node, start, size in zip(listed, tree["categories_segments"], tree["categories_sizes"], strict=True):
        found[int(node)] = {int(c) for c in tree["categories"][int(start) : int(start) + int(size)]}
    if set(found) != set(nodes):
        raise ValueError("categories and nodes differ")
    return found


def _weighted(tree: Tree, weight: np.float32) -> Tree:
    """DART: leaves times the weight of their tree, as the library multiplies them in float32."""
    values = (tree.values.astype(np.float32) * weight).astype(np.float64)
    return Tree(tree.feature, tree.cut, tree.left, tree.right, tree.missing_left, values)


def _placed(tree: Tree, group: int, classes: int) -> Tree:
    """The leaves in the column of the tree's class; vectors have all columns."""
    if tree.values.shape[1] > 1:
        if tree.values.shape[1] != classes:
            raise ValueError(f"leaves have {tree.values.shape[1]} values for {classes} results")
        return tree
    if not 0 <= group < classes:
        raise ValueError(f"a tree is of class {group} of {classes}")
    values = np.zeros((len(tree.values), classes))
    values[:, group] = tree.values[:, 0]
    return Tree(tree.feature, tree.cut, tree.left, tree.right, tree.missing_left, values)
