"""Small convolutional networks as parallel hardware: the simulated code gives the emulator's bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import netloom
from netloom.core.diagnostics import CompileError

SHAPE = (2, 4, 4)


def network(group: int) -> onnx.ModelProto:
    """A convolution with padding, one by groups, a pool with padding, and a layer."""
    random = np.random.default_rng(group)
    stored: dict[str, Any] = {
        "w1": random.integers(-4, 5, (4, 2, 3, 3)) / 8,
        "b1": random.integers(-8, 9, 4) / 8,
        "w2": random.integers(-4, 5, (4, 4 // group, 2, 2)) / 8,
        "w3": random.integers(-4, 5, (16, 3)) / 8,
    }
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], name="c1", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], name="r1"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], name="c2", group=group),
        helper.make_node(
            "MaxPool", ["c2"], ["p"], name="p", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 0, 0, 1]
        ),
        helper.make_node("Flatten", ["p"], ["f"], name="f"),
        helper.make_node("MatMul", ["f", "w3"], ["y"], name="fc"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *SHAPE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(values.astype(np.float32), name) for name, values in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def compiled(group: int, **options: Any) -> netloom.Design:
    chosen = {"input_precision": "fixed<5,2>", "precision": "fixed<8,4>"}
    return netloom.compile(network(group), **chosen, **options)


def check(design: netloom.Design) -> None:
    x = np.random.default_rng(0).uniform(-2, 2, size=(4, *SHAPE))
    x[0], x[1] = -9, 9
    assert np.array_equal(design.simulate(x, raw=True), design.predict(x, raw=True))


@pytest.mark.parametrize("group", [1, 4])
@pytest.mark.parametrize("strategy", ["adder_graph", "latency", "resource"])
def test_vhdl_of_every_strategy(group: int, strategy: str) -> None:
    factors = {"reuse_factor": 2} if strategy == "resource" else {}
    design = compiled(group, strategy=strategy, **factors)
    check(design)
    assert design.last_simulation is not None
    assert design.last_simulation.latency_cycles == design.report().latency_cycles


@pytest.mark.parametrize("group", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_cpp_in_c_simulation(group: int) -> None:
    check(compiled(group, backend="vitis"))


def test_an_image_that_is_too_large_for_parallel_hardware_is_refused() -> None:
    large = network(1)
    for dim, size in zip(large.graph.input[0].type.tensor_type.shape.dim[1:], (2, 256, 256), strict=True):
        dim.dim_value = size
    del large.graph.node[4:]
    large.graph.output[0].CopyFrom(onnx.ValueInfoProto(name="p"))
    with pytest.raises(CompileError) as caught:
        netloom.compile(large, input_precision="fixed<5,2>", precision="fixed<8,4>", strategy="latency")
    assert str(caught.value) == (
        "[NL308] at 'c1': its windows have 1179648 elements\n"
        "  supported: up to 1048576 in a parallel design\n"
        "  to do: use io='stream', which computes one pixel after another"
    )
