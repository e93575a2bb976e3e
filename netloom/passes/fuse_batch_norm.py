"""fuse-batch-norm: batch normalisation into the layer before it, or into a slope and an offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from netloom.ir.nn import AddOp, BatchNormOp, MatMulOp, MulOp, ReshapeOp
from netloom.ir.program import erase_unused, main, program_ops
from netloom.passes.analysis.chains import constant_of, is_constant
from netloom.passes.rewriting import Builder


@dataclass(frozen=True)
class FuseBatchNorm(ModulePass):
    """x @ W + b, then * s + t, becomes x @ (W * s) + (b * s + t) when W is real and has one use.

    So does x @ W by groups of channels, whose results are put side by side. The layer keeps its name.
    Quantized weights are left alone: absorb-quantizers moves the slope past them exactly.
    """

    name: ClassVar[str] = "fuse-batch-norm"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Batch normalisation first becomes a product and a sum; products then join weights."""
        function = main(op)
        for candidate in program_ops(function):
            if isinstance(candidate, BatchNormOp):
                spread(candidate)
        for candidate in program_ops(function):
            if isinstance(candidate, MulOp):
                fuse_product(candidate)
        for candidate in program_ops(function):
            if isinstance(candidate, AddOp):
                fuse_sum(candidate)
        erase_unused(function)


def spread(op: BatchNormOp) -> None:
    """Slope and intercept as constants."""
    build = Builder(op)
    slope, intercept = op.factors()
    product = build.op(MulOp, [op.input, build.real(slope)])
    build.finish(build.op(AddOp, [product, build.real(intercept)]))


def constant_side(op: AddOp | MulOp) -> tuple[SSAValue, SSAValue] | None:
    """The varying and the constant operand of a sum or product with a constant."""
    if is_constant(op.rhs) and not is_constant(op.lhs):
        return op.lhs, op.rhs
    if is_constant(op.lhs) and not is_constant(op.rhs):
        return op.rhs, op.lhs
    return None


def fuse_product(op: MulOp) -> None:
    """Multiply weights (and bias) of the layer before by a constant per output channel."""
    sides = constant_side(op)
    if sides is None or not sides[0].has_one_use():
        return
    slope = constant_of(sides[1])
    layer = sides[0].owner
    bias: NDArray[np.float64] | None = None
    sum_op: AddOp | None = None
    if isinstance(layer, AddOp):
        inner = constant_side(layer)
        if inner is None or not inner[0].has_one_use():
            return
        sum_op, bias, layer = layer, constant_of(inner[1]), inner[0].owner
    joined = layer if isinstance(layer, ReshapeOp) else None
    if joined is not None and joined.input.has_one_use():
        layer = joined.input.owner
    if not isinstance(layer, MatMulOp) or not is_constant(layer.rhs):
        return
    if slope.size != 1 and slope.shape[-1] != slope.size:
        return
    per_channel = slope.reshape(-1) if joined is None else by_groups(slope, layer, joined)
    if per_channel is None:
        return
    build = Builder(op, layer)
    result = build.op(MatMulOp, [layer.lhs, build.real(constant_of(layer.rhs) * per_channel)])
    if joined is not None:
        result = build.op(ReshapeOp, [result], shape=joined.shape)
    per_channel = slope.reshape(-1)
    if bias is not None:
        build = Builder(op, sum_op)
        result = build.op(AddOp, [result, build.real(bias * per_channel)])
    if result.type == op.result.type:
        build.finish(result)


def by_groups(slope: NDArray[np.float64], layer: MatMulOp, joined: ReshapeOp) -> NDArray[np.float64] | None:
    """The slope of each group's outputs [G, 1, N], when [..., G, 1, N] was joined to [..., G * N]."""
    shape, result = layer.result_shape, joined.result_shape
    if len(shape) < 3 or shape[-2] != 1 or result != (*shape[:-3], shape[-3] * shape[-1]):
        return None
    return np.broadcast_to(slope.reshape(-1), result[-1:]).reshape(shape[-3], 1, shape[-1])


def fuse_sum(op: AddOp) -> None:
    """(x + a) + b becomes x + (a + b)."""
    sides = constant_side(op)
    if sides is None or not sides[0].has_one_use():
        return
    inner_op = sides[0].owner
    inner = constant_side(inner_op) if isinstance(inner_op, AddOp) else None
    if inner is None:
        return
    build = Builder(op, inner_op if isinstance(inner_op, AddOp) else None)
    total = build.real(constant_of(inner[1]) + constant_of(sides[1]))
    result = build.op(AddOp, [inner[0], total])
    if result.type == op.result.type:
        build.finish(result)
