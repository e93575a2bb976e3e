"""Ops that only move elements: wires, brought to the result's format."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netloom.backends.vhdl.layers.layer import Intervals, Layer, Operand, bits, describe, elements
from netloom.backends.vhdl.text import element, index_expression, loop, process, target, wire_bits
from netloom.ir.base import NetloomOp
from netloom.ir.interval import Ints
from netloom.ir.nn import WiringOp, element_map


def wiring(op: WiringOp, intervals: Intervals) -> Layer | None:
    """The layer of a wiring op; None when only the shape changes."""
    del intervals
    indices = element_map(op)
    same = len(op.operands) == 1 and op.operand_formats[0] == op.result_format
    if same and np.array_equal(indices, np.arange(elements(op.operands[0]))):
        return None
    return move(op, indices, "Wires")


def move(op: NetloomOp, indices: Ints, what: str) -> Layer:
    """A layer whose element i is element `indices[i]` of the operands laid end to end."""
    ports = ["x"] if len(op.operands) == 1 else [f"x{n}" for n in range(len(op.operands))]
    starts = np.cumsum([0, *(elements(operand) for operand in op.operands)])
    declarations: list[str] = []
    body: list[str] = []
    used: list[Operand] = []
    for number, port in enumerate(ports):
        mine = (starts[number] <= indices) & (indices < starts[number + 1])
        if mine.any():
            lines, extra = _from_operand(
                op, number, port, np.flatnonzero(mine), indices[mine] - starts[number]
            )
            body += lines
            declarations += extra
            used.append(Operand(port, number, bits(op.operands[number])))
    return Layer(
        type(op).name.split(".")[1],
        (f"{what}.", f"Gives {describe(op.results[0])}."),
        tuple(used),
        bits(op.results[0]),
        0,
        declarations,
        process("wires", [], body, clocked=False),
    )


def _from_operand(
    op: NetloomOp, number: int, port: str, places: Ints, sources: Ints
) -> tuple[Sequence[str], list[str]]:
    """The elements that come from one operand."""
    width = wire_bits(op.result_format)
    source_format = op.operand_formats[number]
    to, to_table = index_expression(places, "i", f"{port.upper()}_TO")
    where, from_table = index_expression(sources, "i", f"{port.upper()}_FROM")
    shift = op.fraction_rule() - source_format.fraction
    text = element(port, where, source_format)
    shifted = f", {shift}" if shift else ""
    plain = shift == 0 and width == wire_bits(source_format)
    value = f"elem({port}, {where}, {width})" if plain else f"std_logic_vector(ext({text}, {width}{shifted}))"
    return loop("i", len(places), [f"{target('y', to, width)} <= {value};"]), [*to_table, *from_table]
