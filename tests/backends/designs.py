"""Small programs for the backend's tests: build, schedule, emit, simulate, compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import BoolAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.ir import SSAValue

from netloom.backends.vhdl.emit import emit
from netloom.backends.vhdl.options import VhdlOptions
from netloom.core.adder_graph import AdderGraph
from netloom.core.fixed import Format
from netloom.core.plan import BuildPlan
from netloom.ir import interpreter
from netloom.ir.attributes import ArrayAttr, fixed_tensor
from netloom.ir.base import NetloomOp, make
from netloom.ir.da import kernel_from_graph
from netloom.ir.fx import CastOp, constant_mantissas
from netloom.ir.program import finish_function, new_function
from netloom.passes.schedule import SchedulePass
from netloom.sim.ghdl import GhdlSimulator
from netloom.sim.result import SimulationResult

Ints = NDArray[np.int64]


def signed(width: int, integer: int) -> Format:
    return Format(width, integer, True)


def unsigned(width: int, integer: int) -> Format:
    return Format(width, integer, False)


class Program:
    """A fixed-point program under construction; its arguments are hardware ports."""

    def __init__(self, inputs: Sequence[tuple[Sequence[int], Format]], name: str = "design") -> None:
        types = [(f"x{n}", fixed_tensor(shape, f)) for n, (shape, f) in enumerate(inputs)]
        self.module, self.function = new_function(types, batched=False, source_name=name)
        self.inputs: tuple[SSAValue, ...] = tuple(self.function.body.block.args)
        self._outputs: list[tuple[str, SSAValue]] = []

    def insert(self, op: NetloomOp) -> SSAValue:
        self.function.body.block.add_op(op)
        return op.results[0]

    def add(self, op: type[NetloomOp], /, *operands: SSAValue, result: Any = None, **props: Any) -> SSAValue:
        origin = f"{op.name.split('.')[1]}_{len(list(self.function.body.block.ops))}"
        return self.insert(make(op, list(operands), origin=origin, result=result, **props))

    def cast(self, x: SSAValue, f: Format, rounding: str = "TRN", overflow: str = "WRAP") -> SSAValue:
        shape = x.type.get_shape()  # type: ignore[attr-defined]
        modes = {"rounding": StringAttr(rounding), "overflow": StringAttr(overflow)}
        return self.add(CastOp, x, result=fixed_tensor(shape, f), **modes)

    def constant(self, values: Ints, f: Format) -> SSAValue:
        return self.insert(constant_mantissas(values, f, "constant"))

    def kernel(self, x: SSAValue, graph: AdderGraph, fraction: int, bias: Ints | None) -> SSAValue:
        return self.insert(kernel_from_graph(x, graph, fraction, bias, "dense"))

    def output(self, value: SSAValue, name: str = "") -> None:
        self._outputs.append((name or f"y{len(self._outputs)}", value))

    def finish(self) -> ModuleOp:
        finish_function(self.function, self._outputs)
        self.module.verify()
        return self.module


def scheduled(module: ModuleOp, clock_period_ns: float = 5.0, **options: Any) -> ModuleOp:
    SchedulePass(clock_period_ns=clock_period_ns, **options).apply(Context(), module)
    module.verify()
    return module


def project(module: ModuleOp, clock_period_ns: float = 5.0, **options: Any) -> BuildPlan:
    return emit(scheduled(module, clock_period_ns, **options), VhdlOptions(clock_period_ns=clock_period_ns))


def samples(simulator: GhdlSimulator, count: int, seed: int) -> list[Ints]:
    """All lowest, all highest, alternating both ways, zero; then random."""
    rng = np.random.default_rng(seed)
    tensors: list[Ints] = []
    for port in simulator.inputs:
        low, high = port.format.min_mantissa, port.format.max_mantissa
        values = rng.integers(low, high, (count, *port.shape), dtype=np.int64, endpoint=True)
        flat = values.reshape(count, -1)
        flat[0], flat[1], flat[4] = low, high, 0
        flat[2, ::2], flat[2, 1::2], flat[3, ::2], flat[3, 1::2] = low, high, high, low
        tensors.append(values)
    return tensors


def check(
    module: ModuleOp,
    clock_period_ns: float = 5.0,
    count: int = 24,
    stall_seeds: Sequence[int] = (0,),
    **options: Any,
) -> list[SimulationResult]:
    """The design gives the interpreter's mantissas, with the predicted latency and interval."""
    plan = project(module, clock_period_ns, **options)
    results: list[SimulationResult] = []
    with GhdlSimulator(plan, timeout_s=300) as simulator:
        inputs = samples(simulator, count, seed=count)
        expected = interpreter.run(module, inputs, np.int64)
        for seed in stall_seeds:
            result = simulator.run(inputs, stall_seed=seed)
            for port, got, want in zip(simulator.outputs, result.outputs, expected, strict=True):
                assert np.array_equal(got, want), f"{port.name}: {np.argwhere(got != want)[:3]}"
            assert result.latency_cycles == int(plan.properties["latency_cycles"])
            assert seed or result.interval == int(plan.properties["interval_cycles"])
            results.append(result)
    return results


def integer(value: int) -> IntegerAttr[Any]:
    return IntegerAttr(value, 64)


def flag(value: bool) -> BoolAttr:
    return BoolAttr.from_bool(value)


def array(values: Any) -> ArrayAttr:
    return ArrayAttr.of(np.asarray(values))


def random_graph(inputs: int, adders: int, outputs: int, seed: int) -> AdderGraph:
    """Any network is a legal one; this one has shifts, subtractions, negations and a zero output."""
    rng = np.random.default_rng(seed)
    ends = inputs + np.arange(adders)
    starts = np.maximum(0, ends - 3 * inputs)
    nodes = rng.integers(max(0, adders - outputs), inputs + adders, outputs)
    if outputs > 2:
        nodes[-1] = -1
    return AdderGraph(
        inputs,
        rng.integers(starts, ends),
        rng.integers(starts, ends),
        rng.integers(0, 2, adders),
        rng.integers(0, 3, adders),
        rng.integers(0, 2, adders).astype(np.bool_),
        nodes,
        rng.integers(0, 3, outputs),
        rng.integers(0, 2, outputs).astype(np.bool_),
    )
