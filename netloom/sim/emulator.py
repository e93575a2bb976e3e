"""The fast emulator: the same numbers as the interpreter, by vectorised floating point.

Mantissas are held in float32 where every partial sum stays below 2^22, in float64 below 2^51, and
in int64 otherwise; within these bounds floating-point sums and products of integers are exact in
any order, so BLAS may compute them. What has no fast form runs the op's own meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.ir.attributes import format_of, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp
from netloom.ir.fx import (
    CastOp,
    ConstantOp,
    LookupOp,
    QuantizeOp,
    ThresholdOp,
)
from netloom.ir.interval import Interval
from netloom.ir.nn import AddOp, DenseOp, MatMulOp, ReluOp, UnaryWiringOp
from netloom.ir.program import main, program_ops, terminator
from netloom.passes.analysis.ranges import value_intervals

Values = NDArray[Any]
Kernel = Callable[[Sequence[Values]], Values]

CHUNK_BYTES = 1 << 19
"""Samples are taken in chunks whose widest tensor is about this large, to stay in the cache."""

FLOAT_LIMITS: Sequence[tuple[float, DTypeLike]] = ((2.0**22, np.float32), (2.0**51, np.float64))


def holding(magnitude: float) -> Any:
    """The cheapest dtype in which integers up to `magnitude` add and round exactly."""
    for limit, dtype in FLOAT_LIMITS:
        if magnitude < limit:
            return dtype
    return np.int64


def largest(interval: Interval) -> float:
    """Largest magnitude in an interval."""
    return float(max(abs(bound) for bound in interval.bounds))


@dataclass(frozen=True)
class Step:
    """One op of the plan: which values it reads, which it makes, how, and what it frees."""

    kernel: Kernel
    reads: tuple[int, ...]
    writes: int
    frees: tuple[int, ...]


class Emulator:
    """A compiled module; `run` gives what `netloom.ir.interpreter.run` gives."""

    def __init__(self, module: ModuleOp) -> None:
        function = main(module)
        self.intervals = value_intervals(module)
        self.numbers: dict[SSAValue, int] = {}
        for argument in function.body.block.args:
            self.numbers[argument] = len(self.numbers)
        self.inputs = len(self.numbers)
        self.outputs = list(terminator(function).operands)
        self.constants: dict[int, Values] = {}
        ops = program_ops(function)
        self.plan = self._plan(ops)
        values = [*function.body.block.args, *(op.results[0] for op in ops)]
        widest = max(int(np.prod(shape_of(value.type))) for value in values)
        self.chunk = max(1, CHUNK_BYTES // (4 * widest))

    def _plan(self, ops: Sequence[NetloomOp]) -> list[Step]:
        last_use: dict[SSAValue, int] = {}
        for index, op in enumerate(ops):
            last_use.update(dict.fromkeys(op.operands, index))
        kept = set(self.outputs)
        plan: list[Step] = []
        for index, op in enumerate(ops):
            result = op.results[0]
            self.numbers[result] = len(self.numbers)
            if isinstance(op, ConstantOp):
                self.constants[self.numbers[result]] = self._constant(op)
                continue
            reads = tuple(self.numbers[operand] for operand in op.operands)
            frees = tuple(
                self.numbers[operand]
                for operand in dict.fromkeys(op.operands)
                if last_use[operand] == index
                and operand not in kept
                and self.numbers[operand] not in self.constants
            )
            plan.append(Step(self._kernel(op), reads, self.numbers[result], frees))
        return plan

    def _constant(self, op: ConstantOp) -> Values:
        if not op.is_fixed:
            return op.value.values.astype(np.float32)[None]
        return op.value.ints()[None].astype(holding(largest(self.intervals[op.result])))

    def _kernel(self, op: NetloomOp) -> Kernel:
        for op_type, factory in FACTORIES.items():
            if isinstance(op, op_type):
                kernel = factory(op, self.intervals)
                if kernel is not None:
                    return kernel
        return general(op)

    def run(self, inputs: Sequence[Values]) -> list[Values]:
        """Outputs for float32 inputs [n, *shape]: int64 mantissas, or floating point when real."""
        return self.collect(inputs, self.outputs)

    def run_all(self, inputs: Sequence[Values]) -> Mapping[SSAValue, Values]:
        """Every value that depends on the inputs, fixed-point ones as int64 mantissas."""
        wanted = [value for value in self.numbers if self.numbers[value] not in self.constants]
        return dict(zip(wanted, self.collect(inputs, wanted), strict=True))

    def collect(self, inputs: Sequence[Values], wanted: Sequence[SSAValue]) -> list[Values]:
        """Chosen values [n, *shape] for float32 inputs [n, *shape]."""
        samples = len(inputs[0]) if inputs else 1
        results = [np.empty((samples, *shape_of(v.type)), dtype=result_dtype(v)) for v in wanted]
        keep = {self.numbers[value] for value in wanted}
        for start in range(0, samples, self.chunk):
            stop = min(samples, start + self.chunk)
            values = self._run_chunk([array[start:stop] for array in inputs], keep)
            for value, result in zip(wanted, results, strict=True):
                result[start:stop] = values[self.numbers[value]]
        return results

    def _run_chunk(self, inputs: Sequence[Values], keep: set[int]) -> dict[int, Values]:
        values: dict[int, Values] = dict(self.constants)
        values.update(enumerate(np.asarray(array, dtype=np.float32) for array in inputs))
        for step in self.plan:
            values[step.writes] = step.kernel([values[number] for number in step.reads])
            for number in step.frees:
                if number not in keep:
                    del values[number]
        return values


def result_dtype(value: SSAValue) -> DTypeLike:
    """int64 for mantissas, float64 for reals."""
    return np.float64 if format_of(value.type) is None else np.int64


def general(op: NetloomOp) -> Kernel:
    """The op's own meaning, on int64 mantissas."""
    fixed_operands = [format_of(operand.type) is not None for operand in op.operands]

    def kernel(operands: Sequence[Values]) -> Values:
        exact = [
            x.astype(np.int64, copy=False) if fixed else x
            for x, fixed in zip(operands, fixed_operands, strict=True)
        ]
        return op.evaluate(exact)

    return kernel


def quantize(op: QuantizeOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """Levels in float32, as the source framework computes them."""
    if op.overflow.data != "SAT" or holding(largest(intervals[op.result])) != np.float32:
        return None
    quantizer = op.quantizer
    return lambda operands: quantizer.levels(operands[0])


def product(op: DenseOp | KernelOp | MatMulOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """Matrix products with constants through BLAS where partial sums are exact."""
    matrix, bias = constant_matrix(op)
    if matrix is None:
        return dynamic_product(op, intervals)
    interval = intervals[op.operands[0]]
    reach = np.maximum(np.abs(interval.low), np.abs(interval.high)).astype(np.float64)
    bound = float((reach @ np.abs(matrix.astype(np.float64)) + np.abs(bias)).max(initial=0.0))
    dtype = holding(bound)
    weights, offset = matrix.astype(dtype), bias.astype(dtype)
    has_bias = bool(np.any(offset))

    def kernel(operands: Sequence[Values]) -> Values:
        x = operands[0].astype(dtype, copy=False)
        y = np.matmul(x.reshape(-1, x.shape[-1]), weights)
        if has_bias:
            y += offset
        shaped: Values = y.reshape(*x.shape[:-1], weights.shape[-1])
        return shaped

    return kernel


def constant_matrix(op: NetloomOp) -> tuple[Values | None, Values]:
    """Weights and bias of a layer, None when the right side is computed."""
    if isinstance(op, KernelOp):
        return op.graph.matrix(), op.bias_mantissas
    weight = op.operands[1].owner
    none = np.zeros(1, dtype=np.int64)
    if not isinstance(weight, ConstantOp) or weight.value.values.ndim != 2:
        return None, none
    bias = op.operands[2].owner if len(op.operands) > 2 else None
    return weight.value.ints(), bias.value.ints() if isinstance(bias, ConstantOp) else none


def dynamic_product(op: NetloomOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """A product of two computed matrices."""
    left, right = (largest(intervals[operand]) for operand in op.operands[:2])
    dtype = holding(left * right * shape_of(op.operands[0].type)[-1])
    if dtype == np.int64:
        return None

    def kernel(operands: Sequence[Values]) -> Values:
        return op.evaluate([x.astype(dtype, copy=False) for x in operands])

    return kernel


def cast(op: CastOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """Scaling by a power of two, rounding and clipping in floating point."""
    rounding = ROUND.get(op.rounding.data)
    if rounding is None or op.overflow.data not in ("SAT", "SAT_SYM"):
        return None
    target = op.result_format
    shift = target.fraction - op.operand_formats[0].fraction
    bound = largest(intervals[op.input]) * 2.0 ** max(shift, 0)
    dtype = holding(bound * 2)
    if dtype == np.int64:
        return None
    low = target.min_mantissa
    if op.overflow.data == "SAT_SYM" and target.signed and target.width > 1:
        low = -target.max_mantissa
    factor, bounds = np.dtype(dtype).type(2.0**shift), (float(low), float(target.max_mantissa))
    out = holding(largest(intervals[op.result]))

    def kernel(operands: Sequence[Values]) -> Values:
        y = operands[0].astype(dtype, copy=False) * factor
        if shift < 0:
            rounding(y)
        np.clip(y, *bounds, out=y)
        result: Values = y.astype(out, copy=False)
        return result

    return kernel


def _half_up(y: Values) -> None:
    y += 0.5
    np.floor(y, out=y)


ROUND: Mapping[str, Callable[[Values], Any]] = {
    "TRN": lambda y: np.floor(y, out=y),
    "TRN_ZERO": lambda y: np.trunc(y, out=y),
    "RND": _half_up,
    "RND_CONV": lambda y: np.rint(y, out=y),
}
"""Rounding in place; the rarer modes run the op's own meaning."""


def relu(op: ReluOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """Any dtype."""
    return (lambda operands: np.maximum(operands[0], 0)) if op.is_fixed else None


def add(op: AddOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """In floating point, brought to one fraction by powers of two."""
    if not op.is_fixed:
        return None
    fraction = op.fraction_rule()
    shifts = [fraction - number_format.fraction for number_format in op.operand_formats]
    bound = sum(
        largest(intervals[operand]) * 2.0**shift for operand, shift in zip(op.operands, shifts, strict=True)
    )
    dtype = holding(bound)
    if dtype == np.int64:
        return None
    factors = [np.dtype(dtype).type(2.0**shift) for shift in shifts]
    rank = len(op.result_shape)

    def kernel(operands: Sequence[Values]) -> Values:
        terms = [op.align(x.astype(dtype, copy=False), i, rank) for i, x in enumerate(operands)]
        scaled = [x if f == 1 else x * f for x, f in zip(terms, factors, strict=True)]
        return np.asarray(scaled[0] + scaled[1])

    return kernel


def threshold(op: ThresholdOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """Comparisons in the dtype of the operand; one search where all channels agree."""
    source = holding(largest(intervals[op.input]))
    result = holding(largest(intervals[op.result]))
    thresholds = op.thresholds.values.astype(source)
    base, sign = op.base.values.astype(result), op.sign.values.astype(result)
    shared = int(np.prod(thresholds.shape[:-1])) == 1
    levels = [np.ascontiguousarray(thresholds[..., i]) for i in range(thresholds.shape[-1])]

    def kernel(operands: Sequence[Values]) -> Values:
        x = operands[0].astype(source, copy=False)
        if shared and len(levels) > 4:
            count = np.searchsorted(thresholds.reshape(-1), x, side="right").astype(result)
        else:
            count = np.zeros(x.shape, dtype=result)
            for level in levels:
                count += x >= level
        return np.asarray(base + sign * count)

    return kernel


def lookup(op: LookupOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """An index and a gather."""
    table = op.table.values.astype(holding(largest(intervals[op.result])))
    return lambda operands: table[op.index(operands[0].astype(np.int64, copy=False))]


def wiring(op: UnaryWiringOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """Elements move in any dtype."""
    return lambda operands: op.move(operands)


FACTORIES: Mapping[Any, Callable[[Any, Mapping[SSAValue, Interval]], Kernel | None]] = {
    QuantizeOp: quantize,
    KernelOp: product,
    DenseOp: product,
    MatMulOp: lambda op, intervals: product(op, intervals) if op.is_fixed else None,
    CastOp: cast,
    ReluOp: relu,
    AddOp: add,
    ThresholdOp: threshold,
    LookupOp: lookup,
    UnaryWiringOp: wiring,
}
