"""Tree libraries: the same way through every tree as in the library, thresholds and NaN included."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import sklearn.ensemble as ensembles
import xgboost
from numpy.typing import NDArray
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import netloom
from netloom.core.diagnostics import CompileError
from netloom.core.ensemble import Ensemble
from netloom.frontends.trees.forest import Forest
from netloom.frontends.trees.plugin import forest_of

Reals = NDArray[Any]

GENERATOR = np.random.default_rng(7)
X = GENERATOR.standard_normal((300, 5)).astype(np.float32)
TWO = (X[:, 0] + X[:, 1] ** 2 > 0.7).astype(np.int64)
THREE = np.digitize(X[:, 0] - X[:, 2], [-0.8, 0.8])
Y = X[:, 0] * X[:, 1] + np.sin(X[:, 3])
TARGETS = np.stack([Y, 1 - Y, X[:, 4]], axis=1)
LABELS = np.stack([TWO, 1 - TWO, X[:, 4] > 0], axis=1)


def around_thresholds(trees: Ensemble, kind: type = np.float32, samples: int = 200) -> Reals:
    """Inputs on, just below and just above thresholds, in the type in which the library compares."""
    x = np.repeat(X[:samples], 3, axis=0).astype(kind)
    pick = np.random.default_rng(3).integers(trees.n_nodes, size=len(x))
    bound = trees.threshold[pick].astype(kind)
    near = np.choose(
        np.arange(len(x)) % 3, [bound, np.nextafter(bound, kind(-9)), np.nextafter(bound, kind(9))]
    )
    x[np.arange(len(x)), trees.feature[pick]] = near
    return x


def margins(forest: Forest, x: Reals) -> Reals:
    return forest.ensemble.evaluate(np.asarray(x, dtype=np.float64)) * forest.scale


def softmax(scores: Reals) -> Reals:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def sigmoid(scores: Reals) -> Reals:
    return 1.0 / (1.0 + np.exp(-scores))


def close(found: Reals, expected: Reals) -> None:
    """Equal up to the library's float32 sums; another leaf would differ by far more."""
    np.testing.assert_allclose(found.reshape(np.shape(expected)), expected, rtol=2e-5, atol=2e-6)


# -- scikit-learn ------------------------------------------------------------------------------------

SMALL: dict[str, Any] = {"n_estimators": 7, "max_depth": 4, "random_state": 0}

PROBABLE = {
    "decision tree": lambda: DecisionTreeClassifier(max_depth=5, random_state=0),
    "random forest": lambda: ensembles.RandomForestClassifier(**SMALL),
    "extra trees": lambda: ensembles.ExtraTreesClassifier(**SMALL),
}
BOOSTED = {
    "gradient boosting": lambda: ensembles.GradientBoostingClassifier(**SMALL),
    "from zero": lambda: ensembles.GradientBoostingClassifier(**SMALL, init="zero"),
    "histogram": lambda: ensembles.HistGradientBoostingClassifier(max_iter=5, max_depth=4),
}
REGRESSORS = {
    "decision tree": lambda: DecisionTreeRegressor(max_depth=5, random_state=0),
    "random forest": lambda: ensembles.RandomForestRegressor(**SMALL),
    "extra trees": lambda: ensembles.ExtraTreesRegressor(**SMALL),
    "gradient boosting": lambda: ensembles.GradientBoostingRegressor(**SMALL),
    "quantile": lambda: ensembles.GradientBoostingRegressor(**SMALL, loss="quantile"),
    "histogram": lambda: ensembles.HistGradientBoostingRegressor(max_iter=5, max_depth=4),
    "two outputs": lambda: ensembles.RandomForestRegressor(**SMALL),
}


def kind_of(forest_name: str) -> type:
    return np.float64 if forest_name == "histogram" else np.float32


@pytest.mark.parametrize("name", PROBABLE)
@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two classes", "three classes"])
def test_forests_average_the_shares_of_classes(name: str, labels: Reals) -> None:
    model = PROBABLE[name]().fit(X, labels)
    forest = forest_of(model)
    x = around_thresholds(forest.ensemble)
    close(margins(forest, x), model.predict_proba(x))


@pytest.mark.parametrize("name", BOOSTED)
@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two classes", "three classes"])
def test_boosted_trees_add_up_to_margins(name: str, labels: Reals) -> None:
    model = BOOSTED[name]().fit(X, labels)
    forest = forest_of(model)
    assert forest.steps == ("softmax",)
    x = around_thresholds(forest.ensemble, kind_of(name))
    close(softmax(margins(forest, x)), model.predict_proba(x))


def test_the_exponential_loss_has_half_the_log_odds() -> None:
    model = ensembles.GradientBoostingClassifier(**SMALL, loss="exponential").fit(X, TWO)
    forest = forest_of(model)
    close(softmax(margins(forest, X)), model.predict_proba(X))


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name: str) -> None:
    model = REGRESSORS[name]().fit(X, np.stack([Y, -2 * Y], axis=1) if name == "two outputs" else Y)
    forest = forest_of(model)
    x = around_thresholds(forest.ensemble, kind_of(name))
    close(margins(forest, x), model.predict(x))


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_losses_with_a_logarithmic_link(loss: str) -> None:
    model = ensembles.HistGradientBoostingRegressor(loss=loss, max_iter=5).fit(X, np.abs(Y) + 0.1)
    forest = forest_of(model)
    assert forest.steps == ("exp", "flat")
    close(np.exp(margins(forest, X)), model.predict(X))


def test_isolation_forests_score_by_the_length_of_the_way() -> None:
    model = ensembles.IsolationForest(n_estimators=9, max_features=3, random_state=0).fit(X)
    forest = forest_of(model)
    x = around_thresholds(forest.ensemble)
    close(-np.exp(-margins(forest, x)), model.score_samples(x))


@pytest.mark.parametrize("name", ["histogram", "random forest"])
def test_a_missing_value_goes_where_the_library_sends_it(name: str) -> None:
    x = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)
    if name == "random forest":
        x[:, 4] = np.nan  # the other one refuses a feature without any value
    model = REGRESSORS[name]().fit(x, Y)
    close(margins(forest_of(model), x), model.predict(x))


SCALERS: dict[str, Callable[[], Any]] = {
    "standard": StandardScaler,
    "range": lambda: MinMaxScaler((-3, 2)),
    "clipped range": lambda: MinMaxScaler((0, 1), clip=True),
    "largest": MaxAbsScaler,
    "robust": RobustScaler,
}


@pytest.mark.parametrize("name", SCALERS)
def test_a_scaler_moves_into_the_thresholds_exactly(name: str) -> None:
    model = make_pipeline(SCALERS[name](), "passthrough", DecisionTreeRegressor(max_depth=7)).fit(
        X * 3 + 1, Y
    )
    forest = forest_of(model)
    bound = forest.ensemble.threshold
    x = np.repeat((X * 3 + 1).astype(np.float64), 3, axis=0)
    pick = np.random.default_rng(3).integers(len(bound), size=len(x))
    steps = [np.full(len(x), -np.inf), bound[pick], np.full(len(x), np.inf)]
    near = np.where(np.arange(len(x)) % 3 == 1, bound[pick], np.nextafter(bound[pick], steps[0]))
    x[np.arange(len(x)), forest.ensemble.feature[pick]] = near
    assert np.array_equal(margins(forest, x)[:, 0], model.predict(x))


# Numbers that are categories: whole ones and others, with NaN among them.
CATEGORIES = {
    "whole numbers": np.arange(9.0),
    "any numbers": np.array([-3.5, -1.0, 0.0, 0.1, 2.0, 7.25]),
    "missing too": np.array([np.nan, 1.0, 2.0, 3.0, 8.0]),
}


@pytest.mark.parametrize("name", CATEGORIES)
@pytest.mark.parametrize("stopped", [False, True], ids=["all data", "early stopping"])
def test_histogram_categories_become_comparisons(name: str, stopped: bool) -> None:
    """The encoder moves them to the front, whatever their place; numbers between two are missing ones."""
    generator = np.random.default_rng(5)
    values = CATEGORIES[name]
    x = X.astype(np.float64).copy()
    x[:, 3] = generator.choice(values, len(x))
    x[:, 1] = generator.choice(values[::-1], len(x))
    # Seen once: with early stopping perhaps only by the encoder.
    x[0, 3], x[1, 1] = 77.0, 78.0
    y = np.isin(x[:, 3], values[::2]) * 3.0 + np.isin(x[:, 1], values[1::3]) + Y
    model = ensembles.HistGradientBoostingRegressor(
        max_iter=5, max_depth=4, categorical_features=[1, 3], early_stopping=stopped, random_state=1
    ).fit(x, y)
    tested = np.repeat(x, 4, axis=0)
    for column in (1, 3):
        tested[::3, column] = np.resize(np.linspace(-4, 10, 57), len(tested[::3]))
        tested[::5, column] = np.nextafter(tested[::5, column], np.inf)
        tested[::7, column] = np.nan
    tested[:60, 2] = np.nan
    assert any(stage[0].nodes["is_categorical"].any() for stage in model._predictors)
    close(margins(forest_of(model), tested), model.predict(tested))


def test_categories_that_no_split_uses_move_the_other_columns_all_the_same() -> None:
    x = X.astype(np.float64).copy()
    x[:, 2] = 1.0
    model = ensembles.HistGradientBoostingRegressor(max_iter=3, max_depth=3, categorical_features=[2])
    model.fit(x, Y)
    assert not any(stage[0].nodes["is_categorical"].any() for stage in model._predictors)
    close(margins(forest_of(model), x), model.predict(x))


# -- XGBoost -----------------------------------------------------------------------------------------


def boosted(parameters: dict[str, Any], labels: Reals, rounds: int = 4, x: Reals = X) -> xgboost.Booster:
    given = {"max_depth": 4, "nthread": 1, "seed": 0, **parameters}
    return xgboost.train(given, xgboost.DMatrix(x, labels), rounds)


XGBOOST = {
    "squared error": ({"objective": "reg:squarederror"}, Y),
    "absolute error": ({"objective": "reg:absoluteerror"}, Y),
    "logistic": ({"objective": "binary:logistic"}, TWO),
    "logit": ({"objective": "binary:logitraw", "base_score": 0.3}, TWO),
    "classes": ({"objective": "multi:softprob", "num_class": 3}, THREE),
    "poisson": ({"objective": "count:poisson"}, THREE),
    "gamma": ({"objective": "reg:gamma"}, np.abs(Y) + 0.1),
    "tweedie": ({"objective": "reg:tweedie"}, np.abs(Y)),
    "dart": ({"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.4}, TWO),
    "random forest": ({"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 3}, THREE),
    "several targets": ({"objective": "reg:squarederror"}, np.stack([Y, 1 - Y], axis=1)),
    "given base": ({"objective": "binary:logistic", "base_score": 0.9}, TWO),
    "by loss": ({"objective": "reg:squarederror", "grow_policy": "lossguide", "max_leaves": 9}, Y),
    "ranking": ({"objective": "rank:pairwise"}, THREE),
    "vectors": ({"objective": "reg:squarederror", "multi_strategy": "multi_output_tree"}, TARGETS),
    "vectors of classes": (
        {"objective": "multi:softprob", "num_class": 3, "multi_strategy": "multi_output_tree"},
        THREE,
    ),
    "vectors of labels": ({"objective": "binary:logistic", "multi_strategy": "multi_output_tree"}, LABELS),
}


@pytest.mark.parametrize("ending", ["json", "ubj"])
@pytest.mark.parametrize("name", XGBOOST)
def test_xgboost_files_give_the_margins_of_the_library(name: str, ending: str, tmp_path: Path) -> None:
    booster = boosted(*XGBOOST[name])
    path = tmp_path / f"model.{ending}"
    booster.save_model(path)
    forest = forest_of(path)
    x = around_thresholds(forest.ensemble)
    x[::7, 0] = np.nan
    expected = booster.predict(xgboost.DMatrix(x), output_margin=True)
    close(margins(forest, x), expected)


def test_a_base_score_for_each_class_is_not_lost() -> None:
    """XGBoost 3.1 writes a vector; a converter that takes one number of it is silently wrong."""
    shifted = np.where(THREE == 0, 0, np.where(np.arange(len(THREE)) % 3 == 0, THREE, 2))
    booster = boosted({"objective": "multi:softprob", "num_class": 3}, shifted, rounds=1)
    document = json.loads(booster.save_raw("json"))
    base = json.loads(document["learner"]["learner_model_param"]["base_score"])
    assert len(set(base)) == 3
    close(margins(forest_of(booster), X), booster.predict(xgboost.DMatrix(X), output_margin=True))


@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two classes", "three classes"])
def test_xgboost_classifiers_give_probabilities(labels: Reals) -> None:
    model = xgboost.XGBClassifier(n_estimators=4, max_depth=3, n_jobs=1).fit(X, labels)
    close(softmax(margins(forest_of(model), X)), model.predict_proba(X))


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_xgboost_classifiers_of_several_labels_give_a_probability_of_each(strategy: str) -> None:
    model = xgboost.XGBClassifier(n_estimators=4, max_depth=3, n_jobs=1, multi_strategy=strategy)
    forest = forest_of(model.fit(X, LABELS))
    assert tuple(forest.steps) == ("sigmoid",)
    close(sigmoid(margins(forest, X)), model.predict_proba(X))


def leaves_by_node(document: Any) -> Any:
    """Vectors at the nodes themselves, as files of XGBoost before 3.2 have them."""
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        size = int(tree["tree_param"]["size_leaf_vector"])
        vectors = np.reshape(tree.pop("leaf_weights"), (-1, size))
        weights = np.reshape(tree["base_weights"], (-1, size))
        for node, left in enumerate(tree["left_children"]):
            if left < 0:
                weights[node] = vectors[tree["right_children"][node]]
                tree["right_children"][node] = -1
        tree["base_weights"] = weights.reshape(-1).tolist()
    return document


def test_vectors_of_older_files_are_those_of_the_nodes(tmp_path: Path) -> None:
    booster = boosted({"multi_strategy": "multi_output_tree"}, TARGETS)
    path = tmp_path / "older.json"
    path.write_text(json.dumps(leaves_by_node(json.loads(booster.save_raw("json")))))
    close(margins(forest_of(path), X), booster.predict(xgboost.DMatrix(X)))


@pytest.mark.parametrize("broken", ["missing", "twice", "short", "wide"])
def test_vectors_that_do_not_fit_their_tree_are_refused(broken: str, tmp_path: Path) -> None:
    booster = boosted({"multi_strategy": "multi_output_tree"}, TARGETS)
    document = json.loads(booster.save_raw("json"))
    tree = document["learner"]["gradient_booster"]["model"]["trees"][0]
    leaf = tree["left_children"].index(-1)
    if broken == "missing":
        del tree["leaf_weights"], tree["base_weights"]
    elif broken == "twice":
        tree["right_children"][leaf] += 1
    elif broken == "short":
        tree["leaf_weights"].pop()
    else:
        document["learner"]["learner_model_param"]["num_target"] = "2"
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(document))
    assert refused(path).code == "NL124"


def test_early_stopping_ends_at_the_best_round() -> None:
    model = xgboost.XGBRegressor(n_estimators=30, early_stopping_rounds=1, learning_rate=1.0, n_jobs=1)
    model.fit(X[:200], Y[:200], eval_set=[(X[200:], Y[200:])], verbose=False)
    assert model.best_iteration < 29
    close(margins(forest_of(model), X), model.predict(X))


def test_xgboost_categories_become_comparisons() -> None:
    x = X.astype(np.float32).copy()
    x[:, 1] = np.random.default_rng(2).integers(0, 9, len(x))
    y = np.isin(x[:, 1], [1, 4, 5, 8]) * 2.0 + Y
    types = ["q", "c", "q", "q", "q"]
    data = xgboost.DMatrix(x, y, feature_types=types, enable_categorical=True)
    booster = xgboost.train({"max_depth": 4, "max_cat_to_onehot": 2, "nthread": 1}, data, 4)
    tested = x.copy()
    tested[:40, 1] = np.linspace(-2, 12, 40)
    tested[40:60, 1] = np.nan
    expected = booster.predict(
        xgboost.DMatrix(tested, feature_types=types, enable_categorical=True), output_margin=True
    )
    close(margins(forest_of(booster), tested), expected)


# -- LightGBM ----------------------------------------------------------------------------------------

LIGHTGBM = {
    "regression": ({"objective": "regression"}, Y),
    "binary": ({"objective": "binary", "sigmoid": 1.7}, TWO),
    "classes": ({"objective": "multiclass", "num_class": 3}, THREE),
    "one against all": ({"objective": "multiclassova", "num_class": 3}, THREE),
    "poisson": ({"objective": "poisson"}, THREE),
    "forest": ({"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7}, TWO),
    "zero is missing": ({"objective": "regression", "zero_as_missing": True}, Y),
    "no missing": ({"objective": "regression", "use_missing": False}, Y),
}
AFTER: dict[str, Callable[[Reals], Reals]] = {"sigmoid": sigmoid, "softmax": softmax, "exp": np.exp}


@pytest.mark.parametrize("missing", [False, True], ids=["complete", "with gaps"])
@pytest.mark.parametrize("name", LIGHTGBM)
def test_lightgbm_text_gives_the_predictions_of_the_library(name: str, missing: bool, tmp_path: Path) -> None:
    parameters, labels = LIGHTGBM[name]
    x = X.astype(np.float64).copy()
    x[np.random.default_rng(4).random(x.shape) < 0.1] = 0.0
    if missing:
        x[np.random.default_rng(5).random(x.shape) < 0.1] = np.nan
    given = {"num_leaves": 8, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, **parameters}
    booster = lightgbm.train(given, lightgbm.Dataset(x, labels), 4)
    path = tmp_path / "model.txt"
    booster.save_model(path)
    forest = forest_of(path)
    tested = np.concatenate([x, around_thresholds(forest.ensemble, np.float64)])
    found = margins(forest, tested)
    for step in forest.steps:
        found = AFTER[step](found) if step in AFTER else found
    close(found, booster.predict(tested))


def test_lightgbm_categories_become_comparisons() -> None:
    x = X.astype(np.float64).copy()
    x[:, 3] = np.random.default_rng(2).integers(0, 40, len(x))
    y = np.isin(x[:, 3] % 7, [1, 4]) * 30.0 + Y
    given = {"num_leaves": 8, "verbose": -1, "num_threads": 1, "min_data_per_group": 1, "min_data_in_leaf": 1}
    given |= {"cat_smooth": 0, "cat_l2": 0}
    booster = lightgbm.train(given, lightgbm.Dataset(x, y, categorical_feature=[3]), 4)
    assert "num_cat=1" in booster.model_to_string()
    tested = x.copy()
    tested[:80, 3] = np.linspace(-2, 44, 80)
    tested[80:100, 3] = np.nan
    close(margins(forest_of(booster), tested), booster.predict(tested))


def test_lightgbm_classifiers_give_probabilities() -> None:
    model = lightgbm.LGBMClassifier(n_estimators=4, num_leaves=6, verbose=-1, n_jobs=1).fit(X, TWO)
    close(softmax(margins(forest_of(model), X)), model.predict_proba(X))


# -- CatBoost (its file only: the library is large) --------------------------------------------------


def catboost_document() -> dict[str, Any]:
    """Two oblivious trees, written by hand in CatBoost's layout."""

    def split(feature: int, border: float) -> dict[str, Any]:
        return {"float_feature_index": feature, "border": border, "split_type": "FloatFeature"}

    features = [
        {"feature_index": n, "flat_feature_index": n, "nan_value_treatment": treated}
        for n, treated in enumerate(("AsIs", "AsFalse", "AsTrue"))
    ]
    return {
        "oblivious_trees": [
            {"splits": [split(0, 0.5), split(2, -0.25)], "leaf_values": [1.0, 2.0, 4.0, 8.0]},
            {"splits": [split(1, 0.1)], "leaf_values": [-1.0, 1.5]},
        ],
        "features_info": {"float_features": features},
        "model_info": {"params": {"loss_function": {"type": "Logloss"}}},
        "scale_and_bias": [2.0, [0.5]],
    }


def test_catboost_counts_borders_that_are_passed(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(catboost_document()))
    forest = forest_of(path)
    assert forest.steps == ("sigmoid", "flat")
    x = np.array([[0.5, 0.1, -0.25], [0.6, 0.0, -0.3], [0.4, 0.2, 0.0], [0.6, 0.2, 0.0]], dtype=np.float32)
    x = np.concatenate([x, [[0.6, np.nan, np.nan]]])
    # Bit 0 is x0 > 0.5, bit 1 is x2 > -0.25; float32(0.1) is not above itself.
    first, second = np.array([1, 2, 4, 8, 8]), np.array([-1, -1, 1.5, 1.5, -1])
    assert np.array_equal(margins(forest, x)[:, 0], 2 * (first + second) + 0.5)


# -- refusals ----------------------------------------------------------------------------------------


def refused(model: Any) -> CompileError:
    with pytest.raises(CompileError) as caught:
        netloom.compile(model, input_precision="fixed<16,6>")
    return caught.value


@pytest.mark.parametrize(
    "model",
    [
        ensembles.RandomForestClassifier(),
        ensembles.GradientBoostingRegressor(),
        ensembles.HistGradientBoostingClassifier(),
        ensembles.IsolationForest(),
        DecisionTreeRegressor(),
        make_pipeline(StandardScaler(), DecisionTreeRegressor()),
        xgboost.XGBClassifier(),
        xgboost.Booster(),
        lightgbm.LGBMRegressor(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_model_that_is_not_fitted_is_refused(model: Any) -> None:
    error = refused(model)
    assert error.code == "NL121" and "not fitted" in str(error) and "fit()" in error.hint


def test_what_is_no_ensemble_of_trees_is_refused() -> None:
    error = refused(LinearRegression().fit(X, Y))
    assert error.code == "NL122" and "LinearRegression" in str(error) and "RandomForest" in error.supported


def test_a_first_estimate_by_another_model_is_refused() -> None:
    model = ensembles.GradientBoostingRegressor(**SMALL, init=LinearRegression()).fit(X, Y)
    assert (refused(model).code, refused(model).found) == ("NL122", "init=LinearRegression")
    assert forest_of(ensembles.GradientBoostingRegressor(**SMALL, init=DummyRegressor()).fit(X, Y))


def test_a_step_that_is_not_linear_is_refused() -> None:
    error = refused(make_pipeline(PolynomialFeatures(), DecisionTreeRegressor(max_depth=2)).fit(X, Y))
    assert error.code == "NL122" and error.origin == "PolynomialFeatures"


def test_an_unsupported_objective_is_refused() -> None:
    error = refused(boosted({"objective": "binary:hinge"}, TWO))
    assert error.code == "NL122" and "binary:hinge" in error.found and "binary:logistic" in error.supported
    assert refused(boosted({"booster": "gblinear"}, Y)).code == "NL122"


def test_a_value_that_stands_for_missing_ones_is_refused() -> None:
    error = refused(xgboost.XGBRegressor(n_estimators=2, missing=-999.0, n_jobs=1).fit(X, Y))
    assert error.code == "NL122" and "-999" in error.found


def test_categories_where_they_have_no_exact_form_are_refused(tmp_path: Path) -> None:
    words = np.random.default_rng(2).choice(["red", "green", "blue"], len(X)).astype(object)
    table = np.concatenate([words[:, None], X.astype(object)], axis=1)
    model = ensembles.HistGradientBoostingRegressor(max_iter=3, categorical_features=[0])
    error = refused(model.fit(table, (words == "red") * 5.0))
    assert error.code == "NL123" and "blue" in error.found
    document = catboost_document()
    document["features_info"]["categorical_features"] = [{"feature_index": 0}]
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    assert refused(path).code == "NL123"


def test_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    error = refused(tmp_path / "model.pkl")
    assert error.code == "NL111" and "runs whatever code" in error.found


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "absent.json")
    assert (error.code, error.origin) == ("NL101", "absent.json")


@pytest.mark.parametrize("ending", ["json", "ubj", "txt"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_a_truncated_file_is_refused(ending: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / f"model.{ending}"
    if ending == "txt":
        lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, Y), 2).save_model(path)
        data = path.read_bytes().split(b"end of trees")[0]
    else:
        boosted({}, Y, rounds=2).save_model(path)
        data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    error = refused(path)
    assert error.code == "NL124" and path.name in str(error)


DEFECTS: dict[str, Callable[[Any], None]] = {
    "no objective": lambda learner: learner.pop("objective"),
    "no trees": lambda learner: learner["gradient_booster"].pop("model"),
    "a child that does not exist": lambda learner: tree_of(learner)["left_children"].__setitem__(0, 999),
    "a circle": lambda learner: tree_of(learner)["left_children"].__setitem__(1, 0),
    "a feature that does not exist": lambda learner: tree_of(learner)["split_indices"].__setitem__(0, 99),
    "a NaN threshold": lambda learner: tree_of(learner)["split_conditions"].__setitem__(0, math.nan),
    "short arrays": lambda learner: tree_of(learner)["default_left"].pop(),
    "text for numbers": lambda learner: tree_of(learner)["split_conditions"].__setitem__(0, "x"),
    "a class that does not exist": lambda learner: tree_info(learner).__setitem__(0, 5),
}


def tree_of(learner: Any) -> Any:
    return learner["gradient_booster"]["model"]["trees"][0]


def tree_info(learner: Any) -> Any:
    return learner["gradient_booster"]["model"]["tree_info"]


@pytest.mark.parametrize("name", DEFECTS)
def test_a_corrupted_document_is_refused(name: str, tmp_path: Path) -> None:
    document = json.loads(boosted({}, Y, rounds=2).save_raw("json"))
    DEFECTS[name](document["learner"])
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    error = refused(path)
    assert error.code == "NL124" and "save the model again" in error.hint


def test_thresholds_outside_the_input_format_are_counted() -> None:
    model = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X * 10, Y)
    bound = model.tree_.threshold[model.tree_.children_left >= 0]
    outside = int(np.sum((bound < -8) | (bound >= 8 - 2.0**-8)))
    assert 0 < outside < len(bound)
    with pytest.warns(
        UserWarning, match=f"{outside} of {len(bound)} thresholds are outside the input format"
    ):
        design = netloom.compile(model, input_precision="fixed<12,4>")
    assert any(f"{outside} of {len(bound)} thresholds" in note.text for note in design.notes)


# -- damaged models ----------------------------------------------------------------------------------


def loads_or_refuses(path: Path) -> None:
    """Whatever is in a file, it is a model or a `CompileError`; never another exception."""
    try:
        forest = forest_of(path)
    except CompileError as error:
        assert error.code in ("NL121", "NL122", "NL123", "NL124")
        return
    assert np.all(np.isfinite(forest.ensemble.evaluate(np.zeros((1, forest.ensemble.n_features)))))


def places(document: Any) -> list[tuple[Any, Any]]:
    """Every container of a document with each of its keys."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for key, value in list(pairs):
        found.append((document, key))
        if isinstance(value, dict | list):
            found += places(value)
    return found


STRANGE = [None, -1, 10**9, 0.5, math.inf, "x", "", [], {}, [[1]], True]


@pytest.mark.parametrize("seed", range(4))
def test_a_document_with_strange_values_is_refused_or_read(seed: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(seed)
    text = bytes(boosted({"max_depth": 2}, Y, rounds=2).save_raw("json")).decode()
    path = tmp_path / "model.json"
    for _ in range(40):
        document = json.loads(text)
        found = places(document["learner"])
        container, key = found[int(generator.integers(len(found)))]
        container[key] = STRANGE[int(generator.integers(len(STRANGE)))]
        path.write_text(json.dumps(document))
        loads_or_refuses(path)


@pytest.mark.parametrize("ending", ["ubj", "txt"])
def test_a_file_with_other_bytes_is_refused_or_read(ending: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(9)
    path = tmp_path / f"model.{ending}"
    if ending == "txt":
        lightgbm.train({"verbose": -1, "num_leaves": 4}, lightgbm.Dataset(X, Y), 2).save_model(path)
    else:
        boosted({"max_depth": 2}, Y, rounds=1).save_model(path)
    data = path.read_bytes()
    for _ in range(150):
        changed = bytearray(data)
        for place in generator.integers(len(data), size=3):
            changed[place] = int(generator.integers(256))
        path.write_bytes(bytes(changed))
        loads_or_refuses(path)


def test_catboost_documents_with_strange_values(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    text = json.dumps(catboost_document())
    for number in range(len(places(json.loads(text)))):
        for value in STRANGE:
            document = json.loads(text)
            container, key = places(document)[number]
            container[key] = value
            path.write_text(json.dumps(document))
            loads_or_refuses(path)
