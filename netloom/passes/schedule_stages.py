"""schedule-stages: pipeline registers within the stages of a streaming program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.passes import ModulePass

from netloom.core.devices import DEFAULT_DEVICE
from netloom.ir.flow import StageOp
from netloom.ir.program import add_note, main, notes, program_ops
from netloom.passes.analysis.scheduled import required_timing
from netloom.passes.analysis.stages import stage_module
from netloom.passes.schedule import SchedulePass


@dataclass(frozen=True)
class ScheduleStages(ModulePass):
    """The pass `schedule` on each stage by itself; its latency and interval become those of the stage.

    The result of a stage is a register, so that no path leads through two stages.

    Options:
        clock_period_ns: target clock period.
        device: name in `netloom.core.devices`.
    """

    name: ClassVar[str] = "schedule-stages"
    clock_period_ns: float = 5.0
    device: str = DEFAULT_DEVICE

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Write the schedules into the stages' ops.

        Raises:
            CompileError: what `schedule` raises.
        """
        schedule = SchedulePass(clock_period_ns=self.clock_period_ns, device=self.device)
        for stage in program_ops(main(op)):
            if isinstance(stage, StageOp):
                self._stage(ctx, op, stage, schedule)

    def _stage(self, ctx: Context, module: ModuleOp, stage: StageOp, schedule: SchedulePass) -> None:
        alone = stage_module(stage)
        schedule.apply(ctx, alone)
        for own, planned in zip(stage.ops, program_ops(main(alone)), strict=True):
            own.attributes.update(planned.attributes)
        timing = required_timing(alone)
        stage.latency_cycles = IntegerAttr(timing.latency_cycles, 64)
        stage.interval_cycles = IntegerAttr(timing.interval_cycles, 64)
        for note in notes(alone):
            add_note(module, note.origin, note.text)
