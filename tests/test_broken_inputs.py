"""What users get wrong: a clear error or a correct result, and nothing half-written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import netloom
from netloom import CompileError
from tests.shared import EXAMPLE


def dense_model(
    weights: Any = None, *, shape: tuple[Any, ...] = (1, 4), op: str = "MatMul"
) -> onnx.ModelProto:
    values = np.eye(4, 3, dtype=np.float32) if weights is None else np.asarray(weights, dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node(op, ["x", "w"], ["y"], name="fc1")],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(values, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def refusal(graph: Any, **options: Any) -> CompileError:
    with pytest.raises(CompileError) as caught:
        netloom.compile(graph, **options)
    return caught.value


def test_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes((EXAMPLE / "model.onnx").read_bytes()[:20000])
    error = refusal(path)
    assert error.code == "NL102"
    assert "cut.onnx" in str(error)


def test_missing_file(tmp_path: Path) -> None:
    assert str(refusal(tmp_path / "none.onnx")) == (
        "[NL101] at 'none.onnx': no such file\n  to do: check the path"
    )


def test_unknown_operator_names_node_and_nearest() -> None:
    error = refusal(dense_model(op="MatMull"), precision="fixed<16,6>")
    assert (error.code, error.origin) == ("NL103", "fc1")
    assert "nearest: MatMul" in str(error)


def test_dynamic_inner_axis() -> None:
    assert refusal(dense_model(shape=(1, "k")), precision="fixed<16,6>").code == "NL105"


def test_cyclic_graph() -> None:
    model = dense_model()
    model.graph.node.append(helper.make_node("Add", ["y", "z"], ["v"], name="a"))
    model.graph.node.append(helper.make_node("Relu", ["v"], ["z"], name="b"))
    error = refusal(model, precision="fixed<16,6>")
    assert error.code == "NL106"
    assert "the graph is cyclic" in str(error)


def test_nan_weights() -> None:
    weights = np.full((4, 3), np.nan)
    assert str(refusal(dense_model(weights), precision="fixed<16,6>")) == (
        "[NL107] at 'w': 12 of 12 elements are NaN or infinite\n  supported: finite numbers\n"
        "  to do: check the training run that made these weights"
    )


def test_float_model_without_a_choice() -> None:
    error = refusal(dense_model(), input_precision="fixed<8,3>")
    assert (error.code, error.origin) == ("NL301", "fc1")
    assert "precision=" in str(error) and "calibration=" in str(error) and "layers" in str(error)


def test_no_input_precision() -> None:
    error = refusal(dense_model())
    assert (error.code, error.origin) == ("NL302", "x")


def test_misspelled_layer() -> None:
    error = refusal(dense_model(), precision={"model": "fixed<16,6>", "layers": {"fc2": "fixed<8,2>"}})
    assert error.code == "NL202"
    assert "did you mean 'fc1'?" in str(error)


def test_misspelled_strategy_layer() -> None:
    error = refusal(dense_model(), precision="fixed<16,6>", strategy={"fc9": "latency"})
    assert error.code == "NL202"


def test_eighty_bit_accumulators() -> None:
    error = refusal(dense_model(np.full((4, 3), 1000.7)), precision="fixed<60,30>")
    assert error.code == "NL303"
    assert error.origin == "fc1"


def test_wide_format() -> None:
    error = refusal(dense_model(), precision="fixed<80,40>")
    assert error.code in ("NL203", "NL303")
    assert "80" in str(error)


def test_unwritable_directory(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("keep me")
    design = netloom.compile(dense_model(), precision="fixed<16,6>")
    with pytest.raises(CompileError) as caught:
        design.write(blocker / "project")
    assert caught.value.code == "NL501"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]
    assert blocker.read_text() == "keep me"


def test_directory_with_other_files(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    design = netloom.compile(dense_model(), precision="fixed<16,6>")
    with pytest.raises(CompileError) as caught:
        design.write(tmp_path)
    assert caught.value.code == "NL502"
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_missing_ghdl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("NETLOOM_GHDL", raising=False)
    design = netloom.compile(dense_model(), precision="fixed<16,6>")
    with pytest.raises(CompileError) as caught:
        design.simulate(np.zeros((1, 4)))
    assert caught.value.code == "NL601"
    assert "ghdl" in str(caught.value).lower() and "NETLOOM_GHDL" in str(caught.value)


def test_wrong_shape_names_and_values_in_predict() -> None:
    design = netloom.compile(dense_model(), precision="fixed<16,6>")
    for x, code in (
        (np.zeros((2, 5)), "NL401"),
        (np.zeros(4), "NL401"),
        ({"z": np.zeros((2, 4))}, "NL402"),
        (np.full((2, 4), np.nan), "NL403"),
        (np.array([["a"] * 4]), "NL403"),
    ):
        with pytest.raises(CompileError) as caught:
            design.predict(x)
        assert caught.value.code == code


def test_inputs_beyond_the_format_saturate_as_the_quantizer_says() -> None:
    design = netloom.compile(dense_model(), precision="fixed<16,6>")
    large, limit = np.full((1, 4), 1e6), np.full((1, 4), 2.0**5 - 2.0**-10)
    assert np.array_equal(design.predict(large), design.predict(limit))
    assert np.array_equal(design.simulate(large), design.predict(large))


def test_a_zero_matrix_becomes_constant_zero_hardware() -> None:
    design = netloom.compile(dense_model(np.zeros((4, 3))), precision="fixed<16,6>")
    x = np.ones((3, 4))
    assert np.array_equal(design.simulate(x), np.zeros((3, 3)))


def test_an_identity_network_is_legal() -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"], name="id")],
        "wire",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    design = netloom.compile(model, input_precision="fixed<8,4>")
    x = np.array([[1.25, -3.0]])
    assert np.array_equal(design.predict(x), x)
    assert np.array_equal(design.simulate(x), x)
