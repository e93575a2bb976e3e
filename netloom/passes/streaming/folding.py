"""One axis of a tensor split in two, so that a stream's beats are larger or smaller than a pixel.

A pass asks for the split in front of the layers that it is about. The split then moves on with the data, past
every op for which it makes no difference, and ends where one needs the tensor as the program has it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.dialects.builtin import BoolAttr, IntegerAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue

from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr, fixed_tensor, format_of, shape_of
from netloom.ir.base import NetloomOp, Shape
from netloom.ir.fx import CastOp, ConstantOp, LookupOp, ThresholdOp
from netloom.ir.nn import (
    BinaryOp,
    ConcatOp,
    DenseOp,
    MatMulOp,
    PReluOp,
    ReduceOp,
    ReluOp,
    ReshapeOp,
    TransposeOp,
)
from netloom.ir.program import program_ops
from netloom.passes.rewriting import Builder

BEAT_AXES = "beat_axes"
"""Attribute of a reshape: so many leading axes of its result count beats."""


def beat_axes(op: NetloomOp) -> int | None:
    """How many leading axes count beats behind a reshape that says so."""
    axes = op.attributes.get(BEAT_AXES)
    return axes.value.data if isinstance(axes, IntegerAttr) else None


@dataclass(frozen=True, eq=False)
class Fold:
    """What a tensor of the program is held as.

    Attributes:
        value: the tensor with axis `axis` of n elements split into [n / parts, parts].
        axis: counted from the front; up to the first of the two, axes count beats.
        parts: elements along the second of the two axes.
    """

    value: SSAValue
    axis: int
    parts: int

    def split(self, shape: Shape) -> Shape:
        """A shape with the axis split."""
        return (*shape[: self.axis], shape[self.axis] // self.parts, self.parts, *shape[self.axis + 1 :])


@dataclass
class Folder(ABC):
    """The state of one walk."""

    function: FuncOp
    folds: dict[SSAValue, Fold] = field(default_factory=dict)
    made: dict[tuple[SSAValue, int, int], SSAValue] = field(default_factory=dict)
    whole: dict[SSAValue, SSAValue] = field(default_factory=dict)

    @abstractmethod
    def begin(self, op: NetloomOp) -> bool:
        """Do what the pass is about, if `op` is such a layer: its result has a fold then, or is replaced."""

    @abstractmethod
    def climbs(self, op: NetloomOp) -> bool:
        """Whether a split that is asked for behind an elementwise op may be made in front of it instead."""

    def run(self) -> None:
        """Every op carries the split on, or gets its operands as the program has them."""
        for op in program_ops(self.function):
            if op.parent is None or op.results[0] in self.folds or self.begin(op) or self.carried(op):
                continue
            self.unfold(op)
        end = self.function.body.block.last_op
        assert end is not None
        end.operands = [self.plain(value, end) for value in end.operands]

    def unfold(self, op: NetloomOp) -> None:
        """Give the op its operands as the program has them."""
        if any(value in self.folds for value in op.operands):
            op.operands = [self.plain(value, op) for value in op.operands]

    def carried(self, op: NetloomOp) -> bool:
        """Whether the op could be done on what its operands are held as."""
        if not any(value in self.folds for value in op.operands):
            return False
        found = next((rule for kind, rule in _RULES.items() if isinstance(op, kind)), None)
        fold = found(self, op) if found is not None else None
        if fold is not None:
            self.folds[op.results[0]] = fold
        return fold is not None or op.parent is None

    def plain(self, value: SSAValue, anchor: Any) -> SSAValue:
        """A value as the program has it, for use at the anchor."""
        fold = self.folds.get(value)
        if fold is None:
            return value
        if value not in self.whole:
            owner = value.owner
            assert isinstance(owner, NetloomOp)
            self.whole[value] = reshaped(Builder(anchor, owner), fold.value, shape_of(value.type))
        return self.whole[value]

    def fold(self, value: SSAValue, axis: int, parts: int, anchor: NetloomOp) -> SSAValue:
        """A value with an axis split, for use at the anchor."""
        known = self.folds.get(value)
        if known is not None and (known.axis, known.parts) == (axis, parts):
            return known.value
        key = (value, axis, parts)
        if key not in self.made:
            climbed = self._climbed(value, axis, parts, anchor)
            self.made[key] = climbed if climbed is not None else self._cut(value, axis, parts, anchor)
        return self.made[key]

    def _cut(self, value: SSAValue, axis: int, parts: int, anchor: NetloomOp) -> SSAValue:
        wanted = Fold(value, axis, parts).split(shape_of(value.type))
        return counted(Builder(anchor), self.plain(value, anchor), wanted, axis + 1)

    def _climbed(self, value: SSAValue, axis: int, parts: int, anchor: NetloomOp) -> SSAValue | None:
        owner = value.owner
        if not isinstance(owner, NetloomOp) or not isinstance(owner, ELEMENTWISE) or value in self.folds:
            return None
        if not value.has_one_use() or not self.climbs(owner):
            return None
        fold = on_parts(self, owner, axis, parts, anchor)
        return fold.value if fold is not None else None


def counted(build: Builder, value: SSAValue, shape: Shape, axes: int) -> SSAValue:
    """A reshape whose first axes count beats."""
    wanted = ArrayAttr.of(np.array(shape, dtype=np.int64))
    result = build.op(ReshapeOp, [value], result=_like(value, shape), shape=wanted)
    owner = result.owner
    assert isinstance(owner, NetloomOp)
    owner.attributes[BEAT_AXES] = IntegerAttr(axes, 64)
    return result


def reshaped(build: Builder, value: SSAValue, shape: Shape) -> SSAValue:
    """A value in another shape, in the same format; itself when it has the shape."""
    if shape_of(value.type) == shape:
        return value
    wanted = ArrayAttr.of(np.array(shape, dtype=np.int64))
    return build.op(ReshapeOp, [value], result=_like(value, shape), shape=wanted)


def permuted(build: Builder, value: SSAValue, order: Sequence[int]) -> SSAValue:
    """A value with its axes in another order."""
    shape = shape_of(value.type)
    result = _like(value, tuple(shape[axis] for axis in order))
    return build.op(TransposeOp, [value], result=result, permutation=ArrayAttr.of(np.array(order)))


def _like(value: SSAValue, shape: Shape) -> Attribute:
    number_format = format_of(value.type)
    assert number_format is not None
    return fixed_tensor(shape, number_format)


def _same_op(
    op: NetloomOp, anchor: NetloomOp, operands: Sequence[SSAValue], shape: Shape, **changes: Attribute
) -> SSAValue:
    """The op on other operands, with a result of another shape in the same format."""
    properties = {name: value for name, value in op.properties.items() if name != "origin"} | changes
    result = fixed_tensor(shape, op.result_format)
    return Builder(anchor, op).op(type(op), operands, result=result, **properties)


def _leading(folder: Folder, op: NetloomOp) -> Fold | None:
    """The fold of the first operand that has one and is as large as the result."""
    for value in op.operands:
        if value in folder.folds and shape_of(value.type) == op.result_shape:
            return folder.folds[value]
    return None


def elementwise(folder: Folder, op: NetloomOp) -> Fold | None:
    """Every operand is split alike."""
    fold = _leading(folder, op)
    return on_parts(folder, op, fold.axis, fold.parts, op) if fold is not None else None


def on_parts(folder: Folder, op: NetloomOp, axis: int, parts: int, anchor: NetloomOp) -> Fold | None:
    """An elementwise op on split operands; None when one of them cannot be split."""
    wanted = Fold(op.results[0], axis, parts)
    changes = _parameters(op, len(op.result_shape) - 1 - axis) if isinstance(op, ThresholdOp) else {}
    if changes is None:
        return None
    operands: list[SSAValue] = []
    for value in op.operands:
        aligned = _aligned(folder, value, op.result_shape, wanted, anchor)
        if aligned is None:
            return None
        operands.append(aligned)
    return Fold(_same_op(op, anchor, operands, wanted.split(op.result_shape), **changes), axis, parts)


def _parameters(op: ThresholdOp, axes: int) -> dict[str, Attribute] | None:
    """Parameters without needless axes; None when they are not the same for all but the last `axes` axes."""
    changes: dict[str, Attribute] = {}
    for name, array, own in (("thresholds", op.thresholds, 1), ("base", op.base, 0), ("sign", op.sign, 0)):
        values = array.values
        while values.ndim > own and values.shape[0] == 1:
            values = values[0]
        if values.ndim - own > axes:
            return None
        changes[name] = ArrayAttr.of(values)
    return changes


def _aligned(
    folder: Folder, value: SSAValue, shape: Shape, wanted: Fold, anchor: NetloomOp
) -> SSAValue | None:
    """An operand that broadcasts into the split result."""
    own = shape_of(value.type)
    if own == shape and not isinstance(value.owner, ConstantOp):
        return folder.fold(value, wanted.axis, wanted.parts, anchor)
    place = wanted.axis - (len(shape) - len(own))
    if place < 0:
        return folder.plain(value, anchor)
    single = own[place] == 1
    if not single and not isinstance(value.owner, ConstantOp):
        return None
    ends = (1, 1) if single else (own[place] // wanted.parts, wanted.parts)
    split = (*own[:place], *ends, *own[place + 1 :])
    if isinstance(value.owner, ConstantOp):
        number_format = format_of(value.type)
        assert number_format is not None
        return Builder(anchor, value.owner).fixed(value.owner.value.ints().reshape(split), number_format)
    return reshaped(Builder(anchor), folder.plain(value, anchor), split)


def product(folder: Folder, op: MatMulOp) -> Fold | None:
    """Rows are multiplied one by one."""
    fold = folder.folds.get(op.lhs)
    rank, matrix = len(op.result_shape), len(shape_of(op.rhs.type))
    if fold is None or not isinstance(op.rhs.owner, ConstantOp) or fold.axis > rank - 2:
        return None
    if matrix > max(rank - 1 - fold.axis, 2):
        return None
    return Fold(_same_op(op, op, [fold.value, op.rhs], fold.split(op.result_shape)), fold.axis, fold.parts)


def layer(folder: Folder, op: DenseOp) -> Fold | None:
    """Rows are multiplied one by one."""
    fold = folder.folds.get(op.input)
    if fold is None or fold.axis > len(op.result_shape) - 2:
        return None
    operands = [fold.value, *op.operands[1:]]
    return Fold(_same_op(op, op, operands, fold.split(op.result_shape)), fold.axis, fold.parts)


def reshape(folder: Folder, op: ReshapeOp) -> Fold | None:
    """Axes behind the split one change, or join it."""
    fold, before, after = folder.folds[op.input], op.operand_shapes[0], op.result_shape
    axis = fold.axis
    if len(after) <= axis or before[:axis] != after[:axis]:
        return None
    parts = fold.parts
    if after[axis] != before[axis]:
        if len(after) != axis + 1:
            return None
        parts *= int(np.prod(before[axis + 1 :]))
    shape = Fold(op.result, axis, parts).split(after)
    return Fold(reshaped(Builder(op), fold.value, shape), axis, parts)


def transpose(folder: Folder, op: TransposeOp) -> Fold | None:
    """Axes behind the split one change places."""
    fold = folder.folds[op.input]
    if op.order[: fold.axis + 1] != tuple(range(fold.axis + 1)):
        return None
    order = [*range(fold.axis + 2), *(axis + 1 for axis in op.order[fold.axis + 1 :])]
    return Fold(permuted(Builder(op), fold.value, order), fold.axis, fold.parts)


def concat(folder: Folder, op: ConcatOp) -> Fold | None:
    """Operands are joined along an axis behind the split one."""
    fold = next(folder.folds[value] for value in op.operands if value in folder.folds)
    if op.positive_axis <= fold.axis:
        return None
    operands = [folder.fold(value, fold.axis, fold.parts, op) for value in op.operands]
    shape, axis = fold.split(op.result_shape), IntegerAttr(op.positive_axis + 1, 64)
    result = fixed_tensor(shape, op.result_format)
    return Fold(Builder(op).op(ConcatOp, operands, result=result, axis=axis), fold.axis, fold.parts)


def reduce(folder: Folder, op: ReduceOp) -> Fold | None:
    """Within a beat as it is; over beats after a reduction within each."""
    fold, axes = folder.folds[op.input], op.positive_axes
    if min(axes) > fold.axis:
        moved = ArrayAttr.of(np.array([axis + 1 for axis in axes]))
        result = fixed_tensor(fold.split(op.result_shape), op.result_format)
        value = Builder(op).op(
            ReduceOp, [fold.value], result=result, kind=op.kind, axes=moved, keep_axes=op.keep_axes
        )
        return Fold(value, fold.axis, fold.parts)
    inner = [axis for axis in axes if axis > fold.axis and op.operand_shapes[0][axis] > 1]
    if fold.axis in axes and not inner and op.kind.data in ("sum", "max", "min"):
        _in_two_steps(op, fold)
    return None


def _in_two_steps(op: ReduceOp, fold: Fold) -> None:
    """First the parts of each beat, then the beats."""
    build, shape = Builder(op), op.operand_shapes[0]
    own = op.operand_formats[0]
    grown = (fold.parts - 1).bit_length() if op.kind.data == "sum" else 0
    wide = Format(own.width + grown, own.integer + grown, own.signed)
    inner = (*shape[: fold.axis], shape[fold.axis] // fold.parts, *shape[fold.axis + 1 :])
    axis = ArrayAttr.of(np.array([fold.axis + 1]))
    partial = build.op(
        ReduceOp,
        [fold.value],
        result=fixed_tensor(inner, wide),
        kind=op.kind,
        axes=axis,
        keep_axes=BoolAttr.from_bool(False),
    )
    build.finish(
        build.op(
            ReduceOp, [partial], result=op.result.type, kind=op.kind, axes=op.axes, keep_axes=op.keep_axes
        )
    )


ELEMENTWISE = (BinaryOp, ReluOp, PReluOp, CastOp, LookupOp, ThresholdOp)
"""Ops that do the same to every element."""

_RULES: Mapping[Any, Callable[[Folder, Any], Fold | None]] = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    MatMulOp: product,
    DenseOp: layer,
    ReshapeOp: reshape,
    TransposeOp: transpose,
    ConcatOp: concat,
    ReduceOp: reduce,
}
