"""set-reuse-factors: how often the multipliers of each shared layer are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.passes import ModulePass

from netloom.core.diagnostics import warn
from netloom.ir.nn import DenseOp
from netloom.ir.nn.linear import reuse_factors
from netloom.ir.program import main, program_ops
from netloom.passes.analysis.tree_memory import entries, in_memories, with_entries
from netloom.passes.numbers_by_layer import Numbers, settle

DEFAULT = "1"


@dataclass(frozen=True)
class SetReuseFactors(ModulePass):
    """Every nn.dense with strategy resource gets a reuse factor that divides it.

    Of trees in memories it is how many trees each engine walks; at most all of them.

    Options:
        reuse_factor: a number for all layers, or `16; fc1*=4`: later entries win.
        strict: refuse a factor that does not divide a layer, instead of taking the nearest one that
            does (of two equally near ones the smaller).
    """

    name: ClassVar[str] = "set-reuse-factors"
    reuse_factor: str = DEFAULT
    strict: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Choose, check and set the factors.

        Raises:
            CompileError: NL202 for a pattern that matches no layer, NL203 for what is not a factor,
                NL207 for one that does not divide a layer when `strict`.
        """
        factors = Numbers.parse(self.reuse_factor, "reuse_factor", "a reuse factor")
        dense = [found for found in program_ops(main(op)) if isinstance(found, DenseOp)]
        layers = [layer for layer in dense if layer.strategy.data == "resource"]
        forests = in_memories(program_ops(main(op)))
        if not layers and not forests:
            if self.reuse_factor != DEFAULT:
                warn(f"reuse factor '{self.reuse_factor}' has no effect: no layer has strategy 'resource'")
            return
        factors.check(layer.origin_name for layer in (*layers, *forests))
        for forest in forests:
            factor = factors.of(forest.origin_name, int(DEFAULT))
            most = entries(forest).get("trees", factor)
            forest.memory = with_entries(forest.memory, reuse_factor=min(factor, most))
        for layer in layers:
            taken = self.legal(op, layer, factors.of(layer.origin_name, int(DEFAULT)))
            layer.reuse_factor = IntegerAttr(taken, 64)

    def legal(self, module: ModuleOp, layer: DenseOp, asked: int) -> int:
        """The factor asked for when it divides the layer, else the nearest one that does."""
        inputs, outputs = layer.operand_shapes[1]
        known = reuse_factors(inputs, outputs)
        taken = min(known, key=lambda factor: (abs(factor - asked), factor))
        what = f"a reuse factor of {asked} does not divide {inputs} inputs x {outputs} outputs"
        strict, called = self.strict, "the nearest one"
        return settle(module, layer, what, asked, taken, known, strict=strict, called=called)
