"""Elementwise ops: pairs of formats, broadcasting, constants, squares, rectifiers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from netloom.core.fixed import Format
from netloom.ir.base import NetloomOp
from netloom.ir.nn import AddOp, MaxOp, MinOp, MulOp, PReluOp, ReluOp, SubOp
from netloom.testing.battery.formats import SHAPES_OF_FORMATS, of_width, signed, unsigned
from netloom.testing.cases import Case
from netloom.testing.program import Port, Program

BINARY: tuple[type[NetloomOp], ...] = (AddOp, SubOp, MulOp, MinOp, MaxOp)

PAIRS = (
    (signed(6, 2), unsigned(5, 4)),
    (unsigned(3, -1), unsigned(9, 2)),
    (signed(1, 1), signed(32, 3)),
    (unsigned(1, 1), signed(4, 7)),
    (signed(31, 3), unsigned(29, 9)),
    (signed(5, -6), signed(7, 12)),
)

SHAPES = (((3, 4), (4,)), ((3, 1), (3, 4)), ((2, 3, 2), ()), ((1, 4), (3, 1)))
"""Shapes of two operands that broadcast."""

CONSTANTS: tuple[tuple[Any, Format], ...] = (
    ([[3], [-4]], signed(4, 1)),
    (-7, signed(4, 3)),
    (0, unsigned(1, 1)),
    ([-(2**40), 5, 2**39], signed(42, 20)),
)
"""Mantissas and formats of constant operands for a tensor of shape [2, 3]."""

SLOPES: tuple[tuple[Any, Format], ...] = (
    ([[1], [3]], unsigned(3, 0)),
    ([-3, 0, 2], signed(3, 1)),
    (1, unsigned(1, 0)),
)
"""Mantissas and formats of the slopes of leaky rectifiers."""


def _binary(op: type[NetloomOp], program: Program, a: SSAValue, b: SSAValue) -> SSAValue:
    return program.add(op, a, b)


def binary_case(op: type[NetloomOp], left: Port, right: Port) -> Case:
    """An op on two ports."""
    return Case(f"{op.name} {left}, {right}", op.name, (left, right), partial(_binary, op))


def _with_constant(
    op: type[NetloomOp], mantissas: Any, of: Format, first: bool, program: Program, x: SSAValue
) -> SSAValue:
    constant = program.constant(mantissas, of)
    return program.add(op, constant, x) if first else program.add(op, x, constant)


def constant_case(op: type[NetloomOp], port: Port, mantissas: Any, of: Format, first: bool) -> Case:
    """An op on a port and a constant."""
    operands = f"constant {of}{list(np.shape(mantissas))}, {port}"
    name = f"{op.name} {operands if first else ', '.join(reversed(operands.split(', ', 1)))}"
    return Case(name, op.name, (port,), partial(_with_constant, op, mantissas, of, first))


def _square(op: type[NetloomOp], program: Program, x: SSAValue) -> SSAValue:
    return program.add(op, x, x)


def elementwise() -> Sequence[Case]:
    """All of them."""
    found = [binary_case(op, Port((6,), a), Port((6,), b)) for op in BINARY for a, b in PAIRS]
    for (shape, other_shape), (a, b) in zip(SHAPES, PAIRS, strict=False):
        found += [binary_case(op, Port(shape, a), Port(other_shape, b)) for op in BINARY]
    x = Port((2, 3), signed(7, 3))
    for op in BINARY:
        found += [constant_case(op, x, *constant, first=False) for constant in CONSTANTS]
        found.append(constant_case(op, x, *CONSTANTS[0], first=True))
    for op in BINARY:
        port = Port((5,), signed(5, 2))
        found.append(Case(f"{op.name} {port} with itself", op.name, (port,), partial(_square, op)))
    for width in range(1, 33):
        first, second = of_width(width)
        op = BINARY[width % len(BINARY)]
        left, right = (first, second) if width % 2 else (second, first)
        right = Format(right.width, max(right.integer, left.integer - 8), right.signed)
        if op is not MulOp or width < 31:
            found.append(binary_case(op, Port((6,), left), Port((6,), right)))
    return [*found, *rectifiers()]


def rectifiers() -> Sequence[Case]:
    """nn.relu on every kind of format, nn.prelu with several slopes."""
    found = [
        Case(
            f"nn.relu {source}",
            "nn.relu",
            (Port((6,), source),),
            lambda program, x: program.add(ReluOp, x),
        )
        for source in SHAPES_OF_FORMATS
    ]
    for source in (signed(7, 3), unsigned(4, 2), signed(1, 1), signed(30, -2)):
        for slope, of in SLOPES:
            port = Port((2, 3), source)
            found.append(constant_case(PReluOp, port, slope, of, first=False))
    return found
