"""Small streaming designs, compiled as a user would."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnx
import onnx.helper as h
import onnx.numpy_helper as nh

import netloom
from netloom.api import Design

OPTIONS: dict[str, Any] = {"precision": "fixed<8,4>", "input_precision": "fixed<8,3>"}


class Layers:
    """An ONNX graph of convolutions with small random weights; each method gives the name of its result."""

    def __init__(self, size: int, channels: int) -> None:
        self.draw = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.shape = [1, channels, size, size]

    def add(self, op: str, name: str, *operands: str, **attributes: Any) -> str:
        self.nodes.append(h.make_node(op, operands, [name], name=name, **attributes))
        return name

    def weight(self, name: str, *shape: int) -> str:
        values = (self.draw.integers(-7, 8, shape) / 8).astype(np.float32)
        self.weights.append(nh.from_array(values, name))
        return name

    def conv(self, name: str, x: str, into: int, out: int, kernel: int = 3) -> str:
        weight = self.weight(f"{name}_w", out, into, kernel, kernel)
        return self.add("Conv", name, x, weight, pads=[kernel // 2] * 4)

    def model(self, result: str, outputs: list[int]) -> onnx.ModelProto:
        inputs = [h.make_tensor_value_info("x", onnx.TensorProto.FLOAT, self.shape)]
        self.nodes.append(h.make_node("Identity", [result], ["y"], name="last"))
        results = [h.make_tensor_value_info("y", onnx.TensorProto.FLOAT, outputs)]
        graph = h.make_graph(self.nodes, "small", inputs, results, self.weights)
        return h.make_model(graph, opset_imports=[h.make_opsetid("", 17)])


def skip_model() -> onnx.ModelProto:
    """Two convolutions, the second with a skip connection around it, pooling and a dense layer."""
    net = Layers(8, 3)
    first = net.add("Relu", "relu", net.conv("conv1", "x", 3, 4))
    added = net.add("Add", "skip", net.conv("conv2", first, 4, 4), first)
    pooled = net.add("MaxPool", "pool", added, kernel_shape=[2, 2], strides=[2, 2])
    flat = net.add("Flatten", "flat", net.add("GlobalAveragePool", "gap", pooled))
    dense = net.add("Gemm", "fc", flat, net.weight("fc_w", 4, 5))
    return net.model(dense, [1, 5])


def residual_model(blocks: int) -> onnx.ModelProto:
    """Residual blocks of two convolutions: about five actors each."""
    net = Layers(4, 2)
    x = net.conv("stem", "x", 2, 2)
    for b in range(blocks):
        inner = net.add("Relu", f"relu{b}", net.conv(f"block{b}_conv_a", x, 2, 2))
        x = net.add("Add", f"block{b}_add", net.conv(f"block{b}_conv_b", inner, 2, 2), x)
    return net.model(x, [1, 2, 4, 4])


@cache
def skipping(strategy: str = "latency", reuse_factor: int | str = 1) -> Design:
    """The design of `skip_model`."""
    factors = {"strategy": strategy, "reuse_factor": reuse_factor}
    return netloom.compile(skip_model(), backend="vhdl", io="stream", **OPTIONS, **factors)


@cache
def shared() -> Design:
    """The same with shared multipliers; conv2 needs most cycles by far."""
    return skipping("resource", "9; conv2=36; fc=4")


@cache
def long() -> Design:
    """A design of about 60 actors; depths are not searched for, which would take longest."""
    return netloom.compile(
        residual_model(14), backend="vhdl", io="stream", strategy="latency", fifo_depth=40, **OPTIONS
    )


@cache
def parallel() -> Design:
    """The shipped jet tagger, everything at once."""
    from tests.shared import EXAMPLE

    return netloom.compile(EXAMPLE / "model.onnx", strategy="latency")
