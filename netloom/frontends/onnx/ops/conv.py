"""Convolutions: windows times constant matrices."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from netloom.frontends.onnx.importer import Converter, NodeContext
from netloom.frontends.onnx.ops.linear import reshaped
from netloom.frontends.onnx.ops.spatial import (
    Layout,
    Pair,
    cut,
    depth_to_space,
    gathered,
    geometry_of,
    given_padding,
    joined,
    layout_of,
    transposed,
    window,
)
from netloom.ir.attributes import shape_of
from netloom.ir.nn import AddOp, Geometry, MatMulOp

Values = list[SSAValue]


def conv(node: NodeContext) -> Values:
    """Windows of the image times the weights, for each group of channels, plus the bias."""
    layout = layout_of(node)
    weights = image_weights(node, layout)
    outputs, depth, *kernel = shape_of(weights.type)
    groups = checked_groups(node, layout, depth, outputs)
    geometry = geometry_of(node, layout, (kernel[0], kernel[1]))
    x = layout.image(node, node.operand(0))
    per_group = reshaped(node, weights, (groups, outputs // groups, depth, *kernel))
    matrix = transposed(node, per_group, (0, 3, 4, 2, 1))
    y = grouped_product(node, taken(node, x, geometry), matrix)
    if node.has(2):
        y = node.emit(AddOp, [y, bias(node, outputs)])
    return [layout.restored(node, y)]


def image_weights(node: NodeContext, layout: Layout) -> SSAValue:
    """Weights [_, _, KH, KW], checked against kernel_shape. QONNX's channels-last ones are [_, KH, KW, _].

    Raises:
        CompileError: NL104.
    """
    weights = node.operand(1)
    shape = shape_of(weights.type)
    if layout.channels_last and len(shape) == layout.axes + 2:
        weights = transposed(node, weights, (0, layout.axes + 1, *range(1, layout.axes + 1)))
        shape = shape_of(weights.type)
    if len(shape) != layout.axes + 2:
        raise node.refuse(f"weights of shape {shape}", f"weights of {layout.axes + 2} axes")
    declared = node.attribute("kernel_shape", list(shape[2:]))
    if tuple(declared) != shape[2:]:
        raise node.refuse(
            f"kernel_shape = {list(declared)} of weights {shape}", f"kernel_shape = {list(shape[2:])}"
        )
    return reshaped(node, weights, (*shape, 1)) if layout.axes == 1 else weights


def checked_groups(node: NodeContext, layout: Layout, depth: int, outputs: int) -> int:
    """The attribute group, which divides channels and outputs.

    Raises:
        CompileError: NL104.
    """
    groups = int(node.attribute("group", 1))
    channels = node.shape()[-1 if layout.channels_last else 1]
    if groups < 1 or depth * groups != channels or outputs % groups:
        found = f"group = {groups} of {channels} channels with weights of shape {node.shape(1)}"
        raise node.refuse(found, "a group that divides channels and outputs, and weights that fit")
    return groups


def taken(node: NodeContext, x: SSAValue, geometry: Geometry) -> SSAValue:
    """Windows [N, OH, OW, KH, KW, C]; of single pixels without a window."""
    if geometry.kernel == geometry.strides == (1, 1) and not any(geometry.padding):
        batch, height, width, channels = shape_of(x.type)
        return reshaped(node, x, (batch, height, width, 1, 1, channels))
    return window(node, x, geometry, "zero")


def grouped_product(node: NodeContext, windows: SSAValue, weights: SSAValue) -> SSAValue:
    """[N, OH, OW, KH, KW, G * C] with weights [G, KH, KW, C, O] to [N, OH, OW, G * O]."""
    groups, down, across, depth, outputs = shape_of(weights.type)
    rows = shape_of(windows.type)[:3]
    inputs = down * across * depth
    if groups == 1:
        flat = reshaped(node, windows, (*rows, inputs))
        return node.emit(MatMulOp, [flat, reshaped(node, weights, (inputs, outputs))])
    split = reshaped(node, windows, (*rows, down * across, groups, depth))
    apart = reshaped(node, transposed(node, split, (0, 1, 2, 4, 3, 5)), (*rows, groups, 1, inputs))
    product = node.emit(MatMulOp, [apart, reshaped(node, weights, (groups, inputs, outputs))])
    return reshaped(node, product, (*rows, groups * outputs))


def bias(node: NodeContext, outputs: int) -> SSAValue:
    """Input 2, one number for each output channel.

    Raises:
        CompileError: NL104.
    """
    if node.shape(2) != (outputs,):
        raise node.refuse(f"a bias of shape {node.shape(2)}", f"one number for each of {outputs} outputs")
    return node.operand(2)


def conv_transpose(node: NodeContext) -> Values:
    """One convolution for all phases of the stride, then depth to space, then a crop.

    Output row o of the uncropped result is the sum of x[i] * w[k] over i * stride + k * dilation = o. With
    o = q * stride + r these are x[q - t] * w[k] with k * dilation = r + t * stride: for each phase r a
    convolution over q with as many taps t as the kernel has steps of the stride.
    """
    layout = layout_of(node)
    weights = image_weights(node, layout)
    inputs, per_group, *kernel = shape_of(weights.type)
    groups = int(node.attribute("group", 1))
    checked_groups(node, layout, inputs // max(groups, 1), per_group * groups)
    strides, dilations = layout.pair(node, "strides"), layout.pair(node, "dilations")
    plain = Geometry(layout.size(node), (kernel[0], kernel[1]), strides, dilations, (0, 0, 0, 0))
    sizes, starts = transposed_sizes(node, layout, plain)
    taps = (-(-plain.span(0) // strides[0]), -(-plain.span(1) // strides[1]))
    for axis in (0, 1):
        weights = phases(node, weights, axis, plain, taps[axis])
    x = layout.image(node, node.operand(0))
    firsts = [min(starts[axis] // strides[axis], taps[axis] - 1) for axis in (0, 1)]
    counts = [-(-(starts[axis] + sizes[axis]) // strides[axis]) - firsts[axis] for axis in (0, 1)]
    before = [taps[axis] - 1 - firsts[axis] for axis in (0, 1)]
    after = [max(0, counts[i] + taps[i] - 1 - plain.size[i] - before[i]) for i in (0, 1)]
    geometry = Geometry(plain.size, taps, (1, 1), (1, 1), (before[0], before[1], after[0], after[1]))
    y = grouped_product(node, taken(node, x, geometry), phase_matrix(node, weights, groups, strides, taps))
    y = phases_first(node, y, groups, strides)
    if node.has(2):
        outputs = per_group * groups
        tiled = np.tile(np.arange(outputs), strides[0] * strides[1]).tolist()
        y = node.emit(AddOp, [y, gathered(node, bias(node, outputs), tiled, 0)])
    y = depth_to_space(node, y, strides)
    batch, _, _, channels = shape_of(y.type)
    corner = [starts[axis] - firsts[axis] * strides[axis] for axis in (0, 1)]
    return [layout.restored(node, cut(node, y, (0, *corner, 0), (batch, *sizes, channels)))]


def transposed_sizes(node: NodeContext, layout: Layout, plain: Geometry) -> tuple[Pair, Pair]:
    """Rows and columns of a transposed convolution, and where it begins in the uncropped result.

    Raises:
        CompileError: NL104.
    """
    extra = [int(size) for size in node.attribute("output_padding", [0] * layout.axes)] + [0]
    full = [(plain.size[i] - 1) * plain.strides[i] + plain.span(i) for i in (0, 1)]
    mode = str(node.attribute("auto_pad", "NOTSET"))
    wanted = node.attribute("output_shape", None)
    if wanted is None and mode in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [plain.size[i] * plain.strides[i] for i in range(layout.axes)]
    if wanted is not None:
        sizes = [*wanted[-layout.axes :], 1]
        totals = [max(0, full[i] + extra[i] - sizes[i]) for i in (0, 1)]
        upper = [total // 2 for total in totals]
        starts = upper if mode == "SAME_UPPER" else [t - u for t, u in zip(totals, upper, strict=True)]
        starts[1] = starts[1] if layout.axes == 2 else 0
    elif mode in ("NOTSET", "VALID"):
        pads = given_padding(node, layout) if mode == "NOTSET" else (0, 0, 0, 0)
        starts = list(pads[:2])
        sizes = [full[i] + extra[i] - pads[i] - pads[i + 2] for i in (0, 1)]
    else:
        raise node.refuse(f"auto_pad = {mode}", "NOTSET, SAME_UPPER, SAME_LOWER and VALID")
    if min(sizes[:2]) < 1 or min(extra) < 0:
        raise node.refuse(f"a result of {sizes[0]} x {sizes[1]}", "results with elements")
    return (sizes[0], sizes[1]), (starts[0], starts[1])


def phases(node: NodeContext, weights: SSAValue, axis: int, plain: Geometry, taps: int) -> SSAValue:
    """Weights along one kernel axis in the order of window and phase, with zeros where no weight is."""
    stride, dilation, size = plain.strides[axis], plain.dilations[axis], plain.kernel[axis]
    wanted = [(taps - 1 - tap) * stride + phase for tap in range(taps) for phase in range(stride)]
    indices = [w // dilation if w % dilation == 0 and w // dilation < size else size for w in wanted]
    if size in indices:
        shape = list(shape_of(weights.type))
        shape[axis + 2] = 1
        weights = joined(node, [weights, node.emit_constant(np.zeros(shape))], axis + 2)
    return gathered(node, weights, indices, axis + 2)


def phase_matrix(node: NodeContext, weights: SSAValue, groups: int, strides: Pair, taps: Pair) -> SSAValue:
    """[G * C, O, TH * SH, TW * SW] to [G, TH, TW, C, SH * SW * O]."""
    inputs, outputs, _, _ = shape_of(weights.type)
    depth = inputs // groups
    split = reshaped(node, weights, (groups, depth, outputs, taps[0], strides[0], taps[1], strides[1]))
    order = transposed(node, split, (0, 3, 5, 1, 4, 6, 2))
    return reshaped(node, order, (groups, *taps, depth, strides[0] * strides[1] * outputs))


def phases_first(node: NodeContext, y: SSAValue, groups: int, strides: Pair) -> SSAValue:
    """[N, H, W, G * S * O] to [N, H, W, S * G * O]."""
    shape = shape_of(y.type)
    split = (*shape[:3], groups, strides[0] * strides[1], -1)
    if groups == 1 or split[4] == 1:
        return y
    parts = reshaped(node, y, (*split[:-1], shape[3] // (groups * split[4])))
    return reshaped(node, transposed(node, parts, (0, 1, 2, 4, 3, 5)), shape)


WINDOW_ATTRIBUTES = frozenset({"auto_pad", "dilations", "kernel_shape", "pads", "strides"})

CONVERTERS: dict[str, Converter] = {
    "Conv": Converter(conv, WINDOW_ATTRIBUTES | {"group"}),
    "ConvTranspose": Converter(
        conv_transpose, WINDOW_ATTRIBUTES | {"group", "output_padding", "output_shape"}
    ),
}
