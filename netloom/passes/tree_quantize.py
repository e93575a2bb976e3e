"""Trees over real numbers become trees over mantissas: part of assign-precision.

A threshold becomes the whole number t with m < t exactly where the real number that mantissa m stands for is
below the real threshold; so every input that the format can represent takes the same way as in the source
model. Only leaves are rounded, and the worst error of their sum is stated.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import DictionaryAttr, StringAttr
from xdsl.ir import SSAValue

from netloom.core import fixed
from netloom.core.cuts import mantissa_cuts, pulled_back
from netloom.core.diagnostics import warn
from netloom.core.ensemble import Ensemble, Ints
from netloom.core.fixed import Format, Overflow, Precision, Rounding
from netloom.ir.attributes import fixed_tensor
from netloom.ir.interval import Interval, check_width
from netloom.ir.program import add_note, insert_before
from netloom.ir.tree import EnsembleOp, ensemble_op, feature_bounds
from netloom.passes.analysis.scaled import Scaled, scaled_view
from netloom.passes.analysis.tree_memory import quantized
from netloom.passes.formats import fixed_format
from netloom.passes.rewriting import Builder

if TYPE_CHECKING:
    from netloom.passes.assign_precision import Assigner

SCORE_BITS = 22
"""Width of scores when nothing was chosen."""
SPARE_BITS = 1
"""Integer bits more of scores whose trees can be replaced: others may reach further."""

Reals = NDArray[np.float64]


def quantized_ensemble(assigner: Assigner, op: EnsembleOp, build: Builder) -> SSAValue:
    """The ensemble on the mantissas of its operand, with leaves of the score's fraction."""
    ensemble = op.ensemble
    spare = SPARE_BITS if op.memory is not None else 0
    op.attributes.setdefault("default_precision", StringAttr(str(default_precision(ensemble, spare))))
    precision = assigner.formats.chosen(op, "result")
    view = _view(assigner, op)
    source = fixed_format(view.value)
    thresholds = _thresholds(ensemble, view, source)
    _note_outside(assigner, op, thresholds, source)
    fraction = precision.format.fraction
    leaves, base = (_rounded(values, fraction) for values in (ensemble.leaves, ensemble.base))
    whole = replace(ensemble, threshold=thresholds, leaves=leaves, base=base)
    error = score_error(ensemble, leaves, base, fraction)
    text = f"scores are sums of leaves with {fraction} fraction bits: error at most {error:.3g}"
    add_note(assigner.module, op.origin_name, text)
    low, high = whole.bounds(*feature_bounds(Interval.of_format(source, op.operand_shapes[0])))
    check_width(float(max(-low.min(initial=0), high.max(initial=0))), op.origin_name)
    exact = Format.for_range(int(low.min(initial=0)), int(high.max(initial=0)), fraction)
    scores, memory = _score_format(assigner, op, precision, exact)
    result = fixed_tensor(op.result_shape, scores)
    made = ensemble_op(view.value, whole, build.origin, fraction=fraction, result=result, memory=memory)
    return insert_before(op, made)


def _score_format(
    assigner: Assigner, op: EnsembleOp, precision: Precision, exact: Format
) -> tuple[Format, DictionaryAttr | None]:
    """The chosen format when it holds all scores, else one that does; and the op's property `memory`."""
    found = precision.format if holds_range(precision.format, exact) else exact
    if found is exact:
        _note_overflow(assigner, op, precision, exact)
    if op.memory is None:
        return found, None
    memory, scores = quantized(op.memory, str(precision))
    return (scores if scores is not None and holds_range(scores, exact) else found), memory


def holds_range(number_format: Format, other: Format) -> bool:
    """Whether a format holds all numbers of one with the same fraction."""
    return (
        number_format.min_mantissa <= other.min_mantissa and other.max_mantissa <= number_format.max_mantissa
    )


def _view(assigner: Assigner, op: EnsembleOp) -> Scaled:
    """The operand as scale * m + offset, where the scale is positive; else in a format of its own."""
    view = scaled_view(op.input)
    if view is not None and np.all(view.scale > 0):
        return view
    value = assigner.formats.operand(op.input, op)
    return Scaled(value, np.ones(()), np.zeros(()))


def _thresholds(ensemble: Ensemble, view: Scaled, source: Format) -> Ints:
    """Whole thresholds; with a scale that is no power of two through the order of the real values."""
    low, high = source.min_mantissa, source.max_mantissa
    columns = (ensemble.n_features,)
    scale, offset = (
        np.broadcast_to(part.reshape(-1, part.shape[-1])[0] if part.ndim else part, columns)[ensemble.feature]
        for part in (view.scale, view.offset)
    )
    bounds = ensemble.threshold
    if np.any(scale != 1.0) or np.any(offset != 0.0):
        bounds = pulled_back(bounds, lambda value: value * scale + offset)
    return mantissa_cuts(bounds, source.fraction, low, high)


def _note_outside(assigner: Assigner, op: EnsembleOp, thresholds: Ints, source: Format) -> None:
    """Warn of comparisons that no input can decide otherwise."""
    outside = (thresholds <= source.min_mantissa) | (thresholds > source.max_mantissa)
    count = int(np.count_nonzero(outside & np.isfinite(op.ensemble.threshold)))
    if count:
        text = f"{count} of {len(thresholds)} thresholds are outside the input format {source}"
        warn(f"{op.origin_name}: {text}; every input takes the same branch there")
        add_note(assigner.module, op.origin_name, text)


def _note_overflow(assigner: Assigner, op: EnsembleOp, precision: Precision, exact: Format) -> None:
    """Warn of scores that the chosen format does not hold; those of a mean over trees are sums."""
    text = f"scores may reach {exact.min_value:g} to {exact.max_value:g}, beyond {precision}"
    # The format asked for is signed as a rule.
    needed = exact.integer + (precision.format.signed and not exact.signed)
    if assigner.formats.user(op, "result") is not None:  # else calibration data say that they do not
        warn(f"{op.origin_name}: {text}; a format of {needed} integer bits holds them all")
    add_note(assigner.module, op.origin_name, text)


def _rounded(values: Reals, fraction: int) -> Ints:
    """Mantissas, to nearest; leaves of magnitude 2^61 and more are beyond exact arithmetic anyway."""
    wide = Format(fixed.MAX_WIDTH, fixed.MAX_WIDTH - fraction, True)
    return fixed.quantize(values, wide, Rounding.RND_CONV, Overflow.SAT)


def score_error(ensemble: Ensemble, leaves: Ints, base: Ints, fraction: int) -> float:
    """Largest error of a score: of each tree the leaf that was rounded worst, and of the base."""
    rounding = np.abs(np.ldexp(leaves.astype(np.float64), -fraction) - ensemble.leaves)
    start = np.abs(np.ldexp(base.astype(np.float64), -fraction) - ensemble.base)
    _, worst = any_way(replace(ensemble, leaves=rounding, base=start))
    return float(worst.max(initial=0.0))


def any_way(ensemble: Ensemble) -> tuple[Reals, Reals]:
    """Bounds [K] of the results when every comparison may go both ways."""
    crossed = replace(ensemble, threshold=np.zeros(ensemble.n_nodes))
    features = ensemble.n_features
    return crossed.bounds(np.full(features, -1, dtype=np.int64), np.zeros(features, dtype=np.int64))


def default_precision(ensemble: Ensemble, spare: int = 0) -> Precision:
    """A signed format of `SCORE_BITS` bits for all sums; fewer fraction bits when the leaves have no more.

    `spare` integer bits come on top.
    """
    largest = max(2.0**-SCORE_BITS, *(float(np.abs(end).max(initial=0.0)) for end in any_way(ensemble)))
    integer = math.floor(math.log2(largest)) + 2
    fraction = min(SCORE_BITS - integer, _exact_fraction(ensemble, SCORE_BITS - integer))
    width = max(integer + spare + fraction, 1)
    return Precision(Format(width, width - fraction, True), Rounding.RND_CONV, Overflow.SAT)


def _exact_fraction(ensemble: Ensemble, most: int) -> int:
    """The fewest fraction bits with which every leaf is exact, or `most`."""
    values = np.concatenate([ensemble.leaves.reshape(-1), ensemble.base])
    for fraction in range(0, most):
        scaled = np.ldexp(values, fraction)
        if np.array_equal(scaled, np.rint(scaled)):
            return fraction
    return most
