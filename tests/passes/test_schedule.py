"""Pipeline registers: as many as the clock needs, balanced, and few bits of them."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import BoolAttr, StringAttr
from xdsl.utils.arg_spec import parse_pipeline

import netloom
from netloom.core.devices import DEVICES, find_device
from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import ArrayAttr, fixed_tensor, real_tensor
from netloom.ir.base import NetloomOp, make
from netloom.ir.da import KernelOp
from netloom.ir.fx import CastOp, DequantizeOp, QuantizeOp
from netloom.ir.nn import AddOp, ConcatOp, MulOp, ReduceOp, ReluOp, ReshapeOp
from netloom.ir.program import finish_function, main, new_function, notes
from netloom.ir.text import parse_module, print_module
from netloom.passes.analysis.hardware import PortInfo, hardware
from netloom.passes.analysis.kernel_timing import (
    KernelNodes,
    KernelStages,
    kernel_nodes,
    kernel_stages,
    registers,
)
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.analysis.retiming import fewest_registers
from netloom.passes.analysis.scheduled import required_timing
from netloom.passes.schedule import SchedulePass
from tests.backends.designs import (
    Program,
    array,
    flag,
    integer,
    random_graph,
    scheduled,
    signed,
    unsigned,
)
from tests.shared import EXAMPLE


def cycles(op: Any, name: str) -> int:
    return int(op.attributes[name].value.data)


def only(module: Any, kind: type[NetloomOp]) -> Any:
    (found,) = [op for op in main(module).body.block.ops if isinstance(op, kind)]
    return found


def reduction(elements: int = 64) -> Program:
    program = Program([((elements,), signed(8, 3))])
    program.output(
        program.add(
            ReduceOp, program.inputs[0], kind=StringAttr("sum"), axes=array([0]), keep_axes=flag(False)
        )
    )
    return program


def test_the_pass_is_text_and_back() -> None:
    chosen = SchedulePass(2.5, "pynq-z2", register_inputs=True, register_outputs=False)
    (spec,) = parse_pipeline(str(chosen.spec()))
    assert SchedulePass.from_spec(spec) == chosen
    (spec,) = parse_pipeline("schedule{clock-period-ns=2.5 device=pynq-z2 register-inputs=true}")
    assert SchedulePass.from_spec(spec) == SchedulePass(2.5, "pynq-z2", register_inputs=True)


def test_a_slow_clock_needs_only_the_output_register() -> None:
    module = scheduled(reduction().finish(), clock_period_ns=100.0)
    assert cycles(main(module), "latency_cycles") == 1
    assert cycles(main(module), "interval_cycles") == 1
    assert only(module, ReduceOp).attributes["step_stages"] == array([0] * 6)


def test_a_fast_clock_registers_every_level_of_a_tree() -> None:
    module = scheduled(reduction().finish(), clock_period_ns=0.8)
    assert only(module, ReduceOp).attributes["step_stages"] == array([0, 1, 2, 3, 4, 5])
    assert cycles(main(module), "latency_cycles") == 6


def test_port_registers_are_optional() -> None:
    latencies = {
        (inputs, outputs): cycles(
            main(scheduled(reduction().finish(), 100.0, register_inputs=inputs, register_outputs=outputs)),
            "latency_cycles",
        )
        for inputs in (False, True)
        for outputs in (False, True)
    }
    assert latencies == {(False, False): 0, (False, True): 1, (True, False): 1, (True, True): 2}


def test_logic_is_chained_across_layers() -> None:
    program = Program([((4,), signed(8, 3))])
    x = program.inputs[0]
    for _ in range(3):
        x = program.add(AddOp, x, x)
    program.output(x)
    module = scheduled(program.finish(), clock_period_ns=1.6)
    # Two sums fit into one cycle; the register stands before the second, which is wider.
    assert [cycles(op, "start_cycle") for op in hardware(module).ops] == [0, 1, 1]
    assert cycles(main(module), "latency_cycles") == 2


def test_operands_of_one_op_wait_for_each_other() -> None:
    program = Program([((64,), signed(8, 3)), ((1,), signed(8, 3))])
    x, y = program.inputs
    total = program.add(ReduceOp, x, kind=StringAttr("sum"), axes=array([0]), keep_axes=flag(True))
    program.output(program.add(AddOp, total, y))
    module = scheduled(program.finish(), clock_period_ns=1.0)
    reduce, add = only(module, ReduceOp), only(module, AddOp)
    assert cycles(add, "start_cycle") >= cycles(reduce, "start_cycle") + cycles(reduce, "latency_cycles") > 0


def test_registers_stand_where_the_tensor_is_narrow() -> None:
    # The sum fits no more behind the chain. Its operand is 16 times wider behind the concatenation.
    program = Program([((2,), signed(4, 2))])
    x = program.inputs[0]
    narrow = program.add(ReluOp, program.add(AddOp, x, x))
    wide = program.add(ConcatOp, *[narrow] * 16, axis=integer(0))
    program.output(program.add(AddOp, wide, wide))
    module = scheduled(program.finish(), clock_period_ns=1.3)
    assert [cycles(op, "start_cycle") for op in hardware(module).ops] == [0, 0, 1, 1]


def test_what_one_cycle_cannot_hold_is_noted() -> None:
    program = Program([((2,), signed(20, 3)), ((2,), signed(20, 3))])
    program.output(program.add(MulOp, *program.inputs))
    module = scheduled(program.finish(), clock_period_ns=1.0)
    (note,) = notes(module)
    assert note.origin == "mul_0"
    assert note.text == (
        "nn.mul is estimated to need 2.88 ns in one step, more than the 0.75 ns of a clock cycle"
    )


def test_a_clock_period_without_time_for_logic_is_refused() -> None:
    with pytest.raises(CompileError) as error:
        scheduled(reduction().finish(), clock_period_ns=0.25)
    assert str(error.value) == (
        "[NL203] at 'clock_period_ns': a clock period of 0.25 ns leaves no time for logic\n"
        "  supported: more than 0.25 ns on xcvu9p"
    )


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(CompileError, match=r"\[NL206\] at 'device': unknown device 'virtex'"):
        scheduled(reduction().finish(), device="virtex")


def test_a_schedule_survives_printing_and_parsing() -> None:
    program = Program([((4,), signed(6, 3))])
    program.output(program.kernel(program.inputs[0], random_graph(4, 12, 5, 0), 2, None))
    module = scheduled(program.finish(), clock_period_ns=1.0)
    text = print_module(module)
    assert print_module(parse_module(text)) == text
    kernel = only(parse_module(text), KernelOp)
    assert isinstance(kernel.attributes["node_stages"], ArrayAttr)
    assert kernel.attributes["node_stages"].values.shape == (16,)
    assert kernel.attributes["output_stages"].values.shape == (5,)


@given(
    seed=st.integers(0, 10_000),
    adders=st.integers(0, 40),
    start_ns=st.floats(0.0, 2.0),
    budget_ns=st.floats(0.6, 4.0),
    device=st.sampled_from(sorted(DEVICES)),
)
@settings(max_examples=60)
def test_kernel_stages_keep_to_the_clock(
    seed: int, adders: int, start_ns: float, budget_ns: float, device: str
) -> None:
    program = Program([((4,), signed(6, 3))])
    program.output(
        program.kernel(program.inputs[0], random_graph(4, adders, 5, seed), 2, np.array([1, 0, -9, 0, 3]))
    )
    module = program.finish()
    kernel = only(module, KernelOp)
    nodes = kernel_nodes(kernel, value_intervals(module)[kernel.input], find_device(device))
    plan = kernel_stages(nodes, start_ns, budget_ns)
    check_stages(nodes, plan, start_ns, budget_ns)
    fewest = fewest_registers(nodes, plan, start_ns, budget_ns)
    check_stages(nodes, fewest, start_ns, budget_ns)
    assert fewest.latency_cycles == plan.latency_cycles
    assert fewest.register_bits <= plan.register_bits
    finish = finish_times(nodes, fewest, start_ns)
    last = [n for n in range(nodes.n_values, len(nodes.bits)) if fewest.stages[n] == plan.latency_cycles]
    assert max((finish[n] for n in last), default=0.0) <= plan.finish_ns + 1e-9


@given(seed=st.integers(0, 10_000), adders=st.integers(0, 6), budget_ns=st.floats(0.6, 2.0))
@settings(max_examples=40)
def test_no_other_stages_have_fewer_registers(seed: int, adders: int, budget_ns: float) -> None:
    program = Program([((3,), signed(6, 3))])
    program.output(program.kernel(program.inputs[0], random_graph(3, adders, 2, seed), 2, np.zeros(2, int)))
    module = program.finish()
    kernel = only(module, KernelOp)
    nodes = kernel_nodes(kernel, value_intervals(module)[kernel.input], find_device("xcvu9p"))
    plan = kernel_stages(nodes, 0.0, budget_ns)
    fewest = fewest_registers(nodes, plan, 0.0, budget_ns)
    moving = [n for n, operands in enumerate(nodes.operands) if operands]
    for choice in product(range(plan.latency_cycles + 1), repeat=len(moving)):
        stages = list(plan.stages)
        for node, stage in zip(moving, choice, strict=True):
            stages[node] = stage
        if all(stages[o] <= stages[n] for n in moving for o in nodes.operands[n]):
            other = registers(nodes, stages, plan.end)
            if keeps_to_the_clock(nodes, other, 0.0, budget_ns):
                assert fewest.register_bits <= other.register_bits


def finish_times(nodes: KernelNodes, plan: KernelStages, start_ns: float) -> list[float]:
    """When each node is ready within its stage."""
    finish: list[float] = []
    for node, operands in enumerate(nodes.operands):
        since = start_ns if node < nodes.n_inputs else 0.0
        if operands:
            since = max((finish[o] for o in operands if plan.stages[o] == plan.stages[node]), default=0.0)
        finish.append(since + nodes.delay_ns[node])
    return finish


def keeps_to_the_clock(nodes: KernelNodes, plan: KernelStages, start_ns: float, budget_ns: float) -> bool:
    """Whether no stage has a path that is too long, or ends later than the plan says."""
    finish = finish_times(nodes, plan, start_ns)
    for node, operands in enumerate(nodes.operands):
        delay, now = nodes.delay_ns[node], finish[node]
        alone = now - delay < 1e-9 or delay == 0.0
        if operands and now > budget_ns + 1e-9 and not alone:
            return False
        at_end = node >= nodes.n_values and plan.stages[node] == plan.latency_cycles
        if at_end and now > plan.finish_ns + 1e-9:
            return False
    return True


def check_stages(nodes: KernelNodes, plan: KernelStages, start_ns: float, budget_ns: float) -> None:
    """Operands come first, the clock is kept, and the count of registers is right."""
    ready: list[tuple[int, float]] = []
    for node, operands in enumerate(nodes.operands):
        stage, since = plan.stages[node], start_ns if node < nodes.n_inputs else 0.0
        if node >= nodes.n_inputs:
            assert all(plan.stages[operand] <= stage for operand in operands)
            since = max((ready[o][1] for o in operands if plan.stages[o] == stage), default=0.0)
        finish = since + nodes.delay_ns[node]
        if operands:
            assert finish <= budget_ns + 1e-9 or since == 0.0 or nodes.delay_ns[node] == 0.0
        ready.append((stage, finish))
    assert max(plan.stages) == plan.latency_cycles
    spans = np.array(plan.last_use) - np.array(plan.stages)
    assert spans.min() >= 0
    assert plan.register_bits == int((spans * np.array(nodes.bits)).sum())


def quantizer(program_input: Any, fmt: Any, origin: str) -> QuantizeOp:
    low, high = fmt.min_mantissa, fmt.max_mantissa
    return make(
        QuantizeOp,
        [program_input],
        origin=origin,
        result=fixed_tensor(program_input.type.get_shape(), fmt),
        scale=array(fmt.step),
        zero_point=array(0.0),
        low=array(float(low)),
        high=array(float(high)),
        rounding=StringAttr("RND_CONV"),
        overflow=StringAttr("SAT"),
        round_first=BoolAttr.from_bool(False),
    )


def real_program() -> tuple[Any, Any, list[Any]]:
    """Two quantizers of one input, one of another, a decoded output and a fixed-point one."""
    module, function = new_function(
        [("jet", real_tensor((1, 3))), ("unused", real_tensor((1, 2))), ("track", real_tensor((1, 3)))],
        batched=True,
    )
    jet, _, track = function.body.block.args
    ops: list[Any] = [
        quantizer(track, signed(5, 2), "t"),
        quantizer(jet, signed(6, 2), "j"),
        quantizer(jet, unsigned(4, 1), "k"),
    ]
    ops.append(make(AddOp, [ops[0].result, ops[1].result]))
    ops.append(make(AddOp, [ops[3].result, ops[2].result]))
    ops.append(make(DequantizeOp, [ops[4].result], scale=array(1.0), offset=array(0.0)))
    ops.append(make(ReshapeOp, [ops[5].result], shape=array([1, 1, 3])))
    for op in ops:
        function.body.block.add_op(op)
    return module, function, ops


def test_ports_are_where_numbers_become_fixed_and_real_again() -> None:
    module, function, ops = real_program()
    finish_function(function, [("score", ops[6].result), ("sum", ops[3].result)])
    program = hardware(module)
    assert [port.name for port in program.ports] == ["jet", "jet_1", "track", "score", "sum"]
    assert [value for value, _ in program.outputs] == [ops[4].result, ops[3].result]
    assert list(program.ops) == [ops[3], ops[4]]
    assert PortInfo.from_json(PortInfo.to_json(program.ports)) == program.ports


def test_the_host_cannot_compute_in_the_middle() -> None:
    module, function, ops = real_program()
    again = quantizer(ops[5].result, signed(4, 2), "again")
    function.body.block.add_op(again)
    finish_function(function, [("y", again.result), ("z", ops[4].result)])
    with pytest.raises(CompileError) as error:
        hardware(module)
    assert str(error.value) == (
        "[NL308] at 'again': fx.quantize quantizes a real number that the hardware computed\n"
        "  supported: fixed-point values between quantizers of inputs and decoders of outputs\n"
        "  to do: make it an fx.cast or fx.threshold"
    )


def test_ranges_stay_within_declared_formats() -> None:
    program = Program([((3,), signed(6, 2))])
    x = program.inputs[0]
    cast = program.cast(x, signed(4, 2), "RND", "SAT")
    total = program.add(AddOp, cast, cast)
    program.output(total)
    module = program.finish()
    intervals = value_intervals(module)
    assert intervals[x].bounds == (-32, 31)
    assert intervals[only(module, CastOp).result].bounds == (-8, 7)
    assert intervals[total].bounds == (-16, 14)


def test_a_wished_latency_has_the_shortest_clock_period_that_keeps_it() -> None:
    periods: list[float] = []
    for wish in (1, 2, 3):
        module = scheduled(reduction().finish(), clock_period_ns=1000.0, latency_cycles=wish)
        assert cycles(main(module), "latency_cycles") <= wish
        periods.append(required_timing(module).clock_period_ns)
        shorter = scheduled(reduction().finish(), clock_period_ns=periods[-1] - 0.02)
        assert cycles(main(shorter), "latency_cycles") > wish
        same = scheduled(reduction().finish(), clock_period_ns=periods[-1])
        assert cycles(main(same), "latency_cycles") == cycles(main(module), "latency_cycles")
        assert any("latency allow a clock period" in note.text for note in notes(module))
    assert periods == sorted(periods, reverse=True)


def test_a_wish_for_more_cycles_than_steps_stops_at_the_slowest_step() -> None:
    period = required_timing(scheduled(reduction().finish(), latency_cycles=50)).clock_period_ns
    device = find_device("xcvu9p")
    slowest = device.adder_ns(8 + 6) + device.clock_overhead_ns
    assert slowest <= period < slowest + 0.02


def test_a_latency_that_no_clock_gives_is_refused() -> None:
    with pytest.raises(CompileError, match="a latency of 1 cycles") as raised:
        scheduled(reduction().finish(), latency_cycles=1, register_inputs=True)
    assert raised.value.code == "NL203"
    assert "2 or more cycles" in str(raised.value.supported)


@pytest.mark.parametrize("wish", [30, 31])
def test_a_wish_counts_registers_inside_of_ops(wish: int) -> None:
    options = {"strategy": "resource", "reuse_factor": 4, "register_inputs": True}
    design = netloom.compile(EXAMPLE / "model.onnx", latency_cycles=wish, **options)
    assert design.report().latency_cycles <= wish
