"""dce: ops that nothing uses vanish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from netloom.ir.program import erase_unused, main


@dataclass(frozen=True)
class DeadCodeElimination(ModulePass):
    """All ops are pure, so an unused result means an unused op."""

    name: ClassVar[str] = "dce"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Erase from the end, so that one walk suffices."""
        erase_unused(main(op))
