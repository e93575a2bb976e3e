"""Functions cut into lookup tables compute the same, and take no more than tables of all their inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from netloom.core.lut_network import ONE, ZERO, every_combination, numbers
from netloom.passes.analysis.lut_cost import flat_luts, network_luts
from netloom.passes.analysis.lut_mapping import LutMapper, direct_luts

IntArray = NDArray[np.int64]


def mapped(values: IntArray, count: int, width: int, lut_inputs: int) -> LutMapper:
    """One function, checked for all inputs."""
    mapper = LutMapper(count, lut_inputs)
    outputs = [mapper.add(values, range(count), width)]
    found = numbers(mapper.network(outputs).bits(every_combination(count)), signed=False)[0]
    assert np.array_equal(found, values & ((1 << width) - 1))
    return mapper


def thresholds_of_sum(rng: np.random.Generator, numbers_: int, width: int, levels: int) -> IntArray:
    """How many thresholds a weighted sum of numbers reaches."""
    codes = np.arange(1 << (numbers_ * width))
    weights = rng.integers(1, 8, numbers_) * rng.choice([-1, 1], numbers_)
    fields = [(codes >> (width * n) & ((1 << width) - 1)) * w for n, w in enumerate(weights)]
    total = sum(fields, np.zeros_like(codes))
    limits = np.sort(rng.integers(total.min(), total.max(), levels))
    return np.asarray((total[:, None] >= limits).sum(axis=1), dtype=np.int64)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_function_is_kept(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 9))
    width = data.draw(st.integers(1, 4))
    lut_inputs = data.draw(st.sampled_from([4, 6]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    distinct = data.draw(st.integers(1, 16))
    values = rng.integers(-8, 8, distinct)[rng.integers(0, distinct, 1 << count)]
    mapped(values, count, width, lut_inputs)


@pytest.mark.parametrize("lut_inputs", [4, 6])
@pytest.mark.parametrize(("inputs", "width", "levels"), [(4, 2, 3), (3, 3, 7), (10, 1, 1), (4, 3, 3)])
def test_thresholds_of_sums_take_a_part_of_a_whole_table(
    inputs: int, width: int, levels: int, lut_inputs: int
) -> None:
    rng = np.random.default_rng(inputs)
    bits, count = levels.bit_length(), inputs * width
    for _ in range(3):
        mapper = mapped(thresholds_of_sum(rng, inputs, width, levels), count, bits, lut_inputs)
        assert mapper.widest <= lut_inputs
        assert mapper.luts() <= 0.85 * direct_luts(count, bits, lut_inputs)


def test_inputs_that_do_not_matter_and_equal_tables_cost_nothing() -> None:
    mapper = LutMapper(4, 6)
    codes = np.arange(16)
    both = codes & (codes >> 2) & 1  # inputs 0 and 2
    first = mapper.add(both, range(4), 1)
    again = mapper.add(both[:8], [0, 3, 2], 1)  # the same inputs in other places
    assert first == again == [4]
    assert mapper.tables[0].signals == (0, 2)
    assert mapper.add(np.full(16, 2), range(4), 2) == [ZERO, ONE]
    assert mapper.add(codes >> 3, range(4), 1) == [3]
    assert len(mapper.tables) == 1


def test_functions_without_structure_are_selected_from_tables() -> None:
    values = np.random.default_rng(0).integers(0, 2, 1 << 8)
    mapper = mapped(values, 8, 1, 6)
    assert mapper.luts() == direct_luts(8, 1, 6) == 4
    assert len(mapper.network([[len(mapper.tables) + 7]]).selectors()) == 3


def test_the_cost_of_one_level_is_that_of_tables_behind_multiplexers() -> None:
    codes = np.arange(1 << 8)
    odd = codes & 1
    for bit in range(1, 8):
        odd = odd ^ (codes >> bit & 1)
    assert flat_luts(odd, 8, 6) == 2  # the parity of six inputs, and its inverse
    mapper = LutMapper(8, 6)
    network = mapper.network([mapper.add(odd, range(8), 1)])
    assert network_luts(network, 6) == 2
    assert network_luts(network, 6, registered=True) == 2
    assert network_luts(network, 6, np.zeros((0, 2), dtype=np.int64)) == 0
