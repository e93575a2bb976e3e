"""Ops that only move elements: wires, brought to the result's format."""

from __future__ import annotations

import numpy as np

from netloom.ir.nn import WiringOp, element_map
from netloom_circt.circuit import Bits
from netloom_circt.layers.body import Body, elements


def wiring(body: Body) -> list[Bits]:
    """Element i of the result is one element of the operands laid end to end."""
    op = body.op
    assert isinstance(op, WiringOp)
    starts = np.cumsum([0, *(elements(operand) for operand in op.operands)])
    found: list[Bits] = []
    for source in element_map(op).tolist():
        operand = int(np.searchsorted(starts, source, side="right")) - 1
        x, shift = body.aligned(operand, source - int(starts[operand]))
        found.append(body.circuit.resize(x, body.width, shift))
    return found


def only_shape(op: WiringOp) -> bool:
    """Whether the result is its operand in another shape."""
    if len(op.operands) != 1 or op.operand_formats[0] != op.result_format:
        return False
    return bool(np.array_equal(element_map(op), np.arange(elements(op.operands[0]))))
