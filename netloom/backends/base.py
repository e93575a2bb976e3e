"""What a backend is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

from netloom.core.devices import find_device
from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.options import typed
from netloom.core.plan import BuildPlan
from netloom.passes.analysis.hardware import PortInfo
from netloom.sim.result import SimulationResult


@dataclass(frozen=True)
class BackendOptions:
    """Options that every backend has; a backend adds its own as further fields.

    Attributes:
        clock_period_ns: target clock period.
        device: name in `netloom.core.devices`.
        io: the form of design, as `compile` was asked for it: `parallel` or `stream`.
    """

    clock_period_ns: float = 5.0
    device: str = "xcvu9p"
    io: str = "parallel"

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

    @property
    def preparation(self) -> str:
        """Passes between cleaning the imported program and the choice of formats, for a pipeline."""
        return ""

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


class Simulator(Protocol):
    """What runs the files of a plan."""

    def run(
        self, inputs: Sequence[NDArray[np.int64]], *, progress: Callable[[int, int], None] | None = None
    ) -> SimulationResult:
        """Feed samples and return what comes out.

        Args:
            inputs: mantissas int64[N, *shape] for each input port, in the order of the plan's ports.
            progress: called with the number of samples done and their total.

        Raises:
            CompileError: NL601 or NL602 when a tool is missing or fails.
        """


def fit(backend: str, plan: Any) -> BuildPlan:
    """The plan, when it has what the compiler reads of it.

    Raises:
        CompileError: NL803 when it has not.
    """
    found = _misfit(plan)
    if found:
        raise CompileError(
            "NL803",
            found,
            origin=f"backend '{backend}'",
            hint="see docs/how-to/write-a-backend.md, 'The backend'",
        )
    assert isinstance(plan, BuildPlan)
    return plan


def _misfit(plan: Any) -> str:
    """What a plan lacks, or nothing."""
    if not isinstance(plan, BuildPlan):
        return f"emit returned {type(plan).__qualname__}, not a BuildPlan"
    missing = [name for name in ("backend", "ports", "signals") if name not in plan.properties]
    if missing:
        return f"the plan has no property {', '.join(missing)}"
    vectors = plan.properties.get("vectors", "decimal")
    if vectors not in ("decimal", "hexadecimal"):
        return f"the plan's property vectors is '{vectors}', not decimal or hexadecimal"
    names = len(plan.properties["signals"].split(","))
    ports = len(PortInfo.from_json(plan.properties["ports"]))
    return "" if names == ports else f"the plan's property signals has {names} names for {ports} ports"


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
        """Files and tool steps of a project; pure, and the same bytes every time.

        The plan's properties must hold `backend`, `ports` (JSON of the ports, inputs first, as
        `netloom.passes.analysis.hardware.PortInfo.to_json` writes them) and `signals` (a name for each port,
        comma separated, that names the files of its vectors); `vectors` is `hexadecimal` or `decimal`.
        """

    def simulator(self, plan: BuildPlan) -> Simulator | None:
        """What runs the emitted files, or None."""

    def read_report(self, directory: Path) -> ToolReport | None:
        """Figures of the vendor's reports below a project directory, or None before any run."""
