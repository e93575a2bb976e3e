"""The reference: runs each op's own meaning, one after the other, over a batch.

Fixed-point values are int64 mantissas. Real values are computed in `real_type`; models compute in
float32, and passes compare in float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.ir.attributes import format_of
from netloom.ir.fx import ConstantOp
from netloom.ir.program import main, program_ops, terminator

Values = NDArray[Any]


def run(module: ModuleOp, inputs: Sequence[Values], real_type: DTypeLike = np.float32) -> list[Values]:
    """Outputs of `main` for inputs of shape [batch, *shape], in order.

    Fixed-point outputs are int64 mantissas, real outputs floating point.
    """
    values = run_all(module, inputs, real_type)
    return [values[operand] for operand in terminator(main(module)).operands]


def run_all(
    module: ModuleOp, inputs: Sequence[Values], real_type: DTypeLike = np.float32
) -> Mapping[SSAValue, Values]:
    """Every value of `main`, batch axis first (of size 1 where it does not depend on the input)."""
    function = main(module)
    values: dict[SSAValue, Values] = {}
    for argument, array in zip(function.body.block.args, inputs, strict=True):
        kind = real_type if format_of(argument.type) is None else np.int64
        values[argument] = np.asarray(array, dtype=kind)
    batch = max((len(array) for array in inputs), default=1)
    for op in program_ops(function):
        result = op.evaluate([values[operand] for operand in op.operands])
        if isinstance(op, ConstantOp) and not op.is_fixed:
            result = result.astype(real_type)
        values[op.results[0]] = result
    for operand in terminator(function).operands:
        array = values[operand]
        values[operand] = np.broadcast_to(array, (batch, *array.shape[1:]))
    return values
