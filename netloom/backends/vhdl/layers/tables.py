"""`fx.lookup` and `fx.threshold`: tables of constants, and comparisons with constants."""

from __future__ import annotations

import numpy as np

from netloom.backends.vhdl.layers.layer import (
    Intervals,
    Layer,
    Operand,
    bits,
    describe,
    elements,
)
from netloom.backends.vhdl.layers.pipeline import StepText, pipeline
from netloom.backends.vhdl.text import (
    element,
    index_expression,
    inner,
    is_signed,
    literal,
    loop,
    table,
    target,
    wire_bits,
)
from netloom.core.diagnostics import CompileError
from netloom.ir.fx import LookupOp, ThresholdOp
from netloom.ir.interval import Ints
from netloom.passes.analysis.scheduled import stages
from netloom.passes.analysis.timing import index_bits


def _signed_element(op: LookupOp | ThresholdOp) -> str:
    """The operand's element i as signed."""
    source = op.operand_formats[0]
    text = element("x", "i", source)
    return text if is_signed(source) else f"ext({text}, {wire_bits(source) + 1})"


def _layer(
    op: LookupOp | ThresholdOp, kind: str, what: str, declarations: list[str], steps: list[StepText]
) -> Layer:
    signals, statements = pipeline(steps, stages(op)[-len(steps) :])
    return Layer(
        kind,
        (what, f"Gives {describe(op.result)}."),
        (Operand("x", 0, bits(op.input)),),
        bits(op.result),
        max(stages(op), default=0),
        [*declarations, *signals],
        statements,
    )


def lookup(op: LookupOp, intervals: Intervals) -> Layer:
    """The layer of an exact table."""
    del intervals
    values = op.table.ints()
    last, count, width = len(values) - 1, elements(op.result), wire_bits(op.result_format)
    if op.mantissa_bits is None:
        low = op.low.value.data
        bound = literal(low, max(low.bit_length() + 1, 2))
        address = f"table_index({_signed_element(op)}, {bound}, {last})"
        what = f"Table of {op.function.data}, addressed by value."
    else:
        address = f"float_index({_signed_element(op)}, {op.mantissa_bits.value.data}, {last})"
        what = f"Table of {op.function.data}, addressed by exponent and leading fraction bits."
    y = target("y", "i", width)
    variables = [f"variable entry_number : natural range 0 to {last};"]
    find = f"entry_number := {address};"
    read = f"{y} <= std_logic_vector(ext(ENTRY(entry_number), {width}));"
    if stages(op)[0] == stages(op)[-1]:
        steps = [StepText("read", 0, variables, loop("i", count, [find, read]))]
    else:
        size = index_bits(op)
        store = f"{target('address', 'i', size)} <= std_logic_vector(to_unsigned(entry_number, {size}));"
        load = f"entry_number := to_integer(unsigned(elem(address, i, {size})));"
        steps = [
            StepText("address", count * size, variables, loop("i", count, [find, store])),
            StepText("read", 0, variables, loop("i", count, [load, read])),
        ]
    return _layer(op, "lookup", what, table("ENTRY", values), steps)


def threshold(op: ThresholdOp, intervals: Intervals) -> Layer:
    """The layer of a step function: comparisons, then the number of those that hold."""
    del intervals
    thresholds = op.thresholds.ints()
    levels, count = thresholds.shape[-1], elements(op.result)
    if not np.isin(op.sign.ints(), (-1, 0, 1)).all():
        raise CompileError("NL308", "fx.threshold has a sign other than -1, 0 and 1", origin=op.origin_name)
    parameters = np.arange(max(thresholds.size // max(levels, 1), 1)).reshape(thresholds.shape[:-1])
    where, declarations = index_expression(np.broadcast_to(parameters, op.result_shape), "i", "CHANNEL")
    declarations += table("THRESHOLD", thresholds) if levels else []
    count_bits = max(levels.bit_length(), 1)
    declarations += _offset_tables(op)
    at = "k" if where == "0" else f"{inner(where)} * {levels} + k"
    flag = f"reached(i * {levels} + k) <= '1' when {_signed_element(op)} >= THRESHOLD({at}) else '0';"
    compare = loop("k", levels, [flag])
    encode = _count_statements(op, f"reached_count(elem(reached, i, {max(levels, 1)}), {count_bits})")
    what = f"Step function of {levels} thresholds: base + sign * (thresholds that x has reached)."
    if not levels:
        steps = [StepText("count", 0, [], loop("i", count, _constant_steps(op)))]
    else:
        steps = [
            StepText("reached", count * levels, [], loop("i", count, compare)),
            StepText("count", 0, [], loop("i", count, encode)),
        ]
    return _layer(op, "threshold", what, declarations, steps)


def _spread(op: ThresholdOp, values: Ints, name: str) -> tuple[str, list[str]]:
    """A parameter of element i: a literal where all are equal, else a table."""
    width = wire_bits(op.result_format)
    if np.all(values == values.reshape(-1)[0]):
        return literal(int(values.reshape(-1)[0]), width), []
    positions = np.arange(values.size).reshape(values.shape)
    where, declarations = index_expression(
        np.broadcast_to(positions, op.result_shape), "i", f"{name}_CHANNEL"
    )
    return f"ext({name}({where}), {width})", [*table(name, values), *declarations]


def _offset_tables(op: ThresholdOp) -> list[str]:
    sign = op.sign.ints()
    declarations = _spread(op, op.base.ints(), "BASE")[1]
    if not np.all(sign == sign.reshape(-1)[0]):
        declarations += _spread(op, sign, "SIGN")[1]
    return declarations


def _count_statements(op: ThresholdOp, count: str) -> list[str]:
    width, sign = wire_bits(op.result_format), op.sign.ints()
    base = _spread(op, op.base.ints(), "BASE")[0]
    y = target("y", "i", width)
    plus = f"{y} <= std_logic_vector({base} + ext({count}, {width}));"
    minus = f"{y} <= std_logic_vector({base} - ext({count}, {width}));"
    none = f"{y} <= std_logic_vector({base});"
    if np.all(sign == 1):
        only = not op.base.ints().any()
        return [f"{y} <= std_logic_vector(ext({count}, {width}));" if only else plus]
    if np.all(sign == sign.reshape(-1)[0]):
        return [minus if sign.reshape(-1)[0] < 0 else none]
    positions = np.arange(sign.size).reshape(sign.shape)
    where, _ = index_expression(np.broadcast_to(positions, op.result_shape), "i", "SIGN_CHANNEL")
    # By its bits: GHDL 2.0 synthesizes no comparison of a signed constant with an integer.
    return [
        f"if SIGN({where})(0) = '0' then",
        f"  {none}",
        f"elsif SIGN({where})(SIGN({where})'high) = '0' then",
        f"  {plus}",
        "else",
        f"  {minus}",
        "end if;",
    ]


def _constant_steps(op: ThresholdOp) -> list[str]:
    """Without thresholds only the base is left."""
    base = _spread(op, op.base.ints(), "BASE")[0]
    return [f"{target('y', 'i', wire_bits(op.result_format))} <= std_logic_vector({base});"]
