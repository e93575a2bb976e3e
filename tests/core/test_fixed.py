"""Formats, precisions, and conversions that equal the vendor's headers bit for bit."""

from __future__ import annotations

from fractions import Fraction
from math import floor, inf, nan
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from netloom.core.fixed import (
    Format,
    FormatError,
    IntArray,
    Overflow,
    Precision,
    RealArray,
    Rounding,
    cast,
    quantize,
    to_real,
)
from tests.core.ap_fixed_reference import MODES, ApFixed, Conversion, format_pairs, mantissas

WORDS = st.integers(-(2**63), 2**63 - 1)
FORMATS = st.builds(Format, st.integers(0, 63), st.integers(-90, 90), st.booleans())
MODE_PAIRS = pytest.mark.parametrize(("rounding", "overflow"), MODES, ids=lambda mode: mode.value)


def words(*values: int) -> IntArray:
    return np.array(values, dtype=np.int64)


def reals(*values: float) -> RealArray:
    return np.array(values, dtype=np.float64)


# --- Formats ------------------------------------------------------------------------------------------


def test_format_properties_of_a_signed_type() -> None:
    format = Format(8, 3)
    assert (format.fraction, format.min_mantissa, format.max_mantissa) == (5, -128, 127)
    assert (format.step, format.min_value, format.max_value) == (1 / 32, -4.0, 127 / 32)


def test_format_properties_of_an_unsigned_type_without_integer_bits() -> None:
    format = Format(4, -2, signed=False)
    assert (format.fraction, format.min_mantissa, format.max_mantissa) == (6, 0, 15)
    assert (format.step, format.min_value, format.max_value) == (1 / 64, 0.0, 15 / 64)


def test_format_properties_of_a_type_whose_step_is_above_one() -> None:
    format = Format(4, 10)
    assert (format.fraction, format.step, format.min_value, format.max_value) == (-6, 64.0, -512.0, 448.0)


@pytest.mark.parametrize("signed", [True, False])
def test_width_zero_is_the_constant_zero(signed: bool) -> None:
    format = Format(0, 5, signed)
    assert (format.min_mantissa, format.max_mantissa) == (0, 0)


def test_negative_width_is_refused() -> None:
    with pytest.raises(FormatError) as error:
        Format(-1, 0)
    assert str(error.value) == "a fixed-point width is 0 or more bits, not -1"


@given(FORMATS)
def test_format_text_round_trips(format: Format) -> None:
    assert Format.parse(str(format)) == format


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("fixed<16,6>", Format(16, 6)),
        (" ufixed < 8 , -3 > ", Format(8, -3, False)),
        ("ap_fixed<16, 6>", Format(16, 6)),
        ("ap_ufixed<8,3>", Format(8, 3, False)),
        ("ac_fixed<8,3,true>", Format(8, 3)),
        ("ac_fixed<8,3,0>", Format(8, 3, False)),
        ("ap_int<8>", Format(8, 8)),
        ("ap_uint<5>", Format(5, 5, False)),
        ("ac_int<7,false>", Format(7, 7, False)),
    ],
)
def test_format_spellings(text: str, format: Format) -> None:
    assert Format.parse(text) == format


KNOWN = "known are fixed, ufixed, ap_fixed, ap_ufixed, ac_fixed, ap_int, ap_uint, ac_int"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("float32", f"'float32' is not a fixed-point type; {KNOWN}"),
        ("fixd<8,3>", f"'fixd<8,3>' is not a fixed-point type; {KNOWN}"),
        ("fixed<8>", "'fixed<8>' is not a fixed-point type; write fixed<W,I>"),
        ("fixed<8,x>", "'fixed<8,x>' is not a fixed-point type; write fixed<W,I>"),
        ("ac_fixed<8,3>", "'ac_fixed<8,3>' is not a fixed-point type; write ac_fixed<W,I,S>"),
        ("ac_int<8,yes>", "'ac_int<8,yes>' is not a fixed-point type; write ac_int<W,S>"),
        ("ap_int<8,3>", "'ap_int<8,3>': '3' is one argument too many; write ap_int<W>"),
        ("fixed<8,3,TRN>", "'fixed<8,3,TRN>': a format has no modes, found TRN; write fixed<W,I>"),
    ],
)
def test_format_that_cannot_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(FormatError) as error:
        Format.parse(text)
    assert str(error.value) == message


@given(st.integers(-(2**70), 2**70), st.integers(-(2**70), 2**70), st.integers(-80, 80))
def test_for_range_is_the_narrowest_format(one: int, other: int, fraction: int) -> None:
    lo, hi = min(one, other), max(one, other)
    format = Format.for_range(lo, hi, fraction)
    assert format.fraction == fraction
    assert format.signed == (lo < 0)
    assert format.min_mantissa <= lo <= hi <= format.max_mantissa
    if format.width:
        narrower = Format(format.width - 1, format.integer - 1, format.signed)
        assert lo < narrower.min_mantissa or hi > narrower.max_mantissa


def test_for_range_of_zero_has_no_bits() -> None:
    assert Format.for_range(0, 0, 7) == Format(0, -7, signed=False)


def test_for_range_of_nothing_is_refused() -> None:
    with pytest.raises(FormatError) as error:
        Format.for_range(3, 2, 0)
    assert str(error.value) == "an empty range has no format: 3 > 2"


# --- Precisions ---------------------------------------------------------------------------------------


@given(st.builds(Precision, FORMATS, st.sampled_from(Rounding), st.sampled_from(Overflow)))
def test_precision_text_round_trips(precision: Precision) -> None:
    assert Precision.parse(str(precision)) == precision


def test_precision_text_names_both_modes() -> None:
    assert str(Precision(Format(16, 6))) == "fixed<16,6,RND,SAT>"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("fixed<16,6>", "fixed<16,6,RND,SAT>"),
        ("ufixed<16,6,TRN>", "ufixed<16,6,TRN,SAT>"),
        ("fixed<16,6,TRN,WRAP>", "fixed<16,6,TRN,WRAP>"),
        ("ap_fixed<16,6>", "fixed<16,6,TRN,WRAP>"),
        ("ap_ufixed<16,6,AP_RND_CONV,AP_SAT_SYM>", "ufixed<16,6,RND_CONV,SAT_SYM>"),
        ("ac_fixed<16,6,true,AC_RND>", "fixed<16,6,RND,WRAP>"),
        ("ap_int<8>", "fixed<8,8,TRN,WRAP>"),
    ],
)
def test_precision_spellings_keep_the_defaults_of_their_family(text: str, canonical: str) -> None:
    assert str(Precision.parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "ap_fixed<8,3,AP_RND,AP_WRAP_SM>",
            "'ap_fixed<8,3,AP_RND,AP_WRAP_SM>': unknown rounding or overflow mode in AP_RND, AP_WRAP_SM; "
            "known are TRN, TRN_ZERO, RND, RND_ZERO, RND_INF, RND_MIN_INF, RND_CONV "
            "and WRAP, SAT, SAT_ZERO, SAT_SYM",
        ),
        ("fixed<8,3,RND,SAT,2>", "'fixed<8,3,RND,SAT,2>': '2' is one argument too many; write fixed<W,I>"),
    ],
)
def test_precision_that_cannot_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(FormatError) as error:
        Precision.parse(text)
    assert str(error.value) == message


# --- Conversions by example ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        # Quarters: -1.75, -1.5, -1.25, -0.5, 0.5, 1.25, 1.5, 1.75.
        (Rounding.TRN, [-2, -2, -2, -1, 0, 1, 1, 1]),
        (Rounding.TRN_ZERO, [-1, -1, -1, 0, 0, 1, 1, 1]),
        (Rounding.RND, [-2, -1, -1, 0, 1, 1, 2, 2]),
        (Rounding.RND_ZERO, [-2, -1, -1, 0, 0, 1, 1, 2]),
        (Rounding.RND_INF, [-2, -2, -1, -1, 1, 1, 2, 2]),
        (Rounding.RND_MIN_INF, [-2, -2, -1, -1, 0, 1, 1, 2]),
        (Rounding.RND_CONV, [-2, -2, -1, 0, 0, 1, 2, 2]),
    ],
)
def test_rounding_of_quarters(rounding: Rounding, expected: list[int]) -> None:
    quarters = words(-7, -6, -5, -2, 2, 5, 6, 7)
    assert cast(quarters, 2, Format(8, 8), rounding, Overflow.SAT).tolist() == expected
    assert quantize(quarters / 4, Format(8, 8), rounding, Overflow.SAT).tolist() == expected


@pytest.mark.parametrize(
    ("overflow", "signed", "unsigned"),
    [
        (Overflow.WRAP, [7, -8, 7, -8], [7, 8, 15, 0]),
        (Overflow.SAT, [-8, -8, 7, 7], [0, 0, 15, 15]),
        (Overflow.SAT_ZERO, [0, -8, 7, 0], [0, 0, 15, 0]),
        (Overflow.SAT_SYM, [-7, -7, 7, 7], [0, 0, 15, 15]),
    ],
)
def test_overflow_beside_four_bits(overflow: Overflow, signed: list[int], unsigned: list[int]) -> None:
    assert cast(words(-9, -8, 7, 8), 0, Format(4, 4), Rounding.TRN, overflow).tolist() == signed
    assert cast(words(-9, -8, 15, 16), 0, Format(4, 4, False), Rounding.TRN, overflow).tolist() == unsigned


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        # The lowest int64 and its neighbour, 64 places down: -1/2 and just above it.
        (Rounding.TRN, [-1, -1]),
        (Rounding.TRN_ZERO, [0, 0]),
        (Rounding.RND, [0, 0]),
        (Rounding.RND_ZERO, [0, 0]),
        (Rounding.RND_INF, [-1, 0]),
        (Rounding.RND_MIN_INF, [-1, 0]),
        (Rounding.RND_CONV, [0, 0]),
    ],
)
def test_a_tie_of_a_whole_word(rounding: Rounding, expected: list[int]) -> None:
    lowest = words(-(2**63), -(2**63) + 1)
    assert cast(lowest, 64, Format(8, 8), rounding, Overflow.SAT).tolist() == expected


@pytest.mark.parametrize("places", [62, 63, 64, 10**30])
def test_shifts_out_of_the_widest_format(places: int) -> None:
    target = Format(63, 63, signed=False)
    inside = 2**62 if places == 62 else 0
    clipped = 2**62 if places == 62 else 2**63 - 1
    assert cast(words(1, 0), -places, target, Rounding.TRN, Overflow.WRAP).tolist() == [inside, 0]
    assert cast(words(1, 0), -places, target, Rounding.TRN, Overflow.SAT).tolist() == [clipped, 0]
    assert cast(words(1, 0), -places, target, Rounding.TRN, Overflow.SAT_ZERO).tolist() == [inside, 0]


def test_a_binary_point_beyond_every_double() -> None:
    coarse, fine = Format(8, 10**30), Format(8, -(10**30))
    assert quantize(reals(-1e300, 1e300), coarse, Rounding.TRN, Overflow.SAT).tolist() == [-1, 0]
    assert quantize(reals(-5e-324, 5e-324), fine, Rounding.TRN, Overflow.SAT).tolist() == [-128, 127]
    assert quantize(reals(-5e-324, 5e-324), fine, Rounding.TRN, Overflow.WRAP).tolist() == [0, 0]
    assert to_real(words(-1, 1), fine).tolist() == [0.0, 0.0]


@MODE_PAIRS
def test_shape_is_kept(rounding: Rounding, overflow: Overflow) -> None:
    for shape in [(), (0,), (2, 3, 4)]:
        for result in (
            cast(np.ones(shape, np.int64), 70, Format(8, 3), rounding, overflow),
            quantize(np.ones(shape, np.float32), Format(8, 3), rounding, overflow),
        ):
            assert isinstance(result, np.ndarray)
            assert result.shape == shape
            assert result.dtype == np.int64


def test_casting_does_not_alias_its_input() -> None:
    source = words(1, 2, 3)
    cast(source, 0, Format(8, 8), Rounding.TRN, Overflow.WRAP)[:] = 0
    assert source.tolist() == [1, 2, 3]


def test_quantizing_float32_uses_the_float32_value() -> None:
    assert quantize(np.array([0.1], np.float32), Format(40, 1), Rounding.TRN, Overflow.SAT) == floor(
        Fraction(float(np.float32(0.1))) * 2**39
    )


def test_a_width_above_63_is_refused() -> None:
    message = "fixed<64,10> has 64 bits; int64 mantissas hold at most 63"
    with pytest.raises(FormatError) as error:
        cast(words(1), 0, Format(64, 10), Rounding.TRN, Overflow.WRAP)
    assert str(error.value) == message
    with pytest.raises(FormatError) as error:
        quantize(reals(1.0), Format(64, 10), Rounding.TRN, Overflow.WRAP)
    assert str(error.value) == message


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_what_is_not_a_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError) as error:
        quantize(reals(1.0, bad), Format(8, 3), Rounding.TRN, Overflow.SAT)
    assert str(error.value) == "1 of 2 values are NaN or infinite, which no format holds"


# --- Conversions against exact rational arithmetic ----------------------------------------------------


def reference(value: Fraction, target: Format, rounding: Rounding, overflow: Overflow) -> int:
    """Convert by the definitions, one number at a time."""
    scaled = value * Fraction(2) ** target.fraction
    below = floor(scaled)
    tie = scaled - below == Fraction(1, 2)
    nearest = below + 1 if scaled - below > Fraction(1, 2) else below
    mantissa = {
        Rounding.TRN: below,
        Rounding.TRN_ZERO: int(scaled),
        Rounding.RND: below + 1 if tie else nearest,
        Rounding.RND_ZERO: int(scaled) if tie else nearest,
        Rounding.RND_INF: below + (scaled > 0) if tie else nearest,
        Rounding.RND_MIN_INF: below if tie else nearest,
        Rounding.RND_CONV: below + below % 2 if tie else nearest,
    }[rounding]
    low, high = target.min_mantissa, target.max_mantissa
    if overflow is Overflow.WRAP:
        return (mantissa - low) % (1 << target.width) + low
    if overflow is Overflow.SAT_SYM and target.signed and target.width > 1:
        low = -high
    if low <= mantissa <= high:
        return mantissa
    return 0 if overflow is Overflow.SAT_ZERO else max(low, min(mantissa, high))


@st.composite
def round_words(draw: st.DrawFn) -> int:
    """Draw an int64 with a run of zeros or ones at its end, so that ties are frequent."""
    word, zeros = draw(WORDS), draw(st.integers(0, 63))
    return (word >> zeros << zeros) - draw(st.booleans()) * (word > 0)


@st.composite
def round_reals(draw: st.DrawFn) -> float:
    """Draw a double of few significant bits, so that ties are frequent."""
    return draw(st.integers(-999, 999)) * 2.0 ** draw(st.integers(-99, 99))


@MODE_PAIRS
@given(data=st.data())
def test_cast_equals_rational_arithmetic(rounding: Rounding, overflow: Overflow, data: st.DataObject) -> None:
    mantissa = data.draw(WORDS | round_words())
    fraction, target = data.draw(st.integers(-150, 150)), data.draw(FORMATS)
    expected = reference(Fraction(mantissa) / Fraction(2) ** fraction, target, rounding, overflow)
    assert cast(words(mantissa), fraction, target, rounding, overflow).tolist() == [expected]


@MODE_PAIRS
@given(
    real=st.floats(allow_nan=False, allow_infinity=False) | round_reals(),
    integer=st.integers(-1100, 1100) | st.integers(-30, 30),
    width=st.integers(0, 63),
    signed=st.booleans(),
)
def test_quantize_equals_rational_arithmetic(
    rounding: Rounding, overflow: Overflow, real: float, integer: int, width: int, signed: bool
) -> None:
    target = Format(width, integer, signed)
    # One array with neighbours of other magnitudes: each element has a shift of its own.
    values = (real, -real, 0.75, 0.0)
    expected = [reference(Fraction(value), target, rounding, overflow) for value in values]
    assert quantize(reals(*values), target, rounding, overflow).tolist() == expected


@given(st.integers(-(2**53), 2**53), st.integers(-200, 200))
def test_to_real_is_exact_up_to_53_bits(mantissa: int, fraction: int) -> None:
    (real,) = to_real(words(mantissa), Format(54, 54 - fraction)).tolist()
    assert Fraction(real) == Fraction(mantissa) / Fraction(2) ** fraction


@given(st.integers(-(2**52), 2**52 - 1), st.integers(-200, 200), st.sampled_from(MODES))
def test_quantize_undoes_to_real(mantissa: int, fraction: int, modes: tuple[Rounding, Overflow]) -> None:
    format = Format(54, 54 - fraction)
    assert quantize(to_real(words(mantissa), format), format, *modes).tolist() == [mantissa]


# --- Conversions against the vendor's headers ---------------------------------------------------------

SAMPLES = 5000
Case: TypeAlias = tuple[Conversion, NDArray[Any], IntArray]
"""A conversion, its inputs, and what ap_fixed makes of them as [mode pair, sample]."""


@pytest.fixture(scope="module")
def casts(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """20 format pairs with 5000 mantissas each: 10^5 casts in every mode pair."""
    rng = np.random.default_rng(2024)
    pairs = format_pairs(rng, 20)
    inputs = [mantissas(rng, source, target, SAMPLES) for source, target in pairs]
    conversions = [Conversion(source, target) for source, target in pairs]
    outputs = ApFixed(conversions, tmp_path_factory.mktemp("casts")).run(inputs)
    return list(zip(conversions, inputs, outputs, strict=True))


@pytest.fixture(scope="module")
def quantizations(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """Doubles that are ties in their target, and doubles of many magnitudes."""
    rng = np.random.default_rng(2025)
    types = ("fixed<16,6>", "ufixed<5,-2>", "fixed<40,3>", "fixed<1,1>", "fixed<9,13>")
    conversions = [Conversion(None, Format.parse(text)) for text in types]
    ties = [rng.integers(-(2**12), 2**12, SAMPLES) * case.target.step / 2 for case in conversions]
    spread = rng.standard_normal(SAMPLES) * 2.0 ** rng.integers(-60, 60, SAMPLES)
    inputs = [np.append(tie, spread) for tie in ties]
    outputs = ApFixed(conversions, tmp_path_factory.mktemp("quantizations")).run(inputs)
    return list(zip(conversions, inputs, outputs, strict=True))


@pytest.mark.slow
@pytest.mark.xdist_group("ap_fixed")
@MODE_PAIRS
def test_cast_equals_ap_fixed(casts: list[Case], rounding: Rounding, overflow: Overflow) -> None:
    for conversion, mantissa, outputs in casts:
        assert conversion.source is not None
        ours = cast(mantissa, conversion.source.fraction, conversion.target, rounding, overflow)
        theirs = outputs[MODES.index((rounding, overflow))]
        np.testing.assert_array_equal(ours, theirs, err_msg=f"{conversion.source} -> {conversion.target}")


@pytest.mark.slow
@pytest.mark.xdist_group("ap_fixed")
@MODE_PAIRS
def test_quantize_equals_ap_fixed(quantizations: list[Case], rounding: Rounding, overflow: Overflow) -> None:
    for conversion, real, outputs in quantizations:
        ours = quantize(real, conversion.target, rounding, overflow)
        theirs = outputs[MODES.index((rounding, overflow))]
        np.testing.assert_array_equal(ours, theirs, err_msg=str(conversion.target))


def test_missing_headers_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tests.core.ap_fixed_reference.HEADER", "absent/ap_fixed.h")
    with pytest.raises(FileNotFoundError) as error:
        ApFixed([], tmp_path)
    assert str(error.value) == (
        "absent/ap_fixed.h is missing: the ap_fixed headers come with the PyPI package hls4ml, "
        "which the extra netloom[test] installs"
    )
