"""insert-fifos: a FIFO on every way from an actor to an actor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import StreamType
from netloom.ir.flow import FifoOp, FlowOp, StageOp
from netloom.ir.program import main, program_ops
from netloom.passes.streaming.build import with_fifo


@dataclass(frozen=True)
class InsertFifos(ModulePass):
    """Every use of a stream gets a FIFO of its own; several FIFOs of one stream are a fork.

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
        for user in program_ops(main(op)):
            if not isinstance(user, FlowOp) or isinstance(user, FifoOp):
                continue
            for index, operand in enumerate(user.operands):
                if isinstance(operand.type, StreamType) and not isinstance(operand.owner, FifoOp):
                    with_fifo(operand, user, index, self.depth, _label(user, taken))


def _label(user: FlowOp, taken: dict[str, int]) -> str:
    """The name of the actor that reads the FIFO, and what that is."""
    kind = user.name.removeprefix("flow.")
    name = user.label.data if isinstance(user, StageOp) else f"{user.origin_name}_{kind}"
    taken[name] = taken.get(name, 0) + 1
    return f"{name}_in" if taken[name] == 1 else f"{name}_in{taken[name]}"
