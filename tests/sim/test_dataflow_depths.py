"""Depths of FIFOs: they keep what was asked for, and none can lose a beat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netloom.core.dataflow import Fifo, Network, Resample, Sink, Source, Stage
from netloom.sim.dataflow import (
    Deadlock,
    Stall,
    deadlock_under_stalls,
    explain,
    minimum,
    optimise,
    pareto,
    simulate,
    steady,
    throttled,
)
from tests.sim import dataflow_reference as reference
from tests.sim.dataflow_networks import Builder, networks, residual, skip, windowed
from tests.sim.test_dataflow import stalled

GOALS = ["keep_interval_and_latency", "keep_interval", "no_deadlock"]


def smaller_by_one(network: Network, depths: Any) -> Any:
    """Each depth above 1 in turn with one beat less: its FIFO and all depths."""
    for f in np.flatnonzero(depths > 1):
        less = depths.copy()
        less[f] -= 1
        yield int(f), less


def test_the_depth_of_a_skip_connection() -> None:
    """The window's delay, 8 + 1 columns and the stages between, must fit into the skip FIFO."""
    found = optimise(skip(100))
    assert found.depths.tolist() == [2, 2, 2, 2, 19, 2]
    assert (found.outcome.latency, found.outcome.interval) == (85, 65)
    assert (found.bits_before, found.bits) == (8 * 110, 8 * 29)
    skipped = found.fifos[4]
    assert (skipped.name, skipped.before, skipped.after) == ("skip", 100, 19)
    assert skipped.smaller is not None
    assert (skipped.smaller.latency, skipped.smaller.interval) == (91, 71)


def test_one_beat_less_than_the_minimum_deadlocks_and_names_the_fifo() -> None:
    found = minimum(skip(100))
    assert found.depths.tolist() == [1, 1, 1, 1, 10, 1]
    circle = found.fifos[4].smaller
    assert circle is not None
    assert circle.circle == ("skip", "conv_add", "window_conv", "split_window")
    simulate(skip(10, short=1))
    with pytest.raises(Deadlock, match="room in FIFO 'skip'"):
        simulate(skip(9, short=1))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_depths_are_good_and_locally_smallest(data: st.DataObject) -> None:
    """Checked with runs of their own, longer than any repetition of such small networks."""
    network = data.draw(networks(5))
    found = optimise(network)
    aim = found.reference
    kept = steady(network, depths=found.depths)
    assert kept.periodic
    assert kept.latency <= aim.latency
    assert kept.interval <= aim.interval
    for _, less in smaller_by_one(network, found.depths):
        try:
            worse = steady(network, depths=less)
        except Deadlock:
            continue
        stuck = bool(deadlock_under_stalls(network, less))
        assert stuck or not worse.periodic or worse.latency > aim.latency or worse.interval > aim.interval


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_minimum_depths_run_and_smaller_ones_deadlock(data: st.DataObject) -> None:
    """Against the slow simulator; the sources give enough frames to fill every FIFO."""
    network = data.draw(networks(4))
    found = minimum(network)
    assert (simulate(network, 20, depths=found.depths).frame_ends >= 0).all()
    for f, less in smaller_by_one(network, found.depths):
        stuck = found.fifos[f].smaller
        assert stuck is not None and stuck.deadlock
        if stuck.latency < 0:
            with pytest.raises(Deadlock):
                simulate(network, 300, depths=less)
        else:
            assert stuck.circle == deadlock_under_stalls(network, less)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_stalls_can_stop_minimum_depths(data: st.DataObject) -> None:
    network = data.draw(networks(5))
    stalls = {name: [*pattern, True] for name, pattern in stalled(data.draw, network).items()}
    offered = Stall({name: np.array(pattern) for name, pattern in stalls.items()})
    trace = simulate(network, 10, depths=minimum(network).depths, stalls=offered)
    assert (trace.frame_ends >= 0).all()


def late(depth: int) -> Network:
    """A skip connection through a long pipeline, which holds many beats if they come one after the other."""
    shape, build = (8, 8), Builder(2)
    source = build.add(Source(64), shape, name="in")
    split = build.add(Stage(1), shape, source, name="split")
    window = build.add(windowed(shape, (3, 3)), shape, split, name="window")
    side = build.add(Stage(10), shape, split, name="side")
    add = build.add(Stage(1), shape, window, name="add")
    build.fifos.append(Fifo("skip", side[0], add[0], depth, 8, 64))
    build.add(Sink(64), shape, add, name="out")
    return build.network


def test_a_slow_source_deadlocks_where_a_fast_one_does_not() -> None:
    """Beats that come one by one leave the pipeline empty behind the one that waits at its end."""
    found = minimum(late(100))
    depth = int(found.depths[-2])
    said = found.fifos[-2].smaller
    assert found.fifos[-2].name == "skip"
    assert said is not None and said.latency > 0 and "skip" in said.circle
    slow = Stall({"in": np.arange(50) == 0})
    less = found.depths.copy()
    less[-2] -= 1
    steady(late(depth), depths=less)
    with pytest.raises(Deadlock, match="room in FIFO 'skip'"):
        simulate(late(depth), depths=less, stalls=slow)
    simulate(late(depth), depths=found.depths, stalls=slow)


def test_stalls_are_for_edges() -> None:
    with pytest.raises(ValueError, match="'conv' is no source, sink or constant"):
        simulate(skip(100), stalls=Stall({"conv": np.array([True])}))


@pytest.mark.parametrize("goal", GOALS)
def test_a_residual_network(goal: Any) -> None:
    """Each FIFO with one beat less breaks the goal, as the result says."""
    network = residual(2, 12)
    found = optimise(network, goal)
    aim = found.reference
    assert np.array_equal(found.depths, optimise(network, goal).depths)
    for f, less in smaller_by_one(network, found.depths):
        said = found.fifos[f].smaller
        assert said is not None and said.proven
        if said.deadlock and said.latency >= 0:
            assert said.circle == deadlock_under_stalls(network, less)
            continue
        if said.deadlock:
            with pytest.raises(Deadlock):
                steady(network, depths=less)
            continue
        seen = steady(network, depths=less)
        assert (seen.latency, seen.interval) == (said.latency, said.interval)
        assert goal != "no_deadlock"
        late = goal == "keep_interval_and_latency" and seen.latency > aim.latency
        assert late or seen.interval > aim.interval


def test_the_reference_run_keeps_every_cycle_at_its_depths() -> None:
    """The occupancies of the throttled run are depths: the same network stays the same."""
    network = residual(2, 12)
    run = throttled(network)
    found = optimise(network)
    assert run.interval == found.reference.interval
    assert np.array_equal(run.room, [fifo.reference for fifo in found.fifos])
    kept = steady(network, depths=run.room)
    assert (kept.latency, kept.interval) == (found.reference.latency, found.reference.interval)


def test_pareto_points_are_as_said_and_none_beats_another() -> None:
    network = residual(1, 8)
    points = pareto(network, 4)
    assert len(points) > 2
    best, least = optimise(network), minimum(network)
    assert (points[-1].latency, points[-1].interval) == (best.outcome.latency, best.outcome.interval)
    assert points[0].bits <= least.bits
    assert points[-1].bits <= best.bits
    for point in points:
        seen = steady(network, depths=point.depths)
        assert (seen.latency, seen.interval) == (point.latency, point.interval)
        assert point.bits == 8 * point.depths.sum()
        others = [other for other in points if other is not point]
        assert not any(
            other.bits <= point.bits and other.interval <= point.interval and other.latency <= point.latency
            for other in others
        )


def test_unknown_goal() -> None:
    with pytest.raises(ValueError, match="unknown goal 'small'"):
        optimise(skip(100), "small")  # type: ignore[arg-type]


def test_critical_path_adds_up_and_the_bottleneck_is_named() -> None:
    network = residual(2, 12, interval=3)
    found = optimise(network)
    explained = explain(network, steady(network, depths=found.depths))
    on_path = [node for node in explained.nodes if node.critical]
    assert sum(node.latency for node in on_path) == explained.latency
    assert tuple(node.name for node in on_path) == tuple(
        name for name in (node.name for node in explained.nodes) if name in explained.critical_path
    )
    assert explained.bottleneck == "stem"
    assert explained.interval == 3 * 144
    assert not explained.fifos_limit
    by_name = {node.name: node for node in explained.nodes}
    assert by_name["stem"].utilisation == 1
    assert by_name["conv1b"].utilisation == pytest.approx(1 / 4)
    assert by_name["stem"].origins == ()
    assert all(fifo.occupancy <= depth for fifo, depth in zip(explained.fifos, found.depths, strict=True))


def test_too_small_fifos_are_told_from_a_slow_actor() -> None:
    network = skip(100)
    depths = np.array([2, 2, 2, 2, 18, 2])
    assert explain(network, steady(network, depths=depths)).fifos_limit


def test_a_crop_may_end_before_its_input_does() -> None:
    build = Builder()
    source = build.add(Source(64), (8, 8))
    crop = build.add(Resample(8, 8, (0, 1), tuple(range(8))), (2, 8), source)
    stage = build.add(Stage(1), (2, 8), crop)
    build.add(Sink(16), (2, 8), stage)
    trace = simulate(build.network)
    explained = explain(build.network, trace)
    assert explained.nodes[1].latency < 0
    assert sum(node.latency for node in explained.nodes) == trace.latency
    assert trace.latency == reference.run(build.network, 3, {}).latency
