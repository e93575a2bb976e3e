"""A matrix as a system of signed digits over rows and columns, the form that elimination works on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netloom.passes.solvers.csd import csd_counts, csd_digits

IntArray = NDArray[np.int64]

# Depths span at most this many levels inside the Kraft sums, so that sums of 2**depth fit int64.
_MAX_SPAN = 40
_ROOT = -1


@dataclass(frozen=True, eq=False)
class DigitSystem:
    """Columns as sums of digits; rows are inputs or, from ``n_inputs`` on, the values of whole columns.

    ``digits`` int64[4, D]: row, column, shift, sign.  ``column_rows`` int64[R]: the column whose value
    row ``n_inputs + r`` is.  ``high`` int64[n_inputs + R]: bits of each row's value.

    With a depth limit, ``depth`` int64[n_inputs + R] are the rows' levels on a scale from 0 to 40 and
    ``spare`` int64[N] is how far each column's sum of ``2**depth`` over its digits may rise; without a
    limit ``spare`` is None.
    """

    n_inputs: int
    n_columns: int
    digits: IntArray
    column_rows: IntArray
    high: IntArray
    depth: IntArray
    spare: IntArray | None

    def kraft(self) -> IntArray:
        """Sum of ``2**depth`` over the digits of each column, int64[N]."""
        total = np.zeros(self.n_columns, dtype=np.int64)
        np.add.at(total, self.digits[1], np.int64(1) << self.depth[self.digits[0]])
        return total

    def lists(self, n_lines: int) -> tuple[IntArray, IntArray, IntArray]:
        """The digits by column and by row, packed for the kernel: items, start, length (its ``Lists``)."""
        n_digits = self.digits.shape[1]
        items = np.zeros((2, 6 * n_digits + 16), dtype=np.int64)
        start, length = np.zeros((2, 2, n_lines), dtype=np.int64)
        low = (self.digits[2] << 1) | self.digits[3]
        for side in range(2):
            line, other = self.digits[1 - side], self.digits[side]
            order = np.argsort(line, kind="stable")
            items[side, :n_digits] = ((other << 7) | low)[order]
            length[side] = np.bincount(line, minlength=n_lines)
            start[side] = np.cumsum(length[side]) - length[side]
        return items, start, length

    def work(self, both_sides: bool) -> int:
        """Pairs of digits that elimination looks at, about 10 M a second; its running time is linear."""
        pairs = int((np.bincount(self.digits[1]) ** 2).sum())
        return pairs + (int((np.bincount(self.digits[0]) ** 2).sum()) if both_sides else 0)

    def split(self, n_blocks: int) -> list[DigitSystem]:
        """Systems of consecutive rows whose sum is this one; each gets its part of the spare depth."""
        blocks = []
        total = np.maximum(np.bincount(self.digits[1], minlength=self.n_columns), 1)
        for rows in np.array_split(np.arange(len(self.high)), n_blocks):
            inside = (self.digits[0] >= rows[0]) & (self.digits[0] <= rows[-1])
            digits = self.digits[:, inside]
            spare = self.spare
            if spare is not None:
                # Floats only divide here: rounding down never hands out more than there is.
                part = np.bincount(digits[1], minlength=self.n_columns) / total
                spare = np.floor(spare * part * (1 - 1e-9)).astype(np.int64)
            blocks.append(replace(self, digits=digits, spare=spare))
        return blocks


def _with_limit(system: DigitSystem, limit: IntArray | None) -> DigitSystem:
    """Moves depths to the common scale and turns ``limit`` int64[N], levels, into spare room."""
    if limit is None or system.n_columns == 0:
        return replace(system, depth=np.zeros_like(system.depth))
    top = int(max(limit.max(), system.depth.max(initial=0)))
    floor = max(int(system.depth.min(initial=top)), top - _MAX_SPAN)
    # Raising low levels to the floor only makes the budget tighter, never wrong.
    placed = replace(system, depth=np.maximum(system.depth - floor, 0))
    spare = (np.int64(1) << np.maximum(limit - floor, 0)) - placed.kraft()
    return replace(placed, spare=np.maximum(spare, 0))


def tree_depth(counts: IntArray, depths: IntArray) -> IntArray:
    """Least depth of a binary adder tree for each column, by Kraft's inequality.

    ``counts`` int64[K, N]: how many leaves of row k column n has; ``depths`` int64[K]: the rows' depths.
    Works level by level on integers: ``c`` terms at one level leave ``ceil(c / 2)`` at the next.
    A column without leaves has depth 0.
    """
    result = np.zeros(counts.shape[1], dtype=np.int64)
    if counts.size == 0:
        return result
    pending = np.zeros_like(result)
    level = int(depths.min())
    while level <= int(depths.max()) or np.any(pending > 1):
        arriving = counts[depths == level].sum(axis=0)
        pending += arriving
        result[arriving > 0] = level
        result[pending > 1] = level + 1
        pending = (pending + 1) // 2
        level += 1
    return result


def direct_system(
    matrix: IntArray,
    high: IntArray,
    depth: IntArray,
    limit: IntArray | None,
    digits: IntArray | None = None,
) -> DigitSystem:
    """The digits of ``matrix`` int64[K, N] as they are: the canonical ones, or others of equal number."""
    k, n = matrix.shape
    none = np.zeros(0, dtype=np.int64)
    if digits is None:
        digits = csd_digits(matrix)
    return _with_limit(DigitSystem(k, n, digits, none, high, depth, None), limit)


def difference_system(
    matrix: IntArray, high: IntArray, depth: IntArray, limit: IntArray | None, max_path: int
) -> DigitSystem:
    """Columns as another column plus a difference, along a minimum spanning tree of the columns.

    The distance of two columns is the number of digits of their difference or sum, whichever is less;
    the zero column is the root.  This is M = M1 @ M2 (arXiv:2507.04535) with M2 left as references to
    columns, so that both factors share one elimination.  No path of the tree is longer than ``max_path``
    and, with ``limit``, no column gets deeper than its limit.
    """
    parent, negated, bound = _spanning_tree(matrix, depth, limit, max_path)
    k, n = matrix.shape
    child = np.flatnonzero(parent != _ROOT)
    difference = matrix.copy()
    difference[:, child] -= np.where(negated[child], -1, 1) * matrix[:, parent[child]]
    used = np.unique(parent[child])
    row_of = np.zeros(n, dtype=np.int64)
    row_of[used] = k + np.arange(len(used))
    references = np.stack(
        [row_of[parent[child]], child, np.zeros_like(child), negated[child].astype(np.int64)]
    )
    if limit is not None:
        limit = limit.copy()
        limit[used] = bound[used]
    system = DigitSystem(
        n_inputs=k,
        n_columns=n,
        digits=np.concatenate([csd_digits(difference), references], axis=1),
        column_rows=used,
        high=np.concatenate([high, _column_bits(matrix[:, used], high)]),
        depth=np.concatenate([depth, bound[used]]),
        spare=None,
    )
    return _with_limit(system, limit)


def _column_bits(columns: IntArray, high: IntArray) -> IntArray:
    size = np.abs(columns).astype(np.float64) * np.exp2(high.astype(np.float64))[:, None]
    bits: IntArray = np.ceil(np.log2(np.maximum(size.sum(axis=0), 1.0))).astype(np.int64)
    return bits


def _spanning_tree(
    matrix: IntArray, depth: IntArray, limit: IntArray | None, max_path: int
) -> tuple[IntArray, NDArray[np.bool_], IntArray]:
    """Prim's algorithm: each column's parent (or -1), whether it enters negated, and the depth bound."""
    n = matrix.shape[1]
    own = csd_counts(matrix)
    cost = own.sum(axis=0)
    reached = tree_depth(own, depth)
    parent = np.full(n, _ROOT, dtype=np.int64)
    negated = np.zeros(n, dtype=np.bool_)
    path = np.zeros(n, dtype=np.int64)
    outside = np.ones(n, dtype=np.bool_)
    for _ in range(n):
        new = int(np.argmin(np.where(outside, cost, np.iinfo(np.int64).max)))
        outside[new] = False
        if path[new] >= max_path:
            continue
        for negate in (False, True):
            counts = csd_counts(matrix + matrix[:, [new]] if negate else matrix - matrix[:, [new]])
            # The reference to the parent is a digit of its own.
            total = counts.sum(axis=0) + 1
            better = outside & (total < cost)
            if limit is not None and np.any(better):
                rows = np.concatenate([counts, np.ones((1, n), dtype=np.int64)])
                level = tree_depth(rows, np.append(depth, reached[new]))
                better &= level <= limit
                reached = np.where(better, level, reached)
            cost = np.where(better, total, cost)
            parent[better], negated[better], path[better] = new, negate, path[new] + 1
    return parent, negated, reached
