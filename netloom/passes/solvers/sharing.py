"""Constant matrix to shift-add network by elimination of common subexpressions.

The matrix is written in canonical signed digits.  The most frequent two-term sum, over all columns,
is made an adder and replaced everywhere, again and again (R. I. Hartley, "Subexpression sharing in
filters using canonic signed digit multipliers", 1996; over matrices with bit-overlap weights:
arXiv:2507.04535).  Here the same is done on the transposed matrix at the same time: what two columns
share becomes a column of its own.  Whatever is left of a column is summed by a balanced tree.

Greedy choices are good or bad by luck within about a percent, so several settings are tried and the
network with the fewest adders wins.  Every result is proved: its matrix is computed symbolically and
compared with the one asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netloom.core.adder_graph import AdderGraph, bit_width
from netloom.passes.solvers.csd import csd_counts, csd_masks, trailing_zeros
from netloom.passes.solvers.digit_system import (
    DigitSystem,
    difference_system,
    direct_system,
    tree_depth,
)
from netloom.passes.solvers.network import NetworkBuilder, Term
from netloom.passes.solvers.polarity import without_negations
from netloom.passes.solvers.trees import rebuilt_trees

IntArray = NDArray[np.int64]


class SolverError(AssertionError):
    """A solver produced a network that does not compute its matrix: a defect of the solver."""


@dataclass(frozen=True)
class Setting:
    """One way to run the elimination; fields as in the kernel's ``Weights``, and the decomposition.

    ``max_path`` is the longest path in the tree of column differences; 0 leaves the columns alone.
    """

    row: int
    overlap: int
    column: int
    max_path: int = 0


# In the order of how often they win: with less effort only the first ones run.
SETTINGS = (
    Setting(1, 0, 1),
    Setting(20, 0, 19),
    Setting(1, 0, 0),
    Setting(1, 0, 2),
    Setting(2, 0, 1),
    Setting(19, 0, 20),
    Setting(1, 0, 1, max_path=1),
    Setting(1, 0, 0, max_path=2),
    Setting(16, 1, 24),
    Setting(1, 0, 0, max_path=4),
)
# Elimination work (see DigitSystem.work) that one solve may take for each unit of effort.
_WORK = 28_000_000
_DIFFERENCE_HANDICAP = 1.005
# From here on the column side and the search are left out, since each pass takes several seconds.
_LARGE = 60_000_000
# Work of one pass for each unit of effort.  More is split into blocks of rows: n blocks take 1/n of it.
_PASS_WORK = 200_000_000


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
    weights = _kernels.Weights(
        setting.row, setting.overlap, setting.column, limited, rerun.noise, rerun.seed
    )
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


@dataclass
class _Emitter:
    """Turns one elimination into adders of a builder; every row and column is built once."""

    source: Elimination
    builder: NetworkBuilder
    rows: dict[int, Term] = field(default_factory=dict)

    def column_terms(self, column: int) -> list[Term]:
        """The terms whose sum is the column, all rows built."""
        leaves = self.source.leaves(column)
        self._build([row for row, _, _ in leaves])
        return [_scaled(self.rows[row], shift, negate) for row, shift, negate in leaves]

    def _build(self, wanted: list[int]) -> None:
        """Builds rows, operands first; a stack in place of recursion, for the networks can be deep."""
        stack = wanted
        while stack:
            row = stack[-1]
            if row in self.rows:
                stack.pop()
                continue
            parts = self._parts(row)
            missing = [part for part, _, _ in parts if part not in self.rows]
            if missing:
                stack.extend(missing)
                continue
            terms = [_scaled(self.rows[part], shift, negate) for part, shift, negate in parts]
            total = self.builder.total(terms)
            if total is None:
                raise SolverError("an eliminated column is empty")
            self.rows[row] = total

    def _parts(self, row: int) -> list[tuple[int, int, bool]]:
        from netloom.passes.solvers import _kernels

        kind, a, b, relative, flip = self.source.made[row].tolist()
        if kind == _kernels.PAIR:
            return [(a, max(-relative, 0), False), (b, max(relative, 0), bool(flip))]
        return self.source.leaves(a)


def _scaled(term: Term, shift: int, negate: bool) -> Term:
    return Term(term.node, term.shift + shift, term.negate != negate)


@dataclass(frozen=True, eq=False)
class _Columns:
    """The distinct columns of a matrix, odd and with a common sign, and how to get the others."""

    matrix: IntArray
    index: IntArray
    shift: IntArray
    negate: NDArray[np.bool_]


def _distinct_columns(matrix: IntArray) -> _Columns:
    """Factors powers of two and signs out of the columns; ``index`` -1 marks zero columns.

    Rows need no such step: elimination compares shifts only relative to each other.
    """
    largest = np.bitwise_or.reduce(matrix, axis=0) if matrix.size else np.zeros(matrix.shape[1], np.int64)
    shift = trailing_zeros(largest)
    odd = matrix >> shift
    first = odd[np.argmax(odd != 0, axis=0), np.arange(odd.shape[1])] if matrix.size else largest
    sign = np.where(first < 0, np.int64(-1), np.int64(1))
    nonzero = np.flatnonzero(largest)
    unique, inverse = np.unique((odd * sign)[:, nonzero], axis=1, return_inverse=True)
    index = np.full(matrix.shape[1], -1, dtype=np.int64)
    index[nonzero] = inverse.reshape(-1)
    # The sign that most outputs want is the one to build.
    votes = np.bincount(index[nonzero], weights=sign[nonzero], minlength=unique.shape[1])
    wanted = np.where(votes < 0, np.int64(-1), np.int64(1))
    return _Columns(unique * wanted, index, shift, sign != np.append(wanted, 1)[index])


def _candidates(
    matrix: IntArray, high: IntArray, depth: IntArray, limit: IntArray | None, effort: float
) -> Iterator[tuple[list[Elimination], float]]:
    """Eliminations (by blocks) with as many settings as the effort allows, and the handicap of each."""
    direct = direct_system(matrix, high, depth, limit)
    if direct.work(True) > _LARGE:
        n_blocks = min(matrix.shape[0], math.ceil(direct.work(False) / (effort * _PASS_WORK)))
        yield [eliminate(block, Setting(1, 0, 0)) for block in direct.split(n_blocks)], 1.0
        return
    n_settings = max(3, int(effort * _WORK / max(1, direct.work(True))))
    for setting in SETTINGS[:n_settings]:
        system = direct
        if setting.max_path:
            system = difference_system(matrix, high, depth, limit, setting.max_path)
            if len(system.column_rows) == 0:
                continue
        # References from column to column deepen the network: that takes more than a tiny gain.
        yield [eliminate(system, setting)], _DIFFERENCE_HANDICAP if setting.max_path else 1.0


def solve_sharing(
    matrix: IntArray,
    lo: IntArray,
    hi: IntArray,
    *,
    input_depth: IntArray | None = None,
    depth_slack: int | None = None,
    effort: float = 1.0,
) -> AdderGraph:
    """A shift-add network for ``y = x @ matrix`` with few adders.

    ``matrix`` int64[K, N]; ``lo``, ``hi`` int64[K] bound the inputs, ends included; ``input_depth``
    int64[K] are the adder levels at which they arrive (default 0).  ``depth_slack`` None sets no limit;
    k lets no output get deeper than k levels more than the least that its digits allow.  ``effort``
    scales how many settings are tried, in proportion to the running time.  The result is deterministic.

    Raises ValueError on wrong shapes or types, OverflowError on entries from 2**60 on, SolverError
    should the network not compute the matrix.
    """
    matrix, depth = _checked(matrix, lo, hi, input_depth)
    columns = _distinct_columns(matrix)
    core = columns.matrix
    limit = None if depth_slack is None else tree_depth(csd_counts(core), depth) + depth_slack
    out_depth = None if limit is None else np.append(limit, 0)[columns.index]
    problem = _Problem(lo, hi, depth, columns, out_depth)
    best: AdderGraph | None = None
    least = math.inf
    for eliminations, handicap in _candidates(core, bit_width(lo, hi), depth, limit, effort):
        graph = problem.improved(problem.built(eliminations), 0)
        cost = graph_cost(graph, lo, hi) * handicap
        if cost < least:
            best, least = graph, cost
    assert best is not None
    if not np.array_equal(best.matrix(), matrix):
        raise SolverError("the network does not compute the matrix that it was made for")
    return best


def graph_cost(graph: AdderGraph, lo: IntArray, hi: IntArray) -> int:
    """What candidates are compared by: tables, and a quarter of the bits of carry chains, times four."""
    return 4 * graph.adder_tables(lo, hi) + graph.adder_bits(lo, hi)


@dataclass(frozen=True, eq=False)
class _Problem:
    """What all candidates of one matrix share; ``out_depth`` int64[N] are the outputs' limits."""

    lo: IntArray
    hi: IntArray
    depth: IntArray
    columns: _Columns
    out_depth: IntArray | None

    def built(self, eliminations: list[Elimination]) -> AdderGraph:
        """The network of eliminations whose sum is the matrix of distinct columns."""
        n_inputs = len(self.lo)
        builder = NetworkBuilder(n_inputs, self.depth.tolist(), bit_width(self.lo, self.hi).tolist())
        inputs = {row: Term(row, 0, False) for row in range(n_inputs)}
        emitters = [_Emitter(elimination, builder, dict(inputs)) for elimination in eliminations]
        sums = [
            builder.total([term for emitter in emitters for term in emitter.column_terms(column)])
            for column in range(self.columns.matrix.shape[1])
        ]
        outputs: list[Term | None] = []
        for index, shift, negate in zip(
            self.columns.index, self.columns.shift, self.columns.negate, strict=True
        ):
            term = sums[index] if index >= 0 else None
            outputs.append(None if term is None else _scaled(term, int(shift), bool(negate)))
        return builder.graph(outputs)

    def improved(self, graph: AdderGraph, tries: int) -> AdderGraph:
        """The network with cheaper trees and fewer negations."""
        trees = rebuilt_trees(
            graph, self.lo, self.hi, input_depth=self.depth, out_depth=self.out_depth, tries=tries
        )
        return without_negations(trees)


def _checked(
    matrix: IntArray, lo: IntArray, hi: IntArray, input_depth: IntArray | None
) -> tuple[IntArray, IntArray]:
    if matrix.ndim != 2 or matrix.dtype.kind != "i":
        raise ValueError(f"matrix must be a signed integer array [K, N], found {matrix.dtype}{matrix.shape}")
    matrix = matrix.astype(np.int64)
    depth = np.zeros(matrix.shape[0], dtype=np.int64) if input_depth is None else input_depth
    for name, array in (("lo", lo), ("hi", hi), ("input_depth", depth)):
        if array.shape != matrix.shape[:1]:
            raise ValueError(f"{name} must have shape ({matrix.shape[0]},), found {array.shape}")
    csd_masks(matrix)
    return matrix, depth
