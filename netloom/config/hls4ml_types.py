"""hls4ml's precision strings as netloom's precisions.

The grammar is that of `FPGABackend.convert_precision_string` in hls4ml 1.3: `ap_fixed`, `ac_fixed`, `fixed`,
their unsigned forms and the integers. A mode left out means truncation and wrapping in all of them, also in
`fixed<W,I>`, which in netloom itself means rounding and saturation.
"""

from __future__ import annotations

import re

from netloom.core.fixed import MAX_WIDTH, Format, Overflow, Precision, Rounding

AUTO = "auto"

TYPE = re.compile(r"\s*(?P<family>ap_|ac_)?(?P<unsigned>u)?(?P<kind>fixed|int)\s*<(?P<arguments>[^<>]*)>\s*")
FLOATS = ("float", "double", "half", "bfloat16", "ap_float", "ac_float", "std_float", "ac_std_float")


class TypeWithoutCounterpart(Exception):
    """A type that netloom's formats do not hold; the message is the reason."""


def precision_of(text: str) -> Precision | None:
    """A precision, None for `auto`.

    Raises:
        TypeWithoutCounterpart: for what is not a fixed-point type, or not one of netloom's.
    """
    if text.strip().lower() == AUTO:
        return None
    if text.strip().startswith(FLOATS):
        raise TypeWithoutCounterpart("netloom computes in fixed point")
    match = TYPE.fullmatch(text)
    if match is None:
        raise TypeWithoutCounterpart("not a type that hls4ml reads")
    arguments = [argument.strip() for argument in match["arguments"].split(",")]
    try:
        precision = read(match, arguments)
    except (KeyError, ValueError, IndexError):
        raise TypeWithoutCounterpart("its arguments are not those of a fixed-point type") from None
    if precision.format.width > MAX_WIDTH:
        raise TypeWithoutCounterpart(f"formats have up to {MAX_WIDTH} bits")
    return precision


def read(match: re.Match[str], arguments: list[str]) -> Precision:
    """The precision of a type that is taken apart."""
    fixed = match["kind"] == "fixed"
    width = int(arguments.pop(0))
    integer = int(arguments.pop(0)) if fixed else width
    signed = match["unsigned"] is None
    if match["family"] == "ac_" and arguments:
        signed = signed and arguments.pop(0).lower() not in ("false", "0")
    target = Format(width, integer, signed)
    if not fixed:  # hls4ml reads no modes of integers
        return Precision(target, Rounding.TRN, Overflow.WRAP)
    rounding = Rounding[mode(arguments.pop(0))] if arguments else Rounding.TRN
    overflow = Overflow[mode(arguments.pop(0))] if arguments else Overflow.WRAP
    if arguments and int(arguments[0]):
        raise TypeWithoutCounterpart("saturation bits (the fifth argument) have no counterpart")
    return Precision(target, rounding, overflow)


def mode(text: str) -> str:
    """The name of a mode without its vendor."""
    return text.upper().removeprefix("AP_").removeprefix("AC_")
