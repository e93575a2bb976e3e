"""Where the weights of a layer are: a constant, perhaps behind quantizers and transpositions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.ir.attributes import ArrayAttr, format_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp
from netloom.ir.nn import DenseOp, MatMulOp
from netloom.ir.program import main, program_ops


@dataclass(frozen=True, eq=False)
class Weights:
    """The weights of one layer.

    Attributes:
        layer: name of the layer.
        constant: the op that holds them: real numbers, or mantissas once they are quantized.
        path: the ops between the constant and the layer, in order.
    """

    layer: str
    constant: ConstantOp
    path: tuple[NetloomOp, ...]

    @property
    def size(self) -> int:
        """Number of weights."""
        return int(self.constant.value.values.size)

    @property
    def magnitudes(self) -> NDArray[np.float64]:
        """Absolute real values, row-major."""
        number_format = format_of(self.constant.result.type)
        values = self.constant.value.reals().reshape(-1)
        fraction = number_format.fraction if number_format is not None else 0
        return np.abs(np.ldexp(values, -fraction))

    @property
    def is_shared(self) -> bool:
        """Whether something else than the layer reads them."""
        return not all(op.results[0].has_one_use() for op in (self.constant, *self.path))

    @property
    def keeps_zero(self) -> bool:
        """Whether a weight of zero still is zero where the layer reads it."""
        values = np.zeros((1, *self.constant.result_shape), dtype=self.constant.value.values.dtype)
        for op in self.path:
            values = op.evaluate([values])
        return not values.any()

    def zero(self, chosen: NDArray[np.int64]) -> None:
        """Set the weights with these numbers (row-major) to zero."""
        values = self.constant.value.values.copy()
        values.reshape(-1)[chosen] = 0
        self.constant.properties["value"] = ArrayAttr.of(values)


def weights_of(module: ModuleOp) -> Iterator[Weights]:
    """The weights of every matrix product with constants, in order of the program."""
    for op in program_ops(main(module)):
        if isinstance(op, MatMulOp | DenseOp):
            for operand in op.operands[:2]:
                found = _behind(operand, op.origin_name)
                if found is not None:
                    yield found


def _behind(value: SSAValue, layer: str) -> Weights | None:
    """The constant that a value is made of, when it is made of one."""
    path: list[NetloomOp] = []
    while True:
        owner = value.owner
        if isinstance(owner, ConstantOp):
            return Weights(layer, owner, tuple(reversed(path)))
        if not isinstance(owner, NetloomOp) or len(owner.operands) != 1:
            return None
        path.append(owner)
        value = owner.operands[0]
