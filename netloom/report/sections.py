"""What the page of a report shows: drawings and tables with their explanations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from netloom.report.drawing.graph import Arrow, Box, graph
from netloom.report.drawing.plots import Lane, Span, occupancy, timeline
from netloom.report.stream import ActorRow, FifoRow, StreamReport
from netloom.report.summary import RESOURCES, Report

MOST_NODES = 400
"""A graph of more actors is not drawn."""
MOST_ROWS = 200
"""Rows of a plot; those of the largest FIFOs or the longest spans stay."""
HEADS = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram36": "BRAM36"}

Cells = tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """Head of a column, and whether it has numbers."""

    head: str
    numbers: bool = True


@dataclass(frozen=True)
class Table:
    """Rows of cells; `marked` are indices of rows that stand out, `total` is the last row."""

    columns: Sequence[Column]
    rows: Sequence[Cells]
    total: Cells = ()
    marked: frozenset[int] = field(default=frozenset())


@dataclass(frozen=True)
class Section:
    """A part of the page: a picture, a table or both, with a text."""

    id: str
    title: str
    text: str
    picture: Markup = field(default_factory=Markup)
    table: Table | None = None


@dataclass(frozen=True)
class Tile:
    """A figure at the top of the page."""

    name: str
    value: str
    detail: str = ""


def _columns(names: str, *heads: str) -> list[Column]:
    """Columns of text by name, then those of numbers."""
    return [*(Column(name, False) for name in names.split("|")), *(Column(head) for head in heads)]


def _text(count: float) -> str:
    return f"{count:,.6g}" if isinstance(count, float) else f"{count:,}"


def tiles(report: Report) -> list[Tile]:
    """The figures of the whole design."""
    interval: float | int = report.interval_cycles
    what = "inputs"
    if isinstance(report, StreamReport):
        interval, what = report.explanation.interval, "frames"
    period = report.clock_period_ns
    found = [
        Tile("latency", f"{report.latency_cycles:,}", _cycles(report.latency_cycles, period)),
        Tile("interval", _text(interval), _cycles(interval, period)),
    ]
    if period:
        found.append(Tile("throughput", _rate(1e9 / (interval * period)), f"{what} a second"))
        found.append(Tile("clock", f"{1e3 / period:g} MHz", f"{period:g} ns"))
    if isinstance(report, StreamReport):
        found.append(Tile("FIFOs", f"{report.fifo_bits:,}", f"bits in {len(report.fifos)}"))
    found += [Tile(HEADS[name], f"{report.total(name):,}", "estimate") for name in RESOURCES]
    return found


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second < 1e7 else f"{per_second / 1e6:,.4g} million"


def _cycles(cycles: float, period_ns: float) -> str:
    return f"cycles, {_time(cycles * period_ns)}" if period_ns else "cycles"


def _time(ns: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("\N{MICRO SIGN}s", 1e3)):
        if ns >= size:
            return f"{ns / size:.4g} {unit}"
    return f"{ns:.4g} ns"


def stream_sections(report: StreamReport) -> list[Section]:
    """Graph, timeline, actors, occupancy, FIFOs, and what every design has."""
    return [
        _graph(report),
        _frame_timeline(report),
        _actor_table(report),
        _occupancy(report),
        _fifo_table(report),
        *_common(report),
    ]


def parallel_sections(report: Report) -> list[Section]:
    """Timeline and layers, and what every design has."""
    spans = [
        Span(
            name=layer.origin,
            start=start,
            full=start,
            end=start + layer.latency_cycles,
            text=f"{layer.latency_cycles}",
            marked=False,
            hover=f"{layer.origin}: {layer.op}, cycles {start} to {start + layer.latency_cycles}",
        )
        for layer, start in zip(report.layers, report.starts, strict=False)
    ]
    kept, left_out = _longest(spans)
    picture = timeline(kept, report.latency_cycles, "Layers over time")
    rows = [
        (x.origin, x.op, f"{x.latency_cycles:,}", *(f"{getattr(x, name):,}" for name in RESOURCES))
        for x in report.layers
    ]
    total = ("total", "", f"{report.latency_cycles:,}", *(f"{report.total(name):,}" for name in RESOURCES))
    columns = _columns("layer|op", "latency", *HEADS.values())
    about = "When each layer works on an input of cycle 0; on the right, the registers on its way."
    return [
        Section("timeline", "Latency", about + left_out, Markup(picture)),
        Section("layers", "Layers", "Estimates before synthesis.", table=Table(columns, rows, total)),
        *_common(report),
    ]


def _longest(spans: Sequence[Span]) -> tuple[list[Span], str]:
    """The spans that are drawn, and a sentence about the others."""
    if len(spans) <= MOST_ROWS:
        return list(spans), ""
    order = sorted(range(len(spans)), key=lambda i: (spans[i].start - spans[i].end, i))[:MOST_ROWS]
    return [spans[i] for i in sorted(order)], f" Only the longest {MOST_ROWS} of {len(spans)} are drawn."


def _graph(report: StreamReport) -> Section:
    text = (
        "Actors, and the FIFOs between them. A bar and a darker shade show for which part of the interval an"
        " actor is busy. At each FIFO: the beats that it held at most, of those that it can hold; a thicker"
        " line is a FIFO of more bits."
    )
    if len(report.actors) > MOST_NODES:
        return Section("graph", "Dataflow", f"{len(report.actors)} actors are too many for a drawing.")
    numbers = {row.figures.name: index for index, row in enumerate(report.actors)}
    arrows = [
        Arrow(
            numbers[row.figures.source],
            numbers[row.figures.target],
            f"{row.figures.occupancy}/{row.figures.depth}",
            row.total_bits,
            _about_fifo(row),
        )
        for row in report.fifos
    ]
    boxes = [_box(row, row is report.bottleneck) for row in report.actors]
    return Section("graph", "Dataflow", text, Markup(graph(boxes, arrows, "Dataflow graph")))


def _box(row: ActorRow, marked: bool) -> Box:
    found = row.figures
    hover = "\n".join(
        [
            f"{found.name}: {row.does}",
            f"layers: {', '.join(found.origins)}",
            row.why,
            f"busy for {found.utilisation:.0%} of the interval",
            f"first beat in to first beat out: {row.fill_cycles} cycles",
        ]
    )
    return Box(found.name, row.does, f"{found.utilisation:.0%}", found.utilisation, marked, hover)


def _about_fifo(row: FifoRow) -> str:
    found = row.figures
    return "\n".join(
        [
            f"{found.name}: {found.source} to {found.target}",
            f"depth {found.depth}, held {found.occupancy} at most, beats of {found.bits} bits",
            f"{row.beats} beats in a frame",
        ]
    )


def _frame_timeline(report: StreamReport) -> Section:
    text = (
        "The first frame, from its first beat in. Light: an actor has its first beat and gives none yet."
        " Dark: from its first beat out to its last. On the right: what it adds to the latency, if it is on"
        " the critical path."
    )
    spans = [_span(row, row is report.bottleneck) for row in report.actors]
    kept, left_out = _longest(spans)
    cycles = max(span.end for span in spans)
    return Section("timeline", "Latency", text + left_out, Markup(timeline(kept, cycles, "Actors over time")))


def _span(row: ActorRow, marked: bool) -> Span:
    found = row.figures
    start = found.start - row.fill_cycles
    hover = f"{found.name}: first beat in cycle {start}, first out {found.start}, last out {found.end}"
    adds = f"{row.adds_cycles:+d}" if found.critical else ""
    return Span(found.name, start, found.start, found.end, adds, marked, hover)


def _actor_table(report: StreamReport) -> Section:
    columns = _columns("actor|does", "beats", "fill", "adds", "interval", "use", *HEADS.values())
    rows = [
        (
            row.figures.name,
            row.why if row.figures.interval > 1 else row.does,
            f"{row.beats:,}",
            f"{row.fill_cycles:,}",
            f"{row.adds_cycles:,}" if row.figures.critical else "",
            _text(row.figures.interval),
            f"{row.figures.utilisation:.0%}",
            *(f"{getattr(row.need, name):,}" for name in RESOURCES),
        )
        for row in report.actors
    ]
    fifos = (f"{sum(getattr(row.need, name) for row in report.fifos):,}" for name in RESOURCES)
    rows.append(("(FIFOs)", "", "", "", "", "", "", *fifos))
    cycles = (f"{report.latency_cycles:,}", _text(report.explanation.interval))
    total = ("total", "", "", "", *cycles, "", *(f"{report.total(name):,}" for name in RESOURCES))
    text = (
        "Fill: cycles from an actor's first beat in to its first beat out. Adds: its part of the frame's"
        " latency. Interval: cycles that it needs for a frame when nothing makes it wait; use: the same as a"
        " part of the interval of the design. Resources are estimates before synthesis."
    )
    marked = frozenset(i for i, row in enumerate(report.actors) if row is report.bottleneck)
    return Section("actors", "Actors", text, table=Table(columns, rows, total, marked))


def _occupancy(report: StreamReport) -> Section:
    found = report.occupancy
    text = (
        "Beats in each FIFO from reset on, from empty to its depth, with frames one after the other; vertical"
        " lines are ends of frames. On the right: most beats in this run, and the depth."
    )
    chosen = range(len(report.fifos))
    if len(chosen) > MOST_ROWS:
        by_bits = sorted(chosen, key=lambda i: (-report.fifos[i].total_bits, i))
        text += f" Only the largest {MOST_ROWS} of {len(chosen)} are drawn."
        kept = sorted(by_bits[:MOST_ROWS])
    else:
        kept = list(chosen)
    most = found.samples.max(axis=0)
    lanes = [
        Lane(row.figures.name, row.figures.depth, int(most[i]), _about_fifo(row))
        for i, row in enumerate(report.fifos)
        if i in set(kept)
    ]
    picture = occupancy(lanes, found.samples[:, kept], found.cycles, found.frame_ends, "FIFOs over time")
    return Section("occupancy", "FIFO occupancy", text, Markup(picture))


def _fifo_table(report: StreamReport) -> Section:
    columns = _columns("FIFO|from|to", "depth", "largest", "beat bits", "bits", *HEADS.values())
    rows = []
    for row in report.fifos:
        found = row.figures
        numbers = (found.depth, found.occupancy, found.bits, row.total_bits)
        needs = (getattr(row.need, name) for name in RESOURCES)
        rows.append((found.name, found.source, found.target, *(f"{n:,}" for n in (*numbers, *needs))))
    totals = (sum(getattr(row.need, name) for row in report.fifos) for name in RESOURCES)
    total = ("total", "", "", "", "", "", *(f"{n:,}" for n in (report.fifo_bits, *totals)))
    text = "Depth and largest occupancy in beats; in the steady state, with frames one after the other."
    return Section("fifos", "FIFOs", text, table=Table(columns, rows, total))


def _common(report: Report) -> list[Section]:
    """Ports and notes."""
    ports = [
        (p.name, f"{p.direction}put", "x".join(map(str, p.shape)), str(p.format), f"{p.bits:,}")
        for p in report.ports
    ]
    columns = _columns("port|direction|shape|format", "bits")
    sections = [Section("ports", "Ports", "", table=Table(columns, ports))]
    if report.notes:
        rows = [(note.origin, note.text) for note in report.notes]
        text = "What the compiler chose on the way."
        sections.append(Section("notes", "Notes", text, table=Table(_columns("layer|note"), rows)))
    return sections
