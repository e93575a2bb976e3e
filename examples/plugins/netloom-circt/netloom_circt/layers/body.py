"""What every layer has: elements of its operands, stages of its steps, and a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from xdsl.ir import SSAValue

from netloom.ir.attributes import format_of, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp
from netloom.ir.interval import Interval, Ints
from netloom.passes.analysis.scheduled import stages
from netloom_circt.circuit import Bits, Circuit, literal, wire_bits

Intervals = Mapping[SSAValue, Interval]


@dataclass(frozen=True, eq=False)
class Body:
    """The inside of one layer's module.

    Attributes:
        op: the op.
        circuit: where its logic goes.
        ports: whole operands by index, in stage 0; constants are not among them.
        intervals: what the program's values can be.
    """

    op: NetloomOp
    circuit: Circuit
    ports: Mapping[int, Bits]
    intervals: Intervals

    @cached_property
    def constants(self) -> Mapping[int, list[int]]:
        """Mantissas of the operands that are constant."""
        owners = ((index, operand.owner) for index, operand in enumerate(self.op.operands))
        return {
            index: owner.value.ints().reshape(-1).tolist()
            for index, owner in owners
            if isinstance(owner, ConstantOp)
        }

    @property
    def stages(self) -> list[int]:
        """The stages that the schedule gave to the op's steps."""
        return stages(self.op) or [0]

    @property
    def width(self) -> int:
        """Bits of an element of the result."""
        return wire_bits(self.op.result_format)

    def element(self, index: int, position: int) -> Bits:
        """Element `position` (row-major) of operand `index`."""
        number_format = self.op.operand_formats[index]
        if index in self.constants:
            return literal(self.constants[index][position])
        if not number_format.width:
            return literal(0)
        size = number_format.width
        return self.circuit.part(self.ports[index], position * size, size, signed=number_format.signed)

    def aligned(self, index: int, position: int) -> tuple[Bits, int]:
        """The same, and the left shift that brings it to the result's fraction."""
        shift = self.op.fraction_rule() - self.op.operand_formats[index].fraction
        return self.element(index, position), shift

    def broadcast(self, index: int) -> list[int]:
        """For each element of the result the element of operand `index` that it is computed from."""
        shape = self.op.operand_shapes[index]
        return spread(np.arange(elements(self.op.operands[index])).reshape(shape), self.op.result_shape)


def is_constant(owner: object) -> bool:
    """Whether a value's owner makes it a constant."""
    return isinstance(owner, ConstantOp)


def spread(array: Ints, shape: Sequence[int]) -> list[int]:
    """A parameter broadcast to a shape, row-major."""
    values: list[int] = np.broadcast_to(array, tuple(shape)).reshape(-1).tolist()
    return values


def elements(value: SSAValue) -> int:
    """Number of elements of a tensor."""
    return int(np.prod(shape_of(value.type), dtype=np.int64))


def tensor_bits(value: SSAValue) -> int:
    """Bits of a tensor on wires."""
    number_format = format_of(value.type)
    assert number_format is not None
    return elements(value) * wire_bits(number_format)


def describe(value: SSAValue) -> str:
    """Shape and format of a tensor, for a comment."""
    shape = " x ".join(map(str, shape_of(value.type))) or "scalar"
    return f"{shape} of {format_of(value.type)}"
