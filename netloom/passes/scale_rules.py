"""How a scale and an offset move through each op: op(dequantize(x)) -> dequantize(op(x)).

A rule gets the op and returns the view of its result, or None when the move is not exact; then the
op stays real, and a later pass decides. What rules do to a view first is in `netloom.passes.views`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute, SSAValue

from netloom.core.fixed import Format
from netloom.ir.attributes import shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp
from netloom.ir.nn import (
    AddOp,
    ArgMaxOp,
    BatchNormOp,
    ConcatOp,
    DivOp,
    HardmaxOp,
    MatMulOp,
    MaxOp,
    MinOp,
    MulOp,
    PReluOp,
    ReduceOp,
    ReluOp,
    SubOp,
    UnaryWiringOp,
    WindowOp,
)
from netloom.passes.analysis.chains import constant_of, constant_value, ends_in_quantizer, is_constant
from netloom.passes.analysis.scaled import Scaled, compact, exact_fixed, scaled_view, uniform
from netloom.passes.rewriting import Builder
from netloom.passes.views import (
    absorb_offset,
    at_rank,
    common_scale,
    levelled,
    positive,
    rescaled,
    spread,
)

Rule = Callable[[Any, Builder], Scaled | None]
Real = NDArray[Any]

ZERO = np.zeros(())
ONE = np.ones(())


def moved(op: NetloomOp, build: Builder) -> Scaled | None:
    """The result of `op` as a scaled fixed-point value, if its rule applies."""
    for op_type, rule in RULES.items():
        if isinstance(op, op_type):
            return rule(op, build)
    return None


def add(op: AddOp | SubOp, build: Builder) -> Scaled | None:
    """A constant joins the offset; two values add when their scales agree."""
    sign = -1.0 if isinstance(op, SubOp) else 1.0
    left, right = scaled_view(op.lhs), scaled_view(op.rhs)
    pair = common_scale(left, right, build) if left is not None and right is not None else None
    if pair is not None:
        a, b = pair
        total = build.op(type(op), [a.value, b.value])
        return Scaled(total, a.scale, a.offset + sign * b.offset)
    constant = constant_value(op.rhs)
    if left is not None and constant is not None:
        view = spread(left, op.result_shape, build)
        return Scaled(view.value, view.scale, view.offset + sign * constant)
    constant = constant_value(op.lhs)
    if right is not None and constant is not None:
        view = spread(right, op.result_shape, build)
        return Scaled(view.value, sign * view.scale, sign * view.offset + constant)
    return None


def multiply(op: MulOp, build: Builder) -> Scaled | None:
    """A constant joins the scale; two values multiply, and so do their scales."""
    left, right = scaled_view(op.lhs), scaled_view(op.rhs)
    for view, other in ((left, op.rhs), (right, op.lhs)):
        if view is not None and is_constant(other):
            return _times(view, constant_of(other), op, build)
    if left is None or right is None:
        return None
    left, right = absorb_offset(left, build), absorb_offset(right, build)
    if not (left.has_offset or right.has_offset):
        product = build.op(MulOp, [left.value, right.value])
        rank = len(op.result_shape)
        return Scaled(product, at_rank(left.scale, rank) * at_rank(right.scale, rank), ZERO)
    for view, other in ((left, op.rhs), (right, op.lhs)):
        constant = constant_value(other)
        if constant is not None:
            return _times(view, constant, op, build)
    return None


def _times(view: Scaled, factor: Real, op: NetloomOp, build: Builder) -> Scaled:
    view = spread(view, op.result_shape, build)
    return Scaled(view.value, view.scale * factor, view.offset * factor)


def divide(op: DivOp, build: Builder) -> Scaled | None:
    """By a constant that is nowhere zero."""
    view, divisor = scaled_view(op.lhs), constant_value(op.rhs)
    if view is None or divisor is None or np.any(divisor == 0):
        return None
    view = spread(view, op.result_shape, build)
    return Scaled(view.value, view.scale / divisor, view.offset / divisor)


def batch_norm(op: BatchNormOp, build: Builder) -> Scaled | None:
    """Slope and intercept per channel."""
    view = scaled_view(op.input)
    if view is None:
        return None
    slope, intercept = op.factors()
    return Scaled(view.value, view.scale * slope, view.offset * slope + intercept)


def matmul(op: MatMulOp, build: Builder) -> Scaled | None:
    """Scales that do not vary along the summed axis come out; offsets meet constant weights."""
    left, right = scaled_view(op.lhs), scaled_view(op.rhs)
    if left is None or right is None:
        return None
    if _along(left, -1) is None:
        left = levelled(left, build)
    if _along(right, -2) is None:
        right = levelled(right, build)
    row, column = _along(left, -1), _along(right, -2)
    if row is None or column is None:
        return None
    offset = _meeting_offset(left, right)
    if offset is None:
        left, right = absorb_offset(left, build), absorb_offset(right, build)
        offset = _meeting_offset(left, right)
    if offset is None:
        return None
    return Scaled(build.op(MatMulOp, [left.value, right.value]), row * column, offset)


def _along(view: Scaled, axis: int) -> Real | None:
    """The scale shaped for the product, when it is constant along `axis`."""
    scale = at_rank(view.scale, len(view.shape))
    first = np.take(scale, [0], axis=axis)
    if not np.all(scale == first):
        return None
    return scale.reshape(()) if scale.size == 1 else first


def _meeting_offset(left: Scaled, right: Scaled) -> Real | None:
    """What an offset on one side contributes through constant weights on the other."""
    if not left.has_offset and not right.has_offset:
        return ZERO
    for side, other in ((left, right), (right, left)):
        owner = other.value.owner
        if other.has_offset or not isinstance(owner, ConstantOp):
            continue
        weights = np.ldexp(owner.value.reals(), -owner.result_format.fraction) * other.scale
        offset = np.broadcast_to(side.offset, side.shape)
        return np.asarray(offset @ weights if side is left else weights @ offset)
    return None


def relu(op: ReluOp, build: Builder) -> Scaled | None:
    """Commutes with positive scales."""
    view = _rectifiable(op, build)
    return Scaled(build.op(ReluOp, [view.value]), view.scale, ZERO) if view is not None else None


def prelu(op: PReluOp, build: Builder) -> Scaled | None:
    """Commutes with positive scales when the slope is a short fixed-point number."""
    slope = constant_value(op.slope)
    exact = exact_fixed(slope, max_fraction=16, max_width=18) if slope is not None else None
    if exact is None or exact[1].fraction < 0:
        return None
    view = _rectifiable(op, build)
    if view is None:
        return None
    return Scaled(build.op(PReluOp, [view.value, build.fixed(*exact)]), view.scale, ZERO)


def _rectifiable(op: ReluOp | PReluOp, build: Builder) -> Scaled | None:
    """The input with positive scales and no offset, if it has that form.

    Negating channels costs logic, which thresholds of a quantizer behind the op do for nothing.
    """
    view = scaled_view(op.input)
    if view is None or (np.any(view.scale < 0) and ends_in_quantizer(op.result)):
        return None
    view = positive(absorb_offset(view, build), build)
    return None if view.has_offset or np.any(view.scale <= 0) else view


def extreme(op: MaxOp | MinOp, build: Builder) -> Scaled | None:
    """Max and min commute with one positive scale; constants must be exact at it."""
    views = [scaled_view(operand) for operand in op.operands]
    known = [view for view in views if view is not None]
    if len(known) == 1 and np.any(known[0].scale < 0) and ends_in_quantizer(op.result):
        return None
    views = [_one_scale(view, build) if view is not None else None for view in views]
    for view in views:
        scale = view.uniform_scale if view is not None else None
        values = _at_scale(op, views, scale, build) if scale is not None and scale > 0 else None
        if values is not None:
            return Scaled(build.op(type(op), values), np.asarray(scale), ZERO)
    return None


def _one_scale(view: Scaled, build: Builder) -> Scaled:
    """The view with one positive scale and no offset, as far as that is exact."""
    return positive(levelled(absorb_offset(view, build), build), build)


def _at_scale(
    op: NetloomOp, views: Sequence[Scaled | None], scale: float, build: Builder
) -> list[SSAValue] | None:
    """The operands as fixed-point values at one scale; None when that is not exact."""
    values: list[SSAValue] = []
    for operand, view in zip(op.operands, views, strict=True):
        moved_view = rescaled(view, scale, build) if view is not None else None
        if moved_view is not None and not moved_view.has_offset:
            values.append(moved_view.value)
            continue
        constant = constant_value(operand)
        exact = exact_fixed(constant / scale, max_fraction=24) if constant is not None else None
        if exact is None:
            return None
        values.append(build.fixed(*exact))
    return values


def wiring(op: UnaryWiringOp, build: Builder) -> Scaled | None:
    """Scales move with their elements."""
    view = scaled_view(op.input)
    if view is None:
        return None
    value = moved_value(op, view.value, build)
    return Scaled(value, _moved_parameter(op, view.scale), _moved_parameter(op, view.offset))


def moved_value(op: UnaryWiringOp, value: SSAValue, build: Builder) -> SSAValue:
    """The elements of a fixed-point value, moved; at once when it is a constant."""
    owner = value.owner
    if isinstance(owner, ConstantOp):
        return build.fixed(op.move([owner.value.ints()[None]])[0], owner.result_format)
    return build.op(type(op), [value], **_own(op))


def _own(op: NetloomOp) -> dict[str, Attribute]:
    return {name: value for name, value in op.properties.items() if name != "origin"}


def _moved_parameter(op: UnaryWiringOp, array: Real) -> Real:
    if uniform(array) is not None:
        return np.asarray(array.reshape(-1)[0])
    elements = np.broadcast_to(array, op.operand_shapes[0])
    return compact(np.asarray(op.move([elements[None]])[0]))


def window(op: WindowOp, build: Builder) -> Scaled | None:
    """Scales of channels move on; outside the image is zero without an offset, or the lowest number."""
    view = scaled_view(op.input)
    if view is None:
        return None
    if op.fill.data == "zero":
        view = absorb_offset(view, build)
    else:
        view = positive(view, build)
    parameters = [at_rank(compact(array), len(view.shape)) for array in (view.scale, view.offset)]
    if any(array.shape[:-1] != (1,) * (array.ndim - 1) for array in parameters):
        return None
    wrong = view.has_offset if op.fill.data == "zero" else bool(np.any(view.scale <= 0))
    if wrong and op.geometry.is_padded:
        return None
    value = build.op(WindowOp, [view.value], **_own(op))
    return Scaled(value, *(array.reshape(array.shape[-1:]) for array in parameters))


def concat(op: ConcatOp, build: Builder) -> Scaled | None:
    """Joined at one scale where that is exact, else with a scale for each element."""
    views = [scaled_view(operand) for operand in op.operands]
    for view in views:
        scale = view.uniform_scale if view is not None else None
        values = _at_scale(op, views, scale, build) if scale else None
        if values is not None:
            return Scaled(build.op(ConcatOp, values, axis=op.axis), np.asarray(scale), ZERO)
    return _concat_varying(op, build) if any(view is not None for view in views) else None


def _concat_varying(op: ConcatOp, build: Builder) -> Scaled | None:
    """Joined with one scale and offset per element; constants when they are short numbers."""
    views: list[Scaled] = []
    for operand in op.operands:
        view = _zeros_beside(op, operand, build) or scaled_view(operand)
        exact = exact_fixed(constant_of(operand), max_fraction=24) if is_constant(operand) else None
        if view is None and exact is not None:
            view = Scaled(build.fixed(*exact), ONE, ZERO)
        if view is None:
            return None
        views.append(view)
    scale = op.move([np.broadcast_to(view.scale, view.shape)[None] for view in views])[0]
    offset = op.move([np.broadcast_to(view.offset, view.shape)[None] for view in views])[0]
    return Scaled(build.op(ConcatOp, [view.value for view in views], axis=op.axis), scale, offset)


def _zeros_beside(op: ConcatOp, operand: SSAValue, build: Builder) -> Scaled | None:
    """A constant of zeros, at the scale that its neighbour has: padding of quantized weights."""
    constant = constant_value(operand)
    known = [view for view in map(scaled_view, op.operands) if view is not None and np.all(view.scale != 0)]
    if constant is None or np.any(constant != 0) or not known:
        return None
    scale = np.take(at_rank(known[0].scale, len(op.result_shape)), [0], axis=op.positive_axis)
    zeros = np.zeros(shape_of(operand.type), dtype=np.int64)
    return Scaled(build.fixed(zeros, Format(1, 1, signed=False)), scale, ZERO)


def reduction(op: ReduceOp, build: Builder) -> Scaled | None:
    """Sums and means of one scale along the reduced axes; maxima and minima of one positive scale."""
    view = scaled_view(op.input)
    kind = op.kind.data
    if view is None or kind not in ("sum", "mean", "max", "min"):
        return None
    ordered = kind in ("max", "min")
    if _reduced_parameter(op, view.scale) is None:
        view = levelled(view, build)
    if _reduced_parameter(op, view.offset) is None:
        view = absorb_offset(view, build)
    if ordered:
        view = positive(view, build)
    scale, offset = _reduced_parameter(op, view.scale), _reduced_parameter(op, view.offset)
    if scale is None or offset is None or (ordered and np.any(scale <= 0)):
        return None
    if ordered:
        return Scaled(build.op(ReduceOp, [view.value], **_own(op)), scale, offset)
    total = build.op(ReduceOp, [view.value], **{**_own(op), "kind": StringAttr("sum")})
    if kind == "mean":
        return Scaled(total, scale / op.count, offset)
    return Scaled(total, scale, offset * op.count)


def _reduced_parameter(op: ReduceOp, array: Real) -> Real | None:
    """A scale or offset of the operand as one of the result; None when it varies along a reduced axis."""
    small = at_rank(compact(array), len(op.operand_shapes[0]))
    if any(small.shape[axis] != 1 for axis in op.positive_axes):
        return None
    return small if bool(op.keep_axes) else small.squeeze(op.positive_axes)


def largest(op: ArgMaxOp | HardmaxOp, build: Builder) -> Scaled | None:
    """The position of the largest does not depend on one positive scale."""
    view = scaled_view(op.input)
    if view is None:
        return None
    if uniform(view.offset) is None:
        view = absorb_offset(view, build)
    view = positive(levelled(view, build), build)
    scale = view.uniform_scale
    if scale is None or scale <= 0 or uniform(view.offset) is None:
        return None
    return Scaled(build.op(type(op), [view.value], **_own(op)), ONE, ZERO)


RULES: Mapping[type[Any], Rule] = {
    AddOp: add,
    SubOp: add,
    MulOp: multiply,
    DivOp: divide,
    BatchNormOp: batch_norm,
    MatMulOp: matmul,
    ReluOp: relu,
    PReluOp: prelu,
    MaxOp: extreme,
    MinOp: extreme,
    ConcatOp: concat,
    UnaryWiringOp: wiring,
    WindowOp: window,
    ReduceOp: reduction,
    ArgMaxOp: largest,
    HardmaxOp: largest,
}
"""By op; `UnaryWiringOp` stands for all ops that move elements of one operand."""
