"""Random quantized convolutional networks as QONNX models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.passes.quantized_models import (
    QONNX_DOMAIN,
    Array,
    Graph,
    Recipe,
    activated,
    normalised,
)

SIZE = 6


@dataclass
class Image:
    """A tensor of the graph: its name, channels and size."""

    name: str
    channels: int
    size: int


def quantized_weights(graph: Graph, recipe: Recipe, shape: tuple[int, ...], axis: int = 0) -> str:
    """Weights of a convolution, with one scale or one for each output channel."""
    values = graph.constant(recipe.random.normal(size=shape))
    per_output = tuple(size if i == axis else 1 for i, size in enumerate(shape))
    scale = recipe.scale(recipe.choose((), per_output))
    return graph.quant(values, scale, recipe.choose(2, 3, 4), narrow=recipe.choose(True, False))


def convolved(graph: Graph, recipe: Recipe, x: Image) -> Image:
    """A convolution with its bias: dense, by groups, depthwise or of single pixels."""
    kernel = recipe.choose(1, 2, 3)
    group = recipe.choose(1, 1, x.channels)
    outputs = group * int(recipe.random.integers(1, 4)) if group == 1 else x.channels
    operands = [x.name, quantized_weights(graph, recipe, (outputs, x.channels // group, kernel, kernel))]
    if recipe.choose(True, False):
        operands.append(graph.constant(recipe.multiples((outputs,))))
    stride = recipe.choose(1, 1, 2)
    before, after = recipe.choose((0, 0), (0, 1), (1, 1)) if kernel > 1 else (0, 0)
    options = {"group": group, "strides": [stride] * 2, "pads": [before, before, after, after]}
    name = graph.node("Conv", operands, **options)
    return Image(name, outputs, (x.size + before + after - kernel) // stride + 1)


def requantized(graph: Graph, recipe: Recipe, x: Image) -> Image:
    """One scale for all, sometimes with a zero point."""
    zero, signed = recipe.choose(0.0, 0.0, 3.0), recipe.choose(True, False)
    scale, bits = recipe.scale(), recipe.choose(3, 5)
    name = graph.quant(x.name, scale, bits, zero=zero, signed=signed, rounding=recipe.rounding())
    return Image(name, x.channels, x.size)


def pooled(graph: Graph, recipe: Recipe, x: Image) -> Image:
    """A pool of 2 x 2, with padding of one on one side now and then."""
    pad = recipe.choose(0, 0, 1)
    options = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [pad, 0, 0, 0] if pad else [0] * 4}
    size = (x.size - 2) // 2 + 1
    if pad:
        options["pads"] = [1, 1, 1, 1]
        size = x.size // 2 + 1
    kind = recipe.choose("MaxPool", "MaxPool", "AveragePool")
    extra = {"count_include_pad": 1} if kind == "AveragePool" else {}
    return Image(graph.node(kind, [x.name], **options, **extra), x.channels, size)


def doubled(graph: Graph, recipe: Recipe, x: Image) -> Image:
    """Enlarged by 2, by repetition or by a transposed convolution."""
    if recipe.choose(True, False):
        scales = graph.constant([1.0, 1.0, 2.0, 2.0])
        return Image(graph.node("Resize", [x.name, "", scales], mode="nearest"), x.channels, 2 * x.size)
    weights = quantized_weights(graph, recipe, (x.channels, 2, 3, 3), axis=1)
    options = {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}
    name = graph.node("ConvTranspose", [x.name, weights], **options)
    return requantized(graph, recipe, Image(name, 2, 2 * x.size))


def random_cnn(seed: int, exact: bool) -> onnx.ModelProto:
    """Convolutions, normalisation, activations, pools, a residual sum, and a layer at the end."""
    recipe = Recipe(np.random.default_rng(seed), exact)
    graph = Graph(batch=2)
    channels = int(recipe.random.integers(1, 4))
    first = graph.quant("x", recipe.scale(), 5, rounding=recipe.rounding())
    x = Image(first, channels, SIZE)
    for _ in range(int(recipe.random.integers(1, 4))):
        y = convolved(graph, recipe, x)
        if recipe.choose(True, False):
            y = Image(normalised(graph, recipe, y.name, y.channels), y.channels, y.size)
        y = requantized(graph, recipe, Image(activated(graph, recipe, y.name), y.channels, y.size))
        if exact and (y.channels, y.size) == (x.channels, x.size):
            total = graph.node("Add", [x.name, y.name])
            y = requantized(graph, recipe, Image(total, x.channels, x.size))
        if y.size >= 3 and recipe.choose(True, False):
            y = pooled(graph, recipe, y)
        elif y.size <= 4 and recipe.choose(True, False):
            y = doubled(graph, recipe, y)
        if y.size < 3:
            x = y
            break
        x = y
    return finished(graph, recipe, x, channels)


def finished(graph: Graph, recipe: Recipe, x: Image, channels: int) -> onnx.ModelProto:
    """Flattened or pooled, a layer, and the model around it."""
    if recipe.choose(True, False):
        flat = graph.node("Flatten", [x.name])
        inputs = x.channels * x.size * x.size
    else:
        flat = graph.node("Flatten", [graph.node("GlobalMaxPool", [x.name])])
        inputs = x.channels
    values = graph.constant(recipe.random.normal(size=(inputs, 3)))
    graph.node("MatMul", [flat, graph.quant(values, recipe.scale(), 3)])
    graph.nodes[-1].output[0] = "y"
    shape = [graph.batch, channels, SIZE, SIZE]
    made = helper.make_graph(
        graph.nodes,
        "random",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [graph.batch, 3])],
        graph.constants,
    )
    versions = [helper.make_opsetid("", 17), helper.make_opsetid(QONNX_DOMAIN, 1)]
    return helper.make_model(made, opset_imports=versions, ir_version=8)


def random_images(seed: int, model: onnx.ModelProto) -> Array:
    """Samples in float32, multiples of 2^-6, some beyond all ranges."""
    shape: Any = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    random = np.random.default_rng(seed + 1)
    return (np.rint(random.normal(scale=2.0, size=shape) * 64) / 64).astype(np.float32)
