"""Operators that move elements equal onnxruntime's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import onnx
import pytest
from onnx import helper

from netloom.ir.nn import WiringOp
from netloom.ir.program import main, program_ops
from tests.frontends.graphs import (
    Case,
    Constant,
    as_exported,
    ints,
    model_of,
    onnxruntime_says,
    ours,
    real,
    weights,
)

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)


def axes_cases() -> Iterator[Case]:
    for axes in ([0], [2], [0, 2], [-2], [-4, 2]):
        yield Case("Squeeze", [real(1, 3, 1, 4)], {"axes": axes}, opset=11)
        yield Case("Squeeze", [real(1, 3, 1, 4), ints(*axes)], opset=13)
    yield Case("Squeeze", [real(1, 3, 1, 4)], opset=11)
    yield Case("Squeeze", [real(1, 3, 1, 4)], opset=13)
    for axes in ([0], [2], [0, 3], [-1], [3, 0], [-1, 0]):
        yield Case("Unsqueeze", [real(3, 4)], {"axes": axes}, opset=11)
        yield Case("Unsqueeze", [real(3, 4), ints(*axes)], opset=13)


def slice_cases() -> Iterator[Case]:
    for starts, ends, axes in (
        ([1], [3], [0]),
        ([0, 1], [2, -1], [0, 1]),
        ([-2], [INT64_MAX], [1]),
        ([1, 1], [100, 2], None),
    ):
        old = {"starts": starts, "ends": ends} | ({"axes": axes} if axes else {})
        yield Case("Slice", [real(4, 5)], old, opset=9)
        new = [ints(*starts), ints(*ends), *([ints(*axes)] if axes else [])]
        yield Case("Slice", [real(4, 5), *new], opset=10)
    for start, end, axis, step in (
        (0, 5, 1, 2),
        (4, 0, 1, -1),
        (-1, INT64_MIN, 0, -1),
        (100, -100, 1, -2),
        (3, 1, 0, 1),
        (-100, 100, -1, 3),
    ):
        yield Case("Slice", [real(4, 5), ints(start), ints(end), ints(axis), ints(step)], opset=13)


def split_cases() -> Iterator[Case]:
    for axis, count in ((0, 2), (1, 3), (-1, 3)):
        yield Case("Split", [real(4, 6)], {"axis": axis}, opset=11, outputs=count)
        yield Case("Split", [real(4, 6)], {"axis": axis, "num_outputs": count}, opset=18, outputs=count)
    yield Case("Split", [real(4, 6)], {"axis": 1, "split": [1, 2, 3]}, opset=11, outputs=3)
    yield Case("Split", [real(4, 6), ints(1, 2, 3)], {"axis": 1}, opset=13, outputs=3)
    yield Case("Split", [real(4, 7)], {"axis": 1, "num_outputs": 3}, opset=18, outputs=3)


def pad_cases() -> Iterator[Case]:
    pads = [0, 1, 2, 0]
    for mode in ("constant", "reflect", "edge"):
        yield Case("Pad", [real(3, 4)], {"pads": pads, "mode": mode}, opset=10)
        yield Case("Pad", [real(3, 4), ints(*pads)], {"mode": mode}, opset=13)
    yield Case("Pad", [real(3, 4)], {"pads": pads, "value": 1.5}, opset=10)
    yield Case("Pad", [real(3, 4), ints(*pads), Constant.of(1.5, np.float32)], opset=11)
    yield Case("Pad", [real(3, 4), ints(0, -1, -1, 0)], opset=13)
    yield Case("Pad", [real(3, 4), ints(1, 2), None, ints(-1)], {"mode": "edge"}, opset=18)
    yield Case("Pad", [real(3, 4), ints(1, 2), None, ints(0)], {"mode": "wrap"}, opset=19)


def gather_cases() -> Iterator[Case]:
    for axis, indices in itertools.product((0, 1, -1), (0, -1, [2, 0], [[0, 1], [-1, 2]])):
        yield Case("Gather", [real(3, 4), Constant.of(indices, np.int64)], {"axis": axis})
    yield Case("Gather", [real(3, 4), Constant.of([1], np.int32)])


def where_cases() -> Iterator[Case]:
    mask = np.tri(4, dtype=np.bool_)
    yield Case("Where", [Constant(mask), real(2, 4, 4), Constant.of(-1e9, np.float32)])
    yield Case("Where", [Constant(mask), Constant.of(0.5, np.float32), real(4, 4)])
    yield Case("Where", [Constant(mask[:1]), real(4, 1), real(3, 1, 1)])


CASES = [
    *(Case("Flatten", [real(2, 3, 4)], {"axis": axis}) for axis in (0, 1, 2, 3, -1, -2, -3)),
    Case("Flatten", [real(2, 3, 4)]),
    *(
        Case("Reshape", [real(2, 3, 4), ints(*shape)])
        for shape in ((6, 4), (0, -1), (-1,), (4, 0, 2), (1, 0, -1))
    ),
    Case("Reshape", [real(2, 3, 4), ints(4, -1)], {"allowzero": 1}),
    *axes_cases(),
    *(Case("Transpose", [real(2, 3, 4)], {"perm": perm}) for perm in ([0, 2, 1], [2, 0, 1], [0, 1, 2])),
    Case("Transpose", [real(2, 3, 4)]),
    *(Case("Concat", [real(2, 3), weights(2, 3), real(2, 3)], {"axis": axis}) for axis in (0, 1, -1)),
    *slice_cases(),
    *split_cases(),
    *gather_cases(),
    *pad_cases(),
    *(Case("Expand", [real(3, 1), ints(*shape)]) for shape in ((3, 4), (2, 3, 1), (1,), (2, 1, 5))),
    *(Case("Tile", [real(2, 3), ints(*counts)]) for counts in ((1, 1), (2, 1), (1, 3), (2, 2))),
    *where_cases(),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_operator_equals_onnxruntime_and_is_wiring(case: Case) -> None:
    expected = onnxruntime_says(case.model, case.feeds)
    for got, wanted in zip(ours(case.model, case.feeds), expected, strict=True):
        assert np.array_equal(got, wanted)
    ops = program_ops(main(as_exported(case.model)))
    assert all(isinstance(op, WiringOp) or op.name == "fx.constant" for op in ops)


def flatten_by_shape() -> onnx.ModelProto:
    """What exporters write for x.view(x.size(0), -1)."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "zero_list"], ["n_list"]),
        helper.make_node("Concat", ["n_list", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["y"]),
        helper.make_node("Size", ["x"], ["count"]),
        helper.make_node("Cast", ["count"], ["divisor"], to=1),
        helper.make_node("Div", ["y", "divisor"], ["z"]),
    ]
    stored = {"zero": np.array(0), "zero_list": np.array([0]), "rest": np.array([-1])}
    return model_of(nodes, {"x": real(2, 3, 4)}, stored, ["z"])


def test_shape_arithmetic_is_folded() -> None:
    model = flatten_by_shape()
    x = real(2, 3, 4)
    assert np.array_equal(ours(model, {"x": x})[0], onnxruntime_says(model, {"x": x})[0])
    names = [op.name for op in program_ops(main(as_exported(model)))]
    assert names == ["nn.reshape", "fx.constant", "nn.div"]


@pytest.mark.parametrize(("start", "end"), [(0, 3), (1, 3), (-2, 3), (0, -1)])
def test_part_of_a_shape(start: int, end: int) -> None:
    case = Case("Shape", [real(2, 3, 4)], {"start": start, "end": end})
    assert np.array_equal(ours(case.model, case.feeds)[0], onnxruntime_says(case.model, case.feeds)[0])
