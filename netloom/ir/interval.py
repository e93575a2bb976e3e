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


@dataclass(frozen=True, eq=False)
class Interval:
    """Smallest and largest mantissa of each element of a tensor, at a given fraction."""

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

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest mantissa over all elements."""
        if self.low.size == 0:
            return 0, 0
        return int(self.low.min()), int(self.high.max())

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
        return Interval(np.clip(self.low, low, high), np.clip(self.high, low, high))

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
        return _times_constant(a, b.low)
    if np.array_equal(a.low, a.high):
        flipped = _times_constant(_transposed(b), np.swapaxes(a.low, -1, -2))
        return _transposed(flipped)
    terms = product(
        Interval(a.low[..., :, :, None], a.high[..., :, :, None]),
        Interval(b.low[..., None, :, :], b.high[..., None, :, :]),
        origin,
    )
    return Interval(terms.low.sum(axis=-2), terms.high.sum(axis=-2))


def _times_constant(a: Interval, matrix: Ints) -> Interval:
    positive, negative = np.maximum(matrix, 0), np.minimum(matrix, 0)
    low = np.matmul(a.low, positive) + np.matmul(a.high, negative)
    high = np.matmul(a.high, positive) + np.matmul(a.low, negative)
    return Interval(low, high)


def _transposed(a: Interval) -> Interval:
    return Interval(np.swapaxes(a.low, -1, -2), np.swapaxes(a.high, -1, -2))
