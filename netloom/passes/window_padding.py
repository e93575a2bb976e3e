"""Zeros around an image become padding of the windows that read it."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from netloom.ir.attributes import ArrayAttr, shape_of
from netloom.ir.base import remake
from netloom.ir.nn import ConcatOp, WindowOp
from netloom.ir.program import insert_before, replace
from netloom.passes.analysis.chains import constant_of, is_constant


def join_padding(op: WindowOp) -> None:
    """window(concat(zeros, x, zeros)) along rows or columns becomes window(x) with more padding."""
    if op.fill.data != "zero":
        return
    source, padding = op.input, op.padding.ints().copy()
    while (inner := _padded(source, len(shape_of(op.input.type)))) is not None:
        source, side, before, after = inner
        padding[side] += before
        padding[side + 2] += after
    if source is not op.input:
        replace(op, insert_before(op, remake(op, [source], padding=ArrayAttr.of(padding))))


def _padded(value: SSAValue, rank: int) -> tuple[SSAValue, int, int, int] | None:
    """The image inside zeros, the axis (0 rows, 1 columns), and the zeros before and after it."""
    op = value.owner
    if not isinstance(op, ConcatOp) or op.positive_axis not in (rank - 3, rank - 2):
        return None
    varying = [index for index, operand in enumerate(op.inputs) if not _is_zero(operand)]
    if len(varying) != 1:
        return None
    sizes = [shape[op.positive_axis] for shape in op.operand_shapes]
    place = varying[0]
    return op.inputs[place], op.positive_axis - (rank - 3), sum(sizes[:place]), sum(sizes[place + 1 :])


def _is_zero(value: SSAValue) -> bool:
    return is_constant(value) and not np.any(constant_of(value))
