"""Exact changes of a scaled view's form: other scale, no offset, positive, larger."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netloom.ir.attributes import shape_of
from netloom.ir.nn import AddOp, MulOp
from netloom.passes.analysis.scaled import Scaled, exact_fixed
from netloom.passes.rewriting import Builder

Real = NDArray[Any]

ZERO = np.zeros(())
FACTOR_BITS = 18
"""A factor between two scales becomes a multiplication when it is a number of so few bits."""


def at_rank(array: Real, rank: int) -> Real:
    """A parameter with leading axes of size 1 up to `rank`."""
    return array.reshape((1,) * (rank - array.ndim) + array.shape)


def spread(view: Scaled, shape: tuple[int, ...], build: Builder) -> Scaled:
    """The view repeated to a larger shape."""
    return Scaled(build.broadcast(view.value, shape), view.scale, view.offset)


def times(view: Scaled, factor: Real, scale: Real, build: Builder) -> Scaled | None:
    """The view at `scale`, with value * factor; None when the factor is no short number."""
    exact = exact_fixed(factor, max_fraction=40, max_width=FACTOR_BITS)
    if exact is None:
        return None
    return Scaled(build.op(MulOp, [view.value, build.fixed(*exact)]), scale, view.offset)


def levelled(view: Scaled, build: Builder) -> Scaled:
    """One scale for all elements, where they are powers of two apart (signs may differ)."""
    if view.uniform_scale is not None or np.any(view.scale == 0):
        return view
    base = float(np.abs(view.scale).min())
    ratio = view.scale / base
    if np.any(np.frexp(np.abs(ratio))[0] != 0.5):
        return view
    return times(view, ratio, np.asarray(base), build) or view


def positive(view: Scaled, build: Builder) -> Scaled:
    """Negative scales become positive ones of negated values."""
    if not np.any(view.scale < 0):
        return view
    signs = np.where(view.scale < 0, -1.0, 1.0)
    return times(view, signs, np.abs(view.scale), build) or view


def rescaled(view: Scaled, scale: float, build: Builder) -> Scaled | None:
    """The view at another uniform scale, when a short factor does that exactly."""
    own = view.uniform_scale
    if own is None or own == 0 or scale == 0:
        return None
    ratio = own / scale
    mantissa, exponent = np.frexp(ratio)
    if mantissa == 0.5:
        value = build.times_power_of_two(view.value, int(exponent) - 1)
        return Scaled(value, np.asarray(scale), view.offset)
    if ratio * scale != own:
        return None
    return times(view, np.asarray(ratio), np.asarray(scale), build)


def common_scale(left: Scaled, right: Scaled, build: Builder) -> tuple[Scaled, Scaled] | None:
    """Both at one scale, when that is exact."""
    rank = max(len(left.shape), len(right.shape))
    same = np.array_equal(at_rank(left.scale, rank), at_rank(right.scale, rank))
    if same and (left.uniform_scale is not None or left.shape == right.shape):
        return left, right
    left, right = levelled(left, build), levelled(right, build)
    if left.uniform_scale is None or right.uniform_scale is None:
        return None
    moved = rescaled(right, left.uniform_scale, build)
    if moved is not None:
        return left, moved
    moved = rescaled(left, right.uniform_scale, build)
    return (moved, right) if moved is not None else None


def absorb_offset(view: Scaled, build: Builder) -> Scaled:
    """An offset that is exact at the scale becomes a fixed-point addition."""
    if not view.has_offset or np.any(view.scale == 0):
        return view
    ratio = np.ldexp(np.round(np.ldexp(view.offset / view.scale, 24)), -24)
    exact = exact_fixed(ratio, max_fraction=24)
    if exact is None or not np.array_equal(ratio * view.scale, np.broadcast_to(view.offset, ratio.shape)):
        return view
    total = build.op(AddOp, [view.value, build.fixed(*exact)])
    return Scaled(total, view.scale, ZERO) if shape_of(total.type) == view.shape else view
