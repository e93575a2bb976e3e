"""The backend `vhdl`, registered through the plugin hooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import ModuleOp

from netloom.backends.base import ToolReport
from netloom.backends.vhdl.options import VhdlOptions
from netloom.core.hooks import hookimpl
from netloom.core.plan import BuildPlan

if TYPE_CHECKING:
    from netloom.sim.ghdl import GhdlSimulator


@dataclass(frozen=True)
class VhdlBackend:
    """Hand-readable VHDL-2008: shift-add networks, tables and pipelines, one entity per layer."""

    name: str = "vhdl"
    description: str = "VHDL-2008 for any FPGA; simulated with GHDL"
    io: tuple[str, ...] = ("parallel", "stream")
    options: type[VhdlOptions] = VhdlOptions

    def pipeline(self, options: VhdlOptions) -> str:
        """From exact fixed-point ops to scheduled hardware."""
        if options.io == "stream":
            return f"{options.streams},{options.stage_schedule}"
        return f"{options.lowering},{options.schedule}"

    def emit(self, module: ModuleOp, options: VhdlOptions) -> BuildPlan:
        """The project's files."""
        from netloom.backends.vhdl.emit import emit

        return emit(module, options)

    def simulator(self, plan: BuildPlan) -> GhdlSimulator:
        """GHDL on the emitted files."""
        from netloom.sim.ghdl import GhdlSimulator

        return GhdlSimulator(plan)

    def read_report(self, directory: Path) -> ToolReport | None:
        """Vendor tools write utilisation as text; reading it comes with the open build flow."""
        return None


@hookimpl
def netloom_backends() -> Sequence[VhdlBackend]:
    """The backend."""
    return [VhdlBackend()]
