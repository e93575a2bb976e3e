"""What the first axis of a model means: a free batch, a fixed batch, or part of one sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

from netloom.ir.arrays import interface_of
from netloom.ir.interpreter import run
from netloom.ir.nn import QuantOp
from netloom.ir.program import main, program_ops
from tests.frontends.graphs import imported, model_of, onnxruntime_says, real, refusal, with_batch_axis


def dense(size: int | str = 1) -> onnx.ModelProto:
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["h"]), helper.make_node("Relu", ["h"], ["y"])]
    stored = {"w": real(4, 3), "b": real(3)}
    return with_batch_axis(model_of(nodes, {"x": real(1, 4)}, stored, ["y"]), size)


def self_attention(size: int | str) -> onnx.ModelProto:
    """Softmax(x x') x: tokens on axis 0, so nothing there is a batch."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["weights"], axis=-1),
        helper.make_node("MatMul", ["weights", "x"], ["y"]),
    ]
    return with_batch_axis(model_of(nodes, {"x": real(5, 4)}, {}, ["y"]), size)


def predict(model: onnx.ModelProto, *arrays: NDArray[Any]) -> list[NDArray[Any]]:
    """What users get, through the program's interface."""
    module = imported(model)
    interface = interface_of(module)
    feeds = dict(zip(interface.inputs, arrays, strict=True))
    outputs = run(module, interface.inputs_from(feeds))
    arranged = interface.arrange(outputs, feeds)
    return list(arranged.values()) if isinstance(arranged, dict) else [arranged]


@pytest.mark.parametrize("size", ["n", 1, 7])
def test_a_batch_axis_of_any_declared_size_takes_any_number_of_samples(size: int | str) -> None:
    model, x = dense(size), real(7, 4)
    module = imported(model)
    assert interface_of(module).batched
    assert interface_of(module).inputs == {"x": (1, 4)}
    expected = onnxruntime_says(with_batch_axis(model, 7), {"x": x})[0]
    # The same four products, summed in another order.
    np.testing.assert_allclose(predict(model, x)[0], expected, rtol=1e-6, atol=1e-6)


def test_an_axis_whose_elements_influence_each_other_is_part_of_the_sample() -> None:
    # Positive numbers: their sums lose no digits, whatever the runtime's order.
    model, x = self_attention(5), real(5, 4, low=0.5)
    assert not interface_of(imported(model)).batched
    assert interface_of(imported(model)).inputs == {"x": (5, 4)}
    np.testing.assert_allclose(predict(model, x)[0], onnxruntime_says(model, {"x": x})[0], rtol=1e-5)


def test_a_free_axis_whose_elements_influence_each_other_is_refused() -> None:
    assert refusal(self_attention("n")) == (
        "[NL105] at 'x': axis 0 of the inputs has a free size, but the model mixes samples along it\n"
        "  supported: models that compute each sample by itself\n"
        "  to do: export the model with a fixed size of axis 0"
    )


def test_a_free_axis_that_vanishes_is_refused() -> None:
    nodes = [helper.make_node("ReduceMean", ["x"], ["y"], axes=[0, 1], keepdims=0)]
    model = model_of(nodes, {"x": real(1, 4)}, {}, ["y"])
    assert refusal(with_batch_axis(model, "n")).startswith("[NL105] at 'x': axis 0 of the inputs")


def test_a_constant_with_one_row_for_each_sample_makes_the_axis_part_of_the_sample() -> None:
    nodes = [helper.make_node("Mul", ["x", "rows"], ["y"])]
    model = model_of(nodes, {"x": real(3, 4)}, {"rows": real(3, 4)}, ["y"])
    assert interface_of(imported(model)).inputs == {"x": (3, 4)}


def test_a_shape_stored_for_one_sample_keeps_a_free_axis_at_one_sample() -> None:
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    model = model_of(nodes, {"x": real(1, 2, 3)}, {"shape": np.array([1, 6])}, ["y"])
    x = real(5, 2, 3)
    assert np.array_equal(predict(with_batch_axis(model, "n"), x)[0], x.reshape(5, 6))


def test_several_inputs_and_outputs() -> None:
    nodes = [
        helper.make_node("Add", ["a", "b"], ["s"]),
        helper.make_node("Concat", ["a", "b"], ["c"], axis=1),
        helper.make_node("ReduceMax", ["s"], ["m"], axes=[1], keepdims=0),
    ]
    model = model_of(nodes, {"a": real(1, 3), "b": real(1, 3)}, {}, ["s", "c", "m"])
    a, b = real(6, 3), real(6, 3)
    got = predict(with_batch_axis(model, "n"), a, b)
    expected = [a + b, np.concatenate([a, b], axis=1), (a + b).max(axis=1)]
    assert all(np.array_equal(x, y) for x, y in zip(got, expected, strict=True))


def test_inputs_of_different_sizes_have_no_batch_axis() -> None:
    nodes = [helper.make_node("MatMul", ["a", "b"], ["y"])]
    model = model_of(nodes, {"a": real(3, 4), "b": real(4, 2)}, {}, ["y"])
    assert interface_of(imported(model)).inputs == {"a": (3, 4), "b": (4, 2)}
    assert not interface_of(imported(model)).batched


def test_a_scalar_input() -> None:
    nodes = [helper.make_node("Mul", ["x", "gain"], ["y"])]
    model = model_of(nodes, {"x": real(3), "gain": real()}, {}, ["y"])
    assert interface_of(imported(model)).inputs == {"x": (3,), "gain": ()}
    assert np.array_equal(predict(model, np.array([1.0, 2.0, 3.0]), np.array(2.0))[0], [2.0, 4.0, 6.0])


def test_an_input_that_is_also_stored_is_a_weight() -> None:
    model = dense()
    model.graph.input.append(helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, [4, 3]))
    assert list(interface_of(imported(model)).inputs) == ["x"]


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_real_inputs_of_other_precision(kind: Any) -> None:
    model = model_of([helper.make_node("Relu", ["x"], ["y"])], {"x": real(1, 3).astype(kind)}, {}, ["y"])
    assert np.array_equal(predict(model, np.array([[-1.0, 0.5, 2.0]]))[0], [[0.0, 0.5, 2.0]])


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        (np.int8, -128, 127),
        (np.uint8, 0, 255),
        (np.int16, -32768, 32767),
        (np.uint16, 0, 65535),
        (np.bool_, 0, 1),
    ],
)
def test_an_integer_input_is_a_quantizer_over_its_range(kind: Any, low: int, high: int) -> None:
    nodes = [helper.make_node("Cast", ["x"], ["f"], to=1), helper.make_node("MatMul", ["f", "w"], ["y"])]
    model = model_of(nodes, {"x": np.zeros((1, 2), kind)}, {"w": np.eye(2, dtype=np.float32)}, ["y"])
    first = program_ops(main(imported(model)))[0]
    assert isinstance(first, QuantOp)
    assert first.origin_name == "x"
    bounds = [float(p.values) for p in (first.scale, first.zero_point, first.low, first.high)]
    assert bounds == [1.0, 0.0, low, high]
    extremes = np.array([[low, high]])
    assert np.array_equal(predict(model, extremes)[0], extremes)


def test_an_integer_input_that_is_dequantized_equals_the_reference() -> None:
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["r"]),
        helper.make_node("DequantizeLinear", ["r", "scale", "zero"], ["y"]),
    ]
    stored = {"shape": np.array([1, 4]), "scale": np.float32(0.3), "zero": np.int8(-3)}
    x = np.array([[[-128, -3], [5, 127]]], dtype=np.int8)
    model = model_of(nodes, {"x": x}, stored, ["y"])
    assert np.array_equal(predict(model, x)[0], onnxruntime_says(model, {"x": x})[0])


def test_arithmetic_on_integers_is_refused_because_it_wraps_in_onnx() -> None:
    nodes = [helper.make_node("Add", ["x", "one"], ["y"], name="increment")]
    model = model_of(nodes, {"x": np.zeros((1, 2), np.int8)}, {"one": np.int8(1)}, ["y"])
    message = refusal(model)
    assert message.startswith("[NL108] at 'increment': Add on the integer tensor 'x'\n  supported: ArgMax, ")
    assert message.endswith("\n  to do: put a Cast to float or a DequantizeLinear in front")


def test_the_users_model_is_not_changed() -> None:
    model = dense("n")
    before = model.SerializeToString()
    imported(model)
    assert model.SerializeToString() == before


def test_local_functions_are_inlined() -> None:
    body = [helper.make_node("Mul", ["a", "a"], ["b"]), helper.make_node("Relu", ["b"], ["c"])]
    function = helper.make_function("local", "Square", ["a"], ["c"], body, [helper.make_opsetid("", 17)])
    nodes = [helper.make_node("Square", ["x"], ["y"], domain="local")]
    model = model_of(nodes, {"x": real(1, 3)}, {}, ["y"], domains={"local": 1})
    model.functions.append(function)
    assert np.array_equal(predict(model, np.array([[-2.0, 0.0, 3.0]]))[0], [[4.0, 0.0, 9.0]])
