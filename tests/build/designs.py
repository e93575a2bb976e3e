"""Small designs for the open flow."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netloom.api import Design
from netloom.core.fixed import Format, Overflow, Rounding
from netloom.ir.nn import AddOp, MatMulOp, ReluOp
from netloom.testing.program import Port, Program
from netloom.testing.target import Target

Ints = NDArray[np.int64]


def signed(width: int, integer: int) -> Format:
    return Format(width, integer, True)


def unsigned(width: int, integer: int) -> Format:
    return Format(width, integer, False)


@functools.cache
def layer(
    inputs: int = 3, width: int = 5, outputs: int = 2, period_ns: float = 2.0, strategy: str = "adder_graph"
) -> Design:
    """A dense layer with a bias, then rounding to even and clipping to unsigned numbers."""
    rng = np.random.default_rng(inputs)
    program = Program([("x", Port((1, inputs), signed(width, 2)))], "small")
    program.origin = "fc"
    weights = program.constant(rng.integers(-8, 8, (inputs, outputs)), signed(4, 1))
    product = program.add(MatMulOp, program.inputs[0], weights)
    total = program.add(AddOp, product, program.constant(rng.integers(-9, 9, outputs), signed(6, 2)))
    program.origin = "act"
    program.output(program.cast(total, unsigned(4, 2), Rounding.RND_CONV, Overflow.SAT), "y")
    target = Target("vhdl", "parallel", {"clock_period_ns": period_ns, "strategy": strategy})
    return target.compile(program.finish())


@functools.cache
def rectifier() -> Design:
    """The smallest design: one rectifier."""
    program = Program([("x", Port((2,), signed(4, 2)))], "tiny")
    program.origin = "relu"
    program.output(program.add(ReluOp, program.inputs[0]), "y")
    return Target("vhdl", "parallel", {}).compile(program.finish())


def mantissas(design: Design, samples: int) -> Sequence[Ints]:
    """Random inputs at the ports."""
    rng = np.random.default_rng(1)
    port = design.report().ports[0]
    low, high = port.format.min_mantissa, port.format.max_mantissa
    return [rng.integers(low, high, (samples, *port.shape), endpoint=True)]
