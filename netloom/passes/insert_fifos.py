"""insert-fifos: a FIFO on every way from an actor to an actor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import StreamType
from netloom.ir.flow import FifoOp, FlowOp, RepackOp, StageOp
from netloom.ir.program import erase_unused, main, program_ops
from netloom.passes.streaming.build import with_fifo


@dataclass(frozen=True)
class InsertFifos(ModulePass):
    """Every use of a stream gets a FIFO of its own; several FIFOs of one stream are a fork.

    A repacking that leaves the beats as they are is no hardware: the FIFO behind it takes its place.

    Options:
        depth: beats that each holds; at least 2 lets a beat pass in every cycle.
    """

    name: ClassVar[str] = "insert-fifos"
    depth: int = 2

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Streams that have a FIFO already keep it.

        Raises:
            CompileError: NL203 for a depth below 1.
        """
        if self.depth < 1:
            raise CompileError(
                "NL203", f"a FIFO depth of {self.depth}", origin="depth", supported="1, 2, 3, ..."
            )
        taken: dict[str, int] = {}
        function = main(op)
        for user in program_ops(function):
            if not isinstance(user, FlowOp) or isinstance(user, FifoOp) or _is_view(user):
                continue
            for index, operand in enumerate(user.operands):
                if isinstance(operand.type, StreamType) and not isinstance(operand.owner, FifoOp):
                    with_fifo(_behind_views(operand), user, index, self.depth, _label(user, taken))
        erase_unused(function)


def _is_view(op: object) -> bool:
    return isinstance(op, RepackOp) and op.is_view


def _behind_views(value: SSAValue) -> SSAValue:
    while isinstance(value.owner, RepackOp) and value.owner.is_view:
        value = value.owner.input
    return value


def _label(user: FlowOp, taken: dict[str, int]) -> str:
    """The name of the actor that reads the FIFO, and what that is."""
    kind = user.name.removeprefix("flow.")
    name = user.label.data if isinstance(user, StageOp) else f"{user.origin_name}_{kind}"
    taken[name] = taken.get(name, 0) + 1
    return f"{name}_in" if taken[name] == 1 else f"{name}_in{taken[name]}"
