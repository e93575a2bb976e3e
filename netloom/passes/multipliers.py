"""What can become of a layer under a budget of multipliers, what each way needs, and how it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, StringAttr, UnitAttr
from xdsl.ir import SSAValue

from netloom.core.adder_graph import AdderGraph
from netloom.core.devices import Device
from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp, kernel_from_graph
from netloom.ir.fx import ConstantOp
from netloom.ir.interval import Ints
from netloom.ir.nn import ConcatOp, DenseOp, GatherOp, MulOp
from netloom.ir.program import insert_before
from netloom.passes.analysis.budget import Price
from netloom.passes.analysis.hard_products import Factor, HardProducts
from netloom.passes.analysis.products import product_parts
from netloom.passes.build_adder_graphs import solved
from netloom.passes.rewriting import Builder
from netloom.passes.solvers import ConstantMatrixSolver, MatrixProblem
from netloom.passes.streaming.stages import FEEDS_PRODUCT

LEAST_LUTS = 1
"""What a multiplier has to save."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A constant matrix product of the program.

    Attributes:
        op: the product.
        low: least value of each input, over all rows.
        high: greatest value of each input.
        rows: rows that are there at the same time, each with hardware of its own.
        beats: rows over that, one after another in a stream.
    """

    op: DenseOp | KernelOp
    low: Ints
    high: Ints
    rows: int
    beats: int

    @property
    def matrix(self) -> Ints:
        """The weights, int64[K, N]."""
        if isinstance(self.op, KernelOp):
            return self.op.graph.matrix()
        assert isinstance(self.op.weight.owner, ConstantOp)
        return self.op.weight.owner.value.ints()

    @property
    def bias(self) -> Ints | None:
        """Mantissas at the result's fraction."""
        if isinstance(self.op, KernelOp):
            return self.op.bias.ints() if self.op.bias is not None else None
        constant = self.op.bias.owner if self.op.bias is not None else None
        return constant.value.ints() if isinstance(constant, ConstantOp) else None

    @property
    def fraction(self) -> int:
        """Fraction bits of the weights."""
        return self.op.result_format.fraction - self.input_format.fraction

    @property
    def input_format(self) -> Format:
        """What a multiplier gets."""
        return self.op.operand_formats[0]

    def as_it_is(self, device: Device) -> Option:
        """What the layer needs without any change."""
        if isinstance(self.op, KernelOp):
            return Option(0, self.rows * self.op.graph.adder_tables(self.low, self.high))
        lut, dsp, _ = product_parts(self.op, device)
        return Option(dsp // self.beats, lut // self.beats)

    def slower(self, factor: int, device: Device) -> Option:
        """The layer with multipliers that work for `factor` cycles; it must be an nn.dense."""
        trial = self.op.clone()
        share(trial, factor)
        lut, dsp, _ = product_parts(trial, device)
        trial.erase()
        return Slower(dsp // self.beats, lut // self.beats, factor)


def share(layer: DenseOp | KernelOp, factor: int) -> None:
    """Strategy resource with a reuse factor."""
    assert isinstance(layer, DenseOp)
    layer.strategy = StringAttr("resource")
    layer.reuse_factor = IntegerAttr(factor, 64)


@dataclass(frozen=True, eq=False)
class Option:
    """A layer as it is; other ways are subclasses.

    Attributes:
        dsp: multipliers.
        lut: lookup tables.
    """

    dsp: int
    lut: int

    @property
    def price(self) -> Price:
        """Multipliers that save too little are not worth it."""
        return Price(self.dsp, self.lut + LEAST_LUTS * self.dsp)

    @property
    def note(self) -> str:
        """A remark for the report, or nothing."""
        return ""

    def carry_out(self, layer: Layer, networks: Networks) -> None:
        """Change the program."""


@dataclass(frozen=True, eq=False)
class Slower(Option):
    """Shared multipliers that work for `factor` cycles."""

    factor: int

    @property
    def note(self) -> str:
        """The price of fewer multipliers."""
        return f"takes {self.factor} cycles a row, for {self.dsp} multipliers within the budget"

    def carry_out(self, layer: Layer, networks: Networks) -> None:
        """Set the reuse factor."""
        share(layer.op, self.factor)


@dataclass(frozen=True, eq=False)
class Network(Option):
    """Shared adders, some of which read products from multipliers."""

    factors: Sequence[Factor]
    graph: AdderGraph
    problem: MatrixProblem

    @property
    def note(self) -> str:
        """How many products, and what they took the place of."""
        if not self.factors:
            return "shared adders instead of multipliers, for the budget"
        return f"{len(self.factors)} products of inputs and constants in {self.dsp} multipliers"

    def carry_out(self, layer: Layer, networks: Networks) -> None:
        """An nn.mul, and a da.kernel that reads its results behind the inputs."""
        graph = networks.best(self, layer.op.origin_name)
        build = Builder(layer.op)
        source = _with_products(build, layer.op.operands[0], self.factors)
        named = layer.op.origin_name
        result = layer.op.results[0].type
        kernel = kernel_from_graph(source, graph, layer.fraction, layer.bias, named, result=result)
        build.finish(insert_before(layer.op, kernel))


@dataclass(frozen=True)
class Networks:
    """Makes and compares shift-add networks.

    Attributes:
        solver: what finds them.
        depth_slack: as the option of build-adder-graphs.
        trial_effort: for those that are compared.
        effort: for the one that is taken.
        product_depth: adder levels that a multiplier takes as long as.
    """

    solver: ConstantMatrixSolver
    depth_slack: int
    trial_effort: float
    effort: float
    product_depth: int

    def option(self, layer: Layer, products: HardProducts, chosen: Sequence[int]) -> Network | None:
        """The network without some products; None when its values pass 62 bits."""
        factors = [products.factors[number] for number in chosen]
        slack = self.depth_slack if self.depth_slack >= 0 else None
        matrix, low, high = products.without(factors)
        late = np.repeat([0, self.product_depth], [len(layer.low), len(factors)]).astype(np.int64)
        problem = MatrixProblem(
            matrix, low, high, input_depth=late, depth_slack=slack, effort=self.trial_effort
        )
        graph = solved(self.solver, problem, layer.op.origin_name)
        try:
            lut = graph.adder_tables(low, high) + sum(factor.lut for factor in factors)
        except OverflowError:
            return None
        dsp = sum(factor.dsp for factor in factors)
        return Network(layer.rows * dsp, layer.rows * lut, factors, graph, problem)

    def best(self, option: Network, origin: str) -> AdderGraph:
        """The network of an option after all the search that was asked for."""
        if self.effort <= self.trial_effort:
            return option.graph
        problem = replace(option.problem, effort=self.effort)
        graphs = (option.graph, solved(self.solver, problem, origin))
        return min(graphs, key=lambda graph: graph.adder_tables(problem.lo, problem.hi))


def _with_products(build: Builder, x: SSAValue, factors: Sequence[Factor]) -> SSAValue:
    """The inputs, and behind them their products with numbers; all have the inputs' fraction."""
    if not factors:
        return x
    inputs = np.array([factor.row for factor in factors], dtype=np.int64)
    values = np.array([factor.value for factor in factors], dtype=np.int64)
    axis = IntegerAttr(len(shape_of(x.type)) - 1, 64)
    taken = build.op(GatherOp, [x], indices=ArrayAttr.of(inputs), axis=axis)
    bits = int(values.max()).bit_length()
    product = build.op(MulOp, [taken, build.fixed(values, Format(bits, bits, signed=False))])
    joined = build.op(ConcatOp, [x, product], axis=axis)
    for part in (product.owner, joined.owner):
        assert isinstance(part, NetloomOp)
        part.attributes[FEEDS_PRODUCT] = UnitAttr()
    return joined
