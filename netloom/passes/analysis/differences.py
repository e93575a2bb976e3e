"""Linear programs whose constraints are differences of two variables.

Such a program is the dual of a flow of least cost; its matrix is totally unimodular, so whole bounds give
whole values (C. Leiserson, J. Saxe: Retiming synchronous circuitry, Algorithmica 6, 1991).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array

IntArray = NDArray[np.int64]

MANY_ROWS = 10
"""Programs with more rows for each variable are solved with a part of them first..."""
MOST_BROKEN = 2
"""...and then with so many more of each variable, as long as there are any that do not hold."""


@dataclass
class Differences:
    """Whole variables of least total cost, some of them a number of steps behind others.

    Attributes:
        lowest, highest: bounds of variables that have no others.
        low, high: bounds of each variable.
        costs: of each variable, for one step.
    """

    lowest: int
    highest: int
    low: list[int] = field(default_factory=list)
    high: list[int] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    _rows: list[tuple[int, int, int]] = field(default_factory=list)

    def variable(self) -> int:
        """The number of a new variable."""
        return self._bounded(self.lowest, self.highest)

    def constant(self, value: int) -> int:
        """The number of a variable that cannot change."""
        return self._bounded(value, value)

    def _bounded(self, low: int, high: int) -> int:
        self.low.append(low)
        self.high.append(high)
        self.costs.append(0.0)
        return len(self.costs) - 1

    def at_least(self, late: int, early: int, steps: int) -> None:
        """Variable `late` is `steps` or more above variable `early`."""
        self._rows.append((late, early, steps))

    def solved(self, more: IntArray | None = None) -> list[int] | None:
        """The values of least cost; None when there are none.

        Args:
            more: further rows of late, early and steps, [n, 3].
        """
        rows = np.array(self._rows, np.int64).reshape(-1, 3)
        rows = _strongest(rows if more is None else np.concatenate([rows, more]))
        low, high = np.array(self.low, np.int64), np.array(self.high, np.int64)
        if not _narrow(rows, low, high):
            return None
        rows = rows[low[rows[:, 0]] - high[rows[:, 1]] < rows[:, 2]]
        # Most rows of a long list are kept by themselves: begin with those that only order variables.
        used = rows[:, 2] <= (0 if len(rows) > MANY_ROWS * len(low) else np.inf)
        while True:
            values = _least(self.costs, rows[used], low, high)
            if values is None:
                return None
            lacking = np.where(used, 0, rows[:, 2] - values[rows[:, 0]] + values[rows[:, 1]])
            if lacking.max(initial=0) <= 0:
                return [int(value) for value in values]
            used |= _worst(rows, lacking)


def _strongest(rows: IntArray) -> IntArray:
    """Of the rows between two variables the one that asks for most; none that hold by themselves."""
    rows = rows[(rows[:, 0] != rows[:, 1]) | (rows[:, 2] > 0)]
    rows = rows[np.lexsort((-rows[:, 2], rows[:, 1], rows[:, 0]))]
    first = np.ones(len(rows), np.bool_)
    first[1:] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
    return rows[first]


def _worst(rows: IntArray, lacking: IntArray) -> NDArray[np.bool_]:
    """Of the rows that are broken those that are so by most, `MOST_BROKEN` for each variable and side."""
    chosen = np.zeros(len(rows), np.bool_)
    broken = np.flatnonzero(lacking > 0)
    for variable in (rows[broken, 0], rows[broken, 1]):
        order = np.lexsort((-lacking[broken], variable))
        group = variable[order]
        rank = np.arange(len(order)) - np.searchsorted(group, group)
        chosen[broken[order[rank < MOST_BROKEN]]] = True
    return chosen


@numba.njit(cache=True)
def _narrow(rows: IntArray, low: IntArray, high: IntArray) -> bool:
    """Tighten the bounds in place to what the rows leave; whether they leave anything."""
    changed = True
    while changed:
        changed = False
        for row in range(len(rows)):
            late, early, steps = rows[row]
            if low[late] < low[early] + steps:
                low[late] = low[early] + steps
                changed = True
            if high[early] > high[late] - steps:
                high[early] = high[late] - steps
                changed = True
            if low[late] > high[late] or low[early] > high[early]:
                return False
    return True


def _least(costs: Sequence[float], rows: IntArray, low: IntArray, high: IntArray) -> IntArray | None:
    """The variables of least cost; each row is early - late, with a bound above."""
    count = len(rows)
    values, columns = np.tile([1.0, -1.0], count), rows[:, [1, 0]].reshape(-1)
    matrix = csr_array((values, columns, np.arange(0, 2 * count + 1, 2)), shape=(count, len(low)))
    found: Any = linprog(costs, matrix, -rows[:, 2], bounds=np.stack([low, high], axis=1), method="highs-ds")
    return np.rint(found.x).astype(np.int64) if found.status == 0 else None
