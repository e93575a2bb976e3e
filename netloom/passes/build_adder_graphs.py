"""build-adder-graphs: constant matrices become shift-add networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from netloom.core.adder_graph import AdderGraph
from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.plugins import registry
from netloom.ir.da import kernel_from_graph
from netloom.ir.fx import ConstantOp
from netloom.ir.interval import Interval
from netloom.ir.nn import DenseOp
from netloom.ir.program import erase_unused, insert_before, main, program_ops, replace
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.solvers import ConstantMatrixSolver, MatrixProblem


@dataclass(frozen=True)
class BuildAdderGraphs(ModulePass):
    """Every nn.dense with strategy adder_graph becomes a da.kernel.

    Options:
        depth_slack: how many adder levels deeper than necessary an output may be in exchange for
            less hardware; negative means no limit.
        effort: how much search to spend: 0 for one try, 1 for every setting of the solver and a search.
        solver: name of the solver; `netloom plugins` lists them.
    """

    name: ClassVar[str] = "build-adder-graphs"
    depth_slack: int = 1
    effort: float = 0.03
    solver: str = "sharing"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Solve each layer with the exact ranges of its inputs.

        Raises:
            CompileError: NL203 for an unknown solver, NL703 when a network does not compute its matrix.
        """
        solver = find_solver(self.solver)
        intervals = dict(value_intervals(op))
        function = main(op)
        for candidate in program_ops(function):
            if isinstance(candidate, DenseOp) and candidate.strategy.data == "adder_graph":
                interval = intervals[candidate.result]
                intervals[self.unroll(solver, candidate, intervals[candidate.input])] = interval
        erase_unused(function)

    def unroll(self, solver: ConstantMatrixSolver, op: DenseOp, inputs: Interval) -> SSAValue:
        """Replace one layer; its new result."""
        weight = op.weight.owner
        bias = op.bias.owner if op.bias is not None else None
        assert isinstance(weight, ConstantOp)
        problem = MatrixProblem(
            weight.value.ints(),
            *per_input(inputs),
            depth_slack=self.depth_slack if self.depth_slack >= 0 else None,
            effort=self.effort,
        )
        graph = solved(solver, problem, op.origin_name)
        kernel = kernel_from_graph(
            op.input,
            graph,
            weight.result_format.fraction,
            bias.value.ints() if isinstance(bias, ConstantOp) else None,
            op.origin_name,
            result=op.result.type,
        )
        result = insert_before(op, kernel)
        replace(op, result)
        return result


def find_solver(name: str) -> ConstantMatrixSolver:
    """The solver of a name, from whichever plugin has it.

    Raises:
        CompileError: NL203 when there is none.
    """
    known = registry().solvers
    if name in known:
        solver: ConstantMatrixSolver = known[name].value
        return solver
    raise CompileError(
        "NL203",
        f"unknown solver '{name}'",
        origin="solver",
        supported=", ".join(known),
        hint=suggestion(name, known),
    )


def solved(solver: ConstantMatrixSolver, problem: MatrixProblem, origin: str) -> AdderGraph:
    """The solver's network, proved: a wrong one from a plugin must not become hardware.

    Raises:
        CompileError: NL703 when it does not compute the matrix.
    """
    graph = solver.solve(problem)
    if np.array_equal(graph.matrix(), problem.matrix):
        return graph
    raise CompileError(
        "NL703",
        f"solver '{solver.name}' gave a network that does not compute the layer's matrix",
        origin=origin,
        hint=f"report it to the makers of {registry().solvers[solver.name].plugin}",
    )


def per_input(
    interval: Interval,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Bounds of each element of the last axis over all rows."""
    columns = interval.low.shape[-1]
    low = interval.low.reshape(-1, columns).min(axis=0).astype(np.int64)
    high = interval.high.reshape(-1, columns).max(axis=0).astype(np.int64)
    return low, high
