"""Uniform quantizers as QONNX, Brevitas and ONNX define them: real numbers to integer levels.

Source: QONNX operator definitions `Quant`, `IntQuant`, `BipolarQuant` and the ONNX operator
`QuantizeLinear`. A level is round(clip(x / scale + zero_point)); the real value it stands for is
(level - zero_point) * scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[Any]

ROUNDINGS: Mapping[str, Callable[[Real], Real]] = {
    "TRN": np.floor,
    "TRN_ZERO": np.trunc,
    "RND": lambda x: np.floor(x) + (x - np.floor(x) >= 0.5),
    "RND_ZERO": lambda x: np.trunc(x) + np.sign(x) * (np.abs(x - np.trunc(x)) > 0.5),
    "RND_INF": lambda x: np.trunc(x) + np.sign(x) * (np.abs(x - np.trunc(x)) >= 0.5),
    "RND_MIN_INF": lambda x: np.ceil(x) - (np.ceil(x) - x >= 0.5),
    "RND_CONV": np.rint,
    "CEIL": np.ceil,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "BIPOLAR": lambda x: np.where(x >= 0, 1.0, -1.0).astype(x.dtype),
}
"""Rounding of a real number to an integer, by name: the seven of ap_fixed and QONNX's others.

Every one is exact: nothing is added to a number before its fraction is looked at, because x + 0.5
itself rounds when x is just below 0.5 or beyond 2^22 in float32.
"""

QONNX_ROUNDINGS: Mapping[str, str] = {
    "ROUND": "RND_CONV",
    "HALF_EVEN": "RND_CONV",
    "FLOOR": "TRN",
    "CEIL": "CEIL",
    "UP": "UP",
    "DOWN": "TRN_ZERO",
    "HALF_UP": "RND_INF",
    "HALF_DOWN": "RND_ZERO",
}
"""QONNX's names of rounding modes and ours."""


@dataclass(frozen=True, eq=False)
class Uniform:
    """A uniform quantizer; arrays broadcast against the tensor.

    Attributes:
        scale: real value of one level, positive.
        zero_point: level that stands for zero.
        low, high: smallest and largest level.
        rounding: a key of `ROUNDINGS`; BIPOLAR takes the sign and has levels -1 and 1.
        round_first: round before the zero point is added (ONNX) and not after (QONNX).
    """

    scale: Real
    zero_point: Real
    low: Real
    high: Real
    rounding: str
    round_first: bool = False

    def levels(self, x: Real) -> Real:
        """Levels minus zero point, as integers held in the floating-point type of `x`.

        Bounds that this type cannot hold (more than 24 bits in float32) are met in float64.
        """
        if not self._holds_bounds(x.dtype):
            return self.levels(x.astype(np.float64))
        scale, zero = self.scale.astype(x.dtype), self.zero_point.astype(x.dtype)
        y = x / scale
        if self.rounding == "BIPOLAR":
            return np.asarray(ROUNDINGS["BIPOLAR"](y + zero) - zero)
        if self.round_first:
            y = ROUNDINGS[self.rounding](y) + zero
            return np.asarray(np.clip(y, self.low.astype(x.dtype), self.high.astype(x.dtype)) - zero)
        y = np.clip(y + zero, self.low.astype(x.dtype), self.high.astype(x.dtype))
        return np.asarray(ROUNDINGS[self.rounding](y) - zero)

    def _holds_bounds(self, dtype: np.dtype[Any]) -> bool:
        """Whether the smallest and largest level are numbers of this type."""
        bounds = np.broadcast_arrays(self.low, self.high)
        return dtype == np.float64 or bool(np.all(np.astype(np.stack(bounds), dtype) == bounds))

    def apply(self, x: Real) -> Real:
        """The real values that the levels stand for ("fake quantization")."""
        return np.asarray(self.levels(x) * self.scale.astype(x.dtype)).astype(x.dtype)


def level_bounds(signed: bool, narrow: bool, bit_width: Real) -> tuple[Real, Real]:
    """Smallest and largest level of a QONNX integer quantizer."""
    bits = np.asarray(bit_width, dtype=np.float64)
    if signed:
        return -(2.0 ** (bits - 1)) + float(narrow), 2.0 ** (bits - 1) - 1
    return np.zeros_like(bits), 2.0**bits - 1 - float(narrow)


def power_of_two(scale: Real) -> int | None:
    """The fraction F when every element of `scale` equals 2^-F, else None."""
    first = float(np.asarray(scale).reshape(-1)[0])
    if not np.all(np.asarray(scale) == first) or first <= 0:
        return None
    mantissa, exponent = np.frexp(first)
    return 1 - int(exponent) if mantissa == 0.5 else None
