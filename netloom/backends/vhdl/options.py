"""Options of the backend `vhdl`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netloom.backends.strategy import StrategyOptions


@dataclass(frozen=True)
class VhdlOptions(StrategyOptions):
    """Options of the backend `vhdl`.

    Attributes:
        register_inputs: whether every input port is registered first.
        register_outputs: whether every output port is a register.
    """

    register_inputs: bool = False
    register_outputs: bool = True

    backend: ClassVar[str] = "vhdl"
    outside_forms: ClassVar[tuple[str, ...]] = ("stream",)

    @property
    def schedule(self) -> str:
        """The `schedule` pass with these options, for a pipeline."""
        flags = (
            f"register-inputs={_flag(self.register_inputs)} register-outputs={_flag(self.register_outputs)}"
        )
        return f"schedule{{clock-period-ns={self.clock_period_ns} device={self.device} {flags}}}"


def _flag(value: bool) -> str:
    return "true" if value else "false"
