"""What convolutions, pools and resizing share: channels-last images, windows and padding.

Rows and columns stand in front of the channels inside: [N, H, W, C]. A sequence [N, C, L] is an image with L
rows and one column. Each operator turns its operand round and its result back; the pass channels-last removes
what meets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, StringAttr
from xdsl.ir import SSAValue

from netloom.frontends.onnx.importer import CHANNELS_LAST_DOMAIN, NodeContext
from netloom.frontends.onnx.ops.linear import reshaped
from netloom.ir.attributes import ArrayAttr, shape_of
from netloom.ir.nn import ConcatOp, GatherOp, Geometry, SliceOp, TransposeOp, WindowOp

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]


def ints(values: Sequence[int] | np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> ArrayAttr:
    """A list of integers as an attribute."""
    return ArrayAttr.of(np.array(values, dtype=np.int64))


def transposed(node: NodeContext, x: SSAValue, order: Sequence[int]) -> SSAValue:
    """x with its axes permuted; x itself when they stay."""
    if list(order) == list(range(len(order))):
        return x
    return node.emit(TransposeOp, [x], permutation=ints(order))


def gathered(node: NodeContext, x: SSAValue, indices: Sequence[int], axis: int) -> SSAValue:
    """Elements of x at `indices` along an axis; x itself when these are all in order."""
    if list(indices) == list(range(shape_of(x.type)[axis])):
        return x
    return node.emit(GatherOp, [x], indices=ints(indices), axis=IntegerAttr(axis, 64))


def joined(node: NodeContext, values: Sequence[SSAValue], axis: int) -> SSAValue:
    """Tensors joined along an axis."""
    return node.emit(ConcatOp, list(values), axis=IntegerAttr(axis, 64)) if len(values) > 1 else values[0]


def cut(node: NodeContext, x: SSAValue, starts: Sequence[int], sizes: Sequence[int]) -> SSAValue:
    """A part of x; x itself when it is all of it."""
    if tuple(sizes) == shape_of(x.type):
        return x
    steps = ints([1] * len(sizes))
    return node.emit(SliceOp, [x], starts=ints(starts), sizes=ints(sizes), steps=steps)


@dataclass(frozen=True)
class Layout:
    """How an operator's tensors lie.

    Attributes:
        axes: spatial axes: 1 (a sequence) or 2 (an image).
        channels_last: whether channels are the last axis already (QONNX's channels-last operators).
    """

    axes: int
    channels_last: bool

    def image(self, node: NodeContext, x: SSAValue) -> SSAValue:
        """x as [N, H, W, C]."""
        if not self.channels_last:
            x = transposed(node, x, [0, *range(2, self.axes + 2), 1])
        if self.axes == 1:
            batch, length, channels = shape_of(x.type)
            x = reshaped(node, x, (batch, length, 1, channels))
        return x

    def restored(self, node: NodeContext, y: SSAValue) -> SSAValue:
        """[N, H, W, C] as the operator's result lies."""
        if self.axes == 1:
            batch, length, _, channels = shape_of(y.type)
            y = reshaped(node, y, (batch, length, channels))
        return y if self.channels_last else transposed(node, y, [0, self.axes + 1, *range(1, self.axes + 1)])

    def size(self, node: NodeContext) -> Pair:
        """Rows and columns of the operand."""
        shape = node.shape()
        found = shape[1:-1] if self.channels_last else shape[2:]
        return (found[0], found[1]) if self.axes == 2 else (found[0], 1)

    def pair(self, node: NodeContext, name: str, default: int = 1) -> Pair:
        """An attribute with one positive integer for each spatial axis.

        Raises:
            CompileError: NL104.
        """
        given = [int(size) for size in node.attribute(name, [default] * self.axes)]
        if len(given) != self.axes or min(given) < 1:
            raise node.refuse(f"{name} = {given}", f"{self.axes} positive integers")
        return (given[0], given[1]) if self.axes == 2 else (given[0], 1)


def layout_of(node: NodeContext) -> Layout:
    """The layout of a node's operand and result.

    Raises:
        CompileError: NL104 for volumes and single pixels.
    """
    axes = len(node.shape()) - 2
    if axes not in (1, 2):
        raise node.refuse(f"{axes} spatial axes", "one (sequences) and two (images)")
    return Layout(axes, node.node.domain == CHANNELS_LAST_DOMAIN)


def geometry_of(node: NodeContext, layout: Layout, kernel: Pair) -> Geometry:
    """Windows of the operand, from the attributes strides, dilations, pads, auto_pad and ceil_mode.

    Padding that no window reaches is left out; with ceil_mode there may be more than the node has.

    Raises:
        CompileError: NL104 for values that mean nothing.
    """
    strides, dilations = layout.pair(node, "strides"), layout.pair(node, "dilations")
    size = layout.size(node)
    top, left, bottom, right = declared_padding(
        node, layout, Geometry(size, kernel, strides, dilations, (0,) * 4)
    )
    given = Geometry(size, kernel, strides, dilations, (top, left, bottom, right))
    counts = [windows_along(node, given, axis) for axis in (0, 1)]
    needed = [
        max(0, (counts[axis] - 1) * strides[axis] + given.span(axis) - size[axis] - given.padding[axis])
        for axis in (0, 1)
    ]
    return Geometry(size, kernel, strides, dilations, (top, left, needed[0], needed[1]))


def windows_along(node: NodeContext, geometry: Geometry, axis: Literal[0, 1]) -> int:
    """Number of windows along an axis; with ceil_mode a last one may hang over the end.

    Raises:
        CompileError: NL104 when none fits.
    """
    count = geometry.count(axis)
    if node.attribute("ceil_mode", 0):
        start, stride = geometry.padding[axis], geometry.strides[axis]
        rest = geometry.size[axis] + start + geometry.padding[axis + 2] - geometry.span(axis)
        count = math.ceil(rest / stride) + 1
        if (count - 1) * stride >= geometry.size[axis] + start:
            count -= 1
    if count < 1:
        raise node.refuse(
            f"a window of {geometry.span(axis)} in {geometry.size[axis]} elements", "windows that fit"
        )
    return count


def declared_padding(node: NodeContext, layout: Layout, geometry: Geometry) -> Pads:
    """Top, left, bottom and right padding, from auto_pad or pads.

    Raises:
        CompileError: NL104.
    """
    mode = str(node.attribute("auto_pad", "NOTSET"))
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        totals = [
            max(0, (-(-size // stride) - 1) * stride + geometry.span(axis) - size)
            for axis, (size, stride) in enumerate(zip(geometry.size, geometry.strides, strict=True))
        ]
        extra = [total % 2 if mode == "SAME_LOWER" else 0 for total in totals]
        before = [total // 2 + more for total, more in zip(totals, extra, strict=True)]
        return before[0], before[1], totals[0] - before[0], totals[1] - before[1]
    if mode == "VALID":
        return 0, 0, 0, 0
    if mode != "NOTSET":
        raise node.refuse(f"auto_pad = {mode}", "NOTSET, SAME_UPPER, SAME_LOWER and VALID")
    return given_padding(node, layout)


def given_padding(node: NodeContext, layout: Layout) -> Pads:
    """The attribute pads: all beginnings, then all ends.

    Raises:
        CompileError: NL104 for a wrong number of them, and negative ones.
    """
    pads = [int(size) for size in node.attribute("pads", [0] * (2 * layout.axes))]
    if len(pads) != 2 * layout.axes or min(pads) < 0:
        raise node.refuse(f"pads = {pads}", f"{2 * layout.axes} integers that are not negative")
    return (pads[0], 0, pads[1], 0) if layout.axes == 1 else (pads[0], pads[1], pads[2], pads[3])


def window(node: NodeContext, x: SSAValue, geometry: Geometry, fill: str) -> SSAValue:
    """The windows of an image [N, H, W, C]."""
    return node.emit(
        WindowOp,
        [x],
        kernel=ints(geometry.kernel),
        strides=ints(geometry.strides),
        dilations=ints(geometry.dilations),
        padding=ints(geometry.padding),
        fill=StringAttr(fill),
    )


def depth_to_space(node: NodeContext, x: SSAValue, block: Pair) -> SSAValue:
    """[N, H, W, bh * bw * C] to [N, H * bh, W * bw, C]."""
    if block == (1, 1):
        return x
    batch, height, width, depth = shape_of(x.type)
    down, across = block
    parts = reshaped(node, x, (batch, height, width, down, across, depth // (down * across)))
    moved = transposed(node, parts, (0, 1, 3, 2, 4, 5))
    return reshaped(node, moved, (batch, height * down, width * across, depth // (down * across)))
