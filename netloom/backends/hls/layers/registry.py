"""Which function writes the layer of which op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netloom.backends.hls.layers.elementwise import elementwise
from netloom.backends.hls.layers.kernel import kernel
from netloom.backends.hls.layers.layer import Context, Layer, describe, elements
from netloom.backends.hls.layers.products import dense, matmul
from netloom.backends.hls.layers.tables import lookup, threshold
from netloom.backends.hls.layers.trees import argmax, reduce
from netloom.backends.hls.layers.wiring import wiring
from netloom.backends.hls.text import loop
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

_WRITERS: Mapping[type[NetloomOp], Callable[[Any, Context], Layer | None]] = {
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
    MatMulOp: matmul,
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


def layer_for(op: NetloomOp, context: Context) -> Layer | None:
    """The layer of an op; None when its result is its operand in another shape.

    Raises:
        CompileError: NL308 for an op that has no hardware.
    """
    writer = _WRITERS.get(type(op))
    if writer is None:
        raise CompileError(
            "NL308",
            f"{op.name} has no C++",
            origin=op.origin_name,
            supported=", ".join(SUPPORTED),
            hint="a pass must lower it first",
        )
    return writer(op, context) if op.result_format.width else _zero(op, context)


def _zero(op: NetloomOp, context: Context) -> Layer:
    """A result of no bits is zero."""
    body = loop(context.vendor, "i", elements(op.results[0]), [f"y[i] = number<{context.result}>(0);"])
    return Layer(("The constant zero.", f"Gives {describe(op.results[0])}."), (), tuple(body))
