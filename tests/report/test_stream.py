"""The report of a streaming design says where the cycles go, and its figures are the simulator's."""

from __future__ import annotations

import json

import numpy as np
import pytest

from netloom.api import Design
from netloom.core.dataflow import (
    Actor,
    Collect,
    Fifo,
    Network,
    Node,
    Resample,
    Sink,
    Source,
    Spread,
    Stage,
    Window,
)
from netloom.report.reasons import does, reason
from netloom.report.stream import StreamReport
from netloom.sim.dataflow import simulate
from tests.report.designs import long, parallel, shared, skipping


def report_of(design: Design) -> StreamReport:
    report = design.report()
    assert isinstance(report, StreamReport)
    return report


def test_the_bottleneck_is_named_with_its_reason() -> None:
    report = report_of(shared())
    assert report.bottleneck.figures.name == "conv2"
    assert report.bottleneck.why == "64 windows at reuse factor 36 = 2304 cycles"
    assert list(report.remarks()) == ["bottleneck: conv2: 64 windows at reuse factor 36 = 2304 cycles"]
    assert report.explanation.interval == 64 * 36
    assert report.bottleneck.figures.utilisation == 1.0


def test_actors_that_are_as_slow_are_named() -> None:
    *_, slow = report_of(skipping()).remarks()
    assert slow == "as slow as the bottleneck: conv2_window"


def test_small_fifos_that_hold_the_design_up_are_blamed() -> None:
    import netloom
    from tests.report.designs import OPTIONS, skip_model

    options = {**OPTIONS, "strategy": "latency", "fifo_depth": "small"}
    design = netloom.compile(skip_model(), backend="vhdl", io="stream", **options)
    report = report_of(design)
    assert report.explanation.interval > 65
    assert list(report.remarks())[-1] == (
        f"FIFOs that are too small hold the interval at {report.explanation.interval} cycles,"
        " where the bottleneck alone would allow 65"
    )
    assert report.to_dict()["bottleneck"]["fifos_limit"]


def test_what_actors_add_is_the_latency() -> None:
    for design in (skipping(), shared(), long()):
        report = report_of(design)
        assert sum(row.adds_cycles for row in report.actors) == report.latency_cycles
        assert report.latency_cycles == simulate(design.dataflow(), 1).latency


def test_fill_is_from_first_beat_in_to_first_beat_out() -> None:
    rows = {row.figures.name: row for row in report_of(skipping()).actors}
    # A row and a pixel of padded 3x3 windows, then the memory's register and the window's.
    assert rows["conv1_window"].fill_cycles == 8 + 1 + 3
    assert rows["conv1"].fill_cycles == skipping().dataflow().nodes[2].actor.latency
    # The first pixel of every window, up to the last of the 16 windows of the frame.
    assert rows["gap_reduce"].beats == 1
    assert rows["gap_reduce"].fill_cycles > rows["pool"].fill_cycles


def test_fifos_have_depth_and_occupancy_of_the_simulation() -> None:
    report = report_of(shared())
    flow = shared().dataflow()
    assert [row.figures.depth for row in report.fifos] == [fifo.depth for fifo in flow.fifos]
    assert all(row.figures.occupancy <= row.figures.depth for row in report.fifos)
    assert report.fifo_bits == flow.bits
    found = report.occupancy
    assert found.samples.shape[1] == len(report.fifos)
    assert np.array_equal(found.samples.max(axis=0), simulate(flow, 3).occupancy)
    assert len(found.frame_ends) == 3


def test_the_report_as_data_is_json_and_complete() -> None:
    report = report_of(shared())
    data = json.loads(json.dumps(report.to_dict()))
    assert data["interval_cycles"] == 2304
    assert data["frames_per_second"] == round(1e9 / (2304 * 5.0), 3)
    assert data["bottleneck"]["layer"] == "conv2"
    assert [row["layer"] for row in data["layers"]] == [node.name for node in shared().dataflow().nodes]
    assert data["layers"][2]["why"] == "64 windows at reuse factor 9 = 576 cycles"
    assert data["critical_path"][0] == "x" and data["critical_path"][-1] == "y"
    assert sum(fifo["bits"] for fifo in data["fifos"]) == data["fifo_bits"]
    for name, total in data["total"].items():
        assert total == sum(row[name] for row in [*data["layers"], *data["fifos"]])


def test_the_table_shows_actors_fifos_and_the_bottleneck() -> None:
    text = str(report_of(shared()))
    assert "interval 2304: 86,806 frames per second" in text
    assert "bottleneck: conv2: 64 windows at reuse factor 36 = 2304 cycles" in text
    assert "FIFOs: " in text and "conv2_in2" in text and "port x (input)" in text


def test_a_parallel_design_keeps_its_report() -> None:
    report = parallel().report()
    assert not isinstance(report, StreamReport)
    assert list(report.remarks()) == []
    assert len(report.starts) == len(report.layers) - 1  # the last row is the delays
    assert report.starts[0] == 0


@pytest.mark.parametrize(
    ("actor", "into", "out", "words", "text"),
    [
        (Stage(0), 4, 4, "wires", "4 beats, one a cycle = 4 cycles"),
        (Stage(2), 1, 1, "stage", "1 beat, one a cycle = 1 cycles"),
        (Stage(2, 3), 4, 4, "stage", "4 beats at an interval of 3 = 12 cycles"),
        (Collect(4), 8, 2, "collect 4", "8 beats in, one a cycle = 8 cycles"),
        (Spread(4), 2, 8, "spread 4", "8 beats out, one a cycle = 8 cycles"),
        (
            Window(4, 4, 2, 2, (3, 3)),
            16,
            4,
            "window 3x3",
            "4x4 pixels in, 4 windows out, one a cycle = 16 cycles",
        ),
        (
            Resample(2, 2, (0, 0, 1, 1), (0, 0, 1, 1)),
            4,
            16,
            "resample 4x4",
            "2x2 pixels in, 16 pixels out, one a cycle = 16 cycles",
        ),
    ],
)
def test_reasons(actor: Actor, into: int, out: int, words: str, text: str) -> None:
    from netloom.ir.flow import FlowOp

    nodes = (Node("in", Source(into)), Node("it", actor), Node("out", Sink(out)))
    flow = Network(nodes, (Fifo("a", 0, 1, 2, 1, into), Fifo("b", 1, 2, 2, 1, out)))
    cycles = {"4 beats at an interval of 3 = 12 cycles": 12}.get(text, max(into, out))
    ops: list[FlowOp] = [None] * 3  # type: ignore[list-item]
    assert does(actor) == words
    assert reason(flow, ops, 1, cycles) == text
