"""What a frontend is."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from xdsl.dialects.builtin import ModuleOp


@runtime_checkable
class Frontend(Protocol):
    """Reads one kind of model."""

    @property
    def name(self) -> str:
        """Name by which it is listed."""

    @property
    def description(self) -> str:
        """What it reads, one line."""

    def accepts(self, model: Any) -> bool:
        """Whether `model` (a path or an object) is of its kind; must not raise."""

    def load(self, model: Any) -> ModuleOp:
        """The model as a module of dialect `nn` on real tensors.

        Raises:
            CompileError: of the codes NL101 to NL112.
        """
