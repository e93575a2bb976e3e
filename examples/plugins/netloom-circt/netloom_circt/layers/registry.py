"""Which function writes the layer of which op."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
from netloom_circt.circuit import Bits
from netloom_circt.layers import elementwise, tables, trees
from netloom_circt.layers.body import Body
from netloom_circt.layers.kernel import kernel
from netloom_circt.layers.products import products
from netloom_circt.layers.wiring import wiring

WRITERS: Mapping[type[NetloomOp], Callable[[Body], list[Bits]]] = {
    KernelOp: kernel,
    CastOp: elementwise.cast,
    AddOp: elementwise.add,
    SubOp: elementwise.add,
    MulOp: elementwise.multiply,
    MinOp: elementwise.extreme,
    MaxOp: elementwise.extreme,
    ReluOp: elementwise.relu,
    PReluOp: elementwise.prelu,
    LookupOp: tables.lookup,
    ThresholdOp: tables.threshold,
    ReduceOp: trees.reduce,
    ArgMaxOp: trees.argmax,
    HardmaxOp: trees.hardmax,
    MatMulOp: products,
    DenseOp: products,
    ReshapeOp: wiring,
    TransposeOp: wiring,
    ConcatOp: wiring,
    SliceOp: wiring,
    GatherOp: wiring,
    BroadcastOp: wiring,
}
"""What an op's writer returns are the elements of the result, in any width that holds them."""
