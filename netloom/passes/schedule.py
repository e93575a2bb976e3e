"""Pass `schedule`: place pipeline registers, so that a design takes a new input at a constant interval.

Layers that share multipliers (`nn.dense` of strategy `resource`) work on one input for as many cycles as
their reuse factor says, and trees in memories for as many as their engines need; the largest of these is the
initiation interval of the design. Everything else could take a new input every clock cycle.

Logic is chained across ops until the clock period is used up; then a register is placed. Arrival
times are those of whole tensors here. Within an op, registers stand between its steps
(`netloom.passes.analysis.timing`), within a `da.kernel` between its adders. With the latency that this
gives, all registers of the program then move to where they are fewest
(`netloom.passes.analysis.program_retiming`).

What the pass leaves in the program, all as discardable attributes:

* on the function: `latency_cycles`, `interval_cycles`, `clock_period_ns`, `device`,
  `register_inputs`, `register_outputs`;
* on each hardware op: `start_cycle` (when its operands are needed) and `latency_cycles`;
* on an op with steps: `step_stages`, on a `da.kernel`: `node_stages` for inputs and adders and
  `output_stages`. Stage s is the logic behind s registers, counted from the op's start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import BoolAttr, FloatAttr, IntegerAttr, ModuleOp, StringAttr, f64
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass

from netloom.core.devices import DEFAULT_DEVICE, Device, find_device
from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import ArrayAttr
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp
from netloom.ir.fx import ConstantOp
from netloom.ir.interval import Interval
from netloom.ir.nn import DenseOp, MatMulOp
from netloom.ir.program import add_note, main
from netloom.passes.analysis.hardware import Hardware, hardware
from netloom.passes.analysis.kernel_timing import (
    KernelNodes,
    KernelStages,
    Time,
    kernel_nodes,
    kernel_stages,
    row_interval,
    rows_of,
)
from netloom.passes.analysis.logic_graph import Parts
from netloom.passes.analysis.program_retiming import retimed
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.analysis.retiming import fewest_registers
from netloom.passes.analysis.reuse import busy_cycles
from netloom.passes.analysis.timetable import OpTime, Timetable
from netloom.passes.analysis.timing import Step, steps

PERIOD_STEP_NS = 0.01
"""How exactly a clock period is found."""
MAX_TRIALS = 64
"""Complete schedules that the search for cheaper register positions may try."""


@dataclass
class _Planner:
    """Plans a program for a device and clock; remembers what does not depend on the trial."""

    program: Hardware
    device: Device
    budget_ns: float
    register_inputs: bool
    register_outputs: bool
    intervals: Mapping[SSAValue, Interval]
    _nodes: dict[NetloomOp, KernelNodes] = field(default_factory=dict)
    _kernels: dict[tuple[NetloomOp, float, float], KernelStages] = field(default_factory=dict)
    _arrivals: dict[KernelStages, float] = field(default_factory=dict)
    _steps: dict[NetloomOp, list[Step]] = field(default_factory=dict)

    def timetable(self, held: frozenset[NetloomOp]) -> Timetable:
        """Plan every op; those in `held` get registers in front of them."""
        ready: dict[SSAValue, Time] = {
            value: (1 if self.register_inputs else 0, 0.0) for value, _ in self.program.inputs
        }
        ops: dict[NetloomOp, OpTime] = {}
        for op in self.program.ops:
            arrival = max((ready[o] for o in op.operands if o in ready), default=(0, 0.0))
            if op in held:
                arrival = (arrival[0] + 1, 0.0)
            ops[op] = self._plan(op, arrival)
            ready[op.results[0]] = ops[op].ready
        last = max((ready[v][0] for v, _ in self.program.outputs if v in ready), default=0)
        return Timetable.of(self.program, ops, last + (1 if self.register_outputs else 0))

    def _plan(self, op: NetloomOp, arrival: Time) -> OpTime:
        if isinstance(op, KernelOp):
            return self._plan_kernel(op, arrival)
        found = self.steps(op)
        cycle, now = arrival
        stages: list[int] = []
        bits = stage = 0
        for index, step in enumerate(found):
            if now > 0.0 and step.delay_ns > 0.0 and now + step.delay_ns > self.budget_ns:
                if index == 0:
                    cycle += 1
                else:
                    stage += 1
                    bits += found[index - 1].bits
                now = 0.0
            now += step.delay_ns
            stages.append(stage)
            if step.registered:
                stage, bits, now = stage + 1, bits + step.bits, 0.0
        # A pipelined matrix product ends in a register: one clocked process then holds all of it.
        if isinstance(op, MatMulOp | DenseOp) and stage and not found[-1].registered:
            bits, stage, now = bits + found[-1].bits, stage + 1, 0.0
        # The stages are those of the first cycle's products; the last ones follow.
        return OpTime(cycle, (cycle + stage + busy_cycles(op) - 1, now), tuple(stages), None, bits)

    def _plan_kernel(self, op: KernelOp, arrival: Time) -> OpTime:
        cycle, now = arrival
        chained, fresh = self._kernel(op, now), self._kernel(op, 0.0)
        if now > 0.0 and (fresh.latency_cycles + 1, fresh.finish_ns) < chained.end:
            cycle, chosen = cycle + 1, fresh
        else:
            chosen = chained
        ready = (cycle + chosen.latency_cycles, chosen.finish_ns)
        return OpTime(cycle, ready, (), chosen, rows_of(op) * chosen.register_bits)

    def steps(self, op: NetloomOp) -> list[Step]:
        """The steps of an op but `da.kernel`."""
        if op not in self._steps:
            self._steps[op] = steps(op, self.device)
        return self._steps[op]

    def nodes(self, op: KernelOp) -> KernelNodes:
        """The nodes of a shift-add network."""
        if op not in self._nodes:
            self._nodes[op] = kernel_nodes(op, self.intervals[op.input], self.device)
        return self._nodes[op]

    def _kernel(self, op: KernelOp, now: float) -> KernelStages:
        key = (op, now, self.budget_ns)
        if key not in self._kernels:
            self._kernels[key] = kernel_stages(self.nodes(op), now, self.budget_ns)
            self._arrivals[self._kernels[key]] = now
        return self._kernels[key]

    def refined(self, table: Timetable) -> Timetable:
        """The same latency with the fewest registers; in large programs only within each network."""
        parts = Parts(
            self.program, self.steps, self.nodes, self.budget_ns, self.register_inputs, self.register_outputs
        )
        best = retimed(parts, table)
        if best is None or any(busy_cycles(op) > 1 for op in table.ops):
            networks = self._refined_networks(table)
            best = min(best or networks, networks, key=lambda found: found.register_bits)
        return best if best.register_bits < table.register_bits else table

    def _refined_networks(self, table: Timetable) -> Timetable:
        """The same times with the fewest registers within each shift-add network."""
        ops = dict(table.ops)
        for op, time in table.ops.items():
            if isinstance(op, KernelOp) and time.kernel is not None:
                better = fewest_registers(
                    self.nodes(op), time.kernel, self._arrivals[time.kernel], self.budget_ns
                )
                ops[op] = replace(time, kernel=better, register_bits=rows_of(op) * better.register_bits)
        return Timetable.of(self.program, ops, table.latency_cycles)

    def slowest_ns(self, op: NetloomOp) -> float:
        """Delay of the op's slowest step, which no register can shorten."""
        if isinstance(op, KernelOp):
            return max(self.nodes(op).delay_ns, default=0.0)
        return max((step.delay_ns for step in self.steps(op)), default=0.0)


def _fewest_registers(planner: _Planner) -> Timetable:
    """Move registers back over an op where that costs no cycle and saves bits."""
    held: frozenset[NetloomOp] = frozenset()
    best = planner.timetable(held)
    trials = 0
    for op in reversed(planner.program.ops):
        owner = op.operands[0].owner if len(op.operands) else None
        if not (isinstance(owner, NetloomOp) and owner in best.ops) or isinstance(owner, ConstantOp):
            continue
        if best.ops[op].start_cycle <= best.ops[owner].ready[0] and op not in held:
            continue
        if trials == MAX_TRIALS:
            break
        trials += 1
        trial = planner.timetable(held | {owner})
        if (trial.latency_cycles, trial.register_bits) < (best.latency_cycles, best.register_bits):
            held, best = held | {owner}, trial
    return best


@dataclass(frozen=True)
class SchedulePass(ModulePass):
    """Place pipeline registers for a clock period and device; the interval is that of the busiest layer.

    Attributes:
        clock_period_ns: target clock period.
        device: name in `netloom.core.devices`.
        register_inputs: whether every input port is registered first.
        register_outputs: whether every output port is a register.
        latency_cycles: cycles from an input to its output at most; the clock period is then the shortest
            for which they are enough, and `clock_period_ns` is not used. 0 for as many as the clock needs.
    """

    name: ClassVar[str] = "schedule"

    clock_period_ns: float = 5.0
    device: str = DEFAULT_DEVICE
    register_inputs: bool = False
    register_outputs: bool = True
    latency_cycles: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Write the schedule into the module.

        Raises:
            CompileError: NL203 for a clock period that leaves no time for logic, NL206 for an
                unknown device, NL308 for what cannot become hardware.
        """
        device, program, intervals = find_device(self.device), hardware(op), value_intervals(op)
        if device.crowding:
            device = device.crowded(sum(_tables(each, intervals, device) for each in program.ops))
        budget_ns = self._budget_ns(device)
        planner = _Planner(program, device, budget_ns, self.register_inputs, self.register_outputs, intervals)
        period_ns = self._shorten(op, planner) if self.latency_cycles else self.clock_period_ns
        self._annotate(op, planner.refined(_fewest_registers(planner)), period_ns)
        for slow in planner.program.ops:
            needed_ns = planner.slowest_ns(slow)
            if needed_ns > planner.budget_ns:
                text = (
                    f"{slow.name} is estimated to need {needed_ns:.2f} ns in one step,"
                    f" more than the {planner.budget_ns:.2f} ns of a clock cycle"
                )
                add_note(op, slow.origin_name, text)

    def _shorten(self, module: ModuleOp, planner: _Planner) -> float:
        """Give the planner the shortest period with the wished latency, and return it."""
        planner.budget_ns = math.inf
        slow = planner.timetable(frozenset())
        fewest = slow.latency_cycles
        if fewest > self.latency_cycles:
            raise CompileError(
                "NL203",
                f"a latency of {self.latency_cycles} cycles",
                origin="latency_cycles",
                supported=f"{fewest} or more cycles for this program, or 0 for as many as the clock needs",
                hint="layers that share multipliers take as many cycles as their reuse factor",
            )
        # Below the slowest step a shorter period only asks for what no register can give.
        low = _steps_of(max(map(planner.slowest_ns, slow.ops), default=0.0))
        high = max(_steps_of(max((time.ready[1] for time in slow.ops.values()), default=0.0)), low)
        planner.budget_ns = high * PERIOD_STEP_NS
        while planner.timetable(frozenset()).latency_cycles > self.latency_cycles:
            high = 2 * high + 1  # registers inside an op leave less at its end than there was before them
            planner.budget_ns = high * PERIOD_STEP_NS
        while low < high:
            middle = (low + high) // 2
            planner.budget_ns = middle * PERIOD_STEP_NS
            if planner.timetable(frozenset()).latency_cycles <= self.latency_cycles:
                high = middle
            else:
                low = middle + 1
        planner.budget_ns = high * PERIOD_STEP_NS
        period_ns = round(planner.budget_ns + planner.device.clock_overhead_ns, 3)
        text = f"{self.latency_cycles} cycles of latency allow a clock period of {period_ns:.2f} ns"
        add_note(module, "latency_cycles", text)
        return period_ns

    def _budget_ns(self, device: Device) -> float:
        """Time for logic in one cycle."""
        budget_ns = self.clock_period_ns - device.clock_overhead_ns
        if budget_ns > 0:
            return budget_ns
        raise CompileError(
            "NL203",
            f"a clock period of {self.clock_period_ns:g} ns leaves no time for logic",
            origin="clock_period_ns",
            supported=f"more than {device.clock_overhead_ns:g} ns on {device.name}",
        )

    def _annotate(self, module: ModuleOp, table: Timetable, period_ns: float) -> None:
        function = main(module)
        function.attributes.update(
            {
                "latency_cycles": _integer(table.latency_cycles),
                "interval_cycles": _integer(max(map(busy_cycles, table.ops), default=1)),
                "clock_period_ns": FloatAttr(period_ns, f64),
                "device": StringAttr(self.device),
                "register_inputs": BoolAttr.from_bool(self.register_inputs),
                "register_outputs": BoolAttr.from_bool(self.register_outputs),
            }
        )
        for op, time in table.ops.items():
            op.attributes["start_cycle"] = _integer(time.start_cycle)
            op.attributes["latency_cycles"] = _integer(time.latency_cycles)
            if time.stages:
                op.attributes["step_stages"] = ArrayAttr.of(time.stages)
            if isinstance(op, KernelOp) and time.kernel is not None:
                count = op.graph.n_nodes
                op.attributes["node_stages"] = ArrayAttr.of(time.kernel.stages[:count])
                op.attributes["output_stages"] = ArrayAttr.of(time.kernel.stages[count:])


def _tables(op: NetloomOp, intervals: Mapping[SSAValue, Interval], device: Device) -> int:
    """About how many lookup tables an op takes: one for each bit that it produces."""
    if isinstance(op, KernelOp):
        return rows_of(op) * op.graph.adder_tables(*row_interval(op, intervals[op.input]))
    return sum(step.bits for step in steps(op, device))


def _steps_of(time_ns: float) -> int:
    """A time in steps of clock periods, rounded up."""
    return math.ceil(round(time_ns / PERIOD_STEP_NS, 6))


def _integer(value: int) -> Attribute:
    return IntegerAttr(value, 64)
