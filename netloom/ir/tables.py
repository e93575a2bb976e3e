"""Tables of real functions: computed once, in float64, rounded to the result's format.

A table reads its input either exactly (one entry per mantissa) or, for functions that need
constant relative accuracy over a wide positive range, by leading one and `mantissa_bits` bits after
it (see `netloom.ir.fx.LookupOp`); each entry then stands for the middle of its bucket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netloom.core import fixed
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format, Overflow, Rounding
from netloom.ir.functions import FUNCTIONS

MAX_ENTRIES = 1 << 17
"""Tables beyond this are refused: 128 Ki entries are 64 block RAMs at 18 bits."""

ENDS = np.array([-1.0, 0.0, 1.0])
INTERIOR = np.linspace(-1.0, 1.0, 9)
"""Where a function is compared with its table entry, in units of the entry's reach: a monotone one is
farthest from it at an end."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FunctionTable:
    """Entries (mantissas of the result) and the mantissa that entry 0 of a linear table is for."""

    entries: Ints
    low: int


def function_table(
    function: str,
    arguments: Mapping[str, float],
    source: Format,
    target: Format,
    mantissa_bits: int | None,
    origin: str = "",
) -> FunctionTable:
    """The table of `function` for every mantissa of `source`, rounded to `target` (half to even).

    Raises:
        CompileError: NL304 when it would have more than `MAX_ENTRIES` entries.
    """
    mantissas, low = representatives(source, mantissa_bits, origin)
    inputs = np.ldexp(mantissas, -source.fraction)
    outputs = _clipped(function, arguments, inputs, target)
    return FunctionTable(fixed.quantize(outputs, target, Rounding.RND_CONV, Overflow.SAT), low)


def representatives(
    source: Format, mantissa_bits: int | None, origin: str
) -> tuple[NDArray[np.float64], int]:
    """The input mantissa that each entry stands for (float64), and the first entry's mantissa."""
    if mantissa_bits is None:
        entries = source.max_mantissa - source.min_mantissa + 1
        _check_entries(entries, source, origin)
        return np.arange(entries, dtype=np.float64) + source.min_mantissa, source.min_mantissa
    exponents = source.width - (1 if source.signed else 0)
    _check_entries(exponents << mantissa_bits, source, origin)
    steps = 1 << mantissa_bits
    exponent, step = np.divmod(np.arange(exponents * steps, dtype=np.float64), steps)
    start = np.exp2(exponent) * (1 + step / steps)
    width = np.maximum(np.exp2(exponent - mantissa_bits), 1.0)
    middle: NDArray[np.float64] = np.floor(start) + (width - 1) / 2
    return middle, 0


def _check_entries(entries: int, source: Format, origin: str) -> None:
    if entries > MAX_ENTRIES:
        raise CompileError(
            "NL304",
            f"a table over {source} needs {entries} entries",
            origin=origin,
            supported=f"up to {MAX_ENTRIES} entries",
            hint="lower 'table_bits', or cast the input to a narrower format",
        )


def worst_error(
    function: str,
    arguments: Mapping[str, float],
    table: FunctionTable,
    source: Format,
    target: Format,
    mantissa_bits: int | None,
    input_step: float,
) -> float:
    """Upper bound of |table - function|, the function clipped to the range of `target`.

    A linear table counts all real inputs within half an `input_step` of an entry. A table by leading
    one counts the positive mantissas of `source`, and its error is relative to the function's value,
    where that is above the step of `target`.
    """
    entries = np.ldexp(table.entries.astype(np.float64), -target.fraction)
    if mantissa_bits is not None:
        mantissas = _positive_mantissas(source, mantissa_bits)
        exact = _clipped(function, arguments, np.ldexp(mantissas, -source.fraction), target)
        found = entries[np.minimum(float_index(mantissas, mantissa_bits), len(entries) - 1)]
        counted = np.abs(exact) > target.step
        return float((np.abs(found - exact)[counted] / np.abs(exact)[counted]).max(initial=0.0))
    centre = np.ldexp(representatives(source, None, "")[0], -source.fraction)
    places = INTERIOR if FUNCTIONS[function].direction == 0 else ENDS
    exact = _clipped(function, arguments, centre + input_step / 2 * places[:, None], target)
    errors = np.abs(exact - entries)
    # Between two of the points a smooth function passes their chord by an eighth of its second
    # difference at most; a fourth leaves room for the difference itself being an estimate.
    bends = np.abs(np.diff(errors, n=2, axis=0)).max(initial=0.0) / 4 if len(places) > 3 else 0.0
    return float(errors.max(initial=0.0) + bends)


def _positive_mantissas(source: Format, mantissa_bits: int) -> Ints:
    """All of them, or of very many those at the ends of an entry, where a monotone function is farthest."""
    if source.max_mantissa < MAX_ENTRIES << 3:
        return np.arange(1, source.max_mantissa + 1, dtype=np.int64)
    middle, _ = representatives(source, mantissa_bits, "")
    exponent = np.floor(np.log2(middle))
    reach = (np.maximum(np.exp2(exponent - mantissa_bits), 1) - 1) / 2
    return np.concatenate([middle - reach, middle + reach]).astype(np.int64)


def _clipped(
    function: str, arguments: Mapping[str, float], inputs: NDArray[np.float64], target: Format
) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):
        exact = FUNCTIONS[function].apply(inputs, **arguments)
    finite = np.nan_to_num(exact, nan=0.0, posinf=target.max_value, neginf=target.min_value)
    return np.asarray(np.clip(finite, target.min_value, target.max_value))


def float_index(mantissas: Ints, bits: int) -> Ints:
    """Exponent and first `bits` fraction bits of positive integers, as one index; 0 for m <= 0."""
    positive = np.maximum(mantissas, 1)
    exponent = np.zeros_like(positive)
    rest = positive.copy()
    for step in (32, 16, 8, 4, 2, 1):
        large = rest >= (np.int64(1) << step)
        exponent += np.where(large, step, 0)
        rest = np.where(large, rest >> step, rest)
    aligned = np.where(
        exponent >= bits,
        positive >> np.maximum(exponent - bits, 0),
        positive << np.maximum(bits - exponent, 0),
    )
    return np.asarray((exponent << bits) + (aligned - (np.int64(1) << bits)))
