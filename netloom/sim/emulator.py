"""The fast emulator: the same numbers as the interpreter, by vectorised floating point.

Mantissas are held in float32 where every partial sum stays below 2^22, in float64 below 2^51, and
in int64 otherwise; within these bounds floating-point sums and products of integers are exact in
any order, so BLAS may compute them. What has no fast form runs the op's own meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.ir.attributes import format_of, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp, LutNetworkOp
from netloom.ir.flow import (
    FifoOp,
    FlowOp,
    RepackOp,
    ResampleOp,
    SinkOp,
    SourceOp,
    StageOp,
    StreamWindowOp,
)
from netloom.ir.fx import (
    CastOp,
    ConstantOp,
    LookupOp,
    QuantizeOp,
    ThresholdOp,
)
from netloom.ir.interval import Interval
from netloom.ir.nn import (
    AddOp,
    BinaryOp,
    ConcatOp,
    DenseOp,
    MatMulOp,
    MaxOp,
    MinOp,
    MulOp,
    ReduceOp,
    ReluOp,
    SubOp,
    UnaryWiringOp,
    WindowOp,
)
from netloom.ir.program import main, program_ops, terminator
from netloom.ir.tree import EnsembleOp
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.analysis.stages import stage_module
from netloom.sim import images, luts, trees

Values = NDArray[Any]
Kernel = Callable[[Sequence[Values]], Values]

CHUNK_BYTES = 1 << 20
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
        arguments = function.body.block.args
        self.input_types = [
            holding(largest(self.intervals[each])) if each in self.intervals else np.float32
            for each in arguments
        ]
        self.outputs = list(terminator(function).operands)
        self.constants: dict[int, Values] = {}
        self.ops = program_ops(function)
        for op in self.ops:
            self.numbers[op.results[0]] = len(self.numbers)
            if isinstance(op, ConstantOp):
                self.constants[self.numbers[op.results[0]]] = self._constant(op)
        self.fusions = fusions(self.ops, self.intervals)
        self.hidden = {op.results[0] for fusion in self.fusions.values() for op in fusion.without}
        self.plan = self._plan(self.fusions)
        self.chunk = self._chunk(self.hidden)

    @cached_property
    def whole_plan(self) -> list[Step]:
        """The plan in which every op is a step of its own, for those who want every value."""
        return self._plan({})

    def _chunk(self, hidden: Set[SSAValue]) -> int:
        """Samples whose widest tensor stays in the cache."""
        values = [value for value in self.numbers if value not in hidden]
        widest = max(int(np.prod(shape_of(value.type))) for value in values)
        return max(1, CHUNK_BYTES // (4 * widest))

    def _plan(self, fusions: Mapping[NetloomOp, Fusion]) -> list[Step]:
        gone = {op for fusion in fusions.values() for op in fusion.without}
        steps = [op for op in self.ops if op not in gone and not isinstance(op, ConstantOp)]
        reads = {op: fusions[op].reads if op in fusions else tuple(op.operands) for op in steps}
        last_use = {value: op for op in steps for value in reads[op]}
        kept = set(self.outputs)
        plan: list[Step] = []
        for op in steps:
            frees = tuple(
                self.numbers[value]
                for value in dict.fromkeys(reads[op])
                if last_use[value] is op and value not in kept and self.numbers[value] not in self.constants
            )
            kernel = fusions[op].kernel if op in fusions else self._kernel(op)
            numbers = tuple(self.numbers[value] for value in reads[op])
            plan.append(Step(kernel, numbers, self.numbers[op.results[0]], frees))
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
        whole = not self.hidden.isdisjoint(wanted)
        plan, chunk = (self.whole_plan, self._chunk(set())) if whole else (self.plan, self.chunk)
        for start in range(0, samples, chunk):
            stop = min(samples, start + chunk)
            values = self.run_chunk([array[start:stop] for array in inputs], keep, plan)
            for value, result in zip(wanted, results, strict=True):
                result[start:stop] = values[self.numbers[value]]
        return results

    def run_chunk(
        self, inputs: Sequence[Values], keep: set[int], plan: Sequence[Step] | None = None
    ) -> dict[int, Values]:
        """Values by number for inputs [n, *shape] in any dtype; those not to `keep` are dropped when used."""
        values: dict[int, Values] = dict(self.constants)
        given = zip(inputs, self.input_types, strict=True)
        values.update(enumerate(np.asarray(array, dtype=kind) for array, kind in given))
        for step in self.plan if plan is None else plan:
            values[step.writes] = step.kernel([values[number] for number in step.reads])
            for number in step.frees:
                if number not in keep:
                    del values[number]
        return values


@dataclass(frozen=True)
class Fusion:
    """One step for several ops: the values it reads, how, and the ops whose results are never made."""

    reads: tuple[SSAValue, ...]
    kernel: Kernel
    without: tuple[NetloomOp, ...]


def fusions(ops: Sequence[NetloomOp], intervals: Mapping[SSAValue, Interval]) -> dict[NetloomOp, Fusion]:
    """The ops that read windows, each with them as one step."""
    found: dict[NetloomOp, Fusion] = {}
    for op in ops:
        fusion: Fusion | None = None
        if isinstance(op, DenseOp | KernelOp | MatMulOp) and op.is_fixed:
            fusion = convolution_of(op, intervals)
        elif isinstance(op, ReduceOp) and op.is_fixed:
            fusion = pool_of(op, intervals)
        elif isinstance(op, StageOp):
            fusion = stage_of(op)
        if fusion is not None:
            found[op] = fusion
    return found


def convolution_of(
    op: DenseOp | KernelOp | MatMulOp, intervals: Mapping[SSAValue, Interval]
) -> Fusion | None:
    """Windows and their product with a constant."""
    flat, groups = images.convolved(op.operands[0]), images.grouped(op.operands[0])
    if flat is not None:
        matrix, bias = constant_matrix(op)
        if matrix is None:
            return None
        dtype = exact_dtype(intervals[op.operands[0]], matrix, bias)
        offset = bias.astype(dtype) if np.any(bias) else None
        kernel = images.convolution(flat, matrix.astype(dtype), offset, dtype)
        return Fusion((flat.window.input,), kernel, flat.fused)
    owner = op.operands[1].owner if isinstance(op, MatMulOp) else None
    if groups is None or not isinstance(owner, ConstantOp):
        return None
    weights = owner.value.ints()
    if weights.ndim != 3 or len(weights) != shape_of(op.operands[0].type)[-3]:
        return None
    dtype = exact_dtype(intervals[op.operands[0]], weights, np.zeros(1))
    kernel = images.grouped_convolution(groups, weights.astype(dtype), dtype)
    return Fusion((groups.window.input,), kernel, groups.fused)


def pool_of(op: ReduceOp, intervals: Mapping[SSAValue, Interval]) -> Fusion | None:
    """Windows and their reduction."""
    found = images.pooled(op)
    if found is None:
        return None
    kernel = images.pool(op, found, reduction_dtype(op, intervals))
    return Fusion((found.window.input,), kernel, found.fused)


def stage_of(op: StageOp) -> Fusion | None:
    """A stage that alone reads windows from a line buffer: they are gathered as many as fit the cache."""
    between: list[NetloomOp] = []
    value = op.operands[0]
    while isinstance(value.owner, FifoOp) and value.has_one_use():
        between.append(value.owner)
        value = value.owner.operands[0]
    window = value.owner
    single = len(op.operands) == 1 and value.has_one_use()
    if not single or not isinstance(window, StreamWindowOp) or np.prod(window.result_shape[:-5]) != 1:
        return None
    if window.parts != 1:
        return None
    body = Emulator(stage_module(op))
    number, shape = body.numbers[body.outputs[0]], shape_of(op.block.args[0].type)
    without = (window, *between)
    only = body.ops[0]
    if len(body.ops) == 1 and isinstance(only, ReduceOp) and images.is_pool(only):
        dtype = reduction_dtype(only, body.intervals)
        return Fusion((window.input,), images.pool(only, images.Windowed(window, ()), dtype), without)

    def run(taps: Values) -> Values:
        beats = taps.reshape(-1, *shape)
        values = body.run_chunk([beats], {number})[number]
        return np.broadcast_to(values, (len(beats), *values.shape[1:]))

    kernel = images.by_tiles(window.geometry, window.fill_value, run, op.result_shape)
    return Fusion((window.input,), kernel, without)


def reduction_dtype(op: ReduceOp, intervals: Mapping[SSAValue, Interval]) -> Any:
    """The cheapest dtype in which a reduction is exact."""
    return holding(largest(intervals[op.input]) * (op.count if op.kind.data == "sum" else 1))


def exact_dtype(interval: Interval, matrix: Values, bias: Values) -> Any:
    """The cheapest dtype in which values of an interval times a matrix add exactly."""
    thin = interval.thin(keep=1)
    reach = np.maximum(np.abs(thin.low), np.abs(thin.high)).astype(np.float64)
    sums = np.matmul(reach if reach.ndim > 1 else reach[None], np.abs(matrix.astype(np.float64)))
    return holding(float((sums + np.abs(bias)).max(initial=0.0)))


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
    dtype = exact_dtype(intervals[op.operands[0]], matrix, bias)
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


COMBINATIONS: Mapping[type[BinaryOp], Callable[[Values, Values], Values]] = {
    AddOp: np.add,
    SubOp: np.subtract,
    MaxOp: np.maximum,
    MinOp: np.minimum,
}
"""Ops on two operands at one fraction, whose results are no larger than the sum of both."""


def combine(op: BinaryOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """In floating point, brought to one fraction by powers of two."""
    function = COMBINATIONS.get(type(op))
    scaling = scalings(op, intervals)
    if function is None or scaling is None:
        return None
    dtype, factors = scaling
    rank = len(op.result_shape)

    def kernel(operands: Sequence[Values]) -> Values:
        terms = [op.align(x.astype(dtype, copy=False), i, rank) for i, x in enumerate(operands)]
        a, b = (x if f == 1 else x * f for x, f in zip(terms, factors, strict=True))
        return function(a, b)

    return kernel


def scalings(op: NetloomOp, intervals: Mapping[SSAValue, Interval]) -> tuple[Any, list[Any]] | None:
    """A floating-point dtype that holds the sum of all operands, and each one's factor to one fraction."""
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
    return dtype, [np.dtype(dtype).type(2.0**shift) for shift in shifts]


def multiply(op: MulOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """In floating point; by the mantissa one it is nothing."""
    if not op.is_fixed:
        return None
    dtype = holding(largest(intervals[op.lhs]) * largest(intervals[op.rhs]))
    if dtype == np.int64:
        return None
    rank = len(op.result_shape)
    for index, operand in enumerate(op.operands):
        owner = operand.owner
        if isinstance(owner, ConstantOp) and owner.result_shape == () and int(owner.value.ints()) == 1:
            return lambda operands: operands[1 - index]
    return lambda operands: np.multiply(
        *(op.align(x.astype(dtype, copy=False), i, rank) for i, x in enumerate(operands))
    )


def concat(op: ConcatOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """Elements move at one fraction."""
    scaling = scalings(op, intervals)
    if scaling is None:
        return None
    dtype, factors = scaling
    return lambda operands: op.move(
        [x.astype(dtype, copy=False) * f for x, f in zip(operands, factors, strict=True)]
    )


def reduction(op: ReduceOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """In floating point."""
    dtype = reduction_dtype(op, intervals) if op.is_fixed else np.int64
    if dtype == np.int64:
        return None
    return lambda operands: op.evaluate([operands[0].astype(dtype, copy=False)])


def threshold(op: ThresholdOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """Comparisons in the dtype of the operand; one search where all channels agree."""
    source = holding(largest(intervals[op.input]))
    result = holding(largest(intervals[op.result]))
    table = threshold_table(op, intervals, result)
    if table is not None:
        return table
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


TABLE_ENTRIES = 1 << 18
"""Step functions become tables up to this size, which then stays in the cache."""


def threshold_table(op: ThresholdOp, intervals: Mapping[SSAValue, Interval], dtype: Any) -> Kernel | None:
    """One entry for each mantissa and channel, where there are more steps than a few."""
    low, high = intervals[op.input].bounds
    parameters = (op.thresholds.values.shape[:-1], op.base.values.shape, op.sign.values.shape)
    per_channel = np.broadcast_shapes((1,) * len(op.result_shape), *parameters)
    channels = int(np.prod(per_channel))
    size = high - low + 1
    by_last_axis = channels == (per_channel[-1] if per_channel else 1)
    if op.thresholds.values.shape[-1] <= 4 or not by_last_axis or channels * size > TABLE_ENTRIES:
        return None
    mantissas = np.arange(low, high + 1).reshape(-1, *[1] * len(per_channel))
    entries = op.evaluate([np.broadcast_to(mantissas, (size, *per_channel))])
    flat = np.ascontiguousarray(entries.reshape(size, channels).T).astype(dtype).reshape(-1)
    first = (np.arange(channels) * size - low).astype(np.int32) if channels > 1 else np.int32(-low)
    return lambda operands: flat[np.add(operands[0], first, dtype=np.int32, casting="unsafe")]


def lookup(op: LookupOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """An index and a gather."""
    table = op.table.values.astype(holding(largest(intervals[op.result])))
    return lambda operands: table[op.index(operands[0].astype(np.int64, copy=False))]


def wiring(op: UnaryWiringOp | WindowOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """Elements move in any dtype."""
    if not isinstance(op, WindowOp):
        return lambda operands: op.move(operands)
    fill = op.fill_value
    return lambda operands: op.windows_of(operands[0], fill)


def stage(op: StageOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """The stage's body as a plan of its own; the beats of all samples are its batch."""
    body = Emulator(stage_module(op))
    result = body.numbers[body.outputs[0]]
    shapes = [shape_of(argument.type) for argument in op.block.args]

    def kernel(operands: Sequence[Values]) -> Values:
        samples = max(len(x) for x in operands)
        spread = (np.broadcast_to(x, (samples, *x.shape[1:])) for x in operands)
        beats = [x.reshape(-1, *shape) for x, shape in zip(spread, shapes, strict=True)]
        values = body.run_chunk(beats, {result})[result]
        count = samples * op.stream.beats
        return np.broadcast_to(values, (count, *values.shape[1:])).reshape(samples, *op.result_shape)

    return kernel


def passing(op: SourceOp | SinkOp | FifoOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """The same elements in order."""
    shape = op.result_shape
    return lambda operands: operands[0].reshape(len(operands[0]), *shape)


def moving(op: FlowOp, intervals: Mapping[SSAValue, Interval]) -> Kernel | None:
    """Elements move in any dtype."""
    return op.evaluate


FACTORIES: Mapping[Any, Callable[[Any, Mapping[SSAValue, Interval]], Kernel | None]] = {
    QuantizeOp: quantize,
    KernelOp: product,
    LutNetworkOp: lambda op, intervals: luts.lut_network(op, intervals, holding),
    DenseOp: product,
    MatMulOp: lambda op, intervals: product(op, intervals) if op.is_fixed else None,
    CastOp: cast,
    ReluOp: relu,
    AddOp: combine,
    SubOp: combine,
    MaxOp: combine,
    MinOp: combine,
    MulOp: multiply,
    ConcatOp: concat,
    ReduceOp: reduction,
    WindowOp: wiring,
    ThresholdOp: threshold,
    LookupOp: lookup,
    UnaryWiringOp: wiring,
    EnsembleOp: lambda op, intervals: trees.ensemble(op, intervals, holding),
    StageOp: stage,
    SourceOp: passing,
    SinkOp: passing,
    FifoOp: passing,
    RepackOp: moving,
    ResampleOp: moving,
    StreamWindowOp: moving,
}
