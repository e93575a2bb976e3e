"""set-reuse-factors: how often the multipliers of each shared layer are used."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError, warn
from netloom.core.precision import check_pattern, matches
from netloom.ir.nn import DenseOp
from netloom.ir.nn.linear import reuse_factors
from netloom.ir.program import add_note, main, program_ops

DEFAULT = "1"
NEAR = 3
"""How many legal factors below and above the one asked for an error names."""


@dataclass(frozen=True)
class SetReuseFactors(ModulePass):
    """Every nn.dense with strategy resource gets a reuse factor that divides it.

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
        entries = self.entries()
        dense = [found for found in program_ops(main(op)) if isinstance(found, DenseOp)]
        layers = [layer for layer in dense if layer.strategy.data == "resource"]
        if not layers:
            if self.reuse_factor != DEFAULT:
                warn(f"reuse factor '{self.reuse_factor}' has no effect: no layer has strategy 'resource'")
            return
        names = sorted({layer.origin_name for layer in layers})
        for pattern, _ in entries:
            check_pattern(pattern, names)
        for layer in layers:
            asked = [factor for pattern, factor in entries if matches(layer.origin_name, pattern)]
            taken = self.legal(op, layer, asked[-1] if asked else int(DEFAULT))
            layer.reuse_factor = IntegerAttr(taken, 64)

    def entries(self) -> list[tuple[str, int]]:
        """Pattern and factor of each entry; a number alone is for every layer.

        Raises:
            CompileError: NL203 for what is not a positive whole number.
        """
        found: list[tuple[str, int]] = []
        for part in filter(None, (text.strip() for text in self.reuse_factor.split(";"))):
            pattern, equals, number = (text.strip() for text in part.rpartition("="))
            if not (number.isascii() and number.isdigit() and int(number)):
                raise CompileError(
                    "NL203",
                    f"'{number}' is not a reuse factor",
                    origin=pattern or "reuse_factor",
                    supported="1, 2, 3, ... for all layers, or by layer as in '16; fc1*=4'",
                )
            found.append((pattern if equals else "*", int(number)))
        return found

    def legal(self, module: ModuleOp, layer: DenseOp, asked: int) -> int:
        """The factor asked for when it divides the layer, else the nearest one that does."""
        inputs, outputs = layer.operand_shapes[1]
        known = reuse_factors(inputs, outputs)
        if asked in known:
            return asked
        taken = min(known, key=lambda factor: (abs(factor - asked), factor))
        what = f"a reuse factor of {asked} does not divide {inputs} inputs x {outputs} outputs"
        if self.strict:
            place = bisect(known, asked)
            near = known[max(place - NEAR, 0) : place + NEAR]
            raise CompileError(
                "NL207",
                what,
                origin=layer.origin_name,
                supported=", ".join(map(str, near)) + (", ..." if len(near) < len(known) else ""),
                hint=f"take {taken}, or leave 'strict' out to have the nearest one taken",
            )
        warn(f"layer '{layer.origin_name}': {what}; {taken} is taken")
        add_note(module, layer.origin_name, f"{what}; {taken} is taken")
        return taken
