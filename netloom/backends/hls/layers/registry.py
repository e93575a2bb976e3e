"""Which function writes the layer of which op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netloom.backends.families import writer_of
from netloom.backends.hls.layers.elementwise import elementwise
from netloom.backends.hls.layers.kernel import kernel
from netloom.backends.hls.layers.layer import Context, Layer, describe, elements
from netloom.backends.hls.layers.lut_network import lut_network
from netloom.backends.hls.layers.products import dense, matmul
from netloom.backends.hls.layers.tables import lookup, threshold
from netloom.backends.hls.layers.tree import ensemble
from netloom.backends.hls.layers.trees import argmax, reduce
from netloom.backends.hls.layers.wiring import wiring
from netloom.backends.hls.text import loop
from netloom.ir.base import NetloomOp

_WRITERS: Mapping[str, Callable[[Any, Context], Layer | None]] = {
    "kernel": kernel,
    "lut_network": lut_network,
    "elementwise": elementwise,
    "lookup": lookup,
    "threshold": threshold,
    "reduce": reduce,
    "argmax": argmax,
    "matmul": matmul,
    "dense": dense,
    "wiring": wiring,
    "ensemble": ensemble,
}


def layer_for(op: NetloomOp, context: Context) -> Layer | None:
    """The layer of an op; None when its result is its operand in another shape.

    Raises:
        CompileError: NL308 for an op that has no hardware.
    """
    writer = writer_of(op, _WRITERS, "C++")
    return writer(op, context) if op.result_format.width else _zero(op, context)


def _zero(op: NetloomOp, context: Context) -> Layer:
    """A result of no bits is zero."""
    body = loop(context.vendor, "i", elements(op.results[0]), [f"y[i] = number<{context.result}>(0);"])
    return Layer(("The constant zero.", f"Gives {describe(op.results[0])}."), (), tuple(body))
