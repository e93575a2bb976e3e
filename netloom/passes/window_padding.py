"""Zeros around an image become padding of the windows that read it."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from netloom.ir.attributes import ArrayAttr, shape_of
from netloom.ir.base import remake
from netloom.ir.nn import ConcatOp, TransposeOp, WindowOp
from netloom.ir.program import insert_before, replace
from netloom.passes.analysis.chains import constant_of, is_constant


def join_padding(op: WindowOp) -> None:
    """window(concat(zeros, x, zeros)) along rows or columns becomes window(x) with more padding."""
    if op.fill.data != "zero":
        return
    rank = len(shape_of(op.input.type))
    turn = op.input.owner if isinstance(op.input.owner, TransposeOp) else None
    places = turn.order if turn is not None else tuple(range(rank))
    source, padding = op.input if turn is None else turn.input, op.padding.ints().copy()
    image = source
    while (inner := _inside(source)) is not None and inner[1] in (places[rank - 3], places[rank - 2]):
        source, axis, before, after = inner
        side = 0 if axis == places[rank - 3] else 1
        padding[side] += before
        padding[side + 2] += after
    if source is image:
        return
    if turn is not None:
        source = insert_before(op, remake(turn, [source]))
    replace(op, insert_before(op, remake(op, [source], padding=ArrayAttr.of(padding))))


def _inside(value: SSAValue) -> tuple[SSAValue, int, int, int] | None:
    """What is between zeros along an axis: the value, the axis, and how many zeros are before and after."""
    op = value.owner
    if not isinstance(op, ConcatOp):
        return None
    varying = [index for index, operand in enumerate(op.inputs) if not _is_zero(operand)]
    if len(varying) != 1:
        return None
    sizes = [shape[op.positive_axis] for shape in op.operand_shapes]
    place = varying[0]
    return op.inputs[place], op.positive_axis, sum(sizes[:place]), sum(sizes[place + 1 :])


def _is_zero(value: SSAValue) -> bool:
    return is_constant(value) and not np.any(constant_of(value))
