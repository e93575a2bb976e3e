"""Elementwise ops: exact on fixed-point numbers, with numpy's (ONNX's) broadcasting."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import ArrayAttr as ListAttr
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, StringAttr
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from netloom.ir.base import NetloomOp, RealOp, Shape, Values, broadcasts_into
from netloom.ir.functions import FUNCTIONS
from netloom.ir.interval import Interval, negated, product, total
from netloom.ir.tables import FunctionTable, float_index, function_table


class BinaryOp(NetloomOp):
    """Base of two-operand elementwise ops."""

    ELEMENTWISE: ClassVar[bool] = True
    lhs = operand_def()
    rhs = operand_def()
    result = result_def()

    def shape_rule(self) -> Shape:
        """Broadcast as in numpy."""
        try:
            return tuple(np.broadcast_shapes(*self.operand_shapes))
        except ValueError as error:
            raise VerifyException(f"{self.name}: {error}") from error

    def aligned(self, operands: Sequence[Values]) -> tuple[Values, Values]:
        """Both operands at one rank and one fraction."""
        rank = len(self.result_shape)
        left, right = (
            self.align(self.scaled(values, index), index, rank) for index, values in enumerate(operands)
        )
        return left, right

    def aligned_intervals(self, operands: Sequence[Interval]) -> tuple[Interval, Interval]:
        """Both intervals at one fraction."""
        fraction = self.fraction_rule()
        left, right = (
            interval.shifted(fraction - number_format.fraction, self.origin_name)
            for interval, number_format in zip(operands, self.operand_formats, strict=True)
        )
        return left, right

    @abstractmethod
    def evaluate(self, operands: Sequence[Values]) -> Values:
        """The meaning."""


@irdl_op_definition
class AddOp(BinaryOp):
    """Sum of two tensors, element by element, with numpy's broadcasting.

    Fixed-point operands are brought to the larger number of fraction bits by an exact left shift; the
    result is wide enough for every sum.
    """

    name = "nn.add"

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Sum of the bounds."""
        a, b = self.aligned_intervals(operands)
        return total(a, b, self.origin_name)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """a + b."""
        a, b = self.aligned(operands)
        return np.asarray(a + b)


@irdl_op_definition
class SubOp(BinaryOp):
    """Difference of two tensors, element by element, with numpy's broadcasting.

    Fixed-point operands are brought to the larger number of fraction bits by an exact left shift; the
    result is signed when the difference can be negative.
    """

    name = "nn.sub"

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Difference of opposite bounds."""
        a, b = self.aligned_intervals(operands)
        return total(a, negated(b), self.origin_name)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """a - b."""
        a, b = self.aligned(operands)
        return np.asarray(a - b)


@irdl_op_definition
class MulOp(BinaryOp):
    """Product of two tensors, element by element, with numpy's broadcasting.

    The fraction bits of fixed-point operands add up, so no bit of the product is lost. A value
    multiplied with itself is known to be not negative.
    """

    name = "nn.mul"

    def fraction_rule(self) -> int:
        """Sum of the operands' fraction bits."""
        return sum(number_format.fraction for number_format in self.operand_formats)

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Products of the bounds; a square is not negative."""
        result = product(operands[0], operands[1], self.origin_name)
        if self.lhs is not self.rhs:
            return result
        crosses = (operands[0].low < 0) & (operands[0].high > 0)
        ends = np.minimum(operands[0].low ** 2, operands[0].high ** 2)
        return Interval(np.where(crosses, 0, ends), result.high)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """a * b."""
        rank = len(self.result_shape)
        return np.asarray(self.align(operands[0], 0, rank) * self.align(operands[1], 1, rank))


@irdl_op_definition
class DivOp(RealOp, BinaryOp):
    """Quotient of two tensors of real numbers, element by element, with numpy's broadcasting.

    It has no fixed-point form: a pass turns it into a product with a reciprocal, constant or tabulated.
    """

    name = "nn.div"

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """a / b."""
        a, b = self.aligned(operands)
        return np.asarray(a / b)


@irdl_op_definition
class MinOp(BinaryOp):
    """Smaller of two tensors, element by element, with numpy's broadcasting.

    Fixed-point operands are brought to the larger number of fraction bits by an exact left shift.
    """

    name = "nn.min"

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Minimum of the bounds."""
        a, b = self.aligned_intervals(operands)
        return Interval(np.minimum(a.low, b.low), np.minimum(a.high, b.high))

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """min(a, b)."""
        return np.asarray(np.minimum(*self.aligned(operands)))


@irdl_op_definition
class MaxOp(BinaryOp):
    """Larger of two tensors, element by element, with numpy's broadcasting.

    Fixed-point operands are brought to the larger number of fraction bits by an exact left shift.
    """

    name = "nn.max"

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Maximum of the bounds."""
        a, b = self.aligned_intervals(operands)
        return Interval(np.maximum(a.low, b.low), np.maximum(a.high, b.high))

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """max(a, b)."""
        return np.asarray(np.maximum(*self.aligned(operands)))


@irdl_op_definition
class ReluOp(NetloomOp):
    """Rectifier: max(x, 0), element by element. A fixed-point result is unsigned."""

    name = "nn.relu"
    ELEMENTWISE: ClassVar[bool] = True
    input = operand_def()
    result = result_def()

    def shape_rule(self) -> Shape:
        """Elementwise."""
        return self.operand_shapes[0]

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Both bounds, at least zero."""
        return Interval(np.maximum(operands[0].low, 0), np.maximum(operands[0].high, 0))

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """max(x, 0)."""
        return np.asarray(np.maximum(operands[0], 0))


@irdl_op_definition
class PReluOp(NetloomOp):
    """Leaky rectifier: x where x >= 0, else slope * x, element by element.

    `slope` broadcasts into `input`. On fixed-point numbers the fraction bits of both add up, and x itself
    is shifted left by those of the slope, which must not be negative.
    """

    name = "nn.prelu"
    ELEMENTWISE: ClassVar[bool] = True
    input = operand_def()
    slope = operand_def()
    result = result_def()

    def shape_rule(self) -> Shape:
        """The input's shape; the slope must broadcast into it."""
        shape = self.operand_shapes[0]
        if not broadcasts_into(self.operand_shapes[1], shape):
            raise VerifyException("nn.prelu: the slope does not broadcast into the input")
        return shape

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """The branch with slope 1 must be exact at the result's fraction."""
        super().verify_elements(operand_kinds)
        if self.is_fixed and self.operand_formats[1].fraction < 0:
            raise VerifyException("nn.prelu: the slope has a negative number of fraction bits")

    def fraction_rule(self) -> int:
        """Sum of input and slope."""
        return sum(number_format.fraction for number_format in self.operand_formats)

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Union of the two branches."""
        x, slope = operands
        straight = Interval(np.maximum(x.low, 0), np.maximum(x.high, 0)).shifted(
            self.operand_formats[1].fraction, self.origin_name
        )
        bent = product(Interval(np.minimum(x.low, 0), np.minimum(x.high, 0)), slope, self.origin_name)
        low = np.where(x.low >= 0, straight.low, np.minimum(bent.low, straight.high))
        high = np.where(x.high < 0, bent.high, np.maximum(straight.high, bent.high))
        return Interval(low, high)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Where x >= 0: x, else slope * x."""
        x = operands[0]
        slope = self.align(operands[1], 1, len(self.result_shape))
        straight = x << self.operand_formats[1].fraction if self.is_fixed else x
        return np.where(x >= 0, straight, x * slope)


@irdl_op_definition
class FunctionOp(NetloomOp):
    """A function of one variable by name, element by element (`netloom.ir.functions`).

    `parameters` are the function's in their declared order, its defaults when absent. On real numbers it
    is the real function. On fixed-point numbers it is the function's table: the value at each input,
    rounded half to even to the declared result format, or, with `mantissa_bits`, a table by leading one
    (`netloom.ir.tables`). The pass lower-functions turns it into `fx.lookup`.
    """

    name = "nn.function"
    input = operand_def()
    function = prop_def(StringAttr)
    parameters = opt_prop_def(ListAttr[FloatAttr])
    mantissa_bits = opt_prop_def(IntegerAttr)
    result = result_def()

    def shape_rule(self) -> Shape:
        """Elementwise."""
        return self.operand_shapes[0]

    def fraction_rule(self) -> int:
        """As declared."""
        return self.result_format.fraction

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Everything the result's format holds; the lowered table knows better."""
        return Interval.of_format(self.result_format, self.result_shape)

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """A known function."""
        if self.function.data not in FUNCTIONS:
            raise VerifyException(f"nn.function: unknown function {self.function.data}")
        wanted = len(FUNCTIONS[self.function.data].parameters)
        if self.parameters is not None and len(self.parameters) not in (0, wanted):
            raise VerifyException(f"nn.function: {self.function.data} has {wanted} parameters")
        super().verify_elements(operand_kinds)

    def arguments(self) -> dict[str, float]:
        """Parameters of the function by name."""
        names = FUNCTIONS[self.function.data].parameters
        given = [value.value.data for value in self.parameters] if self.parameters else []
        return dict(zip(names, given or names.values(), strict=True))

    def table(self) -> FunctionTable:
        """The table of a fixed-point function."""
        bits = self.mantissa_bits.value.data if self.mantissa_bits is not None else None
        return function_table(
            self.function.data,
            self.arguments(),
            self.operand_formats[0],
            self.result_format,
            bits,
            self.origin_name,
        )

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """The function in the precision of its operand, or its table."""
        x = operands[0]
        if not self.is_fixed:
            y = FUNCTIONS[self.function.data].apply(x, **self.arguments())
            return np.asarray(y).astype(x.dtype)
        table = self.table()
        if self.mantissa_bits is None:
            index = x - table.low
        else:
            index = np.clip(float_index(x, self.mantissa_bits.value.data), 0, len(table.entries) - 1)
        return np.asarray(table.entries[index])
