"""Options of the backend `vhdl`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from netloom.backends.base import BackendOptions
from netloom.core.diagnostics import CompileError


@dataclass(frozen=True)
class VhdlOptions(BackendOptions):
    """Options of the backend `vhdl`.

    Attributes:
        strategy: how constant matrix products become hardware: `adder_graph` (shared adders,
            no multipliers) or `multiply` (multipliers and adder trees); for single layers a dict
            {name or pattern: strategy} or its text form `adder_graph; fc1*=multiply`.
        depth_slack: how many adder levels deeper than necessary an output of a shift-add network
            may be in exchange for fewer adders; -1 means no limit.
        effort: how much search to spend on shift-add networks; 1 and more for the last adders.
        register_inputs: whether every input port is registered first.
        register_outputs: whether every output port is a register.
    """

    strategy: str = "adder_graph"
    depth_slack: int = 1
    effort: float = 0.03
    register_inputs: bool = False
    register_outputs: bool = True

    backend: ClassVar[str] = "vhdl"

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203 for a value that is not allowed, NL206 for an unknown device.
        """
        super().__post_init__()
        if isinstance(self.strategy, Mapping):
            text = "; ".join(f"{layer}={name}" for layer, name in self.strategy.items())
            object.__setattr__(self, "strategy", text)
        if self.depth_slack < -1:
            raise CompileError(
                "NL203",
                f"depth_slack is {self.depth_slack}",
                origin="depth_slack",
                supported="-1 (no limit), 0, 1, 2, ...",
            )

    @property
    def schedule(self) -> str:
        """The `schedule` pass with these options, for a pipeline."""
        flags = (
            f"register-inputs={_flag(self.register_inputs)} register-outputs={_flag(self.register_outputs)}"
        )
        return f"schedule{{clock-period-ns={self.clock_period_ns} device={self.device} {flags}}}"


def _flag(value: bool) -> str:
    return "true" if value else "false"
