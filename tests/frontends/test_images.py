"""Convolutions, pools and resizing mean what onnxruntime computes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.frontends.graphs import (
    Case,
    Constant,
    ints,
    onnx_says,
    onnxruntime_says,
    ours,
    real,
    refusal,
    weights,
)


def conv_cases() -> Iterator[Case]:
    x = real(1, 4, 7, 6)
    yield Case("Conv", [x, weights(3, 4, 3, 2)])
    yield Case("Conv", [x, weights(3, 4, 3, 2), weights(3)], {"pads": [1, 0, 2, 1], "strides": [2, 1]})
    yield Case("Conv", [x, weights(3, 4, 2, 2)], {"dilations": [3, 2], "kernel_shape": [2, 2]})
    yield Case("Conv", [x, weights(6, 2, 3, 3), weights(6)], {"group": 2, "pads": [1, 1, 1, 1]})
    yield Case("Conv", [x, weights(4, 1, 3, 3)], {"group": 4, "strides": [2, 2]})
    yield Case("Conv", [x, weights(8, 1, 1, 1)], {"group": 4})
    yield Case("Conv", [x, weights(5, 4, 1, 1), weights(5)])
    yield Case("Conv", [real(2, 4, 9), weights(3, 4, 4), weights(3)], {"pads": [1, 2], "strides": [2]})
    yield Case("Conv", [real(1, 4, 9), weights(4, 1, 3)], {"group": 4, "dilations": [2]})
    for mode, stride in itertools.product(("SAME_UPPER", "SAME_LOWER", "VALID"), (1, 2, 3)):
        yield Case("Conv", [x, weights(2, 4, 2, 3)], {"auto_pad": mode, "strides": [stride, stride]})


def conv_transpose_cases() -> Iterator[Case]:
    x = real(1, 4, 5, 4)
    for kernel, stride in itertools.product((1, 2, 3, 5), (1, 2, 3)):
        yield Case("ConvTranspose", [x, weights(4, 3, kernel, kernel)], {"strides": [stride, stride]})
    plain = {"strides": [2, 3], "pads": [1, 0, 0, 2], "output_padding": [1, 2]}
    yield Case("ConvTranspose", [x, weights(4, 3, 3, 4), weights(3)], plain)
    yield Case("ConvTranspose", [x, weights(4, 3, 3, 3)], {"strides": [2, 2], "dilations": [2, 3]})
    yield Case("ConvTranspose", [x, weights(4, 2, 3, 3), weights(4)], {"group": 2, "strides": [2, 2]})
    yield Case("ConvTranspose", [x, weights(4, 1, 2, 2)], {"group": 4, "strides": [2, 2]})
    yield Case("ConvTranspose", [x, weights(4, 3, 3, 3)], {"strides": [2, 2], "output_shape": [9, 8]})
    yield Case("ConvTranspose", [x, weights(4, 3, 5, 5)], {"pads": [3, 4, 4, 3], "strides": [2, 1]})
    yield Case(
        "ConvTranspose", [real(1, 4, 6), weights(4, 3, 3), weights(3)], {"strides": [2], "pads": [1, 1]}
    )
    for mode in ("SAME_UPPER", "SAME_LOWER"):
        yield Case("ConvTranspose", [x, weights(4, 3, 3, 3)], {"strides": [2, 2], "auto_pad": mode})


def pool_cases() -> Iterator[Case]:
    x = real(1, 3, 7, 8)
    for op, ceil in itertools.product(("MaxPool", "AveragePool"), (0, 1)):
        plain = {"kernel_shape": [3, 2], "strides": [2, 3], "ceil_mode": ceil}
        yield Case(op, [x], plain)
        yield Case(op, [x], {**plain, "pads": [1, 0, 1, 1]})
        yield Case(op, [real(1, 3, 9)], {"kernel_shape": [4], "strides": [3], "ceil_mode": ceil})
    for mode in ("SAME_UPPER", "SAME_LOWER"):
        yield Case("AveragePool", [x], {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": mode})
        yield Case("MaxPool", [x], {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": mode})
    padded = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}
    yield Case("AveragePool", [x], padded)
    yield Case("AveragePool", [x], {**padded, "strides": [3, 2], "ceil_mode": 1}, opset=19)
    yield Case("MaxPool", [x], {"kernel_shape": [2, 2], "dilations": [2, 3], "strides": [1, 2]})
    yield Case("GlobalAveragePool", [x])
    yield Case("GlobalMaxPool", [x])


MODES = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")


def resize_cases() -> Iterator[Case]:
    x = real(1, 2, 4, 5)
    for coordinates, mode in itertools.product(COORDINATES, MODES):
        options = {"coordinate_transformation_mode": coordinates, "nearest_mode": mode, "mode": "nearest"}
        scales = Constant.of([1.0, 1.0, 2.0, 3.0], np.float32)
        yield Case("Resize", [x, None, scales], options, opset=13)
        yield Case("Resize", [x, None, None, ints(1, 2, 2, 10)], options, opset=13)
    doubled = Constant.of([1.0, 1.0, 2.0, 4.0], np.float32)
    for coordinates in ("half_pixel", "asymmetric"):
        options = {"coordinate_transformation_mode": coordinates, "mode": "linear"}
        yield Case("Resize", [x, None, doubled], options, opset=13)
    yield Case("Resize", [x, doubled], {"mode": "nearest"}, opset=10)
    yield Case("Upsample", [x, doubled], {"mode": "nearest"}, opset=9)
    yield Case("Resize", [x, None, None, ints(8, 5)], {"axes": [2, 3], "mode": "nearest"}, opset=18)


def rearranging_cases() -> Iterator[Case]:
    for mode in ("DCR", "CRD"):
        yield Case("DepthToSpace", [real(1, 12, 2, 3)], {"blocksize": 2, "mode": mode})
    yield Case("SpaceToDepth", [real(1, 3, 4, 6)], {"blocksize": 2})


CASES = [*conv_cases(), *conv_transpose_cases(), *pool_cases(), *resize_cases(), *rearranging_cases()]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_operator_equals_onnxruntime(case: Case) -> None:
    got = ours(case.model, case.feeds)
    try:
        expected = onnxruntime_says(case.model, case.feeds)
    except Exception:  # some attributes exist in the standard only
        expected = onnx_says(case.model, case.feeds)
    for a, b in zip(got, expected, strict=True):
        assert a.shape == b.shape
        assert np.allclose(a, b, rtol=1e-5, atol=1e-5)


@st.composite
def convolutions(draw: Any) -> tuple[str, dict[str, Any], tuple[int, ...]]:
    """Attributes and weights of a random convolution of an image [1, 4, 6, 5]."""
    op = draw(st.sampled_from(["Conv", "ConvTranspose"]))
    group = draw(st.sampled_from([1, 2, 4]))
    kernel = draw(st.lists(st.integers(1, 4), min_size=2, max_size=2))
    small = st.lists(st.integers(1, 3), min_size=2, max_size=2)
    strides, dilations = draw(small), draw(small)
    pads = draw(st.lists(st.integers(0, 2), min_size=4, max_size=4))
    outputs = draw(st.sampled_from([1, 3])) * group
    shape = (outputs, 4 // group, *kernel) if op == "Conv" else (4, outputs // group, *kernel)
    options = {"group": group, "strides": strides, "dilations": dilations, "pads": pads}
    if op == "ConvTranspose":
        options["output_padding"] = [draw(st.integers(0, stride - 1)) for stride in strides]
    return op, options, shape


@given(convolutions())
@settings(max_examples=80)
def test_random_convolution_equals_onnxruntime(drawn: tuple[str, dict[str, Any], tuple[int, ...]]) -> None:
    op, options, shape = drawn
    spans = [(k - 1) * d + 1 for k, d in zip(shape[2:], options["dilations"], strict=True)]
    pads = [options["pads"][i] + options["pads"][i + 2] for i in (0, 1)]
    if op == "Conv":
        sizes = [6 + pads[0] - spans[0], 5 + pads[1] - spans[1]]
        assume(min(sizes) >= 0)
    else:
        sizes = [
            5 * options["strides"][0] + spans[0] - pads[0],
            4 * options["strides"][1] + spans[1] - pads[1],
        ]
        assume(min(sizes) >= 1)
    case = Case(op, [real(1, 4, 6, 5), weights(*shape)], options)
    (got,), (expected,) = ours(case.model, case.feeds), onnxruntime_says(case.model, case.feeds)
    assert got.shape == expected.shape
    assert np.allclose(got, expected, rtol=1e-5, atol=1e-5)


CHANNELS_LAST = "qonnx.custom_op.channels_last"


def test_channels_last_operators_of_qonnx_have_pixels_last() -> None:
    x, w = real(1, 5, 6, 4), real(3, 3, 2, 4)
    options = {
        "kernel_shape": [3, 2],
        "pads": [1, 0, 1, 1],
        "strides": [2, 1],
        "dilations": [1, 1],
        "group": 1,
    }
    case = Case("Conv", [x, Constant(w)], options, domain=CHANNELS_LAST)
    first = Case("Conv", [x.transpose(0, 3, 1, 2), Constant(w.transpose(0, 3, 1, 2))], options)
    (expected,) = onnxruntime_says(first.model, first.feeds)
    (got,) = ours(case.model, case.feeds)
    assert np.allclose(got, expected.transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-5)
    pool = Case("MaxPool", [x], {"kernel_shape": [2, 2], "strides": [2, 2]}, domain=CHANNELS_LAST)
    assert np.array_equal(
        ours(pool.model, pool.feeds)[0], x[:, :4].reshape(1, 2, 2, 3, 2, 4).max(axis=(2, 4))
    )


def test_channels_last_batch_normalisation_of_qonnx_is_along_the_last_axis() -> None:
    x, parameters = real(1, 2, 3, 4), [weights(4), weights(4), weights(4), Constant(real(4, low=0.1))]
    case = Case("BatchNormalization", [x, *parameters], {"epsilon": 1e-3}, domain=CHANNELS_LAST)
    first = Case("BatchNormalization", [x.transpose(0, 3, 1, 2), *parameters], {"epsilon": 1e-3})
    (expected,) = onnxruntime_says(first.model, first.feeds)
    assert np.allclose(ours(case.model, case.feeds)[0], expected.transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-5)


REFUSALS = [
    (
        Case("Conv", [real(1, 4, 5, 5, 5), weights(3, 4, 2, 2, 2)]),
        "Conv: 3 spatial axes",
        "one (sequences) and two (images)",
    ),
    (
        Case("Conv", [real(1, 4, 5, 5), weights(3, 4, 2, 2)], {"pads": [-1, 0, 0, 0]}),
        "Conv: pads = [-1, 0, 0, 0]",
        "4 integers that are not negative",
    ),
    (
        Case("Conv", [real(1, 4, 5, 5), weights(3, 3, 2, 2)]),
        "Conv: group = 1 of 4 channels with weights of shape (3, 3, 2, 2)",
        "a group that divides channels and outputs, and weights that fit",
    ),
    (
        Case("Conv", [real(1, 4, 5, 5), weights(3, 4, 2, 2)], {"kernel_shape": [3, 3]}),
        "Conv: kernel_shape = [3, 3] of weights (3, 4, 2, 2)",
        "kernel_shape = [2, 2]",
    ),
    (
        Case("MaxPool", [real(1, 4, 5, 5)], {"kernel_shape": [9, 9]}),
        "MaxPool: a window of 9 in 5 elements",
        "windows that fit",
    ),
    (
        Case("Conv", [real(1, 4, 5, 5), weights(3, 4, 2, 2)], {"auto_pad": "FULL"}),
        "Conv: auto_pad = FULL",
        "NOTSET, SAME_UPPER, SAME_LOWER and VALID",
    ),
    (
        Case("Resize", [real(1, 1, 4, 4), None, None, ints(1, 1, 8, 8)], {"mode": "cubic"}, opset=13),
        "Resize: mode cubic",
        "nearest, and linear with exact coefficients",
    ),
    (
        Case("Resize", [real(1, 1, 4, 4), None, None, ints(1, 1, 5, 5)], {"mode": "linear"}, opset=13),
        "Resize: linear interpolation of 4 to 5 elements",
        "coefficients that are multiples of 2^-12, and mode nearest",
    ),
    (
        Case("Resize", [real(1, 1, 4, 4), None, None, ints(1, 1, 8, 8)], {"antialias": 1}, opset=18),
        "Resize: antialias = 1",
        "antialias = 0",
    ),
    (
        Case("DepthToSpace", [real(1, 4, 2, 2)], {"blocksize": 2, "mode": "XYZ"}),
        "DepthToSpace: mode XYZ",
        "DCR and CRD",
    ),
]


@pytest.mark.parametrize(("case", "found", "supported"), REFUSALS, ids=[found for _, found, _ in REFUSALS])
def test_what_has_no_meaning_here_is_refused(case: Case, found: str, supported: str) -> None:
    message = refusal(case.model)
    assert message.startswith(f"[NL104] at 'node': {found}\n  supported: {supported}")
