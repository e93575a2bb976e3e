"""What the pass `schedule` has left in a program: typed access to its attributes.

Cycles are clock cycles. Stage s of an op is the logic behind s registers, counted from the op's start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, ModuleOp
from xdsl.ir import Attribute

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import ArrayAttr
from netloom.ir.base import NetloomOp
from netloom.ir.program import main


@dataclass(frozen=True)
class ProgramTiming:
    """Timing of a whole program.

    Attributes:
        latency_cycles: from an input to its output.
        interval_cycles: between two inputs.
        clock_period_ns: what it was planned for.
    """

    latency_cycles: int
    interval_cycles: int
    clock_period_ns: float


def program_timing(module: ModuleOp) -> ProgramTiming | None:
    """Timing of a scheduled program; None when there is no schedule."""
    attributes = main(module).attributes
    period = attributes.get("clock_period_ns")
    if "latency_cycles" not in attributes or not isinstance(period, FloatAttr):
        return None
    latency, interval = _integer(attributes, "latency_cycles"), _integer(attributes, "interval_cycles")
    return ProgramTiming(latency, interval, float(period.value.data))


def required_timing(module: ModuleOp) -> ProgramTiming:
    """Timing of a program that must be scheduled.

    Raises:
        CompileError: NL308 when there is no schedule.
    """
    timing = program_timing(module)
    if timing is None:
        raise CompileError(
            "NL308", "the program has no schedule", hint="run the pass 'schedule' before the backend"
        )
    return timing


def start_cycle(op: NetloomOp) -> int:
    """Cycle in which an op's operands are needed; 0 without a schedule."""
    return _integer(op.attributes, "start_cycle")


def latency_cycles(op: NetloomOp) -> int:
    """Registers from an op's operands to its result; 0 without a schedule."""
    return _integer(op.attributes, "latency_cycles")


def stages(op: NetloomOp, of: str = "step") -> list[int]:
    """Stages of an op's steps, or of the `node`s or `output`s of a `da.kernel`; none without a schedule."""
    attribute = op.attributes.get(f"{of}_stages")
    return attribute.ints().tolist() if isinstance(attribute, ArrayAttr) else []


def _integer(attributes: Mapping[str, Attribute], name: str) -> int:
    attribute = attributes.get(name)
    return int(attribute.value.data) if isinstance(attribute, IntegerAttr) else 0
