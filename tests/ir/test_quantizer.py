"""Roundings and uniform quantizers, against exact fractions and the fixed-point core."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netloom.core.fixed import Format, Overflow, Rounding, quantize
from netloom.ir.quantizer import QONNX_ROUNDINGS, ROUNDINGS, Uniform, level_bounds, power_of_two

HALF = Fraction(1, 2)


def nearest(tie: Callable[[Fraction], int]) -> Callable[[Fraction], int]:
    """To nearest; `tie` decides halves."""
    return lambda x: tie(x) if x % 1 == HALF else math.floor(x + HALF)


MEANING: dict[str, Callable[[Fraction], int]] = {
    "TRN": math.floor,
    "TRN_ZERO": math.trunc,
    "RND": nearest(math.ceil),
    "RND_ZERO": nearest(math.trunc),
    "RND_INF": nearest(lambda x: math.ceil(x) if x > 0 else math.floor(x)),
    "RND_MIN_INF": nearest(math.floor),
    "RND_CONV": round,
    "CEIL": math.ceil,
    "UP": lambda x: math.ceil(x) if x > 0 else math.floor(x),
    "BIPOLAR": lambda x: 1 if x >= 0 else -1,
}
FLOATS = st.one_of(
    st.floats(-(2.0**24), 2.0**24, width=32),
    st.integers(-(2**25), 2**25).map(lambda k: k / 2),
    st.sampled_from(
        [math.nextafter(0.5, 0), float(np.nextafter(np.float32(0.5), np.float32(0))), 2.0**23 + 1]
    ),
)


def test_every_rounding_has_a_meaning() -> None:
    assert set(MEANING) == set(ROUNDINGS)
    assert set(Rounding.__members__) < set(ROUNDINGS)
    assert set(QONNX_ROUNDINGS.values()) < set(ROUNDINGS)


@pytest.mark.parametrize("name", sorted(ROUNDINGS))
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@given(x=FLOATS)
def test_rounding_of_every_float_is_exact(name: str, kind: type[np.floating], x: float) -> None:
    value = np.array([x], dtype=kind)
    got = ROUNDINGS[name](value)
    assert got.dtype == kind
    assert int(got[0]) == MEANING[name](Fraction(float(value[0])))


@pytest.mark.parametrize("rounding", list(Rounding))
@given(
    xs=st.lists(st.integers(-4000, 4000), min_size=1),
    width=st.integers(2, 10),
    integer=st.integers(-2, 10),
    signed=st.booleans(),
)
def test_shared_modes_agree_with_the_fixed_point_core(
    rounding: Rounding, xs: list[int], width: int, integer: int, signed: bool
) -> None:
    target = Format(width, integer, signed)
    x = np.array(xs) / 64
    quantizer = Uniform(
        np.array(target.step),
        np.array(0.0),
        np.array(float(target.min_mantissa)),
        np.array(float(target.max_mantissa)),
        rounding.value,
    )
    assert np.array_equal(quantizer.levels(x), quantize(x, target, rounding, Overflow.SAT))


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1),
    st.floats(2.0**-7, 10, width=32),
    st.integers(-20, 20),
    st.sampled_from(sorted(set(ROUNDINGS) - {"BIPOLAR"})),
    st.booleans(),
)
def test_levels_stay_within_bounds_and_values_are_levels_times_scale(
    xs: list[float], scale: float, zero: int, rounding: str, round_first: bool
) -> None:
    x = np.array(xs, dtype=np.float32)
    quantizer = Uniform(
        np.float32(scale), np.array(float(zero)), np.array(-8.0), np.array(7.0), rounding, round_first
    )
    levels = quantizer.levels(x)
    assert np.array_equal(levels, np.round(levels))
    assert np.all((levels + zero >= -8) & (levels + zero <= 7))
    assert np.array_equal(quantizer.apply(x), levels * np.float32(scale))


def test_rounding_before_or_after_the_clip_differs_in_order_only() -> None:
    x = np.array([7.4, 7.6, -8.6, 0.5], dtype=np.float32)
    parameters = (np.array(1.0), np.array(0.0), np.array(-8.0), np.array(7.0), "CEIL")
    assert np.array_equal(Uniform(*parameters).levels(x), [7, 7, -8, 1])
    assert np.array_equal(Uniform(*parameters, round_first=True).levels(x), [7, 7, -8, 1])


@pytest.mark.parametrize(
    ("signed", "narrow", "bits", "low", "high"),
    [
        (True, False, 8, -128, 127),
        (True, True, 8, -127, 127),
        (False, False, 8, 0, 255),
        (False, True, 8, 0, 254),
        (False, False, 1, 0, 1),
        (True, False, 1, -1, 0),
    ],
)
def test_level_bounds(signed: bool, narrow: bool, bits: int, low: int, high: int) -> None:
    got = level_bounds(signed, narrow, np.array(bits))
    assert (float(got[0]), float(got[1])) == (low, high)


@given(st.integers(-60, 60))
def test_power_of_two_scale(fraction: int) -> None:
    assert power_of_two(np.full(3, 2.0**-fraction)) == fraction


@pytest.mark.parametrize("scale", [0.3, -0.5, 0.0, [0.5, 0.25], 3.0])
def test_other_scales(scale: float | list[float]) -> None:
    assert power_of_two(np.array(scale)) is None
