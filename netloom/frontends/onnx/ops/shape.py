"""Operators that move elements, and shapes as constants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import SSAValue

from netloom.frontends.onnx.importer import Converter, NodeContext, Result
from netloom.frontends.onnx.ops.linear import reshaped
from netloom.ir.attributes import ArrayAttr, shape_of
from netloom.ir.nn import BroadcastOp, ConcatOp, GatherOp, SliceOp, TransposeOp

Values = list[SSAValue]


def ints(values: Sequence[int] | NDArray[Any]) -> ArrayAttr:
    """A list of integers as an attribute."""
    return ArrayAttr.of(np.array(values, dtype=np.int64))


def axes_of(node: NodeContext, index: int) -> list[int]:
    """Axes from an attribute or, in later operator sets, from input `index`."""
    given = node.attribute("axes", None)
    if given is None and node.has(index):
        given = node.constant(index).reshape(-1).tolist()
    return [int(axis) for axis in given or []]


def flatten(node: NodeContext) -> Values:
    """Two axes."""
    shape = node.shape()
    axis = int(node.attribute("axis", 1))
    if axis != len(shape):
        axis = node.positive_axis(axis, len(shape))
    wanted = (math.prod(shape[:axis]), math.prod(shape[axis:]))
    return [reshaped(node, node.operand(0), wanted)]


def reshape(node: NodeContext) -> Values:
    """0 keeps an axis, -1 is inferred."""
    shape = node.shape()
    given = node.attribute("shape", None)
    wanted = [int(size) for size in (node.constant(1) if given is None else given)]
    if not node.attribute("allowzero", 0):
        wanted = [shape[i] if size == 0 else size for i, size in enumerate(wanted)]
    if -1 in wanted:
        rest = math.prod(size for size in wanted if size != -1)
        wanted[wanted.index(-1)] = math.prod(shape) // max(rest, 1)
    return [reshaped(node, node.operand(0), tuple(wanted))]


def squeeze(node: NodeContext) -> Values:
    """Drop axes of size 1."""
    shape = node.shape()
    axes = [node.positive_axis(axis, len(shape)) for axis in axes_of(node, 1)]
    axes = axes or [i for i, size in enumerate(shape) if size == 1]
    wanted = tuple(size for i, size in enumerate(shape) if i not in axes)
    return [reshaped(node, node.operand(0), wanted)]


def unsqueeze(node: NodeContext) -> Values:
    """Insert axes of size 1."""
    shape = list(node.shape())
    axes = axes_of(node, 1)
    rank = len(shape) + len(axes)
    for axis in sorted(node.positive_axis(axis, rank) for axis in axes):
        shape.insert(axis, 1)
    return [reshaped(node, node.operand(0), tuple(shape))]


def transpose(node: NodeContext) -> Values:
    """Permute axes; reversed by default."""
    rank = len(node.shape())
    order = node.attribute("perm", list(range(rank))[::-1])
    return [node.emit(TransposeOp, [node.operand(0)], permutation=ints(order))]


def concat(node: NodeContext) -> Values:
    """Join along an axis."""
    axis = IntegerAttr(int(node.attribute("axis", 1)), 64)
    return [node.emit(ConcatOp, node.operands, axis=axis)]


def sliced(node: NodeContext, starts: Sequence[int], sizes: Sequence[int], steps: Sequence[int]) -> SSAValue:
    """A slice with explicit sizes on every axis."""
    return node.emit(SliceOp, [node.operand(0)], starts=ints(starts), sizes=ints(sizes), steps=ints(steps))


def slice_(node: NodeContext) -> Values:
    """Starts, ends, axes and steps with numpy's clipping."""
    shape = node.shape()
    if node.opset >= 10:
        starts, ends = node.constant(1).tolist(), node.constant(2).tolist()
        axes = node.constant(3, np.arange(len(starts))).tolist()
        steps = node.constant(4, np.ones(len(starts), dtype=np.int64)).tolist()
    else:
        starts, ends = node.attribute("starts", []), node.attribute("ends", [])
        axes, steps = node.attribute("axes", list(range(len(starts)))), [1] * len(starts)
    ranges = [range(size) for size in shape]
    for start, end, given, step in zip(starts, ends, axes, steps, strict=True):
        axis = node.positive_axis(given, len(shape))
        size = shape[axis]
        ranges[axis] = range(size)[slice(start, _open_end(end, step, size), step)]
    return [sliced(node, [r.start for r in ranges], [len(r) for r in ranges], [r.step for r in ranges])]


def _open_end(end: int, step: int, size: int) -> int | None:
    """ONNX writes 'to the very first element' as a large negative end."""
    return None if step < 0 and end < -size else end


def split(node: NodeContext) -> Values:
    """Equal parts, or given sizes."""
    shape = node.shape()
    axis = node.axis(0, len(shape))
    given = node.attribute("split", None)
    if given is None and node.has(1):
        given = node.constant(1).tolist()
    if given is None:
        parts = len(node.node.output)
        chunk = -(-shape[axis] // parts)
        given = [min(chunk, shape[axis] - i * chunk) for i in range(parts)]
    if sum(given) != shape[axis] or len(given) != len(node.node.output) or min(given) < 0:
        raise node.refuse(f"parts {given} of an axis of {shape[axis]}", "parts that add up")
    results: Values = []
    start = 0
    for size in given:
        starts = [start if i == axis else 0 for i in range(len(shape))]
        sizes = [size if i == axis else full for i, full in enumerate(shape)]
        results.append(sliced(node, starts, sizes, [1] * len(shape)))
        start += size
    return results


def gather(node: NodeContext) -> Values:
    """Constant indices."""
    axis = int(node.attribute("axis", 0))
    indices = node.constant(1)
    return [node.emit(GatherOp, [node.operand(0)], indices=ArrayAttr.of(indices), axis=IntegerAttr(axis, 64))]


def pad(node: NodeContext) -> Values:
    """Constant padding as concatenation; reflect and edge as gathering; negative pads as slices."""
    shape = node.shape()
    given = node.attribute("pads", None)
    pads = list(given) if given is not None else node.constant(1).tolist()
    axes = list(range(len(shape)))
    if node.has(3):
        axes = [node.positive_axis(int(axis), len(shape)) for axis in node.constant(3)]
    if len(pads) != 2 * len(axes):
        raise node.refuse(f"{len(pads)} pads for {len(axes)} axes", "two pads for each axis")
    mode = node.attribute("mode", "constant")
    fill = node.scalar(2, node.attribute("value", 0.0))
    x = node.operand(0)
    sizes = list(shape)
    for position, axis in enumerate(axes):
        before, after = int(pads[position]), int(pads[position + len(axes)])
        if before == 0 and after == 0:
            continue
        x = _pad_axis(node, x, sizes, axis, before, after, mode, fill)
        sizes[axis] += before + after
    return [x]


def _pad_axis(
    node: NodeContext,
    x: SSAValue,
    sizes: list[int],
    axis: int,
    before: int,
    after: int,
    mode: str,
    fill: float,
) -> SSAValue:
    if mode not in ("constant", "reflect", "edge", "wrap"):
        raise node.refuse(f"mode {mode}", "constant, reflect, edge and wrap")
    position = IntegerAttr(axis, 64)
    if mode != "constant" or before < 0 or after < 0:
        kept = np.arange(max(-before, 0), sizes[axis] - max(-after, 0))
        added = (max(before, 0), max(after, 0))
        numpy_mode: Any = mode if mode != "constant" else "edge"
        if mode == "constant" and any(added):
            raise node.refuse("negative and positive pads on one axis", "one sign per axis")
        indices = np.pad(kept, added, mode=numpy_mode)
        return node.emit(GatherOp, [x], indices=ints(indices), axis=position)
    blocks = []
    for count in (before, after):
        block = np.full([count if i == axis else size for i, size in enumerate(sizes)], fill)
        blocks.append(node.emit_constant(block) if count else None)
    operands = [value for value in (blocks[0], x, blocks[1]) if value is not None]
    return node.emit(ConcatOp, operands, axis=position)


def expand(node: NodeContext) -> Values:
    """Broadcast both ways."""
    wanted = np.broadcast_shapes(node.shape(), tuple(int(size) for size in node.constant(1)))
    return [spread(node, node.operand(0), wanted)]


def tile(node: NodeContext) -> Values:
    """Repeat along each axis, as gathering."""
    x = node.operand(0)
    counts = node.constant(1).tolist()
    if len(counts) != len(node.shape()):
        raise node.refuse(f"{len(counts)} repeats of {len(node.shape())} axes", "one for each axis")
    for axis, count in enumerate(counts):
        if count != 1:
            indices = np.tile(np.arange(node.shape()[axis]), count)
            x = node.emit(GatherOp, [x], indices=ints(indices), axis=IntegerAttr(axis, 64))
    return [x]


def where(node: NodeContext) -> Values:
    """A constant choice between two tensors, element by element: wires."""
    choice = node.constant(0).astype(np.bool_)
    shape = np.broadcast_shapes(choice.shape, node.shape(1), node.shape(2))
    size = math.prod(shape)
    sides = [reshaped(node, spread(node, node.operand(index), shape), (size,)) for index in (1, 2)]
    both = node.emit(ConcatOp, sides, axis=IntegerAttr(0, 64))
    offsets = np.where(np.broadcast_to(choice, shape), 0, size)
    indices = np.arange(size).reshape(shape) + offsets
    return [node.emit(GatherOp, [both], indices=ints(indices), axis=IntegerAttr(0, 64))]


def spread(node: NodeContext, x: SSAValue, shape: tuple[int, ...]) -> SSAValue:
    """x repeated to a shape; x itself when it has it."""
    if shape_of(x.type) == shape:
        return x
    return node.emit(BroadcastOp, [x], shape=ints(shape))


def shape_operator(node: NodeContext) -> list[Result]:
    """A static shape is a constant."""
    shape = np.array(node.shape(), dtype=np.int64)
    return [shape[node.attribute("start", 0) : node.attribute("end", None)]]


def size_operator(node: NodeContext) -> list[Result]:
    """So is the number of elements."""
    return [np.array(math.prod(node.shape()), dtype=np.int64)]


CONVERTERS: dict[str, Converter] = {
    "Flatten": Converter(flatten, frozenset({"axis"})),
    "Reshape": Converter(reshape, frozenset({"allowzero", "shape"})),
    "Squeeze": Converter(squeeze, frozenset({"axes"})),
    "Unsqueeze": Converter(unsqueeze, frozenset({"axes"})),
    "Transpose": Converter(transpose, frozenset({"perm"})),
    "Concat": Converter(concat, frozenset({"axis"})),
    "Slice": Converter(slice_, frozenset({"starts", "ends", "axes"})),
    "Split": Converter(split, frozenset({"axis", "split", "num_outputs"})),
    "Gather": Converter(gather, frozenset({"axis"})),
    "Pad": Converter(pad, frozenset({"mode", "pads", "value"})),
    "Expand": Converter(expand),
    "Tile": Converter(tile),
    "Where": Converter(where),
    "Shape": Converter(shape_operator, frozenset({"start", "end"})),
    "Size": Converter(size_operator),
}
