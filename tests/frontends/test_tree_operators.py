"""The tree operators of ONNX-ML against ONNX Runtime: modes, aggregates, labels, scalers in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

import netloom
from netloom.core.diagnostics import CompileError
from netloom.ir.interpreter import run
from netloom.ir.program import main, program_ops

Reals = NDArray[Any]

MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


def nodes(trees: int, depth: int, features: int, mode: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """Complete trees with thresholds on halves, nodes in no order; leaves are where children are missing."""
    generator = np.random.default_rng(seed)
    inner, total = (1 << depth) - 1, (2 << depth) - 1
    rows = []
    for tree in range(trees):
        for node in range(total):
            leaf = node >= inner
            rows.append(
                {
                    "treeids": tree,
                    "nodeids": node,
                    "featureids": int(generator.integers(features)),
                    "modes": "LEAF" if leaf else mode[int(generator.integers(len(mode)))],
                    "values": float(generator.integers(-6, 7)) / 2,
                    "truenodeids": 0 if leaf else 2 * node + 1,
                    "falsenodeids": 0 if leaf else 2 * node + 2,
                    "missing_value_tracks_true": int(generator.integers(2)),
                }
            )
    return {f"nodes_{key}": [row[key] for row in rows] for key in rows[0]}


def leaves(prefix: str, given: Mapping[str, Any], columns: Sequence[int], seed: int = 1) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    ends = [
        (tree, node)
        for tree, node, mode in zip(
            given["nodes_treeids"], given["nodes_nodeids"], given["nodes_modes"], strict=True
        )
        if mode == "LEAF"
    ]
    found = [(tree, node, column) for tree, node in ends for column in columns]
    return {
        f"{prefix}_treeids": [row[0] for row in found],
        f"{prefix}_nodeids": [row[1] for row in found],
        f"{prefix}_ids": [row[2] for row in found],
        f"{prefix}_weights": [float(v) / 8 for v in generator.integers(-40, 40, size=len(found))],
    }


def model(
    operator: str, features: int, version: int = 3, before: Sequence[Any] = (), **attributes: Any
) -> onnx.ModelProto:
    outputs = ["label", "scores"] if operator.endswith("Classifier") else ["scores"]
    kinds = {"label": TensorProto.INT64, "scores": TensorProto.FLOAT}
    x = before[-1].output[0] if before else "x"
    node = helper.make_node(operator, [x], outputs, name="trees", domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph(
        [*before, node],
        "trees",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info(name, kinds[name], None) for name in outputs],
    )
    opsets = [helper.make_opsetid("ai.onnx.ml", version), helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def inputs(features: int, samples: int = 200) -> Reals:
    """Numbers on halves, so that many equal a threshold."""
    return np.random.default_rng(5).integers(-8, 9, size=(samples, features)).astype(np.float32) / 2


def compared(given: onnx.ModelProto, x: Reals) -> tuple[list[Reals], list[Reals]]:
    """Outputs of ONNX Runtime and of the imported module, before any number format."""
    session = onnxruntime.InferenceSession(given.SerializeToString())
    expected = session.run(None, {"x": x})
    found = run(netloom.load(given), [x[:, None]], np.float64)
    return [np.asarray(e, dtype=float) for e in expected], [
        f.reshape(np.shape(e)).astype(float) for e, f in zip(expected, found, strict=True)
    ]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_and_every_missing_value(mode: str) -> None:
    given = nodes(3, 3, 4, [mode])
    given |= leaves("target", given, [0])
    x = inputs(4)
    x[::5, 1] = np.nan
    expected, found = compared(model("TreeEnsembleRegressor", 4, n_targets=1, **given), x)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-6)


@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE"])
@pytest.mark.parametrize("targets", [1, 3])
def test_sums_and_means(aggregate: str, targets: int) -> None:
    given = nodes(5, 2, 3, ["BRANCH_LEQ"])
    given |= leaves("target", given, range(targets)) | {"base_values": [0.25 * n for n in range(targets)]}
    built = model("TreeEnsembleRegressor", 3, n_targets=targets, aggregate_function=aggregate, **given)
    expected, found = compared(built, inputs(3))
    np.testing.assert_allclose(found[0], expected[0], atol=1e-6)


@pytest.mark.parametrize("transform", ["NONE", "SOFTMAX", "LOGISTIC"])
def test_classes(transform: str) -> None:
    given = nodes(6, 3, 3, ["BRANCH_LT"])
    given |= leaves("class", given, [0, 1, 2]) | {"classlabels_int64s": [0, 1, 2]}
    built = model("TreeEnsembleClassifier", 3, post_transform=transform, **given)
    expected, found = compared(built, inputs(3))
    assert np.array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], atol=1e-6)


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC"])
@pytest.mark.parametrize("positive", [False, True], ids=["any leaves", "no negative leaf"])
@pytest.mark.parametrize("column", [0, 1])
def test_two_classes_with_one_score(transform: str, positive: bool, column: int) -> None:
    given = nodes(4, 3, 3, ["BRANCH_LEQ"])
    given |= leaves("class", given, [column]) | {"classlabels_int64s": [0, 1]}
    if positive:
        given["class_weights"] = [abs(weight) / 8 for weight in given["class_weights"]]
    built = model("TreeEnsembleClassifier", 3, post_transform=transform, **given)
    expected, found = compared(built, inputs(3))
    assert np.array_equal(found[0], expected[0]) and len(np.unique(found[0])) == 2
    np.testing.assert_allclose(found[1], expected[1], atol=1e-6)


def modern(mode: int, members: Sequence[float] = ()) -> dict[str, Any]:
    """One tree of three comparisons, as ai.onnx.ml 5 writes it."""
    floats = {
        "nodes_splits": [0.5, -1.0, 1.5],
        "leaf_weights": [1.0, 2.0, 4.0, 8.0],
        **({"membership_values": list(members)} if members else {}),
    }
    tensors = {name: helper.make_tensor(name, TensorProto.FLOAT, [len(v)], v) for name, v in floats.items()}
    return {
        **tensors,
        "nodes_modes": helper.make_tensor("m", TensorProto.UINT8, [3], [0, mode, 0]),
        "nodes_featureids": [0, 1, 2],
        "nodes_truenodeids": [1, 0, 2],
        "nodes_trueleafs": [0, 1, 1],
        "nodes_falsenodeids": [2, 1, 3],
        "nodes_falseleafs": [0, 1, 1],
        "leaf_targetids": [0, 1, 0, 1],
        "tree_roots": [0],
        "n_targets": 2,
    }


@pytest.mark.parametrize("mode", range(7))
def test_the_newer_operator(mode: int) -> None:
    members = [1.0, 2.0, 3.0, np.nan] if mode == 6 else []
    expected, found = compared(model("TreeEnsemble", 3, 5, **modern(mode, members)), inputs(3))
    assert np.array_equal(found[0], expected[0]) and len(np.unique(found[0])) > 3


def test_a_scaler_in_front_moves_into_the_thresholds() -> None:
    """The node computes in float32; the thresholds take its rounding with them."""
    generator = np.random.default_rng(3)
    offset, scale = generator.standard_normal(3).tolist(), generator.uniform(0.1, 3, 3).tolist()
    scaler = helper.make_node("Scaler", ["x"], ["s"], domain="ai.onnx.ml", offset=offset, scale=scale)
    given = nodes(8, 4, 3, ["BRANCH_LEQ"])
    given |= leaves("target", given, [0])
    built = model("TreeEnsembleRegressor", 3, n_targets=1, before=[scaler], **given)
    x = generator.integers(-(1 << 11), 1 << 11, size=(3000, 3)).astype(np.float32) / 256
    design = netloom.compile(built, input_precision="fixed<12,4>", precision="fixed<20,14>")
    session = onnxruntime.InferenceSession(built.SerializeToString())
    assert np.array_equal(design.predict(x), session.run(None, {"x": x})[0])
    names = [op.name for op in program_ops(main(design.module))]
    assert "nn.mul" not in names and "tree.ensemble" in names
    assert any("scaling moved into the thresholds" in note.text for note in design.notes)


def refused(given: onnx.ModelProto) -> CompileError:
    with pytest.raises(CompileError) as caught:
        netloom.load(given)
    return caught.value


def test_what_has_no_exact_form_is_refused() -> None:
    given = nodes(2, 2, 3, ["BRANCH_LEQ"])
    sums = given | leaves("target", given, [0])
    biggest = model("TreeEnsembleRegressor", 3, n_targets=1, aggregate_function="MAX", **sums)
    assert refused(biggest).code == "NL122" and "MAX" in refused(biggest).found
    probit = model("TreeEnsembleRegressor", 3, n_targets=1, post_transform="PROBIT", **sums)
    assert refused(probit).code == "NL122"
    classes = given | leaves("class", given, [0, 1]) | {"classlabels_strings": ["a", "b"]}
    assert refused(model("TreeEnsembleClassifier", 3, **classes)).code == "NL104"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nodes_truenodeids", 99),
        ("nodes_featureids", 99),
        ("nodes_modes", "BRANCH_ODD"),
        ("target_nodeids", 77),
    ],
)
def test_attributes_that_do_not_fit_together_are_refused(name: str, value: Any) -> None:
    given = nodes(2, 2, 3, ["BRANCH_LEQ"])
    given |= leaves("target", given, [0])
    given[name] = [value, *given[name][1:]]
    error = refused(model("TreeEnsembleRegressor", 3, n_targets=1, **given))
    assert error.code in ("NL123", "NL124") and "trees" in error.origin


def test_a_circle_of_nodes_is_refused() -> None:
    given = nodes(1, 2, 3, ["BRANCH_LEQ"])
    given |= leaves("target", given, [0])
    given["nodes_truenodeids"][1] = 0
    assert refused(model("TreeEnsembleRegressor", 3, n_targets=1, **given)).code == "NL124"
