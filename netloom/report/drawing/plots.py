"""Plots over time: when each layer works, how full each FIFO is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netloom.report.drawing.svg import CHARACTER, drawing, element, label, number, shortened, title

LABELS = 250.0
"""Most width of the names on the left."""
FIGURES = 110.0
"""Width of the figures on the right."""
WIDTH = 1190.0
AXIS = 26.0
SPAN_ROW = 20.0
LANE_ROW = 30.0
LANE_HEIGHT = 22.0
COLUMNS = 400
"""Points of a curve at most; each is the largest of what it stands for."""


@dataclass(frozen=True)
class Frame:
    """Where a plot is in its picture: names on the left, figures on the right, the time axis below.

    Attributes:
        left: where cycle 0 is.
        cycles: length of the time axis.
        height: of the picture.
    """

    left: float
    cycles: int
    height: float

    @classmethod
    def of(cls, names: Sequence[str], cycles: int, row: float) -> Frame:
        """A row for each name."""
        longest = max(map(len, names), default=0)
        left = min(LABELS, CHARACTER * longest + 16.0)
        return cls(left, max(cycles, 1), row * len(names) + AXIS + 6)

    @property
    def right(self) -> float:
        """Where the last cycle is."""
        return WIDTH - FIGURES

    def x(self, cycle: float) -> float:
        """Where a cycle is."""
        return self.left + (self.right - self.left) * min(cycle, self.cycles) / self.cycles

    def axis(self) -> list[str]:
        """Lines and numbers of the time axis."""
        low, parts = number(self.height - AXIS + 6), []
        for tick in _ticks(self.cycles):
            x = self.x(tick)
            parts.append(element("path", class_="grid", d=f"M{number(x)} 4V{low}"))
            parts.append(label(f"{tick}", (x, self.height - 6), class_="small", text_anchor="middle"))
        parts.append(label("cycles", (WIDTH, self.height - 6), class_="small", text_anchor="end"))
        return parts

    def name(self, text: str, base: float) -> str:
        """The name of a row."""
        room = self.left - 8
        return label(shortened(text, room), (room, base), text_anchor="end", class_="name")

    def figure(self, text: str, base: float) -> str:
        """The figure of a row."""
        return label(text, (self.right + 8, base), class_="small")


def _ticks(cycles: int) -> list[int]:
    """Round numbers from 0, four to nine of them."""
    step = next(
        s for power in range(20) for s in (10**power, 2 * 10**power, 5 * 10**power) if cycles <= 8 * s
    )
    return list(range(0, cycles + 1, step))


@dataclass(frozen=True)
class Span:
    """When something works: light from `start`, dark from `full` to `end`, in cycles."""

    name: str
    start: int
    full: int
    end: int
    text: str
    marked: bool
    hover: str


def timeline(spans: Sequence[Span], cycles: int, name: str) -> str:
    """A bar for each; `g.span`."""
    frame = Frame.of([span.name for span in spans], cycles, SPAN_ROW)
    bars = [_span(span, frame, 6 + index * SPAN_ROW) for index, span in enumerate(spans)]
    return drawing([*frame.axis(), *bars], WIDTH, frame.height, name)


def _span(span: Span, frame: Frame, y: float) -> str:
    start, full, end = (frame.x(at) for at in (span.start, span.full, span.end))
    thick = SPAN_ROW - 6
    least = 1.5  # a bar of no length would not be seen
    return element(
        "g",
        title(span.hover),
        frame.name(span.name, y + 12),
        element("rect", class_="fill", x=start, y=y + 2, width=max(full - start, 0.0), height=thick),
        element("rect", class_="work", x=full, y=y + 2, width=max(end - full, least), height=thick),
        frame.figure(span.text, y + 12),
        class_="span bottleneck" if span.marked else "span",
    )


@dataclass(frozen=True)
class Lane:
    """A FIFO in the plot of occupancies."""

    name: str
    depth: int
    largest: int
    hover: str


def occupancy(
    lanes: Sequence[Lane], samples: NDArray[np.int64], cycles: int, marks: Sequence[int], name: str
) -> str:
    """A curve for each FIFO, from empty to full; `g.lane`.

    Args:
        lanes: FIFOs.
        samples: int64[T, F], counts over `cycles`.
        cycles: length of the time axis.
        marks: cycles that end a frame.
        name: of the picture.
    """
    frame = Frame.of([lane.name for lane in lanes], cycles, LANE_ROW)
    thin = _thinned(samples)
    parts = frame.axis()
    for mark in marks:
        line = element("path", d=f"M{number(frame.x(mark))} 4V{number(frame.height - AXIS + 2)}")
        parts.append(element("g", title(f"a frame has left in cycle {mark}"), line, class_="frame"))
    for index, lane in enumerate(lanes):
        parts.append(_lane(lane, thin[:, index], frame, (index + 1) * LANE_ROW))
    return drawing(parts, WIDTH, frame.height, name)


def _thinned(samples: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most COLUMNS rows int64[T, F], the largest of each group."""
    group = max(-(-len(samples) // COLUMNS), 1)
    filled = np.concatenate([samples, np.repeat(samples[-1:], -len(samples) % group, axis=0)])
    thin: NDArray[np.int64] = filled.reshape(-1, group, samples.shape[1]).max(axis=1)
    return thin


def _lane(lane: Lane, counts: NDArray[np.int64], frame: Frame, base: float) -> str:
    height = LANE_HEIGHT
    ends = f"M{number(frame.left)} {{}}H{number(frame.right)}"
    return element(
        "g",
        title(lane.hover),
        frame.name(lane.name, base - 6),
        element("path", class_="full", d=ends.format(number(base - height))),
        element("path", class_="area", d=_steps(counts, lane.depth, frame, base)),
        element("path", class_="zero", d=ends.format(number(base))),
        frame.figure(f"{lane.largest} of {lane.depth}", base - 6),
        class_="lane",
    )


def _steps(counts: NDArray[np.int64], depth: int, frame: Frame, base: float) -> str:
    """An area of steps; a point only where the count changes."""
    height = LANE_HEIGHT
    width = (frame.right - frame.left) / len(counts)
    text = [f"M{number(frame.left)} {number(base)}"]
    for at in np.flatnonzero(np.diff(counts, prepend=-1)).tolist():
        y = base - height * min(int(counts[at]), depth) / depth
        text.append(f"H{number(frame.left + at * width)}V{number(y)}")
    return "".join([*text, f"H{number(frame.right)}V{number(base)}z"])
