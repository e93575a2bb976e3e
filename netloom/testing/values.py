"""Mantissas for the ports: extremes, patterns, every value of narrow formats, and random ones."""

from __future__ import annotations

import math
import zlib

import numpy as np
from numpy.typing import NDArray

from netloom.passes.analysis.hardware import PortInfo

Ints = NDArray[np.int64]


def mantissas(port: PortInfo, samples: int) -> Ints:
    """int64 [samples, *shape]: the same values for a port of the same name every time.

    All lowest, all highest, alternating both ways, zero, one and minus one; then numbers near the
    ends of the range, of every magnitude, and uniform ones. Formats with no more values than there
    are elements show every value.
    """
    low, high = port.format.min_mantissa, port.format.max_mantissa
    rng = np.random.default_rng(zlib.crc32(port.name.encode()))
    patterns = _patterns(low, high)
    values = np.empty((samples, port.elements), dtype=np.int64)
    for row, pair in zip(values, patterns, strict=False):
        row[::2], row[1::2] = np.clip(pair[0], low, high), np.clip(pair[1], low, high)
    rest = values[len(patterns) :]
    spread = _spread(rng, low, high, rest.size)
    if high - low < rest.size:
        spread[: high - low + 1] = np.arange(low, high + 1)
    rest[:] = rng.permutation(spread).reshape(rest.shape)
    return values.reshape(samples, *port.shape)


def _patterns(low: int, high: int) -> list[tuple[int, int]]:
    """What the elements of even and of odd number are in the first samples."""
    return [(low, low), (high, high), (low, high), (high, low), (0, 0), (1, 1), (-1, -1)]


def _spread(rng: np.random.Generator, low: int, high: int, count: int) -> Ints:
    """A third uniform, a third of random magnitude, a third close to the ends."""
    uniform = rng.integers(low, high, count, dtype=np.int64, endpoint=True)
    bits = rng.uniform(0, math.log2(max(high, 1)) + 1e-9, count)
    sized = np.exp2(bits).astype(np.int64) * rng.choice([-1, 1], count)
    near = rng.choice(np.array([low, high], dtype=np.int64), count) + rng.integers(-2, 3, count)
    chosen = rng.integers(0, 3, count)
    clipped: Ints = np.clip(np.select([chosen == 0, chosen == 1], [uniform, sized], near), low, high)
    return clipped
