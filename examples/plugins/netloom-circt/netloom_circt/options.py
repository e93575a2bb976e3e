"""Options of the backend `systemverilog`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netloom.backends.strategy import StrategyOptions
from netloom.core.diagnostics import CompileError


@dataclass(frozen=True)
class CirctOptions(StrategyOptions):
    """Options of the backend `systemverilog`.

    Attributes:
        register_inputs: whether every input port is registered first.
        register_outputs: whether every output port is a register.
    """

    register_inputs: bool = False
    register_outputs: bool = True

    backend: ClassVar[str] = "systemverilog"

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203 for a value that is not allowed, which the strategy `resource` and reuse
                factors are here; NL206 for an unknown device.
        """
        super().__post_init__()
        choices = [entry.rpartition("=")[2].strip() for entry in self.strategy.split(";")]
        if "resource" in choices:
            raise CompileError(
                "NL203",
                "the backend systemverilog has no strategy 'resource'",
                origin="strategy",
                supported="adder_graph, latency",
                hint="use the backend vhdl, which shares multipliers",
            )
        if str(self.reuse_factor) != "1":
            raise CompileError(
                "NL203",
                f"reuse_factor is {self.reuse_factor}, and the backend systemverilog shares no multipliers",
                origin="reuse_factor",
                supported="1",
                hint="use the backend vhdl, which shares multipliers",
            )

    @property
    def schedule(self) -> str:
        """The pass `schedule` with these options, for a pipeline."""
        flags = {"register-inputs": self.register_inputs, "register-outputs": self.register_outputs}
        texts = " ".join(f"{name}={str(flag).lower()}" for name, flag in flags.items())
        return f"schedule{{clock-period-ns={self.clock_period_ns} device={self.device} {texts}}}"
