"""The local search keeps what a network computes and when, and never makes it dearer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from netloom.core.adder_graph import AdderGraph
from netloom.passes.solvers import solve_sharing
from netloom.passes.solvers.regroup import System, annealed
from netloom.passes.solvers.sharing import graph_cost
from netloom.passes.solvers.trees import deadlines

IntArray = NDArray[np.int64]
FIELDS = ("lhs", "rhs", "lhs_shift", "rhs_shift", "subtract", "out_node", "out_shift", "out_negate")

shapes = st.tuples(st.integers(1, 6), st.integers(1, 6))
magnitudes = st.sampled_from([1, 3, 60, 2**15])
matrices = magnitudes.flatmap(lambda most: hnp.arrays(np.int64, shapes, elements=st.integers(-most, most)))


def searched(graph: AdderGraph, low: IntArray, high: IntArray, **options: Any) -> AdderGraph:
    """The network after a short search; nothing is done between rounds."""
    given_depth = options.pop("input_depth", np.zeros(graph.n_inputs, np.int64))
    return annealed(
        graph,
        low,
        high,
        input_depth=given_depth,
        out_depth=options.pop("out_depth", None),
        work=options.pop("work", 100_000),
        improved=lambda found: found,
        cost=lambda found: graph_cost(found, low, high),
    )


def depths_of(graph: AdderGraph, arrival: IntArray) -> IntArray:
    """Levels of the outputs that are not zero."""
    return graph.depths(arrival)[graph.out_node[graph.out_node >= 0]]


@settings(max_examples=15)
@given(matrices, st.sampled_from([None, 0, 2]), st.data())
def test_search_keeps_function_and_deadlines_and_never_costs_hardware(
    matrix: IntArray, slack: int | None, data: st.DataObject
) -> None:
    k = matrix.shape[0]
    arrival = np.array(data.draw(st.lists(st.integers(0, 5), min_size=k, max_size=k)))
    low = np.array(data.draw(st.lists(st.integers(-200, 100), min_size=k, max_size=k)))
    high = low + np.array(data.draw(st.lists(st.integers(0, 300), min_size=k, max_size=k)))
    graph = solve_sharing(matrix, low, high, depth_slack=slack, input_depth=arrival)
    limit = np.zeros(matrix.shape[1], np.int64)
    limit[graph.out_node >= 0] = depths_of(graph, arrival)
    for bound in (None, limit):
        found = searched(graph, low, high, input_depth=arrival, out_depth=bound)
        assert np.array_equal(found.matrix(), matrix)
        assert graph_cost(found, low, high) <= graph_cost(graph, low, high)
        assert depths_of(found, arrival).max(initial=0) <= depths_of(graph, arrival).max(initial=0)
    assert np.all(depths_of(found, arrival) <= depths_of(graph, arrival))


def example(seed: int = 5) -> tuple[AdderGraph, IntArray, IntArray]:
    matrix = np.random.default_rng(seed).integers(-128, 128, (8, 8))
    low, high = np.full(8, -128), np.full(8, 127)
    return solve_sharing(matrix, low, high, depth_slack=1), low, high


def test_search_is_deterministic() -> None:
    graph, low, high = example()
    first, second = searched(graph, low, high), searched(graph, low, high)
    assert all(np.array_equal(getattr(first, name), getattr(second, name)) for name in FIELDS)


def test_more_work_finds_more() -> None:
    graph, low, high = example()
    found = searched(graph, low, high, work=6_000_000)
    assert graph_cost(found, low, high) < 0.97 * graph_cost(graph, low, high)


@pytest.mark.parametrize("seed", range(3))
def test_after_a_search_every_sum_is_what_its_leaves_add_up_to(seed: int) -> None:
    """Coefficients, intervals, levels and lists of readers agree with the leaves."""
    graph, low, high = example(seed)
    depths = graph.depths()
    system = System.of(graph, low, high, depths, deadlines(graph, depths, None))
    system.search(1_000_000, 50.0, 5.0, seed)
    sums = system.sums
    readers: list[list[int]] = [[] for _ in sums.kind]
    for node in np.flatnonzero(sums.n_leaves):
        leaves = sums.leaves[node, : sums.n_leaves[node]]
        signs = np.where(leaves[:, 2], -1, 1) << leaves[:, 1]
        weight = (sums.weight[leaves[:, 0]] * signs[:, None]).sum(axis=0)
        assert np.array_equal(weight, sums.weight[node])
        assert sums.low[node] == np.minimum(weight * low, weight * high).sum()
        assert sums.high[node] == np.maximum(weight * low, weight * high).sum()
        assert (1 << sums.due[leaves[:, 0]]).sum() <= 1 << sums.due[node]
        for leaf in leaves[:, 0].tolist():
            readers[leaf].append(int(node))
    for leaf, expected in enumerate(readers):
        assert sorted(sums.readers[leaf, : sums.n_readers[leaf]].tolist()) == expected


def test_networks_without_adders_or_with_values_near_the_limit_are_left_alone() -> None:
    wires = solve_sharing(np.array([[4, 0]]), np.array([0]), np.array([1]))
    assert searched(wires, np.array([0]), np.array([1])) is wires
    graph, low, high = example()
    assert searched(graph, low << 44, high << 44) is graph


def test_more_effort_is_never_dearer_than_the_default() -> None:
    for seed in range(2):
        graph, low, high = example(seed)
        more = solve_sharing(graph.matrix(), low, high, depth_slack=1, effort=0.1)
        assert graph_cost(more, low, high) < graph_cost(graph, low, high)
