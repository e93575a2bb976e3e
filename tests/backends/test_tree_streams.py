"""Trees as streams: GHDL and the C-simulation of every HLS backend give the emulator's bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.tree import DecisionTreeRegressor
from xgboost import XGBRegressor

import netloom
from netloom.core.fixed import Format
from netloom.testing.battery.ensembles import KINDS, chain_case, ensemble_case
from netloom.testing.program import Port
from netloom.testing.target import Target, differences
from tests.shared import SHARED

Reals = NDArray[Any]

slow = pytest.mark.slow
VENDORS = [
    pytest.param("vitis"),
    pytest.param("catapult"),
    pytest.param("vivado", marks=slow),
    pytest.param("quartus", marks=slow),
]
PRECISION = "fixed<12,5>"


@pytest.fixture
def quickly_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a few frames costs less than optimizing."""
    monkeypatch.setattr("netloom.sim.hls.OPTIMIZATION", ())


def samples(count: int = 200) -> Reals:
    """Inputs that the format has."""
    return np.round(np.random.default_rng(3).standard_normal((count, 4)) * 192) / 64


def classifiers() -> list[Any]:
    """Of two classes and of three."""
    x = samples()
    y = x[:, 0] * x[:, 1] + x[:, 2]
    boosted = GradientBoostingClassifier(n_estimators=4, max_depth=3, random_state=0)
    several = HistGradientBoostingClassifier(max_iter=3, max_depth=4, random_state=0)
    return [boosted.fit(x, y > 0), several.fit(x, np.digitize(y, [-2, 2]))]


# -- the HLS backends --------------------------------------------------------------------------------


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("backend", VENDORS)
def test_two_and_three_classes_side_by_side_in_c(backend: str) -> None:
    """Scores of both, as one design."""
    graph = netloom.beside(*map(netloom.load, classifiers()))
    options: dict[str, Any] = {"input_precision": PRECISION, "cut_softmax": True}
    design = netloom.compile(graph, backend=backend, io="stream", **options)
    x = samples()[:60]
    expected = netloom.compile(graph, **options).predict(x)
    for name, simulated in design.simulate(x).items():
        assert np.array_equal(simulated, design.predict(x)[name])
        assert np.array_equal(simulated, expected[name])


@slow
@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("backend", ["vitis", "vivado", "quartus", "catapult"])
@pytest.mark.parametrize("number", [0, 1], ids=["two classes", "three classes"])
def test_probabilities_in_c(backend: str, number: int) -> None:
    """The tables of sigmoid and softmax follow the trees in the stream."""
    design = netloom.compile(classifiers()[number], backend=backend, io="stream", input_precision=PRECISION)
    x = samples()[:60]
    assert np.array_equal(design.simulate(x), design.predict(x))


REAL = {
    "t_jet_xgb": ("model.json", "fixed<16,6>"),
    "t_digits_rf": ("model.onnx", "ufixed<5,5>"),
}


@slow
@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("backend", ["vitis", "vivado", "quartus", "catapult"])
@pytest.mark.parametrize("name", REAL)
def test_real_ensembles_in_c(backend: str, name: str) -> None:
    file, precision = REAL[name]
    directory = SHARED / "models" / name
    design = netloom.compile(directory / file, backend=backend, io="stream", input_precision=precision)
    x = np.load(directory / "inputs.npz")["x"][:40]
    assert design.plan.properties["io"] == "stream"
    predicted, simulated = design.predict(x), design.simulate(x)
    if not isinstance(predicted, dict):
        predicted, simulated = {"y": predicted}, {"y": simulated}
    assert list(simulated) == list(predicted)
    for each, found in simulated.items():
        assert np.array_equal(found, predicted[each])


@slow
@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("backend", ["vitis", "catapult"])
def test_degenerate_trees_in_c(backend: str) -> None:
    """One design of all kinds, on one row and on several."""
    target = Target(backend, "stream")
    assert not differences(target, degenerate(Port((3,), Format(6, 2))), 20)


# -- VHDL --------------------------------------------------------------------------------------------


def degenerate(port: Port) -> list[Any]:
    """A case of every kind, and chains of several depths, on one port's shape."""
    cases = [ensemble_case(kind, port, seed) for seed, kind in enumerate(KINDS)]
    return [*cases, *(chain_case(depth, port) for depth in (1, 5, 20))]


PORTS = (Port((3,), Format(6, 2)), Port((2, 2), Format(7, 3, False)), Port((1, 1), Format(1, 1, False)))


@pytest.mark.parametrize("port", PORTS, ids=str)
def test_degenerate_trees_in_ghdl(port: Port) -> None:
    assert not differences(Target("vhdl", "stream"), degenerate(port), 20)


@settings(max_examples=6, deadline=None)
@given(
    st.integers(0, 10_000),
    st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=4),
    st.builds(Format, st.integers(1, 18), st.integers(-2, 8), st.booleans()),
    st.sampled_from([(3,), (1, 4), (3, 2)]),
    st.sampled_from([2.0, 5.0]),
)
def test_random_trees_in_ghdl(
    seed: int, kinds: list[str], number_format: Format, shape: tuple[int, ...], period: float
) -> None:
    port = Port(shape, number_format)
    cases = [ensemble_case(kind, port, seed + number) for number, kind in enumerate(kinds)]
    assert not differences(Target("vhdl", "stream", {"clock_period_ns": period}), cases, 12)


def odd(name: str) -> tuple[Any, Reals]:
    """A model that was fitted to odd data, and inputs."""
    x = samples()
    y = x[:, 0] * x[:, 1] + x[:, 2]
    if name == "nothing known of a feature":
        given = x.copy()
        given[:, 1] = np.nan
        return XGBRegressor(n_estimators=4, max_depth=4).fit(given, y), x
    if name == "a constant feature":
        x[:, 2] = 0.5
        return HistGradientBoostingRegressor(max_iter=4, max_depth=4).fit(x, y), x
    if name == "all features constant":
        x[:] = -0.25
        return DecisionTreeRegressor().fit(x, y), x
    if name == "one depth":
        return HistGradientBoostingRegressor(max_iter=5, max_depth=1, min_samples_leaf=1).fit(x, y), x
    if name == "categories":
        x[:, 2] = np.round(x[:, 2] * 2) / 2
        y = np.isin(x[:, 2], [-1.5, 0, 0.5, 2]) * 2.0 + x[:, 0]
        model = HistGradientBoostingRegressor(max_iter=4, max_depth=4, categorical_features=[2])
        return model.fit(x, y), samples()
    if name == "vectors in the leaves":
        model = XGBRegressor(n_estimators=4, max_depth=4, multi_strategy="multi_output_tree")
        return model.fit(x, np.stack([y, x[:, 3], -y], axis=1)), x
    if name == "two values":
        x = np.sign(x)
        return DecisionTreeRegressor(max_depth=4).fit(x, y), x
    return DecisionTreeRegressor(max_depth=20, min_samples_leaf=1).fit(x, y), x


ODD = [
    "nothing known of a feature",
    "a constant feature",
    "all features constant",
    "one depth",
    "categories",
    "vectors in the leaves",
    "two values",
    "twenty levels",
]


@pytest.mark.parametrize("name", ODD)
def test_odd_models_in_ghdl(name: str) -> None:
    """A feature of which only NaN was seen, or one value, has no comparison; the rest is as usual."""
    model, x = odd(name)
    design = netloom.compile(model, io="stream", input_precision="fixed<12,6>", precision="fixed<24,8>")
    found = design.predict(x)
    # Leaves have 16 bits behind the point; at most five trees.
    expected = model.predict(x)
    assert np.abs(found.reshape(expected.shape) - expected).max() <= 6 * 2.0**-17
    assert np.array_equal(design.simulate(x[:24]), found[:24])
