"""narrow: result types shrink to the exact ranges of their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr, fixed_tensor
from netloom.ir.base import NetloomOp
from netloom.ir.fx import CastOp, ConstantOp, LookupOp, QuantizeOp
from netloom.ir.interval import Interval
from netloom.ir.program import main, program_ops, refresh_type
from netloom.passes.analysis.ranges import value_intervals


@dataclass(frozen=True)
class Narrow(ModulePass):
    """Same fraction, fewer integer bits. Inputs keep their formats: they are the interface."""

    name: ClassVar[str] = "narrow"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Intervals are exact before any type changes, so one analysis serves all."""
        intervals = value_intervals(op)
        function = main(op)
        for candidate in program_ops(function):
            interval = intervals.get(candidate.results[0])
            if interval is not None and not isinstance(candidate, ConstantOp | QuantizeOp):
                narrow(candidate, interval)
        refresh_type(function)


def narrow(op: NetloomOp, interval: Interval) -> None:
    """Shrink one result, when that changes nothing it computes."""
    declared = op.result_format
    tight = interval.format(declared.fraction)
    if tight.width >= declared.width or not keeps_meaning(op, tight):
        return
    if isinstance(op, LookupOp):
        # Entries that the input never reaches must fit the type like all others.
        entries = np.clip(op.table.ints(), tight.min_mantissa, tight.max_mantissa)
        op.properties["table"] = ArrayAttr.of(entries)
    Rewriter.replace_value_with_new_type(op.results[0], fixed_tensor(op.result_shape, tight))


def keeps_meaning(op: NetloomOp, tight: Format) -> bool:
    """A cast's overflow mode refers to its type; all but one mode tolerate a tighter type.

    Saturation to the interval is no change, and a cast that could wrap has the whole format as its
    interval. But SAT_SYM's lower bound moves with the type.
    """
    if not isinstance(op, CastOp) or op.overflow.data != "SAT_SYM":
        return True
    return not tight.signed
