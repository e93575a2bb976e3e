"""The dataflow simulator against the slow one that is written down from the rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netloom.core.dataflow import Constant, Network, Resample, Sink, Source, Stage
from netloom.core.diagnostics import CompileError
from netloom.sim.dataflow import Deadlock, Stall, simulate, steady
from tests.sim import dataflow_reference as reference
from tests.sim.dataflow_networks import Builder, networks, skip

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
