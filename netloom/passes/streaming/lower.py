"""From ops on tensors to steps on streams: what each op can do beat by beat, and what it cannot.

Every op is tried on beats first. What needs neighbouring beats has an actor of its own (windows, sums over
beats, picking beats again). What is left gets its frame in one beat: always possible, rarely cheap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr, format_of, shape_of
from netloom.ir.base import NetloomOp, Shape
from netloom.ir.da import KernelOp, LutNetworkOp
from netloom.ir.fx import ConstantOp, ThresholdOp
from netloom.ir.nn import (
    ArgMaxOp,
    ConcatOp,
    DenseOp,
    HardmaxOp,
    MatMulOp,
    ReduceOp,
    ReshapeOp,
    UnaryWiringOp,
    WindowOp,
    element_map,
)
from netloom.passes.analysis.hardware import Hardware
from netloom.passes.streaming.folding import beat_axes
from netloom.passes.streaming.plan import Operand, Plan, Token, Wires, axes_for, beats_of
from netloom.passes.streaming.wires import materialised, repacked, repeated, whole


class Lowering:
    """Walks a program once and leaves a plan.

    Attributes:
        plan: the steps.
        outputs: the token of each output port.
    """

    def __init__(self, module: ModuleOp, program: Hardware) -> None:
        self.plan = Plan()
        self.values: dict[SSAValue, Token | Wires] = {}
        self.inputs: list[Token] = []
        self.module = module
        for value, _ in program.inputs:
            token = source_token(value)
            self.inputs.append(token)
            self.values[value] = viewed(token, value)
        for op in program.ops:
            self.values[op.results[0]] = self._lower(op)
        self.outputs = [self._output(value) for value, _ in program.outputs]

    def _output(self, value: SSAValue) -> Token:
        found = self.found(value)
        token = found.root if isinstance(found, Wires) and found.keeps_order else self.token(value)
        token.leaves = True
        return token

    def token(self, value: SSAValue) -> Token:
        """The stream of a value; wires become hardware now."""
        found = self.found(value)
        if isinstance(found, Wires):
            found = materialised(self.plan, found)
            self.values[value] = found
        return found

    def found(self, value: SSAValue) -> Token | Wires:
        """What a value has become; a constant that is moved or returned is a stream of its own."""
        if value not in self.values:
            owner = value.owner
            assert isinstance(owner, ConstantOp)
            axes = axes_for(owner.result_shape, 1) or 0
            result = Token(owner.result_shape, owner.result_format, axes)
            self.values[value] = self.plan.add(
                "flow.constant", [], result, owner, properties={"value": owner.value}
            )
        return self.values[value]

    def _lower(self, op: NetloomOp) -> Token | Wires:
        if isinstance(op, WindowOp):
            return self._wires(op) if _is_pick(op) else self._window(op)
        if isinstance(op, UnaryWiringOp):
            return self._wires(op)
        if isinstance(op, ReduceOp | ArgMaxOp | HardmaxOp):
            return self._over_axes(op)
        if isinstance(op, DenseOp | KernelOp | LutNetworkOp | MatMulOp):
            return self._product(op)
        if isinstance(op, ConcatOp):
            return self._together(op, len(op.result_shape), op.positive_axis)
        return self._together(op, len(op.result_shape), len(op.result_shape))

    def _wires(self, op: UnaryWiringOp | WindowOp) -> Token | Wires:
        """Moved elements, joined with the moves before."""
        if (axes := beat_axes(op)) is not None:
            return self._counted(op, axes)
        before = self.found(op.input)
        still = isinstance(op, ReshapeOp)
        if isinstance(before, Wires) and before.crosses_beats and not still:
            before = self.token(op.input)
        if isinstance(before, Token):
            before = Wires(before, None, before.shape, before.format, op)
        return before.after(op, None if still else element_map(op))

    def _counted(self, op: UnaryWiringOp | WindowOp, axes: int) -> Token | Wires:
        """A reshape that says what its beats are."""
        before, shape = self.found(op.input), op.result_shape
        still = isinstance(before, Wires) and before.keeps_order
        token = before.root if isinstance(before, Wires) and still else self.token(op.input)
        if token.beats == beats_of(shape, axes):
            return Wires(token, None, shape, token.format, op)
        return repacked(self.plan, token, shape, axes, op)

    def _window(self, op: WindowOp) -> Token:
        shape, token = op.operand_shapes[0], self.token(op.input)
        pixels = repacked(self.plan, token, shape, len(shape) - 1, op)
        result = Token(op.result_shape, op.result_format, len(op.result_shape) - 3)
        properties = {k: v for k, v in op.properties.items() if k != "origin"}
        if has_line_buffer(op):
            return self.plan.add("flow.window", [pixels], result, op, properties=properties)
        return self._in_frame(op)

    def _over_axes(self, op: ReduceOp | ArgMaxOp | HardmaxOp) -> Token:
        """Over elements of a beat, over beats, or over a frame."""
        token = self.token(op.input)
        axes = op.positive_axes if isinstance(op, ReduceOp) else (op.positive_axis,)
        wide = {axis for axis in axes if token.shape[axis] > 1}
        if not wide or min(wide) >= token.axes:
            return self._on_beats(op, [token], token.beats)
        first = min(wide)
        streamed = {axis for axis in range(first, token.axes) if token.shape[axis] > 1}
        left = axes_for(op.result_shape, beats_of(token.shape, first))
        if isinstance(op, ReduceOp) and wide == streamed and left is not None and op.kind.data != "prod":
            return self._over_beats(op, token, left)
        return self._in_frame(op)

    def _over_beats(self, op: ReduceOp, token: Token, axes: int) -> Token:
        """Sums that hold every partial result; what is known of the last one narrows it afterwards."""
        count = token.beats // beats_of(op.result_shape, axes)
        grown = max(count - 1, 0).bit_length() if op.kind.data == "sum" else 0
        own = token.format
        wide = Format(own.width + grown, own.integer + grown, own.signed)
        properties = {k: v for k, v in op.properties.items() if k != "origin"}
        result = Token(op.result_shape, wide, axes)
        self.plan.add("flow.reduce", [token], result, op, properties=properties)
        if wide == op.result_format:
            return result
        return self.plan.add("wires", [result], Token(op.result_shape, op.result_format, axes), op)

    def _product(self, op: DenseOp | KernelOp | LutNetworkOp | MatMulOp) -> Token:
        """Rows are multiplied one by one; a product of two streams has a beat for each pair of matrices."""
        if not isinstance(op, MatMulOp):
            token = self.token(op.operands[0])
            return self._on_beats(op, [token, *op.operands[1:]], token.beats)
        rank = len(op.result_shape)
        fixed = isinstance(op.rhs.owner, ConstantOp) and math.prod(shape_of(op.rhs.type)[:-2]) == 1
        if fixed and len(op.operand_shapes[0]) == rank:
            token = self.token(op.lhs)
            return self._on_beats(op, [token, op.rhs], token.beats)
        return self._together(op, rank, rank - 2)

    def _together(self, op: NetloomOp, rank: int, limit: int) -> Token:
        """An op of several operands, on beats that all of them have; axes from `limit` on are elements."""
        varying = [v for v in op.operands if not isinstance(v.owner, ConstantOp)]
        tokens = {v: self.token(v) for v in varying or op.operands[:1]}
        axes = max(token.axes + rank - len(token.shape) for token in tokens.values())
        axes = min(axes, limit, rank - 1) if rank else 0
        shape = op.result_shape
        operands: list[Operand] = []
        for value in op.operands:
            operand = self._operand(op, value, tokens.get(value), shape, axes)
            if operand is None:
                return self._in_frame(op)
            operands.append(operand)
        if not _is_uniform(op, shape, axes):
            return self._in_frame(op)
        return self._on_beats(op, operands, beats_of(shape, axes))

    def _operand(
        self, op: NetloomOp, value: SSAValue, token: Token | None, shape: Shape, axes: int
    ) -> Operand | None:
        """An operand in as many beats as the result, or None when it has no such form."""
        own = shape_of(value.type)
        missing = len(shape) - len(own)
        aligned = (1,) * missing + own
        if token is None:
            if all(size == 1 for size in aligned[:axes]):
                return value
            return self._constant_stream(op, value, aligned, shape, axes)
        if aligned[:axes] == shape[:axes]:
            return repacked(self.plan, token, own, max(axes - missing, 0), op)
        if math.prod(aligned[:axes]) == 1:
            single = whole(self.plan, token, op)
            return repeated(self.plan, single, (*shape[:axes], *aligned[axes:]), axes, op)
        return None

    def _constant_stream(
        self, op: NetloomOp, value: SSAValue, aligned: Shape, shape: Shape, axes: int
    ) -> Token:
        """A constant that differs from beat to beat."""
        owner = value.owner
        assert isinstance(owner, ConstantOp)
        full = (*shape[:axes], *aligned[axes:])
        first = next(axis for axis, size in enumerate(aligned) if size != 1)
        period = (*aligned[:first], *full[first:])
        array = np.broadcast_to(owner.value.ints().reshape(aligned), period)
        result = Token(full, owner.result_format, axes)
        return self.plan.add("flow.constant", [], result, op, properties={"value": ArrayAttr.of(array)})

    def _on_beats(self, op: NetloomOp, operands: Sequence[Operand], beats: int) -> Token:
        axes = axes_for(op.result_shape, beats)
        if axes is None:
            return self._in_frame(op)
        return self.plan.add("beat", operands, Token(op.result_shape, op.result_format, axes), op)

    def _in_frame(self, op: NetloomOp) -> Token:
        """The op on whole frames."""
        operands: list[Operand] = [
            value if isinstance(value.owner, ConstantOp) else whole(self.plan, self.token(value), op)
            for value in op.operands
        ]
        axes = axes_for(op.result_shape, 1)
        result = Token(op.result_shape, op.result_format, 0 if axes is None else axes)
        return self.plan.add("beat", operands, result, op)


def source_token(value: SSAValue) -> Token:
    """An input port: images come pixel by pixel, vectors at once, others as their only reader wants."""
    number_format = format_of(value.type)
    assert number_format is not None
    shape, axes = _read_as(value)
    return Token(shape, number_format, axes)


def viewed(token: Token, value: SSAValue) -> Token | Wires:
    """A token as a value of the program, whose shape may be another."""
    shape = shape_of(value.type)
    if token.shape == shape:
        return token
    (use,) = value.uses
    assert isinstance(use.operation, NetloomOp)
    return Wires(token, None, shape, token.format, use.operation)


def _read_as(value: SSAValue) -> tuple[Shape, int]:
    """Shape and axes of the beats that are made of an input by reshaping alone."""
    counted, shape = None, shape_of(value.type)
    while value.has_one_use():
        user = next(iter(value.uses)).operation
        if isinstance(user, WindowOp):
            return shape_of(value.type), len(shape_of(value.type)) - 1
        if not isinstance(user, ReshapeOp) or (counted and beat_axes(user) is not None):
            break
        value = user.result
        if (axes := beat_axes(user)) is not None:
            counted = user.result_shape, axes
    return counted or (shape, max(len(shape) - 1, 0))


def has_line_buffer(op: WindowOp) -> bool:
    """Whether the windows are of one image, and none ends left of it."""
    return math.prod(op.operand_shapes[0][:-3]) == 1 and op.geometry.padding[1] < op.geometry.span(1)


def _is_pick(op: WindowOp) -> bool:
    """Whether no pixel is in two windows: windows of one pixel, or a single one of all pixels."""
    geometry = op.geometry
    single = geometry.count(0) == geometry.count(1) == 1 and geometry.kernel == geometry.size
    return not geometry.is_padded and (geometry.kernel == (1, 1) or single)


def _is_uniform(op: NetloomOp, shape: Shape, axes: int) -> bool:
    """Whether the op's own parameters are the same for every beat."""
    if not isinstance(op, ThresholdOp):
        return True
    for own in (op.thresholds.values.shape[:-1], op.base.values.shape, op.sign.values.shape):
        aligned = (1,) * (len(shape) - len(own)) + own
        if any(size != 1 for size in aligned[:axes]):
            return False
    return True
