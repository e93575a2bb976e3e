"""Matrix products, normalisations and reductions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects.builtin import BoolAttr, FloatAttr, IntegerAttr, StringAttr, f64
from xdsl.ir import SSAValue

from netloom.frontends.onnx.importer import CHANNELS_LAST_DOMAIN, Converter, NodeContext
from netloom.ir.attributes import ArrayAttr, shape_of
from netloom.ir.base import broadcasts_into
from netloom.ir.nn import (
    AddOp,
    ArgMaxOp,
    BatchNormOp,
    FunctionOp,
    HardmaxOp,
    LayerNormOp,
    MatMulOp,
    MaxOp,
    MulOp,
    ReduceOp,
    ReshapeOp,
    SoftmaxOp,
    SubOp,
    TransposeOp,
)

Values = list[SSAValue]
Step = Callable[[NodeContext, SSAValue], SSAValue]
AlongAxis = Callable[[NodeContext, SSAValue, int], SSAValue]


def reshaped(node: NodeContext, x: SSAValue, shape: tuple[int, ...]) -> SSAValue:
    """x in another shape; x itself when it has it."""
    if shape_of(x.type) == shape:
        return x
    return node.emit(ReshapeOp, [x], shape=ArrayAttr.of(np.array(shape, dtype=np.int64)))


def matmul(node: NodeContext) -> Values:
    """numpy.matmul; one-dimensional operands get an axis that is removed again."""
    left, right = node.operand(0), node.operand(1)
    a, b = shape_of(left.type), shape_of(right.type)
    if len(a) == 1:
        left = reshaped(node, left, (1, *a))
    if len(b) == 1:
        right = reshaped(node, right, (*b, 1))
    product = node.emit(MatMulOp, [left, right])
    shape = list(shape_of(product.type))
    if len(b) == 1:
        del shape[-1]
    if len(a) == 1:
        del shape[-1 if len(b) == 1 else -2]
    return [reshaped(node, product, tuple(shape))]


def gemm(node: NodeContext) -> Values:
    """alpha * A' @ B' + beta * C."""
    left, right = node.operand(0), node.operand(1)
    swap = ArrayAttr.of(np.array([1, 0]))
    if node.attribute("transA", 0):
        left = node.emit(TransposeOp, [left], permutation=swap)
    if node.attribute("transB", 0):
        right = node.emit(TransposeOp, [right], permutation=swap)
    y = scaled(node, node.emit(MatMulOp, [left, right]), node.attribute("alpha", 1.0))
    if not node.has(2) or node.attribute("beta", 1.0) == 0.0:
        return [y]
    if not broadcasts_into(node.shape(2), shape_of(y.type)):
        raise node.refuse(f"C of shape {node.shape(2)}", f"shapes that broadcast into {shape_of(y.type)}")
    return [node.emit(AddOp, [y, scaled(node, node.operand(2), node.attribute("beta", 1.0))])]


def scaled(node: NodeContext, x: SSAValue, factor: float) -> SSAValue:
    """x times a constant."""
    if factor == 1.0:
        return x
    return node.emit(MulOp, [x, node.emit_constant(np.float32(factor))])


def batch_norm(node: NodeContext) -> Values:
    """Inference form."""
    if node.attribute("training_mode", 0):
        raise node.refuse("training_mode is 1", "inference")
    if not node.attribute("spatial", 1):
        raise node.refuse("spatial is 0", "one mean and variance for each channel")
    names = ("scale", "bias", "mean", "variance")
    parameters = {name: ArrayAttr.of(node.constant(i + 1)) for i, name in enumerate(names)}
    epsilon = FloatAttr(float(node.attribute("epsilon", 1e-5)), f64)
    if np.any(node.constant(4) + epsilon.value.data <= 0):
        raise node.refuse("a variance that is not positive", "positive variances")
    if node.node.domain != CHANNELS_LAST_DOMAIN:
        return [node.emit(BatchNormOp, [node.operand(0)], epsilon=epsilon, **parameters)]
    rank = len(node.shape())
    first, last = [0, rank - 1, *range(1, rank - 1)], [0, *range(2, rank), 1]
    x = node.emit(TransposeOp, [node.operand(0)], permutation=ArrayAttr.of(np.array(first)))
    y = node.emit(BatchNormOp, [x], epsilon=epsilon, **parameters)
    return [node.emit(TransposeOp, [y], permutation=ArrayAttr.of(np.array(last)))]


def layer_norm(node: NodeContext) -> Values:
    """Over the axes from `axis` on; scale and bias constant."""
    shape = node.shape()
    axis = node.axis(-1, len(shape))
    default = np.zeros(shape[axis:], dtype=np.float32)
    return [
        node.emit(
            LayerNormOp,
            [node.operand(0)],
            scale=ArrayAttr.of(node.constant(1)),
            bias=ArrayAttr.of(node.constant(2, default)),
            axis=IntegerAttr(axis, 64),
            epsilon=FloatAttr(float(node.attribute("epsilon", 1e-5)), f64),
        )
    ]


def along_axis(apply: AlongAxis) -> Converter:
    """Softmax, LogSoftmax or Hardmax; before opset 13 all axes from `axis` on count as one."""

    def convert(node: NodeContext) -> Values:
        shape = node.shape()
        axis = node.axis(-1 if node.opset >= 13 else 1, len(shape))
        x = node.operand(0)
        if node.opset >= 13 or axis == len(shape) - 1:
            return [apply(node, x, axis)]
        flat = reshaped(node, x, (math.prod(shape[:axis]), math.prod(shape[axis:])))
        return [reshaped(node, apply(node, flat, 1), shape)]

    return Converter(convert, frozenset({"axis"}))


def softmax(node: NodeContext, x: SSAValue, axis: int) -> SSAValue:
    """Softmax along one axis."""
    return node.emit(SoftmaxOp, [x], axis=IntegerAttr(axis, 64))


def hardmax(node: NodeContext, x: SSAValue, axis: int) -> SSAValue:
    """Hardmax along one axis."""
    return node.emit(HardmaxOp, [x], axis=IntegerAttr(axis, 64))


def log_softmax(node: NodeContext, x: SSAValue, axis: int) -> SSAValue:
    """x - max - log(sum(exp(x - max))), which does not underflow where softmax would."""
    shifted = node.emit(SubOp, [x, reduced(node, x, "max", [axis])])
    powers = node.emit(FunctionOp, [shifted], function=StringAttr("exp"))
    total = reduced(node, powers, "sum", [axis])
    return node.emit(SubOp, [shifted, node.emit(FunctionOp, [total], function=StringAttr("log"))])


def reduced(node: NodeContext, x: SSAValue, kind: str, axes: Sequence[int], keep: bool = True) -> SSAValue:
    """x reduced over axes."""
    return node.emit(
        ReduceOp,
        [x],
        kind=StringAttr(kind),
        axes=ArrayAttr.of(np.array(axes, dtype=np.int64)),
        keep_axes=BoolAttr.from_bool(keep),
    )


def unchanged(node: NodeContext, x: SSAValue) -> SSAValue:
    """x itself."""
    return x


def square(node: NodeContext, x: SSAValue) -> SSAValue:
    """x * x."""
    return node.emit(MulOp, [x, x])


def negative(node: NodeContext, x: SSAValue) -> SSAValue:
    """-x as a product."""
    return node.emit(MulOp, [x, node.emit_constant(-1.0)])


def magnitude(node: NodeContext, x: SSAValue) -> SSAValue:
    """|x| = max(x, -x), exact."""
    return node.emit(MaxOp, [x, negative(node, x)])


def square_root(node: NodeContext, x: SSAValue) -> SSAValue:
    """The square root."""
    return node.emit(FunctionOp, [x], function=StringAttr("sqrt"))


def reduction(kind: str, before: Step = unchanged, after: Step = unchanged) -> Converter:
    """Axes from an attribute, or from an input in later operator sets."""

    def convert(node: NodeContext) -> Values:
        given = node.attribute("axes", None)
        if given is None and node.has(1):
            given = node.constant(1).reshape(-1).tolist()
        x = before(node, node.operand(0))
        if not given and node.attribute("noop_with_empty_axes", 0):
            return [after(node, x)]
        axes = given or list(range(len(node.shape())))
        keep = bool(node.attribute("keepdims", 1))
        return [after(node, reduced(node, x, kind, axes, keep))]

    return Converter(convert, frozenset({"axes", "keepdims", "noop_with_empty_axes"}))


def first_index(before: Step) -> Converter:
    """First index of the largest element (ArgMax), or of the largest of -x (ArgMin)."""

    def convert(node: NodeContext) -> Values:
        if node.attribute("select_last_index", 0):
            raise node.refuse("select_last_index is 1", "the first index")
        return [
            node.emit(
                ArgMaxOp,
                [before(node, node.operand(0))],
                axis=IntegerAttr(node.axis(0, len(node.shape())), 64),
                keep_axes=BoolAttr.from_bool(bool(node.attribute("keepdims", 1))),
            )
        ]

    return Converter(convert, frozenset({"axis", "keepdims", "select_last_index"}))


def global_average(node: NodeContext) -> Values:
    """Mean over all axes from 2 on."""
    return [reduced(node, node.operand(0), "mean", range(2, len(node.shape())))]


def global_max(node: NodeContext) -> Values:
    """Largest over all axes from 2 on."""
    return [reduced(node, node.operand(0), "max", range(2, len(node.shape())))]


CONVERTERS: dict[str, Converter] = {
    "MatMul": Converter(matmul),
    "Gemm": Converter(gemm, frozenset({"alpha", "beta", "transA", "transB"})),
    "BatchNormalization": Converter(
        batch_norm, frozenset({"epsilon", "momentum", "training_mode", "spatial"})
    ),
    "LayerNormalization": Converter(layer_norm, frozenset({"axis", "epsilon", "stash_type"})),
    "Softmax": along_axis(softmax),
    "LogSoftmax": along_axis(log_softmax),
    "Hardmax": along_axis(hardmax),
    "ReduceSum": reduction("sum"),
    "ReduceMean": reduction("mean"),
    "ReduceMax": reduction("max"),
    "ReduceMin": reduction("min"),
    "ReduceL1": reduction("sum", before=magnitude),
    "ReduceL2": reduction("sum", before=square, after=square_root),
    "ReduceSumSquare": reduction("sum", before=square),
    "GlobalAveragePool": Converter(global_average),
    "GlobalMaxPool": Converter(global_max),
    "ArgMax": first_index(unchanged),
    "ArgMin": first_index(negative),
}
