"""Ops that only move elements."""

from __future__ import annotations

import numpy as np

from netloom.backends.hls.layers.layer import Context, Layer, Operand, describe, elements, ports
from netloom.backends.hls.text import Table, index_expression, loop
from netloom.backends.indexing import Ints
from netloom.ir.base import NetloomOp
from netloom.ir.nn import WiringOp, element_map


def wiring(op: WiringOp, context: Context) -> Layer | None:
    """The function of a wiring op; None when only the shape changes."""
    indices = element_map(op)
    same = len(op.operands) == 1 and op.operand_formats[0] == op.result_format
    if same and np.array_equal(indices, np.arange(elements(op.operands[0]))):
        return None
    return move(op, indices, "Wires.", context)


def move(op: NetloomOp, indices: Ints, what: str, context: Context) -> Layer:
    """A function whose element i is element `indices[i]` of the operands laid end to end."""
    starts = np.cumsum([0, *(elements(operand) for operand in op.operands)])
    tables: list[Table] = []
    body: list[str] = []
    used: list[Operand] = []
    for number, port in enumerate(ports(op)):
        mine = (starts[number] <= indices) & (indices < starts[number + 1])
        if not mine.any():
            continue
        name = f"{context.name}_{port}"
        to, to_table = index_expression(np.flatnonzero(mine), "i", f"{name}_to")
        where, from_table = index_expression(indices[mine] - starts[number], "i", f"{name}_from")
        body += loop(context.vendor, "i", int(mine.sum()), [f"y[{to}] = {port}[{where}];"])
        tables += [*to_table, *from_table]
        used.append(Operand(port, number))
    return Layer((what, f"Gives {describe(op.results[0])}."), tuple(used), tuple(body), tuple(tables))
