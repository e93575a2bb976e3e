"""Fixed-point formats and the exact conversions into them.

A number in ``Format(width=W, integer=I, signed=S)`` is ``mantissa * 2**-(W - I)``, with a mantissa
of W bits (two's complement when signed). Notation and meaning are those of ``ap_fixed<W, I>`` (AMD
UG1399, "Arbitrary Precision Fixed-Point Data Types") and ``ac_fixed<W, I, S>`` (Siemens, "Algorithmic
C Datatypes"). Rounding and overflow belong to a conversion, not to a number; the two meet in
:class:`Precision`.

Arrays hold mantissas as int64. :func:`cast` and :func:`quantize` are the only functions of netloom
that round or clip, and both are exact for every input they accept.
"""

from __future__ import annotations

import enum
import math
import re
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

MAX_WIDTH = 63
"""Widest format whose mantissas, signed or not, all fit int64 (in bits)."""

IntArray: TypeAlias = NDArray[np.int64]
RealArray: TypeAlias = NDArray[np.float64] | NDArray[np.float32]
BoolArray: TypeAlias = NDArray[np.bool_]


class FormatError(ValueError):
    """A format that cannot exist, cannot be read, or is too wide for int64 mantissas."""


class Rounding(enum.Enum):
    """What a conversion does with bits below the target's least significant bit."""

    TRN = "TRN"
    """Toward minus infinity."""
    TRN_ZERO = "TRN_ZERO"
    """Toward zero."""
    RND = "RND"
    """To nearest, halves toward plus infinity."""
    RND_ZERO = "RND_ZERO"
    """To nearest, halves toward zero."""
    RND_INF = "RND_INF"
    """To nearest, halves away from zero."""
    RND_MIN_INF = "RND_MIN_INF"
    """To nearest, halves toward minus infinity."""
    RND_CONV = "RND_CONV"
    """To nearest, halves to the even mantissa."""


class Overflow(enum.Enum):
    """What a conversion does with a (rounded) value outside the target's range."""

    WRAP = "WRAP"
    """Keep the low bits."""
    SAT = "SAT"
    """The nearest end of the range."""
    SAT_ZERO = "SAT_ZERO"
    """Zero."""
    SAT_SYM = "SAT_SYM"
    """The nearest end of the symmetric range: the lowest mantissa of a signed target is not used."""


@dataclass(frozen=True)
class Format:
    """The set of values ``m * 2**-(width - integer)`` for every ``m`` of ``width`` bits.

    Attributes:
        width: bits of the mantissa, the sign included; 0 is the constant zero.
        integer: bits left of the binary point, the sign included; may be negative or above ``width``.
        signed: two's complement when true.

    Raises:
        FormatError: ``width`` is negative.
    """

    width: int
    integer: int
    signed: bool = True

    def __post_init__(self) -> None:
        if self.width < 0:
            raise FormatError(f"a fixed-point width is 0 or more bits, not {self.width}")

    @property
    def fraction(self) -> int:
        """Bits right of the binary point; negative when the step is above one."""
        return self.width - self.integer

    @property
    def min_mantissa(self) -> int:
        """Lowest mantissa."""
        return -(1 << self.width - 1) if self.signed and self.width else 0

    @property
    def max_mantissa(self) -> int:
        """Highest mantissa."""
        return (1 << self.width - 1) - 1 if self.signed and self.width else (1 << self.width) - 1

    @property
    def step(self) -> float:
        """Distance between neighbouring values."""
        return math.ldexp(1.0, -self.fraction)

    @property
    def min_value(self) -> float:
        """Lowest value, as the nearest double (exact up to 53 bits)."""
        return math.ldexp(float(self.min_mantissa), -self.fraction)

    @property
    def max_value(self) -> float:
        """Highest value, as the nearest double (exact up to 53 bits)."""
        return math.ldexp(float(self.max_mantissa), -self.fraction)

    def __str__(self) -> str:
        """``fixed<W,I>`` or ``ufixed<W,I>``; :meth:`parse` reads it back."""
        return f"{'' if self.signed else 'u'}fixed<{self.width},{self.integer}>"

    @classmethod
    def parse(cls, text: str) -> Format:
        """Read ``fixed<W,I>``, ``ufixed<W,I>`` or a vendor's spelling of a type.

        Accepted vendor spellings: ``ap_fixed``, ``ap_ufixed``, ``ac_fixed<W,I,S>``, ``ap_int<W>``,
        ``ap_uint<W>`` and ``ac_int<W,S>``.

        Raises:
            FormatError: the text is none of these, or carries rounding or overflow modes, which a
                format cannot hold (:meth:`Precision.parse` reads those).
        """
        spelling, format_, modes = _parse_type(text)
        if modes:
            raise FormatError(f"{text!r}: a format has no modes, found {', '.join(modes)}; {spelling.syntax}")
        return format_

    @classmethod
    def for_range(cls, lo_mantissa: int, hi_mantissa: int, fraction: int) -> Format:
        """Return the narrowest format with ``fraction`` fraction bits that holds both mantissas.

        It is unsigned when ``lo_mantissa >= 0`` and has width 0 when both are zero.

        Raises:
            FormatError: ``lo_mantissa > hi_mantissa``.
        """
        if lo_mantissa > hi_mantissa:
            raise FormatError(f"an empty range has no format: {lo_mantissa} > {hi_mantissa}")
        signed = lo_mantissa < 0
        # ~lo is -lo - 1: two's complement holds one more negative than positive mantissas.
        low_bits = (~lo_mantissa).bit_length() if signed else 0
        width = max(low_bits, max(hi_mantissa, 0).bit_length()) + signed
        return cls(width, width - fraction, signed)


@dataclass(frozen=True)
class Precision:
    """A format with the modes of the conversion into it."""

    format: Format
    rounding: Rounding = Rounding.RND
    overflow: Overflow = Overflow.SAT

    def __str__(self) -> str:
        """``fixed<W,I,ROUNDING,OVERFLOW>``; :meth:`parse` reads it back."""
        return f"{str(self.format)[:-1]},{self.rounding.value},{self.overflow.value}>"

    @classmethod
    def parse(cls, text: str) -> Precision:
        """Read ``fixed<W,I[,ROUNDING[,OVERFLOW]]>`` or a vendor's type with or without modes.

        Modes left out are RND and SAT after ``fixed`` and ``ufixed``. A vendor's spelling keeps the
        vendor's meaning: TRN and WRAP, and mode names with ``AP_`` or ``AC_`` in front.

        Raises:
            FormatError: the text is not a type, or names a mode that does not exist.
        """
        spelling, format_, modes = _parse_type(text)
        if len(modes) > 2:
            raise FormatError(f"{text!r}: {modes[2]!r} is one argument too many; {spelling.syntax}")
        names = [mode.removeprefix(spelling.mode_prefix) for mode in modes]
        names += [spelling.default_rounding.value, spelling.default_overflow.value][len(names) :]
        try:
            return cls(format_, Rounding(names[0]), Overflow(names[1]))
        except ValueError:
            known = f"{', '.join(Rounding.__members__)} and {', '.join(Overflow.__members__)}"
            raise FormatError(
                f"{text!r}: unknown rounding or overflow mode in {', '.join(modes)}; known are {known}"
            ) from None


@dataclass(frozen=True)
class _Spelling:
    """How one family of type names writes a format: what each leading argument is."""

    syntax: str
    arguments: tuple[str, ...]
    signed: bool = True
    mode_prefix: str = "AP_"
    default_rounding: Rounding = Rounding.TRN
    default_overflow: Overflow = Overflow.WRAP


_FIXED = ("width", "integer")
_SPELLINGS = {
    "fixed": _Spelling("write fixed<W,I>", _FIXED, True, "", Rounding.RND, Overflow.SAT),
    "ufixed": _Spelling("write ufixed<W,I>", _FIXED, False, "", Rounding.RND, Overflow.SAT),
    "ap_fixed": _Spelling("write ap_fixed<W,I>", _FIXED),
    "ap_ufixed": _Spelling("write ap_ufixed<W,I>", _FIXED, False),
    "ac_fixed": _Spelling("write ac_fixed<W,I,S>", (*_FIXED, "signed"), mode_prefix="AC_"),
    "ap_int": _Spelling("write ap_int<W>", ("width",)),
    "ap_uint": _Spelling("write ap_uint<W>", ("width",), False),
    "ac_int": _Spelling("write ac_int<W,S>", ("width", "signed")),
}
_TYPE = re.compile(r"\s*(?P<name>\w+)\s*<(?P<arguments>[^<>]*)>\s*")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def _parse_type(text: str) -> tuple[_Spelling, Format, list[str]]:
    """Split a type into how it is spelled, its format and its modes as written."""
    match = _TYPE.fullmatch(text)
    spelling = _SPELLINGS.get(match["name"]) if match else None
    if match is None or spelling is None:
        raise FormatError(f"{text!r} is not a fixed-point type; known are {', '.join(_SPELLINGS)}")
    written = [argument.strip() for argument in match["arguments"].split(",")]
    values = dict(zip(spelling.arguments, written, strict=False))
    try:
        width = int(values["width"])
        integer = int(values["integer"]) if "integer" in spelling.arguments else width
        signed = _BOOLEANS[values["signed"]] if "signed" in spelling.arguments else spelling.signed
    except (KeyError, ValueError):
        raise FormatError(f"{text!r} is not a fixed-point type; {spelling.syntax}") from None
    modes = written[len(spelling.arguments) :]
    if modes and "integer" not in spelling.arguments:
        raise FormatError(f"{text!r}: {modes[0]!r} is one argument too many; {spelling.syntax}")
    return spelling, Format(width, integer, signed), modes


def cast(
    mantissa: IntArray, source_fraction: int, target: Format, rounding: Rounding, overflow: Overflow
) -> IntArray:
    """Convert fixed-point numbers into ``target``, exactly as ``ap_fixed`` assignment does.

    Args:
        mantissa: source mantissas, any shape, any int64.
        source_fraction: fraction bits of the source; may be negative and may differ from the
            target's by any amount.
        target: format of the result, at most 63 bits wide.
        rounding: mode for bits below the target's step.
        overflow: mode for rounded values outside the target's range.

    Returns:
        Mantissas in ``target``, same shape.

    Raises:
        FormatError: ``target`` is wider than 63 bits.
    """
    shift = np.array(_bounded(source_fraction - target.fraction), np.int64)
    return _convert(np.asarray(mantissa, np.int64), shift, target, rounding, overflow)


def quantize(real: RealArray, target: Format, rounding: Rounding, overflow: Overflow) -> IntArray:
    """Convert real numbers into ``target``; the value of every finite double counts exactly.

    Args:
        real: values, any shape.
        target: format of the result, at most 63 bits wide.
        rounding: mode for what lies below the target's step.
        overflow: mode for rounded values outside the target's range.

    Returns:
        Mantissas in ``target``, same shape.

    Raises:
        FormatError: ``target`` is wider than 63 bits.
        ValueError: a value is NaN or infinite.
    """
    values = np.asarray(real, dtype=np.float64)
    bad = np.count_nonzero(~np.isfinite(values))
    if bad:
        raise ValueError(f"{bad} of {values.size} values are NaN or infinite, which no format holds")
    significand, exponent = np.frexp(values)
    # A double is an integer of 53 bits times a power of two, so it is itself fixed point with a
    # fraction of its own.
    mantissa = np.ldexp(significand, _DOUBLE_BITS).astype(np.int64)
    shift = _bounded(_DOUBLE_BITS - target.fraction) - exponent.astype(np.int64)
    return _convert(mantissa, shift, target, rounding, overflow)


def to_real(mantissa: IntArray, format: Format) -> NDArray[np.float64]:
    """Return the values of mantissas, exact up to 53 bits and else as the nearest doubles.

    Raises nothing: what lies outside the range of doubles becomes zero or infinity.
    """
    return np.ldexp(np.asarray(mantissa).astype(np.float64), _bounded(-format.fraction))


_DOUBLE_BITS = 53
_WORD_BITS = 64


def _bounded(shift: int) -> int:
    """Bring a shift into machine range: beyond this every double and every int64 is shifted out."""
    return max(-(1 << 20), min(shift, 1 << 20))


def _convert(
    mantissa: IntArray, shift: IntArray, target: Format, rounding: Rounding, overflow: Overflow
) -> IntArray:
    """Return ``mantissa * 2**-shift`` in ``target``; ``shift`` broadcasts and may be negative."""
    if target.width > MAX_WIDTH:
        raise FormatError(f"{target} has {target.width} bits; int64 mantissas hold at most {MAX_WIDTH}")
    rounded = _shift_right(mantissa, np.maximum(shift, 0), rounding)
    # Shifting left by 63 already moves every bit out of every target, by wrapping or by overflow.
    left: IntArray = np.minimum(np.maximum(-shift, 0), MAX_WIDTH)
    if overflow is Overflow.WRAP:
        return np.asarray(_wrap(rounded << left, target))
    return np.asarray(_saturate(rounded, left, target, overflow))


def _shift_right(mantissa: IntArray, places: IntArray, rounding: Rounding) -> IntArray:
    """Divide by ``2**places`` and round to integers."""
    if not places.any():
        return mantissa
    if places.max() >= _WORD_BITS:
        # Drop all but 63 of the places first; a last bit that is set when any dropped one was keeps
        # every comparison with zero and with a half as it is.
        dropped = np.minimum(np.maximum(places - (_WORD_BITS - 1), 0), _WORD_BITS - 1)
        sticky = (mantissa & _low_bits(dropped)) != 0
        mantissa, places = (mantissa >> dropped) | sticky, np.minimum(places, _WORD_BITS - 1)
    floor: IntArray = mantissa >> places
    if rounding is Rounding.TRN:
        return floor
    below = np.maximum(places - 1, 0)
    half: IntArray = (mantissa >> below) & np.minimum(places, 1)
    if rounding is Rounding.RND:
        return floor + half
    rest: BoolArray = (mantissa & _low_bits(below)) != 0
    if rounding is Rounding.TRN_ZERO:
        up: BoolArray = (mantissa < 0) & (rest | (half != 0))
    else:
        up = (half != 0) & (rest | _ties_go_up(mantissa, floor, rounding))
    return floor + up


def _low_bits(count: IntArray) -> IntArray:
    """Return words whose ``count`` low bits are set, for up to 63 of them."""
    return np.invert(np.left_shift(np.int64(-1), count))


def _ties_go_up(mantissa: IntArray, floor: IntArray, rounding: Rounding) -> BoolArray:
    """Tell which values, if midway between ``floor`` and ``floor + 1``, round to ``floor + 1``."""
    match rounding:
        case Rounding.RND_ZERO:
            return mantissa < 0
        case Rounding.RND_INF:
            return mantissa >= 0
        case Rounding.RND_CONV:
            return (floor & 1).astype(np.bool_)
        case Rounding.RND_MIN_INF:
            return np.zeros_like(mantissa, np.bool_)
        case _:
            raise AssertionError(f"{rounding} does not depend on ties")


def _wrap(value: IntArray, target: Format) -> IntArray:
    """Keep the low bits of a value that is right modulo 2**64."""
    if not target.signed or target.width == 0:
        return np.bitwise_and(value, target.max_mantissa)
    spare = _WORD_BITS - target.width
    return np.right_shift(np.left_shift(value, spare), spare)


def _saturate(value: IntArray, left: IntArray, target: Format, overflow: Overflow) -> IntArray:
    """Shift left by at most 63 places and clip; compares before it shifts, so nothing is lost."""
    low, high = np.int64(target.min_mantissa), np.int64(target.max_mantissa)
    if overflow is Overflow.SAT_SYM and low < 0:
        # As both vendors' headers do: this is -high, except that a lone sign bit keeps its -1.
        low |= np.int64(1)
    if overflow is not Overflow.SAT_ZERO and not left.any():
        return np.clip(value, low, high)
    # high / 2**left rounded down and low / 2**left rounded up: the values that stay inside.
    above, below = value > (high >> left), value < -(-low >> left)
    shifted = value << left
    if overflow is Overflow.SAT_ZERO:
        return np.where(above | below, 0, shifted)
    return np.where(above, high, np.where(below, low, shifted))
