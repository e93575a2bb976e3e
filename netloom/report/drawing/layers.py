"""Places for the nodes of an acyclic graph: layers from top to bottom, cut into columns beside each other.

Layers, dummy nodes on long edges and orders by barycentres follow Sugiyama, Tagawa and Toda, "Methods for
Visual Understanding of Hierarchical System Structures" (IEEE Trans. SMC 11(2), 1981). Places within a layer
are a weighted least-squares fit to the neighbours' that keeps order and distances (pool adjacent violators).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import networkx

from netloom.report.drawing.svg import Point

SWEEPS = 8
WORTHWHILE = 0.75
"""How tall the tallest of several columns may be, as a part of a single one."""
STRAIGHT, BENT = 4.0, 1e-4
"""How much more than a node a long edge wants to be straight between its ends, and at its ends."""

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
            mean = [_mean(near[node], across, count, across[node]) for node in row]
            weights = [_weight(node, near[node], count) for node in row]
            fitted = _fit([m - o for m, o in zip(mean, offset, strict=True)], weights)
            for node, value, o in zip(row, fitted, offset, strict=True):
                across[node] = value + o
    return across


def _mean(others: list[int], across: list[float], count: int, default: float) -> float:
    """The mean place of the nodes among the neighbours, so that chains are straight; else of the dummies."""
    others = [other for other in others if other < count] or others
    return sum(across[other] for other in others) / len(others) if others else default


def _weight(node: int, others: list[int], count: int) -> float:
    """How much a node or dummy wants to be where its neighbours are: at its ends, a long edge gives way."""
    if node < count:
        return 1.0
    return STRAIGHT if all(other >= count for other in others) else BENT


def _columns(
    count: int, rows: list[list[int]], chains: list[list[int]], across: list[float], style: Style
) -> list[int]:
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
        widths = [_extent(count, rows[a:b], across, style) for a, b in bounds]
        total = sum(right - left for left, right in widths) + style.gutter * (len(bounds) - 1)
        tallest = max(b - a for a, b in bounds)
        if total <= style.page and tallest <= WORTHWHILE * len(rows):
            return [column for column, (a, b) in enumerate(bounds) for _ in range(a, b)]
    return [0] * len(rows)


def _extent(count: int, rows: list[list[int]], across: list[float], style: Style) -> tuple[float, float]:
    """The left and right side of some layers."""
    nodes = [node for row in rows for node in row]
    half = [style.node[0] / 2 if node < count else style.between[1] / 2 for node in nodes]
    left = min(across[node] - room for node, room in zip(nodes, half, strict=True))
    return left, max(across[node] + room for node, room in zip(nodes, half, strict=True))


def _placed(
    count: int, chains: list[list[int]], rows: list[list[int]], across: list[float], style: Style
) -> Layout:
    """Columns side by side, edges between them through the gutters."""
    columns = _columns(count, rows, chains, across, style)
    pitch = style.node[1] + style.gap
    router = _Router(count, chains, style)
    left, deepest = 0.0, 0
    for column in range(columns[-1] + 1 if columns else 0):
        members = [row for row, of in zip(rows, columns, strict=True) if of == column]
        low, high = _extent(count, members, across, style)
        for depth, row in enumerate(members):
            for node in row:
                y = style.gap + style.node[1] / 2 + depth * pitch
                router.centre[node] = (left + across[node] - low, y)
                router.column[node] = column
        router.gutters.append(left + high - low + style.gutter / 2)
        left += high - low + style.gutter
        deepest = max(deepest, len(members))
    edges = [router.route(edge) for edge in range(len(chains))]
    nodes = [router.centre[node] for node in range(count)]
    return Layout(nodes, edges, max(left - style.gutter, 0.0), deepest * pitch + style.gap)


@dataclass
class _Router:
    """Ways of edges between nodes that have their places.

    Attributes:
        count: of the nodes; higher numbers are dummies.
        chains: nodes and dummies of each edge.
        style: measures.
        centre: places of nodes and dummies.
        column: of each.
        gutters: right of each column.
    """

    count: int
    chains: list[list[int]]
    style: Style
    centre: dict[int, Point] = field(default_factory=dict)
    column: dict[int, int] = field(default_factory=dict)
    gutters: list[float] = field(default_factory=list)

    def route(self, edge: int) -> list[Point]:
        """Points of an edge: from its port, past its dummies, to its port."""
        chain, half = self.chains[edge], self.style.node[1] / 2
        points = [self._port(edge, 0, 1, half)]
        for before, node in pairwise(chain):
            if node < self.count:
                at = self._port(edge, -1, -2, -half)
            else:
                at = (self.centre[node][0], self.centre[node][1] - half)
            if self.column[before] != self.column[node]:
                points += self._turn(points[-1], at, self.gutters[self.column[before]])
            points.append(at)
            if node >= self.count:  # straight past the nodes of its layer
                points.append((at[0], at[1] + 2 * half))
        return points

    def _port(self, edge: int, end: int, beside: int, down: float) -> Point:
        """Where an edge touches the node at one of its ends: in the order of what is on the other side."""
        node = self.chains[edge][end]
        others = [i for i, chain in enumerate(self.chains) if chain[end] == node]
        others.sort(key=lambda i: (self.centre[self.chains[i][beside]][0], i))
        step = min(70.0, 0.84 * self.style.node[0] / len(others))
        x, y = self.centre[node]
        return x + (others.index(edge) + 0.5 - len(others) / 2) * step, y + down

    def _turn(self, here: Point, there: Point, x: float) -> list[Point]:
        """Down, up through a gutter, and to above the next column."""
        below, above = here[1] + self.style.gap / 2, there[1] - self.style.gap + 6.0
        return [(here[0], below), (x, below), (x, above), (there[0], above)]
