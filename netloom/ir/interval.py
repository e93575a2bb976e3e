"""Exact intervals of mantissas, per element: the arithmetic behind result widths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format

Ints = NDArray[np.int64]

LIMIT = float(2**62)
"""Magnitudes stay below this, so that int64 arithmetic on them is exact."""


def thinned(array: Ints, keep: int = 0) -> Ints:
    """The array with size 1 along the axes on which it is stored once; the last `keep` axes stay."""
    last = array.ndim - keep
    index = tuple(
        slice(0, 1) if axis < last and stride == 0 and size > 1 else slice(None)
        for axis, (stride, size) in enumerate(zip(array.strides, array.shape, strict=True))
    )
    return array[index]


def collapsed(array: Ints) -> Ints:
    """The same array, stored once along every axis on which its elements are equal."""
    small = thinned(array)
    for axis in range(small.ndim):
        first = small[(slice(None),) * axis + (slice(0, 1),)]
        if small.shape[axis] > 1 and bool(np.all(small == first)):
            small = first
    return np.broadcast_to(small, array.shape)


@dataclass(frozen=True, eq=False)
class Interval:
    """Smallest and largest mantissa of each element of a tensor, at a given fraction.

    Images have millions of elements and few different intervals: arrays may be stored once along an axis on
    which they are equal (numpy.broadcast_to), and rules keep to that where it counts (`thin`).
    """

    low: Ints
    high: Ints

    @staticmethod
    def of_format(number_format: Format, shape: Sequence[int]) -> Interval:
        """Everything that `number_format` can hold."""
        low = np.broadcast_to(np.int64(number_format.min_mantissa), tuple(shape))
        high = np.broadcast_to(np.int64(number_format.max_mantissa), tuple(shape))
        return Interval(low, high)

    @staticmethod
    def point(values: Ints) -> Interval:
        """A constant."""
        return Interval(values, values)

    def thin(self, keep: int = 0) -> Interval:
        """With size 1 along the axes on which both bounds are stored once; the last `keep` axes stay."""
        low, high = thinned(self.low, keep), thinned(self.high, keep)
        shape = np.broadcast_shapes(low.shape, high.shape)
        return Interval(np.broadcast_to(low, shape), np.broadcast_to(high, shape))

    def collapsed(self) -> Interval:
        """The same interval, each bound stored once along the axes on which it is equal."""
        return Interval(collapsed(self.low), collapsed(self.high))

    def spread(self, shape: Sequence[int]) -> Interval:
        """Repeated to a larger shape, stored once."""
        return Interval(np.broadcast_to(self.low, tuple(shape)), np.broadcast_to(self.high, tuple(shape)))

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest mantissa over all elements."""
        if self.low.size == 0:
            return 0, 0
        return int(thinned(self.low).min()), int(thinned(self.high).max())

    @property
    def magnitude(self) -> int:
        """Largest absolute mantissa."""
        return max(abs(bound) for bound in self.bounds)

    def format(self, fraction: int) -> Format:
        """The narrowest format with `fraction` fraction bits that holds every element."""
        return Format.for_range(*self.bounds, fraction)

    def clamp(self, number_format: Format) -> Interval:
        """The interval after saturation to a format of the same fraction."""
        low, high = number_format.min_mantissa, number_format.max_mantissa
        thin = Interval(np.clip(thinned(self.low), low, high), np.clip(thinned(self.high), low, high))
        return thin.spread(self.low.shape)

    def shifted(self, bits: int, origin: str) -> Interval:
        """Multiplied by 2^bits, bits >= 0."""
        if bits == 0:
            return self
        check_width(float(self.magnitude) * 2.0**bits, origin)
        return Interval(self.low << bits, self.high << bits)


def check_width(magnitude: float, origin: str, operands: str = "") -> None:
    """Refuse a value whose magnitude passes 2^62.

    Raises:
        CompileError: NL303, naming the operation and the width that would be needed.
    """
    if magnitude < LIMIT:
        return
    width = int(np.ceil(np.log2(magnitude))) + 1
    raise CompileError(
        "NL303",
        f"the exact result needs about {width} bits{operands}",
        origin=origin,
        supported="values of up to 63 bits",
        hint="choose a narrower precision for this layer's inputs or weights",
    )


def total(a: Interval, b: Interval, origin: str) -> Interval:
    """Elementwise sum (numpy broadcasting)."""
    check_width(float(a.magnitude) + float(b.magnitude), origin)
    return Interval(a.low + b.low, a.high + b.high)


def negated(a: Interval) -> Interval:
    """-a, for magnitudes below 2^63."""
    return Interval(-a.high, -a.low)


def product(a: Interval, b: Interval, origin: str) -> Interval:
    """Elementwise product (numpy broadcasting)."""
    check_width(float(a.magnitude) * float(b.magnitude), origin)
    corners = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high]
    return Interval(np.minimum.reduce(corners), np.maximum.reduce(corners))


def matrix_product(a: Interval, b: Interval, origin: str) -> Interval:
    """Matrix product in the numpy sense of matmul; the sums of elementwise bounds are exact."""
    leading = np.broadcast_shapes(a.low.shape[:-2], b.low.shape[:-2])
    shape = (*leading, a.low.shape[-2], b.low.shape[-1])
    return _matrix_product(a.thin(keep=1), b.thin(keep=2), origin).spread(shape)


def _matrix_product(a: Interval, b: Interval, origin: str) -> Interval:
    magnitude = float(
        np.max(
            np.matmul(
                np.maximum(np.abs(a.low), np.abs(a.high)).astype(np.float64),
                np.maximum(np.abs(b.low), np.abs(b.high)).astype(np.float64),
            ),
            initial=0.0,
        )
    )
    check_width(magnitude, origin)
    if np.array_equal(b.low, b.high):
        return _times_constant(a, b.low, magnitude)
    if np.array_equal(a.low, a.high):
        flipped = _times_constant(_transposed(b), np.swapaxes(a.low, -1, -2), magnitude)
        return _transposed(flipped)
    terms = product(
        Interval(a.low[..., :, :, None], a.high[..., :, :, None]),
        Interval(b.low[..., None, :, :], b.high[..., None, :, :]),
        origin,
    )
    return Interval(terms.low.sum(axis=-2), terms.high.sum(axis=-2))


def _times_constant(a: Interval, matrix: Ints, magnitude: float) -> Interval:
    # Sums of integers below 2^52 are exact in float64, which has the fast products.
    kind: type[np.generic] = np.float64 if magnitude < 2.0**52 else np.int64
    positive, negative = np.maximum(matrix, 0).astype(kind), np.minimum(matrix, 0).astype(kind)
    below, above = a.low.astype(kind), a.high.astype(kind)
    low = np.matmul(below, positive) + np.matmul(above, negative)
    high = np.matmul(above, positive) + np.matmul(below, negative)
    return Interval(low.astype(np.int64), high.astype(np.int64))


def _transposed(a: Interval) -> Interval:
    return Interval(np.swapaxes(a.low, -1, -2), np.swapaxes(a.high, -1, -2))
