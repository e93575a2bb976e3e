"""Ops that only move elements; in parallel hardware they are wires."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import IntegerAttr
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, result_def, var_operand_def
from xdsl.utils.exceptions import VerifyException

from netloom.ir.attributes import ArrayAttr
from netloom.ir.base import NetloomOp, Shape, Values, axis_of, broadcasts_into
from netloom.ir.interval import Interval, Ints


class WiringOp(NetloomOp):
    """Base: intervals move with the elements."""

    @property
    def fills(self) -> bool:
        """Whether the result has elements that are in no operand."""
        return False

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """The operands' intervals, moved."""
        low = self.move([self.lifted(x.low, i) for i, x in enumerate(operands)])
        high = self.move([self.lifted(x.high, i) for i, x in enumerate(operands)])
        return Interval(low[0], high[0])

    def lifted(self, values: Ints, index: int) -> Ints:
        """Operand `index` with a batch axis, at the result's fraction."""
        shift = self.fraction_rule() - self.operand_formats[index].fraction
        return values[None] << shift if shift else values[None]

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Move the elements."""
        return self.move([self.scaled(values, i) for i, values in enumerate(operands)])

    @abstractmethod
    def move(self, operands: Sequence[Values]) -> Values:
        """Elements moved, on arrays with a batch axis."""


def element_map(op: WiringOp) -> Ints:
    """For each result element (row-major) the index into the operands' elements laid end to end.

    Raises:
        VerifyException: the result has elements that are in no operand.
    """
    if op.fills:
        raise VerifyException(f"{op.name} has elements that are in no operand")
    offsets = np.cumsum([0] + [math.prod(shape) for shape in op.operand_shapes])
    operands = [
        np.arange(start, start + math.prod(shape), dtype=np.int64).reshape(1, *shape)
        for start, shape in zip(offsets, op.operand_shapes, strict=False)
    ]
    return op.move(operands).reshape(-1)


class UnaryWiringOp(WiringOp):
    """Base of wiring ops with one operand."""

    input = operand_def()
    result = result_def()


@irdl_op_definition
class ReshapeOp(UnaryWiringOp):
    """The same elements in row-major order in another `shape`, which is a list of sizes."""

    name = "nn.reshape"
    shape = prop_def(ArrayAttr)

    def shape_rule(self) -> Shape:
        """The wanted shape, which must have as many elements."""
        wanted = tuple(int(size) for size in self.shape.values.reshape(-1))
        if math.prod(wanted) != math.prod(self.operand_shapes[0]):
            raise VerifyException(f"nn.reshape: {self.operand_shapes[0]} does not reshape to {wanted}")
        return wanted

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """The operand's interval; leading axes that stay are not spread out."""
        old, new = self.operand_shapes[0], self.shape_rule()
        same = 0
        while same < min(len(old), len(new)) and old[same] == new[same]:
            same += 1
        thin = operands[0].thin(keep=len(old) - same)
        leading = thin.low.shape[:same], thin.high.shape[:same]
        low, high = (
            bound.reshape(*axes, *new[same:])
            for bound, axes in zip((thin.low, thin.high), leading, strict=True)
        )
        return Interval(low, high).spread(new)

    def move(self, operands: Sequence[Values]) -> Values:
        """numpy.reshape."""
        return operands[0].reshape(operands[0].shape[0], *self.shape_rule())


@irdl_op_definition
class TransposeOp(UnaryWiringOp):
    """Axes permuted: axis i of the result is axis `permutation`[i] of the operand."""

    name = "nn.transpose"
    permutation = prop_def(ArrayAttr)

    @property
    def order(self) -> tuple[int, ...]:
        """The permutation as integers."""
        return tuple(int(axis) for axis in self.permutation.values.reshape(-1))

    def shape_rule(self) -> Shape:
        """Permuted sizes."""
        shape = self.operand_shapes[0]
        if sorted(self.order) != list(range(len(shape))):
            raise VerifyException(f"nn.transpose: {self.order} does not permute {len(shape)} axes")
        return tuple(shape[axis] for axis in self.order)

    def move(self, operands: Sequence[Values]) -> Values:
        """numpy.transpose."""
        return operands[0].transpose(0, *(axis + 1 for axis in self.order))


@irdl_op_definition
class ConcatOp(WiringOp):
    """Operands joined along `axis`; all other axes agree.

    Fixed-point operands may differ in format: each is brought to the largest number of fraction bits by
    an exact left shift.
    """

    name = "nn.concat"
    inputs = var_operand_def()
    axis = prop_def(IntegerAttr)
    result = result_def()

    @property
    def positive_axis(self) -> int:
        """The axis, counted from the front."""
        return axis_of(self, self.axis.value.data)

    def shape_rule(self) -> Shape:
        """Sizes along the axis add up; all others agree."""
        shapes, axis = self.operand_shapes, self.positive_axis
        rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
        if len(rest) != 1 or len({len(shape) for shape in shapes}) != 1:
            raise VerifyException(f"nn.concat: shapes {shapes} do not join along axis {axis}")
        total = sum(shape[axis] for shape in shapes)
        return (*shapes[0][:axis], total, *shapes[0][axis + 1 :])

    def move(self, operands: Sequence[Values]) -> Values:
        """numpy.concatenate, over a common batch."""
        batch = max(values.shape[0] for values in operands)
        spread = [np.broadcast_to(values, (batch, *values.shape[1:])) for values in operands]
        return np.concatenate(spread, axis=self.positive_axis + 1)


@irdl_op_definition
class SliceOp(UnaryWiringOp):
    """A regular part of a tensor: along each axis the elements start, start + step, ..., `sizes` of them.

    `starts`, `sizes` and `steps` have one element for each axis; steps may be negative, and every index
    exists (clipping has been done by whoever made the op).
    """

    name = "nn.slice"
    starts = prop_def(ArrayAttr)
    sizes = prop_def(ArrayAttr)
    steps = prop_def(ArrayAttr)

    def ranges(self) -> list[NDArray[Any]]:
        """Indices taken along each axis."""
        bounds = zip(self.starts.ints(), self.sizes.ints(), self.steps.ints(), strict=True)
        return [start + step * np.arange(size) for start, size, step in bounds]

    def shape_rule(self) -> Shape:
        """The sizes; indices must exist."""
        shape = self.operand_shapes[0]
        if not all(len(p.values) == len(shape) for p in (self.starts, self.sizes, self.steps)):
            raise VerifyException("nn.slice: starts, sizes and steps have one element for each axis")
        for indices, size in zip(self.ranges(), shape, strict=True):
            if indices.size and (indices.min() < 0 or indices.max() >= size):
                raise VerifyException("nn.slice: an index is outside the operand")
        return tuple(int(size) for size in self.sizes.values.reshape(-1))

    def move(self, operands: Sequence[Values]) -> Values:
        """numpy indexing with ranges."""
        everything = np.arange(operands[0].shape[0])
        return np.asarray(operands[0][np.ix_(everything, *self.ranges())])


@irdl_op_definition
class GatherOp(UnaryWiringOp):
    """Elements at constant `indices` along one `axis` (ONNX Gather).

    The axis is replaced by the shape of the indices; a negative index counts from the end. Repeated
    indices repeat elements, so this is also how tensors are tiled and padded by their edges.
    """

    name = "nn.gather"
    indices = prop_def(ArrayAttr)
    axis = prop_def(IntegerAttr)

    @property
    def positive_axis(self) -> int:
        """The axis, counted from the front."""
        return axis_of(self, self.axis.value.data)

    def shape_rule(self) -> Shape:
        """The axis is replaced by the shape of the indices."""
        shape, axis = self.operand_shapes[0], self.positive_axis
        if self.indices.values.size and not (
            -shape[axis] <= int(self.indices.values.min()) and int(self.indices.values.max()) < shape[axis]
        ):
            raise VerifyException("nn.gather: an index is outside the operand")
        return (*shape[:axis], *self.indices.values.shape, *shape[axis + 1 :])

    def move(self, operands: Sequence[Values]) -> Values:
        """numpy.take."""
        return np.asarray(np.take(operands[0], self.indices.ints(), axis=self.positive_axis + 1))


@irdl_op_definition
class BroadcastOp(UnaryWiringOp):
    """The operand repeated to a larger `shape`, with numpy's broadcasting (ONNX Expand)."""

    name = "nn.broadcast"
    shape = prop_def(ArrayAttr)

    def shape_rule(self) -> Shape:
        """The wanted shape, into which the operand broadcasts."""
        wanted = tuple(int(size) for size in self.shape.values.reshape(-1))
        if not broadcasts_into(self.operand_shapes[0], wanted):
            raise VerifyException("nn.broadcast: the operand does not broadcast into the shape")
        return wanted

    def move(self, operands: Sequence[Values]) -> Values:
        """numpy.broadcast_to."""
        values = self.align(operands[0], 0, len(self.shape_rule()))
        return np.broadcast_to(values, (values.shape[0], *self.shape_rule()))
