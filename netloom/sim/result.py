"""What the simulation of a generated design gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
        fifos: largest number of beats in each FIFO of a streaming design, by name.
        frame_ends: cycle of the last beat of each frame at each output of a streaming design; cycle 0 is
            the first after the reset.
    """

    outputs: Sequence[Ints]
    latency_cycles: int | None = None
    interval: int | None = None
    cycles: int | None = None
    fifos: Mapping[str, int] = field(default_factory=dict)
    frame_ends: Sequence[Sequence[int]] = ()
