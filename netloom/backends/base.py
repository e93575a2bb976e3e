"""What a backend is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from xdsl.dialects.builtin import ModuleOp

from netloom.core.devices import find_device
from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.options import typed
from netloom.core.plan import BuildPlan


@dataclass(frozen=True)
class BackendOptions:
    """Options that every backend has; a backend adds its own as further fields.

    Attributes:
        clock_period_ns: target clock period.
        device: name in `netloom.core.devices`.
    """

    clock_period_ns: float = 5.0
    device: str = "xcvu9p"

    backend: ClassVar[str] = ""

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203 for a value that is not allowed, NL206 for an unknown device.
        """
        if not self.clock_period_ns > 0:
            raise CompileError(
                "NL203",
                f"a clock period of {self.clock_period_ns:g} ns",
                origin="clock_period_ns",
                supported="a positive number of nanoseconds",
            )
        find_device(self.device)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Options from names and values.

        Raises:
            CompileError: NL201 for a name that is not an option, and what the values raise.
        """
        known = [option.name for option in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise CompileError(
                    "NL201",
                    f"'{name}' is not an option of the backend {cls.backend}".rstrip(),
                    origin=name,
                    supported=", ".join(known),
                    hint=suggestion(name, known),
                )
        return cls(**typed(cls, values))


@dataclass(frozen=True)
class ToolReport:
    """Figures that a vendor's tool wrote, by name; absent when a report has not been made."""

    figures: Mapping[str, float]


@runtime_checkable
class Backend(Protocol):
    """A target: how programs become legal for it, and how a legal program becomes a project."""

    @property
    def name(self) -> str:
        """Name by which users choose it."""

    @property
    def description(self) -> str:
        """What it is, one line."""

    @property
    def io(self) -> tuple[str, ...]:
        """The forms of design that it makes: `parallel`, `stream`."""

    @property
    def options(self) -> type[BackendOptions]:
        """Class of its options."""

    def pipeline(self, options: Any) -> str:
        """Textual pass pipeline from an imported program to one that `emit` takes."""

    def emit(self, module: ModuleOp, options: Any) -> BuildPlan:
        """Files and tool steps of a project; pure, and the same bytes every time."""

    def simulator(self, plan: BuildPlan) -> Any | None:
        """What runs the emitted files (see `netloom.sim`), or None."""

    def read_report(self, directory: Path) -> ToolReport | None:
        """Figures of the vendor's reports below a project directory, or None before any run."""
