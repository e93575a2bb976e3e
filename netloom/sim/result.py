"""What the simulation of a generated design gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SimulationResult:
    """What a design gave.

    Attributes:
        outputs: mantissas int64[N, *shape] of each output port.
        latency_cycles: measured for every sample, in enabled clock cycles; None without a clock, as in
            the C-simulation of an HLS design.
        interval: largest distance between two outputs, in enabled clock cycles; 0 for one sample, None
            without a clock.
        cycles: enabled clock cycles until the last output; None without a clock.
    """

    outputs: Sequence[Ints]
    latency_cycles: int | None = None
    interval: int | None = None
    cycles: int | None = None
