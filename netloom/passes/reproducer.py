"""Crash reproducers: one file that repeats the failure of a pass.

The file is a module as it was in front of the failing pass. Attributes of the module hold the rest of the
pipeline, whether it was verified after each pass, and the inputs of check-semantics, so that nothing else is
needed to run it again. MLIR's `--mlir-pass-pipeline-crash-reproducer` is the model.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from xdsl.dialects.builtin import BoolAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.ir import Attribute

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import ArrayAttr
from netloom.ir.text import load_module, print_module

PREFIX = "netloom.reproducer_"
"""What the names of the attributes begin with."""

PACKAGES = ("netloom", "xdsl", "numpy")
"""Packages whose versions a reproducer names."""


@dataclass(frozen=True, eq=False)
class Reproducer:
    """A module and what was to be done with it.

    Attributes:
        module: the module in front of the first pass of `pipeline`.
        pipeline: text of the passes to run.
        verify_each: whether the module is verified after each pass.
        samples: inputs [n, *shape] of check-semantics, None when nothing was compared.
        versions: with what it was made, as text.
    """

    module: ModuleOp
    pipeline: str
    verify_each: bool = True
    samples: Sequence[NDArray[Any]] | None = None
    versions: str = ""

    def text(self, found: str) -> str:
        """The file's contents; `found` is the failure in one line, for the reader."""
        module = self.module.clone()
        module.attributes[f"{PREFIX}pipeline"] = StringAttr(self.pipeline)
        module.attributes[f"{PREFIX}verify_each"] = BoolAttr.from_bool(self.verify_each)
        module.attributes[f"{PREFIX}versions"] = StringAttr(self.versions or installed_versions())
        if self.samples is not None:
            module.attributes[f"{PREFIX}inputs"] = IntegerAttr(len(self.samples), 64)
            for index, array in enumerate(self.samples):
                module.attributes[f"{PREFIX}input{index}"] = ArrayAttr.of(array)
        head = f"// {' '.join(found.split())}\n// To repeat: netloom-opt --run-reproducer FILE\n\n"
        return head + print_module(module)


def installed_versions() -> str:
    """The versions of what takes part in a failure."""
    packages = [f"{package} {version(package)}" for package in PACKAGES]
    return ", ".join([*packages, f"Python {platform.python_version()}"])


def split(module: ModuleOp) -> Reproducer | None:
    """The reproducer that a module's attributes make it; these are removed. None for a plain module."""
    found = {key: module.attributes.pop(key) for key in list(module.attributes) if key.startswith(PREFIX)}
    named = {key.removeprefix(PREFIX): value for key, value in found.items()}
    pipeline, verify_each, versions = (named.get(key) for key in ("pipeline", "verify_each", "versions"))
    if not isinstance(pipeline, StringAttr):
        return None
    return Reproducer(
        module,
        pipeline.data,
        bool(verify_each.value.data) if isinstance(verify_each, IntegerAttr) else True,
        inputs_of(named),
        versions.data if isinstance(versions, StringAttr) else "",
    )


def inputs_of(named: Mapping[str, Attribute]) -> list[NDArray[Any]] | None:
    """The stored inputs, in order; None when nothing was compared."""
    count = named.get("inputs")
    if not isinstance(count, IntegerAttr):
        return None
    arrays = [named.get(f"input{index}") for index in range(count.value.data)]
    return [array.values for array in arrays if isinstance(array, ArrayAttr)]


def load_reproducer(path: Path) -> Reproducer:
    """Read a file that a failing pass left behind.

    Raises:
        CompileError: NL112 when it is not one, and what reading a module raises.
    """
    found = split(load_module(path))
    if found is None:
        raise CompileError(
            "NL112",
            f"the module has no attribute '{PREFIX}pipeline'",
            origin=path.name,
            supported="files written by --reproducer and by netloom-reduce",
            hint="give the passes with --passes",
        )
    return found


def write_text(path: Path, text: str) -> None:
    """Write a file.

    Raises:
        CompileError: NL501 when that fails.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CompileError(
            "NL501", error.strerror or str(error), origin=path.name, hint="choose another file"
        ) from error
