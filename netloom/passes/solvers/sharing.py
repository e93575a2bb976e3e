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
from netloom.passes.solvers.digit_choice import chosen_digits
from netloom.passes.solvers.digit_system import (
    DigitSystem,
    difference_system,
    direct_system,
    tree_depth,
)
from netloom.passes.solvers.elimination import Elimination, Rerun, Setting, eliminate
from netloom.passes.solvers.network import NetworkBuilder, Term
from netloom.passes.solvers.polarity import without_negations
from netloom.passes.solvers.regroup import annealed
from netloom.passes.solvers.trees import rebuilt_trees

IntArray = NDArray[np.int64]


class SolverError(AssertionError):
    """A solver produced a network that does not compute its matrix: a defect of the solver."""


# In the order of how often they win: with less effort only the first ones run.  The very first one has the
# canonical digits: chosen ones save two percent on small matrices, but cost ten on some wide ones.
SETTINGS = (
    Setting(16, 1, 20),
    Setting(30, 1, 30, power=4),
    Setting(4, 1, 12, power=2),
    Setting(4, 1, 8, power=4),
    Setting(0, 1, 12, power=4),
    Setting(1, 0, 1, max_path=1),
    Setting(1, 0, 1, power=4),
    Setting(1, 0, 1),
    Setting(0, 1, 8, power=4),
    Setting(1, 0, 0, max_path=2),
    Setting(16, 1, 20, power=4),
    Setting(2, 1, 10, power=2),
    Setting(1, 0, 2),
    Setting(8, 1, 12, power=2),
    Setting(1, 0, 0, max_path=4),
)
# Elimination work (see DigitSystem.work) that one solve may take for each unit of effort.
_WORK = 28_000_000
_LEAST_WORK = 50_000
# With any effort at all that many settings are tried, fewer where they would take longer than this together.
_LEAST_SETTINGS, _PATIENT_WORK = 3, 16_000_000
_DIFFERENCE_HANDICAP = 1.005
# The same for the search: work, and that of building one adder; no search with less effort than this.
_SEARCH_WORK = 60_000_000
_ADDER_WORK = 400
_MOST_STEPS, _STEPS_PER_ADDER = 2000, 4
_SEARCH_EFFORT = 0.1
# But some steps of so little work take a tenth of a second, and small matrices are where chance counts most.
_SMALL_WORK, _FEW_STEPS = 30_000, 60
# Work of the local search afterwards, for each adder and at most, for each unit of effort.
_REGROUP_WORK, _MOST_REGROUP_WORK = 200_000, 600_000_000
# Shares of the extractions that a step of the search leaves out, in turn, and how many more adders than
# the best one a network may have to be looked at.
_SKIPPED = (0.02, 0.05, 0.1, 0.2, 0.4)
_HOPELESS = 1.01
# More than any network of values that fit.
_UNBUILDABLE = 1 << 50
# Random orders tried for each tree of the result: these, and more for each unit of effort.
_TRIES, _MORE_TRIES = 12, 200
# From here on the column side and the search are left out, since each pass takes several seconds.
_LARGE = 60_000_000
# Work of one pass for each unit of effort.  More is split into blocks of rows: n blocks take 1/n of it.
_PASS_WORK = 200_000_000


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


def graph_cost(graph: AdderGraph, lo: IntArray, hi: IntArray) -> int:
    """What networks are compared by: four for each table, one for each bit of carry chain.

    Tables are what area is counted in; devices without tables before their carry bits pay by the chain.
    A network whose values leave 62 bits cannot be built: it is dearer than any other.
    """
    try:
        tables, bits = graph.adder_logic(lo, hi)
        return 4 * tables + bits
    except OverflowError:
        return _UNBUILDABLE + graph.n_adders


@dataclass(frozen=True, eq=False)
class _Problem:
    """What all candidates of one matrix share; ``limit`` int64[distinct columns] bounds their depths."""

    lo: IntArray
    hi: IntArray
    depth: IntArray
    columns: _Columns
    limit: IntArray | None

    def system(self, setting: Setting) -> DigitSystem:
        """The digits that a setting works on."""
        matrix, high = self.columns.matrix, bit_width(self.lo, self.hi)
        if setting.max_path:
            return difference_system(matrix, high, self.depth, self.limit, setting.max_path)
        digits = chosen_digits(matrix, setting.power) if setting.power else None
        return direct_system(matrix, high, self.depth, self.limit, digits)

    def candidate(self, eliminations: list[Elimination]) -> _Candidate:
        """The network of eliminations and its cost."""
        graph = self.improved(self.built(eliminations), 0)
        # References from column to column deepen the network: that takes more than a tiny gain.
        differences = any(len(elimination.system.column_rows) for elimination in eliminations)
        handicap = _DIFFERENCE_HANDICAP if differences else 1.0
        return _Candidate(graph, handicap * graph_cost(graph, self.lo, self.hi), eliminations)

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
        limit = self.out_depth
        trees = rebuilt_trees(graph, self.lo, self.hi, input_depth=self.depth, out_depth=limit, tries=tries)
        return without_negations(trees)

    @property
    def out_depth(self) -> IntArray | None:
        """The limit of each output."""
        # Zero columns have index -1: the limit at the end is theirs, and of no effect.
        return None if self.limit is None else np.append(self.limit, 0)[self.columns.index]

    def regrouped(self, graph: AdderGraph, effort: float) -> AdderGraph:
        """The network after a local search, with enough effort."""
        if effort < _SEARCH_EFFORT:
            return graph
        return annealed(
            graph,
            self.lo,
            self.hi,
            input_depth=self.depth,
            out_depth=self.out_depth,
            work=int(effort * min(_REGROUP_WORK * graph.n_adders, _MOST_REGROUP_WORK)),
            improved=lambda found: self.improved(found, 0),
            cost=lambda found: graph_cost(found, self.lo, self.hi),
        )


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A network and where it comes from; ``cost`` is what candidates are compared by."""

    graph: AdderGraph
    cost: float
    eliminations: list[Elimination]


def _first_candidates(problem: _Problem, effort: float) -> Iterator[_Candidate]:
    """Networks of as many settings as the effort allows."""
    direct = problem.system(Setting(1, 0, 1))
    if direct.work(True) > _LARGE:
        n_blocks = min(direct.n_inputs, math.ceil(direct.work(False) / (effort * _PASS_WORK)))
        yield problem.candidate([eliminate(block, Setting(1, 0, 0)) for block in direct.split(n_blocks)])
        return
    work = max(_LEAST_WORK, direct.work(True))
    least = min(_LEAST_SETTINGS, _PATIENT_WORK // work) if effort > 0 else 1
    n_settings = max(1, least, int(effort * _WORK / work))
    for setting in SETTINGS[:n_settings]:
        system = problem.system(setting)
        if not setting.max_path or len(system.column_rows):
            yield problem.candidate([eliminate(system, setting)])


def _searched(problem: _Problem, best: _Candidate, effort: float) -> _Candidate:
    """Leaves out some of what the best run extracted, decides that anew, and keeps what costs no more."""
    if effort == 0 or len(best.eliminations) != 1:
        return best
    system = best.eliminations[0].system
    step_work = system.work(True) + _ADDER_WORK * max(1, best.graph.n_adders)
    if effort < _SEARCH_EFFORT and step_work > _SMALL_WORK:
        return best
    most = _MOST_STEPS if effort >= _SEARCH_EFFORT else _FEW_STEPS
    random = np.random.default_rng(0)
    n_steps = min(most, _STEPS_PER_ADDER * best.graph.n_adders, int(effort * _SEARCH_WORK / step_work))
    for step in range(n_steps):
        run = best.eliminations[0]
        skip = random.random(len(run.history)) < _SKIPPED[step % len(_SKIPPED)]
        setting = SETTINGS[int(random.integers(len(SETTINGS)))]
        rerun = Rerun(run.history, skip, int(random.integers(3)), int(random.integers(1 << 60)))
        found = eliminate(system, setting, rerun)
        # Building takes longer than eliminating: not for what has no chance.
        if found.n_adders <= _HOPELESS * run.n_adders:
            candidate = problem.candidate([found])
            if candidate.cost <= best.cost:
                best = candidate
    return best


def solve_sharing(
    matrix: IntArray,
    lo: IntArray,
    hi: IntArray,
    *,
    input_depth: IntArray | None = None,
    depth_slack: int | None = None,
    effort: float = 0.03,
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
    limit = None if depth_slack is None else tree_depth(csd_counts(columns.matrix), depth) + depth_slack
    problem = _Problem(lo, hi, depth, columns, limit)
    first = min(_first_candidates(problem, effort), key=lambda candidate: candidate.cost)
    best = _searched(problem, first, effort)
    found = problem.regrouped(best.graph, effort)
    graph = problem.improved(found, _TRIES + int(effort * _MORE_TRIES))
    graph = min(graph, found, key=lambda graph: graph_cost(graph, lo, hi))
    if not np.array_equal(graph.matrix(), matrix):
        raise SolverError("the network does not compute the matrix that it was made for")
    return graph


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
