"""Where the elements of a value come from: back through wires to what computes them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from netloom.ir.attributes import format_of, shape_of
from netloom.ir.fx import ConstantOp
from netloom.ir.interval import Ints
from netloom.ir.nn import ConcatOp
from netloom.ir.nn.shape import UnaryWiringOp, WiringOp, element_map


@dataclass(frozen=True, eq=False)
class Source:
    """A value whose elements another value consists of, with constants in between.

    Attributes:
        value: what the elements are taken from.
        elements: for each element of the other value (row-major) its number in `value`, -1 for a constant.
        constants: mantissas of the constants, 0 elsewhere.
    """

    value: SSAValue
    elements: Ints
    constants: Ints

    @property
    def size(self) -> int:
        """How many elements there are to take from."""
        return math.prod(shape_of(self.value.type))


def source_of(value: SSAValue) -> Source:
    """Follows wires back as long as they have one operand that is no constant, in the same format."""
    count = math.prod(shape_of(value.type))
    source = Source(value, np.arange(count, dtype=np.int64), np.zeros(count, dtype=np.int64))
    while (before := _one_step(source)) is not None:
        source = before
    return source


def _one_step(source: Source) -> Source | None:
    """The source of the source, if it has one."""
    op = source.value.owner
    if not isinstance(op, UnaryWiringOp | ConcatOp) or op.fills:
        return None
    moving = [operand for operand in op.operands if not isinstance(operand.owner, ConstantOp)]
    if len(moving) != 1 or not _same_fraction(op, moving[0]):
        return None
    places, known = _laid_out(op, moving[0])
    there = source.elements >= 0
    from_here = element_map(op)[source.elements]
    elements = np.where(there, places[from_here], -1)
    constants = np.where(there, known[from_here], source.constants)
    return Source(moving[0], elements, constants)


def _same_fraction(op: WiringOp, operand: SSAValue) -> bool:
    before, after = format_of(operand.type), format_of(op.results[0].type)
    return before is not None and after is not None and before.fraction == after.fraction


def _laid_out(op: WiringOp, moving: SSAValue) -> tuple[Ints, Ints]:
    """The operands end to end: numbers of the moving one's elements (else -1); the others' mantissas."""
    places, known = [], []
    for operand in op.operands:
        count = math.prod(shape_of(operand.type))
        constant = operand.owner
        if operand is not moving and isinstance(constant, ConstantOp):
            shift = op.result_format.fraction - constant.result_format.fraction
            places.append(np.full(count, -1, dtype=np.int64))
            known.append(constant.value.ints().reshape(-1) << shift)
        else:
            places.append(np.arange(count, dtype=np.int64))
            known.append(np.zeros(count, dtype=np.int64))
    return np.concatenate(places), np.concatenate(known)
