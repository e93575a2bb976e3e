"""`fx.lookup` and `fx.threshold`."""

from __future__ import annotations

import numpy as np

from netloom.backends.hls.layers.layer import Context, Layer, Operand, describe, elements
from netloom.backends.hls.text import Table, index_expression, integer, integer_bits, loop, mantissas, whole
from netloom.backends.indexing import Ints
from netloom.ir.fx import LookupOp, ThresholdOp


def lookup(op: LookupOp, context: Context) -> Layer:
    """The function of an exact table."""
    source = op.operand_formats[0]
    width = max(source.width, 1) + (not source.signed)
    name = f"{context.name}_entry"
    table = mantissas(name, op.table.ints(), f"mantissas of {op.function.data}, {op.result_format}")
    if op.mantissa_bits is None:
        find, how = _by_value(op, width), "value"
    else:
        find, how = _by_exponent(op, width, context), "exponent and leading fraction bits"
    read = f"y[i] = number<{context.result}>({name}[index]);"
    body = loop(context.vendor, "i", elements(op.result), [*find, read])
    what = f"Table of {op.function.data}, addressed by {how}."
    return Layer(
        (what, f"Gives {describe(op.result)}."), (Operand("x", 0),), tuple(body), (table,), {name: 0}
    )


def _by_value(op: LookupOp, width: int) -> list[str]:
    """The index is the distance from the lowest mantissa, clipped to the table."""
    last, low = len(op.table.values) - 1, int(op.low.value.data)
    kind = whole(max(width, integer_bits(low, low + last)))
    offset = f"m - {integer(low)}" if low > 0 else f"m + {integer(-low)}" if low else "m"
    return [
        f"const {kind.type} m = mantissa(x[i]).{kind.convert};",
        f"const int index = m < {integer(low)} ? 0 : m > {integer(low + last)} ? {last} : (int)({offset});",
    ]


def _by_exponent(op: LookupOp, width: int, context: Context) -> list[str]:
    """The index is floor(log2(m)) and the next bits of m; see `netloom.ir.tables.float_index`."""
    assert op.mantissa_bits is not None
    bits, last = int(op.mantissa_bits.value.data), len(op.table.values) - 1
    top = max(op.operand_formats[0].width, 1)
    # The largest entry is below (top + 1) << bits.
    kind = whole(max(width, top.bit_length() + bits + 1))
    value = f"mantissa(x[i]).{kind.convert}"
    return [
        # All from zero down count as one, which has entry 0; a negative number is not shifted.
        f"const {kind.type} m = {value} > 0 ? {value} : 1;",
        "int exponent = 0;",
        *loop(context.vendor, "k", top, ["if ((m >> k) > 0) exponent = k;"], first=1),
        f"const {kind.type} aligned = exponent >= {bits} ? m >> (exponent - {bits}) : "
        f"m << ({bits} - exponent);",
        f"const {kind.type} entry = (({kind.type})exponent << {bits}) + aligned - {1 << bits};",
        f"const int index = entry > {last} ? {last} : (int)entry;",
    ]


def threshold(op: ThresholdOp, context: Context) -> Layer:
    """The function of a step function: how many thresholds are reached."""
    thresholds = op.thresholds.ints()
    levels = thresholds.shape[-1]
    rows = max(thresholds.size // max(levels, 1), 1)
    channels = np.broadcast_to(np.arange(rows).reshape(thresholds.shape[:-1]), op.result_shape)
    where, tables = index_expression(channels, "i", f"{context.name}_channel")
    found = list(tables)
    body = ["int reached = 0;"]
    if levels:
        name = f"{context.name}_threshold"
        at = "k" if where == "0" else f"({where}) * {levels} + k"
        found.append(mantissas(name, thresholds, "mantissas from which the next level is reached"))
        kind = whole(op.operand_formats[0].width + 1)
        body = [f"const {kind.type} m = mantissa(x[i]).{kind.convert};", *body]
        body += loop(context.vendor, "k", levels, [f"reached += m >= {name}[{at}];"])
    level, more = _level(op, context)
    body.append(f"y[i] = number<{context.result}>({level});")
    what = f"Step function of {levels} thresholds: base + sign * (thresholds that x has reached)."
    return Layer(
        (what, f"Gives {describe(op.result)}."),
        (Operand("x", 0),) if levels else (),
        tuple(loop(context.vendor, "i", elements(op.result), body)),
        (*found, *more),
    )


def _level(op: ThresholdOp, context: Context) -> tuple[str, tuple[Table, ...]]:
    """The mantissa base + sign * reached."""
    base, base_tables = _parameter(op, op.base.ints(), f"{context.name}_base")
    sign, sign_tables = _parameter(op, op.sign.ints(), f"{context.name}_sign")
    steps = {"1": "reached", "-1": "-reached", "0": "0"}.get(sign, f"{sign} * reached")
    return (steps if base == "0" else f"{base} + {steps}"), (*base_tables, *sign_tables)


def _parameter(op: ThresholdOp, values: Ints, name: str) -> tuple[str, tuple[Table, ...]]:
    """A parameter of element i: a literal where all are equal, else a table."""
    flat = values.reshape(-1)
    if np.all(flat == flat[0]):
        return integer(int(flat[0])), ()
    positions = np.broadcast_to(np.arange(flat.size).reshape(values.shape), op.result_shape)
    where, tables = index_expression(positions, "i", f"{name}_channel")
    return f"{name}[{where}]", (*tables, mantissas(name, values, "mantissas or signs by channel"))
