"""The function of a stage: one beat of each input, the layers, one beat to each output."""

from __future__ import annotations

from netloom.backends.hls import pragmas
from netloom.backends.hls.design import Builder
from netloom.backends.hls.program import Program, Variable
from netloom.backends.hls.stream.actors import Ends, Lines, counted
from netloom.backends.hls.stream.program import Body, multiplier_limit
from netloom.backends.hls.text import loop
from netloom.backends.hls.vendor import Vendor
from netloom.backends.names import Names
from netloom.ir.flow import StageOp
from netloom.passes.analysis.hardware import PortInfo, hardware
from netloom.passes.analysis.stages import stage_module


class StageBuilder(Builder):
    """Names, types and calls of a stage, whose ports are tensors of one beat."""

    def port_name(self, info: PortInfo) -> str:
        """The stage's name in front."""
        end = f"in{info.name[1:]}" if info.direction == "in" else "out"
        return f"{self.program.top}_{end}"


def stage_program(op: StageOp, vendor: Vendor, names: Names) -> Program:
    """The layers of a stage; its name is that of the program.

    Raises:
        CompileError: NL308 for an op that has no C++.
    """
    module = stage_module(op)
    return StageBuilder(module, hardware(module), vendor, names).build().with_locals()


def stage_body(op: StageOp, program: Program, ends: Ends) -> Body:
    """The loop over the beats of a frame."""
    ports = {info.name: variable for info, variable in program.ports}
    (result,) = program.outputs
    shared = any(call.layer.multipliers for call in program.calls)
    inside: Lines = []
    for number, channel in enumerate(ends.inputs):
        beat = f"{program.top}_{number}_b"
        inside.append(f"const {channel.beat} {beat} = {channel.name}.read();")
        variable = ports.get(f"x{number}")
        if variable is not None:
            inside += _array(variable, ends)
            item = f"{variable.name}[i] = {beat}.get(i);"
            inside += loop(ends.vendor, "i", variable.count, [item])
    for call in program.calls:
        for made in call.results:
            inside += _array(made, ends)
        names = (each.name for each in (*call.arguments, *call.results))
        inside.append(f"{call.name}({', '.join(names)});")
    given = f"{program.top}_b"
    inside += [
        f"{ends.beat} {given};",
        *loop(ends.vendor, "i", result.count, [f"{given}.set(i, {result.name}[i]);"]),
        *ends.give(given),
    ]
    limit = multiplier_limit(tuple(program.calls))
    return Body(
        (
            *(ends.vendor.pragma(pragmas.LIMIT_MULTIPLIERS, "inside", limit=limit) if limit else []),
            *ends.beats(
                counted(op.stream.beats),
                inside,
                program.interval,
                pragmas.STREAM_STEPS if shared else pragmas.STREAM_LOOP,
            ),
        )
    )


def _array(variable: Variable, ends: Ends) -> Lines:
    declaration = f"{variable.type} {variable.name}[{variable.count}]; // {variable.comment}"
    return ends.registers(declaration, variable.name)
