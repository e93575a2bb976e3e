"""Bodies of the functions of actors: loops over beats around the actors of netloom_stream.h.

What an actor does is said by `netloom.core.dataflow`; a function does it for one frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from netloom.backends.hls import pragmas
from netloom.backends.hls.stream.program import Body, Channel
from netloom.backends.hls.text import Table, indented, index_expression, integer, loop, mantissas
from netloom.backends.hls.vendor import Vendor
from netloom.core.dataflow import Collect, Resample, Spread
from netloom.core.diagnostics import CompileError
from netloom.ir.flow import (
    FlowOp,
    RepackOp,
    ResampleOp,
    StreamConstantOp,
    StreamReduceOp,
    StreamWindowOp,
    stream_of,
)

Lines = list[str]
KINDS = {"sum": "sum", "max": "largest", "min": "smallest"}
"""Reductions and what they are called in netloom_stream.h."""


@dataclass(frozen=True)
class Ends:
    """What an actor is connected to.

    Attributes:
        vendor: pragmas.
        name: of the actor's function.
        inputs, outputs: FIFOs.
        beat: type of the beats that it gives.
    """

    vendor: Vendor
    name: str
    inputs: tuple[Channel, ...]
    outputs: tuple[Channel, ...]
    beat: str

    @property
    def input(self) -> Channel:
        """The only input."""
        (channel,) = self.inputs
        return channel

    def give(self, value: str) -> Lines:
        """Every output FIFO gets the beat."""
        return [f"{channel.name}.write({value});" for channel in self.outputs]

    def registers(self, declaration: str, name: str) -> Lines:
        """An array of registers."""
        return [
            *self.vendor.pragma(pragmas.REGISTERS, "before", name=name),
            declaration,
            *self.vendor.pragma(pragmas.REGISTERS, "inside", name=name),
        ]

    def beats(self, head: str, body: Iterable[str], interval: int = 1, purpose: str = "") -> Lines:
        """A loop over beats."""
        chosen = purpose or pragmas.STREAM_LOOP
        return [
            *self.vendor.pragma(chosen, "before", interval=interval),
            f"for (int {head}) {{",
            *self.vendor.pragma(chosen, "inside", interval=interval),
            *indented(body),
            "}",
        ]


def body_of(op: FlowOp, ends: Ends) -> Body:
    """The body of an actor that is neither a stage nor an edge.

    Raises:
        CompileError: NL308 for an op that has none.
    """
    for op_type, writer in _WRITERS.items():
        if isinstance(op, op_type):
            return writer(op, ends)
    raise CompileError("NL308", f"{op.name} has no C++", origin=op.origin_name)


def counted(count: int) -> str:
    """The head of a loop over `count` beats."""
    return f"n = 0; n < {count}; n++"


def _window(op: StreamWindowOp, ends: Ends) -> Body:
    actor = op.actor()
    sizes = (
        *(actor.height, actor.width, actor.out_height, actor.out_width),
        *(*actor.kernel, *actor.strides, *actor.dilations, *actor.padding, actor.slices),
    )
    pixel, rows = ends.input.beat, actor.kernel[0]
    above = actor.rows - 1
    enter = f"netloom::enter<{actor.dilations[0]}>(lines, columns, at.column, pixel);"
    fill = f"number<{pixel}::element>({integer(int(op.fill_value))})"
    inside = [
        f"{pixel} pixel;",
        f"if (at.has_pixel()) pixel = {ends.input.name}.read();",
        enter if above else "netloom::push(columns, 0, pixel);",
        "if (at.has_window()) {",
        f"    {ends.beat} window;",
        f"    netloom::leave<{actor.dilations[1] * actor.slices}>(columns, at, {fill}, window);",
        *indented(ends.give("window")),
        "}",
        "at.next();",
    ]
    far = {"name": "lines", "distance": actor.steps} if above and actor.steps > 1 else None
    work = ends.beats("k = 0; k < walk::total; k++", [*_far(ends, far, "inside"), *inside])
    columns = ends.registers(f"static {pixel} columns[{rows}][{actor.span}];", "columns")
    return Body(
        (
            f"typedef netloom::window_walk<{', '.join(map(str, sizes))}> walk;",
            *(_lines(ends, pixel, above, actor.row_beats) if above else []),
            *columns,
            "walk at;",
            *_far(ends, far, "before"),
            *work,
        )
    )


def _far(ends: Ends, values: Mapping[str, Any] | None, place: Any) -> Lines:
    return ends.vendor.pragma(pragmas.LINE_DISTANCE, place, **values) if values else []


def _lines(ends: Ends, pixel: str, rows: int, width: int) -> Lines:
    """The memory of a window's rows above its last."""
    purposes = (pragmas.LINE_PACK, pragmas.LINE_ROWS)
    return [
        *(line for each in purposes for line in ends.vendor.pragma(each, "before", name="lines")),
        f"static {pixel} lines[{rows}][{width}];",
        *(line for each in purposes for line in ends.vendor.pragma(each, "inside", name="lines")),
    ]


def _reduce(op: StreamReduceOp, ends: Ends) -> Body:
    beats = op.actor().beats
    inside = [
        f"netloom::reduce<netloom::{KINDS[op.kind.data]}>(total, {ends.input.name}.read(), k == 0);",
        f"if (k == {beats - 1}) {{",
        "    k = 0;",
        *indented(ends.give("total")),
        "} else {",
        "    k++;",
        "}",
    ]
    loop_lines = ends.beats(counted(stream_of(op.input).beats), inside)
    return Body((f"static {ends.beat} total;", "int k = 0;", *loop_lines))


def _repack(op: RepackOp, ends: Ends) -> Body:
    actor, read = op.actor(), f"{ends.input.name}.read()"
    if isinstance(actor, Collect):
        inside = [
            f"netloom::collect(word, {read});",
            f"if (k == {actor.beats - 1}) {{",
            "    k = 0;",
            *indented(ends.give("word")),
            "} else {",
            "    k++;",
            "}",
        ]
        count = stream_of(op.input).beats
        return Body((f"static {ends.beat} word;", "int k = 0;", *ends.beats(counted(count), inside)))
    if isinstance(actor, Spread):
        inside = [
            f"if (k == 0) word = {read};",
            f"{ends.beat} taken;",
            "netloom::spread(word, taken);",
            *ends.give("taken"),
            f"k = k == {actor.beats - 1} ? 0 : k + 1;",
        ]
        count = op.stream.beats
        return Body((f"static {ends.input.beat} word;", "int k = 0;", *ends.beats(counted(count), inside)))
    inside = [f"const {ends.beat} word = {read};", *ends.give("word")]
    return Body(tuple(ends.beats(counted(op.stream.beats), inside)))


def resample_steps(actor: Resample) -> int:
    """Iterations for a frame: one for each beat in, out, or both."""
    columns, rows = np.asarray(actor.columns), np.asarray(actor.rows)
    apart = np.diff(rows, prepend=-1)
    in_row = int(np.maximum(np.diff(columns, prepend=-1), 1).sum())
    passed = apart[apart > 0] * actor.width - int(columns[-1]) - 1
    skipped = int(passed.sum()) - (actor.width - int(columns[-1]) - 1)
    return skipped + in_row * len(passed) + len(columns) * int((apart == 0).sum()) + _rest(actor)


def _rest(actor: Resample) -> int:
    """Beats behind the last one that is picked."""
    return (actor.height - actor.rows[-1]) * actor.width - actor.columns[-1] - 1


def _resample(op: ResampleOp, ends: Ends) -> Body:
    actor = op.actor()
    apart = np.diff(np.asarray(actor.rows), append=actor.rows[-1])
    repeats = bool((np.diff(np.asarray(actor.rows)) == 0).any())
    tables: list[Table] = []

    def at(values: Sequence[int], counter: str, what: str) -> str:
        array = np.asarray(values, dtype=np.int64)
        text, made = index_expression(array, counter, f"{ends.name}_{what}")
        tables.extend(made)
        return text

    number = "0"
    if actor.parts > 1:
        rows = at(actor.row_parts, "i", "row_parts")
        number = f"({rows}) + ({at(actor.column_parts, 'o', 'column_parts')})"
    source = "(fresh ? pixel : line[wanted])" if repeats else "pixel"
    read = f"{ends.input.name}.read()"
    group = [
        "o = 0;",
        f"apart = {at(apart.tolist(), 'i', 'apart')};",
        "i++;",
        f"fresh = apart != 0 && i < {len(actor.rows)};",
        "if (fresh) {",
        "    x = -1;",
        f"    skip = apart * {actor.width} - {actor.columns[-1] + 1};",
        f"}} else if (i == {len(actor.rows)}) {{",
        f"    skip = {_rest(actor)};",
        "}",
    ]
    give = [
        f"{ends.beat} taken;",
        f"netloom::part(taken, {source}, {number});",
        *ends.give("taken"),
        f"if (o == {len(actor.columns) - 1}) {{",
        *indented(group),
        "} else {",
        "    o++;",
        "}",
    ]
    inside = [
        f"const int wanted = {at(actor.columns, 'o', 'columns')};",
        "if (skip != 0) {",
        f"    {read};",
        "    skip--;",
        "} else {",
        "    if (fresh && x != wanted) {",
        "        x++;",
        f"        pixel = {read};",
        *(["        line[x] = pixel;"] if repeats else []),
        "    }",
        "    if (!fresh || x == wanted) {",
        *indented(give, 2),
        "    }",
        "}",
    ]
    return Body(
        (
            *(_line(ends, actor.width) if repeats else []),
            f"static {ends.input.beat} pixel;",
            f"int i = 0, o = 0, x = -1, skip = {actor.rows[0] * actor.width}, apart = 0;",
            "bool fresh = true;",
            *ends.beats(f"k = 0; k < {resample_steps(actor)}; k++", inside),
        ),
        tuple(tables),
    )


def _line(ends: Ends, width: int) -> Lines:
    """The memory of one row."""
    return [
        *ends.vendor.pragma(pragmas.LINE_PACK, "before", name="line"),
        f"static {ends.input.beat} line[{width}];",
        *ends.vendor.pragma(pragmas.LINE_PACK, "inside", name="line"),
    ]


def _constant(op: StreamConstantOp, ends: Ends) -> Body:
    name, count = f"{ends.name}_entry", op.stream.elements
    table = mantissas(name, op.value.ints(), f"mantissas, {op.result_format}, {count} for each beat")
    words = {"name": name, "words": op.period, "lanes": count}
    again = op.period != op.stream.beats
    item = f"taken.set(i, number<{ends.beat}::element>({name}[{'word' if again else 'n'} * {count} + i]));"
    inside = [
        f"{ends.beat} taken;",
        *loop(ends.vendor, "i", count, [item]),
        *ends.give("taken"),
        *([f"word = word == {op.period - 1} ? 0 : word + 1;"] if again else []),
    ]
    return Body(
        (
            *ends.vendor.pragma(pragmas.READ_ONLY_MEMORY, "inside", **words),
            *(["int word = 0;"] if again else []),
            *ends.beats(counted(op.stream.beats), inside),
        ),
        (table,),
    )


_WRITERS: Mapping[type[FlowOp], Callable[[Any, Ends], Body]] = {
    StreamWindowOp: _window,
    StreamReduceOp: _reduce,
    RepackOp: _repack,
    ResampleOp: _resample,
    StreamConstantOp: _constant,
}
