"""The dataflow simulator against the slow one that is written down from the rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netloom.core.dataflow import (
    Collect,
    Constant,
    Fifo,
    Network,
    Node,
    Reduce,
    Resample,
    Sink,
    Source,
    Stage,
)
from netloom.sim.dataflow import Deadlock, Stall, simulate, steady
from netloom.sim.dataflow.intervals import node_intervals
from tests.sim import dataflow_reference as reference
from tests.sim.dataflow_networks import Builder, networks, residual, skip, windowed

patterns = st.lists(st.booleans(), min_size=1, max_size=30)


def stalled(draw: Any, network: Network) -> dict[str, list[bool]]:
    """Random patterns for some of the edges."""
    edges = [node.name for node in network.nodes if isinstance(node.actor, Source | Sink | Constant)]
    return {name: draw(patterns) for name in edges if draw(st.booleans())}


def check(network: Network, frames: int, stalls: dict[str, list[bool]]) -> None:
    """Both simulators show the same in every number."""
    expected = reference.run(network, frames, stalls)
    offered = Stall({name: np.array(pattern) for name, pattern in stalls.items()})
    if expected.stuck is not None:
        with pytest.raises(Deadlock) as error:
            simulate(network, frames, stalls=offered)
        assert error.value.cycle == expected.stuck
        # The rates fit together, so only FIFOs can be at fault, or an outside that is never ready.
        assert error.value.circular or not all(map(any, stalls.values()))
        return
    trace = simulate(network, frames, stalls=offered, record=True)
    assert trace.cycles == expected.cycles
    assert trace.latency == expected.latency
    for name in ("occupancy", "room", "frame_ends", "fired", "blocked", "starved", "starts", "ends"):
        assert np.array_equal(getattr(trace, name), getattr(expected, name)), name
    assert np.array_equal(trace.samples, reference.samples(expected, trace.sample_period))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_equal_to_the_rules(data: st.DataObject) -> None:
    network = data.draw(networks())
    check(network, data.draw(st.integers(1, 3)), stalled(data.draw, network))


def test_equal_to_the_rules_on_a_residual_network() -> None:
    """Long enough for the record to merge its rows, and for alarms of busy stages."""
    network = residual(2, 8, interval=9)
    depths = [Fifo(f.name, f.source, f.target, 30, f.bits, f.beats) for f in network.fifos]
    stalls = {"in": [True] * 5 + [False] * 11, "out": [False] * 40 + [True]}
    deep = Network(network.nodes, tuple(depths))
    check(deep, 3, stalls)
    trace = simulate(deep, 3, record=True, stalls=Stall({n: np.array(p) for n, p in stalls.items()}))
    assert trace.cycles > 2000
    assert trace.sample_period > 1
    assert 1000 <= len(trace.samples) <= 2000


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_chain_never_stops(data: st.DataObject) -> None:
    """Without a join every FIFO may hold a single beat: the rules of no actor alone can deadlock."""
    network = data.draw(networks(joins=False))
    depths = np.ones(len(network.fifos), np.int64)
    trace = simulate(network, 3, depths=depths)
    assert (trace.frame_ends >= 0).all()
    assert (trace.occupancy <= 1).all()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_room_is_enough_for_the_same_run(data: st.DataObject) -> None:
    network = data.draw(networks())
    deep = np.full(len(network.fifos), 1000)
    unlimited = simulate(network, 3, depths=deep)
    same = simulate(network, 3, depths=np.maximum(unlimited.room, 1))
    assert np.array_equal(same.frame_ends, unlimited.frame_ends)
    assert np.array_equal(same.fired, unlimited.fired)
    assert np.array_equal(same.occupancy, unlimited.occupancy)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_a_steady_run_promises_holds_later(data: st.DataObject) -> None:
    """The interval of the repetition is that of a long run, and no FIFO fills further."""
    network = data.draw(networks())
    try:
        found = steady(network)
    except Deadlock as error:
        with pytest.raises(Deadlock, match=f"from cycle {error.cycle} on"):
            simulate(network, 100)
        return
    assert found.periodic
    frames = 240  # a multiple of every short repetition
    trace = simulate(network, 3 * frames)
    ends = trace.frame_ends.max(axis=0)
    assert ends[-1] - ends[-1 - frames] == pytest.approx(frames * found.interval, abs=1e-6)
    assert found.latency == trace.latency
    assert (trace.occupancy <= found.occupancy).all()


def test_stages_and_windows_take_the_cycles_that_their_rules_say() -> None:
    """A chain by hand: the source gives beat 0 in cycle 0; FIFO and stage of latency 3 add 1 and 3 cycles."""
    build = Builder()
    source = build.add(Source(4), (1, 4))
    stage = build.add(Stage(3), (1, 4), source)
    build.add(Sink(4), (1, 4), stage)
    trace = simulate(build.network)
    assert trace.starts.tolist() == [0, 4, 5]
    assert trace.frame_ends.tolist() == [[8, 12, 16]]
    assert (trace.latency, trace.interval, trace.cycles) == (8, 4, 17)


def test_a_stalled_source_is_not_counted_before_its_first_beat() -> None:
    build = Builder()
    source = build.add(Source(4), (1, 4), name="in")
    build.add(Sink(4), (1, 4), source)
    late = Stall({"in": np.array([False] * 10 + [True] * 90)})
    trace = simulate(build.network, 1, stalls=late)
    assert (trace.latency, trace.cycles) == (4, 15)


@pytest.mark.parametrize(
    ("actor", "beats", "interval"),
    [
        (windowed((32, 32), (3, 3)), 1024, 1025),
        (windowed((32, 32), (3, 3), (2, 2)), 256, 1024),
        (windowed((16, 1), (3, 1)), 16, 16),
        (Resample(8, 8, tuple(i // 2 for i in range(16)), tuple(i // 2 for i in range(16))), 256, 256),
        (Resample(8, 8, tuple(range(1, 7)), tuple(range(1, 7))), 36, 64),
        (Stage(5, 7), 64, 448),
        (Reduce(64), 1, 64),
        (Collect(4), 16, 64),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, int) else str(value),
)
def test_the_interval_of_an_actor_alone(actor: Any, beats: int, interval: int) -> None:
    pixels = actor.height * actor.width if hasattr(actor, "height") else 64
    nodes = (Node("in", Source(pixels)), Node("actor", actor), Node("out", Sink(beats)))
    network = Network(nodes, (Fifo("a", 0, 1, 2, 8, pixels), Fifo("b", 1, 2, 2, 8, beats)))
    assert node_intervals(network)[1] == interval
    assert steady(network).interval == interval


def test_a_deadlock_names_the_circle_of_fifos() -> None:
    with pytest.raises(Deadlock) as error:
        simulate(skip(8))
    assert str(error.value) == (
        "[NL309] at 'split': from cycle 11 on nothing moves, because of a circle: "
        "'split' waits for room in FIFO 'skip' (full, depth 8); "
        "'add' waits for a beat from FIFO 'conv_add' (empty); "
        "'conv' waits for a beat from FIFO 'window_conv' (empty); "
        "'window' waits for a beat from FIFO 'split_window' (empty).\n"
        "  to do: make 'skip' deeper, or let optimize-fifos choose the depths."
    )
    assert error.value.fifos == ("skip", "conv_add", "window_conv", "split_window")


def test_a_frame_that_lacks_beats_is_told_from_a_deadlock() -> None:
    build = Builder()
    source = build.add(Source(4), (1, 4))
    half = build.add(Reduce(3), (1, 2), source)
    build.add(Sink(2), (1, 2), half)
    with pytest.raises(Deadlock, match="frames are not complete: 'reduce1' waits for a beat") as error:
        simulate(build.network, 1)
    assert "to do: a frame's beats do not fit together" in str(error.value)


def test_a_limit_stops_a_run() -> None:
    trace = simulate(skip(100), 2, limit=50)
    assert (trace.cycles, trace.latency, trace.interval) == (50, -1, 0)
    assert (trace.frame_ends == -1).all()


def test_depths_are_checked() -> None:
    with pytest.raises(ValueError, match="6 depths of at least 1 are needed"):
        simulate(skip(8), depths=np.zeros(6, np.int64))
    with pytest.raises(ValueError, match="at least one frame"):
        simulate(skip(8), 0)


def test_thousand_layers_take_moments() -> None:
    """2001 FIFOs and 100 million actor cycles; the time is not asserted, but that it ends is."""
    shape, build = (32, 32), Builder()
    stream = build.add(Source(1024), shape)
    for _ in range(1000):
        stream = build.add(Stage(6), shape, build.add(windowed(shape, (3, 3)), shape, stream))
    build.add(Sink(1024), shape, stream)
    trace = simulate(build.network, 2, record=True)
    assert trace.interval == 1025
    assert len(trace.samples) <= 2000
    assert np.array_equal(trace.samples.max(axis=0), trace.occupancy)
