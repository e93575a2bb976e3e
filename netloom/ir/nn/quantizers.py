"""Quantizers as models carry them: real numbers in, the real numbers that levels stand for out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import BoolAttr, StringAttr
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from netloom.ir.attributes import ArrayAttr
from netloom.ir.base import RealOp, Shape, Values, check_parameters, check_scales
from netloom.ir.quantizer import ROUNDINGS, Uniform


@irdl_op_definition
class QuantOp(RealOp):
    """A uniform quantizer of a model (QONNX Quant and BipolarQuant, ONNX Quantize/Dequantize).

    Parameters broadcast against the input. With `output` = "value" the result is
    (level - zero_point) * scale; with "level" it is the level itself (ONNX QuantizeLinear).
    """

    name = "nn.quant"
    input = operand_def()
    scale = prop_def(ArrayAttr)
    zero_point = prop_def(ArrayAttr)
    low = prop_def(ArrayAttr)
    high = prop_def(ArrayAttr)
    rounding = prop_def(StringAttr)
    round_first = prop_def(BoolAttr)
    output = prop_def(StringAttr)
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
        """Elementwise; parameters broadcast into the input."""
        shape = self.operand_shapes[0]
        check_parameters(self, (self.scale, self.zero_point, self.low, self.high))
        return shape

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Real in, real out; positive scale; known modes."""
        super().verify_elements(operand_kinds)
        if self.rounding.data not in ROUNDINGS or self.output.data not in ("value", "level"):
            raise VerifyException("nn.quant: unknown rounding or output")
        check_scales(self, (self.scale,))

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Quantize, in the precision of the operand."""
        x = operands[0]
        levels = self.quantizer.levels(x)
        if self.output.data == "level":
            return np.asarray(levels + self.zero_point.values.astype(x.dtype))
        return np.asarray(levels * self.scale.values.astype(x.dtype))


@irdl_op_definition
class TruncOp(RealOp):
    """QONNX Trunc (version 2): an integer with `scale`, divided by a power of two and rounded.

    The divisor is 2^round(log2(output_scale / scale)); the level is clipped to [low, high], then
    rounded by `rounding`; the result is (level - zero_point / divisor) * output_scale.
    """

    name = "nn.trunc"
    input = operand_def()
    scale = prop_def(ArrayAttr)
    zero_point = prop_def(ArrayAttr)
    output_scale = prop_def(ArrayAttr)
    low = prop_def(ArrayAttr)
    high = prop_def(ArrayAttr)
    rounding = prop_def(StringAttr)
    result = result_def()

    def shape_rule(self) -> Shape:
        """Elementwise; parameters broadcast into the input."""
        check_parameters(self, (self.scale, self.zero_point, self.output_scale, self.low, self.high))
        return self.operand_shapes[0]

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Real in, real out; positive scales; a known rounding."""
        super().verify_elements(operand_kinds)
        if self.rounding.data not in ROUNDINGS:
            raise VerifyException(f"nn.trunc: unknown rounding {self.rounding.data}")
        check_scales(self, (self.scale, self.output_scale))

    @property
    def divisor(self) -> Values:
        """2^round(log2(output_scale / scale)), float64."""
        ratio = self.output_scale.reals() / self.scale.reals()
        return np.asarray(2.0 ** np.round(np.log2(ratio)))

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Scale, round to the input's integers, divide, clip, round, rescale."""
        x = operands[0]
        kind = x.dtype
        divisor, zero = self.divisor.astype(kind), self.zero_point.values.astype(kind)
        level = np.rint(x / self.scale.values.astype(kind) + zero) / divisor
        level = np.clip(level, self.low.values.astype(kind), self.high.values.astype(kind))
        level = ROUNDINGS[self.rounding.data](level)
        return np.asarray((level - zero / divisor) * self.output_scale.values.astype(kind))
