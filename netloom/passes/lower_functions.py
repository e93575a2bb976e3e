"""lower-functions: functions of fixed-point numbers become lookup tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.passes import ModulePass

from netloom.ir.attributes import ArrayAttr, fixed_tensor
from netloom.ir.fx import LookupOp
from netloom.ir.nn import FunctionOp
from netloom.ir.program import main, program_ops
from netloom.passes.rewriting import Builder


@dataclass(frozen=True)
class LowerFunctions(ModulePass):
    """Each table is computed once, here, from float64; every backend holds the same one."""

    name: ClassVar[str] = "lower-functions"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Replace every fixed-point nn.function."""
        for candidate in program_ops(main(op)):
            if isinstance(candidate, FunctionOp) and candidate.is_fixed:
                lower(candidate)


def lower(op: FunctionOp) -> None:
    """The function's own table as an fx.lookup."""
    build = Builder(op)
    table = op.table()
    error = op.attributes.get("max_error")
    value = build.op(
        LookupOp,
        [op.input],
        result=fixed_tensor(op.result_shape, op.result_format),
        table=ArrayAttr.of(table.entries),
        low=IntegerAttr(table.low, 64),
        mantissa_bits=op.mantissa_bits,
        function=op.function,
        max_error=error if isinstance(error, ArrayAttr) else None,
    )
    build.finish(value)
