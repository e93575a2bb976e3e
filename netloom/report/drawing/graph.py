"""The dataflow graph of a design."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from netloom.report.drawing.layers import Style, layered
from netloom.report.drawing.svg import Point, drawing, element, label, number, shortened, title

LEVELS = 5
"""Shades of utilisation, `u0` to `u5` in the page's style sheet."""
MARGIN = 8.0
BAR = 4.0


@dataclass(frozen=True)
class Box:
    """A node.

    Attributes:
        name: its title.
        left, right: texts of its second line.
        use: utilisation, 0 to 1.
        marked: whether it is the bottleneck.
        hover: text that a resting pointer shows.
    """

    name: str
    left: str
    right: str
    use: float
    marked: bool
    hover: str


@dataclass(frozen=True)
class Arrow:
    """An edge between nodes by their indices; `weight` is what its thickness grows with."""

    source: int
    target: int
    text: str
    weight: float
    hover: str


def graph(boxes: Sequence[Box], arrows: Sequence[Arrow], name: str) -> str:
    """The picture; `g.actor` are the nodes, `g.fifo` the edges."""
    style = Style()
    places = layered(len(boxes), [(arrow.source, arrow.target) for arrow in arrows], style)
    heaviest = max((arrow.weight for arrow in arrows), default=0.0)
    edges = [
        _edge(
            arrow,
            points,
            1.2 + 2.8 * math.sqrt(arrow.weight / heaviest) if heaviest else 1.2,
            [other[-1][0] for other, a in zip(places.edges, arrows, strict=True) if a.target == arrow.target],
        )
        for arrow, points in zip(arrows, places.edges, strict=True)
    ]
    nodes = [_node(box, at, style) for box, at in zip(boxes, places.nodes, strict=True)]
    body = element("g", *edges, *nodes, transform=f"translate({number(MARGIN)} 0)")
    return drawing([HEAD, body], places.width + 2 * MARGIN, places.height, name)


HEAD = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
    ' markerUnits="userSpaceOnUse" orient="auto"><path class="head" d="M0 0.5 8 4 0 7.5z"/></marker></defs>'
)


def _node(box: Box, at: Point, style: Style) -> str:
    width, height = style.node
    x, y = at[0] - width / 2, at[1] - height / 2
    level = min(LEVELS, math.ceil(max(box.use, 0.0) * LEVELS))
    kind = f"actor u{level}{' bottleneck' if box.marked else ''}"
    bar = width * min(max(box.use, 0.0), 1.0)
    room = width - 16
    parts = [
        title(box.hover),
        element("rect", class_="box", x=x, y=y, width=width, height=height, rx=5),
        element("rect", class_="use", x=x, y=y + height - BAR, width=bar, height=BAR),
        label(shortened(box.name, room), (x + 8, y + 16), class_="name"),
        label(shortened(box.left, room - 7 * len(box.right)), (x + 8, y + 31), class_="small"),
        label(box.right, (x + width - 8, y + 31), class_="small", text_anchor="end"),
    ]
    if box.marked:
        parts.append(label("bottleneck", (x, y + height + 13), class_="mark"))
    return element("g", *parts, class_=kind)


def _edge(arrow: Arrow, points: Sequence[Point], thickness: float, ends: Sequence[float]) -> str:
    """An edge with its text at its end; `ends` are where all edges into its target end."""
    x, y = points[-1]
    # The leftmost edge has its text where it does not come from; texts of many edges are on two lines.
    side = -1 if x == min(ends) and points[-2][0] > x else 1
    lift = 12 if len(ends) > 3 and sorted(ends).index(x) % 2 else 0
    anchor = "start" if side > 0 else "end"
    return element(
        "g",
        title(arrow.hover),
        element("path", class_="wide", d=_path(points)),
        element("path", class_="line", d=_path(points), stroke_width=thickness, marker_end="url(#head)"),
        label(arrow.text, (x + 6 * side, y - 8 - lift), class_="edge", text_anchor=anchor),
        class_="fifo",
    )


def _path(points: Sequence[Point]) -> str:
    """Lines where a step is straight, else a bend that leaves and arrives vertically."""
    (x, y), *_ = points
    text = [f"M{number(x)} {number(y)}"]
    for (x, y), (u, v) in pairwise(points):
        if x == u:
            text.append(f"V{number(v)}")
        elif y == v:
            text.append(f"H{number(u)}")
        else:
            middle = number((y + v) / 2)
            text.append(f"C{number(x)} {middle} {number(u)} {middle} {number(u)} {number(v)}")
    return "".join(text)
