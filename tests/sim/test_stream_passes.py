"""Depths of FIFOs as a pass, proved in GHDL; and what the passes refuse."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import IntegerAttr, ModuleOp

from netloom.backends.vhdl.emit import emit
from netloom.backends.vhdl.options import VhdlOptions
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format, Overflow, Rounding
from netloom.ir.nn import AddOp, DenseOp, ReshapeOp, WindowOp
from netloom.ir.program import main, notes, program_ops
from netloom.passes.analysis.network import fifos, network
from netloom.passes.analysis.scheduled import required_timing
from netloom.passes.manager import PassManager, parse
from netloom.passes.semantics import sample_inputs
from netloom.sim.dataflow.deadlock import Deadlock
from netloom.sim.dataflow.simulator import simulate
from netloom.sim.emulator import Emulator
from netloom.sim.ghdl import GhdlSimulator
from netloom.sim.ports import encode, output_mantissas
from netloom.testing.program import Port, Program


def skip_connection() -> ModuleOp:
    """x + conv(x) on 6 x 6 pixels: the way round the line buffer needs room."""
    program = Program([("x", Port((1, 6, 6, 2), Format(4, 2)))], name="skip")
    (x,) = program.inputs
    program.origin = "conv"
    geometry = {"kernel": [3, 3], "strides": [1, 1], "dilations": [1, 1], "padding": [1, 1, 1, 1]}
    windows = program.add(WindowOp, x, fill="zero", **geometry)
    rows = program.add(ReshapeOp, windows, shape=[1, 6, 6, 18])
    weight = program.constant(np.arange(36).reshape(18, 2) % 7 - 3, Format(3, 3))
    y = program.add(DenseOp, rows, weight, strategy="latency")
    program.origin = "skip"
    program.output(program.add(AddOp, x, program.cast(y, Format(6, 4), Rounding.RND, Overflow.SAT)), "y")
    return program.finish()


STREAMS = "stream-lower,insert-fifos,schedule-stages"


def streaming(depth: str) -> ModuleOp:
    module = skip_connection()
    PassManager(parse(f'{STREAMS},optimize-fifos{{depth="{depth}"}},predict-timing')).run(module)
    return module


def depths(module: ModuleOp) -> dict[str, int]:
    return {fifo.label.data: fifo.depth.value.data for fifo in fifos(module)}


def test_depths_keep_latency_and_interval_and_one_beat_less_does_not() -> None:
    module = streaming("fast")
    found = network(module)
    best = simulate(found, 6)
    deep = simulate(found, 6, depths=np.full(len(found.fifos), 1000))
    assert (best.latency, best.interval) == (deep.latency, deep.interval)
    assert required_timing(module).latency_cycles == best.latency
    assert required_timing(module).interval_cycles == best.interval
    assert [note.origin for note in notes(module)] == ["fifos"]
    for index, fifo in enumerate(found.fifos):
        if fifo.depth == 1:
            continue
        less = np.array([each.depth - (each is fifo) for each in found.fifos])
        try:
            worse = simulate(found, 6, depths=less)
        except Deadlock:
            continue
        assert (worse.latency, worse.interval) > (best.latency, best.interval), (index, fifo)


def test_ghdl_stops_where_the_simulator_finds_a_deadlock() -> None:
    module = streaming("small")
    least = depths(module)
    skip = next(fifo for fifo in fifos(module) if fifo.label.data == "conv_in2")
    inputs = [x[:3] for x in sample_inputs(module, 1)]
    emulator = Emulator(module)
    ports, wanted = encode(module, emulator, inputs), output_mantissas(module, emulator, inputs)
    plan = emit(module, VhdlOptions(io="stream"))
    with GhdlSimulator(plan) as simulator:
        assert np.array_equal(simulator.run(ports, wanted).outputs[0], wanted[0])
    skip.depth = IntegerAttr(least["conv_in2"] - 1, 64)
    with pytest.raises(Deadlock) as raised:
        simulate(network(module), 3)
    assert raised.value.code == "NL309"
    assert "conv_in2" in str(raised.value)
    with GhdlSimulator(emit(module, VhdlOptions(io="stream"))) as simulator:
        with pytest.raises(CompileError) as failed:
            simulator.run(ports, wanted)
        assert failed.value.code == "NL602"


def test_goals_trade_depth_for_time() -> None:
    fast, interval, small = (network(streaming(goal)).bits for goal in ("fast", "interval", "small"))
    assert fast >= interval >= small


def test_single_fifos_may_have_depths_of_their_own() -> None:
    module = streaming("20; conv_in=7; y*=9")
    assert depths(module) == {"conv_window_in": 20, "conv_in": 7, "conv_in2": 20, "y_sink_in": 9}


@pytest.mark.parametrize(
    ("depth", "code", "part"),
    [
        ("fats", "NL203", "did you mean 'fast'?"),
        ("0", "NL203", "'0' is no depth of a FIFO"),
        ("conv_in=fast", "NL203", "'fast' is no depth of a FIFO"),
        ("fast; nothing*=3", "NL202", "nothing*"),
    ],
)
def test_depths_that_do_not_exist_are_refused(depth: str, code: str, part: str) -> None:
    with pytest.raises(CompileError) as raised:
        streaming(depth)
    assert raised.value.code == code
    assert part in str(raised.value)


@pytest.mark.parametrize("options", ["form=rows", "interval=-1"])
def test_balance_layers_refuses_what_does_not_exist(options: str) -> None:
    with pytest.raises(CompileError) as raised:
        PassManager(parse(f"balance-layers{{{options}}}")).run(skip_connection())
    assert raised.value.code == "NL203"


def wide(strategy: str) -> ModuleOp:
    """A layer of 2048 weights behind an image of 64 pixels, which it sees as 4."""
    program = Program([("x", Port((1, 8, 8, 8), Format(4, 2)))], name="wide")
    (x,) = program.inputs
    program.origin = "conv"
    geometry = {"kernel": [4, 4], "strides": [4, 4], "dilations": [1, 1], "padding": [0, 0, 0, 0]}
    rows = program.add(ReshapeOp, program.add(WindowOp, x, fill="zero", **geometry), shape=[1, 2, 2, 128])
    weight = program.constant(np.arange(2048).reshape(128, 16) % 15 - 7, Format(4, 4))
    program.output(program.add(DenseOp, rows, weight, strategy=strategy), "y")
    return program.finish()


@pytest.mark.parametrize(
    ("options", "strategy", "factor"),
    [
        ("form=stream", "resource", 16),
        ("form=stream interval=4", "adder_graph", None),
        # Eight cycles for weights of 4 bits: shared adders are the cheaper.
        ("form=stream interval=32", "adder_graph", None),
        ("form=stream interval=1000", "resource", 128),
        ("form=parallel", "adder_graph", None),
    ],
)
def test_a_layer_uses_the_cycles_that_it_has(options: str, strategy: str, factor: int | None) -> None:
    module = wide("auto")
    PassManager(parse(f"balance-layers{{{options}}}")).run(module)
    (layer,) = (op for op in program_ops(main(module)) if isinstance(op, DenseOp))
    assert layer.strategy.data == strategy
    assert (layer.reuse_factor.value.data if layer.reuse_factor else None) == factor


def test_quick_depths_are_as_fast_but_not_as_small() -> None:
    quick, fast = network(streaming("quick")), network(streaming("fast"))
    assert quick.bits >= fast.bits
    first, second = simulate(quick, 6), simulate(fast, 6)
    assert (first.latency, first.interval) == (second.latency, second.interval)


def test_balanced_branches_meet_at_full_speed() -> None:
    module = skip_connection()
    PassManager(parse(f"{STREAMS},balance-branches")).run(module)
    found = network(module)
    balanced = simulate(found, 6)
    deep = simulate(found, 6, depths=np.full(len(found.fifos), 1000))
    assert (balanced.latency, balanced.interval) == (deep.latency, deep.interval)
    assert depths(module)["conv_window_in"] == depths(module)["y_sink_in"] == 2
