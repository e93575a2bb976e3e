"""share-products: products of the same values become one shift-add network, where that is smaller.

Layers that read the very same rows (branches, the three projections of attention) become one network with
all their columns. Windows of an image overlap, so what one position of a convolution computes is often what
its neighbour needs as well: there all positions become one network over the pixels (the idea of common
subexpressions across time in filters).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from netloom.core.adder_graph import AdderGraph
from netloom.core.fixed import Overflow, Precision, Rounding
from netloom.ir.attributes import ArrayAttr, format_of, shape_of
from netloom.ir.da import kernel_from_graph
from netloom.ir.fx import ConstantOp
from netloom.ir.interval import Interval, Ints
from netloom.ir.nn import DenseOp, ReshapeOp, SliceOp
from netloom.ir.program import erase_unused, insert_before, main, program_ops
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.analysis.sources import Source, source_of
from netloom.passes.build_adder_graphs import find_solver, per_input, solved
from netloom.passes.rewriting import Builder
from netloom.passes.solvers import ConstantMatrixSolver, MatrixProblem
from netloom.passes.solvers.csd import csd_counts
from netloom.passes.solvers.sharing import graph_cost

MOST_DIGITS = 12_000
"""Digits of the matrix over all positions of a convolution, up to which it is solved: about a second."""
WORTH = 0.98
"""One network for all positions is taken where it costs at most so much of one for each."""


@dataclass(frozen=True)
class ShareProducts(ModulePass):
    """Layers of strategy adder_graph that share inputs become one da.kernel, followed by wires.

    Only where the network costs less than those it replaces and no result comes later, counted in adders.
    Layers that share nothing are left to build-adder-graphs. For parallel designs: in a stream one
    network serves all positions.

    Options:
        depth_slack: as that of build-adder-graphs.
        effort: as that of build-adder-graphs.
        solver: as that of build-adder-graphs.
    """

    name: ClassVar[str] = "share-products"
    depth_slack: int = 1
    effort: float = 0.03
    solver: str = "sharing"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Layers side by side first; then each that is left, over its positions.

        Raises:
            CompileError: NL203 for an unknown solver, NL703 when a network does not compute its matrix.
        """
        slack = self.depth_slack if self.depth_slack >= 0 else None
        sharer = _Sharer(find_solver(self.solver), slack, self.effort)
        function = main(op)
        for layers in _reading_the_same(_layers(op)):
            sharer.side_by_side(layers, value_intervals(op))
        for layer in _layers(op):
            if (source := _overlapping(layer)) is not None:
                sharer.all_positions(layer, source, value_intervals(op))
        erase_unused(function)


def _layers(module: ModuleOp) -> list[DenseOp]:
    found = (op for op in program_ops(main(module)) if isinstance(op, DenseOp))
    return [op for op in found if op.strategy.data == "adder_graph"]


def _reading_the_same(layers: list[DenseOp]) -> list[list[DenseOp]]:
    """Groups of two layers or more whose inputs are the same elements in the same places."""
    groups: dict[tuple[object, ...], list[DenseOp]] = defaultdict(list)
    for layer in layers:
        source = source_of(layer.input)
        where = (source.elements.tobytes(), source.constants.tobytes())
        groups[(source.value, layer.operand_shapes[0], format_of(layer.input.type), *where)].append(layer)
    return [group for group in groups.values() if len(group) > 1]


def _overlapping(layer: DenseOp) -> Source | None:
    """Where the rows of a layer come from, when they have elements in common and are not too many."""
    rows = math.prod(layer.operand_shapes[0][:-1])
    if rows < 2 or rows * int(csd_counts(_weight(layer)).sum()) > MOST_DIGITS:
        return None
    source = source_of(layer.input)
    elements = np.sort(source.elements.reshape(rows, -1), axis=1)
    once = [np.unique(row[row >= 0]) for row in elements]
    taken = np.concatenate(once)
    return source if len(np.unique(taken)) < len(taken) else None


def _weight(layer: DenseOp) -> Ints:
    constant = layer.weight.owner
    assert isinstance(constant, ConstantOp)
    return constant.value.ints()


def _bias(layer: DenseOp) -> Ints:
    """The bias, zero where there is none."""
    constant = layer.bias.owner if layer.bias is not None else None
    if isinstance(constant, ConstantOp):
        return constant.value.ints()
    return np.zeros(layer.operand_shapes[1][1], dtype=np.int64)


def _fraction(layer: DenseOp) -> int:
    return layer.operand_formats[1].fraction


def _depth(graph: AdderGraph) -> int:
    return int(graph.depths()[graph.out_node[graph.out_node >= 0]].max(initial=0))


@dataclass(frozen=True)
class _Sharer:
    """Solves both ways and puts what is better into the program."""

    solver: ConstantMatrixSolver
    depth_slack: int | None
    effort: float

    def solve(self, matrix: Ints, low: Ints, high: Ints, origin: str) -> AdderGraph:
        """One network with the usual limit."""
        problem = MatrixProblem(matrix, low, high, depth_slack=self.depth_slack, effort=self.effort)
        return solved(self.solver, problem, origin)

    def within(self, matrix: Ints, low: Ints, high: Ints, origin: str, depth: int) -> Iterator[AdderGraph]:
        """Networks no deeper than `depth`: with the usual limit and, should that be too deep, the least."""
        problem = MatrixProblem(matrix, low, high, depth_slack=self.depth_slack, effort=self.effort)
        for slack in dict.fromkeys((self.depth_slack, 0)):
            graph = solved(self.solver, replace(problem, depth_slack=slack), origin)
            if _depth(graph) <= depth:
                yield graph
                return

    def side_by_side(self, layers: list[DenseOp], intervals: Mapping[SSAValue, Interval]) -> None:
        """All layers as one network; else those that are equally deep; else each by itself."""
        low, high = per_input(intervals[layers[0].input])
        alone = {layer: self.solve(_weight(layer), low, high, layer.origin_name) for layer in layers}
        by_depth: dict[int, list[DenseOp]] = defaultdict(list)
        for layer in layers:
            by_depth[_depth(alone[layer])].append(layer)
        groups = [layers] if len(by_depth) == 1 else [layers, *by_depth.values()]
        for group in groups:
            if len(group) > 1 and self._joined(group, alone, low, high):
                layers = [layer for layer in layers if layer not in group]
            if not layers:
                return
        for layer in layers:
            _insert(layer, layer.input, alone[layer], _bias(layer))

    def _joined(
        self, layers: list[DenseOp], alone: Mapping[DenseOp, AdderGraph], low: Ints, high: Ints
    ) -> bool:
        """Whether one network is better than several; then it is in their place."""
        fraction = max(map(_fraction, layers))
        matrix = np.concatenate([_weight(one) << fraction - _fraction(one) for one in layers], axis=1)
        origin = "+".join(layer.origin_name for layer in layers)
        least = sum(graph_cost(alone[layer], low, high) for layer in layers)
        depth = min(_depth(alone[layer]) for layer in layers)
        for graph in self.within(matrix, low, high, origin, depth):
            if graph_cost(graph, low, high) < least:
                biases = [_bias(one) << fraction - _fraction(one) for one in layers]
                _split(layers, graph, fraction, np.concatenate(biases), origin)
                return True
        return False

    def all_positions(self, layer: DenseOp, source: Source, intervals: Mapping[SSAValue, Interval]) -> None:
        """All rows of a layer as one network over the elements that they are taken from."""
        inputs = intervals[layer.input]
        alone = self.solve(_weight(layer), *per_input(inputs), layer.origin_name)
        rows = zip(*(ends.reshape(-1, ends.shape[-1]) for ends in (inputs.low, inputs.high)), strict=True)
        known: dict[bytes, int] = {}
        least = 0
        for ends in rows:
            key = np.stack(ends).tobytes()
            if key not in known:
                known[key] = graph_cost(alone, *ends)
            least += known[key]
        matrix, bias = _unrolled(layer, source)
        pixels = intervals[source.value]
        low, high = pixels.low.reshape(-1).astype(np.int64), pixels.high.reshape(-1).astype(np.int64)
        for graph in self.within(matrix, low, high, layer.origin_name, _depth(alone)):
            if graph_cost(graph, low, high) <= WORTH * least:
                x = _reshaped(Builder(layer), source.value, (1, source.size))
                _insert(layer, x, graph, bias)
                return
        _insert(layer, layer.input, alone, _bias(layer))


def _unrolled(layer: DenseOp, source: Source) -> tuple[Ints, Ints]:
    """Matrix and bias from all elements of the source to the results of all rows, one after another."""
    weight = _weight(layer)
    elements = source.elements.reshape(-1, len(weight))
    matrix = np.zeros((source.size, len(elements), weight.shape[1]), dtype=np.int64)
    for row, picked in enumerate(elements):
        moved = picked >= 0
        np.add.at(matrix[:, row], picked[moved], weight[moved])
    # Elements that are constants, such as padding, have no place in the source.
    fixed = source.constants.reshape(elements.shape) @ weight
    return matrix.reshape(source.size, -1), (fixed + _bias(layer)).reshape(-1)


def _reshaped(build: Builder, value: SSAValue, shape: tuple[int, ...]) -> SSAValue:
    if shape_of(value.type) == shape:
        return value
    return build.op(ReshapeOp, [value], shape=ArrayAttr.of(np.array(shape, dtype=np.int64)))


def _insert(layer: DenseOp, x: SSAValue, graph: AdderGraph, bias: Ints) -> None:
    """A network in place of a layer; its results are the layer's in row-major order."""
    build = Builder(layer)
    given = bias if bias.any() else None
    same = x is layer.input
    result = layer.result.type if same else None
    kernel = kernel_from_graph(x, graph, _fraction(layer), given, layer.origin_name, result=result)
    value = insert_before(layer, kernel)
    build.finish(_typed(build, layer, _reshaped(build, value, layer.result_shape)))


def _typed(build: Builder, layer: DenseOp, value: SSAValue) -> SSAValue:
    """The value in the layer's own format, which holds it exactly."""
    return build.cast(value, Precision(layer.result_format, Rounding.TRN, Overflow.WRAP))


def _split(layers: list[DenseOp], graph: AdderGraph, fraction: int, bias: Ints, origin: str) -> None:
    """A network before the first of several layers, and its parts in their places."""
    given = bias if bias.any() else None
    value = insert_before(layers[0], kernel_from_graph(layers[0].input, graph, fraction, given, origin))
    first = 0
    for layer in layers:
        build, sizes = Builder(layer), np.array(layer.result_shape, dtype=np.int64)
        starts = np.zeros_like(sizes)
        starts[-1], first = first, first + sizes[-1]
        part = {"starts": starts, "sizes": sizes, "steps": np.ones_like(sizes)}
        cut = build.op(SliceOp, [value], **{name: ArrayAttr.of(array) for name, array in part.items()})
        build.finish(_typed(build, layer, cut))
