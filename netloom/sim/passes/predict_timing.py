"""predict-timing: latency and interval of a streaming program, from the dataflow simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, ModuleOp, StringAttr, f64
from xdsl.passes import ModulePass

from netloom.core.devices import DEFAULT_DEVICE
from netloom.ir.program import main
from netloom.passes.analysis.network import network


@dataclass(frozen=True)
class PredictTiming(ModulePass):
    """Runs the network of actors cycle by cycle, with frames one after the other and nothing held up outside.

    Latency is from the first beat in to the last beat out, the interval from frame to frame.

    Options:
        clock_period_ns: target clock period, kept in the program.
        device: name in `netloom.core.devices`, kept in the program.
    """

    name: ClassVar[str] = "predict-timing"
    clock_period_ns: float = 5.0
    device: str = DEFAULT_DEVICE

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Write the attributes that `schedule` writes for other programs.

        Raises:
            CompileError: NL308 for a program without FIFOs, NL309 when the network comes to a standstill.
        """
        from netloom.sim.dataflow.simulator import steady

        trace = steady(network(op))
        main(op).attributes.update(
            {
                "latency_cycles": IntegerAttr(trace.latency, 64),
                "interval_cycles": IntegerAttr(round(trace.interval), 64),
                "clock_period_ns": FloatAttr(self.clock_period_ns, f64),
                "device": StringAttr(self.device),
            }
        )
