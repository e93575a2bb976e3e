"""Lookup tables, by mantissa and by leading one, and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import SSAValue

from netloom.core.fixed import Format
from netloom.ir.attributes import fixed_tensor, shape_of
from netloom.ir.fx import LookupOp, ThresholdOp
from netloom.testing.battery.formats import signed, unsigned
from netloom.testing.cases import Case
from netloom.testing.program import Port, Program

Ints = NDArray[np.int64]

SOURCES = (signed(6, 2), unsigned(7, -2), signed(20, 9), signed(1, 1), unsigned(40, 12))


def _tables() -> dict[str, tuple[Ints, int, int | None, Format]]:
    """Entries, lowest mantissa, bits after the leading one, format of the entries; by what is special."""
    rng = np.random.default_rng(3)
    return {
        "falling table": (31 - np.arange(64), -32, None, signed(6, 3)),
        "table of 36 bits": (rng.integers(-(2**35), 2**35, 21), -7, None, signed(36, 3)),
        "table beyond the input": (rng.integers(0, 200, 10), 2**33, None, unsigned(8, 3)),
        "table of one entry": (np.array([5]), 0, None, unsigned(3, 1)),
        "table of zeros": (np.zeros(8, dtype=np.int64), -4, None, signed(2, 1)),
        "table by leading one": (rng.integers(-9, 200, 40), 0, 2, signed(9, 3)),
        "table by leading one alone": (rng.integers(0, 2, 6), 0, 0, unsigned(1, 3)),
        "table by leading one up to bit 39": (rng.integers(0, 200, 160), 0, 2, unsigned(8, 3)),
        "table by leading one and 4 bits": (rng.integers(0, 2000, 19 * 16), 0, 4, unsigned(11, 3)),
    }


def _lookup(
    table: Ints, low: int, bits: int | None, target: Format, program: Program, x: SSAValue
) -> SSAValue:
    result = fixed_tensor(shape_of(x.type), target)
    return program.add(LookupOp, x, result=result, table=table, low=low, mantissa_bits=bits, function="test")


def _thresholds() -> dict[str, tuple[Ints, Any, Any]]:
    """Thresholds [*p, L], base and sign for a tensor of shape [2, 3, 4]; by what is special."""
    rng = np.random.default_rng(4)
    per_channel = np.sort(rng.integers(-50, 60, (3, 1, 7)), axis=-1)
    return {
        "15 shared thresholds": (np.sort(rng.integers(-128, 128, 15)), 0, 1),
        "7 thresholds a channel": (per_channel, [[1], [-3], [2]], [[1], [-1], [0]]),
        "1 threshold an element, falling": (np.sort(rng.integers(-50, 60, (4, 1)), axis=-1), -2, -1),
        "6 equal thresholds": (np.full((1, 6), 3), np.arange(4), 1),
        "a threshold beyond the input": (np.array([2**40]), 5, 1),
        "no thresholds": (np.zeros((0,), dtype=np.int64), 3, 1),
    }


def _threshold(thresholds: Ints, base: Any, sign: Any, program: Program, x: SSAValue) -> SSAValue:
    base, sign = np.asarray(base, dtype=np.int64), np.asarray(sign, dtype=np.int64)
    count = thresholds.shape[-1]
    low = int(base.min()) - (count if sign.min() < 0 else 0)
    high = int(base.max()) + (count if sign.max() > 0 else 0)
    result = fixed_tensor(shape_of(x.type), Format.for_range(low, high, 0))
    return program.add(ThresholdOp, x, result=result, thresholds=thresholds, base=base, sign=sign)


def tables() -> Sequence[Case]:
    """All of them."""
    lookups = [
        Case(f"fx.lookup {source}, {name}", "fx.lookup", (Port((8,), source),), partial(_lookup, *table))
        for source in SOURCES
        for name, table in _tables().items()
    ]
    thresholds = [
        Case(
            f"fx.threshold {source}, {name}",
            "fx.threshold",
            (Port((2, 3, 4), source),),
            partial(_threshold, *parameters),
        )
        for source in (signed(8, 2), unsigned(5, 1), signed(22, 30))
        for name, parameters in _thresholds().items()
    ]
    return [*lookups, *thresholds]
