"""Every refusal of the ONNX frontend, by its whole message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from netloom.core.diagnostics import CompileError
from netloom.frontends.onnx.plugin import OnnxFrontend
from tests.frontends.graphs import Case, Constant, ints, model_of, onnx_says, ours, real, refusal, weights


def file_refusal(path: Path) -> str:
    with pytest.raises(CompileError) as caught:
        OnnxFrontend().load(path)
    return str(caught.value)


def dense() -> onnx.ModelProto:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"], name="fc"), helper.make_node("Relu", ["h"], ["y"])]
    return model_of(nodes, {"x": real(1, 4)}, {"w": real(4, 3)}, ["y"])


# Files


def test_missing_file(tmp_path: Path) -> None:
    assert (
        file_refusal(tmp_path / "none.onnx")
        == "[NL101] at 'none.onnx': no such file\n  to do: check the path"
    )


def test_directory(tmp_path: Path) -> None:
    (tmp_path / "folder.onnx").mkdir()
    assert file_refusal(tmp_path / "folder.onnx").startswith("[NL101] at 'folder.onnx': no such file")


def test_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(dense().SerializeToString()[:100])
    assert file_refusal(path) == (
        "[NL102] at 'cut.onnx': not a valid ONNX model (its bytes cannot be parsed)\n"
        "  to do: export the model again; the file may be truncated"
    )


def test_file_cut_at_any_byte_is_refused_or_whole(tmp_path: Path) -> None:
    path, data = tmp_path / "cut.onnx", dense().SerializeToString()
    for size in range(len(data) - len(dense().opset_import[0].SerializeToString()) - 2):
        path.write_bytes(data[:size])
        assert file_refusal(path).startswith("[NL102] at 'cut.onnx': not a valid ONNX model")


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").touch()
    assert file_refusal(tmp_path / "empty.onnx") == (
        "[NL102] at 'empty.onnx': not a valid ONNX model (it has no graph with outputs)\n"
        "  to do: export the model again; the file may be truncated"
    )


def test_text_file(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("this is not a model\n")
    assert file_refusal(tmp_path / "text.onnx") == (
        "[NL102] at 'text.onnx': not a valid ONNX model (its bytes cannot be parsed)\n"
        "  to do: export the model again; the file may be truncated"
    )


def test_graph_without_nodes() -> None:
    model = model_of([], {"x": real(1, 3)}, {}, ["x"])
    with pytest.raises(CompileError) as caught:
        OnnxFrontend().load(model)
    assert str(caught.value) == (
        "[NL102] at 'model': not a valid ONNX model (its graph has no nodes)\n"
        "  to do: export the model again; the file may be truncated"
    )


def test_missing_external_data(tmp_path: Path) -> None:
    path = tmp_path / "external.onnx"
    model = model_of(
        [helper.make_node("Mul", ["x", "w"], ["y"])], {"x": real(1, 999)}, {"w": real(999)}, ["y"]
    )
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (tmp_path / "weights.bin").unlink()
    assert file_refusal(path).startswith("[NL102] at 'external.onnx': not a valid ONNX model (")


def test_refusals_of_files_name_the_file_and_the_node(tmp_path: Path) -> None:
    model = dense()
    model.graph.node[0].op_type = "MatMull"
    onnx.save(model, tmp_path / "net.onnx")
    assert file_refusal(tmp_path / "net.onnx") == (
        "[NL103] at 'net.onnx: fc': operator MatMull is not supported\n"
        "  supported: nearest: MatMul\n"
        "  to do: rewrite the layer, or list all operators with 'netloom frontends'"
    )


# Stored tensors


def with_weight(tensor: onnx.TensorProto) -> onnx.ModelProto:
    model = dense()
    tensor.name = "w"
    model.graph.initializer[0].CopyFrom(tensor)
    return model


def test_weights_that_are_not_numbers() -> None:
    values = real(4, 3)
    values[1, 1], values[2, 2] = np.nan, np.inf
    assert refusal(with_weight(numpy_helper.from_array(values))) == (
        "[NL107] at 'w': 2 of 12 elements are NaN or infinite\n"
        "  supported: finite numbers\n"
        "  to do: check the training run that made these weights"
    )


def test_double_weights_beyond_float32() -> None:
    values = np.full((4, 3), 1e300)
    assert refusal(with_weight(numpy_helper.from_array(values))).startswith(
        "[NL107] at 'w': 12 of 12 elements"
    )


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        (helper.make_tensor("w", TensorProto.STRING, [1], [b"a"]), "STRING"),
        (helper.make_tensor("w", TensorProto.COMPLEX64, [1], [1j]), "COMPLEX64"),
        (onnx.TensorProto(name="w", dims=[1]), "UNDEFINED"),
    ],
    ids=["string", "complex", "undefined"],
)
def test_weights_of_another_kind(tensor: onnx.TensorProto, kind: str) -> None:
    assert refusal(with_weight(tensor)) == (
        f"[NL108] at 'w': tensor 'w' has element type {kind}\n"
        "  supported: real numbers, integers and booleans"
    )


def test_weights_with_fewer_bytes_than_their_shape() -> None:
    tensor = numpy_helper.from_array(real(4, 3))
    tensor.raw_data = tensor.raw_data[:8]
    assert refusal(with_weight(tensor)).startswith(
        "[NL102] at 'w': not a valid ONNX model (the data of tensor 'w' cannot be read: "
    )


def test_sparse_weights_are_spread_out() -> None:
    model = dense()
    del model.graph.initializer[:]
    values = helper.make_tensor("w", TensorProto.FLOAT, [2], [2.0, 3.0])
    indices = helper.make_tensor("i", TensorProto.INT64, [2], [0, 5])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4, 3]))
    x = np.array([[1, 10, 100, 1000]], dtype=np.float32)
    assert np.array_equal(ours(model, {"x": x})[0], [[2.0, 0.0, 30.0]])


def test_sparse_weights_outside_their_shape() -> None:
    model = dense()
    del model.graph.initializer[:]
    values = helper.make_tensor("w", TensorProto.FLOAT, [1], [2.0])
    indices = helper.make_tensor("i", TensorProto.INT64, [1], [12])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4, 3]))
    assert refusal(model).startswith(
        "[NL102] at 'w': not a valid ONNX model (the indices of sparse tensor 'w': "
    )


def test_bfloat16_weights_are_real_numbers() -> None:
    values = np.eye(4, 3).astype(ml_dtypes.bfloat16)
    x = np.array([[1, 2, 3, 4]], dtype=np.float32)
    assert np.array_equal(ours(with_weight(numpy_helper.from_array(values)), {"x": x})[0], [[1.0, 2.0, 3.0]])


# Operators and attributes


@pytest.mark.parametrize(
    ("op", "nearest"),
    [
        ("LSTM", "an unrolled network of MatMul, Sigmoid and Tanh"),
        ("If", "a graph without branches; export the branch that inference takes"),
        ("Loop", "the unrolled body"),
        ("Relu6", "Relu"),
        ("Qqq", "a composition of MatMul, Add, Mul"),
        ("RandomNormalLike", "a constant, or one more input of the model"),
    ],
)
def test_unknown_operator(op: str, nearest: str) -> None:
    assert refusal(Case(op, [real(1, 3)]).model) == (
        f"[NL103] at 'node': operator {op} is not supported\n"
        f"  supported: nearest: {nearest}\n"
        "  to do: rewrite the layer, or list all operators with 'netloom frontends'"
    )


def test_branches_on_a_computed_condition() -> None:
    body = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["r"])], "body", [], [onnx.ValueInfoProto(name="r")]
    )
    node = helper.make_node("If", ["c"], ["y"], name="branch", then_branch=body, else_branch=body)
    model = model_of([node], {"x": real(1, 3), "c": np.array([True])}, {}, ["y"])
    assert refusal(model).startswith("[NL103] at 'branch': operator If is not supported\n")


def test_random_numbers_are_not_folded_into_a_constant() -> None:
    nodes = [
        helper.make_node("RandomNormal", [], ["r"], name="noise", shape=[1, 3]),
        helper.make_node("Add", ["x", "r"], ["y"]),
    ]
    assert refusal(model_of(nodes, {"x": real(1, 3)}, {}, ["y"])).startswith(
        "[NL103] at 'noise': operator RandomNormal is not supported\n"
    )


@pytest.mark.parametrize(
    ("op", "nearest"), [("Relu", "ai.onnx.Relu"), ("Quant", "qonnx.custom_op.general.Quant")]
)
def test_known_name_in_an_unknown_domain(op: str, nearest: str) -> None:
    assert refusal(Case(op, [real(1, 3)], domain="my.domain").model) == (
        f"[NL103] at 'node': operator my.domain.{op} is not supported\n"
        f"  supported: nearest: {nearest}\n"
        "  to do: rewrite the layer, or list all operators with 'netloom frontends'"
    )


def test_minifloat_quantizer() -> None:
    operands = [real(1, 3), *[Constant.of(v, np.float32) for v in (1, 4, 3, 7, 480)]]
    assert refusal(Case("FloatQuant", operands, domain="qonnx.custom_op.general").model) == (
        "[NL103] at 'node': FloatQuant rounds to a floating-point format\n"
        "  supported: nearest: Quant (integers with a scale)\n"
        "  to do: the hardware computes in fixed-point; retrain with integer quantizers"
    )


def test_second_output_that_is_used() -> None:
    nodes = [
        helper.make_node("Dropout", ["x"], ["d", "mask"], name="drop"),
        helper.make_node("Mul", ["d", "mask"], ["y"]),
    ]
    assert refusal(model_of(nodes, {"x": real(1, 3)}, {}, ["y"])) == (
        "[NL103] at 'drop': the output 'mask' is used\n  supported: the operator's first output"
    )


def test_second_output_that_is_not_used() -> None:
    nodes = [helper.make_node("Dropout", ["x"], ["y", "mask"], name="drop")]
    x = real(1, 3)
    assert np.array_equal(ours(model_of(nodes, {"x": x}, {}, ["y"]), {"x": x})[0], x)


def test_unknown_attribute() -> None:
    assert refusal(Case("Gemm", [real(1, 3), weights(3, 2)], {"reuse": 1}).model) == (
        "[NL104] at 'node': Gemm has the unknown attribute 'reuse'\n  supported: alpha, beta, transA, transB"
    )
    assert refusal(Case("Relu", [real(1, 3)], {"slope": 1.0}).model) == (
        "[NL104] at 'node': Relu has the unknown attribute 'slope'\n  supported: no attributes"
    )


def number(value: Any) -> Constant:
    return Constant.of(value, np.float32)


def quantizer(scale: Any = 0.5, zero: Any = 0, bits: Any = 4, **attributes: Any) -> Case:
    parameters = [number(scale), number(zero), number(bits)]
    return Case("Quant", [real(1, 3), *parameters], attributes, domain="qonnx.custom_op.general")


UNSUPPORTED_VALUES = [
    (
        Case("Cast", [real(1, 3)], {"to": 7}),
        "Cast: cast of a computed tensor to INT64",
        "casts to float types",
    ),
    (
        Case("Cast", [real(1, 3)], {"to": 99}),
        "Cast: cast of a computed tensor to number 99",
        "casts to float types",
    ),
    (
        Case("Pow", [real(1, 3), number(0.3)]),
        "Pow: this exponent",
        "the constant exponents 1, 2, 3, 0.5, -0.5 and -1",
    ),
    (
        Case("Pow", [real(1, 3), number(np.full((2, 3), 2))]),
        "Pow: exponents of shape (2, 3)",
        "exponents that broadcast into the base",
    ),
    (Case("Gelu", [real(1, 3)], {"approximate": "fast"}, opset=20), "Gelu: approximate = fast", "none, tanh"),
    (Case("Celu", [real(1, 3)], {"alpha": -1.0}), "Celu: alpha = -1.0", "positive alpha"),
    (
        Case("Dropout", [real(1, 3), number(0.5), Constant.of(True)]),
        "Dropout: training_mode is true",
        "inference",
    ),
    (
        Case("BatchNormalization", [real(1, 3), *[weights(3)] * 4], {"training_mode": 1}),
        "BatchNormalization: training_mode is 1",
        "inference",
    ),
    (
        Case("BatchNormalization", [real(1, 3), *[weights(3)] * 4], {"spatial": 0}, opset=7),
        "BatchNormalization: spatial is 0",
        "one mean and variance for each channel",
    ),
    (
        Case("BatchNormalization", [real(1, 3), *[weights(3)] * 3, number([1, -1, 1])]),
        "BatchNormalization: a variance that is not positive",
        "positive variances",
    ),
    (Case("Softmax", [real(1, 3)], {"axis": 2}), "Softmax: axis 2 of 2 axes", "-2 to 1"),
    (Case("Flatten", [real(1, 3)], {"axis": 3}), "Flatten: axis 3 of 2 axes", "-2 to 1"),
    (
        Case("ArgMax", [real(1, 3)], {"select_last_index": 1}),
        "ArgMax: select_last_index is 1",
        "the first index",
    ),
    (
        Case("Gemm", [real(1, 3), weights(3, 2), weights(4, 2)]),
        "Gemm: C of shape (4, 2)",
        "shapes that broadcast into (1, 2)",
    ),
    (
        Case("Split", [real(1, 3), ints(1, 1)], {"axis": 1}, outputs=2),
        "Split: parts [1, 1] of an axis of 3",
        "parts that add up",
    ),
    (Case("Pad", [real(1, 3), ints(0, 1)], {}, opset=13), "Pad: 2 pads for 2 axes", "two pads for each axis"),
    (
        Case("Pad", [real(1, 3), ints(0, 1, 0, 0)], {"mode": "mirror"}),
        "Pad: mode mirror",
        "constant, reflect, edge and wrap",
    ),
    (
        Case("Pad", [real(1, 3), ints(0, -1, 0, 1)]),
        "Pad: negative and positive pads on one axis",
        "one sign per axis",
    ),
    (Case("Tile", [real(1, 3), ints(2)]), "Tile: 1 repeats of 2 axes", "one for each axis"),
    (
        Case("Einsum", [real(3, 3), weights(3, 3)], {"equation": "ii,ij->j"}),
        "Einsum: equation 'ii,ij->j'",
        "equations of two operands, without ellipsis and without an index twice in one operand",
    ),
    (
        Case("Einsum", [real(3, 3), weights(3, 3)], {"equation": "...i,ij->...j"}),
        "Einsum: equation '...i,ij->...j'",
        "equations of two operands, without ellipsis and without an index twice in one operand",
    ),
    (
        Case("Einsum", [real(3, 4), weights(3, 3)], {"equation": "ij,jk->ik"}),
        "Einsum: operand 'jk' of shape (3, 3)",
        "shapes that fit the equation",
    ),
    (quantizer(scale=-0.5), "Quant: scale -0.5", "positive scales"),
    (quantizer(bits=2.5), "Quant: bit width 2.5", "whole bit widths from 1 to 53"),
    (quantizer(zero=0.5), "Quant: a zero point that is not a whole number", "whole zero points"),
    (quantizer(zero=1, bits=1, signed=1), "Quant: one signed bit with a zero point", "a zero point of 0"),
    (
        quantizer(bits=[1, 2, 2], signed=1),
        "Quant: signed bit widths of 1 beside others",
        "1 for all or for none",
    ),
    (
        quantizer(rounding_mode="STOCHASTIC"),
        "Quant: rounding mode STOCHASTIC",
        "CEIL, DOWN, FLOOR, HALF_DOWN, HALF_EVEN, HALF_UP, ROUND, UP",
    ),
    (
        Case("QuantizeLinear", [real(2, 4), number(np.ones((2, 2)))], {"block_size": 2}, opset=21),
        "QuantizeLinear: blocked quantization",
        "per-tensor and per-axis scales",
    ),
    (
        Case("QuantizeLinear", [real(2, 4), number(np.ones((2, 2)))], opset=21),
        "QuantizeLinear: a parameter of shape (2, 2)",
        "per-tensor and per-axis scales",
    ),
    (
        Case("QuantizeLinear", [real(2, 4), number(1)], {"precision": 10}, opset=23),
        "QuantizeLinear: a precision other than float",
        "division in float",
    ),
]


@pytest.mark.parametrize(
    ("case", "found", "supported"), UNSUPPORTED_VALUES, ids=[row[1] for row in UNSUPPORTED_VALUES]
)
def test_unsupported_value(case: Case, found: str, supported: str) -> None:
    assert refusal(case.model) == f"[NL104] at 'node': {found}\n  supported: {supported}"


# Shapes


def with_shape(*shape: int | str | None) -> onnx.ModelProto:
    model = dense()
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, shape))
    return model


def test_dynamic_inner_axis() -> None:
    assert refusal(with_shape("n", "features")) == (
        "[NL105] at 'x': input 'x' has the dynamic axis 1 (features)\n"
        "  supported: static shapes, with a free batch size on axis 0 only\n"
        "  to do: export the model with fixed shapes"
    )
    assert "has the dynamic axis 1 (unknown)\n" in refusal(with_shape(1, None))


def test_input_without_a_shape() -> None:
    model = dense()
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert refusal(model) == (
        "[NL105] at 'x': input 'x' has no shape\n"
        "  supported: static shapes, with a free batch size on axis 0 only\n"
        "  to do: export the model with fixed shapes"
    )


MISFITS = [
    (Case("MatMul", [real(1, 3), weights(4, 2)]), "MatMul: nn.matmul: shapes (1, 3) and (4, 2) do not fit"),
    (Case("MatMul", [real(), weights(4, 2)]), "MatMul: nn.matmul: shapes () and (4, 2) do not fit"),
    (
        Case("Add", [real(1, 3), weights(4)]),
        "Add: nn.add: shape mismatch: objects cannot be broadcast to a single shape. "
        " Mismatch is between arg 0 with shape (1, 3) and arg 1 with shape (4,).",
    ),
    (Case("Reshape", [real(1, 6), ints(4, -1)]), "Reshape: nn.reshape: (1, 6) does not reshape to (4, 1)"),
    (Case("Squeeze", [real(1, 6), ints(1)]), "Squeeze: nn.reshape: (1, 6) does not reshape to (1,)"),
    (
        Case("Transpose", [real(1, 6)], {"perm": [0, 0]}),
        "Transpose: nn.transpose: (0, 0) does not permute 2 axes",
    ),
    (
        Case("Gather", [real(1, 6), ints(6)], {"axis": 1}),
        "Gather: nn.gather: an index is outside the operand",
    ),
    (
        Case("Concat", [real(1, 2), weights(2, 2)], {"axis": 2}),
        "Concat: nn.concat: no axis 2 in a tensor of 2 axes",
    ),
    (
        Case("Concat", [real(1, 2), weights(2, 3)], {"axis": 0}),
        "Concat: nn.concat: shapes [(1, 2), (2, 3)] do not join along axis 0",
    ),
    (
        Case("BatchNormalization", [real(1, 3), *[Constant(real(4, low=0.1))] * 4]),
        "BatchNormalization: nn.batch_norm: parameters need 3 elements",
    ),
    (Case("PRelu", [real(1, 3), weights(4)]), "PRelu: nn.prelu: the slope does not broadcast into the input"),
    (
        quantizer(scale=[0.5, 0.25]),
        "Quant: nn.quant: a parameter of shape (2,) does not broadcast into (1, 3)",
    ),
    (
        Case("ReduceSum", [real(1, 3), ints(2)]),
        "ReduceSum: nn.reduce: no axis 2 in a tensor of 2 axes",
    ),
    (
        Case("Slice", [real(1, 3), ints(0), ints(1), ints(1), ints(0)]),
        "Slice: malformed node (ValueError: slice step cannot be zero)",
    ),
    (
        Case("Softmax", [real(1, 3)], {"axis": "last"}),
        "Softmax: malformed node (ValueError: invalid literal for int() with base 10: 'last')",
    ),
]


@pytest.mark.parametrize(("case", "found"), MISFITS, ids=[row[1] for row in MISFITS])
def test_shapes_that_do_not_fit(case: Case, found: str) -> None:
    assert refusal(case.model) == (
        f"[NL110] at 'node': {found}\n  to do: check the model with onnx.checker and shape inference"
    )


@pytest.mark.parametrize(
    ("case", "index"),
    [
        (Case("MatMul", [real(1, 3)]), 1),
        (Case("Gather", [real(1, 3), None]), 1),
        (Case("Clip", [None, Constant.of(0, np.float32)]), 0),
        (Case("LayerNormalization", [real(1, 3)]), 1),
        (Case("Quant", [real(1, 3), number(1)], domain="qonnx.custom_op.general"), 2),
    ],
    ids=["MatMul", "Gather", "Clip", "LayerNormalization", "Quant"],
)
def test_missing_input(case: Case, index: int) -> None:
    assert refusal(case.model) == f"[NL110] at 'node': input {index} of {case.op} is missing"


# Graphs


def test_cyclic_graph() -> None:
    nodes = [
        helper.make_node("Add", ["x", "c"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="second"),
        helper.make_node("Neg", ["b"], ["c"], name="third"),
    ]
    assert refusal(model_of(nodes, {"x": real(1, 3)}, {}, ["c"])) == (
        "[NL106] at 'first': the graph is cyclic: first -> second -> third -> first\n"
        "  supported: feed-forward graphs"
    )


def test_tensor_without_a_producer() -> None:
    nodes = [helper.make_node("Add", ["x", "bias"], ["y"], name="add")]
    assert refusal(model_of(nodes, {"x": real(1, 3)}, {}, ["y"])) == (
        "[NL106] at 'add': nothing produces its input 'bias'"
    )


def test_output_without_a_producer() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["h"])]
    assert (
        refusal(model_of(nodes, {"x": real(1, 3)}, {}, ["y"]))
        == "[NL106] at 'y': nothing produces this output"
    )


def test_tensor_with_two_producers() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["y"], name="a"),
        helper.make_node("Neg", ["x"], ["y"], name="b"),
    ]
    assert refusal(model_of(nodes, {"x": real(1, 3)}, {}, ["y"])) == (
        "[NL102] at 'b': not a valid ONNX model (its output 'y' is written twice)\n"
        "  to do: export the model again; the file may be truncated"
    )


def test_nodes_in_any_order() -> None:
    model, x = dense(), real(1, 4)
    expected = onnx_says(model, {"x": x})[0]
    model.graph.node.reverse()
    np.testing.assert_allclose(ours(model, {"x": x})[0], expected, rtol=1e-6)


# Element types and constants


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint32])
def test_wide_integer_input(kind: Any) -> None:
    name = helper.tensor_dtype_to_string(helper.np_dtype_to_tensor_dtype(np.dtype(kind))).removeprefix(
        "TensorProto."
    )
    assert refusal(Case("Relu", [np.zeros((1, 3), kind)]).model) == (
        f"[NL108] at 'x0': input 'x0' has element type {name}\n"
        "  supported: float, double, float16, int8, uint8, int16, uint16, bool"
    )


def test_input_that_is_not_a_tensor() -> None:
    model = dense()
    model.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = 1
    assert refusal(model).startswith("[NL108] at 'x': input 'x' has element type UNDEFINED\n")


def test_quantization_to_floats() -> None:
    zero = Constant.of(0, ml_dtypes.float8_e4m3fn)
    assert refusal(Case("QuantizeLinear", [real(1, 3), number(1), zero], opset=19).model) == (
        "[NL108] at 'node': QuantizeLinear to float8_e4m3fn\n"
        "  supported: int16, int4, int8, uint16, uint4, uint8"
    )


@pytest.mark.parametrize(
    ("case", "index"),
    [
        (Case("Reshape", [real(1, 3), real(2)]), 1),
        (Case("Clip", [real(1, 3), real()]), 1),
        (Case("Pow", [weights(1, 3), real(1)]), 1),
        (Case("Quant", [real(1, 3), real(), number(0), number(4)], domain="qonnx.custom_op.general"), 1),
        (Case("LayerNormalization", [real(1, 3), real(3)]), 1),
    ],
    ids=lambda value: value.op if isinstance(value, Case) else "",
)
def test_operand_that_must_be_a_constant(case: Case, index: int) -> None:
    assert refusal(case.model) == (
        f"[NL109] at 'node': input {index} of {case.op} must be a constant\n"
        "  to do: export the model with this value fixed"
    )


def test_gather_with_computed_indices() -> None:
    nodes = [
        helper.make_node("ArgMax", ["x"], ["i"], axis=1, keepdims=0),
        helper.make_node("Gather", ["table", "i"], ["y"], name="embedding"),
    ]
    assert refusal(model_of(nodes, {"x": real(1, 3)}, {"table": real(3, 2)}, ["y"])) == (
        "[NL109] at 'embedding': input 1 of Gather must be a constant\n"
        "  to do: export the model with this value fixed"
    )
