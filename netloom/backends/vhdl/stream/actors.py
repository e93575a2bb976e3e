"""Which hand-written entity does what an op of dialect `flow` does, and its generics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from netloom.backends.vhdl.text import is_signed, wire_bits
from netloom.core.dataflow import Collect, Spread
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.ir.flow import (
    FlowOp,
    RepackOp,
    ResampleOp,
    StreamConstantOp,
    StreamReduceOp,
    StreamWindowOp,
    stream_of,
)
from netloom.passes.analysis.network import beat_bits


@dataclass(frozen=True)
class Instance:
    """An entity with its generics, as VHDL text."""

    entity: str
    generics: Mapping[str, str]


def instance_of(op: FlowOp) -> Instance:
    """The entity of an actor that is no stage.

    Raises:
        CompileError: NL308 for an op that has none.
    """
    for op_type, rule in _RULES.items():
        if isinstance(op, op_type):
            return rule(op)
    raise CompileError("NL308", f"{op.name} has no VHDL", origin=op.origin_name)


def _window(op: StreamWindowOp) -> Instance:
    actor, stream = op.actor(), stream_of(op.input)
    number_format = op.operand_formats[0]
    generics = {
        "HEIGHT": actor.height,
        "WIDTH": actor.width,
        "OUT_HEIGHT": actor.out_height,
        "OUT_WIDTH": actor.out_width,
        "KERNEL_H": actor.kernel[0],
        "KERNEL_W": actor.kernel[1],
        "STRIDE_H": actor.strides[0],
        "STRIDE_W": actor.strides[1],
        "DILATION_H": actor.dilations[0],
        "DILATION_W": actor.dilations[1],
        "PAD_TOP": actor.padding[0],
        "PAD_LEFT": actor.padding[1],
        "SLICES": actor.slices,
        "CHANNELS": stream.elements,
        "ELEMENT_BITS": wire_bits(number_format),
        "FILL": _bits([int(op.fill_value)], number_format),
    }
    return Instance("netloom_window", {name: str(value) for name, value in generics.items()})


def _repack(op: RepackOp) -> Instance:
    actor = op.actor()
    if isinstance(actor, Collect):
        return Instance("netloom_collect", {"BEATS": str(actor.beats), "WIDTH": str(beat_bits(op.input))})
    assert isinstance(actor, Spread)
    return Instance("netloom_spread", {"BEATS": str(actor.beats), "WIDTH": str(beat_bits(op.result))})


def _reduce(op: StreamReduceOp) -> Instance:
    before, after = op.operand_formats[0], op.result_format
    generics = {
        "BEATS": str(op.actor().beats),
        "CHANNELS": str(op.stream.elements),
        "IN_BITS": str(wire_bits(before)),
        "IN_SIGNED": str(is_signed(before)).lower(),
        "OUT_BITS": str(wire_bits(after)),
        "KIND": f'"{op.kind.data}"',
    }
    return Instance("netloom_beat_reduce", generics)


def _resample(op: ResampleOp) -> Instance:
    actor = op.actor()
    generics = {
        "HEIGHT": str(actor.height),
        "WIDTH": str(actor.width),
        "BEAT_BITS": str(beat_bits(op.input)),
        "PARTS": str(actor.parts),
        "ROWS": _integers(actor.rows),
        "COLUMNS": _integers(actor.columns),
        "ROW_PARTS": _integers(actor.row_parts),
        "COLUMN_PARTS": _integers(actor.column_parts),
    }
    return Instance("netloom_resample", generics)


def _constant(op: StreamConstantOp) -> Instance:
    values = op.value.ints().reshape(-1).tolist()
    generics = {
        "BEATS": str(op.period),
        "WIDTH": str(beat_bits(op.result)),
        "CONTENTS": _bits(values, op.result_format),
    }
    return Instance("netloom_rom", generics)


def _bits(values: Sequence[int], number_format: Format) -> str:
    """Elements side by side, the first least significant."""
    width = wire_bits(number_format)
    digits = [f"{value % (1 << width):0{width}b}" for value in reversed(values)]
    return '"' + "".join(digits) + '"'


def _integers(values: Sequence[int]) -> str:
    """A vector of integers; runs of one value are written once."""
    array = np.asarray(values)
    cuts = np.flatnonzero(np.diff(array)) + 1
    starts = [0, *cuts.tolist(), len(array)]
    runs = [
        f"{first} to {last - 1} => {array[first]}" if last - first > 1 else f"{first} => {array[first]}"
        for first, last in pairwise(starts)
    ]
    return "(" + ", ".join(runs) + ")"


_RULES: Mapping[type[FlowOp], Callable[[Any], Instance]] = {
    StreamWindowOp: _window,
    RepackOp: _repack,
    StreamReduceOp: _reduce,
    ResampleOp: _resample,
    StreamConstantOp: _constant,
}
