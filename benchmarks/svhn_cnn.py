"""The convolutional network of arXiv:2101.05108 (street view house numbers), quantized, with random weights.

Three 3x3 convolutions without padding (16, 16 and 24 channels), each followed by a 2x2 pool, then layers of
42, 64 and 10. Weights have 6 bits, activations 6 and inputs 8; all scales are powers of two.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DOMAIN = "qonnx.custom_op.general"
CONVOLUTIONS = ((16, 3), (16, 16), (24, 16))
LAYERS = ((96, 42), (42, 64), (64, 10))


class Builder:
    """Nodes and stored arrays of a graph."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[onnx.TensorProto] = []

    def store(self, values: object) -> str:
        """A stored array."""
        name = f"stored_{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def node(self, op: str, operands: list[str], domain: str = "", **attributes: object) -> str:
        """A node with one result."""
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, operands, [name], name=name, domain=domain, **attributes))
        return name

    def quant(self, x: str, bits: int, scale: float, signed: bool = True) -> str:
        """A quantizer."""
        operands = [x, self.store(scale), self.store(0.0), self.store(float(bits))]
        options = {"signed": int(signed), "narrow": 0, "rounding_mode": "ROUND"}
        return self.node("Quant", operands, DOMAIN, **options)

    def weights(self, *shape: int) -> str:
        """Random weights of 6 bits."""
        spread = 1.0 / np.sqrt(np.prod(shape[1:]))
        return self.quant(self.store(self.random.normal(0, spread, shape)), 6, 2.0**-6)


def svhn_cnn(seed: int = 0) -> onnx.ModelProto:
    """The model; its input is x [n, 3, 32, 32] between -1 and 1."""
    graph = Builder(seed)
    x = graph.quant("x", 8, 2.0**-7)
    for channels, depth in CONVOLUTIONS:
        x = graph.node("Conv", [x, graph.weights(channels, depth, 3, 3)], kernel_shape=[3, 3])
        x = graph.quant(graph.node("Relu", [x]), 6, 2.0**-5, signed=False)
        x = graph.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
    x = graph.node("Flatten", [x])
    for index, (inputs, outputs) in enumerate(LAYERS):
        bias = graph.store(np.round(graph.random.normal(0, 0.1, outputs) * 2**11) / 2**11)
        x = graph.node("Gemm", [x, graph.weights(outputs, inputs), bias], transB=1)
        if index < len(LAYERS) - 1:
            x = graph.quant(graph.node("Relu", [x]), 6, 2.0**-5, signed=False)
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 32, 32])
    made = helper.make_graph(graph.nodes, "svhn", [info], [onnx.ValueInfoProto(name=x)], graph.stored)
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(made, opset_imports=imports, ir_version=8)
