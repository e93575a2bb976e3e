"""Solvers of other packages, as optional extras, and the solver that takes the best of all.

A package is imported when it is asked to solve, never before.  Its answer is taken apart into this package's
arrays and proved like any other: a peer cannot make wrong hardware, only none.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from netloom.core.adder_graph import AdderGraph
from netloom.core.diagnostics import CompileError
from netloom.core.plugins import registry
from netloom.passes.solvers.network import NetworkBuilder, Term
from netloom.passes.solvers.sharing import graph_cost, solve_sharing
from netloom.passes.solvers.trees import rebuilt_trees

if TYPE_CHECKING:
    from netloom.passes.solvers import MatrixProblem

# What the packages call an input, a sum and a difference.
_INPUT, _SUM, _DIFFERENCE = -1, 0, 1
# Their matrices are float32: beyond this an entry would be rounded.
_EXACT = 1 << 24


class PackageMissingError(CompileError):
    """The package of a solver is not installed."""


def _package(module: str, extra: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PackageMissingError(
            "NL603",
            f"the solver '{extra}' needs the Python package '{extra}', which is not installed",
            origin="solver",
            hint=f"pip install 'netloom[{extra}]', or choose the solver 'sharing'",
        ) from error


@dataclass(frozen=True)
class Da4mlSolver:
    """The solver of da4ml (arXiv:2507.04535), without a limit of delay or with the problem's slack."""

    name: str = "da4ml"

    def solve(self, problem: MatrixProblem) -> AdderGraph:
        """Its network.

        Raises:
            CompileError: NL603 when the package is not installed.
        """
        return _answer(problem, _package("da4ml.cmvm", "da4ml").solve, lambda found: found.solutions)


@dataclass(frozen=True)
class AlkaidSolver:
    """The solver of Alkaid, called in the same way."""

    name: str = "alkaid"

    def solve(self, problem: MatrixProblem) -> AdderGraph:
        """Its network.

        Raises:
            CompileError: NL603 when the package is not installed.
        """
        return _answer(problem, _package("alkaid.cmvm", "alkaid").cmvm_solve, lambda found: found)


def _answer(problem: MatrixProblem, solve: Any, stages: Any) -> AdderGraph:
    """Calls a peer, which knows ranges as (low, high, step) and delays as levels."""
    matrix = problem.matrix
    if not np.any(matrix) or np.abs(matrix).max() >= _EXACT:
        # Nothing to share, or nothing that it could represent.
        return solve_sharing(matrix, problem.lo, problem.hi, input_depth=problem.input_depth)
    depth = np.zeros(matrix.shape[0]) if problem.input_depth is None else problem.input_depth
    found = solve(
        matrix.astype(np.float32),
        hard_dc=-1 if problem.depth_slack is None else problem.depth_slack,
        qintervals=[(float(lo), float(hi), 1.0) for lo, hi in zip(problem.lo, problem.hi, strict=True)],
        latencies=[float(level) for level in depth],
    )
    return _converted(stages(found), problem)


def _converted(stages: Any, problem: MatrixProblem) -> AdderGraph:
    """The stages of a peer's answer, each fed by the one before, as one network."""
    n_inputs = len(problem.lo)
    depth = [0] * n_inputs if problem.input_depth is None else problem.input_depth.tolist()
    builder = NetworkBuilder(n_inputs, depth, [0] * n_inputs)
    values: list[Term | None] = [Term(row, 0, False) for row in range(n_inputs)]
    for stage in stages:
        values = _stage(builder, stage, values)
    return builder.graph(values)


def _stage(builder: NetworkBuilder, stage: Any, inputs: list[Term | None]) -> list[Term | None]:
    made: list[Term | None] = []
    for op in stage.ops:
        first, second, shift, source = _operands(op)
        if op.opcode == _INPUT:
            made.append(_shifted(inputs[source], int(stage.inp_shifts[source]), False))
        elif op.opcode in (_SUM, _DIFFERENCE):
            a, b = made[first], _shifted(made[second], shift, op.opcode == _DIFFERENCE)
            made.append(b if a is None else a if b is None else builder.add(a, b))
        else:
            raise ValueError(f"unknown operation {op.opcode} in a peer's network")
    outputs = zip(stage.out_idxs, stage.out_shifts, stage.out_negs, strict=True)
    return [
        _shifted(made[int(index)], int(shift), bool(negated)) if index >= 0 else None
        for index, shift, negated in outputs
    ]


def _operands(op: Any) -> tuple[int, int, int, int]:
    """Operands and shift of a sum, and the number of an input, in the terms of either package."""
    if hasattr(op, "id0"):
        return int(op.id0), int(op.id1), int(op.data), int(op.id0)
    first, second = (*op.addr, 0, 0)[:2]
    return int(first), int(second), int(op.data[0]), int(op.data[0])


def _shifted(term: Term | None, shift: int, negate: bool) -> Term | None:
    return None if term is None else Term(term.node, term.shift + shift, term.negate != negate)


@dataclass(frozen=True)
class BestSolver:
    """Asks every solver that is installed and takes the cheapest network; with a limit, no deeper one.

    Peers' trees are rebuilt like one's own.
    """

    name: str = "best"

    def solve(self, problem: MatrixProblem) -> AdderGraph:
        """The cheapest of all; the first of equal ones, `sharing` before the others."""
        solvers = registry().solvers
        best: AdderGraph = solvers["sharing"].value.solve(problem)
        least, deepest = graph_cost(best, problem.lo, problem.hi), _depth(best, problem)
        for name in sorted(set(solvers) - {"sharing", self.name}):
            try:
                graph: AdderGraph = solvers[name].value.solve(problem)
            except PackageMissingError:
                continue
            if not np.array_equal(graph.matrix(), problem.matrix):
                continue
            graph = rebuilt_trees(graph, problem.lo, problem.hi, input_depth=problem.input_depth, tries=12)
            cost = graph_cost(graph, problem.lo, problem.hi)
            if cost < least and (problem.depth_slack is None or _depth(graph, problem) <= deepest):
                best, least = graph, cost
        return best


def _depth(graph: AdderGraph, problem: MatrixProblem) -> int:
    nodes = graph.out_node[graph.out_node >= 0]
    return int(graph.depths(problem.input_depth)[nodes].max(initial=0))
