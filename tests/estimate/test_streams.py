"""Estimates of actors and FIFOs against counts by hand, for a device of six-input tables."""

from __future__ import annotations

import pytest

from netloom.core.dataflow import Constant, Fifo, Resample, Window
from netloom.core.devices import find_device
from netloom.estimate.resources import estimate
from netloom.estimate.streams import (
    Need,
    counter,
    estimate_actors,
    estimate_fifos,
    fifo_need,
    memory,
    resample_need,
    rom_need,
    stage_need,
    window_need,
)
from netloom.ir.flow import StageOp
from netloom.passes.analysis.network import actors
from tests.report.designs import long, shared, skipping

DEVICE = find_device("xcvu9p")


def fifo(depth: int, bits: int) -> Need:
    return fifo_need(Fifo("f", 0, 1, depth, bits, 1), DEVICE)


@pytest.mark.parametrize(
    ("depth", "bits", "expected"),
    [
        (1, 8, Need(1.5, 8 + 1)),  # a register and whether it is full
        (2, 8, Need(3 + 8, 16 + 2)),  # two registers and a selector
        # 15 words in eight tables, a selector in front of the output, three counters of 5 or 4 bits
        (16, 8, Need(8 + 8 + 1.5 * 13, 8 + 13)),
        (64, 8, Need(16 + 8 + 1.5 * 19, 8 + 19)),
        (65, 8, Need(8 + 1.5 * 21, 8 + 1 + 21, 0, 1)),
        (2048, 72, Need(72 + 1.5 * 34, 72 + 1 + 34, 0, 4)),
    ],
)
def test_fifos(depth: int, bits: int, expected: Need) -> None:
    assert fifo(depth, bits) == expected


def test_memories_take_the_best_shape_of_block_memories() -> None:
    assert memory(32, 14, DEVICE) == memory(33, 7, DEVICE) == Need(8)
    assert memory(32, 15, DEVICE) == Need(16)
    assert memory(16, 4, find_device("ecp5-85k")) == Need(6)
    assert memory(512, 72, DEVICE) == Need(bram36=1)
    assert memory(513, 72, DEVICE) == Need(bram36=2)
    assert memory(4096, 9, DEVICE) == Need(bram36=1)
    assert memory(5000, 9, DEVICE) == Need(bram36=2)


def test_counters() -> None:
    assert counter(1) == Need()
    assert counter(5) == Need(4.5, 3)


def test_a_wide_line_buffer_is_in_block_memories() -> None:
    window = Window(224, 224, 222, 222, (3, 3))
    need = window_need(window, 24, DEVICE)
    assert need.bram36 == 3  # a row of 224 pixels of 24 bits each
    counters = 6 * 8 + 8 * 2
    assert need.ff == 3 * 3 * 24 + counters + 3 + 2 * 3 + 2
    assert need.lut == 3 * 24 + 9 * 24 + 1.5 * counters  # one of three banks for each row, and the fill


@pytest.mark.parametrize(("size", "bits", "lut", "ff"), [(8, 24, 390, 342), (32, 24, 399, 354)])
def test_line_buffers_are_close_to_what_yosys_counts(size: int, bits: int, lut: int, ff: int) -> None:
    """Yosys 0.70, `synth_xilinx -family xcup`: tables with those of memories, registers."""
    need = window_need(Window(size, size, size, size, (3, 3), padding=(1, 1)), bits, DEVICE)
    assert abs(need.lut / lut - 1) < 0.05
    assert abs(need.ff / ff - 1) < 0.05


def test_constants_and_picked_rows() -> None:
    assert rom_need(Constant(16), 8, DEVICE) == Need(1.5 * 4 + 8, 4 + 8)
    assert rom_need(Constant(1024), 36, DEVICE) == Need(15, 10, 0, 1)
    parts = Resample(4, 4, (0,) * 8, (0,) * 8, 4, (0,) * 8, (0,) * 8)
    # A row of 4 words of 16 bits and its register, counters of 4, 4, 8, 8 and 4, one of four parts of 4 bits.
    assert resample_need(parts, 16, DEVICE) == Need(16 + 1.5 * 12 + 6, 16 + 12)


def test_rows_are_those_of_the_network() -> None:
    module, flow = skipping().module, skipping().dataflow()
    assert [row.origin for row in estimate_actors(module)] == [node.name for node in flow.nodes]
    assert [row.origin for row in estimate_fifos(module)] == [fifo.name for fifo in flow.fifos]
    assert estimate(module) == [*estimate_actors(module), *estimate_fifos(module)]


def test_a_stage_is_what_its_body_is() -> None:
    stages = [op for op in actors(shared().module) if isinstance(op, StageOp)]
    needs = {op.label.data: stage_need(op, 5.0, DEVICE) for op in stages}
    parallel = {op.label.data: op for op in actors(skipping().module) if isinstance(op, StageOp)}
    alone = stage_need(parallel["conv2"], 5.0, DEVICE)
    assert needs["conv2"].dsp < alone.dsp / 4
    assert needs["conv2"].lut < alone.lut / 2


def test_deep_fifos_cost_more() -> None:
    small = sum(row.lut for row in estimate_fifos(skipping().module)) / len(skipping().dataflow().fifos)
    deep = sum(row.lut for row in estimate_fifos(long().module)) / len(long().dataflow().fifos)
    assert deep > small
