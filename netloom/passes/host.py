"""What the host computes: elementwise real ops between the network's input and its quantizer."""

from __future__ import annotations

from xdsl.ir import BlockArgument, SSAValue

from netloom.ir.fx import ConstantOp
from netloom.ir.nn import BatchNormOp, BinaryOp, PReluOp, ReluOp, UnaryWiringOp

HOST_OPS = (BinaryOp, PReluOp, ReluOp, BatchNormOp, UnaryWiringOp)
"""Cheap preparation that data pipelines do anyway: scaling, shifting, clipping, moving elements."""


def is_host_value(value: SSAValue) -> bool:
    """Whether a real value depends on one input only, through host ops."""
    return _source(value) is not None


def _source(value: SSAValue) -> BlockArgument | None:
    if isinstance(value, BlockArgument):
        return value
    op = value.owner
    if not isinstance(op, HOST_OPS):
        return None
    varying = [o for o in op.operands if not isinstance(o.owner, ConstantOp)]
    return _source(varying[0]) if len(varying) == 1 else None
