"""From tensors to streams: the meaning stays, every way has one FIFO, and text round-trips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netloom.core.dataflow import Collect, Network, Reduce, Resample, Spread, Stage, Window
from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import StreamType
from netloom.ir.flow import FifoOp, FlowOp, StageOp
from netloom.ir.interpreter import run
from netloom.ir.program import main, program_ops
from netloom.ir.text import parse_module, print_module
from netloom.passes.analysis.network import network
from netloom.passes.manager import PassManager, parse
from netloom.passes.semantics import sample_inputs
from netloom.sim.emulator import Emulator
from tests.passes.streams import folding, image_program

STREAMS = "stream-lower,insert-fifos,schedule-stages"


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_a_stream_carries_what_the_tensor_was(seed: int) -> None:
    module = image_program(seed)
    inputs = [x[:5] for x in sample_inputs(module, seed)]
    expected = run(module, inputs, np.float64)
    PassManager(parse(STREAMS)).run(module)
    for got, emulated, wanted in zip(
        run(module, inputs, np.float64), Emulator(module).run(inputs), expected, strict=True
    ):
        assert np.array_equal(got, wanted)
        assert np.array_equal(emulated, wanted)
    assert print_module(parse_module(print_module(module))) == print_module(module)
    check_network(network(module))


@pytest.mark.filterwarnings("ignore:layer")
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_beats_of_any_size_carry_what_the_tensor_was(seed: int) -> None:
    module = image_program(seed, grouped=True)
    inputs = [x[:5] for x in sample_inputs(module, seed)]
    expected = run(module, inputs, np.float64)
    PassManager(parse(folding(module, seed))).run(module)
    for got, wanted in zip(run(module, inputs, np.float64), expected, strict=True):
        assert np.array_equal(got, wanted)
    PassManager(parse(STREAMS)).run(module)
    for got, emulated, wanted in zip(
        run(module, inputs, np.float64), Emulator(module).run(inputs), expected, strict=True
    ):
        assert np.array_equal(got, wanted)
        assert np.array_equal(emulated, wanted)
    check_network(network(module))


def check_network(found: Network) -> None:
    """Names are unique, and beats fit the actors on both sides of every FIFO."""
    names = [node.name for node in found.nodes]
    assert len(set(names)) == len(names)
    assert len({fifo.name for fifo in found.fifos}) == len(found.fifos)
    for number, node in enumerate(found.nodes):
        before = {fifo.beats for fifo in found.inputs(number)}
        after = {fifo.beats for fifo in found.outputs(number)}
        assert len(before) <= 1 and len(after) <= 1
        if before and after:
            assert after.pop() == beats_after(node.actor, before.pop())


def beats_after(actor: object, beats: int) -> int:
    """Beats that an actor gives for a frame of `beats`."""
    match actor:
        case Stage():
            return beats
        case Collect(count) | Reduce(count):
            return beats // count
        case Spread(count):
            return beats * count
        case Resample():
            return len(actor.rows) * len(actor.columns)
        case Window():
            return actor.out_height * actor.windows
    raise AssertionError(actor)


def test_a_fifo_is_named_once_and_holds_at_least_one_beat() -> None:
    module = image_program(5)
    with pytest.raises(CompileError) as raised:
        PassManager(parse("stream-lower,insert-fifos{depth=0}")).run(module)
    assert raised.value.code == "NL203"


def test_without_fifos_there_is_no_network() -> None:
    module = image_program(5)
    PassManager(parse("stream-lower")).run(module)
    with pytest.raises(CompileError) as raised:
        network(module)
    assert raised.value.code == "NL308"


def test_inserting_fifos_twice_changes_nothing() -> None:
    module = image_program(9)
    PassManager(parse("stream-lower,insert-fifos")).run(module)
    once = print_module(module)
    PassManager(parse("insert-fifos")).run(module)
    assert print_module(module) == once


def test_only_fifos_stand_between_actors() -> None:
    module = image_program(11)
    PassManager(parse(STREAMS)).run(module)
    for op in program_ops(main(module)):
        if isinstance(op, FifoOp):
            assert len(list(op.result.uses)) == 1
        elif isinstance(op, FlowOp):
            streams = [x for x in op.operands if isinstance(x.type, StreamType)]
            assert all(isinstance(x.owner, FifoOp) for x in streams)
        if isinstance(op, StageOp):
            assert op.actor().latency >= 1
