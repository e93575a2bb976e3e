"""Options of the backend `quartus`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netloom.backends.hls.options import HlsOptions
from netloom.core.diagnostics import CompileError, suggestion

FAMILIES = ("Arria10", "Cyclone10GX", "CycloneV", "Stratix10")
"""Families that i++ -march takes instead of a part; of others, a part has to be named."""


@dataclass(frozen=True)
class QuartusOptions(HlsOptions):
    """Options of the backend `quartus`.

    Attributes:
        family: an FPGA family for i++ to choose a part from, instead of `part` and that of `device`.
    """

    device: str = "agilex-7"
    family: str = ""

    backend: ClassVar[str] = "quartus"
    makers: ClassVar[tuple[str, ...]] = ("altera",)

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203 for a value that is not allowed, NL206 for an unknown device.
        """
        super().__post_init__()
        if self.family and self.family not in FAMILIES:
            raise CompileError(
                "NL203",
                f"the family '{self.family}'",
                origin="family",
                supported=", ".join(FAMILIES),
                hint=suggestion(self.family, FAMILIES) or "name a part with the option 'part'",
            )

    @property
    def march(self) -> str:
        """The value of i++ -march."""
        return self.family or self.chosen_part

    @property
    def names_target(self) -> bool:
        """A family is a target too."""
        return bool(self.part or self.family)
