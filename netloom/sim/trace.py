"""The value of every layer, by the name of the source node that it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

from netloom.ir.fx import ConstantOp
from netloom.ir.program import main, program_ops
from netloom.passes.semantics import real_value, snapshot
from netloom.sim.emulator import Emulator

Trace = dict[str, NDArray[Any]]


def trace_fixed(module: ModuleOp, emulator: Emulator, inputs: Sequence[NDArray[Any]]) -> Trace:
    """Real values of a compiled module's layers, float64 [n, *shape].

    Where one source node became several ops, its last value is the node's.
    """
    values = emulator.run_all(inputs)
    ops = [op for op in program_ops(main(module)) if not isinstance(op, ConstantOp)]
    return {op.origin_name: real_value(op, values[op.results[0]]) for op in ops}


def trace_real(module: ModuleOp, inputs: Sequence[NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """Values of an imported module's layers, computed in float64."""
    return snapshot(module, inputs).trace
