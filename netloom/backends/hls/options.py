"""Options that every HLS backend has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from netloom.backends.strategy import StrategyOptions
from netloom.core.devices import find_device
from netloom.core.diagnostics import CompileError
from netloom.core.plugins import registry

PART = re.compile(r"[\w.-]*")
"""A part number stands in Tcl scripts and Makefiles, where other characters have a meaning."""


@dataclass(frozen=True)
class HlsOptions(StrategyOptions):
    """Options of an HLS backend.

    Attributes:
        part: the vendor's full part number; by default that of `device`.
        clock_uncertainty_percent: part of the clock period that the HLS tool leaves free for routing.
    """

    part: str = ""
    clock_uncertainty_percent: float = 12.5

    makers: ClassVar[tuple[str, ...]] = ()
    """Vendors of the devices that the tool has; empty for any."""

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
        if not PART.fullmatch(self.part):
            raise CompileError(
                "NL203",
                f"the part '{self.part}'",
                origin="part",
                supported="letters, digits, '.', '_' and '-'",
            )
        self._check_maker()

    @property
    def names_target(self) -> bool:
        """Whether an option names the tool's target, so that `device` is for the report only."""
        return bool(self.part)

    def _check_maker(self) -> None:
        """A device of another vendor is no part that the tool has."""
        maker = find_device(self.device).vendor
        if self.makers and not self.names_target and maker not in self.makers:
            raise CompileError(
                "NL203",
                f"device '{self.device}' is of {maker}",
                origin="device",
                supported=", ".join(
                    name for name, found in registry().devices.items() if found.value.vendor in self.makers
                ),
                hint="choose one of these, or name the tool's part with the option 'part'",
            )

    @property
    def chosen_part(self) -> str:
        """The part number for the vendor's tool."""
        return self.part or find_device(self.device).part

    @property
    def schedule(self) -> str:
        """The `schedule` pass, for the report: the HLS tool places the registers itself."""
        return f"schedule{{clock-period-ns={self.clock_period_ns} device={self.device}}}"
