"""Ops that move elements, constants, and values that are ports and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from xdsl.ir import SSAValue

from netloom.ir.base import NetloomOp
from netloom.ir.nn import BroadcastOp, ConcatOp, GatherOp, ReshapeOp, SliceOp, TransposeOp
from netloom.testing.battery.formats import SHAPES_OF_FORMATS, signed, unsigned
from netloom.testing.cases import Case
from netloom.testing.program import Port, Program

MOVES: tuple[tuple[type[NetloomOp], Mapping[str, Any]], ...] = (
    (ReshapeOp, {"shape": [4, 6]}),
    (ReshapeOp, {"shape": [24]}),
    (TransposeOp, {"permutation": [2, 0, 1]}),
    (TransposeOp, {"permutation": [0, 2, 1]}),
    (SliceOp, {"starts": [0, 2, 3], "sizes": [2, 2, 2], "steps": [1, -2, -3]}),
    (SliceOp, {"starts": [1, 0, 1], "sizes": [1, 3, 2], "steps": [1, 1, 2]}),
    (GatherOp, {"indices": [[3, 0], [-1, 1]], "axis": 2}),
    (GatherOp, {"indices": [1, 1, 0, 2], "axis": 1}),
    (BroadcastOp, {"shape": [3, 2, 3, 4]}),
)
"""Ops on a tensor of shape [2, 3, 4]."""

SOURCES = (signed(6, 2), unsigned(1, 0), signed(32, 40))


def _move(op: type[NetloomOp], properties: Mapping[str, Any], program: Program, x: SSAValue) -> SSAValue:
    return program.add(op, x, **properties)


def _join(axis: int, program: Program, *operands: SSAValue) -> SSAValue:
    return program.add(ConcatOp, *operands, axis=axis)


def _join_constant(program: Program, x: SSAValue) -> SSAValue:
    constant = program.constant([[1, 2, 3, -4]], signed(4, 1))
    return program.add(ConcatOp, x, constant, x, axis=0)


def _spread(program: Program, x: SSAValue) -> SSAValue:
    return program.add(BroadcastOp, x, shape=[2, 3])


def wiring() -> Sequence[Case]:
    """All of them."""
    found = [
        Case(
            f"{op.name} {source} {dict(given)}",
            op.name,
            (Port((2, 3, 4), source),),
            partial(_move, op, given),
        )
        for source in SOURCES
        for op, given in MOVES
    ]
    joined = (Port((2, 3, 4), signed(6, 2)), Port((2, 1, 4), unsigned(3, 2)), Port((2, 2, 4), signed(9, -3)))
    found += [
        Case("nn.concat of three formats", "nn.concat", joined, partial(_join, 1)),
        Case("nn.concat of one tensor", "nn.concat", joined[:1], partial(_join, -1)),
        Case("nn.concat with a constant", "nn.concat", (Port((2, 4), unsigned(5, 3)),), _join_constant),
        Case("nn.broadcast of a scalar", "nn.broadcast", (Port((), signed(5, 2)),), _spread),
        Case("nn.broadcast along the last axis", "nn.broadcast", (Port((2, 1), unsigned(5, 2)),), _spread),
    ]
    return [*found, *constants()]


def _constant(program: Program, x: SSAValue) -> SSAValue:
    return program.constant([[5, -3], [0, 7]], signed(4, -1))


def _itself(program: Program, x: SSAValue) -> SSAValue:
    return x


def constants() -> Sequence[Case]:
    """Outputs that are an input or a constant, joined with what is computed so that a port remains."""
    through = [
        Case(f"an input that is an output, {f}", "", (Port((3,), f),), _itself) for f in SHAPES_OF_FORMATS
    ]
    constant = Case("a constant that is an output", "fx.constant", (Port((1,), signed(2, 1)),), _constant)
    return [*through, constant]
