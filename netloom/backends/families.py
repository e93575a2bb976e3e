"""The ops that have parallel hardware, in families that a printer writes alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from netloom.core.diagnostics import CompileError
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp, LutNetworkOp
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
from netloom.ir.tree import EnsembleOp

FAMILIES: Mapping[str, tuple[type[NetloomOp], ...]] = {
    "kernel": (KernelOp,),
    "elementwise": (CastOp, AddOp, SubOp, MulOp, MinOp, MaxOp, ReluOp, PReluOp),
    "lut_network": (LutNetworkOp,),
    "lookup": (LookupOp,),
    "threshold": (ThresholdOp,),
    "reduce": (ReduceOp,),
    "argmax": (ArgMaxOp, HardmaxOp),
    "matmul": (MatMulOp,),
    "dense": (DenseOp,),
    "ensemble": (EnsembleOp,),
    "wiring": (ReshapeOp, TransposeOp, ConcatOp, SliceOp, GatherOp, BroadcastOp),
}
"""Name of a family to its ops."""

Writer = TypeVar("Writer")


def writer_of(op: NetloomOp, writers: Mapping[str, Writer], language: str) -> Writer:
    """The writer of an op's family.

    Args:
        op: what becomes hardware.
        writers: a writer for each of `FAMILIES`.
        language: what they write, for the message.

    Raises:
        CompileError: NL308 for an op of no family.
    """
    for family, ops in FAMILIES.items():
        if type(op) in ops:
            return writers[family]
    raise CompileError(
        "NL308",
        f"{op.name} has no {language}",
        origin=op.origin_name,
        supported=", ".join(sorted(each.name for ops in FAMILIES.values() for each in ops)),
        hint="a pass must lower it first",
    )
