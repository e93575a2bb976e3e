"""Options of the backends `vivado` and `vitis`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netloom.backends.hls.options import HlsOptions
from netloom.core.diagnostics import CompileError, suggestion

EXPORT_FORMATS = ("ip_catalog", "syn_dcp", "sysgen")
"""Of `export_design -format`: IP for Vivado, a synthesized checkpoint, a block of System Generator."""


@dataclass(frozen=True)
class VivadoOptions(HlsOptions):
    """Options of the backend `vivado`.

    Attributes:
        export_format: what the step `export` makes: `ip_catalog`, `syn_dcp` or `sysgen`.
    """

    export_format: str = "ip_catalog"

    backend: ClassVar[str] = "vivado"
    makers: ClassVar[tuple[str, ...]] = ("amd",)

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203 for a value that is not allowed, NL206 for an unknown device.
        """
        super().__post_init__()
        if self.export_format not in EXPORT_FORMATS:
            raise CompileError(
                "NL203",
                f"the export format '{self.export_format}'",
                origin="export_format",
                supported=", ".join(EXPORT_FORMATS),
                hint=suggestion(self.export_format, EXPORT_FORMATS),
            )


@dataclass(frozen=True)
class VitisOptions(VivadoOptions):
    """Options of the backend `vitis`.

    Attributes:
        export_format: what the step `export` makes: `ip_catalog`, `syn_dcp` or `sysgen`. A kernel (`xo`)
            has AXI ports, which this form of design has not.
    """

    backend: ClassVar[str] = "vitis"
