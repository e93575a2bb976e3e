"""Elementwise operators mean what onnxruntime computes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.frontends.graphs import Case, Constant, ints, onnx_says, onnxruntime_says, ours, real, weights

SHAPES = [((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (4,)), ((3, 1), (1, 4)), ((2, 3), ()), ((5,), (3, 1))]

EXACT = [
    *(Case(op, [real(*a), real(*b)]) for op in ("Add", "Sub", "Mul", "Div") for a, b in SHAPES),
    *(Case(op, [real(2, 3), weights(3)]) for op in ("Add", "Sub", "Mul", "Div")),
    *(Case(op, [weights(2, 1), real(2, 3)]) for op in ("Add", "Sub", "Mul", "Div")),
    *(
        Case(op, operands, opset=opset)
        for op, opset in itertools.product(("Min", "Max", "Sum"), (8, 13))
        for operands in (
            [real(2, 3)],
            [real(2, 3), real(2, 3)],
            [real(2, 3), weights(3), real(4, 2, 1)],
        )
    ),
    *(Case(op, [real(3, 4)]) for op in ("Neg", "Abs", "Relu", "Sign", "Identity", "Reciprocal")),
    *(Case("LeakyRelu", [real(3, 4)], {"alpha": alpha}) for alpha in (0.25, 0.0, 1.5)),
    Case("LeakyRelu", [real(3, 4)]),
    *(Case("PRelu", [real(2, 3, 4), weights(*shape)]) for shape in ((4,), (3, 1), (1,), (2, 3, 4))),
    Case("Clip", [real(3, 4)], {"min": -1.0, "max": 0.5}, opset=7),
    Case("Clip", [real(3, 4)], {"min": 0.0, "max": 6.0}, opset=10),
    Case("Clip", [real(3, 4)], {"max": 0.5}, opset=7),
    Case("Clip", [real(3, 4)], opset=7),
    *(
        Case("Clip", [real(3, 4), low, high], opset=opset)
        for opset in (11, 13)
        for low, high in itertools.product(
            (None, Constant.of(-1, np.float32), Constant.of(0, np.float32)),
            (None, Constant.of(0.5, np.float32)),
        )
    ),
    *(Case("Pow", [real(3, 4), Constant.of(power, np.float32)]) for power in (1.0, 2.0)),
    Case("Dropout", [real(3, 4)], {"ratio": 0.5}, opset=7),
    Case("Dropout", [real(3, 4), Constant.of(0.5, np.float32)], opset=13),
    Case("Dropout", [real(3, 4), Constant.of(0.5, np.float32), Constant.of(False)], opset=13),
    Case("Cast", [real(3, 4)], {"to": 1}),
]

ROUNDED = [
    *(Case("Mean", [real(2, 3)] * count) for count in (1, 2, 3)),
    Case("HardSigmoid", [real(3, 4)]),
    Case("HardSigmoid", [real(3, 4)], {"alpha": 0.5, "beta": 0.25}),
    Case("HardSwish", [real(3, 4, low=-6, high=6)]),
    *(Case("Gelu", [real(3, 4)], {"approximate": kind}, opset=20) for kind in ("none", "tanh")),
    Case("Gelu", [real(3, 4)], opset=20),
    *(Case(op, [real(3, 4)]) for op in ("Elu", "Selu", "Celu", "Sigmoid", "Tanh", "Exp", "Erf", "Softplus")),
    *(Case(op, [real(3, 4)]) for op in ("Softsign", "Sin", "Cos")),
    *(Case(op, [real(3, 4)], {"alpha": 1.75}) for op in ("Elu", "Celu")),
    Case("Selu", [real(3, 4)], {"alpha": 1.5, "gamma": 1.25}),
    *(Case(op, [real(3, 4, low=0.1)]) for op in ("Sqrt", "Log")),
    Case("Mish", [real(3, 4)], opset=18),
    *(
        Case("Pow", [real(3, 4, low=0.1), Constant.of(power, np.float32)])
        for power in (3.0, 0.5, -0.5, -1.0, [2.0, 2.0, 2.0, 2.0])
    ),
    Case("Pow", [real(3, 4), ints(2)]),
]

UNKNOWN_TO_ONNXRUNTIME = [
    Case("Swish", [real(3, 4)], attributes, opset=24) for attributes in ({}, {"alpha": 0.5})
]


@pytest.mark.parametrize("case", EXACT, ids=str)
def test_exact_operator_equals_onnxruntime(case: Case) -> None:
    expected = onnxruntime_says(case.model, case.feeds)[0]
    assert np.array_equal(ours(case.model, case.feeds)[0], expected)


@pytest.mark.parametrize("case", ROUNDED, ids=str)
def test_function_equals_onnxruntime_up_to_float32_rounding(case: Case) -> None:
    # Libraries differ by a few units in the last place of float32 (2^-23 = 1.2e-7) per step.
    expected = onnxruntime_says(case.model, case.feeds)[0]
    np.testing.assert_allclose(ours(case.model, case.feeds)[0], expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("case", UNKNOWN_TO_ONNXRUNTIME, ids=str)
def test_function_equals_the_onnx_reference_up_to_float32_rounding(case: Case) -> None:
    expected = onnx_says(case.model, case.feeds)[0]
    np.testing.assert_allclose(ours(case.model, case.feeds)[0], expected, rtol=2e-6, atol=1e-6)
