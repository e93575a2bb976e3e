"""infer-ranges: the exact interval of every fixed-point value, written on its op."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from netloom.ir.attributes import ArrayAttr
from netloom.ir.fx import ConstantOp
from netloom.ir.program import main, program_ops
from netloom.passes.analysis.ranges import value_intervals


@dataclass(frozen=True)
class InferRanges(ModulePass):
    """Attribute `range` = [smallest, largest] mantissa over all elements of the result.

    The analysis (`netloom.passes.analysis.ranges`) works per element with the actual weights;
    passes and backends that need elements call it themselves.
    """

    name: ClassVar[str] = "infer-ranges"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Annotate every fixed-point op."""
        intervals = value_intervals(op)
        for candidate in program_ops(main(op)):
            interval = intervals.get(candidate.results[0])
            if interval is not None and not isinstance(candidate, ConstantOp):
                bounds = np.array(interval.bounds, dtype=np.int64)
                candidate.attributes["range"] = ArrayAttr.of(bounds)
