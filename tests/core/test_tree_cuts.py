"""Cuts of the real line answer for every double as the library's own comparison does."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from netloom.core.cuts import cuts, mantissa_cuts, pulled_back

doubles = st.floats(allow_nan=False)
singles = st.floats(width=32, allow_nan=False)


def neighbours(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    x = np.array([value for value in values], dtype=np.float64)
    with np.errstate(over="ignore"):
        return np.concatenate([x, np.nextafter(x, -np.inf), np.nextafter(x, np.inf)])


@given(doubles, doubles, st.booleans())
def test_comparisons_in_double(threshold: float, x: float, inclusive: bool) -> None:
    tested = neighbours(threshold, x)
    wanted = tested <= threshold if inclusive else tested < threshold
    found = tested < cuts(np.array(threshold), inclusive=inclusive)
    finite = np.isfinite(tested) | (threshold != np.inf)  # no cut lies beyond infinity
    assert np.array_equal(found[finite], wanted[finite])


@given(st.one_of(singles, doubles), doubles, st.booleans())
@example(3.4028234663852886e38, 3.4028235677973366e38, True)
@example(math.inf, 1e308, False)
@example(-math.inf, -1e308, True)
@example(1e-46, 0.0, False)
def test_comparisons_after_rounding_to_float32(threshold: float, x: float, inclusive: bool) -> None:
    cut = cuts(np.array(threshold), inclusive=inclusive, rounded_to=np.float32)
    tested = neighbours(threshold, x, float(cut))
    tested = tested[np.isfinite(tested)]
    with np.errstate(over="ignore"):
        rounded = tested.astype(np.float32).astype(np.float64)
    wanted = rounded <= threshold if inclusive else rounded < threshold
    assert np.array_equal(tested < cut, wanted)


@given(doubles, st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_a_scaler_moves_into_a_cut(bound: float, offset: float, scale: float) -> None:
    def scaled(
        x: np.ndarray[tuple[int], np.dtype[np.float64]],
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return (x - offset) / scale

    cut = pulled_back(np.array([bound]), scaled)
    tested = neighbours(float(cut[0]), 0.0, bound)
    tested = tested[np.isfinite(tested)]
    with np.errstate(over="ignore"):
        assert np.array_equal(tested < cut, scaled(tested) < bound)


@given(doubles, st.integers(-40, 80), st.integers(1, 62), st.booleans())
@example(0.1, 53, 50, True)
def test_mantissas_below_a_cut_are_those_of_numbers_below_it(
    bound: float, fraction: int, width: int, signed: bool
) -> None:
    low, high = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
    threshold = int(mantissa_cuts(np.array(bound), fraction, low, high))
    assert low <= threshold <= high + 1
    for mantissa in {low, high, *(m for m in range(threshold - 2, threshold + 3) if low <= m <= high)}:
        below = math.isinf(bound) and bound > 0
        if not math.isinf(bound):
            below = Fraction(mantissa) < Fraction(bound) * Fraction(2) ** fraction
        assert (mantissa < threshold) == below
