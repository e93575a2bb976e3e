"""Counts of pieces of arithmetic against what Yosys 0.70 counts for a design of that piece alone.

`synth_xilinx -family xcup`, per element; the registers around it are not counted.
"""

from __future__ import annotations

import numpy as np
import pytest

from netloom.core.devices import find_device
from netloom.core.fixed import Format
from netloom.passes.analysis.arithmetic import (
    clipped,
    columns,
    comparator,
    compressed,
    cone,
    constant_comparator,
    constant_product,
    counted,
    product,
    rounded,
    symmetric,
    table_blocks,
    tiles,
    tree_sums,
)

DEVICE = find_device("xcvu9p")


@pytest.mark.parametrize(("width", "lut"), [(4, 7), (6, 10), (8, 14), (12, 20), (16, 27), (20, 34)])
def test_a_comparator_with_its_selector(width: int, lut: int) -> None:
    assert comparator(width, DEVICE) + width == lut


@pytest.mark.parametrize(
    ("left", "right", "lut", "dsp"),
    [
        (7, 1, 7, 0),
        (6, 2, 12, 0),
        (4, 2, 8, 0),
        (6, 6, 0, 1),
        (12, 3, 0, 1),
        (18, 18, 0, 1),
        (24, 20, 27, 2),
        (30, 30, 100, 4),
    ],
)
def test_products(left: int, right: int, lut: int, dsp: int) -> None:
    found = product(Format(left, 4), Format(right, 4), DEVICE)
    assert found[1] == dsp
    assert abs(found[0] - lut) <= 1
    assert found == product(Format(right, 4), Format(left, 4), DEVICE)


def test_a_factor_without_a_sign_gets_one() -> None:
    def unsigned(width: int) -> Format:
        return Format(width, 4, False)

    assert product(unsigned(17), unsigned(17), DEVICE) == (0, 1)
    assert product(Format(18, 4), unsigned(18), DEVICE) == (0, 1)
    assert product(unsigned(18), unsigned(18), DEVICE)[1] == 2
    assert product(unsigned(27), unsigned(18), DEVICE)[1] == 4


def test_pieces_of_a_product_cover_it() -> None:
    assert tiles(27, 18, DEVICE) == (0, 1)
    assert tiles(28, 18, DEVICE) == (28 - 17 + 18, 2)
    assert tiles(64, 18, DEVICE)[1] == 4


@pytest.mark.parametrize(("count", "lut"), [(3, 16), (4, 26), (5, 44), (6, 59), (7, 69), (8, 85), (12, 143)])
def test_sums_of_bytes(count: int, lut: int) -> None:
    assert abs(tree_sums(count, 1, 8) / lut - 1) < 0.1


def test_sums_in_stages_are_less_compressed() -> None:
    whole = tree_sums(16, 1, 8)
    in_stages = tree_sums(16, 8, 8) + tree_sums(8, 4, 9) + tree_sums(4, 2, 10) + tree_sums(2, 1, 11)
    assert in_stages < whole
    assert compressed(8, 8) == compressed(0, 1)  # nothing is left to compress


@pytest.mark.parametrize(
    ("mode", "dropped", "lut"),
    [
        ("TRN", 4, 0),
        ("RND", 4, 1),
        ("RND", 2, 1),
        ("RND_CONV", 4, 1),
        ("RND_CONV", 6, 2),
        ("RND_ZERO", 4, 2),
        ("RND_INF", 4, 2),
        ("RND_MIN_INF", 4, 2),
        ("TRN_ZERO", 4, 2),
        ("RND_ZERO", 0, 0),
    ],
)
def test_rounding(mode: str, dropped: int, lut: int) -> None:
    assert rounded(mode, dropped, DEVICE) == lut


@pytest.mark.parametrize(
    ("width", "lost", "to_signed", "lut"),
    [(9, 3, True, 8), (8, 2, True, 7), (10, 6, True, 11), (8, 12, True, 13), (8, 4, False, 8)],
)
def test_clipping(width: int, lost: int, to_signed: bool, lut: int) -> None:
    assert clipped(width, lost, to_signed, DEVICE) == lut


def test_symmetric_clipping() -> None:
    assert clipped(9, 3, True, DEVICE) + symmetric(9, True, DEVICE) == 12
    assert symmetric(7, False, DEVICE) == 3


def test_constants_by_their_value() -> None:
    number = {value: constant_product(value, 8, 8, DEVICE)[1] for value in (0, 1, 16, 5, -5, 48, -1)}
    assert number == {0: 0, 1: 0, 16: 0, 5: 1, -5: 1, 48: 1, -1: 0}
    assert constant_product(3, 4, 4, DEVICE) == (0, 0, 7, 2)  # seven bits: no multiplier
    # The zeros of an even, negative constant cost its sign: 23 bits by 23 are two multipliers.
    assert constant_product(-6, 12, 12, DEVICE)[1] == 2


def test_comparisons_with_constants() -> None:
    assert constant_comparator(8, 0, DEVICE) == constant_comparator(8, 256, DEVICE) == 0
    assert constant_comparator(8, 128, DEVICE) == 1  # the highest bit alone
    assert constant_comparator(6, 5, DEVICE) == 1
    assert constant_comparator(10, 5, DEVICE) == 2
    assert constant_comparator(16, 5, DEVICE) == 6  # with a carry chain
    assert [cone(inputs, DEVICE) for inputs in (1, 2, 6, 7, 11, 12)] == [0, 1, 1, 2, 2, 3]
    assert counted(1, DEVICE) == 0
    assert counted(7, DEVICE) == 2 + 1


def test_tables_by_their_blocks() -> None:
    entries = np.arange(256)
    assert table_blocks(entries, 8, DEVICE) == 0  # the address itself
    assert table_blocks(entries * 0 + 5, 8, DEVICE) == 0
    assert table_blocks((entries % 64 == 7).astype(np.int64), 1, DEVICE) == 1 + 1
    random = np.random.default_rng(0).integers(0, 2, 64)
    assert table_blocks(random | random << 1, 2, DEVICE) == 1  # two equal bits
    assert table_blocks(random | (1 - random) << 1, 2, DEVICE) == 1


def test_equal_bits_of_weights_are_one() -> None:
    words = np.array([[0, 0, 1], [1, 1, 0]])
    assert columns(words, 1) == (2, 1)  # one column is the address
    assert columns(np.array([[3, -3]]), 4) == (0, 0)
