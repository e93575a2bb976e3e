"""When each op of a program works, and how many register bits that takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netloom.ir.base import NetloomOp
from netloom.passes.analysis.hardware import Hardware
from netloom.passes.analysis.kernel_timing import KernelStages, Time
from netloom.passes.analysis.reuse import busy_cycles, delay_registers
from netloom.passes.analysis.timing import tensor_bits


@dataclass(frozen=True)
class OpTime:
    """When one op works: its operands are needed in `start_cycle`, its result is there in `ready`."""

    start_cycle: int
    ready: Time
    stages: tuple[int, ...] = ()
    kernel: KernelStages | None = None
    register_bits: int = 0

    @property
    def latency_cycles(self) -> int:
        """Registers inside the op."""
        return self.ready[0] - self.start_cycle


@dataclass(frozen=True, eq=False)
class Timetable:
    """When every op works, the cycle of the outputs, and the bits of all registers."""

    ops: Mapping[NetloomOp, OpTime]
    latency_cycles: int
    register_bits: int

    @staticmethod
    def of(program: Hardware, ops: Mapping[NetloomOp, OpTime], latency_cycles: int) -> Timetable:
        """Times of a program with all its registers: those inside the ops, and those between them."""
        ready = {value: 0 for value, _ in program.inputs}
        ready |= {op.results[0]: time.ready[0] for op, time in ops.items()}
        needed = {value: latency_cycles for value, _ in program.outputs}
        for op, time in ops.items():
            for operand in op.operands:
                needed[operand] = max(needed.get(operand, 0), time.start_cycle)
        interval = max(map(busy_cycles, ops), default=1)
        total = sum(time.register_bits for time in ops.values())
        for value, cycle in needed.items():
            if value in ready:
                total += delay_registers(cycle - ready[value], interval) * tensor_bits(value)
        return Timetable(ops, latency_cycles, total)
