"""A streaming plan: steps between tokens, before stages are formed and ops are made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import Attribute, SSAValue

from netloom.core.fixed import Format
from netloom.ir.attributes import StreamType
from netloom.ir.base import NetloomOp, Shape

Ints = NDArray[np.int64]


def beats_of(shape: Shape, axes: int) -> int:
    """Beats of a tensor whose first `axes` axes count them."""
    return math.prod(shape[:axes])


def axes_for(shape: Shape, beats: int) -> int | None:
    """The most leading axes that count `beats` beats, leaving one axis for a beat's elements; or None."""
    last = max(len(shape) - 1, 0)
    fitting = [axes for axes in range(last + 1) if beats_of(shape, axes) == beats]
    return fitting[-1] if fitting else None


@dataclass(eq=False)
class Token:
    """A tensor that moves as a stream.

    Attributes:
        shape: of the whole tensor.
        format: of its elements.
        axes: how many leading axes count the beats.
        step: what makes it; None for an input.
    """

    shape: Shape
    format: Format
    axes: int
    step: Step | None = None
    users: list[Step] = field(default_factory=list)
    leaves: bool = False

    @property
    def beats(self) -> int:
        """Beats in a frame."""
        return beats_of(self.shape, self.axes)

    @property
    def elements(self) -> int:
        """Elements in a beat."""
        return math.prod(self.shape) // self.beats

    @property
    def type(self) -> StreamType:
        """The stream's type."""
        return StreamType.of(self.shape, self.format, self.axes)


Operand = Token | SSAValue
"""A stream, or a constant of the program."""


@dataclass(eq=False)
class Step:
    """One thing that is done to streams.

    Attributes:
        kind: `beat` (an op on each beat), `wires` (elements of a beat picked by `picked`), or the name of an
            op of dialect `flow`.
        operands: what it reads.
        result: what it makes.
        op: the op of the program that it comes from.
        picked: for `wires`, the element of the operand's beat for each element of the result's.
        properties: of the op of dialect `flow`.
    """

    kind: str
    operands: Sequence[Operand]
    result: Token
    op: NetloomOp
    picked: Ints | None = None
    properties: Mapping[str, Attribute] = field(default_factory=dict)

    @property
    def on_beats(self) -> bool:
        """Whether it may be part of a stage."""
        return self.kind in ("beat", "wires")


@dataclass(eq=False)
class Wires:
    """Elements of a token moved about, not yet in hardware: element i is element `moved[i]` of the root.

    `moved` is None where all elements stay in order.
    """

    root: Token
    moved: Ints | None
    shape: Shape
    format: Format
    op: NetloomOp

    @property
    def source(self) -> Ints:
        """The root's element for each element."""
        return np.arange(math.prod(self.shape), dtype=np.int64) if self.moved is None else self.moved

    def after(self, op: NetloomOp, elements: Ints | None) -> Wires:
        """What an op makes of it that takes element elements[i] for element i, or all in order."""
        same = elements is None or np.array_equal(elements, np.arange(math.prod(self.shape)))
        moved = self.moved if same else self.source[elements]
        return Wires(self.root, moved, op.result_shape, op.result_format, op)

    @property
    def keeps_order(self) -> bool:
        """Whether the elements are the root's, in its order and format: only their shape is another."""
        return self.moved is None and self.format == self.root.format

    @property
    def crosses_beats(self) -> bool:
        """Whether no leading axes count the root's beats."""
        return axes_for(self.shape, self.root.beats) is None


class Plan:
    """The steps in order, made one by one."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    @property
    def most_beats(self) -> int:
        """Beats in a frame of the stream that has most of them: no frame takes fewer cycles."""
        streams = {step.result for step in self.steps}
        streams |= {operand for step in self.steps for operand in step.operands if isinstance(operand, Token)}
        return max((token.beats for token in streams), default=1)

    def add(self, kind: str, operands: Sequence[Operand], result: Token, op: NetloomOp, **more: Any) -> Token:
        """A new step; its result."""
        step = Step(kind, operands, result, op, **more)
        result.step = step
        for operand in operands:
            if isinstance(operand, Token):
                operand.users.append(step)
        self.steps.append(step)
        return result
