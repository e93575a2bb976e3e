"""Between the host's arrays and the chip's ports: encoding inputs, decoding outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.ir.attributes import format_of
from netloom.ir.program import main, program_ops, terminator
from netloom.passes.analysis.hardware import hardware
from netloom.sim.emulator import Emulator

Array = NDArray[Any]


def encode(module: ModuleOp, emulator: Emulator, inputs: Sequence[Array]) -> list[Array]:
    """Mantissas int64 [n, *shape] at each input port for the program's inputs."""
    return emulator.collect(inputs, [value for value, _ in hardware(module).inputs])


def output_mantissas(module: ModuleOp, emulator: Emulator, inputs: Sequence[Array]) -> list[Array]:
    """Mantissas int64 [n, *shape] at each output port."""
    return emulator.collect(inputs, [value for value, _ in hardware(module).outputs])


def decode(module: ModuleOp, mantissas: Sequence[Array]) -> list[Array]:
    """The program's outputs, float64, from the mantissas at the output ports."""
    known: dict[SSAValue, Array] = {}
    for (value, _), array in zip(hardware(module).outputs, mantissas, strict=True):
        known[value] = array
    function = main(module)
    for op in program_ops(function):
        ready = all(operand in known for operand in op.operands)
        if ready and op.results[0] not in known and format_of(op.results[0].type) is None:
            known[op.results[0]] = op.evaluate([known[operand] for operand in op.operands])
    outputs = terminator(function).operands
    return [np.asarray(real(known[value], value)) for value in outputs]


def real(array: Array, value: SSAValue) -> Array:
    """A fixed-point output as the numbers that it stands for."""
    number_format = format_of(value.type)
    if number_format is None:
        return array.astype(np.float64)
    return np.ldexp(array.astype(np.float64), -number_format.fraction)
