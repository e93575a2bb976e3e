"""IR modules as input: `.mlir` files, and modules in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xdsl.dialects.builtin import ModuleOp

from netloom.core.hooks import hookimpl
from netloom.ir.text import load_module


@dataclass(frozen=True)
class IrFrontend:
    """Text that `netloom-opt` prints, and `ModuleOp` objects (which are copied)."""

    name: str = "ir"
    description: str = "netloom IR: .mlir files, xdsl ModuleOp"

    def accepts(self, model: Any) -> bool:
        """Files ending in .mlir, and modules."""
        if isinstance(model, str | Path):
            return str(model).lower().endswith(".mlir")
        return isinstance(model, ModuleOp)

    def load(self, model: Any) -> ModuleOp:
        """Parse, or clone.

        Raises:
            CompileError: NL101 or NL112.
        """
        if isinstance(model, ModuleOp):
            return model.clone()
        return load_module(Path(model))


@hookimpl
def netloom_frontends() -> Sequence[IrFrontend]:
    """The frontend."""
    return [IrFrontend()]
