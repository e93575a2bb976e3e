"""The exact forms of a quantizer on a fixed-point value: cast, thresholds, table; and a rounded one.

Levels here are those of `netloom.ir.quantizer`, less the zero point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr
from xdsl.ir import SSAValue

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format, Overflow, Precision, Rounding
from netloom.ir.attributes import ArrayAttr, fixed_tensor, format_of
from netloom.ir.base import interval_of
from netloom.ir.fx import DequantizeOp, LookupOp, ThresholdOp
from netloom.ir.nn import AddOp, MaxOp, MinOp, MulOp, QuantOp, ReluOp, SubOp
from netloom.ir.program import add_note
from netloom.ir.quantizer import Uniform, power_of_two
from netloom.passes.analysis.chains import Chain, finite_levels, parameter_shape, step_function
from netloom.passes.analysis.scaled import exact_fixed, exponents, scaled_view, uniform
from netloom.passes.rewriting import Builder
from netloom.passes.views import absorb_offset

Real = NDArray[Any]

TABLE_BITS = 14
"""A function that is not monotone becomes a table of inputs of up to this many bits."""

SHIFTABLE = ("TRN", "RND", "RND_MIN_INF", "CEIL")
"""Roundings that commute with adding a whole number."""


def result_fraction(op: QuantOp) -> int:
    """Fraction bits of the fixed-point result: those of a power-of-two scale, else none."""
    fraction = power_of_two(op.scale.values)
    return fraction if fraction is not None and op.output.data == "value" else 0


def result_format(op: QuantOp) -> Format:
    """The narrowest format of the quantizer's levels."""
    low, high = bounds(op)
    return Format.for_range(int(low.min()), int(high.max()), result_fraction(op))


def bounds(op: QuantOp) -> tuple[Real, Real]:
    """Smallest and largest level, less the zero point."""
    zero = op.zero_point.reals()
    return op.low.reals() - zero, op.high.reals() - zero


def level_count(op: QuantOp) -> int:
    """How many levels there are, at most over all channels."""
    return 2 if op.rounding.data == "BIPOLAR" else int(np.max(op.high.reals() - op.low.reals())) + 1


def fixed_constant(build: Builder, mantissas: Real, fraction: int) -> SSAValue:
    """A constant in the narrowest format of that fraction."""
    integers = np.asarray(mantissas).astype(np.int64)
    return build.fixed(integers, Format.for_range(int(integers.min()), int(integers.max()), fraction))


def clipped(build: Builder, value: SSAValue, rounding: str, fraction: int, low: Real, high: Real) -> SSAValue:
    """`value` rounded to a multiple of 2^-fraction and clipped to mantissas [low, high].

    One cast where the bounds are those of a format; else a minimum or maximum follows it.
    """
    lowest, highest = int(low.min()), int(high.max())
    number_format = Format.for_range(lowest, highest, fraction)
    symmetric = number_format.signed and (lowest, highest) == (-number_format.max_mantissa, -lowest)
    overflow = Overflow.SAT_SYM if symmetric else Overflow.SAT
    result = rounded(build, value, rounding, number_format, overflow)
    if np.any(low > (lowest if symmetric else number_format.min_mantissa)):
        result = build.op(MaxOp, [result, fixed_constant(build, low, fraction)])
    if np.any(high < number_format.max_mantissa):
        result = build.op(MinOp, [result, fixed_constant(build, high, fraction)])
    return result


def rounded(build: Builder, value: SSAValue, rounding: str, target: Format, overflow: Overflow) -> SSAValue:
    """A cast; rounding up and away from zero are composed of what casts can do."""
    if rounding in Rounding.__members__:
        return build.cast(value, Precision(target, Rounding[rounding], overflow))
    if rounding == "UP":
        above = rounded(build, build.op(ReluOp, [value]), "CEIL", target, overflow)
        zero = fixed_constant(build, np.zeros(()), 0)
        below = rounded(build, build.op(MinOp, [value, zero]), "TRN", target, overflow)
        return build.op(AddOp, [above, below])
    source = format_of(value.type)
    dropped = source.fraction - target.fraction if source is not None else 0
    if dropped > 0 and source is not None:
        almost_one = fixed_constant(build, np.asarray(2**dropped - 1), source.fraction)
        value = build.op(AddOp, [value, almost_one])
    return build.cast(value, Precision(target, Rounding.TRN, overflow))


def as_cast(op: QuantOp, chain: Chain, build: Builder) -> SSAValue | None:
    """Exact when all scales are powers of two and nothing else is between."""
    view, target = scaled_view(op.input), exponents(op.scale.values)
    if view is None or target is None or chain.ops or op.rounding.data == "BIPOLAR":
        return None
    source = exponents(view.scale)
    if source is None:
        return None
    view = absorb_offset(view, build)
    fraction = result_fraction(op)
    value = shifted(build, view.value, source - target - fraction)
    if view.has_offset or value is None:
        return None
    low, high = bounds(op)
    zero = op.zero_point.reals()
    if shifts_with_zero_point(op):
        return clipped(build, value, op.rounding.data, fraction, low, high)
    offset = fixed_constant(build, zero, fraction)
    raised = build.op(AddOp, [value, offset])
    level = clipped(build, raised, op.rounding.data, fraction, op.low.reals(), op.high.reals())
    return build.op(SubOp, [level, offset])


def shifts_with_zero_point(op: QuantOp) -> bool:
    """Whether rounding before or after the zero point is added gives the same level."""
    zero = op.zero_point.reals()
    if bool(op.round_first) or op.rounding.data in SHIFTABLE or not np.any(zero):
        return True
    return op.rounding.data == "RND_CONV" and not np.any(zero % 2)


def shifted(build: Builder, value: SSAValue, places: NDArray[np.int64]) -> SSAValue | None:
    """value * 2^places; where places differ, a multiplication by powers of two."""
    common = uniform(places)
    if common is not None:
        return build.times_power_of_two(value, int(common))
    factors = exact_fixed(np.exp2(places.astype(np.float64)))
    return build.op(MulOp, [value, build.fixed(*factors)]) if factors is not None else None


def as_multiplier(op: QuantOp, chain: Chain, build: Builder, module: ModuleOp, bits: int) -> SSAValue | None:
    """round(x * m + b) with constants of `bits` bits, the error stated in a note.

    Rectifiers before the quantizer only raise its lowest level.
    """
    view = scaled_view(chain.source)
    plain = all(isinstance(link, ReluOp) for link in chain.ops)
    if view is None or not plain or not shifts_with_zero_point(op) or not np.any(view.scale):
        return None
    slope, intercept = view.scale / op.scale.reals(), view.offset / op.scale.reals()
    fraction = bits - 1 - int(np.ceil(np.log2(np.abs(slope).max())))
    factor = np.rint(np.ldexp(slope, fraction))
    value = build.op(MulOp, [view.value, fixed_constant(build, factor, fraction)])
    source = format_of(view.value.type)
    assert source is not None
    error = float(np.abs(np.ldexp(factor, -fraction) - slope).max())
    error *= max(abs(source.min_value), abs(source.max_value))
    if np.any(intercept != 0):
        places = fraction + source.fraction
        shift = np.rint(np.ldexp(intercept, places))
        value = build.op(AddOp, [value, fixed_constant(build, shift, places)])
        error += float(np.abs(np.ldexp(shift, -places) - intercept).max())
    text = f"scale by a {bits}-bit multiplier: at most {error:.3g} levels before rounding"
    add_note(module, op.origin_name, text)
    low, high = bounds(op)
    result = clipped(build, value, op.rounding.data, 0, np.maximum(low, 0) if chain.ops else low, high)
    return build.times_power_of_two(result, -result_fraction(op))


def as_thresholds(op: QuantOp, chain: Chain, build: Builder) -> SSAValue | None:
    """Exact for monotone chains: thresholds per channel."""
    try:
        steps = step_function(chain, wide(op).levels, quantizer_shapes(op))
    except ValueError as error:
        raise without_value(op) from error
    dequantize = chain.source.owner
    if steps is None or not isinstance(dequantize, DequantizeOp):
        return None
    return build.op(
        ThresholdOp,
        [dequantize.input],
        result=fixed_tensor(dequantize.result_shape, result_format(op)),
        thresholds=ArrayAttr.of(steps.thresholds),
        base=ArrayAttr.of(steps.base),
        sign=ArrayAttr.of(steps.sign),
    )


def as_table(op: QuantOp, chain: Chain, build: Builder) -> SSAValue | None:
    """A table over all values of a narrow input, for chains that are not monotone."""
    dequantize = chain.source.owner
    assert isinstance(dequantize, DequantizeOp)
    source = dequantize.operand_formats[0]
    shape = parameter_shape(chain, dequantize, quantizer_shapes(op))
    if source.width > TABLE_BITS or int(np.prod(shape)) != 1:
        return None
    mantissas = np.arange(source.min_mantissa, source.max_mantissa + 1)
    inputs = dequantize.evaluate([mantissas.reshape(-1, *shape)])
    try:
        levels = finite_levels(wide(op).levels(chain.evaluate(inputs))).reshape(-1)
    except ValueError as error:
        raise without_value(op) from error
    return build.op(
        LookupOp,
        [dequantize.input],
        result=fixed_tensor(dequantize.result_shape, result_format(op)),
        table=ArrayAttr.of(levels),
        low=IntegerAttr(source.min_mantissa, 64),
        function=StringAttr("+".join(link.name for link in chain.ops) or "quantizer"),
    )


def wide(op: QuantOp) -> Uniform:
    """The op's quantizer on exact (float64) parameters."""
    return Uniform(
        op.scale.reals(),
        op.zero_point.reals(),
        op.low.reals(),
        op.high.reals(),
        op.rounding.data,
        bool(op.round_first),
    )


def quantizer_shapes(op: QuantOp) -> list[tuple[int, ...]]:
    """Shapes of the quantizer's parameters."""
    parameters = (op.scale, op.zero_point, op.low, op.high)
    return [tuple(parameter.values.shape) for parameter in parameters]


def without_value(op: QuantOp) -> CompileError:
    """The refusal of a logarithm of a negative number and its like."""
    return CompileError(
        "NL306",
        "a function before the quantizer has no value on some inputs",
        origin=op.origin_name,
        supported="functions that are defined on all inputs that can occur",
        hint="clip the function's input to its domain",
    )


def reach(value: SSAValue) -> tuple[int, int]:
    """Smallest and largest integer that a fixed-point value can round to."""
    low, high = interval_of(value).bounds
    number_format = format_of(value.type)
    assert number_format is not None
    ends = np.ldexp(np.array([low, high], dtype=np.float64), -number_format.fraction)
    return int(np.floor(ends[0])), int(np.ceil(ends[1]))
