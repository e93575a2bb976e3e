"""The layers of an ONNX model under the names by which hls4ml knows them.

hls4ml turns nodes, inputs and constants into layers, may join a product and the sum behind it into one layer,
and writes the names of what its optimizers made (`Dense_fc1`, `bn_fc1_bias`) into the configuration too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netloom.core.diagnostics import CompileError

CLASSES: Mapping[str, tuple[str, ...]] = {
    "Dense": ("Gemm", "MatMul"),
    "MatMul": ("MatMul",),
    "EinsumDense": ("Einsum",),
    "Einsum": ("Einsum",),
    "Conv": ("Conv",),
    "Conv1D": ("Conv",),
    "Conv2D": ("Conv",),
    "Merge": ("Add", "Sub", "Mul", "Div", "Max", "Min"),
    "BatchNormalization": ("BatchNormalization",),
    "BatchNormOnnx": ("BatchNormalization",),
    "Activation": ("Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Elu", "Selu"),
    "ParametrizedActivation": ("LeakyRelu", "Elu", "ThresholdedRelu", "HardSigmoid"),
    "PReLU": ("PRelu",),
    "Softmax": ("Softmax",),
    "Concatenate": ("Concat",),
    "Reshape": ("Reshape", "Flatten"),
    "Transpose": ("Transpose",),
    "Pooling1D": ("MaxPool", "AveragePool"),
    "Pooling2D": ("MaxPool", "AveragePool"),
    "GlobalPooling1D": ("GlobalMaxPool", "GlobalAveragePool"),
    "GlobalPooling2D": ("GlobalMaxPool", "GlobalAveragePool"),
    "Quant": ("Quant",),
}
"""Operators of ONNX by hls4ml's class of layer."""

PRODUCTS = ("Gemm", "MatMul", "Conv", "Einsum")
"""Operators that multiply by constant matrices, and have a strategy."""

EXACT = ("Relu", "Max", "Min", "MaxPool", "GlobalMaxPool", "Concat", "Reshape", "Flatten", "Transpose")
"""Operators whose results are exact in netloom: they have no format of their own."""

QUANTIZERS = ("Quant", "BipolarQuant", "Trunc", "QuantizeLinear", "DequantizeLinear")
"""Operators that give a tensor its format."""

MADE = ("Dense_", "bn_", "apply_")
"""What hls4ml's optimizers put in front of the name of the layer that they replace."""


@dataclass(frozen=True)
class Target:
    """Where in netloom a role of an hls4ml layer is: a layer's name and a role."""

    layer: str
    role: str


@dataclass
class Layers:
    """The layers of a model; `known` is false when no model is at hand, and then every name is a layer.

    Attributes:
        known: whether the names are those of a model.
        operators: ONNX operator by node name.
        inputs: names of the model's inputs.
        constants: where the values of each initializer go.
        sums: the sum that follows a product directly and adds a constant to it.
    """

    known: bool = False
    operators: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    constants: Mapping[str, Target] = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> str:
        """The model's own name of an hls4ml layer, empty if there is none; hls4ml compares without case."""
        if not self.known:
            return name
        own = [*self.operators, *self.inputs, *self.constants]
        wanted = [name, *(name.removeprefix(made) for made in MADE if name.startswith(made))]
        for each in wanted:
            for candidate in own:
                if each.lower() in (candidate.lower(), candidate.replace(".", "_").lower()):
                    return candidate
        return ""

    def of_class(self, class_name: str) -> list[str]:
        """Names of the nodes, inputs or constants that hls4ml makes layers of one class from."""
        if class_name.lower() in ("inputlayer", "input"):
            return list(self.inputs)
        if class_name.lower() == "constant":
            return list(self.constants)
        by_name = {known.lower(): operators for known, operators in CLASSES.items()}
        wanted = by_name.get(class_name.lower(), ())
        return [name for name, operator in self.operators.items() if operator in wanted]

    def operator(self, name: str) -> str:
        """ONNX operator of a node, empty when it is not known."""
        return self.operators.get(name, "")


def layers_of(model: Any) -> Layers:
    """The layers of a path, an onnx.ModelProto or a qonnx ModelWrapper; unknown ones for None.

    Raises:
        CompileError: NL101 when the file cannot be read, NL111 for anything else.
    """
    if model is None:
        return Layers()
    graph = graph_of(model)
    nodes = {node.name: node for node in graph.node}
    constants = {each.name for each in graph.initializer}
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    sums = {name: found for name, node in nodes.items() if (found := sum_behind(node, users, constants))}
    return Layers(
        True,
        {name: node.op_type for name, node in nodes.items()},
        tuple(each.name for each in graph.input if each.name not in constants),
        {name: target_of(name, users[name][0]) for name in sorted(constants) if name in users},
        sums,
    )


def graph_of(model: Any) -> Any:
    """The ONNX graph of a model."""
    import onnx

    if isinstance(model, str | Path):
        try:
            return onnx.load(model, load_external_data=False).graph
        except Exception as error:  # protobuf raises its own errors for what is not a model
            raise CompileError("NL101", str(error) or "unreadable", origin=Path(model).name) from error
    graph = getattr(model, "graph", None)
    if graph is None or not hasattr(graph, "initializer"):
        raise CompileError(
            "NL111",
            f"no layers can be read from a {type(model).__name__}",
            origin="model",
            supported="the path of an .onnx file, an onnx.ModelProto, a qonnx ModelWrapper",
        )
    return graph


def sum_behind(node: Any, users: Mapping[str, list[Any]], constants: set[str]) -> str:
    """Name of the sum that alone uses a product and adds a constant; empty when there is none."""
    if node.op_type not in PRODUCTS:
        return ""
    behind = users.get(node.output[0], [])
    if len(behind) != 1 or behind[0].op_type != "Add" or not constants.intersection(behind[0].input):
        return ""
    return str(behind[0].name)


def target_of(constant: str, user: Any) -> Target:
    """What a constant is for the node that uses it; no role when a quantizer gives it its format."""
    if user.op_type in QUANTIZERS:
        return Target(user.name, "")
    added = user.op_type in ("Add", "Sub") or list(user.input).index(constant) > 1
    return Target(user.name, "bias" if added else "weight")
