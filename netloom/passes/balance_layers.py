"""balance-layers: layers whose strategy was left open get one, and no more multipliers than they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError
from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp
from netloom.ir.nn import DenseOp
from netloom.ir.nn.linear import reuse_factors
from netloom.ir.program import main, program_ops
from netloom.passes.analysis.hardware import hardware
from netloom.passes.streaming.lower import Lowering

FORMS = ("parallel", "stream")

SMALL = 1024
"""A layer of so few weights other than zero is cheaper as shared adders, whatever the time it has..."""
LARGE = 8192
"""...and one of more is left to multipliers: the search for shared adders would take minutes."""
WORTH_BITS = 64
"""Bits of weights that a multiplier serves before it and its memory are cheaper than their shared adders.

For 64 x 64 weights of 4, 6, 8 and 12 bits shared adders are cheaper up to reuse factors of about 16, 11, 8
and 5, with a hard multiplier counted as 50 tables, by the estimates that benchmarks/estimates.py compares
with synthesis."""


@dataclass(frozen=True)
class BalanceLayers(ModulePass):
    """Every nn.dense with strategy auto gets one of the others.

    In a parallel design that is adder_graph. In a stream a layer that has one pixel while the input has
    sixteen has sixteen cycles for it: it gets strategy resource with a reuse factor that uses them. A layer
    that has too few cycles to spare, or has few weights, becomes adder_graph (latency when it is very large).

    Options:
        form: `parallel` or `stream`.
        interval: cycles that a frame may take in a stream; 0 for the most beats that any stream has.
    """

    name: ClassVar[str] = "balance-layers"
    form: str = "parallel"
    interval: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Choose for each layer.

        Raises:
            CompileError: NL203 for a form or an interval that does not exist.
        """
        if self.form not in FORMS:
            raise CompileError("NL203", f"form '{self.form}'", origin="form", supported=", ".join(FORMS))
        if self.interval < 0:
            raise CompileError(
                "NL203",
                f"an interval of {self.interval} cycles",
                origin="interval",
                supported="0 (as the widest image needs), 1, 2, 3, ...",
            )
        dense = [found for found in program_ops(main(op)) if isinstance(found, DenseOp)]
        chosen = [layer for layer in dense if layer.strategy.data == "auto"]
        spare = self._spare(op) if self.form == "stream" and chosen else {}
        for layer in chosen:
            self._choose(layer, spare.get(layer, 1))

    def _spare(self, module: ModuleOp) -> Mapping[NetloomOp, int]:
        """Cycles that each op has for a beat: those of a frame, over its beats in a frame."""
        plan = Lowering(module, hardware(module)).plan
        cycles = self.interval or plan.most_beats
        return {step.op: cycles // step.result.beats for step in plan.steps if step.kind == "beat"}

    def _choose(self, layer: DenseOp, spare: int) -> None:
        strategy, factor = chosen(layer, spare)
        layer.strategy = StringAttr(strategy)
        if strategy == "resource":
            layer.reuse_factor = IntegerAttr(factor, 64)
        elif self.form == "parallel":
            layer.strategy = StringAttr("adder_graph")


def chosen(layer: DenseOp, spare: int) -> tuple[str, int]:
    """Strategy and reuse factor of a layer with `spare` cycles for each row."""
    inputs, outputs = layer.operand_shapes[1]
    factor = max(known for known in reuse_factors(inputs, outputs) if known <= max(spare, 1))
    weight = layer.weight.owner
    assert isinstance(weight, ConstantOp)
    count = int(np.count_nonzero(weight.value.values))
    sparse = 4 * count < inputs * outputs
    worth = count > LARGE or factor * layer.operand_formats[1].width >= WORTH_BITS
    if factor > 1 and count > SMALL and not sparse and worth:
        return "resource", factor
    return ("adder_graph" if count <= LARGE else "latency"), 1
