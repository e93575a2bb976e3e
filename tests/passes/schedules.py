"""Random programs for the schedule, and a check of schedules that shares no code with how they are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr
from xdsl.ir import SSAValue

from netloom.core.devices import find_device
from netloom.core.fixed import Format
from netloom.ir.attributes import fixed_tensor, format_of, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp
from netloom.ir.fx import LookupOp, ThresholdOp
from netloom.ir.nn import (
    AddOp,
    ArgMaxOp,
    ConcatOp,
    DenseOp,
    MatMulOp,
    MaxOp,
    MulOp,
    ReduceOp,
    ReluOp,
    ReshapeOp,
    SliceOp,
    SubOp,
    TransposeOp,
    WiringOp,
)
from netloom.ir.program import main
from netloom.passes.analysis.hardware import Hardware, hardware
from netloom.passes.analysis.kernel_timing import KernelNodes, kernel_nodes
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.analysis.reuse import busy_cycles
from netloom.passes.analysis.scheduled import latency_cycles, required_timing, stages, start_cycle
from netloom.passes.analysis.timing import steps
from tests.backends.designs import Program, array, flag, integer, random_graph, signed, unsigned

Times = NDArray[np.float64]

ROUNDING_NS = 1e-6
MIXED = (ReduceOp, ArgMaxOp, MatMulOp, DenseOp)
"""Ops of which every result element depends on many elements."""


class Checker:
    """Goes through a scheduled program with the time of arrival of every single element."""

    def __init__(self, module: ModuleOp, device: str, clock_period_ns: float) -> None:
        self.module, self.program = module, hardware(module)
        self.device = find_device(device)
        self.budget_ns = clock_period_ns - self.device.clock_overhead_ns + ROUNDING_NS
        self.intervals = value_intervals(module)
        self.ready: dict[SSAValue, tuple[int, Times]] = {}
        self.nodes: dict[KernelOp, KernelNodes] = {}

    def _registered(self, ports: str) -> int:
        """How many registers the inputs or the outputs of the chip have: one or none."""
        attribute = main(self.module).attributes[f"register_{ports}"]
        assert isinstance(attribute, IntegerAttr)
        return int(bool(attribute.value.data))

    def check(self) -> None:
        """Operands come first, and no cycle has a path that is too long."""
        last = required_timing(self.module).latency_cycles - self._registered("outputs")
        first = self._registered("inputs")
        for value, _ in self.program.inputs:
            self.ready[value] = (first, np.zeros(shape_of(value.type)))
        for op in self.program.ops:
            end = start_cycle(op) + latency_cycles(op)
            self.ready[op.results[0]] = (end, self._result(op))
        for value, _ in self.program.outputs:
            assert value not in self.ready or self.ready[value][0] <= last

    def _operand(self, op: NetloomOp, index: int) -> Times:
        """When each element arrives within the op's first cycle."""
        value = op.operands[index]
        if value not in self.ready:
            return np.zeros(shape_of(value.type))
        cycle, times = self.ready[value]
        assert cycle <= start_cycle(op), f"{op.name} starts before its operands"
        return times if cycle == start_cycle(op) else np.zeros_like(times)

    def _result(self, op: NetloomOp) -> Times:
        operands = [self._operand(op, index) for index in range(len(op.operands))]
        if isinstance(op, KernelOp):
            return self._kernel(op, operands[0])
        if isinstance(op, WiringOp):
            assert not latency_cycles(op)
            return np.asarray(op.move([each[None] for each in operands])[0], float)
        if isinstance(op, MIXED):
            latest = max((each.max(initial=0.0) for each in operands), default=0.0)
            return self._steps(op, np.full(op.result_shape, latest))
        spread = [
            np.broadcast_to(each, op.result_shape) for each in operands if each.ndim <= len(op.result_shape)
        ]
        return self._steps(
            op, np.max(spread[:2] if isinstance(op, AddOp | SubOp | MulOp | MaxOp) else spread[:1], axis=0)
        )

    def _add(self, since: Times, delay_ns: float) -> Times:
        """Logic behind `since`; what is slower than a whole cycle may only begin one."""
        after = since + delay_ns
        if delay_ns > 0.0:
            assert np.all((after <= self.budget_ns) | (since == 0.0)), "a path is too long"
        return after

    def _steps(self, op: NetloomOp, now: Times) -> Times:
        planned = stages(op)
        parts = steps(op, self.device)
        assert len(planned) == len(parts)
        stage = 0
        for at, part in zip(planned, parts, strict=True):
            assert at in (stage, stage + 1)
            now = self._add(now if at == stage else np.zeros_like(now), part.delay_ns)
            stage = at
            if part.registered:
                stage, now = stage + 1, np.zeros_like(now)
        end = latency_cycles(op) - (busy_cycles(op) - 1)
        assert end == stage or (end == stage + 1 and isinstance(op, MatMulOp | DenseOp) and stage)
        return now if end == stage else np.zeros_like(now)

    def _kernel(self, op: KernelOp, operand: Times) -> Times:
        if op not in self.nodes:
            self.nodes[op] = kernel_nodes(op, self.intervals[op.input], self.device)
        nodes = self.nodes[op]
        planned, latency = stages(op, "node") + stages(op, "output"), latency_cycles(op)
        rows = operand.reshape(-1, nodes.n_inputs)
        finish: list[Times] = []
        for node, reads in enumerate(nodes.operands):
            since = rows[:, node] if node < nodes.n_inputs else np.zeros(len(rows))
            for read in reads:
                assert planned[read] <= planned[node]
                if planned[read] == planned[node]:
                    since = np.maximum(since, finish[read])
            assert planned[node] == 0 or node >= nodes.n_inputs
            assert planned[node] <= latency
            finish.append(self._add(since, nodes.delay_ns[node]))
        results = [
            finish[node] if planned[node] == latency and nodes.operands[node] else np.zeros(len(rows))
            for node in range(nodes.n_values, len(planned))
        ]
        return np.stack(results, axis=1).reshape(op.result_shape)


def every_schedule(program: Hardware, last: int) -> Iterator[None]:
    """Write all schedules into a program of networks and ops of one step, but those against causality."""
    yield from _continued(program.ops, {value: 0 for value, _ in program.inputs}, last)


def _continued(ops: Sequence[NetloomOp], ready: dict[SSAValue, int], last: int) -> Iterator[None]:
    if not ops:
        yield
        return
    op = ops[0]
    earliest = max(ready.get(operand, 0) for operand in op.operands)
    for start in range(earliest, last + 1):
        for latency in range(last - start + 1 if isinstance(op, KernelOp) else 1):
            op.attributes |= {"start_cycle": integer(start), "latency_cycles": integer(latency)}
            for _ in _every_stage(op, latency):
                yield from _continued(ops[1:], {**ready, op.results[0]: start + latency}, last)


def _every_stage(op: NetloomOp, latency: int) -> Iterator[None]:
    if not isinstance(op, KernelOp):
        op.attributes["step_stages"] = array([0])
        yield
        return
    graph, first = op.graph, op.graph.n_inputs
    pairs = [
        *zip(graph.lhs.tolist(), graph.rhs.tolist(), strict=True),
        *((n,) for n in graph.out_node.tolist()),
    ]
    for chosen in product(range(latency + 1), repeat=len(pairs)):
        stage = [0] * first + list(chosen)
        ordered = all(
            stage[n] <= at for nodes, at in zip(pairs, chosen, strict=True) for n in nodes if n >= 0
        )
        if ordered:
            op.attributes["node_stages"] = array(stage[: graph.n_nodes])
            op.attributes["output_stages"] = array(stage[graph.n_nodes :])
            yield


def _narrow(program: Program, x: SSAValue) -> SSAValue:
    """The value in a format of few bits."""
    number_format = format_of(x.type)
    assert number_format is not None
    if number_format.width <= 10:
        return x
    return program.cast(x, Format(7, number_format.integer, number_format.signed), "RND", "SAT")


def random_program(seed: int, length: int) -> ModuleOp:
    """Some ops of all kinds on two inputs, with branches; one or two outputs."""
    rng = np.random.default_rng(seed)
    program = Program([((2, 4), signed(6, 3)), ((4,), unsigned(5, 2))])
    values = [program.add(AddOp, *program.inputs)]
    for _ in range(length):
        recent = values[-4:]
        x = _narrow(program, recent[rng.integers(len(recent))])
        others = [*recent, *program.inputs]
        y = _narrow(program, others[rng.integers(len(others))])
        values.append(_random_op(program, x, y, rng))
    program.output(values[-1])
    if rng.integers(2):
        program.output(values[rng.integers(len(values))])
    return program.finish()


def _random_op(program: Program, x: SSAValue, y: SSAValue, rng: np.random.Generator) -> SSAValue:
    shape = shape_of(x.type)
    kind = int(rng.integers(16))
    alike = np.broadcast_shapes(shape, shape_of(y.type)) if _broadcast(shape, shape_of(y.type)) else None
    if kind < 3 and alike is not None:
        return program.add((AddOp, SubOp, MaxOp)[kind], x, y)
    if kind == 3 and alike is not None:
        return program.add(MulOp, x, y)
    if kind < 6:
        graph = random_graph(shape[-1], int(rng.integers(20)), int(rng.integers(1, 6)), int(rng.integers(99)))
        return program.kernel(x, graph, 2, rng.integers(-9, 9, graph.n_outputs))
    if kind == 6 and len(shape) == 2:
        return program.add(TransposeOp, x, permutation=array([1, 0]))
    if kind == 7:
        return program.add(ConcatOp, x, x, axis=integer(-1))
    if kind == 8 and shape[-1] > 1:
        sizes = [*shape[:-1], shape[-1] - 1]
        starts = [0] * (len(shape) - 1) + [1]
        return program.add(
            SliceOp, x, starts=array(starts), sizes=array(sizes), steps=array([1] * len(shape))
        )
    if kind == 9:
        return program.add(ReshapeOp, x, shape=array([int(np.prod(shape))]))
    if kind == 10:
        return program.add(
            ReduceOp, x, kind=StringAttr("sum"), axes=array([len(shape) - 1]), keep_axes=flag(True)
        )
    if kind == 11:
        weight = program.constant(rng.integers(-8, 8, (shape[-1], 3)), signed(4, 1))
        return program.add(MatMulOp, x, weight) if len(shape) > 1 else program.add(ReluOp, x)
    if kind > 13:
        return _random_layer(program, x, ("latency", "resource")[kind - 14], rng)
    return _random_function(program, x, kind, rng)


def _random_layer(program: Program, x: SSAValue, strategy: str, rng: np.random.Generator) -> SSAValue:
    inputs = shape_of(x.type)[-1]
    weight = program.constant(rng.integers(-8, 8, (inputs, 2)), signed(4, 1))
    reuse = integer(inputs) if strategy == "resource" else None
    return program.add(DenseOp, x, weight, strategy=StringAttr(strategy), reuse_factor=reuse)


def _broadcast(left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(left, right)
    except ValueError:
        return False
    return True


def _random_function(program: Program, x: SSAValue, kind: int, rng: np.random.Generator) -> SSAValue:
    """A function of single elements."""
    shape = shape_of(x.type)
    if kind == 12:
        levels = {"thresholds": array(np.sort(rng.integers(-20, 20, 5))), "base": array(0), "sign": array(1)}
        return program.add(ThresholdOp, x, result=fixed_tensor(shape, unsigned(3, 3)), **levels)
    if kind == 13:
        number_format = format_of(x.type)
        assert number_format is not None
        size = number_format.max_mantissa - number_format.min_mantissa + 1
        table = {"table": array(rng.integers(-8, 8, size)), "low": integer(number_format.min_mantissa)}
        return program.add(
            LookupOp,
            x,
            result=fixed_tensor(shape, signed(4, 2)),
            function=StringAttr("exp"),
            **table,
            mantissa_bits=None,
        )
    return program.add(ReluOp, x)
