"""Operands and random mantissas for tests of single ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.dialects.builtin import BoolAttr, IntegerAttr, StringAttr
from xdsl.ir import SSAValue
from xdsl.utils.test_value import create_ssa_value

from netloom.core.fixed import Format, to_real
from netloom.ir.attributes import ArrayAttr, fixed_tensor, format_of, real_tensor, shape_of
from netloom.ir.interval import Interval

Ints = NDArray[np.int64]


def array(*values: Any) -> ArrayAttr:
    return ArrayAttr.of(np.array(values[0] if len(values) == 1 else values))


def word(text: str) -> StringAttr:
    return StringAttr(text)


def whole(value: int) -> IntegerAttr:
    return IntegerAttr(value, 64)


def flag(value: bool) -> BoolAttr:
    return BoolAttr.from_bool(value)


def fixed(shape: Sequence[int], number_format: Format) -> SSAValue:
    return create_ssa_value(fixed_tensor(shape, number_format))


def real(shape: Sequence[int]) -> SSAValue:
    return create_ssa_value(real_tensor(shape))


def format_(value: SSAValue) -> Format:
    number_format = format_of(value.type)
    assert number_format is not None
    return number_format


def as_real(values: SSAValue) -> SSAValue:
    """A real operand of the same shape."""
    return real(shape_of(values.type))


def reals_of(mantissas: Ints, value: SSAValue) -> NDArray[np.float64]:
    return to_real(mantissas, format_(value))


@st.composite
def formats(draw: st.DrawFn, max_width: int = 10) -> Format:
    width = draw(st.integers(1, max_width))
    return Format(width, draw(st.integers(-3, width + 3)), draw(st.booleans()))


@st.composite
def intervals(draw: st.DrawFn, value: SSAValue) -> Interval:
    """Some interval within the format of a value, or all of it."""
    shape, limits = shape_of(value.type), format_(value)
    if draw(st.booleans()):
        return Interval.of_format(limits, shape)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    ends = random.integers(limits.min_mantissa, limits.max_mantissa, (2, *shape), endpoint=True)
    return Interval(ends.min(axis=0), ends.max(axis=0))


def samples(interval: Interval, seed: int, count: int = 12) -> Ints:
    """Mantissas within an interval, with a batch axis: all lowest, all highest, and random ones."""
    random = np.random.default_rng(seed)
    low, high = np.asarray(interval.low), np.asarray(interval.high)
    drawn = random.integers(low, high, (count, *low.shape), endpoint=True)
    corners = np.where(random.integers(0, 2, (count, *low.shape)) == 0, low, high)
    return np.concatenate([low[None], high[None], drawn, corners])
