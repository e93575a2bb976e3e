"""Networks of neurons that read few numbers of few bits, as LogicNets (arXiv:2004.03021) has them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.core.fixed import Format, Overflow, Rounding
from netloom.ir.attributes import fixed_tensor, format_of, shape_of
from netloom.ir.fx import LookupOp, ThresholdOp
from netloom.ir.interval import Ints
from netloom.ir.nn import AddOp, MatMulOp, ReluOp
from netloom.testing.program import Port, Program

TAILS = ("thresholds", "relu and cast", "table", "none")
"""What may follow a product."""


def sparse_weights(rng: np.random.Generator, inputs: int, outputs: int, fan_in: int, bits: int) -> Ints:
    """Weights int64[inputs, outputs], `fan_in` of a column not zero; every input is read if possible."""
    weights = np.zeros((inputs, outputs), dtype=np.int64)
    order = np.concatenate([rng.permutation(inputs) for _ in range(outputs * fan_in // inputs + 2)])
    for column in range(outputs):
        read = list(dict.fromkeys(order[column * fan_in :].tolist()))[:fan_in]
        magnitude = rng.integers(1, 2 ** (bits - 1), fan_in)
        weights[read, column] = magnitude * rng.choice([-1, 1], fan_in)
    return weights


def reach_of(weights: Ints, x: SSAValue) -> Ints:
    """Least and greatest product int64[outputs, 2] of each column."""
    ends = np.array(_range(x))[:, None, None] * weights
    return np.stack([ends.min(axis=0).sum(axis=0), ends.max(axis=0).sum(axis=0)], axis=1)


def tail(
    program: Program, rng: np.random.Generator, y: SSAValue, reach: Ints, kind: str, bits: int
) -> SSAValue:
    """An activation of so many bits on a layer's result, whose columns reach from one number to another."""
    low, high = _range(y)
    if kind == "thresholds":
        # Within the range of each column, away from its ends: no neuron is constant.
        part = np.sort(rng.uniform(0.15, 0.85, (len(reach), 2**bits - 1)), axis=1)
        levels = np.round(reach[:, :1] + part * np.diff(reach, axis=1)).astype(np.int64)
        result = fixed_tensor(shape_of(y.type), Format(bits, bits, False))
        return program.add(
            ThresholdOp, y, result=result, thresholds=levels, base=np.array(0), sign=np.array(1)
        )
    if kind == "relu and cast":
        width = max(high.bit_length(), bits)
        target = Format(bits, width, False)
        return program.cast(program.add(ReluOp, y), target, Rounding.RND_CONV, Overflow.SAT)
    if kind == "table":
        entries = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), high - low + 1)
        result = fixed_tensor(shape_of(y.type), Format(bits, bits, True))
        return program.add(LookupOp, y, result=result, table=entries, low=low, function="test")
    return y


def _range(y: SSAValue) -> tuple[int, int]:
    number_format = format_of(y.type)
    assert number_format is not None
    return number_format.min_mantissa, number_format.max_mantissa


def sparse_network(
    sizes: Sequence[int],
    bits: int,
    fan_in: int,
    *,
    kinds: Sequence[str] = ("thresholds",),
    rows: tuple[int, ...] = (1,),
    signed: bool = False,
    bias: bool = False,
    seed: int = 0,
) -> ModuleOp:
    """Layers of these sizes; each has the next of `kinds` behind it."""
    rng = np.random.default_rng(seed)
    program = Program([("x", Port((*rows, sizes[0]), Format(bits, bits, signed)))], "sparse")
    x = program.inputs[0]
    for number, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        program.origin = f"fc{number}"
        weights = sparse_weights(rng, inputs, outputs, min(fan_in, inputs), 4)
        reach = reach_of(weights, x)
        x = program.add(MatMulOp, x, program.constant(weights, Format(4, 4, True)))
        if bias:
            x = program.add(AddOp, x, program.constant(rng.integers(-8, 8, outputs), Format(4, 4, True)))
        program.origin = f"act{number}"
        x = tail(program, rng, x, reach, kinds[number % len(kinds)], bits)
    program.output(x, "y")
    return program.finish()
