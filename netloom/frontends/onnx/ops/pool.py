"""Pools: reductions of windows."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from netloom.frontends.onnx.importer import Converter, NodeContext
from netloom.frontends.onnx.ops.conv import WINDOW_ATTRIBUTES
from netloom.frontends.onnx.ops.linear import reduced
from netloom.frontends.onnx.ops.spatial import Pads, declared_padding, geometry_of, layout_of, window
from netloom.ir.nn import Geometry, MulOp

Values = list[SSAValue]

TAPS = (3, 4)
"""Axes of a window's rows and columns in [N, OH, OW, KH, KW, C]."""


def max_pool(node: NodeContext) -> Values:
    """The largest of each window; what lies outside the image does not count."""
    layout = layout_of(node)
    geometry = geometry_of(node, layout, kernel_of(node))
    taps = window(node, layout.image(node, node.operand(0)), geometry, "lowest")
    return [layout.restored(node, reduced(node, taps, "max", TAPS, keep=False))]


def kernel_of(node: NodeContext) -> tuple[int, int]:
    """The attribute kernel_shape.

    Raises:
        CompileError: NL104.
    """
    return layout_of(node).pair(node, "kernel_shape", 0)


def average_pool(node: NodeContext) -> Values:
    """The mean of each window; with padding, the sum times one over the number of elements that count."""
    layout = layout_of(node)
    geometry = geometry_of(node, layout, kernel_of(node))
    taps = window(node, layout.image(node, node.operand(0)), geometry, "zero")
    margins = (0, 0, 0, 0)
    if node.attribute("count_include_pad", 0):
        margins = declared_padding(node, layout, geometry)
    counts = counted(geometry, margins)
    if np.all(counts == geometry.kernel[0] * geometry.kernel[1]):
        return [layout.restored(node, reduced(node, taps, "mean", TAPS, keep=False))]
    total = reduced(node, taps, "sum", TAPS, keep=False)
    shares = node.emit_constant((1.0 / counts)[:, :, None])
    return [layout.restored(node, node.emit(MulOp, [total, shares]))]


def counted(geometry: Geometry, margins: Pads) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """For each window how many of its elements lie in the image or in its margins (top, left, ...)."""
    numbers = []
    for axis in (0, 1):
        rows = geometry.rows(axis)
        inside = (rows >= -margins[axis]) & (rows < geometry.size[axis] + margins[axis + 2])
        numbers.append(inside.sum(axis=1).astype(np.float64))
    return np.outer(*numbers)


POOL_ATTRIBUTES = WINDOW_ATTRIBUTES | {"ceil_mode"}

CONVERTERS: dict[str, Converter] = {
    "MaxPool": Converter(max_pool, POOL_ATTRIBUTES | {"storage_order"}),
    "AveragePool": Converter(average_pool, POOL_ATTRIBUTES | {"count_include_pad"}),
}
