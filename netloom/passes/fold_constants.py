"""fold-constants: ops of constants become constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from netloom.ir.attributes import ArrayAttr, format_of
from netloom.ir.base import NetloomOp, Values
from netloom.ir.fx import ConstantOp, DequantizeOp, QuantizeOp, constant_mantissas
from netloom.ir.nn import QuantOp, TruncOp
from netloom.ir.program import erase_unused, main, program_ops
from netloom.passes.rewriting import Builder

KEPT = (QuantOp, TruncOp, QuantizeOp, DequantizeOp)
"""Quantizers carry scales that absorb-quantizers needs."""


@dataclass(frozen=True)
class FoldConstants(ModulePass):
    """Evaluates ops whose operands are all constants, with their own meaning; reals in float64."""

    name: ClassVar[str] = "fold-constants"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Fold in program order, so that whole constant subgraphs vanish."""
        function = main(op)
        for candidate in program_ops(function):
            if candidate.operands and not isinstance(candidate, KEPT):
                fold(candidate)
        erase_unused(function)


def fold(op: NetloomOp) -> None:
    """Replace `op` by its value when all operands are constants."""
    owners = [operand.owner for operand in op.operands]
    constants = [owner for owner in owners if isinstance(owner, ConstantOp)]
    if len(constants) != len(owners):
        return
    value = op.evaluate([exact_values(constant)[None] for constant in constants])[0]
    build = Builder(op)
    number_format = format_of(op.results[0].type)
    if number_format is None:
        build.finish(build.op(ConstantOp, [], value=ArrayAttr.of(value)))
        return
    constant = constant_mantissas(value, number_format, build.origin)
    block = op.parent_block()
    if block is not None:
        block.insert_op_before(constant, op)
        build.finish(constant.results[0])


def exact_values(op: ConstantOp) -> Values:
    """Mantissas, or reals in float64."""
    return op.value.ints() if op.is_fixed else op.value.reals()
