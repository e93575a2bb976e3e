"""Dialect `flow`: how tensors move through hardware, beat by beat.

The value of a stream is the whole tensor that it carries, so every op has the exact meaning of what it does
to tensors, and interpreter and emulator run streaming programs like any others. What an op does in which
clock cycle is said by `netloom.core.dataflow`, which each op names in `actor`.

A value that several FIFOs read is a fork: they take each beat at once. A stage of several operands is a join.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, StringAttr
from xdsl.ir import Block, Dialect, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import IsTerminator
from xdsl.utils.exceptions import VerifyException

from netloom.core import dataflow
from netloom.ir.attributes import ArrayAttr, StreamType, shape_of
from netloom.ir.base import NetloomOp, Shape, Values
from netloom.ir.interval import Interval
from netloom.ir.nn.linear import DenseOp, ReduceBase
from netloom.ir.nn.window import WindowBase


def stream_of(value: SSAValue) -> StreamType:
    """The type of a stream.

    Raises:
        VerifyException: the value is a tensor.
    """
    if not isinstance(value.type, StreamType):
        raise VerifyException(f"expected a stream, got {value.type}")
    return value.type


class FlowOp(NetloomOp):
    """Base: ops between streams."""

    @property
    def stream(self) -> StreamType:
        """Type of the resulting stream."""
        return stream_of(self.results[0])

    @abstractmethod
    def actor(self) -> dataflow.Actor | None:
        """What does it in hardware; None for a FIFO."""

    def shape_rule(self) -> Shape:
        """As in the operand."""
        return self.operand_shapes[0]

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """As in the operand."""
        return operands[0]

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """The same tensor."""
        return operands[0]


class EdgeOp(FlowOp):
    """Base of ops between places: the tensor may be in another shape behind them, row-major."""

    input = operand_def()
    result = result_def()

    def shape_rule(self) -> Shape:
        """As declared, of as many elements."""
        if math.prod(self.result_shape) != math.prod(self.operand_shapes[0]):
            raise VerifyException(f"{self.name}: {self.operand_shapes[0]} is not {self.result_shape}")
        return self.result_shape

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """The operand's in another shape."""
        if self.operand_shapes[0] == self.result_shape:
            return operands[0]
        bounds = (np.broadcast_to(x, self.operand_shapes[0]) for x in (operands[0].low, operands[0].high))
        return Interval(*(bound.reshape(self.result_shape) for bound in bounds))

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """A reshape."""
        return operands[0].reshape(operands[0].shape[0], *self.result_shape)


@irdl_op_definition
class SourceOp(EdgeOp):
    """A tensor that enters the chip as a stream."""

    name = "flow.source"
    input = operand_def()
    result = result_def(StreamType)

    def actor(self) -> dataflow.Actor:
        """The outside offers beats."""
        return dataflow.Source(self.stream.beats)


@irdl_op_definition
class SinkOp(EdgeOp):
    """A stream that leaves the chip."""

    name = "flow.sink"
    input = operand_def(StreamType)
    result = result_def()

    def actor(self) -> dataflow.Actor:
        """The outside takes beats."""
        return dataflow.Sink(stream_of(self.input).beats)


@irdl_op_definition
class FifoOp(EdgeOp):
    """A FIFO of `depth` beats; `label` names it. Its result may have other axes, but has the same beats."""

    name = "flow.fifo"
    input = operand_def(StreamType)
    depth = prop_def(IntegerAttr)
    label = prop_def(StringAttr)
    result = result_def(StreamType)

    def actor(self) -> None:
        """A FIFO is no actor."""

    def verify_(self) -> None:
        """At least one beat, and the same beats on both sides."""
        super().verify_()
        if self.depth.value.data < 1:
            raise VerifyException("flow.fifo: the depth is at least 1")
        before, after = stream_of(self.input), self.stream
        if before.beats != after.beats or self.operand_formats[0] != self.result_format:
            raise VerifyException("flow.fifo: a FIFO does not change its beats")


@irdl_op_definition
class RepackOp(FlowOp):
    """The same elements in the same order, in another number of beats: several become one, or one several.

    Shapes may differ, as in a reshape; the streams' types say what a beat is.
    """

    name = "flow.repack"
    input = operand_def(StreamType)
    result = result_def(StreamType)

    def shape_rule(self) -> Shape:
        """As declared."""
        return self.result_shape

    def verify_(self) -> None:
        """As many elements, and one number of beats divides the other."""
        before, after = stream_of(self.input), self.stream
        if math.prod(before.shape) != math.prod(after.shape):
            raise VerifyException(f"flow.repack: {before.shape} has not as many elements as {after.shape}")
        if max(before.beats, after.beats) % min(before.beats, after.beats):
            raise VerifyException(f"flow.repack: {before.beats} beats do not become {after.beats}")

    @property
    def is_view(self) -> bool:
        """Whether the beats stay what they are, and only their axes are counted differently."""
        return stream_of(self.input).beats == self.stream.beats

    def actor(self) -> dataflow.Actor | None:
        """Collects or spreads; a view is nothing, see the pass insert-fifos."""
        before, after = stream_of(self.input).beats, self.stream.beats
        if self.is_view:
            return None
        if before > after:
            return dataflow.Collect(before // after)
        return dataflow.Spread(after // before)

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """The operand's in another shape."""
        shape = self.result_shape
        return Interval(operands[0].low.reshape(shape), operands[0].high.reshape(shape))

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """A reshape."""
        return operands[0].reshape(operands[0].shape[0], *self.result_shape)


@irdl_op_definition
class StreamWindowOp(FlowOp, WindowBase):
    """`nn.window` on a stream with a beat per pixel: a line buffer; one beat of the result is one window."""

    name = "flow.window"

    def shape_rule(self) -> Shape:
        """As `nn.window`."""
        return WindowBase.shape_rule(self)

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """As `nn.window`."""
        return WindowBase.interval_rule(self, operands)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """As `nn.window`."""
        return WindowBase.evaluate(self, operands)

    def actor(self) -> dataflow.Window:
        """The line buffer."""
        geometry = self.geometry
        top, left = geometry.padding[:2]
        return dataflow.Window(
            *geometry.size,
            geometry.count(0),
            geometry.count(1),
            kernel=_pair(self.kernel),
            strides=_pair(self.strides),
            dilations=_pair(self.dilations),
            padding=(top, left),
            slices=self.parts,
        )


def _pair(attribute: ArrayAttr) -> tuple[int, int]:
    first, second = attribute.ints().tolist()
    return int(first), int(second)


@irdl_op_definition
class StreamReduceOp(FlowOp, ReduceBase):
    """`nn.reduce` over the last axes that count beats: beats are added up, or the largest is kept."""

    name = "flow.reduce"

    def shape_rule(self) -> Shape:
        """As `nn.reduce`."""
        return ReduceBase.shape_rule(self)

    def fraction_rule(self) -> int:
        """As `nn.reduce`."""
        return ReduceBase.fraction_rule(self)

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """As `nn.reduce`."""
        return ReduceBase.interval_rule(self, operands)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """As `nn.reduce`."""
        return ReduceBase.evaluate(self, operands)

    def actor(self) -> dataflow.Reduce:
        """An accumulator for each element of a beat."""
        return dataflow.Reduce(stream_of(self.input).beats // self.stream.beats)


@irdl_op_definition
class ResampleOp(FlowOp):
    """Beats picked again, as `netloom.core.dataflow.Resample` says.

    The operand's beats are `height` rows; `rows` and `columns` say which is picked for each beat of the
    result, `row_parts` and `column_parts` which of its `parts` equal parts.
    """

    name = "flow.resample"
    input = operand_def(StreamType)
    height = prop_def(IntegerAttr)
    rows = prop_def(ArrayAttr)
    columns = prop_def(ArrayAttr)
    parts = prop_def(IntegerAttr)
    row_parts = prop_def(ArrayAttr)
    column_parts = prop_def(ArrayAttr)
    result = result_def(StreamType)

    def actor(self) -> dataflow.Resample:
        """A memory of one row, read again and again."""
        height = self.height.value.data
        tables = (self.rows, self.columns, self.row_parts, self.column_parts)
        rows, columns, row_parts, column_parts = (tuple(table.ints().tolist()) for table in tables)
        width = stream_of(self.input).beats // height
        return dataflow.Resample(height, width, rows, columns, self.parts.value.data, row_parts, column_parts)

    def shape_rule(self) -> Shape:
        """As declared."""
        return self.result_shape

    def verify_(self) -> None:
        """Tables never decrease and stay inside; parts fit."""
        actor, before, after = self.actor(), stream_of(self.input), self.stream
        for table, size in ((actor.rows, actor.height), (actor.columns, actor.width)):
            if list(table) != sorted(table) or not 0 <= table[0] <= table[-1] < size:
                raise VerifyException("flow.resample: a table decreases or leaves the image")
        if len(actor.rows) * len(actor.columns) != after.beats:
            raise VerifyException(f"flow.resample: the tables do not give {after.beats} beats")
        if after.elements * actor.parts != before.elements:
            parts = f"{actor.parts} parts of {after.elements} elements"
            raise VerifyException(f"flow.resample: a beat of {before.elements} elements has no {parts}")

    def moved(self, values: Values) -> Values:
        """Elements picked, on arrays with a batch axis."""
        actor, after = self.actor(), self.stream
        beats = values.reshape(values.shape[0], actor.height, actor.width, actor.parts, after.elements)
        part = np.add.outer(actor.row_parts, actor.column_parts)
        rows, columns = np.asarray(actor.rows)[:, None], np.asarray(actor.columns)[None, :]
        return beats[:, rows, columns, part].reshape(values.shape[0], *self.result_shape)

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """The operand's, picked."""
        return Interval(self.moved(operands[0].low[None])[0], self.moved(operands[0].high[None])[0])

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Elements picked."""
        return self.moved(operands[0])


@irdl_op_definition
class StreamConstantOp(FlowOp):
    """A constant tensor as a stream, the same in every frame.

    The leading axes of `value` may have size 1: then its beats come again and again within a frame.
    """

    name = "flow.constant"
    value = prop_def(ArrayAttr)
    result = result_def(StreamType)

    @property
    def period(self) -> int:
        """Beats that come again and again."""
        return math.prod(self.value.values.shape[: self.stream.axes.data])

    def shape_rule(self) -> Shape:
        """As declared; the constant has its last axes, and 1 in place of the others that count beats."""
        own, wanted = self.value.values.shape, self.result_shape
        repeated = next((i for i, size in enumerate(own) if size != 1), len(own))
        axes = min(repeated, self.stream.axes.data)
        if len(own) != len(wanted) or own[axes:] != wanted[axes:]:
            raise VerifyException(f"flow.constant: {own} is not repeated to {wanted}")
        return wanted

    def fraction_rule(self) -> int:
        """As declared."""
        return self.result_format.fraction

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """The constant itself."""
        return Interval.point(np.broadcast_to(self.value.ints(), self.result_shape))

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """There are no operands."""

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """The constant."""
        return np.broadcast_to(self.value.ints(), self.result_shape)[None]

    def actor(self) -> dataflow.Constant:
        """A memory read in order."""
        return dataflow.Constant(self.stream.beats, self.stream.beats // self.period)


@irdl_op_definition
class YieldOp(IRDLOperation):
    """The beat that a stage gives."""

    name = "flow.yield"
    value = operand_def()
    traits = traits_def(IsTerminator())


@irdl_op_definition
class StageOp(FlowOp):
    """A piece of the program that does the same to every beat: one beat of each operand becomes one.

    In the body's types the axes that count beats have size 1, so that axes keep their numbers. `label` names
    the stage; `latency_cycles` and `interval_cycles` come from the pass `schedule-stages`.
    """

    name = "flow.stage"
    inputs = var_operand_def(StreamType)
    label = prop_def(StringAttr)
    latency_cycles = opt_prop_def(IntegerAttr)
    interval_cycles = opt_prop_def(IntegerAttr)
    body = region_def("single_block")
    result = result_def(StreamType)

    @property
    def block(self) -> Block:
        """The body's block."""
        return self.body.block

    @property
    def ops(self) -> Iterator[NetloomOp]:
        """The ops of the body, in order."""
        return (op for op in self.block.ops if isinstance(op, NetloomOp))

    @property
    def yielded(self) -> SSAValue:
        """The body's result."""
        last = self.block.last_op
        if not isinstance(last, YieldOp):
            raise VerifyException("flow.stage: the body ends with flow.yield")
        return last.value

    @property
    def origins(self) -> tuple[str, ...]:
        """Names of the model's layers in the body, each once."""
        named = (op.origin.data for op in self.ops if op.origin is not None)
        return tuple(dict.fromkeys(named))

    @property
    def reader(self) -> DenseOp | None:
        """The layer in the body that reads its weights from a memory outside; one at most."""
        found = (op for op in self.ops if isinstance(op, DenseOp) and op.weight_port is not None)
        return next(found, None)

    def actor(self) -> dataflow.Stage:
        """A pipeline; one without registers before it is scheduled."""
        if self.latency_cycles is None or self.interval_cycles is None:
            return dataflow.Stage(0)
        latency, interval = self.latency_cycles.value.data, self.interval_cycles.value.data
        reader = self.reader
        if reader is None or reader.weight_port is None:
            return dataflow.Stage(latency, interval)
        start = reader.attributes.get("start_cycle")
        first = 1 + (start.value.data if isinstance(start, IntegerAttr) else 0)
        return dataflow.WeightedStage(latency, interval, first=first, port=reader.weight_port)

    def shape_rule(self) -> Shape:
        """As declared."""
        return self.result_shape

    def fraction_rule(self) -> int:
        """As declared."""
        return self.result_format.fraction

    def verify_(self) -> None:
        """All streams have as many beats, and the body is on beats of theirs."""
        streams = [stream_of(operand) for operand in self.inputs]
        if {each.beats for each in streams} - {self.stream.beats}:
            found = ", ".join(str(each.beats) for each in streams)
            raise VerifyException(f"flow.stage: {found} beats in, {self.stream.beats} beats out")
        if [each.beat_type for each in streams] != list(self.block.arg_types):
            raise VerifyException("flow.stage: the body's arguments are not beats of the operands")
        if self.yielded.type != self.stream.beat_type:
            raise VerifyException("flow.stage: the body does not give a beat of the result")
        if sum(isinstance(op, DenseOp) and op.weight_port is not None for op in self.ops) > 1:
            raise VerifyException("flow.stage: several layers read their weights from outside")

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """What the result's format holds."""
        return Interval.of_format(self.result_format, self.result_shape)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """The body, on every beat of every sample."""
        values: dict[SSAValue, Values] = {}
        samples = max(len(array) for array in operands)
        for argument, array in zip(self.block.args, operands, strict=True):
            spread = np.broadcast_to(array, (samples, *array.shape[1:]))
            values[argument] = spread.reshape(-1, *shape_of(argument.type))
        for op in self.ops:
            values[op.results[0]] = op.evaluate([values[operand] for operand in op.operands])
        beats = values[self.yielded]
        count = samples * self.stream.beats
        return np.broadcast_to(beats, (count, *beats.shape[1:])).reshape(samples, *self.result_shape)


Flow = Dialect(
    "flow",
    [
        SourceOp,
        SinkOp,
        FifoOp,
        RepackOp,
        StreamWindowOp,
        StreamReduceOp,
        ResampleOp,
        StreamConstantOp,
        StageOp,
        YieldOp,
    ],
    [StreamType],
)
