"""Places for the nodes of an acyclic graph: layers from top to bottom, cut into columns beside each other.

Layers, dummy nodes on long edges and orders by barycentres follow Sugiyama, Tagawa and Toda, "Methods for
Visual Understanding of Hierarchical System Structures" (IEEE Trans. SMC 11(2), 1981). Places within a layer
are a weighted least-squares fit to the neighbours' that keeps order and distances (pool adjacent violators).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx

from netloom.report.drawing.svg import Point

SWEEPS = 8
DUMMY_WEIGHT = 4.0
"""How much more than a node the bend of a long edge wants to be straight."""

Edge = tuple[int, int]


@dataclass(frozen=True)
class Style:
    """Measures in pixels.

    Attributes:
        node: width and height of a node.
        between: room between nodes of a layer, and between an edge and what is beside it.
        gap: between a layer and the next.
        gutter: between two columns.
        page: width that there is.
        column: layers that a column has at least, if there are more columns.
    """

    node: Point = (176.0, 42.0)
    between: Point = (24.0, 14.0)
    gap: float = 34.0
    gutter: float = 56.0
    page: float = 1180.0
    column: int = 5


@dataclass(frozen=True)
class Layout:
    """Where things are.

    Attributes:
        nodes: centres.
        edges: for each edge, points from the source's lower side to the target's upper side.
        width, height: of the whole.
    """

    nodes: Sequence[Point]
    edges: Sequence[Sequence[Point]]
    width: float
    height: float


def layered(count: int, edges: Sequence[Edge], style: Style | None = None) -> Layout:
    """Places for nodes 0 .. count - 1 and for edges, which must not form a circle."""
    style = style or Style()
    layers = _layers(count, edges)
    chains, rows, size = _with_dummies(count, edges, layers)
    links = [link for chain in chains for link in pairwise(chain)]
    rows = _ordered(rows, links, size)
    across = _across(rows, links, count, size, style)
    return _placed(count, chains, rows, across, style)


def _layers(count: int, edges: Sequence[Edge]) -> list[int]:
    """The layer of each node: how many are before it on the longest way; inputs are next to their use."""
    graph: networkx.DiGraph = networkx.DiGraph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(edges)
    layers = [0] * count
    for layer, members in enumerate(networkx.topological_generations(graph)):
        for node in members:
            layers[node] = layer
    for node in range(count):
        if not graph.in_degree(node) and graph.out_degree(node):
            layers[node] = min(layers[user] for user in graph.successors(node)) - 1
    return layers


def _with_dummies(
    count: int, edges: Sequence[Edge], layers: list[int]
) -> tuple[list[list[int]], list[list[int]], int]:
    """For each edge its nodes with a dummy in each layer that it passes; all nodes by layer; their number."""
    rows: list[list[int]] = [[] for _ in range(max(layers, default=-1) + 1)]
    for node in range(count):
        rows[layers[node]].append(node)
    chains, size = [], count
    for source, target in edges:
        between = range(layers[source] + 1, layers[target])
        dummies = list(range(size, size + len(between)))
        for layer, dummy in zip(between, dummies, strict=True):
            rows[layer].append(dummy)
        size += len(dummies)
        chains.append([source, *dummies, target])
    return chains, rows, size


def _neighbours(links: list[Edge], size: int) -> tuple[list[list[int]], list[list[int]]]:
    above: list[list[int]] = [[] for _ in range(size)]
    below: list[list[int]] = [[] for _ in range(size)]
    for upper, lower in links:
        above[lower].append(upper)
        below[upper].append(lower)
    return above, below


def _crossings(rows: list[list[int]], below: list[list[int]]) -> int:
    total = 0
    for upper, lower in pairwise(rows):
        at = {node: place for place, node in enumerate(lower)}
        ends = [place for node in upper for place in sorted(at[other] for other in below[node])]
        total += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return total


def _ordered(rows: list[list[int]], links: list[Edge], size: int) -> list[list[int]]:
    """Each layer by the mean place of its neighbours, down and up; the order of fewest crossings."""
    above, below = _neighbours(links, size)
    best, fewest = rows, _crossings(rows, below)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        near, sequence = (above, rows[1:]) if sweep % 2 == 0 else (below, rows[-2::-1])
        place = {node: float(i) for row in rows for i, node in enumerate(row)}
        for row in sequence:
            mean = {n: sum(place[m] for m in near[n]) / len(near[n]) if near[n] else place[n] for n in row}
            row_sorted = sorted(row, key=lambda n: (mean[n], place[n]))
            place.update((node, float(i)) for i, node in enumerate(row_sorted))
        rows = [sorted(row, key=lambda n: place[n]) for row in rows]
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = rows, crossings
    return best


def _fit(wanted: list[float], weights: list[float]) -> list[float]:
    """The values that never decrease and are closest to those wanted."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(wanted, weights, strict=True):
        size = 1
        while blocks and blocks[-1][0] >= value:
            other, heavy, many = blocks.pop()
            value = (value * weight + other * heavy) / (weight + heavy)
            weight, size = weight + heavy, size + many
        blocks.append((value, weight, size))
    return [value for value, _, size in blocks for _ in range(size)]


def _across(rows: list[list[int]], links: list[Edge], count: int, size: int, style: Style) -> list[float]:
    """The horizontal place of each node and dummy."""
    above, below = _neighbours(links, size)
    wide, thin = style.node[0] + style.between[0], 2 * style.between[1]
    offsets = []
    for row in rows:
        widths = [wide if node < count else thin for node in row]
        offsets.append([sum(widths[:i]) + widths[i] / 2 for i in range(len(row))])
    across = [0.0] * size
    for row, offset in zip(rows, offsets, strict=True):
        for node, place in zip(row, offset, strict=True):
            across[node] = place - sum(offset) / len(offset)
    order = list(zip(rows, offsets, strict=True))
    # Downwards and upwards in turn, looking at what has just been placed; downwards at last.
    for sweep in range(2 * SWEEPS + 1):
        near = above if sweep % 2 == 0 else below
        for row, offset in order if sweep % 2 == 0 else reversed(order):
            mean = [
                sum(across[m] for m in near[node]) / len(near[node]) if near[node] else across[node]
                for node in row
            ]
            weights = [1.0 if node < count else DUMMY_WEIGHT for node in row]
            fitted = _fit([m - o for m, o in zip(mean, offset, strict=True)], weights)
            for node, value, o in zip(row, fitted, offset, strict=True):
                across[node] = value + o
    return across


def _columns(rows: list[list[int]], chains: list[list[int]], across: list[float], style: Style) -> list[int]:
    """The column of each layer; a column ends only where the edges that go on begin at one node."""
    layer = {node: i for i, row in enumerate(rows) for node in row}
    begins: list[set[int]] = [set() for _ in rows]
    for chain in chains:
        for node in chain[1:]:
            begins[layer[node]].add(chain[0])
    cuts = [i for i in range(1, len(rows)) if len(begins[i]) == 1]
    most = max(1, len(rows) // style.column)
    for columns in range(most, 1, -1):
        target = math.ceil(len(rows) / columns)
        starts = [0]
        for here, following in pairwise([*cuts, len(rows)]):
            if following - starts[-1] > target and here > starts[-1]:
                starts.append(here)
        bounds = list(pairwise([*starts, len(rows)]))
        widths = [_extent(rows[a:b], across, style) for a, b in bounds]
        total = sum(right - left for left, right in widths) + style.gutter * (len(bounds) - 1)
        if len(bounds) > 1 and total <= style.page:
            return [column for column, (a, b) in enumerate(bounds) for _ in range(a, b)]
    return [0] * len(rows)


def _extent(rows: list[list[int]], across: list[float], style: Style) -> tuple[float, float]:
    places = [across[node] for row in rows for node in row]
    half = style.node[0] / 2
    return min(places) - half, max(places) + half


def _placed(
    count: int, chains: list[list[int]], rows: list[list[int]], across: list[float], style: Style
) -> Layout:
    """Columns side by side, edges between them through the gutters."""
    columns = _columns(rows, chains, across, style)
    pitch = style.node[1] + style.gap
    centre: dict[int, Point] = {}
    column_of: dict[int, int] = {}
    left, deepest = 0.0, 0
    for column in range(columns[-1] + 1 if columns else 0):
        members = [row for row, of in zip(rows, columns, strict=True) if of == column]
        low, high = _extent(members, across, style)
        for depth, row in enumerate(members):
            for node in row:
                centre[node] = (left + across[node] - low, style.gap + style.node[1] / 2 + depth * pitch)
                column_of[node] = column
        left += high - low + style.gutter
        deepest = max(deepest, len(members))
    edges = [_route(chain, count, centre, column_of, chains, style) for chain in chains]
    width = max(left - style.gutter, 0.0)
    return Layout([centre[n] for n in range(count)], edges, width, deepest * pitch + style.gap)


def _route(
    chain: list[int],
    count: int,
    centre: dict[int, Point],
    column_of: dict[int, int],
    chains: list[list[int]],
    style: Style,
) -> list[Point]:
    """Points of an edge: from its port, past its dummies, to its port; up a gutter to the next column."""
    half = style.node[1] / 2
    outs = [other for other in chains if other[0] == chain[0]]
    ins = [other for other in chains if other[-1] == chain[-1]]
    outs.sort(key=lambda other: (centre[other[1]][0], other))
    ins.sort(key=lambda other: (centre[other[-2]][0], other))
    start = centre[chain[0]][0] + _port(outs.index(chain), len(outs), style), centre[chain[0]][1] + half
    end = centre[chain[-1]][0] + _port(ins.index(chain), len(ins), style), centre[chain[-1]][1] - half
    ports = {chain[0]: start, chain[-1]: end}
    points: list[Point] = [start]
    for before, node in pairwise(chain):
        at = ports.get(node, centre[node])
        if column_of[before] != column_of[node]:
            top = at if node < count else (at[0], at[1] - half)
            points += _turn(points[-1], top, before, centre, column_of, style)
        if node >= count:  # straight past the nodes of its layer
            points += [(at[0], at[1] - half), (at[0], at[1] + half)]
        else:
            points.append(at)
    return points


def _turn(
    here: Point, there: Point, before: int, centre: dict[int, Point], column_of: dict[int, int], style: Style
) -> list[Point]:
    """Down, through the gutter to the right of a column, up, and above the next column."""
    right = max(centre[node][0] for node, column in column_of.items() if column == column_of[before])
    x = right + style.node[0] / 2 + style.gutter / 2
    below, above = here[1] + style.gap / 2, there[1] - style.gap + 6.0
    return [(here[0], below), (x, below), (x, above), (there[0], above)]


def _port(place: int, many: int, style: Style) -> float:
    """Where along a node's side an edge ends."""
    return (place + 0.5 - many / 2) * min(70.0, 0.84 * style.node[0] / many)
