"""Other shortest signed digits than the canonical ones, chosen so that more of them can be shared.

``+0-`` and ``0++`` are both three, and of equal length.  Which one a matrix entry takes decides which pairs
of digits it has in common with other columns.  Entry by entry the alternative is taken whose pairs of
digits, with the rest of the column, are the most frequent ones in the whole matrix, until nothing changes.
That minimal signed-digit forms are more than one: I.-C. Park and H.-J. Kang, "Digital filter synthesis
based on minimal signed digit representation", 2001.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netloom.passes.solvers.csd import csd_digits

IntArray = NDArray[np.int64]
Digits = tuple[tuple[int, int], ...]
"""Shift and digit (1 or -1), lowest first."""

# At most this many forms of a number are looked at, and sizes from which on the canonical one is kept.
_MOST_FORMS = 16
_MOST_NUMBERS = 4096
_MOST_COUNTS = 1 << 24
_SWEEPS = 4


def chosen_digits(matrix: IntArray, power: int) -> IntArray:
    """Shortest signed digits of ``matrix`` int64[K, N], as :func:`csd_digits` gives them.

    A pair that occurs ``c`` times counts ``c ** power``: a high power favours the most frequent ones.
    Large matrices, and such with many different entries, get their canonical digits.
    """
    from netloom.passes.solvers import _digit_choice

    numbers, inverse = np.unique(matrix, return_inverse=True)
    k, n = matrix.shape
    span = int(np.abs(matrix).max(initial=0)).bit_length() + 2
    if matrix.size == 0 or len(numbers) > _MOST_NUMBERS or 4 * k * k * span > _MOST_COUNTS:
        return csd_digits(matrix)
    forms = [shortest_forms(number) for number in numbers.tolist()]
    start = np.cumsum([0, *map(len, forms)])
    flat = [form for group in forms for form in group]
    first = np.cumsum([0, *map(len, flat)])
    digits = np.array([(s, int(d < 0)) for form in flat for s, d in form], dtype=np.int64).reshape(-1, 2)
    entries = np.where(numbers == 0, -1, start[:-1])[inverse.reshape(k, n)].T
    counts = np.diff(start)[inverse.reshape(k, n)].T
    largest = int(np.count_nonzero(matrix)) * 2 + 2
    value = np.minimum(np.arange(largest, dtype=np.float64) ** power, 2.0**40).astype(np.int64)
    chosen = _digit_choice.choose(
        np.ascontiguousarray(entries), np.ascontiguousarray(counts), first, digits, value, _SWEEPS
    )
    rows: list[tuple[int, int, int, int]] = []
    for column, row in zip(*np.nonzero(entries >= 0), strict=True):
        alternative = entries[column, row] + chosen[column, row]
        part = digits[first[alternative] : first[alternative + 1]].tolist()
        rows += [(int(row), int(column), shift, sign) for shift, sign in part]
    return np.array(rows, dtype=np.int64).reshape(-1, 4).T


def shortest_forms(number: int) -> list[Digits]:
    """Signed-digit forms of a number with as few digits as the canonical one, which comes first."""
    canonical = _canonical(number)
    known = {canonical: None}
    pending = [canonical]
    while pending and len(known) < _MOST_FORMS:
        form = dict(pending.pop())
        for shift, digit in form.items():
            # digit, 0, -digit from the top is 0, digit, digit.
            if form.get(shift - 2) == -digit and shift - 1 not in form:
                other = {**form, shift - 1: digit, shift - 2: digit}
                del other[shift]
                found = tuple(sorted(other.items()))
                if found not in known:
                    known[found] = None
                    pending.append(found)
    return list(known)


def _canonical(number: int) -> Digits:
    digits: list[tuple[int, int]] = []
    shift = 0
    while number:
        if number & 1:
            digit = 2 - (number & 3)
            digits.append((shift, digit))
            number -= digit
        number >>= 1
        shift += 1
    return tuple(digits)
