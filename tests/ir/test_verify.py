"""What verifiers refuse, by the whole message, and what is too wide for exact arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ArrayAttr as ListAttr
from xdsl.dialects.builtin import FloatAttr, TensorType, f32, f64
from xdsl.ir import Operation
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.test_value import create_ssa_value

from netloom.core.adder_graph import AdderGraph
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.ir import nn
from netloom.ir.attributes import FixedType, fixed_tensor, real_tensor, shape_of
from netloom.ir.base import make
from netloom.ir.da import KernelOp, kernel_from_graph
from netloom.ir.fx import CastOp, ConstantOp, DequantizeOp, LookupOp, QuantizeOp, ThresholdOp
from tests.ir.values import array, fixed, flag, real, whole, word

BYTE = Format(8, 4)
X = fixed((2, 3), BYTE)
R = real((2, 3))
UNIFORM = {"scale": array(0.5), "zero_point": array(0.0), "low": array(-8.0), "high": array(7.0)}
MODES = {"rounding": word("TRN"), "overflow": word("WRAP")}
SAME = fixed_tensor((2, 3), BYTE)


def quantize(**changes: Any) -> Operation:
    properties = {**UNIFORM, **MODES, "round_first": flag(False), **changes}
    return make(QuantizeOp, [R], result=SAME, **properties)


def quant(**changes: Any) -> Operation:
    properties = {
        **UNIFORM,
        "rounding": word("RND_CONV"),
        "round_first": flag(False),
        "output": word("value"),
        **changes,
    }
    return make(nn.QuantOp, [R], result=real_tensor((2, 3)), **properties)


def trunc(**changes: Any) -> Operation:
    properties = {**UNIFORM, "output_scale": array(1.0), "rounding": word("TRN"), **changes}
    return make(nn.TruncOp, [R], result=real_tensor((2, 3)), **properties)


def lookup(**changes: Any) -> Operation:
    properties = {"table": array([1, 2, 3]), "low": whole(0), "function": word("tanh"), **changes}
    return make(LookupOp, [X], result=SAME, **properties)


def threshold(**changes: Any) -> Operation:
    properties = {"thresholds": array([1, 2]), "base": array(0), "sign": array(1), **changes}
    return make(ThresholdOp, [X], result=SAME, **properties)


def kernel(**changes: Any) -> Operation:
    none = np.zeros(0, dtype=np.int64)
    graph = AdderGraph(
        3, none, none, none, none, none.astype(bool), np.array([0]), np.array([0]), np.array([False])
    )
    op = kernel_from_graph(X, graph, 0, None, "k")
    return KernelOp.create(
        operands=op.operands, result_types=[op.results[0].type], properties={**op.properties, **changes}
    )


def reduce(**changes: Any) -> Operation:
    properties = {"kind": word("sum"), "axes": array([1]), "keep_axes": flag(True), **changes}
    return make(nn.ReduceOp, [X], result=fixed_tensor((2, 1), BYTE), **properties)


def function(name: str, *parameters: float) -> Operation:
    given = ListAttr([FloatAttr(value, f64) for value in parameters])
    return make(nn.FunctionOp, [X], result=SAME, function=word(name), parameters=given)


CASES: list[tuple[Callable[[], Operation], str]] = [
    (lambda: make(nn.AddOp, [X, R], result=SAME), "nn.add mixes real and fixed-point operands"),
    (
        lambda: make(nn.AddOp, [X, X], result=real_tensor((2, 3))),
        "nn.add: result and operands differ in kind",
    ),
    (
        lambda: make(nn.AddOp, [X, X], result=fixed_tensor((2, 3), Format(9, 4))),
        "nn.add: result has 5 fraction bits, the rule gives 4",
    ),
    (
        lambda: make(nn.AddOp, [X, X], result=fixed_tensor((3, 2), BYTE)),
        "nn.add: result shape (3, 2), rule (2, 3)",
    ),
    (lambda: make(nn.DivOp, [X, X], result=SAME), "nn.div is defined on real numbers only"),
    (
        lambda: make(nn.PReluOp, [X, fixed((), Format(1, 2))], result=fixed_tensor((2, 3), Format(9, 6))),
        "nn.prelu: the slope has a negative number of fraction bits",
    ),
    (
        lambda: make(nn.PReluOp, [R, real((4,))], result=real_tensor((2, 3))),
        "nn.prelu: the slope does not broadcast into the input",
    ),
    (lambda: function("cube"), "nn.function: unknown function cube"),
    (lambda: function("tanh", 1.0), "nn.function: tanh has 0 parameters"),
    (lambda: function("selu", 1.0), "nn.function: selu has 2 parameters"),
    (
        lambda: make(nn.MatMulOp, [R, R], result=real_tensor((2, 3))),
        "nn.matmul: shapes (2, 3) and (2, 3) do not fit",
    ),
    (
        lambda: make(nn.DenseOp, [R, real((3, 1))], result=real_tensor((2, 1)), strategy=word("latency")),
        "nn.dense is defined on fixed-point numbers only",
    ),
    (
        lambda: make(
            nn.DenseOp,
            [X, fixed((3, 1), BYTE), fixed((1,), BYTE)],
            result=fixed_tensor((2, 1), Format(16, 8)),
            strategy=word("latency"),
        ),
        "nn.dense: the bias has the fraction of the product",
    ),
    (
        lambda: make(
            nn.DenseOp,
            [X, fixed((3, 1), BYTE), fixed((2,), Format(8, 0))],
            result=fixed_tensor((2, 1), Format(16, 8)),
            strategy=word("latency"),
        ),
        "nn.dense: the bias has shape (2,)",
    ),
    (
        lambda: make(
            nn.BatchNormOp,
            [R],
            result=real_tensor((2, 3)),
            epsilon=FloatAttr(0.0, f64),
            **{name: array([1.0, 2.0]) for name in ("scale", "bias", "mean", "variance")},
        ),
        "nn.batch_norm: parameters need 3 elements",
    ),
    (
        lambda: make(nn.SoftmaxOp, [X], result=SAME, axis=whole(1)),
        "nn.softmax is defined on real numbers only",
    ),
    (lambda: reduce(kind=word("median")), "nn.reduce: kind median is not one of sum, mean, max, min, prod"),
    (lambda: reduce(axes=array([2])), "nn.reduce: no axis 2 in a tensor of 2 axes"),
    (
        lambda: make(nn.ArgMaxOp, [X], result=SAME, axis=whole(-3), keep_axes=flag(True)),
        "nn.argmax: no axis -3 in a tensor of 2 axes",
    ),
    (
        lambda: make(nn.ReshapeOp, [X], result=SAME, shape=array([7])),
        "nn.reshape: (2, 3) does not reshape to (7,)",
    ),
    (
        lambda: make(nn.TransposeOp, [X], result=SAME, permutation=array([0, 2])),
        "nn.transpose: (0, 2) does not permute 2 axes",
    ),
    (
        lambda: make(nn.ConcatOp, [X, fixed((3, 2), BYTE)], result=SAME, axis=whole(0)),
        "nn.concat: shapes [(2, 3), (3, 2)] do not join along axis 0",
    ),
    (
        lambda: make(nn.SliceOp, [X], result=SAME, starts=array([1]), sizes=array([1]), steps=array([1])),
        "nn.slice: starts, sizes and steps have one element for each axis",
    ),
    (
        lambda: make(
            nn.SliceOp, [X], result=SAME, starts=array([1, 0]), sizes=array([2, 1]), steps=array([1, 1])
        ),
        "nn.slice: an index is outside the operand",
    ),
    (
        lambda: make(nn.GatherOp, [X], result=SAME, indices=array([3]), axis=whole(1)),
        "nn.gather: an index is outside the operand",
    ),
    (
        lambda: make(nn.BroadcastOp, [X], result=SAME, shape=array([3, 2])),
        "nn.broadcast: the operand does not broadcast into the shape",
    ),
    (lambda: quantize(rounding=word("NEAR")), "fx.quantize: unknown rounding NEAR"),
    (lambda: quantize(overflow=word("CLIP")), "fx.quantize: unknown overflow CLIP"),
    (lambda: quantize(scale=array(0.0)), "fx.quantize: scales are positive"),
    (
        lambda: quantize(low=array([0.0, 0.0])),
        "fx.quantize: a parameter of shape (2,) does not broadcast into (2, 3)",
    ),
    (
        lambda: make(QuantizeOp, [X], result=SAME, round_first=flag(False), **UNIFORM, **MODES),
        "fx.quantize takes real numbers to fixed-point numbers",
    ),
    (
        lambda: make(DequantizeOp, [X], result=SAME, scale=array(1.0), offset=array(0.0)),
        "fx.dequantize takes fixed-point numbers to real numbers",
    ),
    (
        lambda: make(DequantizeOp, [X], scale=array([1.0, 1.0]), offset=array(0.0)),
        "fx.dequantize: a parameter of shape (2,) does not broadcast into (2, 3)",
    ),
    (
        lambda: make(CastOp, [R], result=SAME, **MODES),
        "fx.cast takes fixed-point numbers to fixed-point numbers",
    ),
    (
        lambda: make(CastOp, [X], result=SAME, rounding=word("CEIL"), overflow=word("SAT")),
        "fx.cast: unknown rounding CEIL",
    ),
    (
        lambda: make(CastOp, [X], result=SAME, rounding=word("RND"), overflow=word("CLIP")),
        "fx.cast: unknown overflow CLIP",
    ),
    (
        lambda: make(ConstantOp, [], result=fixed_tensor((2,), Format(3, 3)), value=array([3, 4])),
        "fx.constant: [3, 4] does not fit fixed<3,3>",
    ),
    (
        lambda: make(ConstantOp, [], result=fixed_tensor((2,), Format(3, 3)), value=array([0.5, 1.0])),
        "fx.constant: mantissas are integers",
    ),
    (lambda: lookup(table=array([0.5])), "fx.lookup: the table is a list of mantissas"),
    (lambda: lookup(table=array(np.zeros(0, np.int64))), "fx.lookup: the table is a list of mantissas"),
    (lambda: lookup(table=array([0, 128])), "fx.lookup: [0, 128] does not fit fixed<8,4>"),
    (lambda: threshold(thresholds=array([2, 1])), "fx.threshold: thresholds ascend"),
    (lambda: threshold(thresholds=array(2)), "fx.threshold: thresholds are listed along the last axis"),
    (lambda: threshold(sign=array(2)), "fx.threshold: signs are 1, 0 or -1"),
    (
        lambda: threshold(base=array([1, 2])),
        "fx.threshold: a parameter of shape (2,) does not broadcast into (2, 3)",
    ),
    (lambda: quant(scale=array(-1.0)), "nn.quant: scales are positive"),
    (lambda: quant(output=word("both")), "nn.quant: unknown rounding or output"),
    (lambda: trunc(output_scale=array(0.0)), "nn.trunc: scales are positive"),
    (lambda: trunc(rounding=word("NEAR")), "nn.trunc: unknown rounding NEAR"),
    (
        lambda: kernel(out_node=array([7])),
        "da.kernel: adder graph: an output must name a node, or -1 for zero",
    ),
    (lambda: kernel(bias=array([1, 2])), "da.kernel: the bias has one element for each output"),
]


@pytest.mark.parametrize(("build", "message"), CASES, ids=[message for _, message in CASES])
def test_verifier_names_what_is_wrong(build: Callable[[], Operation], message: str) -> None:
    with pytest.raises(VerifyException) as caught:
        build().verify()
    assert str(caught.value).splitlines()[-1].strip().removeprefix("Operation does not verify: ") == message


@pytest.mark.parametrize("build", [quantize, quant, trunc, lookup, threshold, kernel])
def test_what_the_cases_start_from_is_valid(build: Callable[[], Operation]) -> None:
    build().verify()


@pytest.mark.parametrize("width", [64, 1000])
def test_no_format_is_wider_than_63_bits(width: int) -> None:
    with pytest.raises(VerifyException, match=rf"width {width} is outside 0\.\.63"):
        FixedType.of(Format(width, 4))


def test_shapes_are_static() -> None:
    with pytest.raises(VerifyException, match="tensors have static shapes"):
        shape_of(TensorType(f32, [-1, 3]))
    with pytest.raises(VerifyException, match="expected a tensor"):
        shape_of(create_ssa_value(f32).type)


WIDE = fixed((2, 2), Format(62, 62))
WIDER = fixed((2, 2), Format(63, 63, signed=False))
TOO_WIDE = {
    "add": lambda: make(nn.AddOp, [WIDER, WIDER], origin="layer"),
    "sub": lambda: make(nn.SubOp, [WIDER, WIDER], origin="layer"),
    "mul": lambda: make(nn.MulOp, [WIDE, WIDE], origin="layer"),
    "align": lambda: make(nn.AddOp, [WIDE, fixed((2, 2), Format(4, 1))], origin="layer"),
    "matmul": lambda: make(nn.MatMulOp, [WIDE, WIDE], origin="layer"),
    "sum": lambda: make(
        nn.ReduceOp, [WIDE], origin="layer", kind=word("sum"), axes=array([0, 1]), keep_axes=flag(False)
    ),
}


@pytest.mark.parametrize("name", TOO_WIDE)
def test_what_does_not_fit_exact_arithmetic_is_refused_before_it_wraps(name: str) -> None:
    with pytest.raises(CompileError) as caught:
        TOO_WIDE[name]()
    assert caught.value.code == "NL303"
    assert str(caught.value).startswith("[NL303] at 'layer': the exact result needs about ")
    assert str(caught.value).endswith(
        " bits\n  supported: values of up to 63 bits\n"
        "  to do: choose a narrower precision for this layer's inputs or weights"
    )
