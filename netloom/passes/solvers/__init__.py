"""Solvers that turn a constant matrix into a shift-add network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netloom.core.adder_graph import AdderGraph
from netloom.core.hooks import hookimpl
from netloom.passes.solvers.peers import AlkaidSolver, BestSolver, Da4mlSolver
from netloom.passes.solvers.sharing import solve_sharing

__all__ = [
    "AlkaidSolver",
    "BestSolver",
    "ConstantMatrixSolver",
    "Da4mlSolver",
    "MatrixProblem",
    "SharingSolver",
    "solve_sharing",
]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MatrixProblem:
    """``y = x @ matrix`` to be built from adders.

    ``matrix`` int64[K, N]; ``lo``, ``hi`` int64[K] bound the inputs, ends included; ``input_depth``
    int64[K] are the adder levels at which they arrive (None: all at 0); ``depth_slack`` is how many
    levels an output may be deeper than its digits require (None: no limit); ``effort`` is how much
    search the user allows: 1 for a thorough one, less for a quicker one, and a solver that does not
    search leaves it alone.
    """

    matrix: IntArray
    lo: IntArray
    hi: IntArray
    input_depth: IntArray | None = None
    depth_slack: int | None = None
    effort: float = 1.0


class ConstantMatrixSolver(Protocol):
    """What a solver plugin provides."""

    @property
    def name(self) -> str:
        """The name that users choose it by."""

    def solve(self, problem: MatrixProblem) -> AdderGraph:
        """A network whose ``matrix()`` equals the problem's matrix and that keeps its depth limit."""


@dataclass(frozen=True)
class SharingSolver:
    """The default solver: elimination of common subexpressions (:func:`solve_sharing`)."""

    name: str = "sharing"

    def solve(self, problem: MatrixProblem) -> AdderGraph:
        """See :func:`solve_sharing`."""
        return solve_sharing(
            problem.matrix,
            problem.lo,
            problem.hi,
            input_depth=problem.input_depth,
            depth_slack=problem.depth_slack,
            effort=problem.effort,
        )


@hookimpl
def netloom_solvers() -> Sequence[ConstantMatrixSolver]:
    """The solvers of the package, registered through the same hook as anybody's."""
    return [SharingSolver(), Da4mlSolver(), AlkaidSolver(), BestSolver()]
