"""Passes with defects, for the tests of the tools that find them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from netloom.core.fixed import Overflow, Precision, Rounding
from netloom.core.plugins import Provided, registry
from netloom.ir.attributes import real_tensor
from netloom.ir.nn import AddOp, MulOp, ReluOp
from netloom.ir.program import main, program_ops
from netloom.passes import manager
from netloom.passes.rewriting import Builder
from tests.passes.programs import ops_of


@dataclass(frozen=True)
class DropRelu(ModulePass):
    """Wrong: a rectifier of a sum vanishes; in fixed point, its low bits are taken as they are."""

    name: ClassVar[str] = "drop-relu"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for each in ops_of(op, ReluOp):
            if isinstance(each.operands[0].owner, AddOp):
                build, value = Builder(each), each.operands[0]
                if each.is_fixed:
                    value = build.cast(value, Precision(each.result_format, Rounding.TRN, Overflow.WRAP))
                build.finish(value)


@dataclass(frozen=True)
class Stumble(ModulePass):
    """Raises something of its own for a product of a rectifier's result."""

    name: ClassVar[str] = "stumble"
    words: str = "no rule for a product"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for each in program_ops(main(op)):
            if isinstance(each, MulOp) and any(isinstance(o.owner, ReluOp) for o in each.operands):
                raise LookupError(self.words)


@dataclass(frozen=True)
class Shrink(ModulePass):
    """Gives the first sum a shape that it does not have."""

    name: ClassVar[str] = "shrink"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        Rewriter.replace_value_with_new_type(ops_of(op, AddOp)[0].result, real_tensor((1,)))


DEFECTS: Sequence[type[ModulePass]] = (DropRelu, Stumble, Shrink)


@pytest.fixture
def defects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defective passes are there by name, as if a plugin brought them."""
    known = registry()
    passes = {**known.passes, **{each.name: Provided(each.name, each, "test") for each in DEFECTS}}
    monkeypatch.setattr(manager, "registry", lambda: replace(known, passes=passes))
