"""Elimination of common subexpressions from a system of digits: the compiled kernel as a function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netloom.passes.solvers.digit_system import DigitSystem

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Setting:
    """One way to run the elimination; fields as in the kernel's ``Weights``, and which digits to run it on.

    ``max_path`` is the longest path in the tree of column differences; 0 leaves the columns alone.
    ``power`` chooses among the shortest digits (see `digit_choice`); 0 takes the canonical ones.
    """

    row: int
    overlap: int
    column: int
    max_path: int = 0
    power: int = 0


@dataclass(frozen=True, eq=False)
class Elimination:
    """A digit system after elimination: the kernel's arrays and the adders that they cost."""

    system: DigitSystem
    made: IntArray
    items: IntArray
    start: IntArray
    length: IntArray
    history: IntArray
    n_adders: int

    def leaves(self, column: int) -> list[tuple[int, int, bool]]:
        """What is left of a column: (row, shift, negated)."""
        first = self.start[column]
        packed = self.items[first : first + self.length[column]].tolist()
        return [(digit >> 7, (digit >> 1) & 63, bool(digit & 1)) for digit in packed]


@dataclass(frozen=True, eq=False)
class Rerun:
    """An earlier run to start from: its ``history``, what of it to leave out, and how to decide the rest.

    ``skip`` bool[len(history)]; ``noise`` and ``seed`` as in the kernel's ``Weights``.
    """

    history: IntArray
    skip: NDArray[np.bool_]
    noise: int
    seed: int


_FRESH = Rerun(np.zeros((0, 3), np.int64), np.zeros(0, np.bool_), 0, 0)


def eliminate(system: DigitSystem, setting: Setting, rerun: Rerun = _FRESH) -> Elimination:
    """Runs the compiled elimination on one system with one setting."""
    from netloom.passes.solvers import _kernels

    n_rows, n_columns, n_digits = len(system.high), system.n_columns, system.digits.shape[1]
    n_lines = max(n_rows, n_columns) + n_digits + 2
    made, (high, depth, kraft, limit) = np.zeros((n_lines, 5), np.int64), np.zeros((4, n_lines), np.int64)
    made[system.n_inputs : n_rows, 0] = _kernels.COLUMN
    made[system.n_inputs : n_rows, 1] = system.column_rows
    high[:n_rows] = system.high
    depth[:n_rows] = system.depth
    kraft[:n_columns] = system.kraft()
    if system.spare is not None:
        limit[:n_columns] = kraft[:n_columns] + system.spare
    size = np.array([n_columns, n_rows])
    nodes = _kernels.Nodes(made, high, depth, kraft, limit, size)
    lists = _kernels.Lists(*system.lists(n_lines), np.array([n_digits, n_digits]))
    limited = int(system.spare is not None)
    weights = _kernels.Weights(setting.row, setting.overlap, setting.column, limited, rerun.noise, rerun.seed)
    history, used = np.zeros((n_lines, 3), np.int64), np.zeros(1, np.int64)
    script = _kernels.History(rerun.history, rerun.skip.astype(np.int8), history, used)
    _kernels.eliminate(
        lists, nodes, weights, np.zeros(64 * n_lines, np.int8), np.zeros(n_digits, np.int64), script
    )
    pairs = np.count_nonzero(made[: size[1], 0] == _kernels.PAIR)
    sums = np.maximum(lists.length[0, : size[0]] - 1, 0).sum()
    return Elimination(
        system,
        made,
        lists.items[0],
        lists.start[0],
        lists.length[0],
        history[: used[0]],
        int(pairs + sums),
    )
