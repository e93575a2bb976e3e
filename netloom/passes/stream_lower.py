"""stream-lower: the hardware of a program becomes streams of beats."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import format_of
from netloom.ir.fx import DequantizeOp
from netloom.ir.nn import WindowOp
from netloom.ir.program import erase_unused, main, program_ops, refresh_type, terminator
from netloom.passes.analysis.hardware import hardware
from netloom.passes.lower_windows import MOST_ELEMENTS, lower
from netloom.passes.streaming.build import FlowBuilder
from netloom.passes.streaming.lower import Lowering, has_line_buffer
from netloom.passes.streaming.stages import groups


@dataclass(frozen=True)
class StreamLower(ModulePass):
    """Ops between the ports become `flow` ops: a beat is a pixel, a step of a sequence, or a vector.

    What acts on each beat alone becomes stages, a product and what follows it in each; windows, sums over
    beats and picking of beats become actors of their own; the rest gets its frame in one beat.
    """

    name: ClassVar[str] = "stream-lower"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Between each input and each output port.

        Raises:
            CompileError: NL308 when the program is not legal for hardware, or windows without a line buffer
                are too many.
        """
        for window in program_ops(main(op)):
            if isinstance(window, WindowOp) and window.is_fixed and not has_line_buffer(window):
                _in_one_beat(window)
        erase_unused(main(op))
        program = hardware(op)
        lowering = Lowering(op, program)
        function = main(op)
        decoders = _own_decoders(function)
        anchor = next((found[0] for found in decoders if found), terminator(function))
        builder = FlowBuilder(anchor, groups(lowering.plan.steps))
        for token, (value, info) in zip(lowering.inputs, program.inputs, strict=True):
            builder.source(token, value, info.name)
        for step in lowering.plan.steps:
            builder.step(step)
        ports = zip(lowering.outputs, program.outputs, _positions(function, decoders), strict=True)
        for token, (value, info), position in ports:
            result = builder.sink(token, value, info.name)
            for decoder in decoders[position]:
                decoder.operands = [result if each is value else each for each in decoder.operands]
            if terminator(function).operands[position] is value:
                terminator(function).operands[position] = result
        refresh_type(function)
        erase_unused(function)


def _in_one_beat(window: WindowOp) -> None:
    """Windows without a line buffer are picked from a frame in one beat."""
    elements = math.prod(window.result_shape)
    if elements > MOST_ELEMENTS:
        left, span = window.geometry.padding[1], window.geometry.span(1)
        raise CompileError(
            "NL308",
            f"{left} columns of padding on the left of windows of {span} columns, {elements} elements in all",
            origin=window.origin_name,
            supported=f"less padding than columns, or up to {MOST_ELEMENTS} elements",
            hint="pad with an operator of its own in front of the layer",
        )
    lower(window)


def _own_decoders(function: FuncOp) -> list[list[Operation]]:
    """What the host does for each returned value, as ops of its own in front of the return."""
    end = terminator(function)
    found: list[list[Operation]] = []
    for position, returned in enumerate(end.operands):
        chain: set[Operation] = set()
        pending = [returned]
        while pending:
            value = pending.pop()
            if format_of(value.type) is None and isinstance(value.owner, Operation):
                chain.add(value.owner)
                pending.extend(value.owner.operands)
        values: dict[SSAValue, SSAValue] = {}
        clones = [op.clone(values) for op in function.body.block.ops if op in chain]
        for clone in clones:
            function.body.block.insert_op_before(clone, end)
        found.append(clones)
        end.operands[position] = values.get(returned, returned)
    return found


def _positions(function: FuncOp, decoders: list[list[Operation]]) -> Iterator[int]:
    """Which returned value each output port belongs to."""
    for position, (returned, clones) in enumerate(zip(terminator(function).operands, decoders, strict=True)):
        ends = [op for op in clones if isinstance(op, DequantizeOp)]
        count = 1 if format_of(returned.type) is not None else len({op.input for op in ends})
        yield from [position] * count
