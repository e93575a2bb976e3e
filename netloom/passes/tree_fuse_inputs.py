"""fuse-tree-inputs: scalers in front of trees move into the thresholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from netloom.core.cuts import pulled_back
from netloom.ir import program
from netloom.ir.attributes import shape_of
from netloom.ir.nn import AddOp, BinaryOp, DivOp, MulOp, SubOp
from netloom.ir.program import add_note, erase_unused, insert_before, main, program_ops
from netloom.ir.tree import EnsembleOp, ensemble_op
from netloom.passes.analysis.chains import constant_value
from netloom.passes.host import is_host_value

Reals = NDArray[np.float64]
Step = Callable[[NDArray[np.float32]], NDArray[Any]]


@dataclass(frozen=True)
class FuseTreeInputs(ModulePass):
    """A comparison of x * a + b with a threshold becomes one of x; a, b are constants by feature.

    The new threshold is where the float32 result of these steps, as the source computes it, passes the old
    one; so no number takes another way. Steps that fall when x rises stay.
    """

    name: ClassVar[str] = "fuse-tree-inputs"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Every real tree.ensemble, from its input back."""
        function = main(op)
        for candidate in program_ops(function):
            if isinstance(candidate, EnsembleOp) and not candidate.is_fixed:
                fuse(candidate, op)
        erase_unused(function)


def fuse(op: EnsembleOp, module: ModuleOp) -> None:
    """Take all rising steps in front of one op."""
    value, steps = op.input, list[Step]()
    while (found := rising_step(value, op.ensemble.feature)) is not None:
        value, step = found
        steps.insert(0, step)
    # Behind a layer, the layer's own precision says what arrives at the trees.
    if not steps or not is_host_value(value):
        return
    trees = op.ensemble

    def scaled(x: Reals) -> Reals:
        y = x.astype(np.float32)
        for step in steps:
            y = step(y).astype(np.float32)
        return y.astype(np.float64)

    fused = replace(trees, threshold=pulled_back(trees.threshold, scaled))
    name = op.origin.data if op.origin else ""
    made = ensemble_op(value, fused, name, result=op.result.type, memory=op.memory)
    made.attributes.update(op.attributes)
    program.replace(op, insert_before(op, made))
    add_note(module, op.origin_name, f"{len(steps)} steps of scaling moved into the thresholds")


def rising_step(value: SSAValue, feature: NDArray[np.int64]) -> tuple[SSAValue, Step] | None:
    """What a value is computed from by one rising step, and the step on the features of the nodes."""
    step = value.owner
    if not isinstance(step, AddOp | SubOp | MulOp | DivOp) or not value.has_one_use():
        return None
    flipped = isinstance(step, AddOp | MulOp) and constant_value(step.rhs) is None
    x, constant = (step.rhs, step.lhs) if flipped else (step.lhs, step.rhs)
    number = constant_value(constant)
    if number is None or shape_of(x.type) != shape_of(value.type):
        return None
    columns = np.broadcast_to(number, shape_of(value.type)).reshape(-1, shape_of(value.type)[-1])
    if np.any(columns != columns[0]) or (isinstance(step, MulOp | DivOp) and np.any(columns <= 0)):
        return None
    return x, _on_nodes(type(step), columns[0].astype(np.float32)[feature])


def _on_nodes(kind: type[BinaryOp], number: NDArray[np.float32]) -> Step:
    operations: dict[type[BinaryOp], Any] = {
        AddOp: np.add,
        SubOp: np.subtract,
        MulOp: np.multiply,
        DivOp: np.divide,
    }
    return lambda x: np.asarray(operations[kind](x, number))
