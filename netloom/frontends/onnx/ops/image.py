"""Operators that enlarge, shrink and rearrange images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import SSAValue

from netloom.core.fixed import Format
from netloom.frontends.onnx.importer import Converter, NodeContext
from netloom.frontends.onnx.ops.linear import reshaped
from netloom.frontends.onnx.ops.spatial import gathered, transposed
from netloom.ir.attributes import ArrayAttr, shape_of
from netloom.ir.fx import DequantizeOp, constant_mantissas
from netloom.ir.nn import MatMulOp

Values = list[SSAValue]
Real = NDArray[np.float64]

COEFFICIENT_BITS = 12
"""Fraction bits that hold the coefficients of a linear interpolation exactly."""


def _symmetric(x: Real, old: int, new: int, scale: float) -> Real:
    adjustment = new / (old * scale)
    return old / 2 * (1 - adjustment) + (x + 0.5) / scale - 0.5


COORDINATES: Mapping[str, Callable[[Real, int, int, float], Real]] = {
    "half_pixel": lambda x, old, new, scale: (x + 0.5) / scale - 0.5,
    "half_pixel_symmetric": _symmetric,
    "pytorch_half_pixel": lambda x, old, new, scale: (x + 0.5) / scale - 0.5 if new > 1 else x * 0,
    "align_corners": lambda x, old, new, scale: x * (old - 1) / (new - 1) if new > 1 else x * 0,
    "asymmetric": lambda x, old, new, scale: x / scale,
}
"""Where a result's index lies in the operand, as ONNX's Resize defines it."""

NEAREST_MODES: Mapping[str, Callable[[Real], Real]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
"""Which operand's index is nearest."""


def resize(node: NodeContext) -> Values:
    """Nearest: a gather along each axis. Linear: a product with a constant matrix along each axis."""
    for name, allowed in (("antialias", 0), ("exclude_outside", 0)):
        if node.attribute(name, allowed) != allowed:
            raise node.refuse(f"{name} = {node.attribute(name, allowed)}", f"{name} = {allowed}")
    old = node.opset < 11
    coordinates = "asymmetric" if old else str(node.attribute("coordinate_transformation_mode", "half_pixel"))
    nearest = "floor" if old else str(node.attribute("nearest_mode", "round_prefer_floor"))
    sizes, scales = resized_sizes(node, 1 if old else 2)
    return [resized(node, sizes, scales, coordinates, nearest)]


def upsample(node: NodeContext) -> Values:
    """The older Resize: result index / scale, rounded down."""
    given = node.attribute("scales", None)
    scales = [float(scale) for scale in (node.constant(1) if given is None else given)]
    sizes = scaled_sizes(node, node.shape(), scales)
    return [resized(node, sizes, scales, "asymmetric", "floor")]


def resized_sizes(node: NodeContext, first: int) -> tuple[list[int], list[float]]:
    """Sizes and scales of all axes, from the inputs scales (number `first`) or sizes (the next).

    Raises:
        CompileError: NL104.
    """
    shape = node.shape()
    axes = [node.positive_axis(int(axis), len(shape)) for axis in node.attribute("axes", range(len(shape)))]
    by_sizes = node.has(first + 1)
    given = node.constant(first + 1 if by_sizes else first).reshape(-1).astype(np.float64)
    if len(given) != len(axes):
        raise node.refuse(f"{len(given)} sizes or scales for {len(axes)} axes", "one for each axis")
    policy = str(node.attribute("keep_aspect_ratio_policy", "stretch"))
    if policy != "stretch":
        raise node.refuse(f"keep_aspect_ratio_policy = {policy}", "stretch")
    scales = [1.0] * len(shape)
    for axis, number in zip(axes, given, strict=True):
        scales[axis] = float(number) / shape[axis] if by_sizes else float(number)
    if not by_sizes:
        return scaled_sizes(node, shape, scales), scales
    sizes = list(shape)
    for axis, number in zip(axes, given, strict=True):
        sizes[axis] = int(number)
    return sizes, scales


def scaled_sizes(node: NodeContext, shape: Sequence[int], scales: Sequence[float]) -> list[int]:
    """Sizes times scales, rounded down.

    Raises:
        CompileError: NL104.
    """
    sizes = [int(np.floor(size * scale)) for size, scale in zip(shape, scales, strict=True)]
    if min(sizes, default=1) < 1:
        raise node.refuse(f"scales {list(scales)}", "scales that leave elements")
    return sizes


def resized(
    node: NodeContext, sizes: Sequence[int], scales: Sequence[float], coordinates: str, nearest: str
) -> SSAValue:
    """The operand at other sizes.

    Raises:
        CompileError: NL104 for modes without an exact form.
    """
    mode = str(node.attribute("mode", "nearest"))
    if mode not in ("nearest", "linear"):
        raise node.refuse(f"mode {mode}", "nearest, and linear with exact coefficients")
    if coordinates not in COORDINATES or nearest not in NEAREST_MODES:
        found = f"coordinate_transformation_mode {coordinates}, nearest_mode {nearest}"
        raise node.refuse(found, ", ".join([*COORDINATES, *NEAREST_MODES]))
    x = node.operand(0)
    for axis, (new, scale) in enumerate(zip(sizes, scales, strict=True)):
        old = shape_of(x.type)[axis]
        if new == old and scale == 1.0:
            continue
        places = COORDINATES[coordinates](np.arange(new, dtype=np.float64), old, new, scale)
        if mode == "linear":
            x = interpolated(node, x, axis, places)
        else:
            indices = np.clip(NEAREST_MODES[nearest](places), 0, old - 1).astype(np.int64)
            x = gathered(node, x, indices.tolist(), axis)
    return x


def interpolated(node: NodeContext, x: SSAValue, axis: int, places: Real) -> SSAValue:
    """Values between neighbours along an axis, as a product with a constant matrix.

    Raises:
        CompileError: NL104 for coefficients that are no short fixed-point numbers.
    """
    shape = shape_of(x.type)
    matrix = np.ldexp(coefficients(places, shape[axis]), COEFFICIENT_BITS)
    if not np.all(matrix == np.rint(matrix)):
        raise node.refuse(
            f"linear interpolation of {shape[axis]} to {len(places)} elements",
            f"coefficients that are multiples of 2^-{COEFFICIENT_BITS}, and mode nearest",
            "enlarge by a power of two, with half_pixel or asymmetric coordinates",
        )
    constant = node.importer.add(
        constant_mantissas(matrix.astype(np.int64), Format(COEFFICIENT_BITS + 1, 1, signed=False), node.name)
    )
    weights = node.emit(DequantizeOp, [constant], scale=ArrayAttr.of(1.0), offset=ArrayAttr.of(0.0))
    order = [*(i for i in range(len(shape)) if i != axis), axis]
    product = node.emit(MatMulOp, [transposed(node, x, order), weights])
    return transposed(node, product, np.argsort(order).tolist())


def coefficients(places: Real, size: int) -> Real:
    """Matrix [size, results] of a linear interpolation; beyond the ends the last element counts."""
    inside = np.clip(places, 0, size - 1)
    below = np.floor(inside).astype(np.int64)
    above = np.minimum(below + 1, size - 1)
    share = inside - below
    matrix = np.zeros((size, len(places)))
    columns = np.arange(len(places))
    np.add.at(matrix, (below, columns), 1 - share)
    np.add.at(matrix, (above, columns), share)
    return matrix


def block_of(node: NodeContext) -> int:
    """The attribute blocksize, of an image.

    Raises:
        CompileError: NL104.
    """
    block = int(node.attribute("blocksize", 0))
    if block < 1 or len(node.shape()) != 4:
        raise node.refuse(f"blocksize = {block} of {len(node.shape())} axes", "a positive one, of images")
    return block


def depth_to_space(node: NodeContext) -> Values:
    """Blocks of channels become blocks of pixels: a reshape, a transpose and a reshape."""
    block, mode = block_of(node), str(node.attribute("mode", "DCR"))
    if mode not in ("DCR", "CRD"):
        raise node.refuse(f"mode {mode}", "DCR and CRD")
    batch, depth, height, width = node.shape()
    x = transposed(node, node.operand(0), (0, 2, 3, 1))
    channels = depth // (block * block)
    if mode == "CRD":  # channels first within the depth: put them last
        split = reshaped(node, x, (batch, height, width, channels, block * block))
        x = reshaped(node, transposed(node, split, (0, 1, 2, 4, 3)), (batch, height, width, depth))
    parts = reshaped(node, x, (batch, height, width, block, block, channels))
    moved = transposed(node, parts, (0, 1, 3, 2, 4, 5))
    y = reshaped(node, moved, (batch, height * block, width * block, channels))
    return [transposed(node, y, (0, 3, 1, 2))]


def space_to_depth(node: NodeContext) -> Values:
    """Blocks of pixels become blocks of channels."""
    block = block_of(node)
    batch, channels, height, width = node.shape()
    x = transposed(node, node.operand(0), (0, 2, 3, 1))
    parts = reshaped(node, x, (batch, height // block, block, width // block, block, channels))
    moved = transposed(node, parts, (0, 1, 3, 2, 4, 5))
    y = reshaped(node, moved, (batch, height // block, width // block, block * block * channels))
    return [transposed(node, y, (0, 3, 1, 2))]


RESIZE_ATTRIBUTES = frozenset(
    {
        "antialias",
        "axes",
        "coordinate_transformation_mode",
        "cubic_coeff_a",
        "exclude_outside",
        "extrapolation_value",
        "keep_aspect_ratio_policy",
        "mode",
        "nearest_mode",
    }
)

CONVERTERS: dict[str, Converter] = {
    "Resize": Converter(resize, RESIZE_ATTRIBUTES),
    "Upsample": Converter(upsample, frozenset({"mode", "scales"})),
    "DepthToSpace": Converter(depth_to_space, frozenset({"blocksize", "mode"})),
    "SpaceToDepth": Converter(space_to_depth, frozenset({"blocksize"})),
}
