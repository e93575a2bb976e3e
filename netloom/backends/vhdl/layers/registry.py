"""Which function writes the layer of which op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netloom.backends.families import writer_of
from netloom.backends.vhdl.layers.elementwise import elementwise
from netloom.backends.vhdl.layers.kernel import kernel
from netloom.backends.vhdl.layers.layer import Intervals, Layer, bits, describe
from netloom.backends.vhdl.layers.lut_network import lut_network
from netloom.backends.vhdl.layers.products import products
from netloom.backends.vhdl.layers.shared import dense
from netloom.backends.vhdl.layers.tables import lookup, threshold
from netloom.backends.vhdl.layers.tree import ensemble
from netloom.backends.vhdl.layers.trees import argmax, reduce
from netloom.backends.vhdl.layers.wiring import wiring
from netloom.ir.base import NetloomOp

_WRITERS: Mapping[str, Callable[[Any, Intervals], Layer | None]] = {
    "kernel": kernel,
    "lut_network": lut_network,
    "elementwise": elementwise,
    "lookup": lookup,
    "threshold": threshold,
    "reduce": reduce,
    "argmax": argmax,
    "matmul": products,
    "dense": dense,
    "wiring": wiring,
    "ensemble": ensemble,
}


def layer_for(op: NetloomOp, intervals: Intervals) -> Layer | None:
    """The layer of an op; None when its result is its operand in another shape.

    Raises:
        CompileError: NL308 for an op that has no hardware.
    """
    writer = writer_of(op, _WRITERS, "VHDL")
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
