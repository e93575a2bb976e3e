"""A real value seen as a fixed-point value with a scale and an offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import SSAValue

from netloom.core.fixed import Format
from netloom.ir.attributes import shape_of
from netloom.ir.fx import DequantizeOp
from netloom.ir.quantizer import power_of_two

Real = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Scaled:
    """offset + scale * value; scale and offset broadcast against the tensor (float64)."""

    value: SSAValue
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return shape_of(self.value.type)

    @property
    def uniform_scale(self) -> float | None:
        """The scale when it is the same everywhere."""
        return uniform(self.scale)

    @property
    def has_offset(self) -> bool:
        """Whether any offset is not zero."""
        return bool(np.any(self.offset != 0))

    @property
    def fraction(self) -> int | None:
        """F when the scale is 2^-F everywhere."""
        return power_of_two(self.scale)


def uniform(array: Real) -> float | None:
    """The common value of all elements, or None."""
    first = float(array.reshape(-1)[0]) if array.size else 0.0
    return first if bool(np.all(array == first)) else None


def compact(array: Real) -> NDArray[np.float64]:
    """A parameter in its smallest broadcastable form: axes along which it is constant become 1."""
    result = np.asarray(array, dtype=np.float64)
    for axis in range(result.ndim):
        first = np.take(result, [0], axis=axis)
        if result.shape[axis] > 1 and bool(np.all(result == first)):
            result = first
    return result.reshape(()) if result.size == 1 else result


def exponents(scale: Real) -> NDArray[np.int64] | None:
    """e where every element of `scale` is 2^e, else None."""
    mantissa, exponent = np.frexp(np.asarray(scale, dtype=np.float64))
    return np.asarray(exponent).astype(np.int64) - 1 if bool(np.all(mantissa == 0.5)) else None


def scaled_view(value: SSAValue) -> Scaled | None:
    """The view of a dequantized value, or None for any other real value."""
    owner = value.owner
    if not isinstance(owner, DequantizeOp):
        return None
    return Scaled(owner.input, owner.scale.reals(), owner.offset.reals())


def exact_fixed(
    values: Real, *, max_fraction: int = 40, max_width: int = 40
) -> tuple[NDArray[np.int64], Format] | None:
    """Mantissas and the narrowest format that hold real constants exactly, or None."""
    array = np.asarray(values, dtype=np.float64)
    fraction = _fraction_needed(array)
    if fraction > max_fraction:
        return None
    scaled = np.ldexp(array, fraction)
    if scaled.size and float(np.abs(scaled).max()) >= 2.0 ** (max_width - 1):
        return None
    mantissas = scaled.astype(np.int64)
    low, high = (int(mantissas.min()), int(mantissas.max())) if mantissas.size else (0, 0)
    return mantissas, Format.for_range(low, high, fraction)


def _fraction_needed(array: NDArray[np.float64]) -> int:
    """Fraction bits that hold every element; negative when all are multiples of a power of two."""
    nonzero = array[array != 0]
    if not nonzero.size:
        return 0
    significand, exponent = np.frexp(nonzero)
    integers = np.ldexp(significand, 53).astype(np.int64)
    trailing = np.log2((integers & -integers).astype(np.float64)).astype(np.int64)
    return int(np.max(53 - exponent - trailing))
