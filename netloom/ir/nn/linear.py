"""Matrix products, normalisations and reductions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import BoolAttr, FloatAttr, IntegerAttr, StringAttr
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
)
from xdsl.utils.exceptions import VerifyException

from netloom.core.dataflow import WeightPort
from netloom.ir.attributes import ArrayAttr
from netloom.ir.base import NetloomOp, RealOp, Shape, Values, axis_of
from netloom.ir.interval import Interval, check_width, matrix_product, thinned, total


@irdl_op_definition
class MatMulOp(NetloomOp):
    """Matrix product of two tensors of two or more axes, as numpy.matmul and ONNX MatMul define it.

    The last axis of `lhs` is multiplied with the last but one of `rhs`; leading axes broadcast. On
    fixed-point numbers the fraction bits add up and the result holds every sum; when one side is a
    constant, its actual values count and not only its format.
    """

    name = "nn.matmul"
    lhs = operand_def()
    rhs = operand_def()
    result = result_def()

    def shape_rule(self) -> Shape:
        """Last axis of lhs against the last but one of rhs; leading axes broadcast."""
        left, right = self.operand_shapes
        if len(left) < 2 or len(right) < 2 or left[-1] != right[-2]:
            raise VerifyException(f"nn.matmul: shapes {left} and {right} do not fit")
        try:
            leading = tuple(np.broadcast_shapes(left[:-2], right[:-2]))
        except ValueError as error:
            raise VerifyException(f"nn.matmul: {error}") from error
        return (*leading, left[-2], right[-1])

    def fraction_rule(self) -> int:
        """Sum of the operands' fraction bits."""
        return sum(number_format.fraction for number_format in self.operand_formats)

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Sums of the products' bounds, with the actual weights when one side is constant."""
        return matrix_product(operands[0], operands[1], self.origin_name)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """a @ b."""
        rank = len(self.result_shape)
        left, right = (self.align(values, i, rank) for i, values in enumerate(operands))
        return np.asarray(np.matmul(left, right))


def reuse_factors(inputs: int, outputs: int) -> list[int]:
    """The reuse factors of a layer with `inputs` x `outputs` weights, ascending.

    They are the divisors of `inputs`, and `inputs` times the divisors of `outputs`; the same as hls4ml 1.3
    has for its resource strategy (`get_valid_reuse_factors` of its FPGA backends).
    """
    few = [factor for factor in range(1, inputs) if inputs % factor == 0]
    return few + [inputs * groups for groups in range(1, outputs + 1) if outputs % groups == 0]


@irdl_op_definition
class DenseOp(NetloomOp):
    """Constant matrix product with bias over the last axis: what one hardware layer computes.

    `weight` has shape [K, N]; `bias` has shape [N] and the fraction bits of the product; leading axes of
    `input` are rows that share the weights. `strategy` says how it becomes hardware: `adder_graph`
    (shifts and adders made for these weights), `latency` (a multiplier per weight) or `resource`
    (multipliers that each serve `reuse_factor` weights, one after another). Fixed-point only.

    A layer with reuse factor R works in R cycles, numbered 0 to R - 1, on K * N / R products in each. R
    divides K, or is K * k where k divides N (see `reuse_factors`):

    * R <= K: cycle r works on the inputs from r * K / R up to, but not including, (r + 1) * K / R, for all
      N outputs;
    * R = K * k: cycle r works on input r mod K, for the outputs from (r div K) * N / k up to, but not
      including, (r div K + 1) * N / k.

    Only layers of strategy `resource` have a reuse factor; the pass `set-reuse-factors` gives it to them.
    The pass `place-weights` sets `memory_latency` on those that read their weights from a memory outside:
    the cycles that it takes to answer.
    """

    name = "nn.dense"
    input = operand_def()
    weight = operand_def()
    bias = opt_operand_def()
    strategy = prop_def(StringAttr)
    reuse_factor = opt_prop_def(IntegerAttr)
    memory_latency = opt_prop_def(IntegerAttr)
    result = result_def()

    def shape_rule(self) -> Shape:
        """[..., K] to [..., N]."""
        x, weight = self.operand_shapes[:2]
        if len(weight) != 2 or not x or x[-1] != weight[0]:
            raise VerifyException(f"nn.dense: shapes {x} and {weight} do not fit")
        if self.bias is not None and self.operand_shapes[2] != (weight[1],):
            raise VerifyException(f"nn.dense: the bias has shape {self.operand_shapes[2]}")
        return (*x[:-1], weight[1])

    def fraction_rule(self) -> int:
        """Sum of input and weight."""
        return self.operand_formats[0].fraction + self.operand_formats[1].fraction

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Matrix product of the bounds with the actual weights, plus the bias."""
        x = operands[0]
        rows = Interval(np.atleast_2d(x.low), np.atleast_2d(x.high))
        y = matrix_product(rows, operands[1], self.origin_name)
        shape = self.shape_rule()
        y = Interval(y.low.reshape(shape), y.high.reshape(shape))
        return total(y, operands[2], self.origin_name) if len(operands) > 2 else y

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Fixed-point only; the bias has the fraction of the product."""
        super().verify_elements(operand_kinds)
        if not self.is_fixed:
            raise VerifyException("nn.dense is defined on fixed-point numbers only")
        if self.bias is not None and self.operand_formats[2].fraction != self.fraction_rule():
            raise VerifyException("nn.dense: the bias has the fraction of the product")
        self.verify_reuse()

    @property
    def weight_port(self) -> WeightPort | None:
        """The words of a layer that reads its weights from a memory outside."""
        if self.reuse_factor is None or self.memory_latency is None:
            return None
        inputs, outputs = self.operand_shapes[1]
        weight, words = self.operand_formats[1], self.reuse_factor.value.data
        bits = max(weight.width + (0 if weight.signed else 1), 1)
        return WeightPort(words, inputs * outputs // words * bits, self.memory_latency.value.data)

    def verify_reuse(self) -> None:
        """A reuse factor belongs to the strategy `resource`, and is one of `reuse_factors`."""
        if self.reuse_factor is None:
            if self.memory_latency is not None:
                raise VerifyException("nn.dense: weights outside need a reuse factor")
            return
        if self.strategy.data != "resource":
            raise VerifyException(f"nn.dense: the strategy {self.strategy.data} has no reuse factor")
        factor, shape = self.reuse_factor.value.data, self.operand_shapes[1]
        if factor not in reuse_factors(*shape):
            raise VerifyException(f"nn.dense: a reuse factor of {factor} does not divide weights of {shape}")
        if self.memory_latency is not None and self.memory_latency.value.data < 1:
            raise VerifyException("nn.dense: a memory takes at least one cycle to answer")

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """x @ w + b."""
        x, weight = operands[0], operands[1]
        y = np.matmul(x.reshape(x.shape[0], -1, x.shape[-1]), weight)
        y = y.reshape(*x.shape[:-1], weight.shape[-1])
        return np.asarray(y + operands[2].reshape(-1)) if len(operands) > 2 else y


@irdl_op_definition
class BatchNormOp(RealOp):
    """Batch normalisation at inference: scale * (x - mean) / sqrt(variance + epsilon) + bias.

    Channels are axis 1, as in ONNX; the four parameters have one element for each. Real numbers only: a
    pass folds it into the layer before it, or leaves a product and a sum.
    """

    name = "nn.batch_norm"
    input = operand_def()
    scale = prop_def(ArrayAttr)
    bias = prop_def(ArrayAttr)
    mean = prop_def(ArrayAttr)
    variance = prop_def(ArrayAttr)
    epsilon = prop_def(FloatAttr)
    result = result_def()

    def shape_rule(self) -> Shape:
        """Elementwise; parameters have one element per channel."""
        shape = self.operand_shapes[0]
        channels = shape[1] if len(shape) > 1 else 1
        for parameter in (self.scale, self.bias, self.mean, self.variance):
            if parameter.values.shape != (channels,):
                raise VerifyException(f"nn.batch_norm: parameters need {channels} elements")
        return shape

    def factors(self) -> tuple[Values, Values]:
        """Slope and intercept per channel, float64, shaped to broadcast against the input."""
        slope = self.scale.reals() / np.sqrt(self.variance.reals() + self.epsilon.value.data)
        intercept = self.bias.reals() - self.mean.reals() * slope
        trailing = (1,) * max(len(self.operand_shapes[0]) - 2, 0)
        return slope.reshape(-1, *trailing), intercept.reshape(-1, *trailing)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Scale * (x - mean) / sqrt(variance + epsilon) + bias."""
        slope, intercept = self.factors()
        x = operands[0]
        return np.asarray(x * slope.astype(x.dtype) + intercept.astype(x.dtype))


@irdl_op_definition
class LayerNormOp(RealOp):
    """Layer normalisation over the axes from `axis` on: (x - mean) / sqrt(variance + epsilon) * scale + bias.

    Mean and variance are those of each sample over these axes; `scale` and `bias` broadcast against the
    input. Real numbers only: a pass lowers it to sums, products and a table of 1 / sqrt.
    """

    name = "nn.layer_norm"
    input = operand_def()
    scale = prop_def(ArrayAttr)
    bias = prop_def(ArrayAttr)
    axis = prop_def(IntegerAttr)
    epsilon = prop_def(FloatAttr)
    result = result_def()

    def shape_rule(self) -> Shape:
        """Elementwise."""
        return self.operand_shapes[0]

    @property
    def axes(self) -> tuple[int, ...]:
        """The normalised axes, non-negative."""
        return tuple(range(axis_of(self, self.axis.value.data), len(self.operand_shapes[0])))

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """(x - mean) / sqrt(variance + epsilon) * scale + bias."""
        x = operands[0]
        axes = tuple(axis + 1 for axis in self.axes)
        centred = x - x.mean(axis=axes, keepdims=True)
        variance = np.square(centred).mean(axis=axes, keepdims=True)
        normal = centred / np.sqrt(variance + self.epsilon.value.data)
        return np.asarray(normal * self.scale.values + self.bias.values).astype(x.dtype)


@irdl_op_definition
class SoftmaxOp(RealOp):
    """Softmax along one axis: exp(x - max) / sum(exp(x - max)).

    Real numbers only: a pass lowers it to maximum, difference, a table of exp, sum, a table of the
    reciprocal and product, each exact in its formats.
    """

    name = "nn.softmax"
    input = operand_def()
    axis = prop_def(IntegerAttr)
    result = result_def()

    def shape_rule(self) -> Shape:
        """Elementwise."""
        return self.operand_shapes[0]

    @property
    def positive_axis(self) -> int:
        """The axis, counted from the front."""
        return axis_of(self, self.axis.value.data)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """exp(x - max) / sum(exp(x - max))."""
        x = operands[0]
        axis = self.positive_axis + 1
        powers = np.exp(x - x.max(axis=axis, keepdims=True))
        return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


KINDS = ("sum", "mean", "max", "min", "prod")
"""Reductions, by the name that numpy gives them."""


class ReduceBase(NetloomOp):
    """What `nn.reduce` and its form on streams share."""

    input = operand_def()
    kind = prop_def(StringAttr)
    axes = prop_def(ArrayAttr)
    keep_axes = prop_def(BoolAttr)
    result = result_def()

    @property
    def positive_axes(self) -> tuple[int, ...]:
        """The axes, counted from the front, ascending."""
        return tuple(sorted({axis_of(self, int(axis)) for axis in self.axes.values}))

    @property
    def count(self) -> int:
        """Number of elements that go into one result."""
        return math.prod(self.operand_shapes[0][axis] for axis in self.positive_axes)

    def shape_rule(self) -> Shape:
        """Reduced axes become 1 or vanish."""
        axes, shape = self.positive_axes, self.operand_shapes[0]
        if bool(self.keep_axes):
            return tuple(1 if i in axes else size for i, size in enumerate(shape))
        return tuple(size for i, size in enumerate(shape) if i not in axes)

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """A known kind, and no extreme of nothing."""
        super().verify_elements(operand_kinds)
        if self.is_fixed and self.kind.data in ("mean", "prod"):
            raise VerifyException(f"nn.reduce: {self.kind.data} is defined on real numbers only")
        if self.kind.data not in KINDS:
            raise VerifyException(f"nn.reduce: kind {self.kind.data} is not one of {', '.join(KINDS)}")
        if self.count == 0 and self.kind.data != "sum":
            raise VerifyException("nn.reduce: no elements to reduce")

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """The reduction of the bounds (sum, max and min are monotone)."""
        if self.kind.data == "sum":
            check_width(float(operands[0].magnitude) * self.count, self.origin_name)
        reduce, axes = getattr(np, self.kind.data), self.positive_axes
        keep, bounds = bool(self.keep_axes), []
        for bound in (operands[0].low, operands[0].high):
            thin = thinned(bound)
            if self.kind.data == "sum":  # every element counts
                thin = np.broadcast_to(
                    thin, [bound.shape[i] if i in axes else size for i, size in enumerate(thin.shape)]
                )
            bounds.append(np.asarray(reduce(thin, axis=axes, keepdims=keep)))
        return Interval(*bounds).spread(self.shape_rule())

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """numpy's reduction of that name."""
        axes = tuple(axis + 1 for axis in self.positive_axes)
        reduce = getattr(np, self.kind.data)
        return np.asarray(reduce(operands[0], axis=axes, keepdims=bool(self.keep_axes)))


@irdl_op_definition
class ReduceOp(ReduceBase):
    """Reduction over `axes`: `kind` is sum, mean, max, min or prod.

    Reduced axes keep size 1 when `keep_axes` is true and vanish otherwise. Negative axes count from the
    end. On fixed-point numbers sum, max and min are exact; mean and prod have a real meaning only.
    """

    name = "nn.reduce"


class ArgOp(NetloomOp):
    """Base of ops that pick the largest element along an axis; ties go to the first."""

    input = operand_def()
    axis = prop_def(IntegerAttr)
    result = result_def()

    @property
    def positive_axis(self) -> int:
        """The axis, counted from the front."""
        return axis_of(self, self.axis.value.data)

    def fraction_rule(self) -> int:
        """Results are integers."""
        return 0


@irdl_op_definition
class ArgMaxOp(ArgOp):
    """Index of the largest element along `axis`; of equal ones the first.

    The axis keeps size 1 when `keep_axes` is true and vanishes otherwise. For a fixed-point operand the
    result is an unsigned integer, for a real one a real number that is whole.
    """

    name = "nn.argmax"
    keep_axes = prop_def(BoolAttr)

    def shape_rule(self) -> Shape:
        """The axis becomes 1 or vanishes."""
        shape = list(self.operand_shapes[0])
        shape[self.positive_axis : self.positive_axis + 1] = [1] if bool(self.keep_axes) else []
        return tuple(shape)

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """0 to size - 1."""
        shape = self.shape_rule()
        last = self.operand_shapes[0][self.positive_axis] - 1
        zero = np.zeros(shape, dtype=np.int64)
        return Interval(zero, zero + last)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """numpy.argmax."""
        index = np.argmax(operands[0], axis=self.positive_axis + 1, keepdims=bool(self.keep_axes))
        return np.asarray(index).astype(np.int64 if self.is_fixed else np.float64)


@irdl_op_definition
class HardmaxOp(ArgOp):
    """One at the largest element along `axis`, of equal ones the first, and zero elsewhere."""

    name = "nn.hardmax"

    def shape_rule(self) -> Shape:
        """Elementwise."""
        return self.operand_shapes[0]

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """0 or 1."""
        zero = np.zeros(self.shape_rule(), dtype=np.int64)
        return Interval(zero, zero + 1)

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """One-hot of the first largest."""
        axis = self.positive_axis + 1
        x = operands[0]
        best = np.argmax(x, axis=axis, keepdims=True)
        positions = np.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
        return np.asarray(positions == best).astype(np.int64 if self.is_fixed else x.dtype)
