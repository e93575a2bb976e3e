"""Products of matrices: of two computed ones, with constants in every strategy, and as adder graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import SSAValue

from netloom.core.adder_graph import AdderGraph
from netloom.core.fixed import Format
from netloom.ir.nn import AddOp, DenseOp, MatMulOp
from netloom.testing.battery.formats import signed, unsigned
from netloom.testing.cases import Case
from netloom.testing.program import Port, Program

Ints = NDArray[np.int64]

COMPUTED = (
    (Port((2, 3, 5), signed(5, 2)), Port((5, 4), unsigned(4, 3))),
    (Port((2, 3, 5), signed(5, 2)), Port((2, 1, 5, 2), signed(25, 3))),
    (Port((1, 1), signed(2, 1)), Port((1, 1), signed(2, 1))),
    (Port((2, 3), signed(1, 1)), Port((3, 2), unsigned(1, 1))),
    (Port((3, 2), signed(9, -4)), Port((2, 2), signed(7, 12))),
    (Port((2, 4), signed(28, 3)), Port((4, 1), signed(28, 8))),
)


@dataclass(frozen=True)
class Layer:
    """A product with a constant matrix [k, n] and a bias.

    Attributes:
        rows: leading axes of the input.
        special: what is special about the weights, see `weights`.
    """

    rows: tuple[int, ...]
    k: int
    n: int
    source: Format
    weight: Format
    bias: Format | None = None
    special: str = ""

    @property
    def port(self) -> Port:
        """The input."""
        return Port((*self.rows, self.k), self.source)

    @property
    def name(self) -> str:
        """As a failure shows it."""
        bias = f", bias {self.bias}" if self.bias else ""
        special = f", {self.special}" if self.special else ""
        return f"layer {self.port} by {self.weight}[{self.k}, {self.n}]{bias}{special}"

    def weights(self) -> Ints:
        """Random mantissas, the lowest and the highest among them."""
        low, high = self.weight.min_mantissa, self.weight.max_mantissa
        if self.special == "zeros":
            return np.zeros((self.k, self.n), dtype=np.int64)
        rng = np.random.default_rng(self.k * 100 + self.n)
        drawn = rng.integers(low, high, (self.k, self.n), endpoint=True)
        drawn.flat[0], drawn.flat[-1] = low, high
        if self.special == "sparse":
            drawn *= rng.integers(0, 4, drawn.shape) == 0
            drawn[:, 0] = 0
        return drawn

    def biases(self) -> Ints:
        """Random mantissas of the bias."""
        assert self.bias is not None
        rng = np.random.default_rng(self.n)
        return rng.integers(self.bias.min_mantissa, self.bias.max_mantissa, self.n, endpoint=True)


LAYERS = (
    Layer((1,), 4, 6, signed(5, 2), signed(4, 1)),
    Layer((1,), 6, 4, unsigned(6, 0), signed(6, 2), signed(8, 3)),
    Layer((2, 3), 5, 3, signed(8, 3), signed(3, 3), signed(5, 4)),
    Layer((1,), 8, 2, signed(7, -2), signed(5, 9), signed(12, 12)),
    Layer((1,), 12, 8, signed(8, 2), signed(6, 1), signed(9, 3), "sparse"),
    Layer((3,), 3, 3, unsigned(1, 1), signed(2, 2), signed(3, 3)),
    Layer((1,), 3, 2, signed(1, 1), unsigned(3, 1)),
    Layer((1,), 4, 4, signed(16, 6), signed(16, 1), signed(30, 8)),
    Layer((1,), 2, 2, signed(32, 8), signed(18, 3)),
    Layer((1,), 1, 1, signed(4, 2), signed(3, 0)),
    Layer((1,), 1, 6, signed(4, 2), signed(3, 0), signed(4, 0)),
    Layer((1,), 6, 1, signed(4, 2), signed(3, 0), signed(4, 0)),
    Layer((1,), 4, 2, signed(4, 2), signed(3, 0), signed(4, 0), "zeros"),
)


def _layer(layer: Layer, program: Program, x: SSAValue) -> SSAValue:
    """x @ W + b."""
    result = program.add(MatMulOp, x, program.constant(layer.weights(), layer.weight))
    if layer.bias is None:
        return result
    return program.add(AddOp, result, program.constant(layer.biases(), layer.bias))


def layers() -> Sequence[Case]:
    """Products with constants; the strategy is an option of the backend."""
    return [Case(layer.name, "nn.dense", (layer.port,), partial(_layer, layer)) for layer in LAYERS]


def _product(program: Program, a: SSAValue, b: SSAValue) -> SSAValue:
    return program.add(MatMulOp, a, b)


def matmuls() -> Sequence[Case]:
    """Products of two computed matrices."""
    return [Case(f"nn.matmul {a}, {b}", "nn.matmul", (a, b), _product) for a, b in COMPUTED]


def dense() -> Sequence[Case]:
    """Layers written as nn.dense with strategy `latency`, as a pass or a user may write them."""
    return [
        Case(f"nn.dense latency, {layer.name}", "nn.dense", (layer.port,), partial(_dense, layer))
        for layer in LAYERS[:5]
    ]


def _dense(layer: Layer, program: Program, x: SSAValue) -> SSAValue:
    operands = [x, program.constant(layer.weights(), layer.weight)]
    if layer.bias is not None:
        shift = layer.source.fraction + layer.weight.fraction - layer.bias.fraction
        of = Format(layer.bias.width + shift, layer.bias.integer, True)
        operands.append(program.constant(layer.biases() << shift, of))
    return program.add(DenseOp, *operands, strategy="latency")


def random_graph(inputs: int, adders: int, outputs: int, seed: int) -> AdderGraph:
    """Any network is a legal one; this one has shifts, subtractions, negations and a zero output."""
    rng = np.random.default_rng(seed)
    ends = inputs + np.arange(adders)
    starts = np.maximum(0, ends - 3 * inputs)
    nodes = rng.integers(max(0, adders - outputs), inputs + adders, outputs)
    if outputs > 2:
        nodes[-1] = -1
    return AdderGraph(
        inputs,
        rng.integers(starts, ends),
        rng.integers(starts, ends),
        rng.integers(0, 2, adders),
        rng.integers(0, 3, adders),
        rng.integers(0, 2, adders).astype(np.bool_),
        nodes,
        rng.integers(0, 3, outputs),
        rng.integers(0, 2, outputs).astype(np.bool_),
    )


def _kernel(graph: AdderGraph, fraction: int, bias: Ints | None, program: Program, x: SSAValue) -> SSAValue:
    return program.kernel(x, graph, fraction, bias)


def kernels() -> Sequence[Case]:
    """Shift-add networks as no solver makes them."""
    rng = np.random.default_rng(9)
    biases = (None, rng.integers(-500, 500, 6), np.array([2**40 + 3, -(2**50), 2**31, 0, 1, -1]))
    found: list[Case] = []
    for source in (signed(1, 1), unsigned(1, 1), signed(6, 2), unsigned(5, 7), signed(20, -3)):
        for number, (adders, rows) in enumerate(((0, ()), (9, (2, 3)), (25, ()))):
            port = Port((*rows, 5), source)
            graph = random_graph(5, adders, 6, number)
            fraction = (3, -1, 0)[number]
            name = f"da.kernel {port}, {adders} adders, fraction {fraction}"
            found.append(Case(name, "da.kernel", (port,), partial(_kernel, graph, fraction, biases[number])))
    return found
