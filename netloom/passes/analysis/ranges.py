"""Which mantissas a value can take: exact intervals, element by element, through the program."""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.ir.attributes import format_of, shape_of
from netloom.ir.base import result_interval
from netloom.ir.interval import Interval
from netloom.ir.program import main, program_ops


def value_intervals(module: ModuleOp) -> Mapping[SSAValue, Interval]:
    """Interval of every fixed-point value of `main`, within its declared format.

    A declared format that is narrower than an op's rule is a proof by some pass that the value
    stays inside, so it bounds the interval too.

    Raises:
        CompileError: NL303 when a value needs more bits than exact arithmetic holds.
    """
    function = main(module)
    found: dict[SSAValue, Interval] = {}
    for argument in function.body.block.args:
        number_format = format_of(argument.type)
        if number_format is not None:
            found[argument] = Interval.of_format(number_format, shape_of(argument.type))
    for op in program_ops(function):
        if op.is_fixed:
            operands = [found[operand] for operand in op.operands if operand in found]
            found[op.results[0]] = result_interval(op, operands).clamp(op.result_format)
    return found
