"""Parallel hardware of trees: the plan computes the trees, GHDL gives the same bits as late as predicted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netloom.core.ensemble import Ensemble
from netloom.core.fixed import Format
from netloom.estimate.resources import estimate
from netloom.ir.tree import ensemble_op
from netloom.passes.analysis.tree_plan import JOINED_INPUTS, ONE, ZERO, Plan, Term, plan, range_bits
from netloom.passes.tree_simplify import simplified
from netloom.testing.battery.ensembles import (
    KINDS,
    chain,
    chain_case,
    ensemble_case,
    grown,
    one_class_each,
)
from netloom.testing.cases import program_of
from netloom.testing.program import Port, Program
from netloom.testing.target import Target, differences, run

BYTE = Format(8, 4)


def computed(found: Plan, x: Any) -> list[int]:
    """What the parts of a plan give for one sample."""
    signals = {n: int(x[c.feature] < c.threshold) for n, c in enumerate(found.comparisons)}
    signals |= {ZERO: 0, ONE: 1}
    for number, selector in enumerate(found.selectors):
        chosen = selector.set if signals[selector.select] else selector.clear
        signals[len(found.comparisons) + number] = signals[chosen]
    results = []
    for each, constant in zip(found.sums, found.constants, strict=True):
        if each is None:
            results.append(constant)
            continue
        values = [read(term, signals) for term in each.terms]
        for level in range(1, len(each.levels)):
            values = [sum(values[n : n + 2]) for n in range(0, len(values), 2)]
            bounds = each.levels[level]
            assert all(low <= v <= high for v, (low, high) in zip(values, bounds, strict=True))
        results.append(values[0] + each.constant)
    return results


def read(term: Term, signals: dict[int, int]) -> int:
    return term.values[sum(signals[s] << bit for bit, s in enumerate(term.address))]


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.sampled_from(sorted(KINDS)), st.booleans())
def test_a_plan_computes_the_trees(seed: int, kind: str, simple: bool) -> None:
    generator = np.random.default_rng(seed)
    trees = KINDS[kind](generator, Port((3,), BYTE))
    if simple:
        trees = simplified(trees, np.full(3, -128), np.full(3, 127))
    x = generator.integers(-128, 127, size=(12, 3), endpoint=True)
    found = plan(trees)
    assert [computed(found, sample) for sample in x] == trees.evaluate(x).tolist()


@pytest.mark.parametrize("depth", [1, 6, 20])
def test_a_plan_computes_a_chain(depth: int) -> None:
    trees = chain(2, depth, BYTE)
    x = np.random.default_rng(0).integers(-128, 127, size=(100, 2), endpoint=True)
    assert [computed(plan(trees), sample) for sample in x] == trees.evaluate(x).tolist()


def complete(depth: int, trees: int, seed: int = 0) -> Ensemble:
    found = grown(np.random.default_rng(seed), 3, 1, trees, depth, Format(16, 8), chance=1.0)
    return found


def test_each_comparison_is_made_once() -> None:
    trees = complete(3, 4)
    twice = Ensemble(**{**vars(trees), "roots": np.concatenate([trees.roots, trees.roots])})
    assert plan(twice).comparisons == plan(trees).comparisons
    pairs = set(zip(trees.feature.tolist(), trees.threshold.tolist(), strict=True))
    assert len(plan(trees).comparisons) == len(pairs)


def test_a_complete_tree_is_addressed_by_its_way() -> None:
    """The first bit is the root itself; one, three and seven selectors make the others."""
    found = plan(complete(4, 1))
    assert len(found.terms[0].address) == 4 and len(found.selectors) == 1 + 3 + 7


def test_a_small_tree_is_addressed_by_its_comparisons() -> None:
    found = plan(complete(2, 1))
    assert not found.selectors and len(found.terms[0].address) == 3


def test_stumps_become_one_table() -> None:
    found = plan(complete(1, JOINED_INPUTS))
    assert len(found.terms) == 1 and len(found.terms[0].values) == 1 << JOINED_INPUTS


def test_values_have_exactly_the_bits_of_their_range() -> None:
    trees = complete(3, 6)
    (each,) = plan(trees).sums
    assert each is not None
    assert each.levels[0] == tuple(term.range for term in each.terms)
    low, high = each.levels[-1][0]
    assert (low + each.constant, high + each.constant) == (
        int(trees.bounds(np.full(3, -(1 << 15)), np.full(3, (1 << 15) - 1))[0][0]),
        int(trees.bounds(np.full(3, -(1 << 15)), np.full(3, (1 << 15) - 1))[1][0]),
    )
    assert range_bits((0, 0)) == 1 and range_bits((-4, 3)) == 3 and range_bits((0, 7)) == 3


def test_leaves_of_one_class_have_no_table_for_the_others() -> None:
    trees = one_class_each(grown(np.random.default_rng(1), 3, 3, 9, 3, BYTE, chance=1.0))
    assert [len(each.terms) if each else 0 for each in plan(trees).sums] == [3, 3, 3]


CASES = [
    ensemble_case("trees", Port((3,), BYTE), 1),
    ensemble_case("deep trees", Port((2,), Format(9, 4, False)), 2),
    ensemble_case("classes", Port((2, 3), BYTE), 3),
    ensemble_case("no trees", Port((2,), BYTE), 4),
    ensemble_case("stumps", Port((3,), Format(1, 1)), 5),
    chain_case(20, Port((2,), BYTE)),
]


@pytest.mark.parametrize("period", [1.0, 2.0, 10.0])
def test_ghdl_measures_the_latency_that_was_predicted(period: float) -> None:
    """At 1 ns a register stands after nearly every step."""
    target = Target("vhdl", "parallel", {"clock_period_ns": period})
    done = run(target, program_of(CASES), 20)
    properties = done.design.plan.properties
    assert str(done.result.latency_cycles) == properties["latency_cycles"]
    assert str(done.result.interval) == properties["interval_cycles"] == "1"
    assert (int(properties["latency_cycles"]) > 4) == (period == 1.0)
    assert not differences(target, CASES, 20)


def test_the_estimate_counts_comparisons_selectors_tables_and_adders() -> None:
    program = Program([("x", Port((3,), Format(16, 8)))])
    trees = complete(4, 2)
    program.output(program.insert(ensemble_op(program.inputs[0], trees, "t", fraction=0)), "y")
    module = Target("vhdl", "parallel", {}).compile(program.finish()).module
    row, _ = estimate(module)
    found = plan(trees)
    (each,) = found.sums
    assert each is not None
    tables, adders = [sum(map(range_bits, level)) for level in each.levels]
    assert row.lut > 2 * len(found.comparisons) + len(found.selectors) // 2 + adders
    assert row.lut < 3 * len(found.comparisons) + len(found.selectors) + adders + tables
