"""Reductions over axes, and the largest element along one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from xdsl.ir import SSAValue

from netloom.ir.base import NetloomOp
from netloom.ir.nn import ArgMaxOp, HardmaxOp, ReduceOp
from netloom.testing.battery.formats import signed, unsigned
from netloom.testing.cases import Case
from netloom.testing.program import Port, Program

AXES = ([2], [0], [0, 2], [-2], [0, 1, 2])
REDUCED = (
    Port((2, 5, 3), signed(6, 2)),
    Port((2, 3, 2), unsigned(5, -1)),
    Port((1, 4, 1), signed(1, 1)),
    Port((2, 2, 7), signed(32, 40)),
)
COMPARED = (
    Port((3, 7), signed(3, 2)),
    Port((2, 3, 2), unsigned(2, 2)),
    Port((4, 1), signed(5, 1)),
    Port((2, 4), unsigned(1, 0)),
    Port((1, 3), signed(32, -1)),
)


def reduce_case(port: Port, kind: str, axes: list[int], keep_axes: bool) -> Case:
    """A sum, a maximum or a minimum."""

    def build(program: Program, x: SSAValue) -> SSAValue:
        return program.add(ReduceOp, x, kind=kind, axes=axes, keep_axes=keep_axes)

    name = f"nn.reduce {kind} of {port} over axes {axes}{', kept' if keep_axes else ''}"
    return Case(name, "nn.reduce", (port,), build)


def argmax_case(op: type[NetloomOp], port: Port, axis: int, keep_axes: bool | None) -> Case:
    """Index or one-hot code of the largest element; ties go to the first."""

    def build(program: Program, x: SSAValue) -> SSAValue:
        return program.add(op, x, axis=axis, keep_axes=keep_axes)

    name = f"{op.name} {port} along axis {axis}{', kept' if keep_axes else ''}"
    return Case(name, op.name, (port,), build)


def trees() -> Sequence[Case]:
    """All of them."""
    kinds = itertools.product(REDUCED, ("sum", "max", "min"), AXES)
    found = [reduce_case(port, kind, axes, len(axes) == 2) for port, kind, axes in kinds]
    for port in COMPARED:
        for axis in (0, -1, -2):
            found.append(argmax_case(ArgMaxOp, port, axis, axis == 0))
            found.append(argmax_case(HardmaxOp, port, axis, None))
    return found
