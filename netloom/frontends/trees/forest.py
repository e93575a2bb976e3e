"""A fitted ensemble as every library's frontend describes it, and its module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from xdsl.dialects.builtin import BoolAttr, IntegerAttr, ModuleOp, StringAttr, UnitAttr
from xdsl.ir import SSAValue

from netloom.core.ensemble import Ensemble
from netloom.ir.attributes import ArrayAttr, real_tensor, shape_of
from netloom.ir.base import NetloomOp, Op, make
from netloom.ir.fx import ConstantOp
from netloom.ir.nn import (
    ArgMaxOp,
    ConcatOp,
    FunctionOp,
    MulOp,
    ReshapeOp,
    SoftmaxOp,
    SubOp,
)
from netloom.ir.program import add_note, finish_function, new_function
from netloom.ir.tree import EXACT_SCALE, ensemble_op


@dataclass(frozen=True, eq=False)
class Forest:
    """An ensemble and what its library does with the sums.

    Attributes:
        ensemble: over real numbers.
        steps: what follows, in order: `sigmoid`, `softmax`, `exp`, `exp_negative`, `argmax`, `negative`,
            `complement` (p becomes 1 - p and p), `opposite` (s becomes -s and s), `flat` (one result without
            an axis).
        scale: of the sums, first.
        name: of the model.
        input, output: names of the ports.
        notes: remarks for the report.
    """

    ensemble: Ensemble
    steps: Sequence[str] = ()
    scale: float = 1.0
    name: str = "trees"
    input: str = "x"
    output: str = "score"
    notes: Sequence[str] = field(default_factory=tuple)

    def named(self, name: str) -> Forest:
        """The same under a name."""
        return replace(self, name=name)


def module_of(forest: Forest) -> ModuleOp:
    """The module: one ensemble and what follows it."""
    shape = (1, forest.ensemble.n_features)
    module, function = new_function(
        [(forest.input, real_tensor(shape))], batched=True, source_name=forest.name
    )
    writer = Writer(function.body.block.add_op)
    result = writer.ensemble(function.body.block.args[0], forest)
    finish_function(function, [(forest.output, result)])
    for text in forest.notes:
        add_note(module, "trees", text)
    return module


class Writer:
    """Appends the ops of a forest; the hook for hybrid graphs."""

    def __init__(self, add: object, origin: str = "") -> None:
        self._add, self._origin = add, origin

    def op(
        self, op_type: type[Op], operands: Sequence[SSAValue], name: str, **properties: object
    ) -> SSAValue:
        """Append an op."""
        made = make(op_type, operands, origin=f"{self._origin}{name}", **properties)  # type: ignore[arg-type]
        return self.insert(made)

    def insert(self, op: NetloomOp) -> SSAValue:
        """Append an op that was made."""
        self._add(op)  # type: ignore[operator]
        return op.results[0]

    def constant(self, value: float) -> SSAValue:
        """A real constant."""
        return self.op(ConstantOp, [], "constant", value=ArrayAttr.of(np.array([[value]], dtype=np.float64)))

    def ensemble(self, x: SSAValue, forest: Forest) -> SSAValue:
        """The whole forest on a tensor [..., F]."""
        value = self.insert(ensemble_op(x, forest.ensemble, f"{self._origin}trees"))
        if forest.scale != 1.0:
            value = self.op(MulOp, [value, self.constant(forest.scale)], "scale")
            value.owner.attributes[EXACT_SCALE] = UnitAttr()  # type: ignore[union-attr]  # it is an op
        for step in forest.steps:
            value = self.step(value, step)
        return value

    def step(self, value: SSAValue, step: str) -> SSAValue:
        """One of the steps of `Forest.steps`."""
        rank = len(shape_of(value.type))
        if step == "softmax":
            return self.op(SoftmaxOp, [value], step, axis=IntegerAttr(rank - 1, 64))
        if step == "argmax":
            axis, keep = IntegerAttr(rank - 1, 64), BoolAttr.from_bool(False)
            return self.op(ArgMaxOp, [value], step, axis=axis, keep_axes=keep)
        if step == "negative":
            return self.op(MulOp, [value, self.constant(-1.0)], step)
        if step == "complement":
            other = self.op(SubOp, [self.constant(1.0), value], step)
            return self.op(ConcatOp, [other, value], "classes", axis=IntegerAttr(rank - 1, 64))
        if step == "opposite":
            other = self.op(MulOp, [value, self.constant(-1.0)], step)
            return self.op(ConcatOp, [other, value], "classes", axis=IntegerAttr(rank - 1, 64))
        if step == "flat":
            shape = ArrayAttr.of(np.array(shape_of(value.type)[:-1], dtype=np.int64))
            return self.op(ReshapeOp, [value], step, shape=shape)
        return self.op(FunctionOp, [value], step, function=StringAttr(step))
