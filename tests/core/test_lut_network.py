"""Networks of lookup tables: what they compute, what they are refused for, and their parts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from netloom.core.lut_network import NONE, ONE, ZERO, LutNetwork, every_combination, numbers
from netloom.testing.battery.luts import random_network


def network(address: list[list[int]], truth: list[int], outputs: list[list[int]]) -> LutNetwork:
    return LutNetwork(3, np.array(address), np.array(truth), np.array(outputs))


def one_by_one(net: LutNetwork, bits: list[int]) -> list[list[int]]:
    """The meaning, written as it is said."""
    signals = list(bits)
    for table in range(len(net.truth)):
        entry = sum(signals[signal] << place for place, signal in enumerate(net.inputs_of(table)))
        signals.append(net.entries(table)[entry])
    constant = {ZERO: 0, ONE: 1}
    return [[constant[s] if s < 0 else signals[s] for s in row] for row in net.outputs.tolist()]


@pytest.mark.parametrize("seed", range(5))
def test_all_levels_at_once_are_the_tables_one_by_one(seed: int) -> None:
    net = random_network(6, 3 * seed, 4, 3, seed)
    inputs = every_combination(6)
    expected = np.array([one_by_one(net, inputs[:, n].tolist()) for n in range(64)])
    assert np.array_equal(net.bits(inputs).transpose(2, 0, 1), expected)


@pytest.mark.parametrize("seed", range(5))
def test_the_part_of_an_output_computes_it_alone(seed: int) -> None:
    net = random_network(7, 14, 5, 2, seed)
    inputs = every_combination(7)
    for output in range(5):
        part, chosen = net.part(output)
        assert np.array_equal(part.bits(inputs[chosen])[0], net.bits(inputs)[output])
        assert len(part.truth) == len(net.reaching(np.array([[output, 0], [output, 1]])))


def test_inputs_are_the_lowest_bits_of_numbers() -> None:
    # Sign and lowest bit of the first number, constants, and the exclusive or of both numbers' bit 0.
    net = LutNetwork(4, np.array([[0, 2]]), np.array([0b0110]), np.array([[0, 1], [ONE, ZERO], [4, ZERO]]))
    x = np.array([[-2, 1], [1, 1], [-1, 0]])
    assert net.evaluate(x, 2, signed=True).tolist() == [[-2, 1, 1], [1, 1, 0], [-1, 1, 1]]
    assert net.evaluate(x, 2, signed=False).tolist() == [[2, 1, 1], [1, 1, 0], [3, 1, 1]]


def test_six_inputs_fill_the_truth_table() -> None:
    net = LutNetwork(6, np.array([[0, 1, 2, 3, 4, 5]]), np.array([-1 << 63]), np.array([[6]]))
    assert np.flatnonzero(net.bits(every_combination(6))[0, 0]).tolist() == [63]


def test_signals_that_later_levels_read_are_alive() -> None:
    net = network([[0, 1], [3, 2], [4, 0]], [8, 6, 14], [[5, 3]])
    assert net.depth.tolist() == [0, 0, 0, 1, 2, 3]
    assert [net.alive(level) for level in range(1, 4)] == [[0, 2, 3], [0, 3, 4], [3, 5]]


def test_selectors_of_two_tables_are_found() -> None:
    both = [[0, 1, NONE], [1, 2, NONE], [3, 4, 0]]
    select = 0b11001010  # the second value where the third input is set
    assert network(both, [8, 6, select], [[5]]).selectors() == {2}
    assert network(both, [8, 6, select], [[5, 3]]).selectors() == {2}
    assert network(both, [8, 6, 0b11101000], [[5]]).selectors() == set()


REFUSED: list[tuple[str, Callable[[], LutNetwork]]] = [
    ("bits for each result", lambda: network([[0]], [1, 1], [[3]])),
    ("at most 6 inputs", lambda: network([[0] * 7], [1], [[3]])),
    ("stand first in its address", lambda: network([[NONE, 0]], [1], [[3]])),
    ("stand first in its address", lambda: network([[0, NONE, 1]], [1], [[3]])),
    ("earlier tables", lambda: network([[3]], [1], [[3]])),
    ("as many entries", lambda: network([[0]], [4], [[3]])),
    ("as many entries", lambda: network([[0, 1]], [-1], [[3]])),
    ("a signal or constant", lambda: network([[0]], [1], [[4]])),
    ("a signal or constant", lambda: network([[0]], [1], [[-3]])),
]


@pytest.mark.parametrize(("message", "build"), REFUSED)
def test_arrays_that_are_no_network_are_refused(message: str, build: Callable[[], LutNetwork]) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_numbers_of_bits() -> None:
    bits = every_combination(3)[None]
    assert numbers(bits, signed=False).tolist() == [list(range(8))]
    assert numbers(bits, signed=True).tolist() == [[0, 1, 2, 3, -4, -3, -2, -1]]
