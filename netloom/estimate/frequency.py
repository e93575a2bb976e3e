"""The clock frequency that a design reaches: the longest way between two registers, before any tool has run.

Within a shift-add network the arrival of each bit is computed, elsewhere that of whole tensors. Routes
take longer in larger designs (`Device.crowded`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import SSAValue

from netloom.core.devices import DEFAULT_DEVICE, Device, find_device
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp
from netloom.ir.flow import StageOp
from netloom.ir.interval import Interval
from netloom.ir.program import main, program_ops
from netloom.passes.analysis.bit_timing import kernel_arrivals
from netloom.passes.analysis.hardware import Hardware, hardware
from netloom.passes.analysis.kernel_timing import kernel_nodes
from netloom.passes.analysis.network import is_streaming
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.analysis.reuse import busy_cycles
from netloom.passes.analysis.scheduled import latency_cycles, stages, start_cycle
from netloom.passes.analysis.stages import stage_module
from netloom.passes.analysis.timing import steps


@dataclass(frozen=True, order=True)
class CriticalPath:
    """The longest way between two registers.

    Attributes:
        period_ns: shortest clock period.
        origin: layer in which it ends.
        step: what is done there last.
    """

    period_ns: float
    origin: str
    step: str

    @property
    def fmax_mhz(self) -> float:
        """Highest clock frequency."""
        return 1000.0 / self.period_ns

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "period_ns": round(self.period_ns, 3),
            "fmax_mhz": round(self.fmax_mhz, 1),
            "layer": self.origin,
            "step": self.step,
        }

    def __str__(self) -> str:
        where = f", in {self.origin} ({self.step})" if self.origin else ""
        return f"{self.period_ns:.2f} ns = {self.fmax_mhz:.0f} MHz{where}"


def critical_path(module: ModuleOp, tables: int) -> CriticalPath:
    """The longest way of a scheduled program; of a stream, that within its stages.

    Args:
        module: the program.
        tables: lookup tables of the design, as estimated.

    Raises:
        CompileError: NL308 for a program that cannot be hardware, NL206 for an unknown device.
    """
    attribute = main(module).attributes.get("device")
    device = find_device(attribute.data if isinstance(attribute, StringAttr) else DEFAULT_DEVICE)
    return longest(module, device.crowded(tables))


def longest(module: ModuleOp, device: Device) -> CriticalPath:
    """The same with the delays of a device that need not be the program's."""
    if is_streaming(module):
        bodies = [op for op in program_ops(main(module)) if isinstance(op, StageOp)]
        paths = [longest(stage_module(stage, 0.0), device) for stage in bodies]
        return max(paths, default=_Walk.nothing(device))
    program = hardware(module)
    walk = _Walk(program, device, value_intervals(module))
    return max((walk.through(op) for op in program.ops), default=walk.nothing(device))


class _Walk:
    """Arrival times, op by op in the order of the program."""

    def __init__(self, program: Hardware, device: Device, intervals: Mapping[SSAValue, Interval]) -> None:
        self.device, self.intervals = device, intervals
        self.ready: dict[SSAValue, tuple[int, float]] = {value: (0, 0.0) for value, _ in program.inputs}

    @staticmethod
    def nothing(device: Device) -> CriticalPath:
        """From a register to the next one."""
        return CriticalPath(device.clock_overhead_ns + device.net_delay_ns, "", "wire")

    def through(self, op: NetloomOp) -> CriticalPath:
        """Follow one op; the longest way that ends in it."""
        start = start_cycle(op)
        known = (self.ready[operand] for operand in op.operands if operand in self.ready)
        arrival = max((time for cycle, time in known if cycle == start), default=0.0)
        if isinstance(op, KernelOp):
            end, worst, name = self._kernel(op, arrival)
        else:
            end, worst, name = self._steps(op, arrival)
        self.ready[op.results[0]] = (start + latency_cycles(op), end)
        return CriticalPath(self.device.clock_overhead_ns + worst, op.origin_name, name)

    def _steps(self, op: NetloomOp, arrival_ns: float) -> tuple[float, float, str]:
        """Arrival at the end of the op, the longest way in it, and where that ends."""
        found = steps(op, self.device)
        if not found:
            return arrival_ns, arrival_ns, op.name
        planned, now, worst, name = stages(op) or [0] * len(found), arrival_ns, 0.0, ""
        for index, step in enumerate(found):
            before = found[index - 1] if index else None
            if before is not None and (planned[index] > planned[index - 1] or before.registered):
                now = 0.0
            now += step.delay_ns
            if now > worst:
                worst, name = now, step.name
        inside = latency_cycles(op) - (busy_cycles(op) - 1)
        return 0.0 if inside > planned[-1] else now, worst, name

    def _kernel(self, op: KernelOp, arrival_ns: float) -> tuple[float, float, str]:
        nodes = kernel_nodes(op, self.intervals[op.input], self.device)
        planned = stages(op, "node") + stages(op, "output") or [0] * len(nodes.bits)
        found = kernel_arrivals(op.graph, nodes, planned, arrival_ns, self.device)
        last = np.array(planned[nodes.n_values :]) == latency_cycles(op)
        end = float(found.outputs[last].max(initial=0.0))
        worst = max(float(found.adders.max(initial=0.0)), float(found.outputs.max(initial=0.0)))
        return end, worst, "adders"
