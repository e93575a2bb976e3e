"""A stage of a streaming program as a program of its own, which every parallel backend can build."""

from __future__ import annotations

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, ModuleOp, f64
from xdsl.ir import SSAValue

from netloom.ir.flow import StageOp
from netloom.ir.program import finish_function, new_function


def stage_module(stage: StageOp, clock_period_ns: float | None = None) -> ModuleOp:
    """A program whose inputs x0, x1, ... and output y are beats.

    Its ops are clones in the same order, with their attributes. With a clock period, the schedule of the
    stage is that of the program.
    """
    inputs = [(f"x{index}", type_) for index, type_ in enumerate(stage.block.arg_types)]
    module, function = new_function(inputs, batched=True, source_name=stage.label.data)
    block = function.body.block
    values: dict[SSAValue, SSAValue] = dict(zip(stage.block.args, block.args, strict=True))
    for op in stage.ops:
        block.add_op(op.clone(values))
    finish_function(function, [("y", values.get(stage.yielded, stage.yielded))])
    if clock_period_ns is not None and stage.latency_cycles and stage.interval_cycles:
        latency, interval = stage.latency_cycles.value.data, stage.interval_cycles.value.data
        function.attributes["latency_cycles"] = IntegerAttr(latency, 64)
        function.attributes["interval_cycles"] = IntegerAttr(interval, 64)
        function.attributes["clock_period_ns"] = FloatAttr(clock_period_ns, f64)
    return module
