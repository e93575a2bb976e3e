"""stream-lower: the hardware of a program becomes streams of beats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from netloom.ir.flow import FlowOp
from netloom.ir.program import erase_unused, main, refresh_type, terminator
from netloom.passes.analysis.hardware import Hardware, hardware
from netloom.passes.streaming.build import FlowBuilder
from netloom.passes.streaming.lower import Lowering
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
            CompileError: NL308 when the program is not legal for hardware.
        """
        program = hardware(op)
        lowering = Lowering(op, program)
        function = main(op)
        builder = FlowBuilder(_decoders_last(op, program), groups(lowering.plan.steps))
        for token, (value, info) in zip(lowering.inputs, program.inputs, strict=True):
            builder.source(token, value, info.name)
        for step in lowering.plan.steps:
            builder.step(step)
        chip = set(program.ops)
        for token, (value, info) in zip(lowering.outputs, program.outputs, strict=True):
            kept = [use for use in value.uses if use.operation not in chip]
            result = builder.sink(token, value, info.name)
            for use in kept:
                if not isinstance(use.operation, FlowOp):
                    use.operation.operands[use.index] = result
        refresh_type(function)
        erase_unused(function)


def _decoders_last(module: ModuleOp, program: Hardware) -> Operation:
    """Move what the host does with outputs behind everything else; the first op of it."""
    function = main(module)
    end = terminator(function)
    after: dict[Operation, None] = {}
    pending = [value for value, _ in program.outputs]
    chip = set(program.ops)
    while pending:
        for use in pending.pop().uses:
            user = use.operation
            if user not in chip and user is not end and user not in after:
                after[user] = None
                pending.extend(user.results)
    moved = [op for op in function.body.block.ops if op in after]
    for op in moved:
        op.detach()
        function.body.block.insert_op_before(op, end)
    return moved[0] if moved else end
