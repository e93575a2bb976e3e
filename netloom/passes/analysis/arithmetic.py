"""How many lookup tables and multipliers arithmetic takes, by widths and constants: what Yosys builds.

The rules were read from netlists of `synth_xilinx -family xcup` (Yosys 0.70), of designs with one piece each
(`benchmarks/estimates.py`). k stands for the inputs of a lookup table.

Multipliers. A product becomes hard multipliers from a result of `SMALLEST_PRODUCT_BITS` on, if both factors
have two bits. One that is too wide is cut: all pieces but the last have `small - 1` bits, since multipliers
take signed numbers, and each piece's product is added above the one before. Smaller products are rows of
and-gates with an adder each.

Sums. Products of hard multipliers are added two by two, one table a bit. Other sums in one stage are
compressed: a full adder of two tables turns three bits into two until two words are left, whose adder
disappears in the tables before it.

Constants. What is known when the program is compiled needs less: a factor of few bits, a power of two, a
table's block that repeats, a threshold that ends in zeros.
"""

from __future__ import annotations

import math

import numpy as np

from netloom.core.devices import Device
from netloom.core.fixed import Format
from netloom.ir.interval import Ints

Parts = tuple[int, int, int]
"""LUTs, multipliers, block memories of 36 kbit."""

SMALLEST_PRODUCT_BITS = 9
"""Bits of a result from which on a multiplier is used: `DSP_Y_MINWIDTH` of Yosys's synthesis scripts."""
CHAIN_END_LUTS = 4
"""Tables at the ends of the carry chain behind full adders; fitted."""
CHUNKS_WITHOUT_CARRY = 2
"""Groups of k bits up to which a comparison with a constant does without a carry chain."""


def cone(inputs: int, device: Device) -> int:
    """Tables of a function such as a conjunction: the first takes k inputs, each further one k - 1 more."""
    if inputs <= 1:
        return 0
    return max(math.ceil((inputs - 1) / (device.lut_inputs - 1)), 1)


def comparator(width: int, device: Device) -> int:
    """Two numbers: a group of bits fills a table, and takes one for `less` and one for `equal`."""
    return math.ceil(4 * width / device.lut_inputs)


def constant_comparator(width: int, constant: int, device: Device) -> int:
    """A number of `width` bits against a constant, `constant` counted from the lowest of its format.

    Zeros at the constant's end and what is below them decide nothing.
    """
    if not 0 < constant < 1 << width:
        return 0
    bits, k = width - trailing_zeros(constant), device.lut_inputs
    if bits <= CHUNKS_WITHOUT_CARRY * k:
        return max(cone(bits, device), 1)
    return 2 * math.ceil(bits / k)


def compressed(bits: int, width: int) -> int:
    """The sum of `bits` bits in all as a number of `width` bits: each full adder leaves one bit less."""
    return 2 * max(bits - 2 * width, 0) + CHAIN_END_LUTS


def tree_sums(before: int, after: int, width: int) -> int:
    """`before` numbers of `width` bits are added to `after` sums within one stage."""
    grown = width + max(math.ceil(before / after) - 1, 0).bit_length()
    ripple = (before - after) * width
    return max(ripple, 2 * max(before * width - 2 * after * grown, 0) + after * CHAIN_END_LUTS)


def product(left: Format, right: Format, device: Device) -> tuple[int, int]:
    """Tables and multipliers of a product; a multiplier's factor that has no sign gets one."""
    wide, narrow = max(left.width, right.width), min(left.width, right.width)
    if narrow < 2 or wide + narrow < SMALLEST_PRODUCT_BITS:
        return small_product(wide, narrow, device), 0
    return tiles(left.width + (not left.signed), right.width + (not right.signed), device)


def small_product(wide: int, narrow: int, device: Device) -> int:
    """A row of gates for each bit of one factor, and the rows added with two tables a bit."""
    if wide + narrow <= device.lut_inputs:
        return wide * narrow
    return wide * max(2 * (narrow - 1), 1)


def tiles(left: int, right: int, device: Device) -> tuple[int, int]:
    """Tables of adders, and multipliers, of the product of signed factors of any width."""
    return _cut(max(left, right), min(left, right), device)


def _cut(wide: int, narrow: int, device: Device) -> tuple[int, int]:
    """As Yosys's `mul2dsp`: the wide factor first, and what was the narrow one stays that for its pieces."""
    large, small = max(device.multiplier_bits), min(device.multiplier_bits)
    piece = small - 1
    if wide > large:
        low, high = _cut(small, narrow, device), _cut(wide - piece, narrow, device)
    elif narrow > small:
        low, high = _cut(wide, small, device), _cut(wide, narrow - piece, device)
    else:
        return 0, 1
    return low[0] + high[0] + wide - piece + narrow, low[1] + high[1]


def constant_product(
    constant: int, width: int, constant_bits: int, device: Device
) -> tuple[int, int, int, int]:
    """A signed number times a constant.

    Yosys takes the zeros off an even constant, and then no longer sees that the factors are signed: its
    multiplier is as wide as the product.

    Args:
        constant: the factor.
        width: bits of the number.
        constant_bits: bits that the backend gives to the constant.
        device: target.

    Returns:
        Tables around multipliers; multipliers; tables when there is none and the product stands alone; rows
        to add when it is part of a sum: the ones of the constant, or one.
    """
    zeros = trailing_zeros(constant)
    odd, whole = constant >> zeros, width + constant_bits - zeros
    if (odd <= 1 and constant >= 0) or constant == -1:
        return 0, 0, 0, abs(odd)  # wires, or a negation in the carry chain alone
    own = signed_bits(odd)
    if (whole if zeros else width + own) < SMALLEST_PRODUCT_BITS or width < 2:
        ones = (odd % (1 << own)).bit_count()
        return 0, 0, width + own if ones > 1 else 0, ones
    if not zeros:
        return *tiles(width, own, device), 0, 1
    lut, dsp = tiles(whole + 1, own if odd > 0 else whole + 1, device)
    above = max(whole - (min(device.multiplier_bits) - 1), 0)
    return min(lut, above), dsp, 0, 1


def signed_bits(value: int) -> int:
    """Bits of a number with its sign."""
    return (value if value >= 0 else ~value).bit_length() + 1


def trailing_zeros(value: int) -> int:
    """Zeros at the end of a number; none for zero."""
    return (value & -value).bit_length() - 1 if value else 0


def rounded(mode: str, dropped: int, device: Device) -> int:
    """The decision to round up, and the lowest bit of the adder; the others are carry alone."""
    if dropped <= 0 or mode == "TRN":
        return 0
    if mode == "RND":
        return 1
    if mode == "RND_CONV":
        return cone(dropped + 1, device)  # the lowest bit is one of the inputs already
    negative = mode != "RND_MIN_INF"
    return cone(dropped + negative, device) + 1


def clipped(width: int, lost: int, to_signed: bool, device: Device) -> int:
    """A signed number of which `lost` bits do not fit: one table a bit, which looks at all of those itself.

    Args:
        width: bits of the result.
        lost: bits above them, the sign of a result included in them only if that has none.
        to_signed: whether the result has a sign; that bit is the number's own.
        device: target.
    """
    inputs = lost + (2 if to_signed else 1)
    more = math.ceil(max(inputs - device.lut_inputs, 0) / (device.lut_inputs - 3))
    return width - to_signed + 2 * more


def symmetric(width: int, clips: bool, device: Device) -> int:
    """The lowest mantissa moves up by one: found in the number, and in what was clipped to it."""
    return 2 * cone(width, device) if clips else cone(width, device) + 1


def table_blocks(values: Ints, width: int, device: Device) -> int:
    """A table of constants in lookup tables: one for each different block of 2**k entries of a bit.

    A bit that is the same everywhere, or one bit of the address, or the same as another, takes none. From
    four blocks on, each different pair needs a selector; one selector behind two tables is no table (MUXF7).

    Args:
        values: the entries.
        width: bits of each.
        device: target.
    """
    size = 1 << device.lut_inputs
    entries = 1 << max(len(values) - 1, 1).bit_length()
    padded = np.concatenate([values, np.full(entries - len(values), values[-1])])
    bits = (padded[None, :] >> np.arange(width)[:, None]) & 1
    found = _different(bits.reshape(-1, min(size, entries)))
    return found + (_different(bits.reshape(-1, 2 * size)) if entries > 2 * size else 0)


def _different(blocks: Ints) -> int:
    """Different rows, a row and its inverse being one, without those that no or one address bit gives."""
    rows = _unique(blocks ^ blocks[:, :1])
    rows = rows[rows.any(axis=1)]
    return len(rows) - _address_bits(rows)


def _unique(rows: Ints) -> Ints:
    """Different rows of bits, in any order; a set of their bytes is many times faster than sorting them."""
    packed = np.packbits(rows.astype(np.uint8), axis=1)
    found = np.frombuffer(b"".join({row.tobytes() for row in packed}), np.uint8)
    return np.unpackbits(found.reshape(-1, packed.shape[1]), axis=1, count=rows.shape[1]).astype(np.int64)


def _address_bits(rows: Ints) -> int:
    """Rows that are one bit of their columns' numbers."""
    places = np.arange(rows.shape[1])
    bits = ((places >> bit) & 1 for bit in range(max(rows.shape[1] - 1, 0).bit_length()))
    return sum(int((rows == bit).all(axis=1).sum()) for bit in bits)


def counted(levels: int, device: Device) -> int:
    """The number of ones in a thermometer: bit b looks at each 2**b-th level (`reached_count` in VHDL)."""
    return sum(cone(levels >> bit, device) for bit in range(levels.bit_length()))


def columns(words: Ints, width: int) -> tuple[int, int]:
    """Different bits of a memory of constants: those that change, and those of them that are no address bit.

    Args:
        words: int64[addresses, numbers of a word].
        width: bits of each number.
    """
    if len(words) == 1:
        return 0, 0
    bits = (words[:, :, None] >> np.arange(width)) & 1
    rows = _unique(bits.reshape(len(words), -1).T)
    changing = rows[(rows != rows[:, :1]).any(axis=1)]
    return len(changing), len(changing) - _address_bits(changing)
