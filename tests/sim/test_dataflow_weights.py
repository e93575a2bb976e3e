"""Stages that read their weights from outside: the simulator against the rules written down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netloom.core.dataflow import Network, Sink, Source, Stage, WeightedStage, WeightPort
from netloom.sim.dataflow import simulate, steady
from netloom.sim.dataflow.intervals import node_intervals
from tests.sim.dataflow_networks import Builder
from tests.sim.test_dataflow import check

patterns = st.lists(st.booleans(), min_size=1, max_size=20)


@st.composite
def ports(draw: Any) -> WeightPort:
    """Words of one or more beats, buffers that just hold a request or many."""
    burst = draw(st.sampled_from((1, 2, 4)))
    depth = draw(st.integers(burst, 3 * burst + 2))
    bits = draw(st.sampled_from((7, 32, 100, 600, 1500)))
    return WeightPort(draw(st.integers(2, 9)), bits, draw(st.integers(1, 20)), burst, depth)


@st.composite
def stages(draw: Any) -> WeightedStage:
    """Stages whose beats do not need words at the same time."""
    port, first = draw(ports()), draw(st.integers(1, 3))
    latency = first + port.words - 1 + draw(st.integers(1, 4))
    return WeightedStage(latency, port.words + draw(st.integers(0, 3)), first=first, port=port)


@st.composite
def networks(draw: Any) -> Network:
    """Chains with one or two such stages."""
    beats = draw(st.integers(1, 5))
    build, shape = Builder(draw(st.integers(1, 3))), (1, beats)
    stream = build.add(Source(beats), shape)
    for actor in draw(st.lists(st.one_of(stages(), st.just(Stage(2, 3))), min_size=1, max_size=3)):
        stream = build.add(actor, shape, stream)
    build.add(Sink(beats), shape, stream)
    return build.network


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_equal_to_the_rules(data: st.DataObject) -> None:
    network = data.draw(networks())
    kinds = Source | Sink | WeightedStage
    names = [node.name for node in network.nodes if isinstance(node.actor, kinds)]
    stalls = {name: data.draw(patterns) for name in names if data.draw(st.booleans())}
    check(network, data.draw(st.integers(1, 4)), stalls)


@settings(max_examples=60, deadline=None)
@given(networks())
def test_what_repeats_goes_on(network: Network) -> None:
    trace = steady(network)
    assert trace.periodic
    frames = len(trace.frame_ends[0][trace.frame_ends[0] >= 0])
    assert np.array_equal(simulate(network, 2 * frames).frame_ends[0, :frames], trace.frame_ends[0, :frames])


def alone(port: WeightPort) -> float | int:
    """Interval of ten beats through a stage that needs a word in each of 20 cycles for a beat."""
    build, shape = Builder(), (1, 10)
    stream = build.add(Source(10), shape)
    stream = build.add(WeightedStage(27, 20, first=1, port=port), shape, stream)
    build.add(Sink(10), shape, stream)
    assert node_intervals(build.network)[1] == steady(build.network).interval
    return steady(build.network).interval


@pytest.mark.parametrize(("bits", "interval"), [(8, 200), (512, 200), (513, 400), (2048, 800)])
def test_a_word_takes_as_many_cycles_as_it_has_beats(bits: int, interval: int) -> None:
    assert alone(WeightPort(20, bits, 32)) == interval


def test_the_buffer_hides_the_latency_of_the_memory() -> None:
    intervals = [alone(WeightPort(20, 100, latency)) for latency in (1, 40, 100, 200)]
    assert intervals[:2] == [200, 200]
    assert 200 < intervals[2] < intervals[3]
    assert alone(WeightPort(20, 100, 200, depth=256)) == 200
