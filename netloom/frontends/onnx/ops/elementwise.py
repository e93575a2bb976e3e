"""Elementwise operators and activation functions."""

from __future__ import annotations

from functools import reduce

import numpy as np
from onnx import TensorProto
from xdsl.dialects.builtin import ArrayAttr as ListAttr
from xdsl.dialects.builtin import FloatAttr, StringAttr, f64
from xdsl.ir import SSAValue

from netloom.core.diagnostics import CompileError
from netloom.frontends.onnx.importer import REAL_INPUTS, Converter, NodeContext
from netloom.frontends.onnx.load import element_type
from netloom.frontends.onnx.ops.linear import magnitude, negative
from netloom.ir.base import broadcasts_into
from netloom.ir.functions import FUNCTIONS
from netloom.ir.nn import (
    AddOp,
    BinaryOp,
    DivOp,
    FunctionOp,
    MaxOp,
    MinOp,
    MulOp,
    PReluOp,
    ReluOp,
    SubOp,
)

Values = list[SSAValue]


def binary(op_type: type[BinaryOp]) -> Converter:
    """A two-operand operator."""
    return Converter(lambda node: [node.emit(op_type, [node.operand(0), node.operand(1)])])


def variadic(op_type: type[BinaryOp]) -> Converter:
    """Any number of operands, folded from the left."""
    return Converter(lambda node: [folded(node, op_type)])


def folded(node: NodeContext, op_type: type[BinaryOp]) -> SSAValue:
    """All operands joined by one op."""
    return reduce(lambda a, b: node.emit(op_type, [a, b]), node.operands)


def function(name: str, *attributes: str) -> Converter:
    """A function of one variable, with its parameters taken from attributes of the same name."""

    def convert(node: NodeContext) -> Values:
        defaults = FUNCTIONS[name].parameters
        given = [FloatAttr(float(node.attribute(key, defaults[key])), f64) for key in defaults]
        parameters = ListAttr(given) if given else None
        operand = node.operand(0)
        return [node.emit(FunctionOp, [operand], function=StringAttr(name), parameters=parameters)]

    return Converter(convert, frozenset(attributes))


def mean(node: NodeContext) -> Values:
    """Mean of several tensors."""
    total = folded(node, AddOp)
    weight = node.emit_constant(np.float32(1.0 / len(node.node.input)))
    return [node.emit(MulOp, [total, weight])]


def leaky_relu(node: NodeContext) -> Values:
    """x or alpha * x."""
    slope = node.emit_constant(np.float32(node.attribute("alpha", 0.01)))
    return [node.emit(PReluOp, [node.operand(0), slope])]


def bounded(node: NodeContext, x: SSAValue, low: float | None, high: float | None) -> SSAValue:
    """min(max(x, low), high), leaving out what is absent."""
    if low is not None and low == 0.0:
        x = node.emit(ReluOp, [x])
    elif low is not None:
        x = node.emit(MaxOp, [x, node.emit_constant(np.float32(low))])
    if high is not None:
        x = node.emit(MinOp, [x, node.emit_constant(np.float32(high))])
    return x


def clip(node: NodeContext) -> Values:
    """Bounds from inputs (opset 11 on) or attributes."""
    limits: list[float | None] = []
    for index, name in ((1, "min"), (2, "max")):
        given = node.scalar(index) if node.has(index) else node.attribute(name, None)
        beyond = given is not None and abs(given) >= 3.4e38
        limits.append(None if given is None or beyond else float(given))
    return [bounded(node, node.operand(0), limits[0], limits[1])]


def hard_sigmoid(node: NodeContext) -> Values:
    """clip(alpha * x + beta, 0, 1)."""
    alpha = node.emit_constant(np.float32(node.attribute("alpha", 0.2)))
    beta = node.emit_constant(np.float32(node.attribute("beta", 0.5)))
    line = node.emit(AddOp, [node.emit(MulOp, [node.operand(0), alpha]), beta])
    return [bounded(node, line, 0.0, 1.0)]


def hard_swish(node: NodeContext) -> Values:
    """x * clip(x / 6 + 1/2, 0, 1)."""
    x = node.operand(0)
    sixth, half = node.emit_constant(np.float32(1 / 6)), node.emit_constant(np.float32(0.5))
    gate = bounded(node, node.emit(AddOp, [node.emit(MulOp, [x, sixth]), half]), 0.0, 1.0)
    return [node.emit(MulOp, [x, gate])]


def gelu(node: NodeContext) -> Values:
    """Exact or tanh form."""
    names = {"none": "gelu", "tanh": "gelu_tanh"}
    kind = node.attribute("approximate", "none")
    if kind not in names:
        raise node.refuse(f"approximate = {kind}", ", ".join(names))
    return [applied(node, node.operand(0), names[kind])]


def applied(node: NodeContext, x: SSAValue, name: str) -> SSAValue:
    """A function with its default parameters."""
    return node.emit(FunctionOp, [x], function=StringAttr(name))


def celu(node: NodeContext) -> Values:
    """alpha * elu(x / alpha), for positive alpha."""
    alpha = float(node.attribute("alpha", 1.0))
    if alpha <= 0:
        raise node.refuse(f"alpha = {alpha}", "positive alpha")
    if alpha == 1.0:
        return [applied(node, node.operand(0), "elu")]
    x = node.emit(MulOp, [node.operand(0), node.emit_constant(1.0 / alpha)])
    return [node.emit(MulOp, [applied(node, x, "elu"), node.emit_constant(alpha)])]


def swish(node: NodeContext) -> Values:
    """x * sigmoid(alpha * x)."""
    alpha = float(node.attribute("alpha", 1.0))
    x = node.operand(0)
    if alpha == 1.0:
        return [applied(node, x, "silu")]
    gate = applied(node, node.emit(MulOp, [x, node.emit_constant(alpha)]), "sigmoid")
    return [node.emit(MulOp, [x, gate])]


def power(node: NodeContext) -> Values:
    """Constant exponents that have an exact or tabulated form."""
    exponents = {float(value) for value in np.unique(node.constant(1))}
    if not broadcasts_into(node.shape(1), node.shape(0)):
        raise node.refuse(f"exponents of shape {node.shape(1)}", "exponents that broadcast into the base")
    x = node.operand(0)
    match exponents.pop() if len(exponents) == 1 else None:
        case 1.0:
            return [x]
        case 2.0:
            return [node.emit(MulOp, [x, x])]
        case 3.0:
            return [node.emit(MulOp, [x, node.emit(MulOp, [x, x])])]
        case 0.5:
            return [applied(node, x, "sqrt")]
        case -0.5:
            return [applied(node, x, "rsqrt")]
        case -1.0:
            return [applied(node, x, "reciprocal")]
    raise node.refuse("this exponent", "the constant exponents 1, 2, 3, 0.5, -0.5 and -1")


def identity(node: NodeContext) -> Values:
    """The operand itself."""
    return [node.operand(0)]


def dropout(node: NodeContext) -> Values:
    """Inference: the operand itself."""
    if node.has(2) and node.scalar(2):
        raise node.refuse("training_mode is true", "inference")
    return [node.operand(0)]


def cast(node: NodeContext) -> Values:
    """Between real types, and of a whole number to a wider one: no change of value in the IR."""
    kind = node.attribute("to", 0)
    integers = node.importer.integers
    if kind in (TensorProto.INT32, TensorProto.INT64) and node.node.input[0] in integers:
        integers.update(node.node.output)
    elif kind not in REAL_INPUTS:
        raise node.refuse(f"cast of a computed tensor to {element_type(kind)}", "casts to float types")
    return [node.operand(0)]


def refuse_float_quant(node: NodeContext) -> Values:
    """Minifloats have no fixed-point meaning."""
    raise CompileError(
        "NL103",
        "FloatQuant rounds to a floating-point format",
        origin=node.name,
        supported="nearest: Quant (integers with a scale)",
        hint="the hardware computes in fixed-point; retrain with integer quantizers",
    )


def _activation(name: str) -> tuple[str, Converter]:
    return name, function(name.lower())


Table = dict[str, Converter]

CONVERTERS: Table = {
    "Add": binary(AddOp),
    "Sub": binary(SubOp),
    "Mul": binary(MulOp),
    "Div": binary(DivOp),
    "Min": variadic(MinOp),
    "Max": variadic(MaxOp),
    "Sum": variadic(AddOp),
    "Mean": Converter(mean),
    "Neg": Converter(lambda node: [negative(node, node.operand(0))]),
    "Abs": Converter(lambda node: [magnitude(node, node.operand(0))]),
    "Pow": Converter(power),
    "Relu": Converter(lambda node: [node.emit(ReluOp, [node.operand(0)])]),
    "LeakyRelu": Converter(leaky_relu, frozenset({"alpha"})),
    "PRelu": Converter(lambda node: [node.emit(PReluOp, [node.operand(0), node.operand(1)])]),
    "Clip": Converter(clip, frozenset({"min", "max"})),
    "HardSigmoid": Converter(hard_sigmoid, frozenset({"alpha", "beta"})),
    "HardSwish": Converter(hard_swish),
    "Gelu": Converter(gelu, frozenset({"approximate"})),
    "Celu": Converter(celu, frozenset({"alpha"})),
    "Swish": Converter(swish, frozenset({"alpha"})),
    "Elu": function("elu", "alpha"),
    "Selu": function("selu", "alpha", "gamma"),
    "Identity": Converter(identity),
    "Dropout": Converter(dropout, frozenset({"ratio", "seed"})),
    "Cast": Converter(cast, frozenset({"to", "saturate"})),
    "FloatQuant": Converter(
        refuse_float_quant,
        frozenset(
            {
                "exponent_bias",
                "has_inf",
                "has_nan",
                "has_subnormal",
                "rounding_mode",
                "saturation",
                "max_val",
                "exponent_bitwidth",
                "mantissa_bitwidth",
            }
        ),
    ),
    **dict(
        _activation(name)
        for name in (
            "Sigmoid",
            "Tanh",
            "Exp",
            "Erf",
            "Sqrt",
            "Log",
            "Reciprocal",
            "Softplus",
            "Softsign",
            "Mish",
            "Sign",
            "Sin",
            "Cos",
        )
    ),
}
