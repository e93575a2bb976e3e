"""Which format a value takes: what the user chose, what was observed, and what constants need."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import SSAValue

from netloom.core import fixed
from netloom.core.diagnostics import CompileError, warn
from netloom.core.fixed import Format, Overflow, Precision, Rounding
from netloom.core.precision import PrecisionConfig, matches, parse_precision
from netloom.ir.attributes import ArrayAttr, format_of
from netloom.ir.base import NetloomOp, interval_of
from netloom.ir.nn import AddOp, ConcatOp, MaxOp, MinOp, MulOp, SubOp
from netloom.ir.program import add_note
from netloom.passes.analysis.chains import constant_of, is_constant
from netloom.passes.analysis.scaled import Scaled, exact_fixed, scaled_view
from netloom.passes.rewriting import Builder
from netloom.passes.views import absorb_offset

Real = NDArray[Any]

PRODUCT_BITS = 61
"""Products of two computed tensors stay within this many bits, summation included."""

GUARD_BITS = {"weight": 32, "bias": 8}
"""Constants without a chosen format have at most so many fraction bits more than the result."""

JOINING = (AddOp, SubOp, MaxOp, MinOp, ConcatOp)
"""Ops whose operands need one scale."""

OPTIONS = "precision='fixed<16,6>' for the model, precision={'layers': {...}} per layer, or calibration=data"


def observed_precision(low: float, high: float, bits: int) -> Precision:
    """The format of `bits` bits, with the fewest integer bits, that holds [low, high] rounded."""
    signed = low < 0
    largest = max(abs(low), abs(high), 2.0**-bits)
    integer = int(np.floor(np.log2(largest))) + int(signed)
    while not holds(Format(bits, integer, signed), low, high):
        integer += 1
    return Precision(Format(bits, integer, signed), Rounding.RND_CONV, Overflow.SAT)


def holds(number_format: Format, low: float, high: float) -> bool:
    """Whether both bounds, rounded to the format's step, are in its range."""
    ends = np.rint(np.ldexp(np.array([low, high], dtype=np.float64), number_format.fraction))
    return bool(ends[0] >= number_format.min_mantissa and ends[1] <= number_format.max_mantissa)


def rounded_constant(array: Real, bits: int, most: int | None = None) -> tuple[NDArray[np.int64], Format]:
    """Constants rounded to `bits` significant bits of the largest one, of `most` fraction bits."""
    largest = float(np.abs(array).max(initial=0.0))
    if largest == 0.0:
        return np.zeros(array.shape, dtype=np.int64), Format.for_range(0, 0, 0)
    fraction = bits - 1 - int(np.ceil(np.log2(largest) + 1e-12))
    fraction = min(fraction, most) if most is not None else fraction
    mantissas = np.rint(np.ldexp(np.asarray(array, dtype=np.float64), fraction)).astype(np.int64)
    return mantissas, Format.for_range(int(mantissas.min()), int(mantissas.max()), fraction)


@dataclass
class Formats:
    """Formats for one module.

    Attributes:
        asked: every (layer, role) for which the user's choice was looked up.
        materials: real values that were brought to a format already.
    """

    module: ModuleOp
    config: PrecisionConfig
    bits: int
    asked: set[tuple[str, str]] = field(default_factory=set)
    materials: dict[SSAValue, SSAValue] = field(default_factory=dict)

    def user(self, op: NetloomOp, role: str) -> Precision | None:
        """What the user chose for a role of a layer."""
        self.asked.add((op.origin_name, role))
        return self.config.for_layer(op.origin_name, role)

    def has_choice(self, op: NetloomOp) -> bool:
        """Whether anything says how the op's result is rounded."""
        given = ("observed", "default_precision")
        explicit = self.config.for_layer(op.origin_name, "result")
        return explicit is not None or any(key in op.attributes for key in given)

    def names_only(self, op: NetloomOp, user: NetloomOp) -> bool:
        """Whether an entry names the result of `op` itself and not that of its user."""
        return any(
            role == "result" and matches(op.origin_name, pattern) and not matches(user.origin_name, pattern)
            for pattern, role, _ in self.config.layers
        )

    def chosen(self, op: NetloomOp, role: str) -> Precision:
        """The precision of a role of a layer: chosen, observed, or the op's own default.

        Raises:
            CompileError: NL301, or NL307 for scales that do not fit, when nothing says what it is.
        """
        explicit = self.user(op, role)
        if explicit is not None:
            return explicit
        observed = op.attributes.get("observed")
        if isinstance(observed, ArrayAttr):
            low, high = (float(bound) for bound in observed.values)
            return observed_precision(low, high, self.bits)
        default = op.attributes.get("default_precision")
        if isinstance(default, StringAttr):
            return parse_precision(default.data, op.origin_name)
        raise without_choice(op)

    def operand(self, value: SSAValue, op: NetloomOp) -> SSAValue:
        """A real operand of `op` as a fixed-point value; constants take the weight format."""
        if value in self.materials:
            return self.materials[value]
        build = Builder(op)
        if is_constant(value):
            return self.constant(value, op, "weight", build)
        view = scaled_view(value)
        if view is None:
            raise CompileError(
                "NL308", f"{op.name} has an operand that has no fixed-point form", origin=op.origin_name
            )
        view = absorb_offset(view, build)
        if view.fraction is not None and not view.has_offset:
            return build.times_power_of_two(view.value, -view.fraction)
        self.materials[value] = exactly(view, build) or self.rounded(view, op, build)
        return self.materials[value]

    def rounded(self, view: Scaled, op: NetloomOp, build: Builder) -> SSAValue:
        """offset + scale * value computed in hardware, with rounded constants, in its own range."""
        bits = max(self.bits, self.chosen(op, "result").format.width)
        scale, scale_format = rounded_constant(view.scale, bits)
        places = scale_format.fraction + fixed_format(view.value).fraction
        offset, offset_format = rounded_constant(view.offset, bits, places)
        value = build.op(MulOp, [view.value, build.fixed(scale, scale_format)])
        if view.has_offset:
            value = build.op(AddOp, [value, build.fixed(offset, offset_format)])
        ends = real_ends(view)
        precision = observed_precision(float(ends.min()), float(ends.max()), bits)
        error = float(np.abs(fixed.to_real(scale, scale_format) - view.scale).max()) * largest_of(view)
        error += float(np.abs(fixed.to_real(offset, offset_format) - view.offset).max())
        error += precision.format.step / 2
        text = f"an operand's scale became a constant of {bits} bits: error at most {error:.3g}"
        add_note(self.module, op.origin_name, text)
        return build.cast(value, precision)

    def constant(self, value: SSAValue, op: NetloomOp, role: str, build: Builder) -> SSAValue:
        """A real constant in its role's format, in the narrowest type that holds the result.

        The model's own precision says how results are rounded; its constants are rounded to nearest.
        """
        array = constant_of(value)
        explicit = self.user(op, role)
        if explicit is None:
            most = self.chosen(op, "result").format.fraction + GUARD_BITS[role]
            return build.fixed(*rounded_constant(array, self.bits, most))
        rounding = Rounding.RND_CONV if explicit == self.config.model else explicit.rounding
        mantissas = fixed.quantize(array, explicit.format, rounding, Overflow.SAT)
        error = np.abs(fixed.to_real(mantissas, explicit.format) - array)
        clipped = int(np.count_nonzero(error > explicit.format.step))
        if clipped:
            text = f"{clipped} of {array.size} constants are outside {explicit.format} and were clipped"
            add_note(self.module, op.origin_name, text)
            warn(f"{op.origin_name}: {text}")
        low, high = int(mantissas.min(initial=0)), int(mantissas.max(initial=0))
        return build.fixed(mantissas, Format.for_range(low, high, explicit.format.fraction))


def exactly(view: Scaled, build: Builder) -> SSAValue | None:
    """offset + scale * value with exact constants, when they are short."""
    scale = exact_fixed(view.scale, max_fraction=24, max_width=18)
    offset = exact_fixed(view.offset, max_fraction=24)
    if scale is None or offset is None:
        return None
    value = build.op(MulOp, [view.value, build.fixed(*scale)])
    return build.op(AddOp, [value, build.fixed(*offset)]) if view.has_offset else value


def largest_of(view: Scaled) -> float:
    """Largest magnitude of the fixed-point value."""
    largest = max(abs(bound) for bound in interval_of(view.value).bounds)
    return float(np.ldexp(float(largest), -fixed_format(view.value).fraction))


def real_ends(view: Scaled) -> Real:
    """The real values at both ends of the fixed-point range, for every scale and offset."""
    bounds = np.array(interval_of(view.value).bounds, dtype=np.float64)
    ends = np.ldexp(bounds, -fixed_format(view.value).fraction)
    return np.stack([end * view.scale + view.offset for end in ends])


def without_choice(op: NetloomOp) -> CompileError:
    """The refusal of an op that nothing gives a format to."""
    views = [view for view in map(scaled_view, op.operands) if view is not None]
    if isinstance(op, JOINING) and len(views) > 1:
        scales = " and ".join(shown_scale(view) for view in views[:2])
        return CompileError(
            "NL307",
            f"{op.name} combines values with the scales {scales}",
            origin=op.origin_name,
            supported=f"scales that are a power of two or a short factor apart; or {OPTIONS}",
            hint="train both quantizers with one scale, or choose a precision: its error is then stated",
        )
    return CompileError(
        "NL301",
        f"{op.name} computes with real numbers and no precision was chosen for it",
        origin=op.origin_name,
        supported=OPTIONS,
        hint="choose one of the three; netloom does not guess formats",
    )


def shown_scale(view: Scaled) -> str:
    """A scale for a message."""
    scale = view.uniform_scale
    return f"{scale:.9g}" if scale is not None else f"{view.scale.min():.9g} to {view.scale.max():.9g}"


def dynamic_pair(
    a: SSAValue, b: SSAValue, terms: int, build: Builder, module: ModuleOp
) -> tuple[SSAValue, SSAValue]:
    """Two computed operands, narrowed at the low end until the sum of `terms` products can be held."""
    widths = [number_format.width for number_format in map(fixed_format, (a, b))]
    growth = int(np.ceil(np.log2(max(terms, 1))))
    if sum(widths) + growth <= PRODUCT_BITS:
        return a, b
    text = f"operands of {widths[0]} and {widths[1]} bits lose their lowest bits before the product"
    add_note(module, build.origin, text)
    target = (PRODUCT_BITS - growth) // 2
    return narrowed(a, target, build), narrowed(b, target, build)


def fixed_format(value: SSAValue) -> Format:
    """Format of a fixed-point value."""
    number_format = format_of(value.type)
    assert number_format is not None
    return number_format


def narrowed(value: SSAValue, width: int, build: Builder) -> SSAValue:
    """`value` with at most `width` bits, dropping low ones."""
    number_format = fixed_format(value)
    if number_format.width <= width:
        return value
    narrow = Format(width, number_format.integer, number_format.signed)
    return build.cast(value, Precision(narrow, Rounding.RND, Overflow.SAT))
