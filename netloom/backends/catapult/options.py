"""Options of the backend `catapult`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from netloom.backends.hls.options import HlsOptions
from netloom.core.diagnostics import CompileError

LIBRARY = re.compile(r"[\w.-]+( --( -\w+ [\w.-]+)+)?")
"""A library of Catapult, and which synthesis tool, vendor, family, speed and part it stands for."""


@dataclass(frozen=True)
class CatapultOptions(HlsOptions):
    """Options of the backend `catapult`.

    Attributes:
        technology: a technology library, as `solution library add` takes it: "nangate-45nm_beh", or a
            name with its settings, "mgc_Xilinx-KINTEX-u-2_beh -- -rtlsyntool Vivado -speed -2"; by
            default the one that Catapult has for the part.
    """

    technology: str = ""

    backend: ClassVar[str] = "catapult"

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203 for a value that is not allowed, NL206 for an unknown device.
        """
        super().__post_init__()
        if self.technology and not LIBRARY.fullmatch(self.technology):
            raise CompileError(
                "NL203",
                f"the technology library '{self.technology}'",
                origin="technology",
                supported="a library's name, or a name with settings: 'name -- -setting value ...'",
            )
