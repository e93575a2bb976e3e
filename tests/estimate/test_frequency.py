"""Predicted clock frequency: the longest way between two registers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.ir import SSAValue

import netloom
from netloom.api import Design
from netloom.core.devices import find_device
from netloom.core.fixed import Format, Overflow, Rounding
from netloom.estimate.frequency import longest
from netloom.ir.nn import AddOp, MatMulOp
from netloom.testing.program import Port, Program
from netloom.testing.target import Target

DEVICE = replace(
    find_device("xcvu9p"),
    lut_delay_ns=0.25,
    net_delay_ns=1.0,
    carry_ns_per_bit=0.0625,
    clock_overhead_ns=0.5,
    carry_ends_ns=0.5,
)
MODEL = Path(__file__).parents[2] / "examples" / "jet_tagger" / "model.onnx"
EIGHT = Format(8, 8, True)


def design(shape: tuple[int, ...], build: object, **options: object) -> Design:
    """What a builder makes of one input."""
    program = Program([("x", Port(shape, EIGHT)), ("z", Port(shape, EIGHT))], "timed")
    program.origin = "layer"
    assert callable(build)
    program.output(build(program, *program.inputs), "y")
    return Target("vhdl", "parallel", dict(options)).compile(program.finish())


def sum_of_columns(matrix: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> object:
    """A builder of a product with a constant matrix."""

    def build(program: Program, x: SSAValue, _: SSAValue) -> SSAValue:
        return program.add(MatMulOp, x, program.constant(matrix, Format(8, 8, True)))

    return build


def test_an_adder_is_a_route_a_carry_chain_and_its_ends() -> None:
    made = design((1,), lambda program, x, z: program.add(AddOp, x, z), clock_period_ns=1000.0)
    path = longest(made.module, DEVICE)
    assert path.period_ns == DEVICE.clock_overhead_ns + DEVICE.adder_ns(9)
    assert path.fmax_mhz == 1000 / path.period_ns
    assert path.origin == "layer"


def test_carries_of_adders_in_a_row_run_beside_each_other() -> None:
    two = longest(design((1, 2), sum_of_columns(np.ones((2, 1), np.int64))).module, DEVICE)
    four = longest(design((1, 4), sum_of_columns(np.ones((4, 1), np.int64))).module, DEVICE)
    # Another level is a route, the ends of a chain and one more bit, not another chain.
    level = DEVICE.net_delay_ns + DEVICE.carry_ends_ns
    assert level <= four.period_ns - two.period_ns <= level + 2 * DEVICE.carry_ns_per_bit
    assert four.period_ns - two.period_ns < DEVICE.adder_ns(9)


def test_registers_cut_the_way() -> None:
    matrix = np.arange(1, 65).reshape(8, 8)
    slow, fast = (
        longest(design((1, 8), sum_of_columns(matrix), clock_period_ns=period).module, DEVICE)
        for period in (1000.0, 1.0)
    )
    assert fast.period_ns < slow.period_ns / 2


def test_a_large_design_has_longer_routes() -> None:
    module = design((1, 4), sum_of_columns(np.arange(1, 33).reshape(4, 8)), clock_period_ns=1000.0).module
    plain = longest(module, DEVICE).period_ns
    assert longest(module, replace(DEVICE, crowding=0.5).crowded(4000)).period_ns > plain
    assert longest(module, replace(DEVICE, crowding=0.5).crowded(1000)).period_ns == plain


@given(st.integers(0, 2**32 - 1), st.sampled_from([2.5, 3.5, 6.0]))
def test_a_design_keeps_the_clock_that_it_was_planned_for(seed: int, period_ns: float) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-40, 40, (int(rng.integers(1, 7)), int(rng.integers(1, 5))))

    def build(program: Program, x: SSAValue, _: SSAValue) -> SSAValue:
        product = program.add(MatMulOp, x, program.constant(matrix, EIGHT))
        return program.cast(product, Format(6, 8, True), Rounding.RND, Overflow.SAT)

    made = design((1, len(matrix)), build, clock_period_ns=period_ns)
    assert longest(made.module, find_device("xcvu9p")).period_ns <= period_ns + 1e-9


@pytest.mark.parametrize("options", [{}, {"device": "ecp5-85k"}], ids=["default", "ecp5"])
def test_the_report_names_the_longest_way(options: dict[str, str]) -> None:
    report = netloom.compile(MODEL, **options).report()
    assert report.path is not None
    shown = json.loads(json.dumps(report.to_dict()))["critical_path"]
    assert shown["layer"] == report.path.origin
    assert shown["layer"] in {layer.origin for layer in report.layers}
    assert f"{report.path.period_ns:.2f} ns = {report.path.fmax_mhz:.0f} MHz" in str(report)
