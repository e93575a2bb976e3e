"""The emulator gives the interpreter's numbers, whatever the widths: float32, float64 and int64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import BoolAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.ir import SSAValue

from netloom.core.fixed import Format, Overflow, Rounding
from netloom.ir.attributes import ArrayAttr, fixed_tensor, real_tensor
from netloom.ir.base import make
from netloom.ir.fx import CastOp, LookupOp, QuantizeOp, ThresholdOp, constant_mantissas
from netloom.ir.interpreter import run
from netloom.ir.nn import (
    AddOp,
    ArgMaxOp,
    ConcatOp,
    DenseOp,
    MatMulOp,
    MaxOp,
    MulOp,
    PReluOp,
    ReduceOp,
    ReluOp,
    SubOp,
    TransposeOp,
)
from netloom.ir.program import finish_function, new_function
from netloom.sim.emulator import Emulator

Build = Callable[[list[SSAValue], np.random.Generator, Any], SSAValue]
FORMATS = st.builds(
    Format,
    st.integers(1, 29),
    st.integers(-4, 12),
    st.booleans(),
)


def quantized(argument: SSAValue, number_format: Format, add: Callable[[Any], SSAValue]) -> SSAValue:
    """An input port of that format."""
    return add(
        make(
            QuantizeOp,
            [argument],
            result=fixed_tensor((1, 6), number_format),
            scale=ArrayAttr.of(np.array(number_format.step)),
            zero_point=ArrayAttr.of(np.array(0.0)),
            low=ArrayAttr.of(np.array(float(number_format.min_mantissa))),
            high=ArrayAttr.of(np.array(float(number_format.max_mantissa))),
            rounding=StringAttr("RND_CONV"),
            overflow=StringAttr("SAT"),
            round_first=BoolAttr.from_bool(False),
        )
    )


def program(formats: Sequence[Format], build: Callable[..., SSAValue], seed: int) -> ModuleOp:
    """Inputs of shape [1, 6] in the formats, and one op on them."""
    rng = np.random.default_rng(seed)
    inputs = [(f"x{i}", real_tensor((1, 6))) for i in range(len(formats))]
    module, function = new_function(inputs, batched=True)
    block = function.body.block

    def add(op: Any) -> SSAValue:
        block.add_op(op)
        result: SSAValue = op.results[0]
        return result

    ports = [quantized(a, f, add) for a, f in zip(block.args, formats, strict=True)]
    result = build(ports, rng, add)
    finish_function(function, [("y", result)])
    module.verify()
    return module


def check(module: ModuleOp, formats: Sequence[Format], seed: int) -> None:
    """Equal on random, extreme and alternating inputs."""
    rng = np.random.default_rng(seed)
    inputs = []
    for number_format in formats:
        low, high = number_format.min_value, number_format.max_value
        random = rng.uniform(low, high, (20, 1, 6))
        extremes = np.array([np.full((1, 6), low), np.full((1, 6), high), [[low, high] * 3]])
        inputs.append(np.concatenate([random, extremes]).astype(np.float32))
    expected = run(module, inputs)
    for got, wanted in zip(Emulator(module).run(inputs), expected, strict=True):
        assert np.array_equal(got, wanted)


@given(FORMATS, FORMATS, st.sampled_from([AddOp, SubOp, MulOp, MaxOp]), st.integers(0, 99))
def test_two_operands(a: Format, b: Format, op: Any, seed: int) -> None:
    module = program([a, b], lambda p, rng, add: add(make(op, p)), seed)
    check(module, [a, b], seed)


@given(FORMATS, FORMATS, st.sampled_from(list(Rounding)), st.sampled_from(list(Overflow)), st.integers(0, 99))
def test_cast(a: Format, b: Format, rounding: Rounding, overflow: Overflow, seed: int) -> None:
    def build(ports: list[SSAValue], rng: np.random.Generator, add: Any) -> SSAValue:
        modes = {"rounding": StringAttr(rounding.value), "overflow": StringAttr(overflow.value)}
        return add(make(CastOp, ports, result=fixed_tensor((1, 6), b), **modes))

    check(program([a], build, seed), [a], seed)


@given(FORMATS, st.integers(1, 28), st.integers(1, 7), st.booleans(), st.integers(0, 99))
def test_dense(a: Format, weight_bits: int, outputs: int, biased: bool, seed: int) -> None:
    weight = Format(weight_bits, 2)

    def build(ports: list[SSAValue], rng: np.random.Generator, add: Any) -> SSAValue:
        bounds = (weight.min_mantissa, weight.max_mantissa + 1)
        operands = [ports[0], add(constant_mantissas(rng.integers(*bounds, (6, outputs)), weight, "w"))]
        if biased:
            fraction = a.fraction + weight.fraction
            bias = rng.integers(-100, 100, outputs)
            operands.append(add(constant_mantissas(bias, Format(8, 8 - fraction), "b")))
        return add(make(DenseOp, operands, strategy=StringAttr("latency")))

    check(program([a], build, seed), [a], seed)


@given(FORMATS, FORMATS, st.integers(0, 99))
def test_matrix_product_of_computed_tensors(a: Format, b: Format, seed: int) -> None:
    def build(ports: list[SSAValue], rng: np.random.Generator, add: Any) -> SSAValue:
        column = add(make(TransposeOp, [ports[1]], permutation=ArrayAttr.of(np.array([1, 0]))))
        return add(make(MatMulOp, [ports[0], column]))

    check(program([a, b], build, seed), [a, b], seed)


@given(FORMATS, st.integers(1, 9), st.booleans(), st.integers(0, 99))
def test_threshold(a: Format, levels: int, shared: bool, seed: int) -> None:
    def build(ports: list[SSAValue], rng: np.random.Generator, add: Any) -> SSAValue:
        channels = 1 if shared else 6
        steps = rng.integers(a.min_mantissa, a.max_mantissa + 2, (1, channels, levels))
        return add(
            make(
                ThresholdOp,
                ports,
                result=fixed_tensor((1, 6), Format(6, 6)),
                thresholds=ArrayAttr.of(np.sort(steps, axis=-1)),
                base=ArrayAttr.of(rng.integers(-5, 5, (1, channels))),
                sign=ArrayAttr.of(rng.choice([-1, 1], (1, channels))),
            )
        )

    check(program([a], build, seed), [a], seed)


@given(st.integers(1, 10), st.booleans(), st.booleans(), st.integers(0, 99))
def test_lookup(width: int, signed: bool, relative: bool, seed: int) -> None:
    a = Format(width, 3, signed)

    def build(ports: list[SSAValue], rng: np.random.Generator, add: Any) -> SSAValue:
        entries = width << 2 if relative else 2**width
        return add(
            make(
                LookupOp,
                ports,
                result=fixed_tensor((1, 6), Format(8, 8)),
                table=ArrayAttr.of(rng.integers(-128, 128, entries)),
                low=IntegerAttr(0 if relative else a.min_mantissa, 64),
                mantissa_bits=IntegerAttr(2, 64) if relative else None,
                function=StringAttr("random"),
            )
        )

    check(program([a], build, seed), [a], seed)


@pytest.mark.parametrize("kind", ["sum", "max", "min"])
@given(a=FORMATS, seed=st.integers(0, 99))
def test_reductions(kind: str, a: Format, seed: int) -> None:
    def build(ports: list[SSAValue], rng: np.random.Generator, add: Any) -> SSAValue:
        axes = ArrayAttr.of(np.array([1]))
        keep = BoolAttr.from_bool(bool(seed % 2))
        return add(make(ReduceOp, ports, kind=StringAttr(kind), axes=axes, keep_axes=keep))

    check(program([a], build, seed), [a], seed)


@given(FORMATS, FORMATS, st.integers(0, 99))
def test_other_ops(a: Format, b: Format, seed: int) -> None:
    def build(ports: list[SSAValue], rng: np.random.Generator, add: Any) -> SSAValue:
        slope = add(constant_mantissas(rng.integers(-9, 9, 6), Format(5, 2), "slope"))
        bent = add(make(PReluOp, [add(make(ConcatOp, ports, axis=IntegerAttr(0, 64))), slope]))
        return add(make(ReluOp, [bent]))

    def index(ports: list[SSAValue], rng: np.random.Generator, add: Any) -> SSAValue:
        keep = BoolAttr.from_bool(False)
        return add(make(ArgMaxOp, ports[:1], axis=IntegerAttr(1, 64), keep_axes=keep))

    for each in (build, index):
        module = program([a, b], each, seed)
        check(module, [a, b], seed)
