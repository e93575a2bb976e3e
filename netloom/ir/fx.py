"""Dialect `fx`: what a number is, and the only ops that lose anything of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import BoolAttr, IntegerAttr, StringAttr
from xdsl.ir import Attribute, Dialect
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def, traits_def
from xdsl.traits import ConstantLike, Pure
from xdsl.utils.exceptions import VerifyException

from netloom.core import fixed
from netloom.core.fixed import Overflow, Rounding
from netloom.ir.attributes import ArrayAttr, FixedType, fixed_tensor, real_tensor
from netloom.ir.base import NetloomOp, Shape, Values, as_batch, check_parameters, check_scales, check_shapes
from netloom.ir.interval import Interval, Ints
from netloom.ir.quantizer import ROUNDINGS, Uniform
from netloom.ir.tables import float_index


@irdl_op_definition
class ConstantOp(NetloomOp):
    """A constant tensor: real numbers, or the mantissas of fixed-point numbers.

    `value` has the shape of the result; mantissas are integers that fit the result's format. The interval
    of a constant is its actual values, which is what keeps the results of products with it narrow.
    """

    name = "fx.constant"
    value = prop_def(ArrayAttr)
    result = result_def()
    traits = traits_def(Pure(), ConstantLike())

    def shape_rule(self) -> Shape:
        """The shape of the array."""
        return tuple(self.value.values.shape)

    def fraction_rule(self) -> int:
        """As declared."""
        return self.result_format.fraction

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """The values themselves."""
        return Interval.point(self.value.ints())

    def result_rule(self) -> Attribute:
        """Real, unless declared otherwise."""
        return real_tensor(self.shape_rule())

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Mantissas are integers that fit the format."""
        if not self.is_fixed:
            return
        if self.value.values.dtype.kind != "i":
            raise VerifyException("fx.constant: mantissas are integers")
        low, high = self.interval_rule([]).bounds
        if low < self.result_format.min_mantissa or high > self.result_format.max_mantissa:
            raise VerifyException(f"fx.constant: [{low}, {high}] does not fit {self.result_format}")

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """The values: int64 mantissas, or reals in their storage precision."""
        values = self.value.ints() if self.is_fixed else self.value.values
        return as_batch(values)


@irdl_op_definition
class QuantizeOp(NetloomOp):
    """Real numbers to fixed-point: mantissa = level - zero_point of a uniform quantizer.

    The level is round(clip(x / scale + zero_point)), see `netloom.ir.quantizer`. With a scale of
    2^-F the result has F fraction bits and means the quantized number itself; with any other scale
    the result is an integer (F = 0) whose scale an `fx.dequantize` carries. `overflow` other than
    SAT wraps instead of clipping, as an `fx.cast` would.
    """

    name = "fx.quantize"
    input = operand_def()
    scale = prop_def(ArrayAttr)
    zero_point = prop_def(ArrayAttr)
    low = prop_def(ArrayAttr)
    high = prop_def(ArrayAttr)
    rounding = prop_def(StringAttr)
    overflow = prop_def(StringAttr)
    round_first = prop_def(BoolAttr)
    result = result_def()

    @property
    def quantizer(self) -> Uniform:
        """The uniform quantizer that the properties describe."""
        return Uniform(
            self.scale.values,
            self.zero_point.values,
            self.low.values,
            self.high.values,
            self.rounding.data,
            bool(self.round_first),
        )

    def shape_rule(self) -> Shape:
        """Elementwise."""
        return self.operand_shapes[0]

    def fraction_rule(self) -> int:
        """As declared: the scale is a property."""
        return self.result_format.fraction

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """The levels that exist."""
        if self.overflow.data != "SAT":
            return Interval.of_format(self.result_format, self.result_shape)
        shape = self.operand_shapes[0]
        low = (self.low.reals() - self.zero_point.reals()).astype(np.int64)
        high = (self.high.reals() - self.zero_point.reals()).astype(np.int64)
        return Interval(np.broadcast_to(low, shape), np.broadcast_to(high, shape))

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Real in, fixed-point out."""
        if operand_kinds != {True} or not self.is_fixed:
            raise VerifyException("fx.quantize takes real numbers to fixed-point numbers")
        if self.rounding.data not in ROUNDINGS:
            raise VerifyException(f"fx.quantize: unknown rounding {self.rounding.data}")
        if self.overflow.data not in Overflow.__members__:
            raise VerifyException(f"fx.quantize: unknown overflow {self.overflow.data}")
        check_parameters(self, (self.scale, self.zero_point, self.low, self.high))
        check_scales(self, (self.scale,))

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Mantissas, computed in the floating-point type of the operand as the source does."""
        x = operands[0]
        if self.overflow.data == "SAT":
            return self.quantizer.levels(x).astype(np.int64)
        scaled = x.astype(np.float64) / self.scale.reals()
        levels = ROUNDINGS[self.rounding.data](scaled).astype(np.int64)
        number_format = self.result_format
        return fixed.cast(
            levels, number_format.fraction, number_format, Rounding.TRN, Overflow[self.overflow.data]
        )


@irdl_op_definition
class DequantizeOp(NetloomOp):
    """Fixed-point numbers to the real numbers they stand for: offset + scale * value, in float64.

    `scale` and `offset` broadcast into the tensor. At the end of a program this is decoding on the host;
    elsewhere passes move the scale on until it meets a quantizer.
    """

    name = "fx.dequantize"
    input = operand_def()
    scale = prop_def(ArrayAttr)
    offset = prop_def(ArrayAttr)
    result = result_def()

    def shape_rule(self) -> Shape:
        """Elementwise."""
        return self.operand_shapes[0]

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Real results have no mantissas."""
        raise VerifyException("fx.dequantize has a real result")

    def result_rule(self) -> Attribute:
        """Real numbers."""
        return real_tensor(self.shape_rule())

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Fixed-point in, real out; scale and offset broadcast into the tensor."""
        if operand_kinds != {False} or self.is_fixed:
            raise VerifyException("fx.dequantize takes fixed-point numbers to real numbers")
        check_parameters(self, (self.scale, self.offset))

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Real numbers in float64."""
        value = np.ldexp(operands[0].astype(np.float64), -self.operand_formats[0].fraction)
        return value * self.scale.reals() + self.offset.reals()


@irdl_op_definition
class CastOp(NetloomOp):
    """Fixed-point to fixed-point: the only op that rounds or clips a fixed-point number.

    `rounding` is TRN, TRN_ZERO, RND, RND_ZERO, RND_INF, RND_MIN_INF or RND_CONV; `overflow` is WRAP, SAT,
    SAT_ZERO or SAT_SYM; both as the vendors' manuals define them for ap_fixed and ac_fixed. The target is
    the result's format.
    """

    name = "fx.cast"
    ELEMENTWISE: ClassVar[bool] = True
    input = operand_def()
    rounding = prop_def(StringAttr)
    overflow = prop_def(StringAttr)
    result = result_def()

    def shape_rule(self) -> Shape:
        """Elementwise."""
        return self.operand_shapes[0]

    def fraction_rule(self) -> int:
        """As declared."""
        return self.result_format.fraction

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Rounding is monotone; when a bound overflows and wraps, every value is possible."""
        low, high = (self._rounded(bound) for bound in (operands[0].low, operands[0].high))
        limits = self.result_format
        fits = low.min(initial=0) >= limits.min_mantissa and high.max(initial=0) <= limits.max_mantissa
        if self.overflow.data in ("WRAP", "SAT_ZERO") and not fits:
            return Interval.of_format(limits, self.result_shape)
        return Interval(self._saturated(low), self._saturated(high))

    def _rounded(self, mantissas: Ints) -> Ints:
        """Rounded to the result's fraction; without a sign there is room for one more bit."""
        source, rounding = self.operand_formats[0].fraction, Rounding[self.rounding.data]
        signed, unsigned = (
            fixed.cast(mantissas, source, wide, rounding, Overflow.SAT)
            for wide in (
                fixed.Format(fixed.MAX_WIDTH, fixed.MAX_WIDTH - self.result_format.fraction, is_signed)
                for is_signed in (True, False)
            )
        )
        return np.where(mantissas < 0, signed, unsigned)

    def _saturated(self, mantissas: Ints) -> Ints:
        limits = self.result_format
        overflow = Overflow.SAT_SYM if self.overflow.data == "SAT_SYM" else Overflow.SAT
        return fixed.cast(mantissas, limits.fraction, limits, Rounding.TRN, overflow)

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Fixed-point in and out; the modes exist."""
        if operand_kinds != {False} or not self.is_fixed:
            raise VerifyException("fx.cast takes fixed-point numbers to fixed-point numbers")
        if self.rounding.data not in Rounding.__members__:
            raise VerifyException(f"fx.cast: unknown rounding {self.rounding.data}")
        if self.overflow.data not in Overflow.__members__:
            raise VerifyException(f"fx.cast: unknown overflow {self.overflow.data}")

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Round, then handle overflow, as the vendors' manuals say."""
        return fixed.cast(
            operands[0],
            self.operand_formats[0].fraction,
            self.result_format,
            Rounding[self.rounding.data],
            Overflow[self.overflow.data],
        )


@irdl_op_definition
class LookupOp(NetloomOp):
    """An exact table: the result's mantissas by index.

    The index of mantissa m depends on `mantissa_bits`:

    * absent: m - low, clipped to the table's ends;
    * b: of the floating-point kind, for m > 0: with m = 2^e * (1 + f), the index is
      e * 2^b + floor(f * 2^b); m <= 0 reads entry 0. Such a table has a constant relative error.

    `function` and `max_error` tell where the table came from and its worst error against the real
    function over the inputs it distinguishes.
    """

    name = "fx.lookup"
    ELEMENTWISE: ClassVar[bool] = True
    input = operand_def()
    table = prop_def(ArrayAttr)
    low = prop_def(IntegerAttr)
    mantissa_bits = opt_prop_def(IntegerAttr)
    function = prop_def(StringAttr)
    max_error = opt_prop_def(ArrayAttr)
    result = result_def()

    def shape_rule(self) -> Shape:
        """Elementwise."""
        return self.operand_shapes[0]

    def fraction_rule(self) -> int:
        """As declared: the table holds mantissas."""
        return self.result_format.fraction

    def result_rule(self) -> Attribute:
        """Needs the declared fraction; only the width follows from the table."""
        table = self.table.ints()
        fraction = self.result_format.fraction
        narrowest = fixed.Format.for_range(int(table.min()), int(table.max()), fraction)
        return fixed_tensor(self.shape_rule(), narrowest)

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Extremes of the entries between the indices of the bounds."""
        table = self.table.ints()
        first, last = self.index(operands[0].low), self.index(operands[0].high)
        if first.size > 4096 or not first.size:
            entries = table[first.min(initial=len(table)) : last.max(initial=0) + 1]
            shape = first.shape
            return Interval(
                np.broadcast_to(entries.min(initial=0), shape),
                np.broadcast_to(entries.max(initial=0), shape),
            )
        spans = [table[a : b + 1] for a, b in zip(first.ravel(), last.ravel(), strict=True)]
        low = np.array([span.min() for span in spans], dtype=np.int64).reshape(first.shape)
        high = np.array([span.max() for span in spans], dtype=np.int64).reshape(first.shape)
        return Interval(low, high)

    def index(self, mantissas: Ints) -> Ints:
        """Table index of each mantissa."""
        entries = len(self.table.values)
        if self.mantissa_bits is None:
            # Clipped first: the difference of two numbers of 63 bits may pass int64.
            low = self.low.value.data
            return np.clip(mantissas, low, low + entries - 1) - low
        bits = self.mantissa_bits.value.data
        return np.clip(float_index(mantissas, bits), 0, entries - 1)

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Fixed-point in and out; one-dimensional table."""
        if operand_kinds != {False} or not self.is_fixed:
            raise VerifyException("fx.lookup takes fixed-point numbers to fixed-point numbers")
        table = self.table.values
        if table.ndim != 1 or table.dtype.kind != "i" or table.size == 0:
            raise VerifyException("fx.lookup: the table is a list of mantissas")
        self.verify_entries(int(table.min()), int(table.max()))

    def verify_entries(self, low: int, high: int) -> None:
        """The result's format holds every entry."""
        limits = self.result_format
        if low < limits.min_mantissa or high > limits.max_mantissa:
            raise VerifyException(f"fx.lookup: [{low}, {high}] does not fit {limits}")

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Read the table."""
        return self.table.ints()[self.index(operands[0])]


@irdl_op_definition
class ThresholdOp(NetloomOp):
    """A step function: base + sign * (number of thresholds t with m >= t).

    `thresholds` has shape [*p, L], ascending along the last axis; p and the shapes of `base` (mantissas
    of the result) and `sign` (1 rising, -1 falling, 0 constant) broadcast into the tensor. It is the
    exact form of a quantizer behind any chain of monotone real functions.
    """

    name = "fx.threshold"
    ELEMENTWISE: ClassVar[bool] = True
    input = operand_def()
    thresholds = prop_def(ArrayAttr)
    base = prop_def(ArrayAttr)
    sign = prop_def(ArrayAttr)
    result = result_def()

    def shape_rule(self) -> Shape:
        """Elementwise."""
        return self.operand_shapes[0]

    def fraction_rule(self) -> int:
        """As declared."""
        return self.result_format.fraction

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Monotone in each channel."""
        ends = [self._steps(bound[None])[0] for bound in (operands[0].low, operands[0].high)]
        return Interval(np.minimum(*ends), np.maximum(*ends))

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Fixed-point in and out; ascending thresholds."""
        if operand_kinds != {False} or not self.is_fixed:
            raise VerifyException("fx.threshold takes fixed-point numbers to fixed-point numbers")
        if self.thresholds.values.ndim == 0:
            raise VerifyException("fx.threshold: thresholds are listed along the last axis")
        check_shapes(self, (self.thresholds.values.shape[:-1],))
        check_parameters(self, (self.base, self.sign))
        if np.any(np.diff(self.thresholds.ints(), axis=-1) < 0):
            raise VerifyException("fx.threshold: thresholds ascend")
        if np.any(np.abs(self.sign.ints()) > 1):
            raise VerifyException("fx.threshold: signs are 1, 0 or -1")

    def _steps(self, m: Ints) -> Ints:
        thresholds, base, sign = self.thresholds.ints(), self.base.ints(), self.sign.ints()
        parameters = thresholds.shape[:-1]
        if int(np.prod(parameters)) == 1:
            count = np.searchsorted(thresholds.reshape(-1), m, side="right")
        else:
            count = np.zeros(np.broadcast_shapes(m.shape, parameters), dtype=np.int64)
            for level in range(thresholds.shape[-1]):
                count += m >= thresholds[..., level]
        return (base + sign * count).astype(np.int64)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Count the thresholds that are reached."""
        return self._steps(operands[0])


def constant_mantissas(values: Ints, number_format: fixed.Format, origin: str) -> ConstantOp:
    """A fixed-point constant from its mantissas."""
    properties: dict[str, Attribute] = {"value": ArrayAttr.of(values)}
    if origin:
        properties["origin"] = StringAttr(origin)
    return ConstantOp.create(result_types=[fixed_tensor(values.shape, number_format)], properties=properties)


def is_scalar_like(array: ArrayAttr) -> bool:
    """Whether all elements of a parameter are equal."""
    values = array.values
    return values.size == 1 or bool(np.all(values == values.reshape(-1)[0]))


Fx = Dialect(
    "fx",
    [ConstantOp, QuantizeOp, DequantizeOp, CastOp, LookupOp, ThresholdOp],
    [FixedType, ArrayAttr],
)
