"""Index expressions: which element a loop's counter means, as arithmetic when there is a pattern."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Pattern:
    """index = start + ((counter // repeat) % period) * step; period 0 means no modulo.

    `table` holds the indices themselves where no such pattern exists.
    """

    start: int = 0
    repeat: int = 1
    period: int = 0
    step: int = 1
    table: Ints | None = None


def pattern_of(indices: Ints) -> Pattern:
    """The pattern of `indices` in the order of a counter; broadcasting and reduction give regular ones."""
    flat = np.asarray(indices, dtype=np.int64).reshape(-1)
    i = np.arange(flat.size)
    if flat.size == 0 or np.all(flat == flat[0]):
        return Pattern(start=int(flat[0]) if flat.size else 0, step=0)
    start = int(flat[0])
    rest = flat - start
    repeat = int(np.argmax(rest != 0))
    step = int(rest[repeat])
    blocks = rest // step
    if step > 0 and np.array_equal(blocks * step, rest):
        if np.array_equal(blocks, i // repeat):
            return Pattern(start, repeat, 0, step)
        period = int(blocks.max()) + 1
        if np.array_equal(blocks, (i // repeat) % period):
            return Pattern(start, repeat, period, step)
    return Pattern(table=flat)
