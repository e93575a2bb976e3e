"""Real ensembles from their files to hardware: the classes of the library, the same bits on every path."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from typer.testing import CliRunner

import netloom
from netloom.cli.main import app
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Precision, quantize, to_real
from netloom.ir.interpreter import run
from netloom.ir.program import main, program_ops
from tests.shared import EXAMPLE, REPOSITORY, SHARED

Reals = NDArray[Any]

JETS = REPOSITORY / "examples" / "jet_trees"


@dataclass(frozen=True)
class Trees:
    """A model with its inputs; `precision` is the format in which these arrive."""

    path: Path
    precision: str

    @property
    def inputs(self) -> Reals:
        """Inputs float32 [n, F]."""
        if self.path.parent == JETS:
            return np.load(JETS / "jets.npz")["x"]
        if self.path.parent.name == "trees":
            return np.load(self.path.with_suffix(".npz"))["X"].astype(np.float32)
        return np.load(self.path.parent / "inputs.npz")["x"]


BASELINES = SHARED / "baselines" / "trees"
ONNX = {
    "t_jet_xgb": Trees(SHARED / "models" / "t_jet_xgb" / "model.onnx", "fixed<16,6>"),
    "t_digits_rf": Trees(SHARED / "models" / "t_digits_rf" / "model.onnx", "ufixed<5,5>"),
    "hastie_gbc": Trees(BASELINES / "hastie_gbc100d4.onnx", "fixed<18,8>"),
    "hastie_xgb": Trees(BASELINES / "hastie_xgb100d4.onnx", "fixed<18,8>"),
    "syn_gbc": Trees(BASELINES / "syn16x5_gbc20d4.onnx", "fixed<18,8>"),
    "digits_xgb": Trees(BASELINES / "digits_xgb10d4b.onnx", "ufixed<5,5>"),
}
XGB = {
    "t_jet_xgb": Trees(JETS / "model.json", "fixed<16,6>"),
    "hastie_xgb": Trees(BASELINES / "hastie_xgb100d4.json", "fixed<18,8>"),
    "digits_xgb": Trees(BASELINES / "digits_xgb10d4b.json", "ufixed<5,5>"),
}
HERE = [name for name, each in ONNX.items() if each.path.exists()]
HERE_XGB = [name for name, each in XGB.items() if each.path.exists()]


def rounded(x: Reals, precision: str) -> Reals:
    """What arrives in the hardware, as real numbers."""
    given = Precision.parse(precision)
    return to_real(quantize(x, given.format, given.rounding, given.overflow), given.format).astype(np.float32)


def reference(trees: Trees) -> tuple[Reals, Reals]:
    """Labels and probabilities of ONNX Runtime on the inputs that arrive."""
    session = onnxruntime.InferenceSession(trees.path)
    feed = {session.get_inputs()[0].name: rounded(trees.inputs, trees.precision)}
    label, shares = session.run(None, feed)
    if isinstance(shares, list):
        shares = np.array([[row[key] for key in sorted(row)] for row in shares])
    return label, shares


@pytest.mark.parametrize("cut", [False, True], ids=["probabilities", "scores"])
@pytest.mark.parametrize("name", HERE)
def test_every_class_is_that_of_onnx_runtime(name: str, cut: bool) -> None:
    trees = ONNX[name]
    design = netloom.compile(trees.path, input_precision=trees.precision, cut_softmax=cut)
    label, scores = design.predict(trees.inputs).values()
    expected, shares = reference(trees)
    assert np.array_equal(label.reshape(-1), expected)
    assert np.array_equal(scores.argmax(axis=1), expected)
    if not cut:
        # Tables of 4096 entries and leaves of 22 bits; the report states both errors.
        assert np.abs(scores - shares).max() < 2e-3


@pytest.mark.parametrize("name", HERE_XGB)
def test_every_class_is_that_of_xgboost(name: str) -> None:
    import xgboost

    trees = XGB[name]
    booster = xgboost.Booster(model_file=trees.path)
    expected = booster.predict(xgboost.DMatrix(rounded(trees.inputs, trees.precision)))
    design = netloom.compile(trees.path, input_precision=trees.precision)
    found = design.predict(trees.inputs)
    if expected.ndim == 1:
        assert np.array_equal(found > 0.5, expected > 0.5)
    else:
        assert np.array_equal(found.argmax(axis=1), expected.argmax(axis=1))
    assert np.abs(found - expected).max() < 2e-3


@pytest.mark.parametrize("name", HERE)
def test_interpreter_emulator_and_ghdl_give_the_same_bits(name: str) -> None:
    trees = ONNX[name]
    design = netloom.compile(trees.path, input_precision=trees.precision, cut_softmax=True)
    x = trees.inputs[:40]
    interpreted = run(design.module, [x[:, None]])
    simulated = design.simulate(x)
    for values, predicted, found in zip(
        interpreted, design.predict(x).values(), simulated.values(), strict=True
    ):
        assert np.array_equal(predicted, values.reshape(predicted.shape))
        assert np.array_equal(found, predicted)
    assert design.last_simulation.latency_cycles == design.report().latency_cycles
    assert design.last_simulation.interval == 1


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["vitis", "vivado", "quartus", "catapult"])
def test_c_simulation_gives_the_same_bits(backend: str) -> None:
    trees = XGB["t_jet_xgb"]
    design = netloom.compile(trees.path, backend=backend, input_precision=trees.precision)
    x = trees.inputs[:40]
    assert np.array_equal(design.simulate(x), design.predict(x))


def test_the_example_agrees_with_its_library() -> None:
    done = subprocess.run(
        [sys.executable, str(JETS / "demo.py")], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DIFFERENT" not in done.stdout


def test_the_command_line_compiles_trees(tmp_path: Path) -> None:
    arguments = [
        "compile",
        str(JETS / "model.json"),
        "-d",
        str(tmp_path / "p"),
        "--input-precision",
        "fixed<16,6>",
    ]
    done = CliRunner().invoke(app, [*arguments, "-o", "cut_softmax=true"])
    assert done.exit_code == 0, done.output
    assert any((tmp_path / "p" / "src").glob("*_trees.vhd"))
    options = json.loads((tmp_path / "p" / "netloom" / "options.json").read_text())
    assert options["cut_softmax"] is True


def test_calibration_sizes_inputs_and_scores() -> None:
    jets = np.load(JETS / "jets.npz")
    design = netloom.compile(JETS / "model.json", calibration=jets["x"], cut_softmax=True)
    assert np.array_equal(design.predict(jets["x"]).argmax(axis=1), jets["margin"].argmax(axis=1))


# -- hybrid designs ----------------------------------------------------------------------------------


def test_a_network_and_trees_side_by_side_in_one_design() -> None:
    network, trees = netloom.load(EXAMPLE / "model.onnx"), netloom.load(JETS / "model.json")
    both = netloom.beside(network, trees, join=True)
    design = netloom.compile(both, input_precision="fixed<16,6>")
    x = np.load(JETS / "jets.npz")["x"][:24]
    alone = [netloom.compile(each, input_precision="fixed<16,6>").predict(x) for each in (network, trees)]
    assert np.array_equal(design.predict(x), np.concatenate(alone, axis=1))
    assert np.array_equal(design.simulate(x), design.predict(x))


def dense(matrix: Reals) -> onnx.ModelProto:
    """y = x @ matrix."""
    shapes = ([None, matrix.shape[0]], [None, matrix.shape[1]])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="rotate")],
        "rotation",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shapes[0])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shapes[1])],
        [onnx.numpy_helper.from_array(matrix.astype(np.float32), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_trees_behind_a_dense_layer() -> None:
    generator = np.random.default_rng(0)
    x = np.round(generator.standard_normal((300, 6)) * 64) / 64
    matrix = np.round(generator.standard_normal((6, 4)) * 16) / 16
    labels = (x @ matrix)[:, 0] > (x @ matrix)[:, 1]
    model = GradientBoostingClassifier(n_estimators=6, max_depth=3, random_state=0).fit(x @ matrix, labels)
    whole = netloom.chain(netloom.load(dense(matrix)), netloom.load(model))
    # Wide enough for the features to be exact, so that the trees see what scikit-learn does.
    layers = {"rotate": {"weight": "fixed<10,5>", "result": "fixed<24,10>"}}
    design = netloom.compile(whole, input_precision="fixed<10,4>", precision={"layers": layers})
    assert np.array_equal(design.predict(x).argmax(axis=1), model.predict(x @ matrix))
    assert np.array_equal(design.simulate(x[:24]), design.predict(x[:24]))
    names = [op.name for op in program_ops(main(design.module))]
    assert names.index("da.kernel") < names.index("tree.ensemble")


def test_modules_that_do_not_fit_together_are_refused() -> None:
    trees = netloom.load(JETS / "model.json")
    with pytest.raises(CompileError) as caught:
        netloom.chain(netloom.load(dense(np.ones((3, 4)))), trees)
    assert caught.value.code == "NL110" and "(1, 4)" in caught.value.found
    with pytest.raises(CompileError, match="NL110"):
        netloom.beside(netloom.load(dense(np.ones((3, 4)))), trees)


def test_outputs_of_one_name_are_numbered() -> None:
    trees = netloom.load(JETS / "model.json")
    twice = netloom.compile(netloom.beside(trees, trees), input_precision="fixed<16,6>", cut_softmax=True)
    found: Mapping[str, Reals] = twice.predict(np.load(JETS / "jets.npz")["x"][:3])
    assert list(found) == ["probability", "probability_2"]
    # The same trees twice are the same hardware once.
    assert [op.name for op in program_ops(main(twice.module))].count("tree.ensemble") == 1


# -- what follows the sums, and streams --------------------------------------------------------------


def sixteenths(samples: int = 150) -> Reals:
    """Inputs that fixed<10,4> holds."""
    return np.round(np.random.default_rng(2).standard_normal((samples, 4)) * 16).astype(np.float32) / 16


def fitted(name: str) -> tuple[Any, str]:
    """A small fitted model, and the method whose results the design has."""
    x = sixteenths()
    y = x[:, 0] * x[:, 1] + x[:, 2]
    small = {"max_iter": 4, "max_depth": 3}
    if name == "isolation forest":
        return IsolationForest(n_estimators=8, random_state=0).fit(x), "score_samples"
    if name == "logarithmic link":
        return HistGradientBoostingRegressor(loss="poisson", **small).fit(x, np.abs(y)), "predict"
    if name == "constant":
        return DecisionTreeRegressor().fit(x, np.full(len(x), 0.25)), "predict"
    if name == "two outputs":
        model = RandomForestRegressor(n_estimators=5, max_depth=4, random_state=0)
        return model.fit(x, np.stack([y, -y], axis=1)), "predict"
    scaled = make_pipeline(StandardScaler(), HistGradientBoostingClassifier(**small))
    return scaled.fit(x, np.digitize(y, [-1, 1])), "predict_proba"


@pytest.mark.parametrize(
    "name", ["isolation forest", "logarithmic link", "constant", "two outputs", "scaled classes"]
)
def test_final_functions_in_hardware(name: str) -> None:
    model, method = fitted(name)
    design = netloom.compile(model, input_precision="fixed<10,4>")
    x = sixteenths()
    expected = getattr(model, method)(x)
    found = design.predict(x)
    # What the notes state: rounded leaves, and a table of 4096 entries.
    assert found.shape == expected.shape and np.abs(found - expected).max() < 1e-3
    assert np.array_equal(design.simulate(x[:16]), found[:16])


def test_trees_as_a_stream() -> None:
    """One sample a beat; the bits are those of the parallel design."""
    x = np.load(JETS / "jets.npz")["x"][:20]
    design = netloom.compile(
        JETS / "model.json", io="stream", input_precision="fixed<16,6>", cut_softmax=True
    )
    parallel = netloom.compile(JETS / "model.json", input_precision="fixed<16,6>", cut_softmax=True)
    assert np.array_equal(design.predict(x), parallel.predict(x))
    assert np.array_equal(design.simulate(x), parallel.predict(x))
    assert design.last_simulation.interval == 1
