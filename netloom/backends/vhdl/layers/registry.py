"""Which function writes the layer of which op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netloom.backends.vhdl.layers.elementwise import elementwise
from netloom.backends.vhdl.layers.kernel import kernel
from netloom.backends.vhdl.layers.layer import Intervals, Layer, bits, describe
from netloom.backends.vhdl.layers.products import products
from netloom.backends.vhdl.layers.shared import dense
from netloom.backends.vhdl.layers.tables import lookup, threshold
from netloom.backends.vhdl.layers.trees import argmax, reduce
from netloom.backends.vhdl.layers.wiring import wiring
from netloom.core.diagnostics import CompileError
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp
from netloom.ir.fx import CastOp, LookupOp, ThresholdOp
from netloom.ir.nn import (
    AddOp,
    ArgMaxOp,
    BroadcastOp,
    ConcatOp,
    DenseOp,
    GatherOp,
    HardmaxOp,
    MatMulOp,
    MaxOp,
    MinOp,
    MulOp,
    PReluOp,
    ReduceOp,
    ReluOp,
    ReshapeOp,
    SliceOp,
    SubOp,
    TransposeOp,
)

_WRITERS: Mapping[type[NetloomOp], Callable[[Any, Intervals], Layer | None]] = {
    KernelOp: kernel,
    CastOp: elementwise,
    AddOp: elementwise,
    SubOp: elementwise,
    MulOp: elementwise,
    MinOp: elementwise,
    MaxOp: elementwise,
    ReluOp: elementwise,
    PReluOp: elementwise,
    LookupOp: lookup,
    ThresholdOp: threshold,
    ReduceOp: reduce,
    ArgMaxOp: argmax,
    HardmaxOp: argmax,
    MatMulOp: products,
    DenseOp: dense,
    ReshapeOp: wiring,
    TransposeOp: wiring,
    ConcatOp: wiring,
    SliceOp: wiring,
    GatherOp: wiring,
    BroadcastOp: wiring,
}

SUPPORTED = tuple(sorted(op.name for op in _WRITERS))
"""Names of the ops that have hardware."""


def layer_for(op: NetloomOp, intervals: Intervals) -> Layer | None:
    """The layer of an op; None when its result is its operand in another shape.

    Raises:
        CompileError: NL308 for an op that has no hardware.
    """
    writer = _WRITERS.get(type(op))
    if writer is None:
        raise CompileError(
            "NL308",
            f"{op.name} has no VHDL",
            origin=op.origin_name,
            supported=", ".join(SUPPORTED),
            hint="a pass must lower it first",
        )
    return writer(op, intervals) if op.result_format.width else _zero(op)


def _zero(op: NetloomOp) -> Layer:
    """A result of no bits is zero; its wires carry that."""
    return Layer(
        "zero",
        ("The constant zero.", f"Gives {describe(op.results[0])}."),
        (),
        bits(op.results[0]),
        0,
        [],
        ["y <= (others => '0');"],
    )
