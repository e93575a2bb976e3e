"""Options that every HLS backend has."""

from __future__ import annotations

from dataclasses import dataclass

from netloom.backends.strategy import StrategyOptions
from netloom.core.devices import find_device
from netloom.core.diagnostics import CompileError


@dataclass(frozen=True)
class HlsOptions(StrategyOptions):
    """Options of an HLS backend.

    Attributes:
        part: the vendor's full part number; by default that of `device`.
        clock_uncertainty_percent: part of the clock period that the HLS tool leaves free for routing.
    """

    part: str = ""
    clock_uncertainty_percent: float = 12.5

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203 for a value that is not allowed, NL206 for an unknown device.
        """
        super().__post_init__()
        if not 0 <= self.clock_uncertainty_percent < 100:
            raise CompileError(
                "NL203",
                f"a clock uncertainty of {self.clock_uncertainty_percent:g} %",
                origin="clock_uncertainty_percent",
                supported="0 to less than 100",
            )

    @property
    def chosen_part(self) -> str:
        """The part number for the vendor's tool."""
        return self.part or find_device(self.device).part

    @property
    def schedule(self) -> str:
        """The `schedule` pass, for the report: the HLS tool places the registers itself."""
        return f"schedule{{clock-period-ns={self.clock_period_ns} device={self.device}}}"
