"""Chains of elementwise real functions between a fixed-point value and a quantizer.

Such a chain maps each integer to a level. Where it is monotone, it is exactly a list of thresholds
per channel, found by bisection over the integers with the chain's own meaning in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import Operation, SSAValue

from netloom.ir.attributes import shape_of
from netloom.ir.base import NetloomOp, interval_of
from netloom.ir.functions import FUNCTIONS
from netloom.ir.fx import ConstantOp, DequantizeOp
from netloom.ir.interval import Ints
from netloom.ir.nn import (
    AddOp,
    BatchNormOp,
    DivOp,
    FunctionOp,
    MaxOp,
    MinOp,
    MulOp,
    PReluOp,
    QuantOp,
    ReluOp,
    SubOp,
)

AFFINE = (AddOp, SubOp, MulOp, DivOp, MaxOp, MinOp, PReluOp)
Real = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Chain:
    """Elementwise ops from `source` (excluded) to the quantizer (excluded), in order."""

    source: SSAValue
    ops: tuple[NetloomOp, ...]

    def evaluate(self, x: Real) -> Real:
        """The chain on real values of shape [..., *p], p broadcasting against the tensor."""
        with np.errstate(all="ignore"):  # what has no value is NaN, and refused by the caller
            for op in self.ops:
                constants = [constant_value(operand) for operand in op.operands]
                x = op.evaluate([x if constant is None else constant[None] for constant in constants])
        return x

    @property
    def parameters(self) -> list[tuple[int, ...]]:
        """Shapes of all constants in the chain."""
        constants = [constant_value(operand) for op in self.ops for operand in op.operands]
        shapes = [constant.shape for constant in constants if constant is not None]
        norms = [op.factors()[0].shape for op in self.ops if isinstance(op, BatchNormOp)]
        return [*shapes, *norms]

    @property
    def monotone(self) -> bool:
        """Whether every link is monotone in each channel."""
        return all(_is_monotone(op) for op in self.ops)


def _is_monotone(op: NetloomOp) -> bool:
    if isinstance(op, FunctionOp):
        return FUNCTIONS[op.function.data].direction != 0
    if isinstance(op, PReluOp):
        slope = constant_value(op.slope)
        return slope is not None and bool(np.all(slope >= 0))
    if isinstance(op, DivOp):
        return constant_value(op.rhs) is not None
    return True


def is_constant(value: SSAValue) -> bool:
    """Whether a value is a real constant."""
    return isinstance(value.owner, ConstantOp) and not value.owner.is_fixed


def constant_of(value: SSAValue) -> NDArray[np.float64]:
    """Elements of a real constant, in float64."""
    owner = value.owner
    if not isinstance(owner, ConstantOp):
        raise TypeError("not a constant")
    return owner.value.reals()


def constant_value(value: SSAValue) -> NDArray[np.float64] | None:
    """Elements of a real constant or of a dequantized one, in float64; None for what varies."""
    owner = value.owner
    if isinstance(owner, DequantizeOp) and isinstance(owner.input.owner, ConstantOp):
        return owner.evaluate([owner.input.owner.value.ints()])
    return constant_of(value) if is_constant(value) else None


def ends_in_quantizer(value: SSAValue) -> bool:
    """Whether every use of a real value is a quantizer, or a link of a chain that ends in some."""
    users = [use.operation for use in value.uses]
    return bool(users) and all(
        isinstance(user, QuantOp) or (_continues(user, value) and ends_in_quantizer(user.results[0]))
        for user in users
    )


def _continues(user: Operation, value: SSAValue) -> bool:
    link = _link(user.results[0]) if user.results else None
    return link is not None and link[1] is value


def chain_to(value: SSAValue) -> Chain:
    """The longest elementwise chain that ends in `value`."""
    ops: list[NetloomOp] = []
    while (step := _link(value)) is not None:
        op, operand = step
        ops.append(op)
        value = operand
    return Chain(value, tuple(reversed(ops)))


def _link(value: SSAValue) -> tuple[NetloomOp, SSAValue] | None:
    """The op that makes `value` and its only varying operand, if it is a link of a chain."""
    op = value.owner
    if isinstance(op, ReluOp | FunctionOp | BatchNormOp):
        return op, op.operands[0]
    if not isinstance(op, AFFINE):
        return None
    varying = [operand for operand in op.operands if constant_value(operand) is None]
    if len(varying) != 1 or shape_of(varying[0].type) != shape_of(value.type):
        return None
    return op, varying[0]


@dataclass(frozen=True, eq=False)
class Steps:
    """A step function of integers: base + sign * count of thresholds reached (per channel)."""

    thresholds: Ints
    base: Ints
    sign: Ints


def step_function(
    chain: Chain, quantize: Callable[[Real], Real], parameters: Sequence[tuple[int, ...]]
) -> Steps | None:
    """The exact step function of `quantize(chain(x))` over the integers of the chain's source.

    Args:
        chain: a monotone chain whose source is an `fx.dequantize`.
        quantize: real values to integer levels, elementwise and monotone.
        parameters: shapes of the quantizer's own parameters.

    Returns:
        None when the chain is not monotone.

    Raises:
        ValueError: a function of the chain has no value on some of the integers.
    """
    dequantize = chain.source.owner
    if not isinstance(dequantize, DequantizeOp) or not chain.monotone:
        return None
    shape = parameter_shape(chain, dequantize, parameters)

    def level(mantissas: Ints) -> Ints:
        return finite_levels(quantize(chain.evaluate(dequantize.evaluate([mantissas]))))

    low, high = interval_of(dequantize.input).bounds
    ends = np.array([low, high], dtype=np.int64).reshape(2, *([1] * len(shape)))
    first, last = level(np.broadcast_to(ends, (2, *shape)))
    sign = np.where(last >= first, 1, -1)
    count = max(int(np.abs(last - first).max(initial=0)), 1)  # one that is never reached, at least
    steps = np.arange(1, count + 1).reshape(-1, *([1] * len(shape)))
    reached = _bisect(level, sign, first + sign * steps, low, high, (count, *shape))
    return Steps(np.moveaxis(reached, 0, -1), first, sign)


def parameter_shape(
    chain: Chain, dequantize: DequantizeOp, parameters: Sequence[tuple[int, ...]]
) -> tuple[int, ...]:
    """The smallest shape that all parameters broadcast to, at the tensor's rank."""
    rank = len(dequantize.result_shape)
    own = [dequantize.scale.values.shape, dequantize.offset.values.shape]
    every = [*own, *chain.parameters, *parameters]
    return tuple(np.broadcast_shapes((1,) * rank, *every))


def finite_levels(levels: Real) -> Ints:
    """Levels as integers.

    Raises:
        ValueError: some function of the chain has no value there.
    """
    if not np.all(np.isfinite(levels)):
        raise ValueError("a function has no value on some inputs")
    return np.asarray(levels).astype(np.int64)


def _bisect(
    level: Callable[[Ints], Ints],
    sign: Ints,
    wanted: Ints,
    low: int,
    high: int,
    shape: tuple[int, ...],
) -> Ints:
    """Smallest mantissa in [low, high + 1] from which `level` has reached `wanted`."""
    left = np.full(shape, low, dtype=np.int64)
    right = np.full(shape, high + 1, dtype=np.int64)
    if not left.size:
        return left
    while np.any(left < right):
        middle = (left + right) >> 1
        reached = (level(middle) - wanted) * sign >= 0
        active = left < right
        right = np.where(active & reached, middle, right)
        left = np.where(active & ~reached, middle + 1, left)
    return left
