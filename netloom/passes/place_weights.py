"""place-weights: which layers read their weights from a memory outside the chip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.precision import check_pattern, entries, matches
from netloom.ir.nn import DenseOp
from netloom.ir.program import add_note, main, program_ops

PLACES = ("internal", "external")


@dataclass(frozen=True)
class PlaceWeights(ModulePass):
    """Layers of strategy resource may read their weights from a memory outside, a word in each cycle.

    The others keep them: shared adders are the weights, and a multiplier for each weight needs all at once.
    So does a layer with reuse factor 1.

    Options:
        weights: `internal` or `external` for all layers that can, or by layer as in
            `internal; fc1*=external`: later entries win.
        memory_latency: cycles that the memory takes to answer; latency and interval are predicted for it.
    """

    name: ClassVar[str] = "place-weights"
    weights: str = PLACES[0]
    memory_latency: int = 32

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Mark the layers; a note says what each needs of the memory.

        Raises:
            CompileError: NL202 for a pattern that matches no layer, NL203 for a place or a latency that does
                not exist, and for layers that cannot read their weights from outside.
        """
        if self.memory_latency < 1:
            raise CompileError(
                "NL203",
                f"a memory latency of {self.memory_latency} cycles",
                origin="memory_latency",
                supported="1, 2, 3, ...",
            )
        overall, single = placing(self.weights)
        layers = [found for found in program_ops(main(op)) if isinstance(found, DenseOp)]
        names = sorted({layer.origin_name for layer in layers})
        for pattern, _ in single:
            check_pattern(pattern, names)
        for pattern, place in [("*", overall), *single]:
            meant = [layer for layer in layers if matches(layer.origin_name, pattern)]
            if place == "external":
                _check(meant, pattern)
            for layer in meant:
                outside = place == "external" and _able(layer)
                layer.memory_latency = IntegerAttr(self.memory_latency, 64) if outside else None
        for layer in layers:
            if layer.memory_latency is not None:
                add_note(op, layer.origin_name, _needs(layer))


def placing(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Where the weights of all layers stand, and pattern and place of single ones.

    Raises:
        CompileError: NL203 for a place that does not exist.
    """
    overall, single = PLACES[0], []
    for pattern, place in entries(text):
        if place not in PLACES:
            raise CompileError(
                "NL203",
                f"'{place}' is no place for weights",
                origin=pattern or "weights",
                supported=f"{' or '.join(PLACES)}, or by layer as in 'internal; fc1*=external'",
                hint=suggestion(place, PLACES),
            )
        if pattern is None:
            overall = place
        else:
            single.append((pattern, place))
    return overall, single


def _able(layer: DenseOp) -> bool:
    """Whether a layer can read its weights from outside."""
    return layer.reuse_factor is not None and layer.reuse_factor.value.data > 1


def _check(layers: Sequence[DenseOp], pattern: str) -> None:
    """One of the layers at least can read its weights from outside."""
    if any(_able(layer) for layer in layers):
        return
    found = "no layer shares multipliers"
    if layers and layers[0].reuse_factor is not None:
        found = "with a reuse factor of 1 every weight is needed in every cycle"
    elif layers:
        found = f"a layer of strategy '{layers[0].strategy.data}' has no words of weights to read"
    raise CompileError(
        "NL203",
        found,
        origin=layers[0].origin_name if layers and pattern != "*" else "weights",
        supported="weights outside for layers of strategy 'resource' with a reuse factor above 1",
        hint="choose strategy='resource' and a reuse_factor for the layer",
    )


def _needs(layer: DenseOp) -> str:
    """What a layer asks of the memory outside, and what it saves."""
    port = layer.weight_port
    assert port is not None
    beats = math.prod(layer.operand_shapes[0][:-1])
    return (
        f"weights are read from a memory outside: {port.words} words of {port.word_bits} bits for each of"
        f" {beats} beats; {beats * port.traffic_bits} bits a frame, up to {port.data_bits} bits a cycle;"
        f" saves {port.words * port.word_bits} bits on the chip for a buffer of {port.buffer_bits} bits"
    )
