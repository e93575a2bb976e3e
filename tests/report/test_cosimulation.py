"""Depths from GHDL: as fast as deep FIFOs, and not smaller than what the dataflow simulator finds."""

from __future__ import annotations

import numpy as np
import pytest

import netloom
from netloom.core.diagnostics import CompileError
from tests.sim.test_stream_passes import STREAMS, skip_connection

PIPELINE = f"{STREAMS},optimize-fifos,predict-timing"
X = np.random.default_rng(3).normal(size=(3, 1, 6, 6, 2))


def test_ghdl_fills_fifos_and_confirms_the_depths() -> None:
    design = netloom.compile(skip_connection(), io="stream", pipeline=PIPELINE)
    found, measured = design.cosimulate_fifos(X)
    assert measured.as_fast
    assert measured.latency[0] == design.report().latency_cycles
    assert measured.bits < measured.bits_before
    least = {fifo.name: fifo.depth for fifo in design.dataflow().fifos}
    assert {fifo.name: fifo.depth for fifo in found.dataflow().fifos} == measured.depths
    assert measured.depths["conv_in2"] >= least["conv_in2"]
    assert np.array_equal(found.simulate(X), design.predict(X))


def test_a_parallel_design_has_no_fifos_to_fill() -> None:
    with pytest.raises(CompileError) as raised:
        netloom.compile(skip_connection(), pipeline="lower-windows,schedule").cosimulate_fifos(X)
    assert raised.value.code == "NL203"


def test_c_simulation_counts_nothing() -> None:
    design = netloom.compile(skip_connection(), backend="vitis", io="stream", pipeline=PIPELINE)
    with pytest.raises(CompileError) as raised:
        design.cosimulate_fifos(X)
    assert raised.value.code == "NL203"
    assert "does not count" in str(raised.value)
