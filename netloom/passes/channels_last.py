"""channels-last: transposes move on until they meet, and none is left that the program does not need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass

from netloom.ir.attributes import ArrayAttr, format_of, shape_of
from netloom.ir.base import NetloomOp, make, remake
from netloom.ir.fx import ConstantOp, DequantizeOp
from netloom.ir.interval import Ints
from netloom.ir.nn import (
    AddOp,
    ArgMaxOp,
    BatchNormOp,
    BinaryOp,
    BroadcastOp,
    ConcatOp,
    FunctionOp,
    GatherOp,
    HardmaxOp,
    MatMulOp,
    MulOp,
    PReluOp,
    QuantOp,
    ReduceOp,
    ReluOp,
    ReshapeOp,
    SliceOp,
    SoftmaxOp,
    TransposeOp,
    TruncOp,
    WindowOp,
)
from netloom.ir.program import erase_unused, insert_before, main, program_ops, terminator
from netloom.passes.rewriting import Builder
from netloom.passes.window_padding import join_padding

ELEMENTWISE = (BinaryOp, ReluOp, PReluOp, FunctionOp, QuantOp, TruncOp)
"""Ops that permuted operands and parameters give a permuted result of."""

MOST_AXES = 4
"""Batch, rows, columns and channels; transposes of more axes rearrange a pixel or a block of pixels."""


@dataclass(frozen=True)
class ChannelsLast(ModulePass):
    """Carries every transpose towards the outputs, past what does not depend on the order of axes.

    Pixels of channels-first models are turned round in front of a convolution and back behind it. Transposes
    move through elementwise ops, quantizers, batch normalisation, joins, slices and reductions, whose
    parameters are permuted, and cancel where they meet. Where a tensor is flattened in front of a layer,
    the layer's constant rows are permuted instead of the data. Zeros around an image become padding of the
    windows that read it.
    """

    name: ClassVar[str] = "channels-last"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """One walk in program order."""
        function = main(op)
        Carrier(function).run()
        erase_unused(function)
        for candidate in program_ops(function):
            if isinstance(candidate, WindowOp):
                join_padding(candidate)
        erase_unused(function)


@dataclass(frozen=True, eq=False)
class View:
    """What a value of the program is in terms of a value that is held in another order.

    Attributes:
        value: what is held.
        order: axis i of the program's tensor is axis order[i] of the value.
        elements: element j along the last axis is element elements[j] of the value's; None for all in order.
    """

    value: SSAValue
    order: tuple[int, ...]
    elements: Ints | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value that is held."""
        return shape_of(self.value.type)

    @property
    def is_plain(self) -> bool:
        """Whether the value is held as the program has it."""
        return self.elements is None and self.order == tuple(range(len(self.order)))


def plain(value: SSAValue) -> View:
    """A value as it is."""
    return View(value, tuple(range(len(shape_of(value.type)))))


def inverse(order: Sequence[int] | Ints) -> list[int]:
    """The permutation that undoes another."""
    return [int(place) for place in np.argsort(np.asarray(order))]


def is_constant_like(value: SSAValue) -> bool:
    """Whether a value is a constant, maybe quantized: what moves it moves at compile time."""
    owner = value.owner
    if isinstance(owner, QuantOp | DequantizeOp | TransposeOp | ReshapeOp | GatherOp):
        return is_constant_like(owner.operands[0])
    return isinstance(owner, ConstantOp)


def is_carried(op: TransposeOp) -> bool:
    """Whether a transpose of a plain value moves on: those of constants, and within pixels, stay."""
    return len(op.order) <= MOST_AXES and not is_constant_like(op.input)


@dataclass
class Carrier:
    """The state of one walk."""

    function: FuncOp
    views: dict[SSAValue, View] = field(default_factory=dict)
    made: dict[tuple[SSAValue, tuple[int, ...], bytes], SSAValue] = field(default_factory=dict)

    def run(self) -> None:
        """Every op either carries its operands' order on, or gets them as the program has them."""
        for op in program_ops(self.function):
            views = [self.view(operand) for operand in op.operands]
            if isinstance(op, TransposeOp) and views[0].is_plain and is_carried(op):
                self.carry(op, transpose(views[0], op.order))
            elif not all(view.is_plain for view in views):
                self.step(op, views)
        end = terminator(self.function)
        for index, operand in enumerate(end.operands):
            end.operands[index] = self.material(operand, end)

    def view(self, value: SSAValue) -> View:
        """How a value is held."""
        return self.views.get(value) or plain(value)

    def step(self, op: NetloomOp, views: Sequence[View]) -> None:
        """Carry on by the op's rule, or undo the order."""
        rule = next((rule for kind, rule in RULES.items() if isinstance(op, kind)), None)
        result = rule(self, op, views) if rule is not None and not op.is_fixed else None
        if result is not None:
            self.carry(op, result)
            return
        for index, operand in enumerate(op.operands):
            op.operands[index] = self.material(operand, op)

    def carry(self, op: NetloomOp, view: View) -> None:
        """Note how the result of `op` is held."""
        if view.elements is not None and np.array_equal(view.elements, np.arange(len(view.elements))):
            view = plain(view.value)
        if view.is_plain:
            op.results[0].replace_all_uses_with(view.value)
        else:
            self.views[op.results[0]] = view

    def material(self, value: SSAValue, anchor: Operation) -> SSAValue:
        """The value as the program has it, made in front of `anchor`."""
        view = self.view(value)
        if view.is_plain:
            return view.value
        owner = value.owner
        named = owner if isinstance(owner, NetloomOp) else None
        return self.moved(view, view.order, view.elements, anchor, named)

    def moved(
        self,
        view: View,
        order: Sequence[int],
        elements: Ints | None,
        anchor: Operation,
        named: NetloomOp | None,
    ) -> SSAValue:
        """The held value with axes and elements moved, once for each wish; constants at once."""
        key = view.value, tuple(order), b"" if elements is None else elements.tobytes()
        if key in self.made:
            return self.made[key]
        value, axis = view.value, len(order) - 1
        array = value.owner.value.values if isinstance(value.owner, ConstantOp) else None
        if array is not None and format_of(value.type) is None:
            array = array.transpose(order)
            array = array if elements is None else np.take(array, elements, axis=axis)
            return insert(anchor, named, ConstantOp, [], value=ArrayAttr.of(array))
        held = [place for place in order if view.shape[place] != 1]
        if held == sorted(held):  # an order of axes of size 1 is only a reshape
            shape = [view.shape[place] for place in order]
            if tuple(shape) != view.shape:
                value = insert(anchor, named, ReshapeOp, [value], shape=listed(shape))
        else:
            value = insert(anchor, named, TransposeOp, [value], permutation=listed(order))
        if elements is not None:
            places = listed(elements)
            value = insert(anchor, named, GatherOp, [value], indices=places, axis=IntegerAttr(axis, 64))
        self.made[key] = value
        return value

    def arranged(self, value: SSAValue, like: View, anchor: NetloomOp) -> SSAValue:
        """A value in the order in which another is held, for ops that broadcast it against that one."""
        rank = len(like.order)
        own = self.view(value)
        if len(own.order) < rank:
            material = self.material(value, anchor)
            shape = shape_of(material.type)
            own = plain(reshaped(Builder(anchor), material, (*[1] * (rank - len(shape)), *shape)))
        if like.elements is None:
            if own.elements is not None:
                own = plain(self.material(value, anchor))
            wanted = [own.order[axis] for axis in inverse(like.order)]
            return own.value if wanted == list(range(rank)) else self.moved(own, wanted, None, anchor, anchor)
        if own.elements is not None and np.array_equal(own.elements, like.elements):
            return own.value
        own = own if own.is_plain else plain(self.material(value, anchor))
        if own.shape[-1] == 1:
            return own.value
        return self.moved(own, own.order, np.array(inverse(like.elements)), anchor, anchor)


def listed(values: Sequence[int] | Ints) -> ArrayAttr:
    """A list of integers as an attribute."""
    return ArrayAttr.of(np.array(values, dtype=np.int64))


def insert(
    anchor: Operation,
    named: NetloomOp | None,
    kind: type[NetloomOp],
    operands: Sequence[SSAValue],
    **properties: Attribute,
) -> SSAValue:
    """A new op in front of `anchor` with the origin of another."""
    origin = named.origin.data if named is not None and named.origin is not None else ""
    return insert_before(anchor, make(kind, operands, origin=origin, **properties))


def reshaped(build: Builder, value: SSAValue, shape: Sequence[int]) -> SSAValue:
    """The value in another shape; itself when it has it. Constants at once."""
    if shape_of(value.type) == tuple(shape):
        return value
    owner = value.owner
    if isinstance(owner, ConstantOp) and not owner.is_fixed:
        return build.real(owner.value.values.reshape(tuple(shape)))
    return build.op(ReshapeOp, [value], shape=listed(shape))


def arranged_parameter(array: Any, view: View) -> Any:
    """A parameter that broadcasts against the program's tensor, in the order that is held."""
    array = np.asarray(array).reshape((1,) * (len(view.order) - np.ndim(array)) + np.shape(array))
    if view.elements is not None:
        return array if array.shape[-1] == 1 else np.take(array, inverse(view.elements), axis=-1)
    return array.transpose(inverse(view.order))


def transpose(view: View, permutation: Sequence[int]) -> View:
    """A transpose of a view."""
    assert view.elements is None or list(permutation) == list(range(len(permutation)))
    return View(view.value, tuple(view.order[axis] for axis in permutation), view.elements)


def main_view(views: Sequence[View], rank: int) -> View | None:
    """The first operand that is held in another order and has all axes of the result."""
    return next((view for view in views if not view.is_plain and len(view.order) == rank), None)


def elementwise(carrier: Carrier, op: NetloomOp, views: Sequence[View]) -> View | None:
    """Operands in one order, parameters permuted."""
    like = main_view(views, len(op.result_shape))
    if like is None:
        return None
    if like.elements is not None and op.result_shape[-1] != len(like.elements):
        return None
    operands = [carrier.arranged(operand, like, op) for operand in op.operands]
    changes: dict[str, Attribute] = {
        name: ArrayAttr.of(arranged_parameter(value.values, like))
        for name, value in op.properties.items()
        if isinstance(value, ArrayAttr) and value.values.ndim
    }
    return View(insert_before(op, remake(op, operands, **changes)), like.order, like.elements)


def batch_norm(carrier: Carrier, op: BatchNormOp, views: Sequence[View]) -> View:
    """A slope and an intercept for each channel, wherever the channels are."""
    like, build = views[0], Builder(op)
    slope, intercept = (build.real(arranged_parameter(factor, like)) for factor in op.factors())
    product = build.op(MulOp, [like.value, slope])
    return View(build.op(AddOp, [product, intercept]), like.order, like.elements)


def reshape(carrier: Carrier, op: ReshapeOp, views: Sequence[View]) -> View | None:
    """Axes of size 1 come and go; a flat tensor has its elements permuted."""
    view, wanted, build = views[0], op.result_shape, Builder(op)
    sizes = [size for size in wanted if size != 1]
    if view.elements is not None:
        if sizes != [len(view.elements)] or wanted[-1] == 1:
            return None
        return View(reshaped(build, view.value, wanted), tuple(range(len(wanted))), view.elements)
    if sizes == [view.shape[axis] for axis in view.order if view.shape[axis] != 1]:
        return with_units(build, view, wanted)
    if len(sizes) == 1 and wanted[-1] != 1:
        places = np.arange(int(np.prod(view.shape)), dtype=np.int64).reshape(view.shape)
        elements = places.transpose(view.order).reshape(-1)
        return View(reshaped(build, view.value, wanted), tuple(range(len(wanted))), elements)
    return None


def with_units(build: Builder, view: View, wanted: Sequence[int]) -> View:
    """The same axes with others of size 1: those are held in front."""
    held = [axis for axis in range(len(view.shape)) if view.shape[axis] != 1]
    logical = [axis for axis in view.order if view.shape[axis] != 1]
    units = sum(size == 1 for size in wanted)
    rest, ones = iter(logical), iter(range(units))
    order = tuple(next(ones) if size == 1 else units + held.index(next(rest)) for size in wanted)
    shape = [1] * units + [view.shape[axis] for axis in held]
    return View(reshaped(build, view.value, shape), order)


def transposed_again(carrier: Carrier, op: TransposeOp, views: Sequence[View]) -> View | None:
    """Two transposes are one."""
    return transpose(views[0], op.order) if views[0].elements is None else None


def concat(carrier: Carrier, op: ConcatOp, views: Sequence[View]) -> View | None:
    """All operands in the order of the first that has one."""
    like = main_view(views, len(op.result_shape))
    if like is None:
        return None
    if like.elements is not None:
        return concat_flat(op, views)
    operands = [carrier.arranged(operand, like, op) for operand in op.operands]
    axis = IntegerAttr(like.order[op.positive_axis], 64)
    return View(insert_before(op, remake(op, operands, axis=axis)), like.order)


def concat_flat(op: ConcatOp, views: Sequence[View]) -> View | None:
    """Flat tensors side by side: so are their elements."""
    identity = tuple(range(len(op.result_shape)))
    if op.positive_axis != identity[-1] or any(view.order != identity for view in views):
        return None
    elements, offset = [], 0
    for view in views:
        size = view.shape[-1]
        own = np.arange(size) if view.elements is None else view.elements
        elements.append(own + offset)
        offset += size
    value = insert_before(op, remake(op, [view.value for view in views]))
    return View(value, identity, np.concatenate(elements))


def slice_(carrier: Carrier, op: SliceOp, views: Sequence[View]) -> View | None:
    """The same part of the axes where they are."""
    view = views[0]
    if view.elements is not None:
        return None
    back = inverse(view.order)
    changes: dict[str, Attribute] = {
        name: listed(array.ints()[back])
        for name, array in (("starts", op.starts), ("sizes", op.sizes), ("steps", op.steps))
    }
    return View(insert_before(op, remake(op, [view.value], **changes)), view.order)


def gather(carrier: Carrier, op: GatherOp, views: Sequence[View]) -> View | None:
    """Along the axis where it is."""
    view = views[0]
    if view.elements is not None or op.indices.values.ndim != 1:
        return None
    axis = IntegerAttr(view.order[op.positive_axis], 64)
    return View(insert_before(op, remake(op, [view.value], axis=axis)), view.order)


def broadcast(carrier: Carrier, op: BroadcastOp, views: Sequence[View]) -> View | None:
    """To the permuted shape."""
    view = views[0]
    if view.elements is not None or len(op.result_shape) != len(view.order):
        return None
    shape = listed([op.result_shape[axis] for axis in inverse(view.order)])
    return View(insert_before(op, remake(op, [view.value], shape=shape)), view.order)


def reduction(carrier: Carrier, op: ReduceOp, views: Sequence[View]) -> View | None:
    """Over the axes where they are; the order of what is reduced does not count."""
    view, axes = views[0], op.positive_axes
    if view.elements is not None:
        return plain(insert_before(op, remake(op, [view.value]))) if axes == (len(view.order) - 1,) else None
    places = listed(sorted(view.order[axis] for axis in axes))
    value = insert_before(op, remake(op, [view.value], axes=places))
    return View(value, view.order if bool(op.keep_axes) else remaining(view.order, axes))


def remaining(order: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """The order of the axes that a reduction leaves."""
    left = [order[axis] for axis in range(len(order)) if axis not in axes]
    return tuple(sorted(left).index(place) for place in left)


def along_axis(carrier: Carrier, op: SoftmaxOp | HardmaxOp | ArgMaxOp, views: Sequence[View]) -> View | None:
    """Along the axis where it is; which of equals is first depends on the elements' order."""
    view, axis = views[0], op.positive_axis
    if view.elements is not None and not (isinstance(op, SoftmaxOp) and axis == len(view.order) - 1):
        return None
    value = insert_before(op, remake(op, [view.value], axis=IntegerAttr(view.order[axis], 64)))
    if isinstance(op, ArgMaxOp) and not bool(op.keep_axes):
        return View(value, remaining(view.order, [axis]))
    return View(value, view.order, view.elements)


def matmul(carrier: Carrier, op: MatMulOp, views: Sequence[View]) -> View | None:
    """The rows of constant weights are permuted as the elements are; rows of data may be in any order."""
    view, weights = views
    rank = len(view.order)
    if not weights.is_plain or not is_constant_like(op.rhs) or len(weights.order) > rank:
        return None
    if view.elements is not None:
        axis = len(weights.order) - 2
        order = inverse(view.elements)
        if isinstance(weights.value.owner, ConstantOp) and not weights.value.owner.is_fixed:
            rows = Builder(op).real(np.take(weights.value.owner.value.values, order, axis=axis))
        else:
            rows = Builder(op).op(GatherOp, [op.rhs], indices=listed(order), axis=IntegerAttr(axis, 64))
        return plain(insert_before(op, remake(op, [view.value, rows])))
    if view.order[-1] != rank - 1 or len(weights.order) != 2:
        return None
    return View(insert_before(op, remake(op, [view.value, op.rhs])), view.order)


RULES: dict[Any, Callable[[Carrier, Any, Sequence[View]], View | None]] = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    BatchNormOp: batch_norm,
    ReshapeOp: reshape,
    TransposeOp: transposed_again,
    ConcatOp: concat,
    SliceOp: slice_,
    GatherOp: gather,
    BroadcastOp: broadcast,
    ReduceOp: reduction,
    SoftmaxOp: along_axis,
    HardmaxOp: along_axis,
    ArgMaxOp: along_axis,
    MatMulOp: matmul,
}
"""How each op carries an order on; ops without a rule get their operands as the program has them."""
