"""The backend `systemverilog`, registered through netloom's plugin hooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import ModuleOp

from netloom.backends.base import ToolReport
from netloom.core.diagnostics import CompileError
from netloom.core.hooks import hookimpl
from netloom.core.plan import BuildPlan
from netloom_circt.options import CirctOptions

if TYPE_CHECKING:
    from netloom_circt.verilator import VerilatorSimulator


@dataclass(frozen=True)
class SystemVerilogBackend:
    """SystemVerilog written by CIRCT: one module per layer, initiation interval 1."""

    name: str = "systemverilog"
    description: str = "SystemVerilog for any FPGA, written by CIRCT; simulated with Verilator"
    io: tuple[str, ...] = ("parallel",)
    options: type[CirctOptions] = CirctOptions

    def pipeline(self, options: CirctOptions) -> str:
        """From exact fixed-point ops to scheduled hardware."""
        return f"{options.lowering},{options.schedule}"

    def emit(self, module: ModuleOp, options: CirctOptions) -> BuildPlan:
        """The project's files.

        Raises:
            CompileError: NL603 without CIRCT, NL308 for what has no hardware.
        """
        try:
            from netloom_circt.emit import emit
        except ImportError as error:
            raise CompileError(
                "NL603",
                f"the backend systemverilog needs the package 'circt': {error}",
                origin="circt",
                hint="pip install circt",
            ) from error

        return emit(module, options)

    def simulator(self, plan: BuildPlan) -> VerilatorSimulator:
        """Verilator on the emitted files."""
        from netloom_circt.verilator import VerilatorSimulator

        return VerilatorSimulator(plan)

    def read_report(self, directory: Path) -> ToolReport | None:
        """No vendor tool is part of this backend, so there is no report to read."""
        return None


@hookimpl
def netloom_api_version() -> int:
    """The version of the hooks that this was written for."""
    return 1


@hookimpl
def netloom_backends() -> Sequence[SystemVerilogBackend]:
    """The backend."""
    return [SystemVerilogBackend()]
