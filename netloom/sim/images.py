"""Fast kernels of the emulator for windows: convolutions, depthwise ones and pools.

The windows of an image hold each pixel once for every tap. None of these kernels makes them all at once: a
convolution gathers as many as fit the cache and has BLAS multiply them, a depthwise one adds shifted images,
a pool reduces rows first and columns then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import SSAValue

from netloom.ir.attributes import shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.nn import Geometry, ReduceOp, ReshapeOp, TransposeOp, WindowOp, windows
from netloom.ir.nn.window import WindowBase

Values = NDArray[Any]
Kernel = Callable[[Sequence[Values]], Values]

TILE_BYTES = 1 << 18
"""About so many bytes of gathered windows at a time."""


@dataclass(frozen=True, eq=False)
class Windowed:
    """Windows that only one op reads, and the ops in between.

    Attributes:
        window: the op that makes them.
        between: ops that only rearrange each window, in order.
    """

    window: WindowBase
    between: tuple[NetloomOp, ...]

    @property
    def fused(self) -> tuple[NetloomOp, ...]:
        """Ops whose results are never made."""
        return (self.window, *self.between)

    @property
    def rows(self) -> tuple[int, ...]:
        """Leading axes of the windows: batch, rows and columns."""
        return self.window.result_shape[:-3]

    @property
    def taps(self) -> int:
        """Elements of a window's one channel."""
        return int(np.prod(self.window.result_shape[-3:-1]))


def windowed(value: SSAValue) -> Windowed | None:
    """The windows behind a value, when nothing else reads them or what lies between."""
    between: list[NetloomOp] = []
    while value.has_one_use():
        op = value.owner
        if isinstance(op, WindowOp):
            return Windowed(op, tuple(reversed(between))) if op.parts == 1 else None
        if not isinstance(op, ReshapeOp | TransposeOp):
            return None
        between.append(op)
        value = op.input
    return None


def convolved(value: SSAValue) -> Windowed | None:
    """Windows laid flat, [..., OH, OW, KH * KW * C]."""
    found = windowed(value)
    if found is None or not all(isinstance(op, ReshapeOp) for op in found.between):
        return None
    inputs = found.taps * found.window.result_shape[-1]
    return found if shape_of(value.type) == (*found.rows, inputs) else None


def grouped(value: SSAValue) -> Windowed | None:
    """Windows by groups of channels, [..., OH, OW, G, 1, KH * KW * C / G]."""
    found = windowed(value)
    shape = shape_of(value.type)
    if found is None or len(found.between) != 3 or len(shape) != len(found.rows) + 3:
        return None
    groups, channels, rank = shape[-3], found.window.result_shape[-1], len(found.rows)
    split, turned, flat = found.between
    expected = (*found.rows, found.taps, groups, channels // max(groups, 1))
    order = (*range(rank), rank + 1, rank, rank + 2)
    fits = isinstance(split, ReshapeOp) and isinstance(flat, ReshapeOp) and split.result_shape == expected
    fits = fits and isinstance(turned, TransposeOp) and turned.order == order
    return found if fits and shape == (*found.rows, groups, 1, found.taps * expected[-1]) else None


def pooled(op: ReduceOp) -> Windowed | None:
    """Windows that are reduced over their rows and columns, channel by channel."""
    found = windowed(op.input) if is_pool(op) else None
    return found if found is not None and not found.between else None


def is_pool(op: ReduceOp) -> bool:
    """Whether an op takes the sum or the largest along the last axes but one, as of windows."""
    rank = len(op.operand_shapes[0])
    over_taps = op.positive_axes == (rank - 3, rank - 2) and not bool(op.keep_axes)
    return over_taps and op.kind.data in ("sum", "max")


def padded(x: Values, geometry: Geometry, fill: Any) -> Values:
    """Images [n, H, W, C] with their margins."""
    if not any(geometry.padding):
        return x
    top, left, bottom, right = geometry.padding
    count, height, width, channels = x.shape
    shape = (count, height + top + bottom, width + left + right, channels)
    result = np.full(shape, fill, dtype=x.dtype) if fill else np.zeros(shape, dtype=x.dtype)
    result[:, top : top + height, left : left + width] = x
    return result


def inner(geometry: Geometry) -> Geometry:
    """The same windows of the padded image."""
    top, left, bottom, right = geometry.padding
    size = (geometry.size[0] + top + bottom, geometry.size[1] + left + right)
    return Geometry(size, geometry.kernel, geometry.strides, geometry.dilations, (0, 0, 0, 0))


def images(x: Values) -> Values:
    """[n, H, W, C], contiguous."""
    return np.ascontiguousarray(x.reshape(-1, *x.shape[-3:]))


Tile = tuple[slice, slice]


def tiles(view: Values) -> Iterator[tuple[Tile, Values]]:
    """Windows [n, OH, OW, KH, KW, C] by so many rows and images as fill a tile: which, and a copy of them.

    The copies share their memory: each is gone when the next comes.
    """
    count, height = view.shape[:2]
    row_bytes = max(view.itemsize * int(np.prod(view.shape[2:])), 1)
    rows, together = min(height, max(1, TILE_BYTES // row_bytes)), max(1, TILE_BYTES // (row_bytes * height))
    memory = np.empty((together, rows, *view.shape[2:]), dtype=view.dtype)
    for start in range(0, count, together):
        for top in range(0, height, rows):
            tile = slice(start, start + together), slice(top, top + rows)
            part = view[tile]
            copy = memory[: part.shape[0], : part.shape[1]]
            np.copyto(copy, part)
            yield tile, np.ascontiguousarray(copy)


def multiply(x: Values, geometry: Geometry, weights: Values, result: Values) -> None:
    """Windows of padded images times weights [K, N], into result [n, OH, OW, N]."""
    inputs, outputs = weights.shape
    for tile, taps in tiles(windows(x, geometry, 0)):
        target = result[tile]
        if target.flags.c_contiguous:
            np.matmul(taps.reshape(-1, inputs), weights, out=target.reshape(-1, outputs))
        else:
            target[...] = np.matmul(taps.reshape(-1, inputs), weights).reshape(target.shape)


def convolution(found: Windowed, weights: Values, bias: Values | None, dtype: Any) -> Kernel:
    """x to windows(x) @ weights + bias, [..., OH, OW, N]."""
    geometry, inside = found.window.geometry, inner(found.window.geometry)
    fill, rows, outputs = found.window.fill_value, found.rows, weights.shape[-1]

    def kernel(operands: Sequence[Values]) -> Values:
        x = padded(images(operands[0].astype(dtype, copy=False)), geometry, fill)
        y = np.empty((len(x), *rows[-2:], outputs), dtype=dtype)
        multiply(x, inside, weights, y)
        if bias is not None:
            y += bias
        return y.reshape(-1, *rows, outputs)

    return kernel


def grouped_convolution(found: Windowed, weights: Values, dtype: Any) -> Kernel:
    """x to windows by groups times weights [G, K, N], [..., OH, OW, G, 1, N]."""
    geometry, inside = found.window.geometry, inner(found.window.geometry)
    groups, inputs, outputs = weights.shape
    depth, rows, fill = inputs // found.taps, found.rows, found.window.fill_value

    def kernel(operands: Sequence[Values]) -> Values:
        x = padded(images(operands[0].astype(dtype, copy=False)), geometry, fill)
        y = np.empty((len(x), *rows[-2:], groups, outputs), dtype=dtype)
        if depth == 1:
            add_shifted(x, inside, weights, y)
        else:
            for group in range(groups):
                part = x[..., group * depth : (group + 1) * depth]
                multiply(part, inside, weights[group], y[..., group, :])
        return y.reshape(-1, *rows, groups, 1, outputs)

    return kernel


def add_shifted(x: Values, geometry: Geometry, weights: Values, result: Values) -> None:
    """Depthwise: each channel's taps times its weights [C, taps, N], into result [n, OH, OW, C, N]."""
    _, height, width, channels, outputs = result.shape
    (down, across), (below, beside) = geometry.strides, geometry.dilations
    product = np.empty((height, width, channels), dtype=x.dtype)
    for image, target in zip(x, result, strict=True):
        for output in range(outputs):
            total = np.zeros((height, width, channels), dtype=x.dtype)
            for tap in range(weights.shape[1]):
                top, left = below * (tap // geometry.kernel[1]), beside * (tap % geometry.kernel[1])
                ends = top + down * (height - 1) + 1, left + across * (width - 1) + 1
                np.multiply(
                    image[top : ends[0] : down, left : ends[1] : across], weights[:, tap, output], out=product
                )
                total += product
            target[..., output] = total


def pool(op: ReduceOp, found: Windowed, dtype: Any) -> Kernel:
    """The sum or the largest of each window: of rows first, of columns then."""
    geometry, fill, rows = found.window.geometry, found.window.fill_value, found.rows
    combine: Any = np.maximum if op.kind.data == "max" else np.add
    counts = geometry.count(0), geometry.count(1)

    def along(x: Values, axis: int) -> Values:
        step, dilation, size = geometry.strides[axis], geometry.dilations[axis], geometry.kernel[axis]
        parts = []
        for tap in range(size):
            taken = slice(tap * dilation, tap * dilation + step * (counts[axis] - 1) + 1, step)
            parts.append(x[:, taken] if axis == 0 else x[:, :, taken])
        if size == 1:
            return parts[0]
        result = combine(parts[0], parts[1])
        for part in parts[2:]:
            combine(result, part, out=result)
        return np.asarray(result)

    def kernel(operands: Sequence[Values]) -> Values:
        x = padded(images(operands[0].astype(dtype, copy=False)), geometry, fill)
        y = along(along(x, 0), 1)
        return y.reshape(-1, *rows, y.shape[-1])

    return kernel


def by_tiles(geometry: Geometry, fill: Any, run: Callable[[Values], Values], shape: Sequence[int]) -> Kernel:
    """x to the results of all its windows, [n, *shape].

    `run` gets the windows [n, OH, OW, KH, KW, C] of some rows and returns one result for each.
    """
    inside = inner(geometry)

    def kernel(operands: Sequence[Values]) -> Values:
        x = padded(images(operands[0]), geometry, fill)
        parts = []
        for _, taps in tiles(windows(x, inside, 0)):
            part = run(taps)
            parts.append(part.copy() if np.may_share_memory(part, taps) else part)
        return np.concatenate(parts).reshape(len(x), *shape)

    return kernel
