"""Thresholds of tree libraries as cuts of the real line, exact for every double.

A cut c stands for the comparison x < c on real numbers.  Libraries compare with < or <=, and some round
x to float32 first (to nearest, halves to the even significand: IEEE 754-2019, 4.3.1).  All of these are
monotone in x, so each has one cut that gives the same answer for every double.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Reals = NDArray[np.float64]

_SIGN = np.int64(np.iinfo(np.int64).min)


def cuts(thresholds: NDArray[Any], *, inclusive: bool = False, rounded_to: DTypeLike = np.float64) -> Reals:
    """Cuts of x < threshold, or of x <= threshold when `inclusive`.

    Args:
        thresholds: of any shape, as the source compares with them.
        inclusive: whether equality goes left.
        rounded_to: type to which the source rounds x before it compares: float32 or float64.
    """
    bound = np.asarray(thresholds, dtype=np.float64)
    if inclusive:
        with np.errstate(over="ignore"):
            bound = np.nextafter(bound, np.inf)
    if np.dtype(rounded_to) == np.float64:
        return bound
    # x rounds to something below `bound` when it rounds below the first float32 that is not.
    with np.errstate(over="ignore"):
        first = bound.astype(np.float32)
        first = np.where(first.astype(np.float64) < bound, np.nextafter(first, np.float32(np.inf)), first)
        before = np.nextafter(first, np.float32(-np.inf))
    found = np.where(first == -np.inf, -np.inf, _middle(before, first))
    # Everything is at most infinite, also what rounds to infinity.
    return np.where(np.equal(thresholds, np.inf) & inclusive, np.inf, found)


def _middle(before: NDArray[np.float32], first: NDArray[np.float32]) -> Reals:
    """The cut between two neighbouring float32; their middle goes to the even one."""
    # What rounds to infinity is what would round to 2**128.
    low, high = (np.clip(end.astype(np.float64), -(2.0**128), 2.0**128) for end in (before, first))
    middle = low + (high - low) / 2
    even = (first.view(np.int32) & 1) == 0
    return np.where(even, middle, np.nextafter(middle, np.inf))


def pulled_back(bounds: Reals, function: Callable[[Reals], Reals]) -> Reals:
    """Cuts of function(x) < bounds, for an elementwise function that never falls.

    The function may round; only its order counts. A bisection over the doubles, at most 64 steps.

    Args:
        bounds: cuts of the function's result.
        function: from an array of the same shape to an array of it.
    """
    low = np.full(bounds.shape, _key(np.array(-np.inf)), dtype=np.int64)
    high = np.full(bounds.shape, _key(np.array(np.inf)), dtype=np.int64)
    while np.any(low < high):
        middle = (low & high) + ((low ^ high) >> 1)  # the mean rounded down, without overflow
        with np.errstate(all="ignore"):
            below = function(_number(middle)) < bounds
        low, high = np.where(below, middle + 1, low), np.where(below, high, middle)
    return _number(low)


def _key(x: Reals) -> NDArray[np.int64]:
    """A number for each double, in their order."""
    bits = np.ascontiguousarray(x, dtype=np.float64).view(np.int64)
    return np.where(bits < 0, _SIGN - bits, bits)


def _number(key: NDArray[np.int64]) -> Reals:
    """The double of a key."""
    return np.where(key < 0, _SIGN - key, key).view(np.float64)


def mantissa_cuts(bounds: Reals, fraction: int, low: int, high: int) -> NDArray[np.int64]:
    """Whole numbers t with m < t exactly where m * 2**-fraction < bounds, for low <= m <= high.

    Below `low` and above `high + 1` all numbers mean the same, so the result lies between these.
    """
    with np.errstate(over="ignore"):
        scaled = np.ldexp(bounds, fraction)
    inside = (scaled > low) & (scaled <= high)
    # Within the format's range a double is exact, and so is its ceiling: up to 2**62.
    whole = np.ceil(np.where(inside, scaled, 0.0)).astype(np.int64)
    return np.where(inside, whole, np.where(scaled <= low, low, high + 1))
