"""Random quantized networks as QONNX models, and how to compile them for comparison."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from qonnx.core import onnx_exec
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes
from xdsl.dialects.builtin import ModuleOp

from netloom.frontends.onnx.plugin import OnnxFrontend
from netloom.passes.manager import PassManager, parse

QONNX_DOMAIN = "qonnx.custom_op.general"
PIPELINE = "clean,quantize,optimize"
Array = NDArray[Any]


def imported(model: onnx.ModelProto) -> ModuleOp:
    return OnnxFrontend().load(model)


def compiled(module: ModuleOp, pipeline: str = PIPELINE, samples: list[Array] | None = None) -> ModuleOp:
    """A copy of the module after a pipeline, every pass checked on the samples."""
    result = module.clone()
    PassManager(parse(pipeline), samples=samples).run(result)
    return result


def reference(model: onnx.ModelProto, inputs: dict[str, Array]) -> Array:
    """The output as QONNX's own executor computes it, in float32.

    It builds one-node models of the newest IR version, which the runtime may not know yet.
    """
    older = functools.partial(onnx_exec.qonnx_make_model, ir_version=8)
    with mock.patch.object(onnx_exec, "qonnx_make_model", older):
        shaped = ModelWrapper(model).transform(InferShapes())
        return np.asarray(onnx_exec.execute_onnx(shaped, inputs)["y"])


@dataclass
class Graph:
    """An ONNX graph that grows node by node; tensors are known by name."""

    batch: int = 8
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, values: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], *, name: str = "", **attributes: Any) -> str:
        name = name or f"{kind.lower()}{len(self.nodes)}"
        quantizer = kind in ("Quant", "BipolarQuant", "Trunc", "IntQuant")
        domain = QONNX_DOMAIN if quantizer else ""
        output = f"{name}_out"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name, domain=domain, **attributes))
        return output

    def quant(
        self,
        x: str,
        scale: Any,
        bits: Any,
        *,
        zero: Any = 0.0,
        signed: bool = True,
        narrow: bool = False,
        rounding: str = "ROUND",
        name: str = "",
    ) -> str:
        inputs = [x, self.constant(scale), self.constant(zero), self.constant(bits)]
        flags = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": rounding}
        return self.node("Quant", inputs, name=name, **flags)

    def model(self, inputs: dict[str, int], output: str, width: int, opset: int = 17) -> onnx.ModelProto:
        """The model with inputs [batch, width] and one output; opset versions of both domains."""
        self.nodes[-1].output[0] = "y"
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, [self.batch, w]) for n, w in inputs.items()],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [self.batch, width])],
            self.constants,
        )
        versions = [helper.make_opsetid("", opset), helper.make_opsetid(QONNX_DOMAIN, 1)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=8)
        assert output == model.graph.node[-1].name + "_out"
        return model


@dataclass
class Recipe:
    """Draws the parameters of a network; with `exact`, all of float32 arithmetic on it is exact."""

    random: np.random.Generator
    exact: bool

    def choose(self, *options: Any) -> Any:
        return options[int(self.random.integers(len(options)))]

    def scale(self, shape: tuple[int, ...] = ()) -> Array:
        if self.exact:
            return np.exp2(self.random.integers(-4, 0, size=shape)).astype(np.float32)
        return self.random.uniform(0.03, 0.3, size=shape).astype(np.float32)

    def multiples(self, shape: tuple[int, ...]) -> Array:
        """Biases and means."""
        if self.exact:
            return self.random.integers(-64, 64, size=shape) / 32
        return self.random.normal(size=shape)

    def gammas(self, width: int) -> Array:
        """Slopes of both signs."""
        if self.exact:
            return self.random.choice([-2, -1, -0.75, -0.5, 0.5, 0.75, 1, 2], size=width)
        return self.random.normal(size=width)

    def rounding(self) -> str:
        return str(self.choose("ROUND", "FLOOR", "CEIL", "UP", "DOWN", "HALF_UP", "HALF_DOWN"))


def weights(graph: Graph, recipe: Recipe, rows: int, columns: int) -> str:
    values = graph.constant(recipe.random.normal(size=(rows, columns)))
    if recipe.choose(True, False, False, False):
        return graph.node("BipolarQuant", [values, graph.constant(recipe.scale())])
    shape = recipe.choose((), (1, columns))
    return graph.quant(
        values, recipe.scale(shape), recipe.choose(2, 3, 4, 6), narrow=recipe.choose(True, False)
    )


def normalised(graph: Graph, recipe: Recipe, x: str, width: int) -> str:
    """Batch normalisation with slopes of both signs."""
    parameters = [
        recipe.gammas(width),
        recipe.multiples((width,)),
        recipe.multiples((width,)),
        np.ones(width),
    ]
    return graph.node(
        "BatchNormalization", [x, *(graph.constant(values) for values in parameters)], epsilon=0.0
    )


def activated(graph: Graph, recipe: Recipe, x: str) -> str:
    kind = recipe.choose("", "Relu", "LeakyRelu", "Clip", "Neg")
    if kind == "LeakyRelu":
        return graph.node(kind, [x], alpha=recipe.choose(0.125, 0.25))
    if kind == "Clip":
        return graph.node(kind, [x, graph.constant(-1.0), graph.constant(2.5)])
    return graph.node(kind, [x]) if kind else x


def requantized(graph: Graph, recipe: Recipe, x: str, width: int) -> str:
    if recipe.choose(True, False, False, False, False):
        return graph.node("BipolarQuant", [x, graph.constant(recipe.scale())])
    signed = recipe.choose(True, False)
    zero = recipe.choose(0.0, 0.0, 3.0, 4.0)
    bits = recipe.choose(2, 3, 5)
    shape = recipe.choose((), (), (1, width)) if recipe.exact else ()
    return graph.quant(
        x,
        recipe.scale(shape),
        bits,
        zero=zero,
        signed=signed,
        narrow=recipe.choose(True, False),
        rounding=recipe.rounding(),
    )


def random_mlp(seed: int, exact: bool) -> onnx.ModelProto:
    """Layers of weights, bias, normalisation, activation, quantizer, and a residual sum."""
    recipe = Recipe(np.random.default_rng(seed), exact)
    graph = Graph()
    width = inputs = int(recipe.random.integers(2, 6))
    x = graph.quant("x", recipe.scale(), 6, zero=recipe.choose(0.0, 5.0), rounding=recipe.rounding())
    for _ in range(int(recipe.random.integers(1, 4))):
        columns = recipe.choose(width, int(recipe.random.integers(2, 6)))
        y = graph.node("MatMul", [x, weights(graph, recipe, width, columns)])
        if recipe.choose(True, False):
            y = graph.node("Add", [y, graph.constant(recipe.multiples((columns,)))])
        if recipe.choose(True, False):
            y = normalised(graph, recipe, y, columns)
        y = requantized(graph, recipe, activated(graph, recipe, y), columns)
        if exact and columns == width and recipe.choose(True, False):
            y = graph.quant(graph.node("Add", [x, y]), recipe.scale(), 5, rounding=recipe.rounding())
        x, width = y, columns
    last = graph.node("MatMul", [x, weights(graph, recipe, width, 3)])
    return graph.model({"x": inputs}, last, 3)


def random_inputs(seed: int, model: onnx.ModelProto) -> Array:
    """Samples [batch, width] in float32, multiples of 2^-6, some beyond all ranges."""
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    random = np.random.default_rng(seed + 1)
    return (np.rint(random.normal(scale=2.0, size=shape) * 64) / 64).astype(np.float32)
