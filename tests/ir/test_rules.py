"""Each op's rules hold for its meaning: shape, fraction, interval and result type.

`evaluate` on mantissas is checked against `evaluate` of the same op on the real numbers that they
stand for: both are exact here (formats of up to 10 bits), so results are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.ir import SSAValue

from netloom.core.adder_graph import AdderGraph
from netloom.core.fixed import Format, Overflow, Rounding, cast, to_real
from netloom.ir import nn
from netloom.ir.attributes import fixed_tensor, format_of, shape_of
from netloom.ir.base import NetloomOp, make
from netloom.ir.da import kernel_from_graph
from netloom.ir.fx import CastOp, LookupOp, QuantizeOp, ThresholdOp
from netloom.ir.interval import Interval
from netloom.ir.nn.shape import WiringOp, element_map
from netloom.ir.quantizer import ROUNDINGS
from tests.ir.values import (
    array,
    as_real,
    fixed,
    flag,
    format_,
    formats,
    intervals,
    real,
    reals_of,
    samples,
    whole,
    word,
)

Build = Callable[[Sequence[SSAValue]], NetloomOp]


def op(op_type: Any, **properties: Any) -> Build:
    return lambda operands: make(op_type, operands, **properties)


def square(operands: Sequence[SSAValue]) -> NetloomOp:
    return make(nn.MulOp, [operands[0], operands[0]])


PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 4)), ((), (2,)), ((4, 2, 3), (2, 1))]

OPS: dict[str, tuple[Build, Sequence[Sequence[tuple[int, ...]]]]] = {
    **{
        name: (op(op_type), PAIRS)
        for name, op_type in {
            "add": nn.AddOp,
            "sub": nn.SubOp,
            "mul": nn.MulOp,
            "min": nn.MinOp,
            "max": nn.MaxOp,
        }.items()
    },
    "square": (square, [((3, 2),)]),
    "relu": (op(nn.ReluOp), [((2, 3),)]),
    "matmul": (op(nn.MatMulOp), [((2, 3), (3, 2)), ((2, 1, 2, 3), (4, 3, 2)), ((1, 4), (4, 1))]),
    **{
        f"reduce {kind} {axes} {keep}": (
            op(nn.ReduceOp, kind=word(kind), axes=array(axes), keep_axes=flag(keep)),
            [((2, 3, 2),)],
        )
        for kind in ("sum", "max", "min")
        for axes in ([0], [1, -1], [0, 1, 2])
        for keep in (False, True)
    },
    "reshape": (op(nn.ReshapeOp, shape=array([3, 4])), [((2, 6),)]),
    "transpose": (op(nn.TransposeOp, permutation=array([2, 0, 1])), [((2, 3, 4),)]),
    "concat": (op(nn.ConcatOp, axis=whole(-1)), [((2, 3), (2, 1)), ((2, 1), (2, 1), (2, 2))]),
    "slice": (
        op(nn.SliceOp, starts=array([1, 3]), sizes=array([1, 2]), steps=array([1, -2])),
        [((2, 4),)],
    ),
    "gather": (op(nn.GatherOp, indices=array([[0, -1], [2, 2]]), axis=whole(1)), [((2, 3),)]),
    "broadcast": (op(nn.BroadcastOp, shape=array([2, 3, 4])), [((3, 1),)]),
}
Instance = tuple[Build, list[SSAValue], list[Interval], int]
every_op = pytest.mark.parametrize("name", sorted(OPS))


def check(built: NetloomOp, given_intervals: Sequence[Interval], seed: int) -> list[Any]:
    """Evaluate on samples of the intervals; results lie in the ruled interval and type."""
    built.verify()
    inputs = [samples(interval, seed + i) for i, interval in enumerate(given_intervals)]
    if len({id(operand) for operand in built.operands}) < len(built.operands):
        inputs = [inputs[0]] * len(inputs)
    result = built.evaluate(inputs)
    assert result.shape == (len(inputs[0]), *built.shape_rule())
    ruled = built.interval_rule(given_intervals)
    assert np.broadcast_shapes(np.shape(ruled.low), built.shape_rule()) == built.shape_rule()
    assert np.all(ruled.low <= result)
    assert np.all(result <= ruled.high)
    limits = built.result_format
    assert limits.fraction == built.fraction_rule()
    assert limits.min_mantissa <= result.min()
    assert result.max() <= limits.max_mantissa
    return [inputs, result]


@st.composite
def instances(draw: st.DrawFn, name: str) -> Instance:
    build, shapes = OPS[name]
    operands = [fixed(shape, draw(formats())) for shape in draw(st.sampled_from(list(shapes)))]
    ranges = [draw(intervals(operand)) for operand in operands]
    return build, operands, ranges, draw(st.integers(0, 2**32))


@every_op
@settings(max_examples=40)
@given(st.data())
def test_results_obey_the_rules_and_mean_what_the_op_means_on_reals(name: str, data: st.DataObject) -> None:
    build, operands, ranges, seed = data.draw(instances(name))
    built = build(operands)
    if len(built.operands) > len(operands):
        ranges = ranges * 2
    inputs, result = check(built, ranges, seed)
    on_reals = build([as_real(operand) for operand in operands])
    expected = on_reals.evaluate([reals_of(m, v) for m, v in zip(inputs, built.operands, strict=True)])
    assert np.array_equal(to_real(result, built.result_format), expected)


MONOTONE = sorted(set(OPS) - {"sub", "mul", "square", "matmul"})


@pytest.mark.parametrize("name", MONOTONE)
@settings(max_examples=40)
@given(st.data())
def test_bounds_of_monotone_ops_are_reached(name: str, data: st.DataObject) -> None:
    build, operands, ranges, _ = data.draw(instances(name))
    built = build(operands)
    ruled = built.interval_rule(ranges)
    assert np.array_equal(built.evaluate([x.low[None] for x in ranges])[0], ruled.low)
    assert np.array_equal(built.evaluate([x.high[None] for x in ranges])[0], ruled.high)


@given(formats(), formats(), st.data())
def test_leaky_rectifier(x_format: Format, slope_format: Format, data: st.DataObject) -> None:
    if slope_format.fraction < 0:
        slope_format = Format(slope_format.width, slope_format.width, slope_format.signed)
    x, slope = fixed((2, 3), x_format), fixed((3,), slope_format)
    ranges = [data.draw(intervals(x)), data.draw(intervals(slope))]
    built = make(nn.PReluOp, [x, slope])
    inputs, result = check(built, ranges, data.draw(st.integers(0, 2**32)))
    reals = [reals_of(m, v) for m, v in zip(inputs, [x, slope], strict=True)]
    expected = np.where(reals[0] >= 0, reals[0], reals[0] * reals[1][:, None])
    assert np.array_equal(to_real(result, built.result_format), expected)


@given(formats(), formats(), st.data())
def test_dense_layer_with_constant_weights(x_format: Format, w_format: Format, data: st.DataObject) -> None:
    x, weight = fixed((2, 3), x_format), fixed((3, 4), w_format)
    bias_format = Format(12, 12 - x_format.fraction - w_format.fraction)
    bias = fixed((4,), bias_format)
    seed = data.draw(st.integers(0, 2**32))
    constants = [
        Interval.point(samples(Interval.of_format(format_(v), shape_of(v.type)), seed)[2])
        for v in (weight, bias)
    ]
    built = make(nn.DenseOp, [x, weight, bias], strategy=word("latency"))
    ranges = [data.draw(intervals(x)), *constants]
    mantissas = [samples(ranges[0], seed), constants[0].low[None], constants[1].low[None]]
    result = built.evaluate(mantissas)
    reals = [reals_of(m, v) for m, v in zip(mantissas, [x, weight, bias], strict=True)]
    assert np.array_equal(to_real(result, built.result_format), reals[0] @ reals[1][0] + reals[2][0])
    ruled = built.interval_rule(ranges)
    assert np.all((ruled.low <= result) & (result <= ruled.high))
    # With constant weights the bounds are reached, each by its own corner of the inputs.
    sign = np.sign(constants[0].low)
    best = [np.where(sign[:, j] > 0, ranges[0].high, ranges[0].low) for j in range(4)]
    reached = [built.evaluate([b[None], *mantissas[1:]])[0, :, j] for j, b in enumerate(best)]
    assert np.array_equal(np.stack(reached, axis=-1), ruled.high)


@given(formats(), st.data())
def test_shift_add_kernel(x_format: Format, data: st.DataObject) -> None:
    # y0 = 3 x0, y1 = -2 (x0 - x1), y2 = 0
    ints = [np.array(v, dtype=np.int64) for v in ([0, 0], [0, 1], [1, 0], [0, 0])]
    graph = AdderGraph(
        2,
        *ints,
        np.array([False, True]),
        np.array([2, 3, -1]),
        np.array([0, 1, 0]),
        np.array([False, True, False]),
    )
    x, bias = fixed((3, 2), x_format), np.array([5, -1, 2])
    built = kernel_from_graph(x, graph, 3, bias, "kernel")
    inputs, result = check(built, [data.draw(intervals(x))], data.draw(st.integers(0, 2**32)))
    m = inputs[0]
    expected = np.stack(
        [3 * m[..., 0] + 5, -2 * (m[..., 0] - m[..., 1]) - 1, np.full(m.shape[:-1], 2)], axis=-1
    )
    assert np.array_equal(result, expected)
    assert built.fraction_rule() == x_format.fraction + 3


@pytest.mark.parametrize("kind", [nn.ArgMaxOp, nn.HardmaxOp])
@given(formats(max_width=3), st.data())
def test_index_of_the_largest(kind: Any, x_format: Format, data: st.DataObject) -> None:
    x = fixed((2, 4), x_format)
    extra = {"keep_axes": flag(False)} if kind is nn.ArgMaxOp else {}
    built = make(kind, [x], axis=whole(-1), **extra)
    inputs, result = check(built, [data.draw(intervals(x))], data.draw(st.integers(0, 2**32)))
    first = inputs[0].argmax(axis=-1)
    expected = first if kind is nn.ArgMaxOp else np.eye(4, dtype=np.int64)[first]
    assert np.array_equal(result, expected)


@given(formats(), formats(), st.sampled_from(list(Rounding)), st.sampled_from(list(Overflow)), st.data())
def test_cast(
    source: Format, target: Format, rounding: Rounding, overflow: Overflow, data: st.DataObject
) -> None:
    x = fixed((2, 3), source)
    built = make(
        CastOp,
        [x],
        result=fixed_tensor((2, 3), target),
        rounding=word(rounding.value),
        overflow=word(overflow.value),
    )
    inputs, result = check(built, [data.draw(intervals(x))], data.draw(st.integers(0, 2**32)))
    assert np.array_equal(result, cast(inputs[0], source.fraction, target, rounding, overflow))


@given(formats(max_width=7), st.booleans(), st.data())
def test_lookup(source: Format, by_leading_one: bool, data: st.DataObject) -> None:
    x = fixed((3, 2), source)
    bits = 2 if by_leading_one else None
    exponents = source.width - source.signed
    size = max(exponents << 2, 1) if by_leading_one else 1 << source.width
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    table = random.integers(-100, 100, size)
    built = make(
        LookupOp,
        [x],
        result=fixed_tensor((3, 2), Format(8, 4)),
        table=array(table),
        low=whole(0 if by_leading_one else source.min_mantissa),
        mantissa_bits=None if bits is None else whole(bits),
        function=word("test"),
    )
    inputs, result = check(built, [data.draw(intervals(x))], 3)
    if not by_leading_one:
        assert np.array_equal(result, table[inputs[0] - source.min_mantissa])
        return
    for m, entry in zip(inputs[0].ravel(), result.ravel(), strict=True):
        exponent = max(int(m), 1).bit_length() - 1
        step = int((max(int(m), 1) / 2**exponent - 1) * 4)
        assert entry == table[4 * exponent + step]


@given(formats(max_width=6), st.sampled_from([(), (3,), (2, 1), (2, 3)]), st.data())
def test_threshold(source: Format, parameters: tuple[int, ...], data: st.DataObject) -> None:
    x = fixed((2, 3), source)
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    thresholds = np.sort(random.integers(-20, 40, (*parameters, 5)), axis=-1)
    base, sign = random.integers(-3, 4, parameters), random.integers(-1, 2, parameters)
    built = make(
        ThresholdOp,
        [x],
        result=fixed_tensor((2, 3), Format(5, 5)),
        thresholds=array(thresholds),
        base=array(base),
        sign=array(sign),
    )
    inputs, result = check(built, [data.draw(intervals(x))], 5)
    count = (inputs[0][..., None] >= thresholds).sum(axis=-1)
    assert np.array_equal(result, base + sign * count)


@given(formats(max_width=8), st.sampled_from(sorted(set(ROUNDINGS) - {"BIPOLAR"})), st.integers(0, 2**32))
def test_quantize(target: Format, rounding: str, seed: int) -> None:
    bounds = {"low": float(target.min_mantissa), "high": float(target.max_mantissa)}
    built = make(
        QuantizeOp,
        [real((2, 3))],
        result=fixed_tensor((2, 3), target),
        scale=array(target.step),
        zero_point=array(0.0),
        rounding=word(rounding),
        overflow=word("SAT"),
        round_first=flag(False),
        **{key: array(value) for key, value in bounds.items()},
    )
    built.verify()
    x = np.random.default_rng(seed).normal(0, target.max_value + target.step, (20, 2, 3))
    result = built.evaluate([x])
    ruled = built.interval_rule([])
    assert np.all((ruled.low <= result) & (result <= ruled.high))
    assert np.all(
        np.abs(to_real(result, target) - np.clip(x, target.min_value, target.max_value)) <= target.step
    )


WIRING = ("reshape", "transpose", "concat", "slice", "gather", "broadcast")


@pytest.mark.parametrize("name", WIRING)
@settings(max_examples=40)
@given(st.data())
def test_element_map_says_where_each_element_comes_from(name: str, data: st.DataObject) -> None:
    build, operands, ranges, seed = data.draw(instances(name))
    built = build(operands)
    assert isinstance(built, WiringOp)
    inputs = [samples(x, seed)[0] for x in ranges]
    laid = np.concatenate(
        [
            (m << (built.fraction_rule() - format_(v).fraction)).ravel()
            for m, v in zip(inputs, operands, strict=True)
        ]
    )
    assert np.array_equal(built.evaluate([m[None] for m in inputs]).ravel(), laid[element_map(built)])


def test_real_operands_give_real_results() -> None:
    for build, shapes in OPS.values():
        built = build([real(shape) for shape in shapes[0]])
        built.verify()
        assert format_of(built.results[0].type) is None
