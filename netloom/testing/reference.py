"""What a program must give: each op's own meaning, from the mantissas at its ports."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.ir.fx import ConstantOp
from netloom.ir.program import main, program_ops
from netloom.passes.analysis.hardware import hardware

Ints = NDArray[np.int64]


def outputs_from_ports(module: ModuleOp, ports: Mapping[str, Ints]) -> dict[str, Ints]:
    """Mantissas int64 [n, *shape] at each output port, by name, for those at the input ports.

    The same meanings as in `netloom.ir.interpreter`, which begins at the host's real numbers; float32
    numbers reach only some mantissas of a format of more than 24 bits.
    """
    program = hardware(module)
    values: dict[SSAValue, Ints] = {value: ports[info.name] for value, info in program.inputs}
    inside = set(program.ops)
    for op in program_ops(main(module)):
        if op in inside or (isinstance(op, ConstantOp) and op.is_fixed):
            values[op.results[0]] = op.evaluate([values[operand] for operand in op.operands])
    samples = max((len(array) for array in ports.values()), default=1)
    return {
        info.name: np.broadcast_to(values[value], (samples, *info.shape)) for value, info in program.outputs
    }
