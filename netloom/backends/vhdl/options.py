"""Options of the backend `vhdl`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netloom.backends.strategy import StrategyOptions
from netloom.core.diagnostics import CompileError


@dataclass(frozen=True)
class VhdlOptions(StrategyOptions):
    """Options of the backend `vhdl`.

    Attributes:
        register_inputs: whether every input port is registered first.
        register_outputs: whether every output port is a register.
        latency_cycles: cycles from an input to its output at most, in a parallel design: the clock period is
            then the shortest for which they are enough. 0 for as many as `clock_period_ns` needs.
    """

    register_inputs: bool = False
    register_outputs: bool = True
    latency_cycles: int = 0

    backend: ClassVar[str] = "vhdl"
    outside_forms: ClassVar[tuple[str, ...]] = ("stream",)
    tree_memories: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203 for a value that is not allowed, NL206 for an unknown device.
        """
        super().__post_init__()
        if self.latency_cycles < 0 or (self.latency_cycles and self.io == "stream"):
            raise CompileError(
                "NL203",
                f"latency_cycles is {self.latency_cycles} with io='{self.io}'",
                origin="latency_cycles",
                supported="0 (as many as the clock needs), or 1, 2, 3, ... with io='parallel'",
                hint="a stream's latency is mostly that of its frame; choose clock_period_ns",
            )

    @property
    def schedule(self) -> str:
        """The `schedule` pass with these options, for a pipeline."""
        flags = (
            f"register-inputs={_flag(self.register_inputs)} register-outputs={_flag(self.register_outputs)}"
        )
        wish = f" latency-cycles={self.latency_cycles}" if self.latency_cycles else ""
        return f"schedule{{clock-period-ns={self.clock_period_ns} device={self.device} {flags}{wish}}}"


def _flag(value: bool) -> str:
    return "true" if value else "false"
