"""An adder graph means what its arrays say: checked against arithmetic on Python integers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from netloom.core.adder_graph import AdderGraph, bit_width

IntArray = NDArray[np.int64]
Adder = tuple[int, int, int, int, bool]
Output = tuple[int, int, bool]


def make(n_inputs: int, adders: list[Adder], outputs: list[Output]) -> AdderGraph:
    """Adders are (lhs, rhs, lhs_shift, rhs_shift, subtract), outputs (node, shift, negate)."""
    table = np.array([adder[:4] for adder in adders], dtype=np.int64).reshape(-1, 4)
    return AdderGraph(
        n_inputs,
        lhs=table[:, 0],
        rhs=table[:, 1],
        lhs_shift=table[:, 2],
        rhs_shift=table[:, 3],
        subtract=np.array([adder[4] for adder in adders], dtype=np.bool_),
        out_node=np.array([output[0] for output in outputs], dtype=np.int64),
        out_shift=np.array([output[1] for output in outputs], dtype=np.int64),
        out_negate=np.array([output[2] for output in outputs], dtype=np.bool_),
    )


def node_values(graph: AdderGraph, x: list[int]) -> list[int]:
    """The definition, on Python integers."""
    values = list(x)
    for k in range(graph.n_adders):
        left = values[graph.lhs[k]] << int(graph.lhs_shift[k])
        right = values[graph.rhs[k]] << int(graph.rhs_shift[k])
        values.append(left - right if graph.subtract[k] else left + right)
    return values


def output_values(graph: AdderGraph, x: list[int]) -> list[int]:
    values = node_values(graph, x)
    result = []
    for node, shift, negate in zip(graph.out_node, graph.out_shift, graph.out_negate, strict=True):
        value = 0 if node < 0 else values[node] << int(shift)
        result.append(-value if negate else value)
    return result


@st.composite
def graphs(draw: st.DrawFn) -> AdderGraph:
    n_inputs = draw(st.integers(1, 4))
    adders: list[Adder] = []
    for k in range(draw(st.integers(0, 8))):
        node = st.integers(0, n_inputs + k - 1)
        shift = st.integers(0, 3)
        adders.append((draw(node), draw(node), draw(shift), draw(shift), draw(st.booleans())))
    output = st.tuples(st.integers(-1, n_inputs + len(adders) - 1), st.integers(0, 3), st.booleans())
    return make(n_inputs, adders, draw(st.lists(output, max_size=4)))


@given(graphs(), st.data())
def test_evaluate_is_the_definition(graph: AdderGraph, data: st.DataObject) -> None:
    rows = st.lists(st.integers(-100, 100), min_size=graph.n_inputs, max_size=graph.n_inputs)
    batch = data.draw(st.lists(rows, max_size=3))
    x = np.array(batch, dtype=np.int64).reshape(len(batch), graph.n_inputs)
    expected = [output_values(graph, row) for row in batch]
    assert graph.evaluate(x).tolist() == expected


@given(graphs())
def test_matrix_rows_are_the_outputs_of_the_unit_vectors(graph: AdderGraph) -> None:
    unit = np.eye(graph.n_inputs, dtype=np.int64).tolist()
    assert graph.matrix().tolist() == [output_values(graph, row) for row in unit]


@given(graphs(), st.data())
def test_intervals_are_attained_and_never_left(graph: AdderGraph, data: st.DataObject) -> None:
    bounds = st.tuples(st.integers(-5, 5), st.integers(0, 5)).map(lambda b: (b[0], b[0] + b[1]))
    box = data.draw(st.lists(bounds, min_size=graph.n_inputs, max_size=graph.n_inputs))
    lo, hi = graph.intervals(np.array([b[0] for b in box]), np.array([b[1] for b in box]))
    # A linear function has its extremes at corners.
    corners = np.array([node_values(graph, list(corner)) for corner in product(*box)])
    assert lo.tolist() == corners.min(axis=0).tolist()
    assert hi.tolist() == corners.max(axis=0).tolist()


def test_interval_knows_that_both_operands_hold_the_same_input() -> None:
    graph = make(1, [(0, 0, 2, 0, True)], [(1, 0, False)])  # 4 x - x
    lo, hi = graph.intervals(np.array([-8]), np.array([7]))
    assert (lo.tolist(), hi.tolist()) == ([-8, -24], [7, 21])


@given(graphs())
def test_depth_is_one_more_than_the_deeper_operand(graph: AdderGraph) -> None:
    arrival = np.arange(graph.n_inputs) * 2
    depth = graph.depths(arrival)
    assert depth[: graph.n_inputs].tolist() == arrival.tolist()
    for k in range(graph.n_adders):
        assert depth[graph.n_inputs + k] == 1 + max(depth[graph.lhs[k]], depth[graph.rhs[k]])


def test_inputs_arrive_at_level_zero_by_default() -> None:
    assert make(2, [(0, 1, 0, 0, False)], []).depths().tolist() == [0, 0, 1]


def test_evaluate_keeps_the_leading_dimensions() -> None:
    graph = make(2, [(0, 1, 0, 1, True)], [(2, 0, False), (-1, 0, False), (1, 1, True)])
    x = np.arange(24).reshape(3, 4, 2)
    assert graph.evaluate(x).tolist() == (x @ np.array([[1, 0, 0], [-2, 0, -2]])).tolist()


def test_graph_without_inputs_and_adders_gives_zeros() -> None:
    graph = make(0, [], [(-1, 0, False)])
    assert graph.matrix().shape == (0, 1)
    assert graph.evaluate(np.zeros((2, 0), dtype=np.int64)).tolist() == [[0], [0]]


@pytest.mark.parametrize(
    ("adder", "bits"),
    [
        ((0, 1, 0, 0, False), 9),  # 8 + 8 bits, aligned: 9 bits of result, all of them in the adder
        ((0, 1, 0, 3, False), 9),  # x + 8 y: 12 bits, of which the low 3 are those of x
        ((0, 1, 3, 0, False), 9),  # 8 x + y: the same with the operands exchanged
        ((0, 1, 0, 3, True), 9),  # x - 8 y: the low 3 bits are those of x
        ((0, 1, 3, 0, True), 12),  # 8 x - y: the low 3 bits of -y carry into the rest
        ((0, 1, 5, 2, False), 9),  # 4 (8 x + y): two more zeros pass
        ((0, 1, 5, 2, True), 12),
    ],
)
def test_adder_bits_count_result_bits_that_need_logic(adder: Adder, bits: int) -> None:
    graph = make(2, [adder], [(2, 0, False)])
    assert graph.adder_bits(np.array([-128, -128]), np.array([127, 127])) == bits


@pytest.mark.parametrize(
    ("adder", "signed", "tables"),
    [
        ((0, 1, 0, 0, False), True, 8),  # the carry out needs no table of its own
        ((0, 1, 0, 3, False), True, 8),  # x + 8 y: three bits are those of x, three those of 8 y and a sign
        ((0, 1, 0, 3, True), True, 8),
        ((0, 1, 3, 0, True), True, 11),  # 8 x - y: -y has bits below x
        ((0, 1, 0, 3, False), False, 5),  # unsigned: above x the carry runs through 8 y
        ((0, 1, 0, 3, True), False, 8),
        ((0, 1, 0, 8, False), False, 0),  # nothing overlaps: wires
        ((0, 1, 8, 0, True), False, 8),
    ],
)
def test_adder_tables_count_bits_that_two_operands_share(adder: Adder, signed: bool, tables: int) -> None:
    graph = make(2, [adder], [(2, 0, False)])
    low, high = (-128, 127) if signed else (0, 255)
    assert graph.adder_tables(np.full(2, low), np.full(2, high)) == tables


@given(st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62))
def test_bit_width_is_the_smallest_format(a: int, b: int) -> None:
    lo, hi = min(a, b), max(a, b)
    width = int(bit_width(np.array([lo]), np.array([hi]))[0])

    def holds(bits: int) -> bool:
        if lo >= 0:
            return hi < 1 << bits
        return bits > 0 and -(1 << bits - 1) <= lo and hi < 1 << bits - 1

    assert holds(width)
    assert width == 0 or not holds(width - 1)


def test_coefficients_that_cancel_beyond_64_bits_are_still_exact() -> None:
    # (2**70 + 1) x - 2**70 x: the nodes overflow int64, the matrix does not.
    graph = make(1, [(0, 0, 70, 0, False), (1, 0, 0, 70, True)], [(2, 0, False)])
    assert graph.matrix().tolist() == [[1]]


def test_matrix_entry_beyond_62_bits_is_refused() -> None:
    graph = make(1, [], [(0, 62, False)])
    with pytest.raises(OverflowError, match=r"^adder graph: a matrix entry does not fit 62 bits and a sign$"):
        graph.matrix()


def test_evaluate_refuses_values_that_a_node_cannot_hold() -> None:
    graph = make(1, [(0, 0, 31, 0, False)], [(1, 0, False)])
    assert graph.evaluate(np.array([[2**30]])).tolist() == [[2**61 + 2**30]]
    with pytest.raises(OverflowError, match=r"^adder graph: a node does not fit 62 bits and a sign$"):
        graph.evaluate(np.array([[2**31]]))


def test_interval_of_an_output_shift_counts_too() -> None:
    graph = make(1, [], [(0, 60, True)])
    with pytest.raises(OverflowError, match=r"^adder graph: an output does not fit 62 bits and a sign$"):
        graph.intervals(np.array([0]), np.array([4]))


def test_wrong_shapes_and_orders_are_refused() -> None:
    graph = make(2, [], [])
    with pytest.raises(ValueError, match=r"^x must have 2 values in its last dimension, found \(3, 1\)$"):
        graph.evaluate(np.zeros((3, 1), dtype=np.int64))
    with pytest.raises(ValueError, match=r"^lo and hi must have shape \(2,\) and lo <= hi$"):
        graph.intervals(np.array([0, 1]), np.array([0, 0]))
    with pytest.raises(ValueError, match=r"^input_depth must have shape \(2,\), found \(1,\)$"):
        graph.depths(np.array([0]))


@pytest.mark.parametrize(
    ("adders", "outputs", "message"),
    [
        ([(0, 1, 0, 0, False)], [], "an operand must be an input or an earlier adder"),
        ([(0, -1, 0, 0, False)], [], "an operand must be an input or an earlier adder"),
        ([(0, 0, -1, 0, False)], [], "shifts must not be negative"),
        ([], [(0, -1, False)], "shifts must not be negative"),
        ([], [(1, 0, False)], "an output must name a node, or -1 for zero"),
        ([], [(-2, 0, False)], "an output must name a node, or -1 for zero"),
    ],
)
def test_arrays_that_are_no_network_are_refused(
    adders: list[Adder], outputs: list[Output], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^adder graph: {message}$"):
        make(1, adders, outputs)


def test_arrays_of_different_lengths_are_refused() -> None:
    one, none = np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64)
    with pytest.raises(
        ValueError, match=r"^adder graph: the arrays of one group must be vectors of one length$"
    ):
        AdderGraph(1, one, one, one, none, np.zeros(1, np.bool_), none, none, np.zeros(0, np.bool_))
