"""The windows of an image, which is what convolution and pooling read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, StringAttr
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from netloom.ir.attributes import ArrayAttr, format_of
from netloom.ir.base import Shape, Values
from netloom.ir.interval import Interval, Ints, thinned
from netloom.ir.nn.shape import WiringOp

FILLS = ("zero", "lowest")
"""What stands outside the image."""


@dataclass(frozen=True)
class Geometry:
    """Where the windows of an image lie.

    Attributes:
        size: rows and columns of the image.
        kernel: rows and columns of a window.
        strides: steps between windows.
        dilations: steps between the elements of a window.
        padding: rows and columns outside the image: top, left, bottom, right.
    """

    size: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    padding: tuple[int, int, int, int]

    def span(self, axis: int) -> int:
        """Rows (axis 0) or columns (axis 1) from a window's first to its last, both included."""
        return (self.kernel[axis] - 1) * self.dilations[axis] + 1

    def count(self, axis: int) -> int:
        """Number of windows along an axis; not positive when none fits."""
        padded = self.size[axis] + self.padding[axis] + self.padding[axis + 2]
        return (padded - self.span(axis)) // self.strides[axis] + 1

    def rows(self, axis: int) -> Ints:
        """Image index [count, kernel] of each element of each window along an axis; may be outside."""
        starts = np.arange(self.count(axis)) * self.strides[axis] - self.padding[axis]
        offsets = np.arange(self.kernel[axis]) * self.dilations[axis]
        return np.asarray(starts[:, None] + offsets, dtype=np.int64)

    def outside(self, axis: int) -> Values:
        """Whether each of `rows(axis)` is outside the image."""
        rows = self.rows(axis)
        return (rows < 0) | (rows >= self.size[axis])

    @property
    def is_padded(self) -> bool:
        """Whether any window has an element outside the image."""
        return bool(self.outside(0).any() or self.outside(1).any())


class WindowBase(WiringOp):
    """What `nn.window` and its form on streams share."""

    input = operand_def()
    kernel = prop_def(ArrayAttr)
    strides = prop_def(ArrayAttr)
    dilations = prop_def(ArrayAttr)
    padding = prop_def(ArrayAttr)
    fill = prop_def(StringAttr)
    slices = opt_prop_def(IntegerAttr)
    result = result_def()

    @property
    def parts(self) -> int:
        """Elements along the axis of columns that make a pixel."""
        return self.slices.value.data if self.slices is not None else 1

    @property
    def geometry(self) -> Geometry:
        """Where the windows lie, in pixels."""
        if len(self.operand_shapes[0]) < 3:
            raise VerifyException("nn.window: the operand has axes for rows, columns and channels")
        rows, columns = self.operand_shapes[0][-3:-1]
        if self.parts < 1 or columns % self.parts:
            raise VerifyException(f"nn.window: {columns} columns are not pixels of {self.parts} slices")
        columns //= self.parts
        for array in (self.kernel, self.strides, self.dilations):
            if array.values.shape != (2,) or int(array.values.min()) < 1:
                raise VerifyException("nn.window: kernel, strides and dilations are two positive integers")
        kernel, strides, dilations = (
            (int(array.values[0]), int(array.values[1]))
            for array in (self.kernel, self.strides, self.dilations)
        )
        if self.padding.values.shape != (4,) or int(self.padding.values.min()) < 0:
            raise VerifyException("nn.window: padding is four integers that are not negative")
        top, left, bottom, right = (int(size) for size in self.padding.values)
        return Geometry((rows, columns), kernel, strides, dilations, (top, left, bottom, right))

    @property
    def fills(self) -> bool:
        """Whether any window leaves the image."""
        return self.geometry.is_padded

    def shape_rule(self) -> Shape:
        """Positions and taps take the place of rows and columns."""
        geometry = self.geometry
        counts = geometry.count(0), geometry.count(1)
        if min(counts) < 1:
            raise VerifyException(f"nn.window: {geometry.kernel} does not fit into {geometry.size}")
        shape = self.operand_shapes[0]
        return (*shape[:-3], counts[0], counts[1] * self.parts, *geometry.kernel, shape[-1])

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """A known fill."""
        super().verify_elements(operand_kinds)
        if self.fill.data not in FILLS:
            raise VerifyException(f"nn.window: fill {self.fill.data} is not one of {', '.join(FILLS)}")

    @property
    def fill_value(self) -> float | int:
        """What stands outside the image: a real number, or a mantissa."""
        if self.fill.data == "zero":
            return 0
        number_format = format_of(self.input.type)
        return -np.inf if number_format is None else number_format.min_mantissa

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """For each channel and each tap what the image holds anywhere, and the fill where the tap leaves it.

        The same for all positions: hardware has one circuit for them.
        """
        geometry, shape, fill = self.geometry, self.shape_rule(), int(self.fill_value)
        leaves = np.logical_or.outer(geometry.outside(0).any(axis=0), geometry.outside(1).any(axis=0))
        low = thinned(operands[0].low).min(axis=(-3, -2))[..., None, None, None, None, :]
        high = thinned(operands[0].high).max(axis=(-3, -2))[..., None, None, None, None, :]
        low = np.where(leaves[..., None], np.minimum(low, fill), low)
        high = np.where(leaves[..., None], np.maximum(high, fill), high)
        return Interval(np.broadcast_to(low, shape), np.broadcast_to(high, shape))

    def move(self, operands: Sequence[Values]) -> Values:
        """The windows, with the op's own fill."""
        return self.windows_of(operands[0], self.fill_value)

    def windows_of(self, x: Values, fill: Any) -> Values:
        """Windows [..., OH, OW * slices, KH, KW, C] of [..., H, W * slices, C], with any fill."""
        *leading, height, columns, channels = x.shape
        pixels = x.reshape(*leading, height, columns // self.parts, self.parts * channels)
        found = windows(pixels, self.geometry, fill)
        if self.parts == 1:
            return found
        sliced = found.reshape(*found.shape[:-1], self.parts, channels)
        down, across, *kernel = found.shape[-5:-1]
        shape = (*leading, down, across * self.parts, *kernel, channels)
        return np.moveaxis(sliced, -2, -4).reshape(shape)


@irdl_op_definition
class WindowOp(WindowBase):
    """The windows of an image: [..., H, W, C] to [..., OH, OW, KH, KW, C].

    Window (i, j) begins at row i * strides[0] - padding[0] and column j * strides[1] - padding[1] of the
    image, and takes every dilations[0]-th row and dilations[1]-th column. `padding` is top, left, bottom,
    right. What lies outside the image is `fill`: `zero`, or `lowest`, which is minus infinity for real
    numbers and the smallest number of the operand's format for fixed-point ones. A convolution is a product
    of windows with a constant matrix, a pool a reduction of windows. The pass lower-windows takes it apart
    for parallel hardware.

    With `slices` = G, G neighbours along the axis of columns are one pixel, whose channels they share: the
    operand is [..., H, W * G, C], the result [..., OH, OW * G, KH, KW, C], and each window is of like slices.
    """

    name = "nn.window"


def windows(x: Values, geometry: Geometry, fill: Any) -> Values:
    """Windows [..., OH, OW, KH, KW, C] of [..., H, W, C]: a view of the (padded) image."""
    top, left, bottom, right = geometry.padding
    if any(geometry.padding):
        margins = [(0, 0)] * (x.ndim - 3) + [(top, bottom), (left, right), (0, 0)]
        x = np.pad(x, margins, constant_values=fill)
    spans = geometry.span(0), geometry.span(1)
    view = np.lib.stride_tricks.sliding_window_view(x, spans, axis=(-3, -2))
    (down, across), (below, beside) = geometry.strides, geometry.dilations
    view = view[..., ::down, ::across, :, ::below, ::beside]
    return np.moveaxis(view, -3, -1)


def window_map(op: WindowOp) -> Ints:
    """For each element of the result the index of the operand's element, -1 for the fill.

    Row-major over [*, OH, OW, KH, KW, C], where * are the operand's leading axes.
    """
    shape = op.operand_shapes[0]
    image = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
    return np.asarray(op.windows_of(image, -1))
