"""cse: ops that compute the same value are computed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from netloom.ir.base import NetloomOp
from netloom.ir.program import main, program_ops, replace

Key = tuple[object, ...]


@dataclass(frozen=True)
class CommonSubexpressions(ModulePass):
    """Same op, operands, properties and type; the first one keeps its origin."""

    name: ClassVar[str] = "cse"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """One walk in program order."""
        seen: dict[Key, NetloomOp] = {}
        for candidate in program_ops(main(op)):
            key = identity(candidate)
            if key in seen:
                replace(candidate, seen[key].results[0])
            else:
                seen[key] = candidate


def identity(op: NetloomOp) -> Key:
    """What makes two ops equal; constants compare by their contents."""
    properties = frozenset((k, v) for k, v in op.properties.items() if k != "origin")
    return (op.name, tuple(op.operands), properties, op.results[0].type)
