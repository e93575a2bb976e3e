"""Ops of dialect `flow` for a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, StringAttr
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr, StreamType, fixed_tensor, format_of, shape_of
from netloom.ir.base import NetloomOp, Shape
from netloom.ir.flow import (
    FifoOp,
    FlowOp,
    RepackOp,
    ResampleOp,
    SinkOp,
    SourceOp,
    StageOp,
    StreamConstantOp,
    StreamReduceOp,
    StreamWindowOp,
    YieldOp,
)
from netloom.ir.fx import ConstantOp
from netloom.ir.nn import BroadcastOp, GatherOp, ReshapeOp
from netloom.ir.program import insert_before
from netloom.passes.streaming.plan import Step, Token
from netloom.passes.streaming.stages import Group

ACTORS: Mapping[str, type[FlowOp]] = {
    op.name: op for op in (RepackOp, StreamWindowOp, StreamReduceOp, ResampleOp, StreamConstantOp)
}
"""Steps that are one op, by name."""


def flow_op(
    op_type: type[FlowOp],
    operands: Sequence[SSAValue],
    result: Attribute,
    properties: Mapping[str, Attribute],
    origin: str,
    regions: Sequence[Region] = (),
) -> FlowOp:
    """An op of dialect `flow` with a declared result."""
    given = {**properties, "origin": StringAttr(origin)} if origin else dict(properties)
    return op_type.create(
        operands=list(operands), result_types=[result], properties=given, regions=list(regions)
    )


class FlowBuilder:
    """Inserts the ops of a plan before an anchor."""

    def __init__(self, anchor: Operation, groups: Mapping[Step, Group]) -> None:
        self.anchor = anchor
        self.groups = groups
        self.values: dict[Token, SSAValue] = {}
        self.labels: dict[str, int] = {}

    def source(self, token: Token, value: SSAValue, name: str) -> None:
        """An input port."""
        self.values[token] = insert_before(self.anchor, flow_op(SourceOp, [value], token.type, {}, name))

    def sink(self, token: Token, value: SSAValue, name: str) -> SSAValue:
        """An output port for what was `value`."""
        op = flow_op(SinkOp, [self.values[token]], value.type, {}, name)
        return insert_before(self.anchor, op)

    def step(self, step: Step) -> None:
        """The op of a step; a stage when its last step comes."""
        if step.on_beats:
            group = self.groups[step]
            if group.steps[0] is step:
                made = self._view(group) if group.is_view else self._stage(group)
                self.values[step.result] = insert_before(self.anchor, made)
            return
        operands = [self.values[operand] for operand in step.operands if isinstance(operand, Token)]
        op = flow_op(ACTORS[step.kind], operands, step.result.type, step.properties, _origin(step.op))
        self.values[step.result] = insert_before(self.anchor, op)

    def _view(self, group: Group) -> FlowOp:
        """Beats as they are, with other axes."""
        last = group.steps[0]
        return flow_op(RepackOp, [self.values[group.view_of]], last.result.type, {}, _origin(last.op))

    def _stage(self, group: Group) -> StageOp:
        members = set(group.steps)
        inputs = dict.fromkeys(
            operand
            for step in reversed(group.steps)
            for operand in step.operands
            if isinstance(operand, Token) and operand.step not in members
        )
        body = _Body([token.type.beat_type for token in inputs])
        body.values.update(zip(inputs, body.block.args, strict=True))
        for step in reversed(group.steps):
            body.step(step)
        body.block.add_op(YieldOp(operands=[body.values[group.result]]))
        properties = {"label": StringAttr(self._label(group.name))}
        operands = [self.values[token] for token in inputs]
        stage = flow_op(StageOp, operands, group.result.type, properties, group.name, [Region(body.block)])
        assert isinstance(stage, StageOp)
        return stage

    def _label(self, name: str) -> str:
        """A name that no other stage has."""
        count = self.labels.get(name, 0)
        self.labels[name] = count + 1
        return f"{name}_{count}" if count else name


class _Body:
    """The block of a stage."""

    def __init__(self, arguments: Sequence[Attribute]) -> None:
        self.block = Block(arg_types=arguments)
        self.values: dict[Token, SSAValue] = {}
        self.constants: dict[SSAValue, SSAValue] = {}

    def step(self, step: Step) -> None:
        """An op on beats, or wires."""
        result = step.result.type.beat_type
        if step.kind == "wires":
            self.values[step.result] = self._wires(step)
            return
        operands = [
            self.values[operand] if isinstance(operand, Token) else self._constant(operand)
            for operand in step.operands
        ]
        properties = dict(step.op.properties)
        if isinstance(step.op, ReshapeOp | BroadcastOp):
            properties["shape"] = ArrayAttr.of(np.array(shape_of(result), dtype=np.int64))
        self.values[step.result] = self._add(type(step.op), operands, result, properties)

    def _add(
        self,
        op_type: type[NetloomOp],
        operands: Sequence[SSAValue],
        result: Attribute,
        properties: Mapping[str, Attribute],
    ) -> SSAValue:
        op = op_type.create(operands=list(operands), result_types=[result], properties=dict(properties))
        self.block.add_op(op)
        return op.results[0]

    def _constant(self, value: SSAValue) -> SSAValue:
        if value not in self.constants:
            owner = value.owner
            assert isinstance(owner, ConstantOp)
            clone = owner.clone()
            self.block.add_op(clone)
            self.constants[value] = clone.results[0]
        return self.constants[value]

    def _wires(self, step: Step) -> SSAValue:
        """A reshape, or elements of the flat beat picked by their numbers."""
        (operand,) = step.operands
        assert isinstance(operand, Token)
        value, number_format = self.values[operand], step.result.format
        beat = shape_of(step.result.type.beat_type)
        origin = {"origin": StringAttr(_origin(step.op))}
        if step.picked is None:
            return self._reshape(value, beat, number_format, origin)
        flat = self._reshape(value, (operand.elements,), operand.format, origin)
        properties = {
            "indices": ArrayAttr.of(step.picked.reshape(beat)),
            "axis": IntegerAttr(0, 64),
            **origin,
        }
        return self._add(GatherOp, [flat], fixed_tensor(beat, number_format), properties)

    def _reshape(
        self, value: SSAValue, shape: Shape, number_format: Format, origin: Mapping[str, Attribute]
    ) -> SSAValue:
        if shape_of(value.type) == shape and format_of(value.type) == number_format:
            return value
        wanted = ArrayAttr.of(np.array(shape, dtype=np.int64))
        return self._add(ReshapeOp, [value], fixed_tensor(shape, number_format), {"shape": wanted, **origin})


def _origin(op: NetloomOp) -> str:
    return op.origin.data if op.origin is not None else ""


def with_fifo(value: SSAValue, user: Operation, index: int, depth: int, label: str) -> FifoOp:
    """A FIFO between a stream and one of its users, which reads it with its own axes."""
    assert isinstance(value.type, StreamType)
    properties = {"depth": IntegerAttr(depth, 64), "label": StringAttr(label)}
    origin = user.origin_name if isinstance(user, NetloomOp) else ""
    op = flow_op(FifoOp, [value], user.operands[index].type, properties, origin)
    assert isinstance(op, FifoOp)
    block = user.parent_block()
    assert block is not None
    block.insert_op_before(op, user)
    user.operands[index] = op.results[0]
    return op
