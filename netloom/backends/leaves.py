"""Which elements of a tensor meet in each result of a reduction."""

from __future__ import annotations

import numpy as np

from netloom.backends.indexing import Ints
from netloom.ir.base import NetloomOp


def leaves_of(op: NetloomOp, axes: tuple[int, ...]) -> Ints:
    """Element numbers int64[results, leaves]: the operand's elements that meet in each result."""
    shape = op.operand_shapes[0]
    positions = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    count = int(np.prod([shape[axis] for axis in axes], dtype=np.int64))
    return positions.transpose(*kept, *axes).reshape(-1, count)
