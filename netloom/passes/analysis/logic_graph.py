"""A program's logic as a graph: what of it must share a cycle, what need not, and what registers cost.

Nodes are pieces of logic that no register divides: the adders of a `da.kernel`, steps of other ops. Ops that
treat elements alike have a node for each element of the last axis, so that an element that is early may be
used early. Each node stands in a cycle, which is a variable of the linear program (or some cycles after
one): nodes of one step share it, since tensors are registered whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.ir import SSAValue

from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp
from netloom.ir.fx import CastOp, LookupOp, ThresholdOp
from netloom.ir.nn import (
    AddOp,
    DenseOp,
    MatMulOp,
    MaxOp,
    MinOp,
    MulOp,
    PReluOp,
    ReluOp,
    SubOp,
    WiringOp,
    element_map,
)
from netloom.passes.analysis.differences import Differences
from netloom.passes.analysis.hardware import Hardware
from netloom.passes.analysis.kernel_timing import KernelNodes, rows_of
from netloom.passes.analysis.retiming import Place, hold
from netloom.passes.analysis.reuse import busy_cycles
from netloom.passes.analysis.timetable import Timetable
from netloom.passes.analysis.timing import Step, tensor_bits

Nodes = tuple[int, ...]

ELEMENTWISE = (
    *(AddOp, SubOp, MinOp, MaxOp, MulOp, PReluOp, ReluOp),
    *(CastOp, LookupOp, ThresholdOp),
)
"""Ops whose result elements depend on the same element of each operand, which may be broadcast."""


@dataclass(frozen=True)
class Parts:
    """What a program's logic consists of.

    Attributes:
        program: what becomes hardware.
        steps: of each op but `da.kernel`.
        kernels: nodes of each `da.kernel`.
        budget_ns: time for logic in each cycle.
        register_inputs, register_outputs: whether the ports have registers.
    """

    program: Hardware
    steps: Callable[[NetloomOp], list[Step]]
    kernels: Callable[[KernelOp], KernelNodes]
    budget_ns: float
    register_inputs: bool
    register_outputs: bool


@dataclass(frozen=True)
class OpPlaces:
    """Where an op's logic stands.

    Attributes:
        start: when the operands are needed.
        stages: of each step, or of each node of a `da.kernel`.
        end: when the result is there.
    """

    start: Place
    stages: Sequence[Place]
    end: Place


@dataclass
class LogicGraph:
    """The nodes of a program in topological order, and the linear program of their cycles.

    Attributes:
        parts: of the program.
        planned: times that keep to the clock.
        cycles: variables, constraints but for those of the clock, and costs.
        delay_ns: of each node.
        operands: of each node.
        places: of each node.
        ops: of each op.
    """

    parts: Parts
    planned: Timetable
    cycles: Differences
    delay_ns: list[float] = field(default_factory=list)
    operands: list[Nodes] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    ops: dict[NetloomOp, OpPlaces] = field(default_factory=dict)
    _columns: dict[SSAValue, list[Nodes]] = field(default_factory=dict)
    _ready: dict[SSAValue, Place] = field(default_factory=dict)
    _wires: dict[SSAValue, SSAValue] = field(default_factory=dict)

    def build(self) -> None:
        """Make the nodes of all ops, and what their values cost."""
        origin = self.cycles.constant(0)
        for value, _ in self.parts.program.inputs:
            self._ready[value] = (origin, 0)
        for op in self.parts.program.ops:
            self.ops[op] = self._place(op)
            self._ready[op.results[0]] = self.ops[op].end
        self._hold_values()

    def results(self, op: NetloomOp) -> Nodes:
        """The nodes that give an op's result; none when that is in a register."""
        return _union(self._columns.get(op.results[0], []))

    def _place(self, op: NetloomOp) -> OpPlaces:
        if isinstance(op, KernelOp):
            return self._kernel(op)
        if isinstance(op, WiringOp):
            return self._wiring(op)
        return self._steps(op)

    def _node(self, place: Place, delay_ns: float, operands: Nodes) -> int:
        self.places.append(place)
        self.delay_ns.append(delay_ns)
        self.operands.append(operands)
        return len(self.places) - 1

    def _column(self, value: SSAValue, column: int, count: int) -> Nodes:
        """Nodes that give a column of a value, where its reader has `count` columns."""
        found = self._columns.get(value, [])
        if len(found) == count:
            return found[column]
        return found[0] if len(found) == 1 else _union(found)

    def _kernel(self, op: KernelOp) -> OpPlaces:
        """Inputs are taken at the start; each waits for its readers, and each output for the last one."""
        nodes, first = self.parts.kernels(op), len(self.places)
        start, end = (self.cycles.variable(), 0), (self.cycles.variable(), 0)
        places = []
        for node, operands in enumerate(nodes.operands):
            place = start if node < nodes.n_values else end
            if operands:
                place = (self.cycles.variable(), 0)
                reads = tuple(first + operand for operand in operands)
            else:
                reads = self._column(op.input, node, nodes.n_inputs) if node < nodes.n_inputs else ()
            places.append(place)
            self._node(place, nodes.delay_ns[node], reads)
        self._hold_nodes(op, nodes, places, end)
        self.cycles.at_least(end[0], start[0], 0)
        self._columns[op.result] = [(node,) for node in range(first + nodes.n_values, len(self.places))]
        return OpPlaces(start, places, end)

    def _hold_nodes(self, op: KernelOp, nodes: KernelNodes, places: list[Place], end: Place) -> None:
        rows = rows_of(op)
        readers: list[list[Place]] = [[] for _ in places]
        for node, operands in enumerate(nodes.operands):
            for operand in operands:
                readers[operand].append(places[node])
            if node >= nodes.n_values:
                readers[node].append(end)
        for place, bits, found in zip(places, nodes.bits, readers, strict=True):
            hold(self.cycles, place, found, rows * bits)

    def _wiring(self, op: WiringOp) -> OpPlaces:
        """Elements in other places; a result that is its operand in another shape is the same signal."""
        indices = element_map(op)
        count = math.prod(op.operand_shapes[0])
        same = op.operand_formats == [op.result_format] and np.array_equal(indices, np.arange(count))
        place = self._ready.get(op.operands[0]) if same else None
        if place is None:
            place = (self.cycles.variable(), 0)
        else:
            self._wires[op.results[0]] = op.operands[0]
        columns = op.result_shape[-1] if op.result_shape else 1
        sources: list[set[int]] = [set() for _ in range(columns)]
        offset = 0
        for operand, shape in zip(op.operands, op.operand_shapes, strict=True):
            mine = np.flatnonzero((offset <= indices) & (indices < offset + math.prod(shape)))
            width = shape[-1] if shape else 1
            pairs = np.stack([mine % columns, (indices[mine] - offset) % width], axis=1)
            for column, source in np.unique(pairs, axis=0).tolist():
                sources[column].update(self._column(operand, source, width))
            offset += math.prod(shape)
        self._columns[op.results[0]] = self._gathered(place, sources)
        return OpPlaces(place, (), place)

    def _gathered(self, place: Place, sources: Sequence[set[int]]) -> list[Nodes]:
        """Columns with one node each: several come together in a node without delay."""
        hubs: dict[Nodes, Nodes] = {}
        for found in sources:
            nodes = tuple(sorted(found))
            if nodes not in hubs:
                hubs[nodes] = nodes if len(nodes) < 2 else (self._node(place, 0.0, nodes),)
        return [hubs[tuple(sorted(found))] for found in sources]

    def _steps(self, op: NetloomOp) -> OpPlaces:
        found = self.parts.steps(op)
        if not found or not op.result_format.width:
            # Only wires; to a result of no bits not even those.
            place = (self.cycles.variable(), 0)
            if op.result_format.width:
                self._columns[op.results[0]] = self._inputs(op)
            return OpPlaces(place, [place for _ in found], place)
        stages, end, ends_in_register = self._stages(op, found)
        columns = self._inputs(op)
        # The stages are those of the first cycle's products; what follows their last register is later.
        shared = [index for index, step in enumerate(found) if step.registered]
        for index, (step, (variable, after)) in enumerate(zip(found, stages, strict=True)):
            if shared and index > shared[-1]:
                after += busy_cycles(op) - 1
            columns = [(self._node((variable, after), step.delay_ns, nodes),) for nodes in columns]
            if step.registered:
                columns = [()]
        self._columns[op.results[0]] = [] if ends_in_register else columns
        return OpPlaces(stages[0], stages, end)

    def _inputs(self, op: NetloomOp) -> list[Nodes]:
        """What each column of an op's first step reads; one column for ops that mix elements."""
        known = [self._columns.get(operand, []) for operand in op.operands]
        if isinstance(op, ELEMENTWISE) and any(len(columns) > 1 for columns in known):
            count = op.result_shape[-1]
            return [
                _union([self._column(operand, column, count) for operand in op.operands])
                for column in range(count)
            ]
        return [_union([nodes for columns in known for nodes in columns])]

    def _stages(self, op: NetloomOp, found: Sequence[Step]) -> tuple[list[Place], Place, bool]:
        """The places of an op's steps and of its result, and whether a register is the last of it."""
        product = isinstance(op, MatMulOp | DenseOp) and not any(step.registered for step in found)
        pipelined = product and self.planned.ops[op].stages[-1] > 0
        place = (self.cycles.variable(), 0)
        places = [place]
        for step in found[:-1]:
            if step.registered:
                place = (place[0], place[1] + 1)
            elif pipelined or not product:
                place = self._next(place, step.bits)
            places.append(place)
        ends_in_register = pipelined or found[-1].registered
        if pipelined:
            # Without a register inside it would not be a pipelined product.
            self.cycles.at_least(place[0], places[0][0], 1)
        end = (place[0], place[1] + busy_cycles(op) - 1 + ends_in_register)
        return places, end, ends_in_register

    def _next(self, place: Place, bits: int) -> Place:
        """The step behind one of so many bits: one register between them at most."""
        variable, after = place
        following = self.cycles.variable()
        self.cycles.at_least(following, variable, after)
        self.cycles.at_least(variable, following, -after - 1)
        self.cycles.costs[following] += bits
        self.cycles.costs[variable] -= bits
        return following, 0

    def _hold_values(self) -> None:
        """Each tensor waits between ops for its last reader."""
        readers: dict[SSAValue, list[Place]] = {value: [] for value in self._ready}
        for op, places in self.ops.items():
            if op.results[0] not in self._wires:
                for operand in op.operands:
                    if operand in self._ready:
                        readers[self._signal(operand)].append(places.start)
        logic = self.cycles.constant(self.cycles.highest)
        port = self.cycles.constant(self.planned.latency_cycles)
        for value, _ in self.parts.program.outputs:
            if value in self._ready:
                variable, after = self._ready[value]
                self.cycles.at_least(logic, variable, after)
                readers[self._signal(value)].append((port, 0))
        interval = max(map(busy_cycles, self.ops), default=1)
        for value, found in readers.items():
            hold(self.cycles, self._ready[value], found, tensor_bits(value) / interval)

    def _signal(self, value: SSAValue) -> SSAValue:
        """The tensor whose signal a value is."""
        while value in self._wires:
            value = self._wires[value]
        return value


def _union(lists: Iterable[Nodes]) -> Nodes:
    return tuple(sorted({node for nodes in lists for node in nodes}))
