"""Every op in VHDL, run by GHDL, equals the interpreter bit for bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from netloom.core.fixed import Format, Overflow, Rounding
from netloom.ir.attributes import fixed_tensor
from netloom.ir.fx import LookupOp, ThresholdOp
from netloom.ir.nn import (
    AddOp,
    ArgMaxOp,
    BroadcastOp,
    ConcatOp,
    DenseOp,
    GatherOp,
    HardmaxOp,
    MatMulOp,
    MaxOp,
    MinOp,
    MulOp,
    PReluOp,
    ReduceOp,
    ReluOp,
    ReshapeOp,
    SliceOp,
    SubOp,
    TransposeOp,
)
from tests.backends.designs import (
    Program,
    array,
    check,
    flag,
    integer,
    random_graph,
    signed,
    unsigned,
)

from xdsl.dialects.builtin import StringAttr  # isort: skip

FORMATS = [
    signed(1, 1),
    unsigned(1, 0),
    signed(6, 2),
    unsigned(7, -2),
    signed(8, 11),
    signed(17, -3),
    unsigned(32, 16),
    signed(32, 5),
]


def _id(value: object) -> str:
    return str(value)


@pytest.mark.parametrize("source", FORMATS, ids=_id)
def test_cast_with_every_rounding_and_overflow(source: Format) -> None:
    program = Program([((9,), source)])
    targets = [signed(4, 2), unsigned(3, 1), signed(1, 0), signed(source.width + 2, source.integer)]
    pairs = list(itertools.product(Rounding, Overflow))
    for target in targets:
        for rounding, overflow in pairs:
            program.output(program.cast(program.inputs[0], target, rounding.value, overflow.value))
    check(program.finish())


def test_cast_from_far_above_and_below_the_target() -> None:
    program = Program([((5,), signed(5, 2)), ((5,), unsigned(4, 30))])
    for x in program.inputs:
        for target in (signed(3, 20), unsigned(6, -9), signed(63, 31), Format(0, 0, True)):
            for rounding in Rounding:
                program.output(program.cast(x, target, rounding.value, "SAT"))
                program.output(program.cast(x, target, rounding.value, "WRAP"))
    check(program.finish())


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (signed(6, 2), unsigned(5, 4)),
        (unsigned(3, -1), unsigned(9, 2)),
        (signed(1, 1), signed(32, 3)),
        (unsigned(1, 1), signed(4, 7)),
        (signed(31, 3), unsigned(29, 9)),
    ],
    ids=_id,
)
def test_binary_ops_with_broadcasting(left: Format, right: Format) -> None:
    program = Program([((3, 4), left), ((4,), right), ((3, 1), right), ((), right)])
    x, *others = program.inputs
    for kind in (AddOp, SubOp, MulOp, MinOp, MaxOp):
        for other in others:
            program.output(program.add(kind, x, other))
            program.output(program.add(kind, other, x))
    check(program.finish())


def test_binary_ops_with_constants() -> None:
    program = Program([((2, 3), signed(7, 3))])
    (x,) = program.inputs
    wide = np.array([-(2**40), 5, 2**39])
    constants = [
        program.constant(np.array([[3], [-4]]), signed(4, 1)),
        program.constant(np.array(-7), signed(4, 3)),
        program.constant(wide, signed(42, 20)),
    ]
    for kind in (AddOp, SubOp, MulOp, MinOp, MaxOp):
        for constant in constants:
            program.output(program.add(kind, x, constant))
            program.output(program.add(kind, constant, x))
    check(program.finish())


def test_rectifiers() -> None:
    program = Program([((2, 3), signed(7, 3)), ((2, 3), unsigned(4, 2)), ((2, 3), signed(1, 1))])
    slopes = [
        program.constant(np.array([[1], [3]]), unsigned(3, 0)),
        program.constant(np.array([-3, 0, 2]), signed(3, 1)),
        program.constant(np.array(1), unsigned(1, 0)),
    ]
    for x in program.inputs:
        program.output(program.add(ReluOp, x))
        for slope in slopes:
            program.output(program.add(PReluOp, x, slope))
    check(program.finish())


@pytest.mark.parametrize("clock_period_ns", [0.9, 1.6, 5.0])
def test_lookup(clock_period_ns: float) -> None:
    rng = np.random.default_rng(3)
    program = Program([((5,), signed(6, 2)), ((5,), unsigned(9, 3)), ((5,), signed(20, 9))])
    tables = [
        (31 - np.arange(64), -32, None, signed(6, 3)),
        (rng.integers(-(2**35), 2**35, 21), -7, None, signed(36, 3)),
        (rng.integers(0, 200, 10), 2**33, None, unsigned(8, 3)),
        (rng.integers(-9, 200, 40), 0, 2, signed(9, 3)),
        (rng.integers(0, 2, 6), 0, 0, unsigned(1, 3)),
        (rng.integers(0, 2000, 19 * 16), 0, 4, unsigned(11, 3)),
        (np.array([5]), 0, None, unsigned(3, 1)),
    ]
    for x in program.inputs:
        for table, low, bits, target in tables:
            program.output(
                program.add(
                    LookupOp,
                    x,
                    result=fixed_tensor((5,), target),
                    table=array(table),
                    low=integer(low),
                    mantissa_bits=None if bits is None else integer(bits),
                    function=StringAttr("exp"),
                )
            )
    check(program.finish(), clock_period_ns, count=60)


@pytest.mark.parametrize("clock_period_ns", [0.9, 5.0])
def test_threshold(clock_period_ns: float) -> None:
    rng = np.random.default_rng(4)
    program = Program([((2, 3, 4), signed(8, 2)), ((2, 3, 4), unsigned(5, 1))])
    cases = [
        (np.sort(rng.integers(-128, 128, 15)), np.array(0), np.array(1)),
        (
            np.sort(rng.integers(-50, 60, (3, 1, 7)), axis=-1),
            np.array([[1], [-3], [2]]),
            np.array([[1], [-1], [0]]),
        ),
        (np.sort(rng.integers(-50, 60, (4, 1)), axis=-1), np.array(-2), np.array(-1)),
        (np.full((1, 6), 3), np.arange(4), np.array(1)),
        (np.array([2**40]), np.array(5), np.array(1)),
        (np.zeros((0,), dtype=np.int64), np.array(3), np.array(1)),
    ]
    for x in program.inputs:
        for thresholds, base, sign in cases:
            op = {"thresholds": array(thresholds), "base": array(base), "sign": array(sign)}
            program.output(program.add(ThresholdOp, x, result=fixed_tensor((2, 3, 4), signed(7, 4)), **op))
    check(program.finish(), clock_period_ns, count=60)


@pytest.mark.parametrize("clock_period_ns", [0.8, 1.6, 5.0])
def test_reductions(clock_period_ns: float) -> None:
    program = Program([((3, 5, 2), signed(6, 2)), ((3, 5, 2), unsigned(4, 2))])
    for x in program.inputs:
        for kind, axes in itertools.product(("sum", "max", "min"), ([2], [0], [0, 2], [-2], [0, 1, 2])):
            program.output(
                program.add(
                    ReduceOp, x, kind=StringAttr(kind), axes=array(axes), keep_axes=flag(len(axes) == 2)
                )
            )
    one = program.add(
        SliceOp, program.inputs[0], starts=array([1, 0, 0]), sizes=array([1, 5, 2]), steps=array([1, 1, 1])
    )
    program.output(program.add(ReduceOp, one, kind=StringAttr("sum"), axes=array([0]), keep_axes=flag(False)))
    check(program.finish(), clock_period_ns)


@pytest.mark.parametrize("clock_period_ns", [0.8, 5.0])
def test_argmax_and_hardmax(clock_period_ns: float) -> None:
    program = Program([((3, 7), signed(3, 2)), ((2, 3, 2), unsigned(2, 2)), ((4, 1), signed(5, 1))])
    for x in program.inputs:
        for axis in (0, -1, -2):
            program.output(program.add(ArgMaxOp, x, axis=integer(axis), keep_axes=flag(axis == 0)))
            program.output(program.add(HardmaxOp, x, axis=integer(axis)))
    check(program.finish(), clock_period_ns, count=60)


@pytest.mark.parametrize("clock_period_ns", [1.2, 3.0, 40.0])
def test_matrix_products(clock_period_ns: float) -> None:
    program = Program(
        [
            ((2, 3, 5), signed(5, 2)),
            ((5, 4), unsigned(4, 3)),
            ((2, 1, 5, 2), signed(25, 3)),
            ((1, 1), signed(2, 1)),
        ]
    )
    x, unsigned_matrix, stacked, scalar = program.inputs
    program.output(program.add(MatMulOp, x, unsigned_matrix))
    program.output(program.add(MatMulOp, x, stacked))
    program.output(program.add(MatMulOp, scalar, scalar))
    rng = np.random.default_rng(5)
    weight = program.constant(rng.integers(-8, 8, (5, 3)), signed(4, 1))
    bias = program.constant(rng.integers(-90, 90, 3), Format(8, 2, True))
    program.output(program.add(DenseOp, x, weight, bias, strategy=StringAttr("latency")))
    program.output(program.add(DenseOp, x, weight, strategy=StringAttr("latency")))
    program.output(program.add(MatMulOp, x, weight))
    check(program.finish(), clock_period_ns)


def test_wiring() -> None:
    program = Program([((2, 3, 4), signed(6, 2)), ((2, 1, 4), unsigned(3, 2)), ((2, 3, 4), signed(1, 1))])
    x, narrow, bit = program.inputs
    program.output(program.add(ReshapeOp, x, shape=array([4, 6])))
    program.output(program.add(TransposeOp, x, permutation=array([2, 0, 1])))
    program.output(program.add(ConcatOp, x, narrow, bit, axis=integer(1)))
    program.output(
        program.add(
            ConcatOp,
            narrow,
            x,
            program.constant(np.array([[[1, 2]], [[3, -4]]]).repeat(2, 2), signed(4, 1)),
            axis=integer(1),
        )
    )
    program.output(
        program.add(SliceOp, x, starts=array([0, 2, 3]), sizes=array([2, 2, 2]), steps=array([1, -2, -3]))
    )
    program.output(program.add(GatherOp, bit, indices=array([[3, 0], [-1, 1]]), axis=integer(2)))
    program.output(program.add(BroadcastOp, narrow, shape=array([3, 2, 3, 4])))
    program.output(narrow)
    check(program.finish())


@pytest.mark.parametrize(
    "source", [signed(1, 1), unsigned(1, 1), signed(6, 2), unsigned(5, 7), signed(20, -3)], ids=_id
)
@pytest.mark.parametrize("clock_period_ns", [0.75, 2.0, 20.0])
def test_kernels(source: Format, clock_period_ns: float) -> None:
    program = Program([((5,), source), ((2, 3, 5), source)])
    x, rows = program.inputs
    rng = np.random.default_rng(source.width)
    for seed, (adders, bias) in enumerate([(0, None), (9, None), (25, rng.integers(-500, 500, 6))]):
        graph = random_graph(5, adders, 6, seed)
        program.output(program.kernel(x, graph, 3, bias))
        program.output(program.kernel(rows, graph, -1, bias))
    check(program.finish(), clock_period_ns, stall_seeds=(0, 5))


def test_a_kernel_with_wide_biases_and_equal_operands() -> None:
    program = Program([((2,), signed(8, 2))])
    graph = random_graph(2, 6, 3, 1)
    bias = np.array([2**40 + 3, -(2**50), 2**31])
    program.output(program.kernel(program.inputs[0], graph, 3, bias))
    check(program.finish(), 1.0)
