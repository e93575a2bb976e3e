"""scikit-learn: fitted trees, forests, boosted trees and isolation forests, alone or behind linear scalers.

Trees compare float32(x) <= threshold, histogram-based ones x <= threshold in double. Nothing here imports the
library: what is read are attributes of the fitted object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netloom.core.cuts import cuts, pulled_back
from netloom.core.ensemble import Ensemble
from netloom.frontends.trees.errors import unfitted, unsupported
from netloom.frontends.trees.forest import Forest
from netloom.frontends.trees.histogram import columns_of, histogram_tree
from netloom.frontends.trees.nodes import Tree, ensemble_of, two_columns

Reals = NDArray[np.float64]

EULER_GAMMA = float(np.euler_gamma)


def from_object(model: Any) -> Forest:
    """The forest of a fitted estimator, or of a Pipeline that ends in one.

    Raises:
        CompileError: NL121 when it is not fitted, NL122 for an estimator or a step that has no exact form,
            NL123 for splits over categories that are no numbers.
    """
    kind = type(model).__name__
    if kind == "Pipeline":
        return _pipeline(model)
    reader = READERS.get(kind)
    if reader is None:
        raise unsupported(f"{kind} is no ensemble of trees that is known", kind, ", ".join(READERS))
    return reader(model)


def _require(model: Any, attribute: str) -> Any:
    """A fitted attribute."""
    if not hasattr(model, attribute):
        raise unfitted(type(model).__name__)
    return getattr(model, attribute)


# -- trees -------------------------------------------------------------------------------------------


def _tree(tree: Any, values: Reals, features: NDArray[np.int64] | None = None) -> Tree:
    """A `sklearn.tree._tree.Tree` with leaf values [nodes, K]; `features` are the numbers of its columns."""
    column = np.maximum(np.asarray(tree.feature, dtype=np.int64), 0)
    missing = getattr(tree, "missing_go_to_left", None)
    return Tree(
        column if features is None else features[column],
        cuts(tree.threshold, inclusive=True, rounded_to=np.float32),
        np.asarray(tree.children_left, dtype=np.int64),
        np.asarray(tree.children_right, dtype=np.int64),
        np.zeros(len(column), dtype=np.bool_) if missing is None else np.asarray(missing).astype(np.bool_),
        values,
    )


def _class_shares(tree: Any) -> Reals:
    """Shares of the classes [nodes, C] of a classifier's tree."""
    counts = np.asarray(tree.value, dtype=np.float64)[:, 0, :]
    total = counts.sum(axis=1, keepdims=True)
    return np.where(np.abs(total - 1.0) < 1e-9, counts, counts / np.where(total == 0, 1.0, total))


def _means(tree: Any) -> Reals:
    """Means of the outputs [nodes, O] of a regressor's tree."""
    return np.asarray(tree.value, dtype=np.float64)[:, :, 0]


def _average(model: Any, estimators: Sequence[Any], classes: bool) -> Forest:
    """Mean over trees: the sum is exact, and its division is left to the host."""
    origin = type(model).__name__
    if classes and model.n_outputs_ > 1:
        raise unsupported(f"{model.n_outputs_} outputs of classes", origin, "one output")
    values = _class_shares if classes else _means
    trees = [_tree(each.tree_, values(each.tree_)) for each in estimators]
    ensemble = _joined(trees, model.n_features_in_, origin)
    steps = () if classes or model.n_outputs_ > 1 else ("flat",)
    return Forest(
        ensemble, steps, 1.0 / len(trees), output="probability" if classes else "y", notes=_labels(model)
    )


def _joined(trees: Sequence[Tree], features: int, origin: str, base: Reals | None = None) -> Ensemble:
    zero = np.zeros(trees[0].values.shape[1])
    return ensemble_of(trees, int(features), zero if base is None else base, origin)


def _labels(model: Any) -> tuple[str, ...]:
    """A remark where class k is not labelled k."""
    labels = list(getattr(model, "classes_", ()))
    if labels == list(range(len(labels))):
        return ()
    return ("classes in order: " + ", ".join(str(label) for label in labels),)


def _decision_tree(model: Any) -> Forest:
    _require(model, "tree_")
    return _average(model, [model], hasattr(model, "classes_"))


def _forest(model: Any) -> Forest:
    return _average(model, _require(model, "estimators_"), hasattr(model, "classes_"))


# -- boosted trees -----------------------------------------------------------------------------------


def _gradient_boosting(model: Any) -> Forest:
    estimators, origin = _require(model, "estimators_"), type(model).__name__
    first = model.init_
    if not (isinstance(first, str) or type(first).__name__ in ("DummyClassifier", "DummyRegressor")):
        raise unsupported(f"init={type(first).__name__}", origin, "the default init, or init='zero'")
    # Its result does not depend on the features; the trees begin there.
    base = np.asarray(model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32)), np.float64)
    outputs = estimators.shape[1]
    trees = []
    for stage in estimators:
        for column, estimator in enumerate(stage):
            values = np.zeros((estimator.tree_.node_count, outputs))
            values[:, column] = model.learning_rate * np.asarray(estimator.tree_.value)[:, 0, 0]
            trees.append(_tree(estimator.tree_, values))
    ensemble = _joined(trees, model.n_features_in_, origin, base.reshape(-1))
    if not hasattr(model, "classes_"):
        return Forest(ensemble, ("flat",), output="y")
    # The exponential loss has half the log-odds as its score.
    scale = 2.0 if model.loss == "exponential" else 1.0
    return _classifier(ensemble, model, scale)


def _classifier(ensemble: Ensemble, model: Any, scale: float = 1.0) -> Forest:
    if ensemble.n_outputs == 1:
        ensemble = two_columns(replace(ensemble, leaves=ensemble.leaves * scale, base=ensemble.base * scale))
    return Forest(ensemble, ("softmax",), output="probability", notes=_labels(model))


def _histogram_boosting(model: Any) -> Forest:
    rounds, origin = _require(model, "_predictors"), type(model).__name__
    columns = columns_of(model)
    trees = [
        histogram_tree(predictor, column, len(stage), columns, origin)
        for stage in rounds
        for column, predictor in enumerate(stage)
    ]
    outputs = len(rounds[0])
    base = np.broadcast_to(np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1), (outputs,))
    ensemble = _joined(trees, model.n_features_in_, origin, base)
    if hasattr(model, "classes_"):
        return _classifier(ensemble, model)
    steps = {"identity": (), "log": ("exp",)}.get(_link(model))
    if steps is None:
        raise unsupported(f"loss '{model.loss}'", origin, "losses with the links identity and log")
    return Forest(ensemble, (*steps, "flat"), output="y")


def _link(model: Any) -> str:
    return type(model._loss.link).__name__.removesuffix("Link").lower()


# -- isolation forests -------------------------------------------------------------------------------


def mean_path(samples: NDArray[Any]) -> Reals:
    """Mean length of an unsuccessful search among samples (Liu, Ting, Zhou, ICDM 2008, equation 1)."""
    n = np.asarray(samples, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 2.0 * (np.log(n - 1.0) + EULER_GAMMA) - 2.0 * (n - 1.0) / n
    return np.asarray(np.where(n <= 1, 0.0, np.where(n == 2, 1.0, found)))


def _isolation_forest(model: Any) -> Forest:
    """score_samples: minus two to the power of minus the mean path over its expectation."""
    estimators = _require(model, "estimators_")
    trees = []
    for estimator, features in zip(estimators, model.estimators_features_, strict=True):
        tree = estimator.tree_
        length = _depths(tree) + mean_path(tree.n_node_samples)
        trees.append(_tree(tree, length[:, None], np.asarray(features, dtype=np.int64)))
    ensemble = _joined(trees, model.n_features_in_, type(model).__name__)
    expected = len(trees) * float(mean_path(np.array(model.max_samples_)))
    note = f"the score is score_samples; an outlier has less than {float(model.offset_):.9g}"
    scale = float(np.log(2.0)) / expected if expected else 0.0
    return Forest(ensemble, ("exp_negative", "negative", "flat"), scale, notes=(note,))


def _depths(tree: Any) -> Reals:
    """Comparisons above each node; children come after their parents."""
    depth = np.zeros(tree.node_count)
    for node, (left, right) in enumerate(zip(tree.children_left, tree.children_right, strict=True)):
        if left >= 0:
            depth[left] = depth[right] = depth[node] + 1
    return depth


# -- pipelines ---------------------------------------------------------------------------------------


def _pipeline(model: Any) -> Forest:
    """Scalers move into the thresholds: the cut of x is where the scaled x passes the tree's cut."""
    from netloom.frontends.trees.objects import from_object as any_object

    *steps, (_, last) = model.steps
    forest = any_object(last)
    ensemble = forest.ensemble
    for _, step in reversed(steps):
        if step is None or step == "passthrough":
            continue
        ensemble = _behind(step, ensemble)
    return replace(forest, ensemble=ensemble)


def _behind(step: Any, ensemble: Ensemble) -> Ensemble:
    kind = type(step).__name__
    if kind not in SCALERS:
        raise unsupported(f"the step {kind} of a Pipeline", kind, f"{', '.join(SCALERS)}, passthrough")
    if not hasattr(step, "n_features_in_"):
        raise unfitted(kind)
    scaled = SCALERS[kind](step)
    column = ensemble.feature
    return replace(ensemble, threshold=pulled_back(ensemble.threshold, lambda x: scaled(x, column)))


Scaler = Callable[[Reals, NDArray[np.int64]], Reals]


def _shifted(offset: Any, scale: Any) -> Scaler:
    """(x - offset) / scale, in double and in this order."""

    def apply(x: Reals, column: NDArray[np.int64]) -> Reals:
        if offset is not None:
            x = x - np.asarray(offset, dtype=np.float64)[column]
        return x if scale is None else x / np.asarray(scale, dtype=np.float64)[column]

    return apply


def _ranged(step: Any) -> Scaler:
    """x * scale_ + min_, perhaps clipped."""

    def apply(x: Reals, column: NDArray[np.int64]) -> Reals:
        found = x * np.asarray(step.scale_)[column] + np.asarray(step.min_)[column]
        return np.asarray(np.clip(found, *step.feature_range)) if step.clip else found

    return apply


SCALERS: Mapping[str, Callable[[Any], Scaler]] = {
    "StandardScaler": lambda step: _shifted(step.mean_ if step.with_mean else None, step.scale_),
    "MinMaxScaler": _ranged,
    "MaxAbsScaler": lambda step: _shifted(None, step.scale_),
    "RobustScaler": lambda step: _shifted(step.center_, step.scale_),
}
"""Steps whose result never falls when x rises."""

READERS: Mapping[str, Callable[[Any], Forest]] = {
    **dict.fromkeys(("DecisionTreeClassifier", "DecisionTreeRegressor"), _decision_tree),
    **dict.fromkeys(("ExtraTreeClassifier", "ExtraTreeRegressor"), _decision_tree),
    **dict.fromkeys(("RandomForestClassifier", "RandomForestRegressor"), _forest),
    **dict.fromkeys(("ExtraTreesClassifier", "ExtraTreesRegressor"), _forest),
    **dict.fromkeys(("GradientBoostingClassifier", "GradientBoostingRegressor"), _gradient_boosting),
    **dict.fromkeys(("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"), _histogram_boosting),
    "IsolationForest": _isolation_forest,
}
"""Estimator to what reads it."""
