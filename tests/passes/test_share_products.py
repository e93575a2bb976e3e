"""Products of the same values in one shift-add network: the same numbers, never dearer, never later."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp, StringAttr

from netloom.core.fixed import Format
from netloom.ir.attributes import fixed_tensor
from netloom.ir.da import KernelOp
from netloom.ir.fx import CastOp
from netloom.ir.interpreter import run
from netloom.ir.nn import ConcatOp, DenseOp, GatherOp, ReluOp, ReshapeOp, SliceOp
from netloom.ir.program import main, terminator
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.solvers.sharing import graph_cost
from tests.passes.programs import Program, after, axis, ints, names, ops_of

IntArray = NDArray[np.int64]
FORMAT = Format(6, 3, signed=True)


def dense(p: Program, x: Any, weight: IntArray, fraction: int, origin: str, bias: bool = False) -> Any:
    operands = [x, p.fixed(weight, fraction)]
    if bias:
        operands.append(p.fixed(np.arange(weight.shape[1]) - 2, FORMAT.fraction + fraction))
    return p.op(DenseOp, *operands, strategy=StringAttr("adder_graph"), origin=origin)


def branches(seed: int, rows: int, layers: int, *, shared: bool = True) -> ModuleOp:
    """Layers that read one value, with weights of several fractions and columns in common."""
    rng = np.random.default_rng(seed)
    p = Program(x=fixed_tensor((rows, 8), FORMAT))
    base = rng.integers(-8, 8, (8, 4))
    ys = []
    for layer in range(layers):
        own = rng.integers(-8, 8, (8, 4))
        weight = base + (np.arange(4) == layer) * own if shared else own
        ys.append(p.op(ReluOp, dense(p, p.inputs[0], weight, layer, f"fc{layer}", bias=layer > 0)))
    return p.returns(*ys)


def line(kernel: IntArray, length: int, fill: int | None, origin: str = "conv") -> ModuleOp:
    """A convolution [taps, channels, outputs] along a line, as `lower-windows` leaves it."""
    taps, channels, outputs = kernel.shape
    p = Program(x=fixed_tensor((1, length, channels), FORMAT))
    pixels = p.inputs[0]
    positions = np.arange(length - taps + 1)[:, None] + np.arange(taps)
    if fill is not None:
        pixels = p.op(ConcatOp, pixels, p.fixed(np.full((1, 1, channels), fill), 3), axis=axis(1))
        positions = np.arange(-1, length - 1)[:, None] + np.arange(taps)
        positions[(positions < 0) | (positions >= length)] = length
    windows = p.op(GatherOp, pixels, indices=ints(*positions.reshape(-1)), axis=axis(1))
    rows = p.op(ReshapeOp, windows, shape=ints(1, len(positions), taps * channels))
    return p.returns(dense(p, rows, kernel.reshape(-1, outputs), 2, origin, bias=True))


def costs(module: ModuleOp) -> tuple[int, int]:
    """Cost of all networks, each row with its own ranges, and their greatest depth."""
    intervals, cost, depth = value_intervals(module), 0, 0
    for kernel in ops_of(module, KernelOp):
        bounds = intervals[kernel.input]
        columns = bounds.low.shape[-1]
        for low, high in zip(bounds.low.reshape(-1, columns), bounds.high.reshape(-1, columns), strict=True):
            cost += graph_cost(kernel.graph, low.astype(np.int64), high.astype(np.int64))
        depth = max(depth, int(kernel.graph.depths().max()))
    return cost, depth


def inputs_of(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The least, the greatest and random values."""
    mantissas = np.random.default_rng(5).integers(FORMAT.min_mantissa, FORMAT.max_mantissa + 1, (32, *shape))
    mantissas[0], mantissas[1] = FORMAT.min_mantissa, FORMAT.max_mantissa
    return np.asarray(mantissas / 2.0**FORMAT.fraction)


def check(module: ModuleOp, shape: tuple[int, ...]) -> ModuleOp:
    """Both ways compute the same; the shared one costs no more and is no deeper."""
    alone, shared = (after(module, f"{first}build-adder-graphs") for first in ("", "share-products,"))
    for graph in (alone, shared):
        graph.verify()
    x = inputs_of(shape)
    before, between, behind = (run(m, [x], np.float64) for m in (module, alone, shared))
    for a, b, c in zip(before, between, behind, strict=True):
        assert np.array_equal(a, b)
        assert np.array_equal(a, c)
    (dear, deep), (cheap, flat) = costs(alone), costs(shared)
    assert cheap <= dear
    assert flat <= deep
    before_types, behind_types = (
        [value.type for value in terminator(main(m)).operands] for m in (module, shared)
    )
    assert before_types == behind_types
    return shared


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_branches_are_exact_and_never_dearer_or_deeper(seed: int, rows: int, layers: int) -> None:
    check(branches(seed, rows, layers), (rows, 8))


def test_branches_with_columns_in_common_become_one_network() -> None:
    module = branches(0, 1, 3)
    shared = check(module, (1, 8))
    (kernel,) = ops_of(shared, KernelOp)
    assert kernel.origin_name == "fc0+fc1+fc2"
    assert len(ops_of(shared, SliceOp)) == 3
    alone = after(module, "build-adder-graphs")
    assert costs(shared)[0] < 0.8 * costs(alone)[0]


@pytest.mark.parametrize("fill", [None, 0, 5])
@pytest.mark.parametrize("shape", [(3, 1, 4), (3, 4, 2), (5, 2, 3)])
def test_positions_are_exact_and_never_dearer_or_deeper(
    shape: tuple[int, int, int], fill: int | None
) -> None:
    kernel = np.random.default_rng(sum(shape)).integers(-8, 8, shape)
    check(line(kernel, 9, fill), (1, 9, shape[1]))


def test_sum_that_neighbours_share_is_computed_once() -> None:
    """Every window sums four pixels in a row: eight windows need 10 + 8 additions, not 24."""
    module = line(np.ones((4, 1, 1), dtype=np.int64), 11, None)
    (kernel,) = ops_of(check(module, (1, 11, 1)), KernelOp)
    assert kernel.graph.n_inputs == 11
    assert kernel.graph.n_adders <= 10 + 8


def test_layers_that_share_nothing_are_left_alone() -> None:
    """Rows that do not overlap, other strategies, and single layers."""
    p = Program(x=fixed_tensor((4, 8), FORMAT))
    weight = np.random.default_rng(1).integers(-8, 8, (8, 4))
    first = dense(p, p.inputs[0], weight, 0, "fc1")
    module = p.returns(dense(p, first, weight[:4], 0, "fc2"))
    assert names(after(module, "share-products")) == names(module)
    other = branches(0, 1, 2)
    for layer in ops_of(other, DenseOp):
        layer.strategy = StringAttr("latency")
    assert names(after(other, "share-products")) == names(other)


def test_results_keep_their_formats_by_wires_alone() -> None:
    """A branch with fewer fraction bits gets its own format back: no rounding, no saturation."""
    for cast in ops_of(after(branches(0, 1, 3), "share-products"), CastOp):
        assert (cast.rounding.data, cast.overflow.data) == ("TRN", "WRAP")
