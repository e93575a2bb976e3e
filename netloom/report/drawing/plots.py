"""Plots over time: when each layer works, how full each FIFO is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netloom.report.drawing.svg import drawing, element, label, number, shortened, title

LABELS = 250.0
"""Width of the names on the left."""
FIGURES = 110.0
"""Width of the figures on the right."""
WIDTH = 1180.0
PLOT = WIDTH - LABELS - FIGURES
AXIS = 26.0
COLUMNS = 400
"""Points of a curve at most; each is the largest of what it stands for."""


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


def _ticks(cycles: int) -> list[int]:
    """Round numbers from 0, four to nine of them."""
    step = next(
        s for power in range(20) for s in (10**power, 2 * 10**power, 5 * 10**power) if cycles <= 8 * s
    )
    return list(range(0, cycles + 1, step))


def _axis(cycles: int, height: float) -> list[str]:
    """Lines and numbers of the time axis."""
    parts = []
    for tick in _ticks(cycles):
        x = LABELS + PLOT * tick / max(cycles, 1)
        parts.append(element("path", class_="grid", d=f"M{number(x)} 4V{number(height - AXIS + 6)}"))
        parts.append(label(f"{tick}", (x, height - 6), class_="small", text_anchor="middle"))
    parts.append(label("cycles", (WIDTH, height - 6), class_="small", text_anchor="end"))
    return parts


def timeline(spans: Sequence[Span], cycles: int, name: str) -> str:
    """A bar for each; `g.span`."""
    row = 20.0
    height = row * len(spans) + AXIS + 6
    scale = PLOT / max(cycles, 1)
    parts = _axis(cycles, height)
    for index, span in enumerate(spans):
        y = 6 + index * row
        # A bar of no length would not be seen.
        start, full, end = (LABELS + at * scale for at in (span.start, span.full, span.end))
        kind = "span bottleneck" if span.marked else "span"
        parts.append(
            element(
                "g",
                title(span.hover),
                label(shortened(span.name, LABELS - 12), (LABELS - 8, y + 12), text_anchor="end", class_="name"),
                element("rect", class_="fill", x=start, y=y + 2, width=max(full - start, 0.0), height=row - 6),
                element("rect", class_="work", x=full, y=y + 2, width=max(end - full, 1.5), height=row - 6),
                label(span.text, (WIDTH - FIGURES + 8, y + 12), class_="small"),
                class_=kind,
            )
        )
    return drawing(parts, WIDTH, height, name)


def _thinned(samples: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most COLUMNS rows int64[T, F], the largest of each group."""
    group = -(-len(samples) // COLUMNS)
    padding = -len(samples) % group if group else 0
    padded = np.concatenate([samples, np.repeat(samples[-1:], padding, axis=0)])
    thin: NDArray[np.int64] = padded.reshape(-1, max(group, 1), samples.shape[1]).max(axis=1)
    return thin


@dataclass(frozen=True)
class Lane:
    """A FIFO in the plot."""

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
    row = 30.0
    height = row * len(lanes) + AXIS + 6
    thin = _thinned(samples)
    parts = _axis(cycles, height)
    for mark in marks:
        x = LABELS + PLOT * min(mark, cycles) / max(cycles, 1)
        line = element("path", d=f"M{number(x)} 4V{number(height - AXIS + 2)}")
        parts.append(element("g", title(f"a frame has left in cycle {mark}"), line, class_="frame"))
    for index, lane in enumerate(lanes):
        base = 6 + (index + 1) * row - 6
        parts.append(_lane(lane, thin[:, index], base, row - 8))
    return drawing(parts, WIDTH, height, name)


def _lane(lane: Lane, counts: NDArray[np.int64], base: float, height: float) -> str:
    right = LABELS + PLOT
    full = element("path", class_="full", d=f"M{number(LABELS)} {number(base - height)}H{number(right)}")
    zero = element("path", class_="zero", d=f"M{number(LABELS)} {number(base)}H{number(right)}")
    return element(
        "g",
        title(lane.hover),
        label(shortened(lane.name, LABELS - 12), (LABELS - 8, base - 6), text_anchor="end", class_="name"),
        full,
        element("path", class_="area", d=_steps(counts, lane.depth, base, height)),
        zero,
        label(f"{lane.largest} of {lane.depth}", (right + 8, base - 6), class_="small"),
        class_="lane",
    )


def _steps(counts: NDArray[np.int64], depth: int, base: float, height: float) -> str:
    """An area of steps; a point only where the count changes."""
    change = np.flatnonzero(np.diff(counts, prepend=-1))
    width = PLOT / max(len(counts), 1)
    text = [f"M{number(LABELS)} {number(base)}"]
    for at in change.tolist():
        y = base - height * min(int(counts[at]), depth) / depth
        text.append(f"H{number(LABELS + at * width)}V{number(y)}")
    return "".join([*text, f"H{number(LABELS + PLOT)}V{number(base)}z"])
