"""Elementwise ops: one loop over the elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from netloom.backends.hls.layers.layer import Context, Layer, Operand, describe, elements, ports
from netloom.backends.hls.text import Table, index_expression, loop, mantissas
from netloom.core.fixed import Format
from netloom.ir.attributes import shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import CastOp, ConstantOp
from netloom.ir.nn import AddOp, MaxOp, MinOp, MulOp, PReluOp, ReluOp, SubOp

WORD_BITS = 32
"""Bits of the words in which ac_fixed keeps a number."""


def elementwise(op: NetloomOp, context: Context) -> Layer:
    """The function of any elementwise op."""
    tables: list[Table] = []
    operands: list[Operand] = []
    sources: list[str] = []
    for index, port in enumerate(ports(op)):
        source, found = operand_element(op, index, port, context)
        sources.append(source)
        tables += found
        if not isinstance(op.operands[index].owner, ConstantOp):
            operands.append(Operand(port, index))
    what, expression = _RULES[type(op)](op, sources, context)
    body = loop(context.vendor, "i", elements(op.results[0]), [f"y[i] = {expression};"])
    return Layer((what, f"Gives {describe(op.results[0])}."), tuple(operands), tuple(body), tuple(tables))


def operand_element(op: NetloomOp, index: int, port: str, context: Context) -> tuple[str, list[Table]]:
    """The operand's element for element i of the result, with the tables that it needs."""
    value = op.operands[index]
    positions = np.arange(elements(value)).reshape(shape_of(value.type))
    owner = value.owner
    if not isinstance(owner, ConstantOp):
        spread = np.broadcast_to(positions, op.result_shape)
        where, tables = index_expression(spread, "i", f"{context.name}_{port}_element")
        return f"{port}[{where}]", list(tables)
    constant = owner.value.ints().reshape(-1)
    if np.all(constant == constant[0]):
        constant, positions = constant[:1], np.zeros_like(positions)
    spread = np.broadcast_to(positions, op.result_shape)
    where, tables = index_expression(spread, "i", f"{context.name}_{port}_element")
    name = f"{context.name}_{port}"
    table = mantissas(name, constant, f"mantissas of operand {port}, {op.operand_formats[index]}")
    return f"number<{context.types[index]}>({name}[{where}])", [*tables, table]


def _cast(op: CastOp, sources: list[str], context: Context) -> tuple[str, str]:
    source = op.operand_formats[0]
    modes = f"{op.rounding.data} and {op.overflow.data}"
    what = f"Conversion from {source} with {modes}."
    dropped = source.fraction - op.result_format.fraction
    if -WORD_BITS <= dropped < source.width:
        return what, f"{context.result}({sources[0]})"
    if dropped > 0:
        # The vendors' headers look at the bits below the result; all of them must exist.
        wide = Format(dropped + 2, dropped + 2 - source.fraction, source.signed)
    else:
        # ac_fixed reads in front of its words when it saturates a number that it shifts beyond them.
        wide = Format(source.width - dropped, source.integer, source.signed)
    return what, f"{context.result}({context.vendor.number(wide)}({sources[0]}))"


def _add(op: NetloomOp, sources: list[str], context: Context) -> tuple[str, str]:
    return "Sum.", f"{sources[0]} + {sources[1]}"


def _sub(op: NetloomOp, sources: list[str], context: Context) -> tuple[str, str]:
    return "Difference.", f"{sources[0]} - {sources[1]}"


def _mul(op: NetloomOp, sources: list[str], context: Context) -> tuple[str, str]:
    return "Product.", f"{sources[0]} * {sources[1]}"


def _choice(condition: str, then: str, otherwise: str, result: str) -> str:
    return f"{condition} ? {result}({then}) : {result}({otherwise})"


def _ordered(op: NetloomOp, sources: list[str], context: Context, order: str) -> str:
    """The operand that comes first; both are compared in a type that holds either.

    ap_fixed compares numbers of different sign and width wrongly: with x of ap_ufixed<28, 14> zero and y of
    ap_fixed<28, 6> negative, x < y is true.
    """
    formats = op.operand_formats
    compared = sources
    if formats[0] != formats[1]:
        common = context.vendor.number(_common(*formats))
        compared = [f"{common}({source})" for source in sources]
    return _choice(f"{compared[0]} {order} {compared[1]}", sources[0], sources[1], context.result)


def _common(left: Format, right: Format) -> Format:
    """The smallest signed format that holds the numbers of both."""
    fraction = max(left.fraction, right.fraction)
    integer = max(each.integer + (not each.signed) for each in (left, right))
    return Format(integer + fraction, integer, True)


def _max(op: NetloomOp, sources: list[str], context: Context) -> tuple[str, str]:
    return "Larger of two.", _ordered(op, sources, context, ">")


def _min(op: NetloomOp, sources: list[str], context: Context) -> tuple[str, str]:
    return "Smaller of two.", _ordered(op, sources, context, "<")


def _relu(op: NetloomOp, sources: list[str], context: Context) -> tuple[str, str]:
    x = sources[0]
    negative = op.operand_formats[0].signed
    return "Rectifier: max(x, 0).", _choice(f"{x} > 0", x, "0", context.result) if negative else x


def _prelu(op: NetloomOp, sources: list[str], context: Context) -> tuple[str, str]:
    x, slope = sources
    what = "Leaky rectifier: x where x >= 0, else slope * x."
    negative = op.operand_formats[0].signed
    return what, _choice(f"{x} < 0", f"{x} * {slope}", x, context.result) if negative else x


_RULES: dict[type[NetloomOp], Callable[[Any, list[str], Context], tuple[str, str]]] = {
    CastOp: _cast,
    AddOp: _add,
    SubOp: _sub,
    MulOp: _mul,
    MaxOp: _max,
    MinOp: _min,
    ReluOp: _relu,
    PReluOp: _prelu,
}
