"""From a scheduled program to a VHDL project: a pure function, the same bytes every time."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp

from netloom.backends.vhdl.options import VhdlOptions
from netloom.backends.vhdl.parallel import emit_parallel
from netloom.backends.vhdl.stream.emit import emit_stream
from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan
from netloom.passes.analysis.hardware import hardware
from netloom.passes.analysis.network import is_streaming


def emit(module: ModuleOp, options: VhdlOptions) -> BuildPlan:
    """The project for a program that the pass `schedule` has been over.

    The plan's properties tell what a simulator needs: `top`, `ports` (JSON of
    `netloom.passes.analysis.hardware.PortInfo`), `signals` (names of the ports in the VHDL, comma
    separated, in the same order), `latency_cycles`, `interval_cycles` and `sources` (VHDL files in
    order of compilation, comma separated; the test bench last).

    Raises:
        CompileError: NL308 when the program has no schedule, or an op has no hardware.
    """
    program = hardware(module)
    if not program.inputs or not program.outputs:
        raise CompileError(
            "NL308", "the program has no hardware between its inputs and outputs", hint="quantize its inputs"
        )
    written = emit_stream if is_streaming(module) else emit_parallel
    return written(module, program, options)
