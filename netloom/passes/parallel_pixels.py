"""parallel-pixels: layers on images take several pixels of a row in each cycle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.ir import Block, SSAValue
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import ArrayAttr, fixed_tensor
from netloom.ir.base import NetloomOp, Values
from netloom.ir.fx import ConstantOp, QuantizeOp
from netloom.ir.nn import GatherOp, Geometry, WindowOp
from netloom.ir.program import erase_unused, main, program_ops
from netloom.passes.numbers_by_layer import Numbers, settle
from netloom.passes.rewriting import Builder
from netloom.passes.streaming.folding import ELEMENTWISE, Fold, Folder, permuted, reshaped


@dataclass(frozen=True)
class ParallelPixels(ModulePass):
    """The windows of a layer come several at a time, and what follows is done for each of them at once.

    A sequence, an image of one column, is taken as one row.

    Neighbouring pixels of a row become one wide pixel, windows of wide pixels hold the windows of as many
    neighbours, and picking those out is wires. The stream, and what is done to it beat by beat, stays that
    wide until a layer wants it otherwise.

    Options:
        pixels: so many for all layers with windows, or by layer as in `1; conv1*=2`: later entries win.
        strict: refuse a number that does not divide a layer's rows, instead of taking the largest below it
            that does.
    """

    name: ClassVar[str] = "parallel-pixels"
    pixels: str = "1"
    strict: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """One walk in program order.

        Raises:
            CompileError: NL202 for a pattern that matches no layer, NL203 for what is not a number, NL207
                for one that does not divide a layer's rows when `strict`.
        """
        wanted = Numbers.parse(self.pixels, "parallel_pixels", "a number of pixels")
        function = main(op)
        layers = [found for found in program_ops(function) if isinstance(found, WindowOp)]
        wanted.check(layer.origin_name for layer in layers)
        chosen = {layer: self._legal(op, layer, wanted.of(layer.origin_name, 1)) for layer in layers}
        PixelFolder(function, pixels=chosen).run()
        erase_unused(function)

    def _legal(self, module: ModuleOp, layer: WindowOp, asked: int) -> int:
        """The number asked for when the layer can have it, else the largest below that it can."""
        if layer.parts > 1 and asked > 1:
            raise CompileError(
                "NL203",
                f"{asked} pixels at a time, of which each comes in {layer.parts} parts",
                origin=layer.origin_name,
                supported="several pixels, or a part of the channels, in a beat",
                hint="leave the layer out of parallel_pixels or of parallel_channels",
            )
        geometry = in_rows(layer)
        columns, windows = geometry.size[1], geometry.count(1)
        legal = [count for count in range(1, columns + 1) if divides(layer, count)]
        taken = max(count for count in legal if count <= max(asked, 1))
        what = f"{asked} pixels at a time do not divide rows of {columns} pixels and {windows} windows"
        return settle(module, layer, what, asked, taken, legal, strict=self.strict)


def is_sequence(layer: WindowOp) -> bool:
    """Whether an image has one column, which could as well be one row."""
    geometry = layer.geometry
    return geometry.size[1] == geometry.kernel[1] == geometry.count(1) == 1 and not geometry.padding[1]


def in_rows(layer: WindowOp) -> Geometry:
    """Where windows lie, with the pixels of a sequence in a row."""
    geometry = layer.geometry
    if not is_sequence(layer):
        return geometry
    top, _, bottom, _ = geometry.padding
    return Geometry(
        (1, geometry.size[0]),
        (1, geometry.kernel[0]),
        (1, geometry.strides[0]),
        (1, geometry.dilations[0]),
        (0, top, 0, bottom),
    )


def windows_at_once(layer: WindowOp, pixels: int) -> int:
    """Windows that `pixels` new pixels of a row complete."""
    return pixels // math.gcd(pixels, in_rows(layer).strides[1])


def divides(layer: WindowOp, pixels: int) -> bool:
    """Whether rows of pixels and of windows are whole numbers of beats."""
    geometry = in_rows(layer)
    single = math.prod(layer.operand_shapes[0][:-3]) == 1
    fits = geometry.size[1] % pixels == 0 and geometry.count(1) % windows_at_once(layer, pixels) == 0
    return pixels == 1 or (single and fits)


@dataclass
class PixelFolder(Folder):
    """Splits the axis of columns, or that of a sequence.

    Attributes:
        pixels: of each layer with windows, how many at once.
    """

    pixels: Mapping[WindowOp, int] = field(default_factory=dict)

    def begin(self, op: NetloomOp) -> bool:
        """Windows of wide pixels."""
        if not isinstance(op, WindowOp) or self.pixels.get(op, 1) == 1:
            return False
        count = windows_at_once(op, self.pixels[op])
        axis = len(op.operand_shapes[0]) - (3 if is_sequence(op) else 2)
        build, value = Builder(op), self._windows(op, self.pixels[op], count, axis)
        if count == 1:
            build.finish(reshaped(build, value, op.result_shape))
        else:
            split = Fold(value, axis, count).split(op.result_shape)
            self.folds[op.result] = Fold(reshaped(build, value, split), axis, count)
        return True

    def climbs(self, op: NetloomOp) -> bool:
        """Towards a port of the chip; behind anything else the narrow form is the cheaper."""
        value: SSAValue = op.results[0]
        while isinstance(value.owner, ELEMENTWISE) and value.has_one_use():
            value = next(x for x in value.owner.operands if not isinstance(x.owner, ConstantOp))
        return isinstance(value.owner, QuantizeOp | Block)

    def _windows(self, op: WindowOp, pixels: int, count: int, axis: int) -> SSAValue:
        """[..., OH, OW / count, count, KH, KW, C] from pixels that are `pixels` wide."""
        build, geometry = Builder(op), in_rows(op)
        wide = self.fold(op.input, axis, pixels, op)
        *leading, _, _, channels = op.operand_shapes[0]
        height, columns = geometry.size
        wide = reshaped(build, wide, (*leading, height, columns // pixels, pixels * channels))
        taps = _taps(op, count)
        left = -int(np.floor_divide(taps.min(), pixels))
        kernel = int(np.floor_divide(taps.max(), pixels)) + left + 1
        step = count * geometry.strides[1] // pixels
        across = geometry.count(1) // count
        right = max(0, (across - 1) * step + kernel - left - columns // pixels)
        top, _, bottom, _ = geometry.padding
        down, high = geometry.count(0), geometry.kernel[0]
        shape = (*leading, down, across, high, kernel, pixels * channels)
        found = build.op(
            WindowOp,
            [wide],
            result=fixed_tensor(shape, op.result_format),
            kernel=_pair(high, kernel),
            strides=_pair(geometry.strides[0], step),
            dilations=_pair(geometry.dilations[0], 1),
            padding=ArrayAttr.of(np.array([top, left, bottom, right])),
            fill=op.fill,
        )
        rows = (*leading, down, across, high)
        flat = reshaped(build, found, (*rows, kernel * pixels, channels))
        picked = build.op(
            GatherOp,
            [flat],
            result=fixed_tensor((*rows, *taps.shape, channels), op.result_format),
            indices=ArrayAttr.of(taps + left * pixels),
            axis=IntegerAttr(len(rows), 64),
        )
        first = len(leading) + 2
        order = [*range(first), first + 1, first, *range(first + 2, first + 4)]
        return permuted(build, picked, order)


def _taps(op: WindowOp, count: int) -> Values:
    """Columns [count, KW] of neighbouring windows, counted from the first pixel of their wide pixel."""
    geometry = in_rows(op)
    starts = np.arange(count) * geometry.strides[1] - geometry.padding[1]
    return np.asarray(starts[:, None] + np.arange(geometry.kernel[1]) * geometry.dilations[1])


def _pair(first: int, second: int) -> ArrayAttr:
    return ArrayAttr.of(np.array([first, second]))
