"""netloom: from a trained network to hardware, with one answer on every path."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from netloom.core.diagnostics import CompileError, NetloomWarning

if TYPE_CHECKING:
    from netloom import config
    from netloom.api import Design, compile, load
    from netloom.ir.compose import beside, chain
    from netloom.replacement import load_trees

__version__ = "0.1.0"
__all__ = [
    "CompileError",
    "Design",
    "NetloomWarning",
    "beside",
    "chain",
    "compile",
    "config",
    "load",
    "load_trees",
]


def __getattr__(name: str) -> Any:
    """Load the compiler at first use, so that importing netloom stays fast."""
    if name in ("Design", "compile", "load"):
        from netloom import api

        return getattr(api, name)
    if name in ("beside", "chain"):
        from netloom.ir import compose

        return getattr(compose, name)
    if name == "load_trees":
        from netloom.replacement import load_trees

        return load_trees
    if name == "config":
        return importlib.import_module("netloom.config")
    raise AttributeError(f"module 'netloom' has no attribute '{name}'")
