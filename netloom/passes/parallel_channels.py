"""parallel-channels: layers take a pixel, or a vector, in several beats of a few channels each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import BoolAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.ir import Block, SSAValue
from xdsl.passes import ModulePass

from netloom.core.diagnostics import warn
from netloom.core.precision import matches
from netloom.ir.attributes import ArrayAttr, fixed_tensor, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp, QuantizeOp
from netloom.ir.nn import DenseOp, MatMulOp, MulOp, ReduceOp, ReshapeOp, TransposeOp, UnaryWiringOp, WindowOp
from netloom.ir.program import add_note, erase_unused, main, program_ops
from netloom.ir.tree import EnsembleOp
from netloom.passes.numbers_by_layer import Numbers, settle
from netloom.passes.rewriting import Builder
from netloom.passes.streaming.folding import ELEMENTWISE, Fold, Folder, counted, permuted, reshaped


@dataclass(frozen=True)
class ParallelChannels(ModulePass):
    """The stream into a layer has beats of so many channels of a pixel, or elements of a vector.

    Pools and products of groups of channels (depthwise convolutions) work on the channels of a beat, with the
    weights of those in each cycle, and so does what is done element by element before and behind them.
    Whatever needs all channels at once collects them.

    Options:
        channels: so many for all layers, 0 for all that there are, or by layer as in `0; pool*=4`: later
            entries win.
        strict: refuse a number that does not divide a layer's channels, instead of taking the largest below
            it that does.
    """

    name: ClassVar[str] = "parallel-channels"
    channels: str = "0"
    strict: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """One walk in program order.

        Raises:
            CompileError: NL202 for a pattern that matches no layer, NL203 for what is not a number, NL207
                for one that does not divide a layer's channels when `strict`.
        """
        wanted = Numbers.parse(self.channels, "parallel_channels", "a number of channels", least=0)
        function = main(op)
        layers = [found for found in program_ops(function) if is_layer(found)]
        wanted.check(layer.origin_name for layer in layers)
        chosen = {layer: self._legal(op, layer, wanted.of(layer.origin_name, 0)) for layer in layers}
        folder = ChannelFolder(function, channels=chosen)
        folder.run()
        erase_unused(function)
        named = {pattern for pattern, _ in wanted.entries if pattern != "*"}
        for name in dict.fromkeys(folder.without):
            if any(matches(name, pattern) for pattern in named):
                text = "its operand comes whole from the layer before: parallel_channels changes nothing"
                warn(f"layer '{name}': {text}")
                add_note(op, name, text)

    def _legal(self, module: ModuleOp, layer: NetloomOp, asked: int) -> int:
        """The number asked for when it divides the channels, else the largest below it that does."""
        channels = layer.operand_shapes[0][-1]
        if asked == 0 or asked >= channels:
            return channels
        legal = [count for count in range(1, channels + 1) if channels % count == 0]
        taken = max(count for count in legal if count <= asked)
        what = f"{asked} channels at a time do not divide {channels} channels"
        return settle(module, layer, what, asked, taken, legal, strict=self.strict)


def is_layer(op: NetloomOp) -> bool:
    """Whether an op reads a stream of its own: windows, products with constants but of windows, and trees."""
    if isinstance(op, WindowOp):
        return op.parts == 1 and math.prod(op.operand_shapes[0][:-3]) == 1
    if isinstance(op, MatMulOp):
        weights = isinstance(op.rhs.owner, ConstantOp) and math.prod(shape_of(op.rhs.type)[:-2]) == 1
        return weights and not _of_windows(op.lhs)
    return isinstance(op, EnsembleOp) or (isinstance(op, DenseOp) and not _of_windows(op.input))


def _of_windows(value: SSAValue) -> bool:
    while isinstance(value.owner, UnaryWiringOp):
        value = value.owner.input
    return isinstance(value.owner, WindowOp)


@dataclass
class ChannelFolder(Folder):
    """Splits the last axis.

    Attributes:
        channels: of each layer, how many at once.
        without: layers in front of which nothing is done to single elements: parts would only be collected.
    """

    channels: Mapping[NetloomOp, int] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)

    def begin(self, op: NetloomOp) -> bool:
        """A layer that has not all its channels at once."""
        count = self.channels.get(op, 0)
        if op not in self.channels or count == op.operand_shapes[0][-1]:
            return False
        if isinstance(op, WindowOp):
            self._windows(op, count)
            return True
        value, axis = op.operands[0], len(op.operand_shapes[0]) - 1
        if value in self.folds or isinstance(value.owner, (*ELEMENTWISE, QuantizeOp, Block)):
            parts = self.fold(value, axis, count, op)
            op.operands[0] = counted(Builder(op), parts, shape_of(value.type), axis)
        else:
            self.without.append(op.origin_name)
        return False

    def climbs(self, op: NetloomOp) -> bool:
        """Always: fewer elements at a time are less hardware."""
        return True

    def _windows(self, op: WindowOp, count: int) -> None:
        """Windows of each part of the channels, and what reads them."""
        windows = self._sliced(op, count)
        user = next(iter(op.result.uses)).operation if op.result.has_one_use() else None
        if isinstance(user, ReduceOp) and is_pool(user, op):
            self.folds[user.result] = pooled(user, windows, count)
        elif (product := grouped_product(op)) is not None and count % _per_group(product) == 0:
            self.folds[product.result] = multiplied(product, windows, count)
        else:
            build = Builder(op)
            build.finish(collected(build, windows, op))

    def _sliced(self, op: WindowOp, count: int) -> SSAValue:
        """[..., OH, OW, C / count, KH, KW, count]."""
        build, geometry = Builder(op), op.geometry
        *leading, height, columns, channels = op.operand_shapes[0]
        parts = self.fold(op.input, len(leading) + 2, count, op)
        slices = channels // count
        flat = reshaped(build, parts, (*leading, height, columns * slices, count))
        down, across = geometry.count(0), geometry.count(1)
        properties = {name: value for name, value in op.properties.items() if name != "origin"}
        properties["slices"] = IntegerAttr(slices, 64)
        shape = (*leading, down, across * slices, *geometry.kernel, count)
        found = build.op(WindowOp, [flat], result=fixed_tensor(shape, op.result_format), **properties)
        return reshaped(build, found, (*leading, down, across, slices, *geometry.kernel, count))


def is_pool(op: ReduceOp, windows: WindowOp) -> bool:
    """Whether an op reduces the taps of each window."""
    rank = len(windows.result_shape)
    return op.positive_axes == (rank - 3, rank - 2) and not bool(op.keep_axes)


def pooled(op: ReduceOp, windows: SSAValue, count: int) -> Fold:
    """A pool of each part of the channels."""
    shape = shape_of(windows.type)
    rank = len(shape)
    value = Builder(op).op(
        ReduceOp,
        [windows],
        result=fixed_tensor((*shape[:-3], count), op.result_format),
        kind=op.kind,
        axes=ArrayAttr.of(np.array([rank - 3, rank - 2])),
        keep_axes=op.keep_axes,
    )
    return Fold(value, rank - 4, count)


def grouped_product(windows: WindowOp) -> MatMulOp | None:
    """The product that reads windows by groups of channels, [..., OH, OW, G, 1, KH * KW * C / G]."""
    *rows, high, wide, channels = windows.result_shape
    rank, value = len(rows), windows.result
    chain: list[NetloomOp] = []
    for kind in (ReshapeOp, TransposeOp, ReshapeOp, MatMulOp):
        users = [use.operation for use in value.uses]
        if len(users) != 1 or not isinstance(users[0], kind):
            return None
        chain.append(users[0])
        value = users[0].results[0]
    split, turned, flat, product = chain
    assert isinstance(product, MatMulOp) and isinstance(turned, TransposeOp)
    weights = shape_of(product.rhs.type)
    if not isinstance(product.rhs.owner, ConstantOp) or len(weights) != 3 or channels % weights[0]:
        return None
    inner = channels // weights[0]
    fits = (
        split.result_shape == (*rows, high * wide, weights[0], inner)
        and turned.order == (*range(rank), rank + 1, rank, rank + 2)
        and flat.result_shape == (*rows, weights[0], 1, high * wide * inner)
    )
    return product if fits else None


def _per_group(product: MatMulOp) -> int:
    """Channels of a group."""
    return product.operand_shapes[0][-1] // _taps(product)


def _taps(product: MatMulOp) -> int:
    """Taps of the windows that a grouped product reads."""
    turned = product.lhs.owner
    assert isinstance(turned, ReshapeOp)
    return turned.operand_shapes[0][-2]


def multiplied(product: MatMulOp, windows: SSAValue, count: int) -> Fold:
    """Every weight times its element, with other weights for each part of the channels, added up."""
    build, weight = Builder(product), product.rhs.owner
    assert isinstance(weight, ConstantOp)
    taps, inner = _taps(product), _per_group(product)
    *rows, slices, _, _, _ = shape_of(windows.type)
    groups, outputs = count // inner, shape_of(product.rhs.type)[-1]
    x = reshaped(build, windows, (*rows, slices, taps, groups, inner, 1))
    table = weight.value.ints().reshape(slices, groups, taps, inner, outputs).transpose(0, 2, 1, 3, 4)
    w = build.fixed(np.ascontiguousarray(table), weight.result_format)
    products = build.op(MulOp, [x, w])
    rank = len(rows)
    total = build.op(
        ReduceOp,
        [products],
        result=fixed_tensor((*rows, slices, groups, outputs), product.result_format),
        kind=StringAttr("sum"),
        axes=ArrayAttr.of(np.array([rank + 1, rank + 3])),
        keep_axes=BoolAttr.from_bool(False),
    )
    return Fold(reshaped(build, total, (*rows, slices, groups, 1, outputs)), rank, groups)


def collected(build: Builder, windows: SSAValue, op: WindowOp) -> SSAValue:
    """The windows of all channels, when all their parts have come."""
    *rows, slices, high, wide, count = shape_of(windows.type)
    rank = len(rows)
    beat = counted(build, windows, (*rows, slices * high * wide * count), rank)
    parts = reshaped(build, beat, (*rows, slices, high, wide, count))
    turned = permuted(build, parts, [*range(rank), rank + 1, rank + 2, rank, rank + 3])
    return reshaped(build, turned, op.result_shape)
