"""Drawings: nodes do not overlap, edges go down, columns fit the page."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netloom.report.drawing.layers import Style, layered
from netloom.report.drawing.plots import LANE_HEIGHT, LANE_ROW, Lane, occupancy
from netloom.report.drawing.svg import drawing, number, shortened

STYLE = Style()


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    """Acyclic graphs, also with parallel edges and lone nodes."""
    count = draw(st.integers(1, 14))
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda e: e[0] < e[1])
    return count, draw(st.lists(pair, max_size=20)) if count > 1 else []


@given(graphs())
def test_nodes_do_not_overlap_and_are_inside(case: tuple[int, list[tuple[int, int]]]) -> None:
    count, edges = case
    found = layered(count, edges)
    width, height = STYLE.node
    assert len(found.nodes) == count
    for x, y in found.nodes:
        assert width / 2 - 1e-6 <= x <= found.width - width / 2 + 1e-6
        assert height / 2 <= y <= found.height - height / 2
    for (x, y), (u, v) in combinations(found.nodes, 2):
        assert abs(x - u) >= width - 1e-6 or abs(y - v) >= height


@given(graphs())
def test_edges_lead_from_below_their_source_to_above_their_target(
    case: tuple[int, list[tuple[int, int]]],
) -> None:
    count, edges = case
    found = layered(count, edges)
    width, height = STYLE.node
    for (source, target), points in zip(edges, found.edges, strict=True):
        for node, (x, y), side in ((source, points[0], 1), (target, points[-1], -1)):
            assert abs(x - found.nodes[node][0]) < width / 2
            assert y == found.nodes[node][1] + side * height / 2
    assert len({points[-1] for points in found.edges}) == len(edges)  # no two end at the same place


@given(graphs())
def test_the_same_graph_gives_the_same_drawing(case: tuple[int, list[tuple[int, int]]]) -> None:
    assert layered(*case) == layered(*case)


def test_a_chain_is_straight_and_cut_into_columns_that_fit() -> None:
    found = layered(60, list(pairwise(range(60))))
    columns = sorted({round(x, 1) for x, _ in found.nodes})
    assert len(columns) == 5
    assert found.width <= STYLE.page
    assert found.height < 60 / 4 * (STYLE.node[1] + STYLE.gap)


def test_a_skip_connection_passes_beside_the_nodes() -> None:
    found = layered(4, [(0, 1), (1, 2), (2, 3), (0, 3)])
    assert len({round(x, 1) for x, _ in found.nodes}) == 1
    bends = {x for x, _ in found.edges[3][1:-1]}
    assert all(abs(x - found.nodes[1][0]) > STYLE.node[0] / 2 for x in bends)


def test_a_graph_that_no_edge_may_cut_stays_one_column() -> None:
    main = list(pairwise(range(12)))
    found = layered(12, [*main, (0, 11), (1, 10)])
    ys = [y for _, y in found.nodes]
    assert ys == sorted(ys) and len(set(ys)) == 12


def test_long_names_keep_both_ends() -> None:
    assert shortened("conv1", 100) == "conv1"
    assert shortened("node_conv_block_3_window", 100) == "node_co\N{HORIZONTAL ELLIPSIS}window"


def test_a_plot_keeps_the_largest_count_of_what_it_thins() -> None:
    samples = np.zeros((5000, 1), np.int64)
    samples[1234] = 7
    lane = Lane("skip", 7, 7, "")
    drawn = occupancy([lane], samples, 5000, [], "plot")
    assert f"V{number(LANE_ROW - LANE_HEIGHT)}" in drawn  # the base of the first lane less its height
    assert drawn.count("H") < 30  # a point only where the count changes


def test_a_picture_that_would_shrink_beyond_reading_is_scrolled() -> None:
    assert 'class="wide"' in drawing([], 4000.0, 10.0, "wide")
    assert "class" not in drawing([], 1200.0, 10.0, "fits")
