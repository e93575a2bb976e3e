"""Functions of scores as tables that keep the order of scores: part of assign-precision.

A softmax or a sigmoid has its largest result where the largest score is. A table read by the nearest index
makes scores equal that were not, so the class that is read from its results could be another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import IntegerAttr, StringAttr
from xdsl.ir import SSAValue

from netloom.core import fixed
from netloom.core.fixed import Format, Overflow, Precision, Rounding
from netloom.ir.attributes import ArrayAttr, fixed_tensor
from netloom.ir.base import interval_of
from netloom.ir.functions import FUNCTIONS
from netloom.ir.fx import LookupOp
from netloom.ir.nn import AddOp, FunctionOp
from netloom.passes.analysis.scaled import Scaled, scaled_view
from netloom.passes.formats import fixed_format
from netloom.passes.rewriting import Builder
from netloom.passes.tabulate import index_format, note_table

if TYPE_CHECKING:
    from netloom.passes.assign_precision import Assigner

KEEPS_ORDER = "keeps_order"
"""Attribute of a function of scores whose table must not make equal what was not."""

PRECISION = "fixed<20,4,RND_CONV,SAT>"
"""What such a table holds when nothing was chosen."""

Reals = NDArray[np.float64]


def ordered_table(assigner: Assigner, op: FunctionOp, build: Builder) -> SSAValue | None:
    """A table of a monotone function in which no score above zero shares an entry with zero.

    Entry k stands for all x of ((k - 1) * step, k * step], by the value in their middle. None when the score
    has no more bits than the index of a table, or an offset: then the usual table is taken, which is exact
    for so few bits.
    """
    op.attributes.setdefault("default_precision", StringAttr(PRECISION))
    view = scaled_view(op.input)
    scale = view.uniform_scale if view is not None and not view.has_offset else None
    if view is None or scale is None or scale <= 0:
        view, scale = Scaled(assigner.formats.operand(op.input, op), np.ones(()), np.zeros(())), 1.0
    source = fixed_format(view.value)
    saturates = FUNCTIONS[op.function.data].saturates / scale
    index = index_format(source, saturates, assigner.table_bits)
    dropped = source.fraction - index.fraction
    if dropped <= 0:
        return None
    target = assigner.formats.chosen(op, "result").format
    table = _entries(op, index, target, scale, view.value)
    note_table(assigner.module, op, len(table.entries), "error", table.error)
    almost_one = Format(dropped, dropped - source.fraction, False)
    lifted = build.op(AddOp, [view.value, build.fixed(np.array((1 << dropped) - 1), almost_one)])
    low, high = int(table.entries.min()), int(table.entries.max())
    return build.op(
        LookupOp,
        [build.cast(lifted, Precision(index, Rounding.TRN, Overflow.SAT))],
        result=fixed_tensor(op.result_shape, Format.for_range(low, high, target.fraction)),
        table=ArrayAttr.of(table.entries),
        low=IntegerAttr(index.min_mantissa, 64),
        function=op.function,
        max_error=ArrayAttr.of(np.array([table.error])),
    )


@dataclass(frozen=True, eq=False)
class _Table:
    entries: NDArray[np.int64]
    error: float


def _entries(op: FunctionOp, index: Format, target: Format, scale: float, score: SSAValue) -> _Table:
    """Entries for all mantissas of the index, and the worst error over all scores."""
    function: Callable[..., Any] = FUNCTIONS[op.function.data].apply

    def exact(x: Reals) -> Reals:
        with np.errstate(over="ignore"):
            return np.asarray(function(x * scale, **op.arguments()))

    numbers = np.arange(index.min_mantissa - 1, index.max_mantissa + 1).astype(np.float64)
    ends = np.ldexp(numbers, -index.fraction)
    middle = (ends[:-1] + ends[1:]) / 2
    if not index.signed:
        middle[0] = ends[0] = 0.0  # below zero there is nothing
    wanted = np.clip(exact(middle), target.min_value, target.max_value)
    entries = fixed.quantize(wanted, target, Rounding.RND_CONV, Overflow.SAT)
    held = np.ldexp(entries.astype(np.float64), -target.fraction)
    bounds = np.ldexp(np.array(interval_of(score).bounds, dtype=np.float64), -fixed_format(score).fraction)
    reached = np.clip(bounds, ends[0], ends[-1]) != bounds
    beyond = np.abs(exact(bounds) - held[[0, -1]])[reached]
    errors = [np.abs(exact(ends[:-1]) - held), np.abs(exact(ends[1:]) - held), beyond]
    inside = (ends[1:] >= bounds[0]) & (ends[:-1] <= bounds[1])
    worst = [float(found[inside].max(initial=0.0)) for found in errors[:2]]
    return _Table(entries, max(*worst, float(errors[2].max(initial=0.0))))
