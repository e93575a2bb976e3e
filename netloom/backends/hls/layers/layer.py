"""What every layer has: operands, constant tables and the body of one function."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from xdsl.ir import SSAValue

from netloom.backends.hls.text import Table
from netloom.backends.hls.vendor import Vendor
from netloom.core.fixed import Format
from netloom.ir.attributes import format_of, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.interval import Interval

Intervals = Mapping[SSAValue, Interval]


@dataclass(frozen=True)
class Context:
    """What a layer's text depends on beside its op.

    Attributes:
        vendor: number types and pragmas.
        name: of the layer, in front of its tables' names.
        result: name of the result's number type.
        types: name of the number type of each operand.
        intervals: range of every value.
    """

    vendor: Vendor
    name: str
    result: str
    types: tuple[str, ...]
    intervals: Intervals


@dataclass(frozen=True)
class Operand:
    """A parameter of a layer: its name and the op's operand that it takes."""

    port: str
    index: int


@dataclass(frozen=True)
class Layer:
    """One function.

    Attributes:
        summary: comment lines that say what it computes.
        operands: parameters that it reads.
        body: its statements.
        tables: constants.
        memories: tables that are not logic: name to how many entries are read at once from one block
            memory, 0 where the tool may choose.
        multipliers: most multipliers it may use, where they are shared; else 0.
    """

    summary: tuple[str, ...]
    operands: tuple[Operand, ...]
    body: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    memories: Mapping[str, int] = field(default_factory=dict)
    multipliers: int = 0


def elements(value: SSAValue) -> int:
    """Number of elements of a tensor."""
    return math.prod(shape_of(value.type))


def number_format(value: SSAValue) -> Format:
    """Format of a tensor's elements."""
    found = format_of(value.type)
    assert found is not None
    return found


def describe(value: SSAValue) -> str:
    """Shape and format of a tensor, for a comment."""
    shape = " x ".join(map(str, shape_of(value.type))) or "scalar"
    return f"{shape} of {format_of(value.type)}"


def ports(op: NetloomOp) -> tuple[str, ...]:
    """Names of the operands: `x`; `a` and `b`; or `x0`, `x1`, ..."""
    count = len(op.operands)
    if count == 1:
        return ("x",)
    return ("a", "b") if count == 2 else tuple(f"x{n}" for n in range(count))
