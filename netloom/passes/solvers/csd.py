"""Canonical signed digits: every integer as a shortest sum of signed powers of two, none adjacent.

Source: G. W. Reitwiesner, "Binary arithmetic", Advances in Computers 1, 1960.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

# 3 * x must not leave int64; digits then stand at shifts 0 .. 61.
MAX_MAGNITUDE = 1 << 60


def csd_masks(values: IntArray) -> tuple[IntArray, IntArray]:
    """Bit masks (positive, negative) of the canonical signed digits of ``values`` (any shape).

    ``values == positive - negative``, and no two adjacent bits are set in ``positive | negative``.
    Raises OverflowError from 2**60 on.
    """
    if values.size and (values.max() >= MAX_MAGNITUDE or values.min() <= -MAX_MAGNITUDE):
        raise OverflowError("matrix entries of 2**60 and more have no canonical signed digits here")
    triple = 3 * values
    positive: IntArray = (triple & ~values) >> 1
    negative: IntArray = (values & ~triple) >> 1
    return positive, negative


def csd_counts(values: IntArray) -> IntArray:
    """Number of canonical signed digits of each value; magnitudes below 2**60."""
    counts: IntArray = np.bitwise_count((3 * values) ^ values).astype(np.int64)
    return counts


def csd_digits(matrix: IntArray) -> IntArray:
    """The digits of ``matrix`` int64[K, N] as int64[4, D]: row, column, shift, sign (1 is negative).

    Sorted by column, row, shift.
    """
    positive, negative = csd_masks(matrix)
    parts = [np.zeros((4, 0), dtype=np.int64)]
    for sign, mask in enumerate((positive, negative)):
        for shift in range(int(mask.max()).bit_length() if mask.size else 0):
            row, column = np.nonzero((mask >> shift) & 1)
            parts.append(np.stack([row, column, np.full_like(row, shift), np.full_like(row, sign)]))
    digits = np.concatenate(parts, axis=1).astype(np.int64)
    return digits[:, np.lexsort((digits[2], digits[0], digits[1]))]


def trailing_zeros(values: IntArray) -> IntArray:
    """Number of factors two in each value; 0 for the value zero."""
    lowest = values & -values
    return np.bitwise_count(np.where(values == 0, 0, lowest - 1)).astype(np.int64)
