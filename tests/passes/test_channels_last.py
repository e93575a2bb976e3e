"""What channels-last leaves of transposes, and that it changes nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from xdsl.dialects.builtin import ModuleOp

from netloom.ir.interpreter import run
from netloom.ir.nn import GatherOp, TransposeOp, WindowOp
from netloom.ir.program import main, program_ops
from netloom.passes.analysis.chains import is_constant
from netloom.passes.manager import PassManager, parse
from tests.passes.quantized_models import imported

SHAPE = (1, 3, 4, 5)


def model_of(nodes: list[Any], stored: dict[str, Any], shape: tuple[int, ...] = SHAPE) -> ModuleOp:
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in stored.items()],
    )
    graph.output[0].type.tensor_type.ClearField("shape")
    return imported(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


def cleaned(module: ModuleOp, seed: int = 0) -> ModuleOp:
    """After the passes, each checked on random samples."""
    result = module.clone()
    shape = run(module, [np.zeros((1, *SHAPE))])[0].shape
    assert shape[0] == 1
    samples = [np.random.default_rng(seed).normal(size=(4, *SHAPE))]
    PassManager(parse("fold-constants,channels-last,cse,dce"), samples=samples).run(result)
    before, after = (run(each, samples, np.float64)[0] for each in (module, result))
    assert np.allclose(before, after, rtol=0, atol=1e-9)
    return result


def moves(module: ModuleOp) -> list[str]:
    """Transposes and permutations of data, by the name of their node."""
    return [
        op.origin_name
        for op in program_ops(main(module))
        if isinstance(op, TransposeOp | GatherOp) and not is_constant(op.operands[0])
    ]


def node(op: str, operands: list[str], result: str, **attributes: Any) -> Any:
    return helper.make_node(op, operands, [result], name=result, **attributes)


def weights(*shape: int) -> Any:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_a_network_has_a_transpose_of_its_input_and_one_of_its_output() -> None:
    nodes = [
        node("Conv", ["x", "w1", "b1"], "c1", pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c1", "b1", "b1", "b1", "v"], "n1"),
        node("Relu", ["n1"], "r1"),
        node("Conv", ["r1", "w2"], "c2", pads=[1, 1, 1, 1]),
        node("Add", ["c2", "r1"], "a"),
        node("Concat", ["a", "r1"], "j", axis=1),
        node("MaxPool", ["j"], "p", kernel_shape=[2, 2]),
        node("ReduceMean", ["p"], "m", axes=[2], keepdims=1),
        node("Slice", ["m", "starts", "ends", "axes"], "y"),
    ]
    stored = {
        "w1": weights(4, 3, 3, 3),
        "b1": weights(4),
        "v": np.ones(4, np.float32),
        "w2": weights(4, 4, 3, 3),
        "starts": np.array([1]),
        "ends": np.array([7]),
        "axes": np.array([1]),
    }
    assert moves(cleaned(model_of(nodes, stored))) == ["c1", "y"]


def test_the_rows_of_a_layer_are_permuted_instead_of_the_flattened_image() -> None:
    nodes = [
        node("Conv", ["x", "w1"], "c1"),
        node("Flatten", ["c1"], "f"),
        node("Relu", ["f"], "r"),
        node("Mul", ["r", "s"], "m"),
        node("MatMul", ["m", "w2"], "y"),
    ]
    stored = {"w1": weights(4, 3, 3, 3), "s": weights(24), "w2": weights(24, 2)}
    assert moves(cleaned(model_of(nodes, stored))) == ["c1"]


def test_an_image_of_one_channel_needs_no_transpose() -> None:
    nodes = [
        node("Slice", ["x", "starts", "ends", "axes"], "s"),
        node("Conv", ["s", "w1"], "c1"),
        node("GlobalAveragePool", ["c1"], "p"),
        node("Flatten", ["p"], "y"),
    ]
    stored = {"w1": weights(4, 1, 3, 3)} | {
        name: np.array([value]) for name, value in (("starts", 1), ("ends", 2), ("axes", 1))
    }
    assert moves(cleaned(model_of(nodes, stored))) == []


def test_a_pixel_shuffle_keeps_its_own_transpose_only() -> None:
    nodes = [
        node("Conv", ["x", "w1"], "c1"),
        node("DepthToSpace", ["c1"], "d", blocksize=2),
        node("Conv", ["d", "w2"], "y"),
    ]
    module = cleaned(model_of(nodes, {"w1": weights(8, 3, 3, 3), "w2": weights(1, 2, 1, 1)}))
    assert moves(module) == ["c1", "d"]


@pytest.mark.parametrize("pads", [[0, 0, 1, 2, 0, 0, 1, 0], [0, 0, 0, 1, 0, 0, 0, 1]])
def test_zeros_around_an_image_become_padding(pads: list[int]) -> None:
    nodes = [node("Pad", ["x", "pads"], "p"), node("Conv", ["p", "w1"], "c1", pads=[1, 0, 0, 1])]
    nodes.append(node("Relu", ["c1"], "y"))
    module = cleaned(model_of(nodes, {"pads": np.array(pads), "w1": weights(2, 3, 2, 2)}))
    (window,) = (op for op in program_ops(main(module)) if isinstance(op, WindowOp))
    assert window.padding.ints().tolist() == [pads[2] + 1, pads[3], pads[6], pads[7] + 1]
    assert "nn.concat" not in [op.name for op in program_ops(main(module))]


def random_nodes(random: np.random.Generator) -> list[Any]:
    """Elementwise ops, transposes, joins, reductions and flattenings in any order."""
    nodes: list[Any] = []
    x, shape = "x", list(SHAPE)
    for index in range(int(random.integers(2, 9))):
        name = f"n{index}"
        kind = random.choice(
            ["turn", "relu", "scale", "join", "reduce", "softmax", "slice", "flat", "unit", "expand"]
        )
        rank = len(shape)
        axis = int(random.integers(1, rank)) if rank > 1 else 0
        if kind == "turn":
            order = [0, *(1 + random.permutation(rank - 1))]
            nodes.append(node("Transpose", [x], name, perm=[int(a) for a in order]))
            shape = [shape[a] for a in order]
        elif kind == "relu":
            nodes.append(node("Relu", [x], name))
        elif kind == "scale":
            size = [d if random.integers(2) else 1 for d in shape[int(random.integers(0, rank)) :]]
            values = numpy_helper.from_array(random.normal(size=size).astype(np.float32))
            nodes.append(helper.make_node("Constant", [], [f"{name}_c"], value=values))
            nodes.append(node(str(random.choice(["Mul", "Add", "Max"])), [x, f"{name}_c"], name))
        elif kind == "join":
            nodes.append(node("Relu", [x], f"{name}_r"))
            nodes.append(node("Concat", [x, f"{name}_r"], name, axis=axis))
            shape[axis] *= 2
        elif kind == "reduce" and rank > 2:
            keep = int(random.integers(2))
            nodes.append(
                node(str(random.choice(["ReduceMax", "ReduceMean"])), [x], name, axes=[axis], keepdims=keep)
            )
            shape[axis : axis + 1] = [1] if keep else []
        elif kind == "softmax":
            nodes.append(node(str(random.choice(["Softmax", "Hardmax"])), [x], name, axis=axis))
        elif kind == "flat":
            nodes.append(node("Flatten", [x], name))
            shape = [1, int(np.prod(shape))]
        elif kind == "unit":
            values = numpy_helper.from_array(np.array([axis]))
            nodes.append(helper.make_node("Constant", [], [f"{name}_c"], value=values))
            nodes.append(node("Unsqueeze", [x, f"{name}_c"], name))
            shape.insert(axis, 1)
        else:
            nodes.append(node("Abs", [x], name))
        x = name
    nodes.append(node("Neg", [x], "y"))
    return nodes


@given(st.integers(0, 2**32 - 2))
@settings(max_examples=150)
def test_any_order_of_ops_keeps_its_meaning(seed: int) -> None:
    cleaned(model_of(random_nodes(np.random.default_rng(seed)), {}), seed)
