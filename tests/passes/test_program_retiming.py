"""Registers of whole programs: the clock is kept, the latency stays, and no other places need fewer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

import netloom
import netloom.passes.analysis.differences
import netloom.passes.analysis.program_retiming
import netloom.passes.analysis.retiming
import netloom.passes.schedule
from netloom.core.devices import DEVICES
from netloom.estimate.resources import estimate
from netloom.ir.nn import AddOp
from netloom.passes.analysis.differences import Differences
from netloom.passes.analysis.scheduled import required_timing
from tests.backends.designs import Program, check, random_graph, scheduled, signed
from tests.passes.schedules import Checker, every_schedule, random_program
from tests.shared import EXAMPLE


def flip_flops(module: ModuleOp) -> int:
    """Of the whole program, by its attributes."""
    return sum(row.ff for row in estimate(module))


@given(
    seed=st.integers(0, 100_000),
    length=st.integers(1, 9),
    period=st.floats(0.7, 6.0),
    device=st.sampled_from(sorted(DEVICES)),
    inputs=st.booleans(),
    outputs=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_retimed_programs_keep_to_the_clock(
    seed: int, length: int, period: float, device: str, inputs: bool, outputs: bool
) -> None:
    options = {"device": device, "register_inputs": inputs, "register_outputs": outputs}
    period += DEVICES[device].clock_overhead_ns
    before, after = random_program(seed, length), random_program(seed, length)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netloom.passes.schedule, "retimed", lambda parts, planned: None)
        scheduled(before, period, **options)
    Checker(before, device, period).check()
    scheduled(after, period, **options)
    Checker(after, device, period).check()
    assert required_timing(after).latency_cycles == required_timing(before).latency_cycles
    assert flip_flops(after) <= flip_flops(before)


def small_program(seed: int) -> ModuleOp:
    """A network, a rectifier, a branch around both, and a second network."""
    rng = np.random.default_rng(seed)
    program = Program([((2,), signed(int(rng.integers(3, 9)), 2))])
    x = program.inputs[0]
    found = program.kernel(x, random_graph(2, int(rng.integers(1, 4)), 2, seed), 2, rng.integers(-3, 4, 2))
    found = program.cast(found, signed(int(rng.integers(2, 9)), 3), "RND", "SAT")
    if seed % 2:
        found = program.add(AddOp, found, x)
    found = program.kernel(found, random_graph(2, int(rng.integers(0, 2)), 1, seed + 1), 2, None)
    program.output(found)
    return program.finish()


@given(seed=st.integers(0, 100_000), period=st.floats(0.9, 2.2))
@settings(max_examples=25, deadline=None)
def test_no_other_schedule_has_fewer_registers(seed: int, period: float) -> None:
    module = scheduled(small_program(seed), period)
    last = required_timing(module).latency_cycles - 1
    assume(last <= 2)
    fewest = flip_flops(module)
    checker = Checker(module, "xcvu9p", period)
    for _ in every_schedule(checker.program, last):
        assert fewest <= flip_flops(module) or not keeps(checker)


def keeps(checker: Checker) -> bool:
    """Whether the schedule keeps to the clock."""
    try:
        checker.check()
    except AssertionError:
        return False
    return True


def test_a_whole_network_has_fewer_registers_than_its_layers() -> None:
    report = netloom.compile(EXAMPLE / "model.onnx").report()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netloom.passes.schedule, "retimed", lambda parts, planned: None)
        alone = netloom.compile(EXAMPLE / "model.onnx").report()
    assert report.latency_cycles == alone.latency_cycles
    assert report.total("ff") < 0.95 * alone.total("ff")


@pytest.mark.parametrize("limit", ["MOST_NODES", "MOST_PAIRS"])
def test_what_is_too_large_keeps_to_the_clock(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scheduled(random_program(7, 9), 1.5)
    monkeypatch.setattr(netloom.passes.analysis.retiming, limit, 0)
    monkeypatch.setattr(netloom.passes.analysis.program_retiming, "MOST_NODES", 0)
    parts = scheduled(random_program(7, 9), 1.5)
    Checker(parts, "xcvu9p", 1.5).check()
    assert required_timing(parts) == required_timing(whole)
    assert flip_flops(whole) <= flip_flops(parts)


@given(seed=st.integers(0, 100_000))
@settings(max_examples=20, deadline=None)
def test_rows_that_are_added_as_they_break_give_the_same(seed: int) -> None:
    direct = scheduled(random_program(seed, 8), 1.5)
    assume(required_timing(direct).interval_cycles == 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netloom.passes.analysis.differences, "MANY_ROWS", 0)
        added = scheduled(random_program(seed, 8), 1.5)
    Checker(added, "xcvu9p", 1.5).check()
    assert flip_flops(added) == flip_flops(direct)


def test_differences_without_a_solution_are_none() -> None:
    program = Differences(0, 3)
    first, second = program.variable(), program.variable()
    program.at_least(second, first, 2)
    program.costs[first] = -1.0
    assert program.solved() == [1, 3]
    program.at_least(first, second, 0)
    assert program.solved() is None


@given(seed=st.integers(0, 1000))
@settings(max_examples=4, deadline=None)
def test_retimed_programs_give_the_same_bits(seed: int) -> None:
    check(random_program(seed, 7), 1.3, stall_seeds=(0, 3))
