"""Matrix products, normalisations, reductions and einsum mean what onnxruntime computes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from tests.frontends.graphs import Case, Constant, ints, onnx_says, onnxruntime_says, ours, real, weights

MATMUL_SHAPES = [
    ((3, 4), (4, 5)),
    ((4,), (4, 5)),
    ((3, 4), (4,)),
    ((4,), (4,)),
    ((2, 3, 4), (4, 5)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (6, 4, 5)),
    ((4,), (2, 4, 5)),
    ((2, 3, 4), (4,)),
]


def gemm_cases() -> Iterator[Case]:
    for left, right in itertools.product((0, 1), (0, 1)):
        a, b = (4, 3) if left else (3, 4), (5, 4) if right else (4, 5)
        for c in ((), (5,), (3, 1), (1, 5), (3, 5)):
            yield Case("Gemm", [real(*a), weights(*b), weights(*c)], {"transA": left, "transB": right})
        yield Case("Gemm", [real(*a), real(*b), real(3, 5)], {"transA": left, "transB": right}, opset=7)
        yield Case("Gemm", [real(*a), weights(*b)], {"transA": left, "transB": right}, opset=11)
    for alpha, beta in ((0.5, 2.0), (2.0, 0.0), (1.0, -1.0)):
        yield Case("Gemm", [real(3, 4), weights(4, 5), weights(5)], {"alpha": alpha, "beta": beta})


def batch_norm_cases() -> Iterator[Case]:
    for opset, shape in itertools.product((7, 9, 14, 15), ((2, 3), (2, 3, 4), (2, 3, 4, 2))):
        parameters = [weights(3), weights(3), weights(3), Constant(real(3, low=0.1))]
        yield Case("BatchNormalization", [real(*shape), *parameters], {"epsilon": 1e-3}, opset=opset)
    yield Case("BatchNormalization", [real(2, 3), *[Constant(real(3, low=0.1))] * 4])


def layer_norm_cases() -> Iterator[Case]:
    for axis, shape in ((-1, (4,)), (2, (4,)), (1, (3, 4)), (-2, (3, 4)), (0, (2, 3, 4))):
        for bias in ([], [weights(*shape)]):
            operands = [real(2, 3, 4), weights(*shape), *bias]
            yield Case("LayerNormalization", operands, {"axis": axis, "epsilon": 1e-3})
    yield Case("LayerNormalization", [real(2, 3, 4), weights(4)])


def softmax_cases() -> Iterator[Case]:
    for op, opset in itertools.product(("Softmax", "LogSoftmax", "Hardmax"), (7, 11, 13)):
        for axis in (0, 1, 2) if opset < 11 else (0, 1, 2, -1, -2):
            yield Case(op, [real(2, 3, 4)], {"axis": axis}, opset=opset)
        yield Case(op, [real(2, 3, 4)], opset=opset)
        yield Case(op, [real(2, 5)], opset=opset)


REDUCTIONS = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare")
AXES = ([0], [1, 2], [-1], [0, -2])


def reduction_cases() -> Iterator[Case]:
    for op, keep in itertools.product(REDUCTIONS, (0, 1)):
        as_input = 13 if op == "ReduceSum" else 18
        for axes in AXES:
            yield Case(op, [real(2, 3, 4)], {"axes": axes, "keepdims": keep}, opset=11)
            yield Case(op, [real(2, 3, 4), ints(*axes)], {"keepdims": keep}, opset=as_input)
        yield Case(op, [real(2, 3, 4)], {"keepdims": keep}, opset=11)
        yield Case(op, [real(2, 3, 4)], {"keepdims": keep}, opset=as_input)
    yield Case("ReduceSum", [real(2, 3), ints()], {"noop_with_empty_axes": 1}, opset=13)
    yield Case("ReduceMean", [real(2, 3)], {"noop_with_empty_axes": 1}, opset=18)


def arg_cases() -> Iterator[Case]:
    ties = np.array([[1, 3, 3], [2, 2, 1]], dtype=np.float32)
    for op, keep, axis in itertools.product(("ArgMax", "ArgMin"), (0, 1), (0, 1, -1)):
        yield Case(op, [ties], {"axis": axis, "keepdims": keep}, opset=13)
    yield Case("ArgMax", [real(3, 4)])


EQUATIONS = [
    ("ij,jk->ik", (3, 4), (4, 5)),
    ("ij,jk", (3, 4), (4, 5)),
    ("ij,kj->ki", (3, 4), (5, 4)),
    ("abcd,cde->abe", (2, 5, 3, 4), (3, 4, 6)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
    ("bqhd,bkhd->bhqk", (2, 4, 3, 5), (2, 6, 3, 5)),
    ("aecd,abcd->acbe", (2, 3, 4, 5), (2, 6, 4, 5)),
    ("i,j->ij", (3,), (4,)),
    ("i,i->", (3,), (3,)),
    ("ij,ij->ij", (3, 4), (3, 4)),
    ("ij,ji->ij", (3, 4), (4, 3)),
    ("ij,k->k", (3, 4), (5,)),
    ("ijk,k->j", (3, 4, 5), (5,)),
    (" i j , j -> i ", (3, 4), (4,)),
    (",ij->ji", (), (3, 4)),
]

ROUNDED = [
    *(Case("MatMul", [real(*a), real(*b)]) for a, b in MATMUL_SHAPES),
    *(Case("MatMul", [real(*a), weights(*b)]) for a, b in MATMUL_SHAPES),
    *gemm_cases(),
    *batch_norm_cases(),
    *layer_norm_cases(),
    *softmax_cases(),
    *reduction_cases(),
    *(
        Case(op, [real(2, 3, *rest)])
        for op in ("GlobalAveragePool", "GlobalMaxPool")
        for rest in ((4,), (4, 5), (2, 3, 4))
    ),
    *(Case("Einsum", [real(*a), real(*b)], {"equation": text}) for text, a, b in EQUATIONS),
]


@pytest.mark.parametrize("case", ROUNDED, ids=str)
def test_operator_equals_onnxruntime_up_to_float32_rounding(case: Case) -> None:
    # Sums of up to 24 terms of magnitude 9 in another order: 24 * 9 * 2^-24 = 1.3e-5.
    expected = onnxruntime_says(case.model, case.feeds)[0]
    got = ours(case.model, case.feeds)[0]
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1.3e-5)


@pytest.mark.parametrize("case", [*arg_cases()], ids=str)
def test_index_of_the_first_extreme_equals_onnxruntime(case: Case) -> None:
    expected = onnxruntime_says(case.model, case.feeds)[0]
    assert np.array_equal(ours(case.model, case.feeds)[0], expected)


def test_products_on_constants_are_folded_and_every_kind_of_reduction_of_them() -> None:
    case = Case("ReduceProd", [Constant(real(2, 3))], {"axes": [1]}, opset=13)
    assert np.array_equal(ours(case.model, {})[0], onnx_says(case.model, {})[0])
