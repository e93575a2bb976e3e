"""Functions of fixed-point numbers: the index format of a table, its entries and its worst error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.ir import SSAValue
from xdsl.rewriter import Rewriter

from netloom.core import fixed
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format, Overflow, Precision, Rounding
from netloom.ir.attributes import ArrayAttr, fixed_tensor, format_of, shape_of
from netloom.ir.functions import FUNCTIONS
from netloom.ir.fx import LookupOp
from netloom.ir.nn import FunctionOp, ReluOp
from netloom.ir.program import add_note
from netloom.ir.tables import worst_error
from netloom.passes.analysis.scaled import Scaled, uniform
from netloom.passes.rewriting import Builder

Real = NDArray[Any]


def table_of_levels(
    op: FunctionOp, view: Scaled, precision: Precision, build: Builder, module: ModuleOp, bits: int
) -> SSAValue | None:
    """One entry for each integer of a narrow value with a scale; None when it is not so."""
    source = format_of(view.value.type)
    scale, offset = view.uniform_scale, uniform(view.offset)
    if source is None or source.width > bits or scale is None or offset is None:
        return None
    mantissas = np.arange(source.min_mantissa, source.max_mantissa + 1)
    inputs = np.ldexp(mantissas.astype(np.float64), -source.fraction) * scale + offset
    with np.errstate(all="ignore"):
        exact = FUNCTIONS[op.function.data].apply(inputs, **op.arguments())
    target = precision.format
    exact = np.nan_to_num(exact, nan=0.0, posinf=target.max_value, neginf=target.min_value)
    entries = fixed.quantize(exact, target, Rounding.RND_CONV, Overflow.SAT)
    error = float(np.abs(np.ldexp(entries.astype(np.float64), -target.fraction) - exact).max())
    note_table(module, op, len(entries), "error", error)
    narrow = Format.for_range(int(entries.min()), int(entries.max()), target.fraction)
    return build.op(
        LookupOp,
        [view.value],
        result=fixed_tensor(view.shape, narrow),
        table=ArrayAttr.of(entries),
        low=IntegerAttr(source.min_mantissa, 64),
        function=op.function,
        max_error=ArrayAttr.of(np.array([error])),
    )


def tabulated(
    op: FunctionOp, x: SSAValue, precision: Precision, build: Builder, module: ModuleOp, bits: int
) -> SSAValue:
    """The function on a fixed-point value, cast to the index format of a table of 2^bits entries.

    Raises:
        CompileError: NL304 for too many entries, NL306 for a divisor that may not be positive.
    """
    spec = FUNCTIONS[op.function.data]
    source = format_of(x.type)
    assert source is not None
    mantissa_bits: int | None = None
    lost = 0.0
    if spec.relative:
        x = not_negative(op, x, build)
        mantissa_bits = relative_bits(format_of(x.type) or source, bits)
    elif source.width > bits:
        index = index_format(source, spec.saturates, bits)
        lost = index.step if index.step != source.step else 0.0
        x = build.cast(x, Precision(index, Rounding.RND, Overflow.SAT))
    value = build.op(
        FunctionOp,
        [x],
        result=fixed_tensor(shape_of(x.type), precision.format),
        function=op.function,
        parameters=op.parameters,
        mantissa_bits=IntegerAttr(mantissa_bits, 64) if mantissa_bits is not None else None,
    )
    return finish_table(value, lost, module)


def finish_table(value: SSAValue, input_step: float, module: ModuleOp) -> SSAValue:
    """Narrow the result to what the table holds, and state the worst error."""
    op = value.owner
    assert isinstance(op, FunctionOp)
    table = op.table()
    bits = op.mantissa_bits.value.data if op.mantissa_bits is not None else None
    error = worst_error(
        op.function.data, op.arguments(), table, op.operand_formats[0], op.result_format, bits, input_step
    )
    note_table(module, op, len(table.entries), "error" if bits is None else "relative error", error)
    low, high = int(table.entries.min()), int(table.entries.max())
    narrow = Format.for_range(low, high, op.result_format.fraction)
    result = Rewriter.replace_value_with_new_type(value, fixed_tensor(op.result_shape, narrow))
    op.attributes["max_error"] = ArrayAttr.of(np.array([error]))
    return result


def note_table(module: ModuleOp, op: FunctionOp, entries: int, kind: str, error: float) -> None:
    """State size and worst error of a table."""
    text = f"{op.function.data}: table of {entries} entries, {kind} at most {error:.3g}"
    add_note(module, op.origin_name, text)


def index_format(source: Format, saturates: float, bits: int) -> Format:
    """The index of a table: as many integer bits as the function distinguishes."""
    integer = source.integer
    if np.isfinite(saturates):
        integer = min(integer, int(np.ceil(np.log2(saturates))) + int(source.signed))
    width = max(1 + int(source.signed), min(bits, integer + source.fraction))
    return Format(width, max(integer, width - source.fraction), source.signed)


def not_negative(op: FunctionOp, x: SSAValue, build: Builder) -> SSAValue:
    """The input of a root, a logarithm or a reciprocal, as an unsigned number.

    Raises:
        CompileError: NL306 for a divisor that may be negative.
    """
    source = format_of(x.type)
    if source is None or not source.signed:
        return x
    if op.function.data == "reciprocal":
        raise CompileError(
            "NL306",
            "the divisor may be negative or zero",
            origin=op.origin_name,
            supported="divisors that are never negative",
            hint="divide by a sum of squares, of exponentials or of absolute values",
        )
    return build.op(ReluOp, [x])


def relative_bits(source: Format, bits: int) -> int:
    """Mantissa bits that keep a table by leading one within 2^(bits + 3) entries."""
    entries = 1 << (bits + 3)
    return max(1, min(bits, (entries // max(source.width, 1)).bit_length() - 1))
