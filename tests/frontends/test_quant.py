"""Quantizers equal those of qonnx's executor and of the ONNX reference, element for element.

Inputs are multiples of 1/16. Each step of a quantizer is one float32 operation that both sides round
alike, so results are equal and there is no tolerance.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from netloom.ir.program import main, program_ops
from netloom.ir.quantizer import QONNX_ROUNDINGS
from tests.frontends.graphs import Case, Constant, as_exported, onnx_says, onnxruntime_says, ours

GENERAL = "qonnx.custom_op.general"
GENERATOR = np.random.default_rng(7)
GRID = (np.arange(-160, 161, dtype=np.float32) / 16).reshape(3, 107)
"""Every multiple of 1/16 in [-10, 10]: halves and both neighbours for all the scales below."""


def number(value: Any) -> Constant:
    return Constant.of(value, np.float32)


def qonnx_says(model: onnx.ModelProto, feeds: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    shape = feeds["x0"].shape
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info("y0", onnx.TensorProto.FLOAT, shape))
    return np.asarray(execute_onnx(ModelWrapper(model), dict(feeds))["y0"])


def quant_case(scale: Any, zero_point: float, bits: Any, **attributes: Any) -> Case:
    operands = [GRID, number(scale), number(zero_point), number(bits)]
    return Case("Quant", operands, attributes, domain=GENERAL)


def quant_cases() -> Iterator[Case]:
    for mode, signed, narrow in itertools.product(QONNX_ROUNDINGS, (0, 1), (0, 1)):
        yield quant_case(0.125, 0, 4, rounding_mode=mode, signed=signed, narrow=narrow)
        yield quant_case(0.5, 3, 3, rounding_mode=mode.lower(), signed=signed, narrow=narrow)
    for bits in (1, 2, 5, 8, 16):
        yield quant_case(0.0625, 0, bits, rounding_mode="ROUND", signed=int(bits > 1), narrow=0)
    yield quant_case(0.37, 0, 6, rounding_mode="ROUND", signed=1, narrow=1)
    yield quant_case([[0.25], [0.5], [0.3]], 0, 4, rounding_mode="ROUND", signed=1, narrow=0)
    yield quant_case([[0.25]], 0, [[[4]]], rounding_mode="ROUND", signed=1, narrow=0)
    yield quant_case(0.5, 0, 1, rounding_mode="ROUND", signed=1, narrow=0)
    yield quant_case(0.5, -2, 4, rounding_mode="FLOOR", signed=1, narrow=0)


@pytest.mark.parametrize("case", [*quant_cases()], ids=str)
def test_quant_equals_qonnx(case: Case) -> None:
    case = replace(case, operands=[case.operands[0], *map(matching_rank, case.operands[1:])])
    assert np.array_equal(ours(case.model, case.feeds)[0], qonnx_says(case.model, case.feeds))


def matching_rank(operand: Any) -> Constant:
    """qonnx broadcasts an operand of more axes up; ours has the tensor's rank at most."""
    values = operand.values
    return Constant(values.reshape(1, 1) if values.ndim > 2 else values)


@pytest.mark.parametrize("scale", [1.0, 0.25, 0.7])
def test_bipolar_quant_equals_qonnx(scale: float) -> None:
    case = Case("BipolarQuant", [GRID, number(scale)], domain=GENERAL)
    assert np.array_equal(ours(case.model, case.feeds)[0], qonnx_says(case.model, case.feeds))


INTEGERS = np.arange(-128, 128, dtype=np.float32).reshape(2, 128)


def trunc_v1(zero_point: float, scale: float, widths: tuple[int, int], mode: str) -> Case:
    x = INTEGERS * np.float32(scale)
    operands = [x, number(scale), number(zero_point), number(widths[0]), number(widths[1])]
    return Case("Trunc", operands, {"rounding_mode": mode}, domain=GENERAL)


@pytest.mark.parametrize("mode", QONNX_ROUNDINGS)
@pytest.mark.parametrize("zero_point", [0.0, 2.0])
@pytest.mark.parametrize("widths", [(8, 4), (8, 8), (8, 1)], ids=str)
def test_trunc_version_1_equals_qonnx(mode: str, zero_point: float, widths: tuple[int, int]) -> None:
    case = trunc_v1(zero_point, 0.25, widths, mode)
    assert np.array_equal(ours(case.model, case.feeds)[0], qonnx_says(case.model, case.feeds))


@pytest.mark.parametrize("mode", QONNX_ROUNDINGS)
@pytest.mark.parametrize(("signed", "narrow"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("zero_point", [0.0, 4.0])
def test_trunc_version_2_equals_qonnx(mode: str, signed: int, narrow: int, zero_point: float) -> None:
    parameters = (0.25, zero_point, 8, 1.0, 5)
    case = Case(
        "Trunc",
        [INTEGERS / 4, *map(number, parameters)],
        {"rounding_mode": mode, "signed": signed, "narrow": narrow},
        domain=GENERAL,
    )
    model = case.model
    model.opset_import[1].version = 2
    assert np.array_equal(ours(model, case.feeds)[0], qonnx_says(model, case.feeds))


@pytest.mark.parametrize("domain", ["qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general"])
@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("op", ["Quant", "IntQuant"])
def test_every_domain_that_quantizers_are_exported_in(domain: str, declared: bool, op: str) -> None:
    case = replace(quant_case(0.125, 0, 4, signed=1, narrow=0, rounding_mode="ROUND"), op=op, domain=domain)
    model = case.model
    if not declared:
        del model.opset_import[1:]
    expected = np.clip(np.rint(GRID / np.float32(0.125)), -8, 7) * np.float32(0.125)
    assert np.array_equal(ours(model, case.feeds)[0], expected)


def linear_cases() -> Iterator[Case]:
    types: dict[int, tuple[Any, ...]] = {13: (np.uint8, np.int8), 21: (np.uint16, np.int16)}
    for opset, kinds in types.items():
        for kind, zero in itertools.product(kinds, (0, 5)):
            yield Case("QuantizeLinear", [GRID, number(0.0625), Constant.of(zero, kind)], opset=opset)
    yield Case("QuantizeLinear", [GRID, number(0.03), Constant.of(128, np.uint8)], opset=10)
    yield Case("QuantizeLinear", [GRID, number(0.25)], opset=13)
    yield Case(
        "QuantizeLinear",
        [GRID, number([0.25, 0.5, 0.3]), Constant.of([0, 1, -1], np.int8)],
        {"axis": 0},
        opset=13,
    )
    yield Case("QuantizeLinear", [GRID, number(0.25)], {"output_dtype": onnx.TensorProto.INT8}, opset=21)


@pytest.mark.parametrize("case", [*linear_cases()], ids=str)
def test_quantize_linear_equals_onnxruntime(case: Case) -> None:
    expected = onnxruntime_says(case.model, case.feeds)[0]
    assert np.array_equal(ours(case.model, case.feeds)[0], expected.astype(np.float32))


@pytest.mark.parametrize("kind", [ml_dtypes.int4, ml_dtypes.uint4])
def test_quantize_linear_to_four_bits_equals_the_onnx_reference(kind: Any) -> None:
    case = Case("QuantizeLinear", [GRID, number(0.25), Constant.of(1, kind)], opset=21)
    assert np.array_equal(
        ours(case.model, case.feeds)[0], onnx_says(case.model, case.feeds)[0].astype(np.float32)
    )


def dequantize_cases() -> Iterator[Case]:
    levels = GENERATOR.integers(-100, 100, (3, 4))
    for kind, zero in ((np.int8, 0), (np.int8, -7), (np.int32, 0)):
        yield Case("DequantizeLinear", [Constant.of(levels, kind), number(0.3), Constant.of(zero, kind)])
    yield Case("DequantizeLinear", [Constant.of(levels + 100, np.uint8), number(0.5)])
    scales, zeros = number([0.5, 0.3, 1.1]), Constant.of([1, 2, 3], np.int8)
    yield Case("DequantizeLinear", [Constant.of(levels, np.int8), scales, zeros], {"axis": 0})


@pytest.mark.parametrize("case", [*dequantize_cases()], ids=str)
def test_dequantize_linear_of_stored_integers_equals_onnxruntime(case: Case) -> None:
    expected = onnxruntime_says(case.model, {})[0]
    got = ours(case.model, {})[0].astype(np.float32)
    assert np.array_equal(got, expected)
    ops = program_ops(main(as_exported(case.model)))
    assert [op.name for op in ops] == ["fx.constant", "fx.dequantize"]


@given(st.integers(-140, 140), st.sampled_from([0.25, 0.3]))
def test_quantize_then_dequantize_equals_the_onnx_reference(zero: int, scale: float) -> None:
    zero_point = Constant.of(np.clip(zero, -128, 127), np.int8)
    level = Case("QuantizeLinear", [GRID, number(scale), zero_point], opset=21)
    model = level.model
    model.graph.node.append(onnx.helper.make_node("DequantizeLinear", ["y0", "x1", "x2"], ["z"], name="back"))
    model.graph.output[0].name = "z"
    assert np.array_equal(ours(model, level.feeds)[0], onnx_says(model, level.feeds)[0])
