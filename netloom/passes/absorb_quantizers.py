"""absorb-quantizers: quantizers become formats, scales move on, and end in casts or thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import BoolAttr, ModuleOp, StringAttr
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.fixed import Format, Overflow, Precision, Rounding
from netloom.ir.attributes import fixed_tensor, format_of, is_real_tensor, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.functions import NEAR_RECTIFIERS
from netloom.ir.fx import ConstantOp, DequantizeOp, QuantizeOp
from netloom.ir.interval import Ints
from netloom.ir.nn import AddOp, FunctionOp, QuantOp, TruncOp
from netloom.ir.program import erase_unused, main, program_ops
from netloom.passes.analysis.chains import Chain, chain_to, constant_value
from netloom.passes.analysis.scaled import Scaled, exponents, scaled_view, uniform
from netloom.passes.host import is_host_value
from netloom.passes.requantize import (
    TABLE_BITS,
    as_cast,
    as_multiplier,
    as_table,
    as_thresholds,
    clipped,
    fixed_constant,
    level_count,
    reach,
    result_format,
    result_fraction,
)
from netloom.passes.rewriting import Builder
from netloom.passes.scale_rules import moved
from netloom.passes.views import absorb_offset

ZERO = np.zeros(())

REQUANTIZE = ("thresholds", "multiplier")


@dataclass(frozen=True)
class AbsorbQuantizers(ModulePass):
    """Weights to integers with a scale, activation quantizers onto their producers.

    Options:
        requantize: what a quantizer behind a scale that is no power of two becomes: `thresholds`
            (exact) or `multiplier` (fixed-point multiplication, its error stated in a note).
        max_levels: most levels of a quantizer that becomes thresholds.
        multiplier_bits: width of the constants of `multiplier`.
    """

    name: ClassVar[str] = "absorb-quantizers"
    requantize: str = "thresholds"
    max_levels: int = 1024
    multiplier_bits: int = 16

    def __post_init__(self) -> None:
        """Check the choice.

        Raises:
            CompileError: NL203.
        """
        if self.requantize not in REQUANTIZE:
            raise CompileError(
                "NL203",
                f"requantize is '{self.requantize}'",
                origin=self.name,
                supported=", ".join(REQUANTIZE),
                hint=suggestion(self.requantize, REQUANTIZE),
            )

    @property
    def rounds(self) -> bool:
        """Multipliers round by the user's choice; everything else is exact."""
        return self.requantize == "multiplier"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Walk the program once, in order; scales only ever move towards the outputs."""
        function = main(op)
        for candidate in program_ops(function):
            build = Builder(candidate)
            view = self.step(candidate, build, op)
            if view is not None:
                build.finish(build.dequantize(view))
        erase_unused(function)

    def step(self, op: NetloomOp, build: Builder, module: ModuleOp) -> Scaled | None:
        """The result of one op as a scaled fixed-point value, when that is exact."""
        if isinstance(op, QuantOp):
            return self.absorb(op, build, module)
        if isinstance(op, TruncOp):
            return absorb_trunc(op, build)
        if not is_real_tensor(op.results[0].type):
            return None
        try:
            return moved(op, build)
        except CompileError as error:
            if error.code != "NL303" or any(constant_value(o) is not None for o in op.operands):
                raise
            return None  # a product of two computed tensors: assign-precision narrows its operands

    def absorb(self, op: QuantOp, build: Builder, module: ModuleOp) -> Scaled | None:
        """The quantizer's result as a fixed-point value with the quantizer's scale."""
        owner = op.input.owner
        if isinstance(owner, ConstantOp) and not owner.is_fixed:
            levels = op.quantizer.levels(owner.value.values).astype(np.int64)
            return quantized_constant(op, levels, build)
        chain = chain_to(op.input)
        if isinstance(chain.source.owner, DequantizeOp):
            fixed = self.quantize_fixed(op, chain, build, module)
            return output_view(op, fixed) if fixed is not None else None
        if is_host_value(op.input):
            return output_view(op, quantize_host(op, build))
        return None

    def quantize_fixed(self, op: QuantOp, chain: Chain, build: Builder, module: ModuleOp) -> SSAValue | None:
        """A cast where scales are powers of two; thresholds, a table or a multiplier elsewhere.

        Raises:
            CompileError: NL305 for too many levels, NL306 for functions that have no exact form.
        """
        cast = as_cast(op, chain, build)
        if cast is not None:
            return cast
        if self.rounds and op.rounding.data != "BIPOLAR" and level_count(op) > 2:
            multiplied = as_multiplier(op, chain, build, module, self.multiplier_bits)
            if multiplied is not None:
                return multiplied
        if chain.monotone:
            self.check_levels(op)
            return as_thresholds(op, chain, build)
        table = as_table(op, chain, build)
        if table is None and not any(is_near_rectifier(link) for link in chain.ops):
            raise CompileError(
                "NL306",
                "the functions before the quantizer are not monotone",
                origin=op.origin_name,
                supported=f"monotone functions, or any function of one input of up to {TABLE_BITS} bits",
                hint="quantize the function's input too",
            )
        return table  # without one, assign-precision takes the rectifier apart

    def check_levels(self, op: QuantOp) -> None:
        """Thresholds are one comparison for each level."""
        if level_count(op) <= self.max_levels:
            return
        other = "" if self.rounds else "requantize='multiplier', "
        raise CompileError(
            "NL305",
            f"the quantizer has {level_count(op)} levels and a scale that is no power of two",
            origin=op.origin_name,
            supported=f"up to {self.max_levels} levels as thresholds",
            hint=f"use {other}a larger max_levels, or a power-of-two scale",
        )


def is_near_rectifier(op: NetloomOp) -> bool:
    """Whether an op is a function that has a rectifier in it."""
    return isinstance(op, FunctionOp) and op.function.data in NEAR_RECTIFIERS


def output_view(op: QuantOp, fixed: SSAValue) -> Scaled:
    """The quantizer's real result: (level - zero_point) * scale, or the level itself."""
    if op.output.data == "level":
        return Scaled(fixed, np.ones(()), op.zero_point.reals())
    return Scaled(fixed, np.ldexp(op.scale.reals(), result_fraction(op)), ZERO)


def quantized_constant(op: QuantOp, levels: Ints, build: Builder) -> Scaled:
    """Weights: integers and their scale."""
    low, high = (int(levels.min()), int(levels.max())) if levels.size else (0, 0)
    constant = build.fixed(levels, Format.for_range(low, high, result_fraction(op)))
    return output_view(op, constant)


def quantize_host(op: QuantOp, build: Builder) -> SSAValue:
    """A quantizer of the input: the host computes it, as the source framework does."""
    return build.op(
        QuantizeOp,
        [op.input],
        result=fixed_tensor(shape_of(op.input.type), result_format(op)),
        scale=op.scale,
        zero_point=op.zero_point,
        low=op.low,
        high=op.high,
        rounding=op.rounding,
        overflow=StringAttr("SAT"),
        round_first=BoolAttr.from_bool(bool(op.round_first)),
    )


def absorb_trunc(op: TruncOp, build: Builder) -> Scaled | None:
    """Dropping low bits of an integer: a cast.

    Raises:
        CompileError: NL306 when the input is not an integer at the declared scale.
    """
    view = scaled_view(op.input)
    if view is None:
        return None
    view = absorb_offset(view, build)
    places = exponents(view.scale / op.scale.reals())
    shift = uniform(places) if places is not None else None
    divisor = uniform(op.divisor)
    if shift is None or divisor is None or view.has_offset:
        raise CompileError(
            "NL306",
            "the input of Trunc is not an integer at Trunc's scale",
            origin=op.origin_name,
            supported="an input quantized at that scale, or apart from it by a power of two",
            hint="check the scale that Trunc was exported with",
        )
    integer = build.times_power_of_two(view.value, int(shift))
    zero, output_scale = op.zero_point.reals(), op.output_scale.reals()
    offset = ZERO
    if np.any(zero != 0):
        integer = build.op(AddOp, [integer, fixed_constant(build, zero, 0)])
        offset = -zero / divisor * output_scale
    quotient = build.times_power_of_two(as_integer(integer, build), -int(np.log2(divisor)))
    low, high = (np.clip(end, op.low.reals(), op.high.reals()) for end in reach(quotient))
    level = clipped(build, quotient, op.rounding.data, 0, low, high)
    return Scaled(level, output_scale, offset)


def as_integer(value: SSAValue, build: Builder) -> SSAValue:
    """The nearest integer, halves to even, as Trunc rounds its input."""
    number_format = format_of(value.type)
    if number_format is None or number_format.fraction <= 0:
        return value
    wide = Format.for_range(*reach(value), 0)
    return build.cast(value, Precision(wide, Rounding.RND_CONV, Overflow.SAT))
