"""What the HLS backends have in common; each gives its vendor's table and its project's files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import ModuleOp

from netloom.backends.base import ToolReport
from netloom.backends.hls.options import HlsOptions
from netloom.backends.hls.vendor import Vendor
from netloom.core.plan import BuildPlan, Step

if TYPE_CHECKING:
    from netloom.backends.hls.program import Program
    from netloom.sim.hls import HlsSimulator

ProjectWriter = Callable[["Program", HlsOptions], tuple[dict[str, str], tuple[Step, ...]]]
"""Scripts of a project by path, and its tool steps."""

ReportReader = Callable[[Path], ToolReport | None]
"""Figures of the tool's reports below a project's directory, or None before any run."""


@dataclass(frozen=True)
class HlsBackend:
    """C++ for one vendor's HLS tool, one function per layer.

    Attributes:
        name: name by which users choose it.
        description: what it is, one line.
        options: class of its options.
        vendor: number types and pragmas.
        project: writes the vendor's scripts.
        reports: reads the vendor's reports.
        io: forms of design.
    """

    name: str
    description: str
    options: type[HlsOptions]
    vendor: Vendor
    project: ProjectWriter
    reports: ReportReader
    io: tuple[str, ...] = ("parallel", "stream")

    def pipeline(self, options: HlsOptions) -> str:
        """From exact fixed-point ops to layers with strategies; the schedule is for the report."""
        if options.io == "stream":
            return f"{options.streams},{options.stage_schedule}"
        return f"{options.lowering},{options.schedule}"

    def emit(self, module: ModuleOp, options: HlsOptions) -> BuildPlan:
        """The project's files."""
        from netloom.backends.hls.emit import properties, sources
        from netloom.backends.hls.stream.emit import stream_properties, stream_sources
        from netloom.passes.analysis.network import is_streaming

        if is_streaming(module):
            streaming, files = stream_sources(module, self.vendor)
            scripts, steps = self.project(streaming, options)
            found = properties(streaming, module, self.vendor, self.name) | stream_properties(streaming)
            return BuildPlan({**files, **scripts}, steps, found)
        program, files = sources(module, self.vendor)
        scripts, steps = self.project(program, options)
        return BuildPlan({**files, **scripts}, steps, properties(program, module, self.vendor, self.name))

    def simulator(self, plan: BuildPlan) -> HlsSimulator:
        """The emitted C++, compiled with the vendor's number types."""
        from netloom.sim.hls import HlsSimulator

        return HlsSimulator(plan)

    def read_report(self, directory: Path) -> ToolReport | None:
        """Figures of the vendor's reports, or None before any run."""
        return self.reports(directory)
