"""The ONNX frontend, registered through the plugin hooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xdsl.dialects.builtin import ModuleOp

from netloom.core.diagnostics import CompileError
from netloom.core.hooks import hookimpl


@dataclass(frozen=True)
class OnnxFrontend:
    """ONNX and QONNX: `.onnx` files and `onnx.ModelProto` objects."""

    name: str = "onnx"
    description: str = "ONNX and QONNX models: .onnx files, onnx.ModelProto"

    def accepts(self, model: Any) -> bool:
        """Files ending in .onnx, and protobuf models."""
        if isinstance(model, str | Path):
            return str(model).lower().endswith((".onnx", ".qonnx"))
        return type(model).__name__ == "ModelProto"

    def load(self, model: Any) -> ModuleOp:
        """Import a model.

        Raises:
            CompileError: NL101 to NL110, with the file's name.
        """
        from netloom.frontends.onnx.batch import import_model
        from netloom.frontends.onnx.load import check_model, load_model
        from netloom.frontends.onnx.ops import CONVERTERS

        if not isinstance(model, str | Path):
            check_model(model)
            return import_model(model, CONVERTERS)
        path = Path(model)
        try:
            return import_model(load_model(path), CONVERTERS)
        except CompileError as error:
            if error.origin == path.name:
                raise
            raise error.in_file(path.name) from error


@hookimpl
def netloom_frontends() -> Sequence[OnnxFrontend]:
    """The frontend."""
    return [OnnxFrontend()]
