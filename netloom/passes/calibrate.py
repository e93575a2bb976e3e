"""Calibration: the range of every real value on sample inputs, written on its op."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import DictionaryAttr, ModuleOp

from netloom.ir.arrays import interface_of
from netloom.ir.attributes import ArrayAttr, is_real_tensor
from netloom.ir.fx import ConstantOp
from netloom.ir.interpreter import run_all
from netloom.ir.program import input_names, main, program_ops


def observe(module: ModuleOp, data: object) -> None:
    """Attributes `observed` = [smallest, largest] on ops, `observed_inputs` on the function.

    Args:
        module: a module on real numbers; changed in place.
        data: inputs [n, ...], or a dict by input name.

    Raises:
        CompileError: NL401 to NL403 for inputs that do not fit.
    """
    function = main(module)
    inputs = interface_of(module).inputs_from(data)
    values = run_all(module, inputs, np.float64)
    for op in program_ops(function):
        if is_real_tensor(op.results[0].type) and not isinstance(op, ConstantOp):
            op.attributes["observed"] = bounds(values[op.results[0]])
    ranges = {name: bounds(array) for name, array in zip(input_names(function), inputs, strict=True)}
    function.attributes["observed_inputs"] = DictionaryAttr(ranges)


def bounds(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> ArrayAttr:
    """Smallest and largest element."""
    if not values.size:
        return ArrayAttr.of(np.zeros(2))
    return ArrayAttr.of(np.array([values.min(), values.max()], dtype=np.float64))
