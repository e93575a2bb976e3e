"""Compiled inner loop of `digit_choice`.  Importing it imports numba: do so only when solving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
CountArray = NDArray[np.int32]

_OPTIONS: dict[str, Any] = {"cache": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_Function = TypeVar("_Function", bound=Callable[..., object])


def _helper(function: _Function) -> _Function:
    """A compiled function that only compiled functions call."""
    return cast(_Function, njit(**_OPTIONS)(function))


@_helper
def _gather(
    column: IntArray, first: IntArray, digits: IntArray, chosen: IntArray, others: IntArray, skip: int
) -> int:
    """Lists the digits (row, shift, sign) of one column's chosen alternatives, but for one row."""
    n = 0
    for row in range(len(column)):
        if row == skip or column[row] < 0:
            continue
        alternative = column[row] + chosen[row]
        for at in range(first[alternative], first[alternative + 1]):
            others[n, 0], others[n, 1], others[n, 2] = row, digits[at, 0], digits[at, 1]
            n += 1
    return n


@_helper
def _visit(
    counts: CountArray, value: IntArray, mine: IntArray, others: IntArray, n: int, row: int, change: int
) -> int:
    """Adds ``change`` to the counts of all pairs of ``mine`` with each other and ``others``; their value."""
    middle = counts.shape[2] // 2
    total = 0
    for i in range(len(mine)):
        shift, sign = mine[i]
        for j in range(n):
            other, relative, flip = others[j, 0], others[j, 1] - shift, others[j, 2] ^ sign
            a, b = row, other
            if a > b:
                a, b, relative = b, a, -relative
            counts[a, b, middle + relative, flip] += change
            total += value[counts[a, b, middle + relative, flip]]
        for j in range(i):
            relative = abs(shift - mine[j, 0])
            counts[row, row, middle + relative, sign ^ mine[j, 1]] += change
            total += value[counts[row, row, middle + relative, sign ^ mine[j, 1]]]
    return total


@njit(cache=True)
def choose(
    entries: IntArray,
    n_alternatives: IntArray,
    first: IntArray,
    digits: IntArray,
    value: IntArray,
    sweeps: int,
) -> IntArray:
    """The alternative of each entry, int64[N, K], that makes pairs of digits occur often together.

    ``entries`` int64[N, K] is the first alternative of each entry (column by column) or -1 for zero,
    ``n_alternatives`` int64[N, K] how many it has; alternative ``a`` has the digits ``first[a]`` to
    ``first[a + 1]``, rows (shift, sign) of ``digits``.  ``value`` is what a pair that occurs so often counts.
    """
    n_columns, n_rows = entries.shape
    span = 1
    for at in range(len(digits)):
        span = max(span, digits[at, 0] + 1)
    counts = np.zeros((n_rows, n_rows, 2 * span + 1, 2), np.int32)
    chosen = np.zeros((n_columns, n_rows), np.int64)
    others = np.zeros((n_rows * (span + 1), 3), np.int64)
    for column in range(n_columns):
        for row in range(n_rows):
            if entries[column, row] >= 0:
                n = _gather(entries[column, :row], first, digits, chosen[column], others, -1)
                a = entries[column, row]
                _visit(counts, value, digits[first[a] : first[a + 1]], others, n, row, 1)
    for _ in range(sweeps):
        changed = False
        for column in range(n_columns):
            for row in range(n_rows):
                if n_alternatives[column, row] < 2:
                    continue
                n = _gather(entries[column], first, digits, chosen[column], others, row)
                before = chosen[column, row]
                a = entries[column, row] + before
                _visit(counts, value, digits[first[a] : first[a + 1]], others, n, row, -1)
                best, most = before, -1
                for choice in range(n_alternatives[column, row]):
                    a = entries[column, row] + choice
                    worth = _visit(counts, value, digits[first[a] : first[a + 1]], others, n, row, 0)
                    if worth > most or (worth == most and choice == before):
                        best, most = choice, worth
                changed |= best != before
                chosen[column, row] = best
                a = entries[column, row] + best
                _visit(counts, value, digits[first[a] : first[a + 1]], others, n, row, 1)
        if not changed:
            break
    return chosen
