"""canonicalize: one form for each thing, and the cheaper one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from netloom.core.fixed import Format, Overflow, Precision, Rounding
from netloom.ir.attributes import format_of, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import CastOp, ConstantOp
from netloom.ir.nn import MulOp, ReluOp, ReshapeOp, TransposeOp
from netloom.ir.program import erase_unused, main, program_ops, replace
from netloom.passes.fold_constants import fold
from netloom.passes.rewriting import Builder

Pattern = Callable[[Any], SSAValue | None]


@dataclass(frozen=True)
class Canonicalize(ModulePass):
    """Local rules until nothing changes: constants fold, no-ops vanish, rectifiers join casts."""

    name: ClassVar[str] = "canonicalize"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Repeat over the program until a walk changes nothing."""
        function = main(op)
        changed = True
        while changed:
            changed = False
            for candidate in program_ops(function):
                if candidate.operands and is_fixed_op(candidate):
                    fold(candidate)
                if candidate.parent is not None and simplify(candidate):
                    changed = True
            erase_unused(function)


def is_fixed_op(op: NetloomOp) -> bool:
    """Whether all operands and the result are fixed-point."""
    values = [*op.operands, *op.results]
    return all(format_of(value.type) is not None for value in values)


def simplify(op: NetloomOp) -> bool:
    """Apply the op's rule; True when it was replaced."""
    for op_type, pattern in PATTERNS.items():
        if isinstance(op, op_type):
            value = pattern(op)
            if value is not None:
                replace(op, value)
                return True
    return False


def cast(op: CastOp) -> SSAValue | None:
    """To the same format it is nothing; of relu(x) to unsigned with saturation it is one cast."""
    symmetric = op.overflow.data == "SAT_SYM" and op.result_format.signed
    if op.result.type == op.input.type and not symmetric:
        return op.input
    producer = op.input.owner
    clips = op.overflow.data in ("SAT", "SAT_SYM") and not op.result_format.signed
    if isinstance(producer, ReluOp) and clips:
        precision = Precision(op.result_format, Rounding[op.rounding.data], Overflow.SAT)
        return Builder(op).cast(producer.input, precision)
    return None


def relu(op: ReluOp) -> SSAValue | None:
    """Of what is never negative it is nothing; of a cast with saturation the two are one cast."""
    number_format = format_of(op.input.type)
    if number_format is None:
        return None
    if not number_format.signed:
        return op.input
    producer = op.input.owner
    if not isinstance(producer, CastOp) or producer.overflow.data not in ("SAT", "SAT_SYM"):
        return None
    if not op.input.has_one_use() or number_format.width < 2:
        return None
    unsigned = Format(number_format.width - 1, number_format.integer - 1, signed=False)
    precision = Precision(unsigned, Rounding[producer.rounding.data], Overflow.SAT)
    result = Builder(op).cast(producer.input, precision)
    return result if result.type == op.result.type else None


def mul(op: MulOp) -> SSAValue | None:
    """x * 1 is x; x * a * b with single numbers a and b is one product."""
    for value, other in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
        owner = other.owner
        if (
            isinstance(owner, ConstantOp)
            and format_of(value.type) == format_of(op.result.type)
            and shape_of(value.type) == shape_of(op.result.type)
            and bool(np.all(real_values(owner) == 1))
        ):
            return value
        if op.is_fixed and (inner := scalar_product(value)) is not None and single(other) is not None:
            return joined(op, inner[0], inner[1], other)
    return None


def single(value: SSAValue) -> int | None:
    """The mantissa of a fixed-point constant of one element and rank 0."""
    owner = value.owner
    if not isinstance(owner, ConstantOp) or not owner.is_fixed or owner.result_shape != ():
        return None
    return int(owner.value.ints())


def scalar_product(value: SSAValue) -> tuple[SSAValue, SSAValue] | None:
    """Both factors of a product with a single number, that number last."""
    owner = value.owner
    if not isinstance(owner, MulOp) or not value.has_one_use():
        return None
    if single(owner.rhs) is not None:
        return owner.lhs, owner.rhs
    return (owner.rhs, owner.lhs) if single(owner.lhs) is not None else None


def joined(op: MulOp, x: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    """x * (a * b)."""
    build = Builder(op)
    factor = build.op(MulOp, [a, b])
    return build.op(MulOp, [x, factor], result=op.result.type)


def real_values(op: ConstantOp) -> np.ndarray[Any, Any]:
    """A constant as real numbers."""
    if not op.is_fixed:
        return op.value.reals()
    return np.ldexp(op.value.reals(), -op.result_format.fraction)


def reshape(op: ReshapeOp) -> SSAValue | None:
    """Same shape: nothing; two in a row: one."""
    if op.operand_shapes[0] == op.result_shape:
        return op.input
    producer = op.input.owner
    if isinstance(producer, ReshapeOp):
        return Builder(op).op(ReshapeOp, [producer.input], result=op.result.type, shape=op.shape)
    return None


def transpose(op: TransposeOp) -> SSAValue | None:
    """The identity: nothing."""
    return op.input if op.order == tuple(range(len(op.order))) else None


PATTERNS: dict[type[NetloomOp], Pattern] = {
    CastOp: cast,
    ReluOp: relu,
    MulOp: mul,
    ReshapeOp: reshape,
    TransposeOp: transpose,
}
