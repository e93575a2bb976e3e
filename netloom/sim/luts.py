"""Networks of lookup tables in the fast emulator: one table for each result, found by a matrix product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import SSAValue

from netloom.core.lut_network import numbers
from netloom.ir.da import LutNetworkOp
from netloom.ir.interval import Interval

Values = NDArray[Any]

TABLE_ENTRIES = 1 << 20
"""Entries of all results' tables together, up to which they are made."""


def lut_network(
    op: LutNetworkOp, intervals: Mapping[SSAValue, Interval], holding: Callable[[float], Any]
) -> Callable[[Sequence[Values]], Values] | None:
    """A result's place in its table is linear in the inputs that it depends on; None for tables too large."""
    interval = intervals[op.input]
    inputs = interval.low.shape[-1]
    low = interval.low.reshape(-1, inputs).min(axis=0).astype(np.int64)
    counts = interval.high.reshape(-1, inputs).max(axis=0).astype(np.int64) - low + 1
    outputs = op.result_shape[-1]
    strides, first = np.zeros((inputs, outputs), dtype=np.int64), np.zeros(outputs, dtype=np.int64)
    tables: list[Values] = []
    entries = 0
    for output in range(outputs):
        read = _inputs_of(op, output)
        size = float(np.prod(counts[read], dtype=np.float64))
        if entries + size > TABLE_ENTRIES:
            return None
        table = _table(op, output, read, low, counts)
        strides[read, output] = np.cumprod([1, *counts[read]])[:-1]
        first[output] = entries - low @ strides[:, output]
        tables.append(table)
        entries += len(table)
    reach = np.maximum(np.abs(low), np.abs(low + counts)).astype(np.float64) @ strides
    dtype = holding(float((reach + np.abs(first)).max(initial=0.0)))
    kind = holding(float(max((np.abs(table).max() for table in tables), default=0)))
    flat = np.concatenate(tables).astype(kind) if tables else np.zeros(0, dtype=kind)
    steps, start = strides.astype(dtype), first.astype(dtype)

    def kernel(operands: Sequence[Values]) -> Values:
        x = operands[0].astype(dtype, copy=False)
        places = np.matmul(x.reshape(-1, inputs), steps)
        places += start
        return np.asarray(flat[places.astype(np.int32)].reshape(*x.shape[:-1], outputs))

    return kernel


def _inputs_of(op: LutNetworkOp, output: int) -> list[int]:
    """The input elements that a result depends on."""
    return sorted({signal // op.bits_per_input for signal in op.network.part(output)[1]})


def _table(op: LutNetworkOp, output: int, read: Sequence[int], low: Values, counts: Values) -> Values:
    """A result for all values of the inputs that it depends on, the first one fastest."""
    part, signals = op.network.part(output)
    place = np.arange(int(np.prod(counts[list(read)], dtype=np.int64)))
    values: dict[int, Values] = {}
    for number in read:
        values[number] = low[number] + place % counts[number]
        place = place // counts[number]
    bits = np.zeros((len(signals), len(place)), dtype=np.uint8)
    for row, signal in zip(bits, signals, strict=True):
        number, bit = divmod(signal, op.bits_per_input)
        row[:] = values[number] >> bit & 1
    return np.asarray(numbers(part.bits(bits), op.is_signed)[0])
