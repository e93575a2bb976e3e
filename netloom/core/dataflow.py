"""Actors of a streaming design and the rules by which each consumes and produces beats.

A stream carries frames; a frame is a fixed number of beats; a beat is what moves in one clock cycle. Actors
stand between FIFOs: every way from an actor to an actor, and from and to the edge of the chip, is one FIFO.
What an actor does in a cycle therefore depends only on its own registers and on how full its FIFOs were when
the cycle began. The hand-written VHDL (`backends/vhdl/lib`) and the simulator (`sim/dataflow`) both take
their numbers from these classes and follow the rules in their docstrings, cycle by cycle.

In the rules, `avail` says that every input FIFO holds a beat, `space` that every output FIFO has room.
`fire` takes a beat from each input FIFO, `push` puts one into each output FIFO; both happen at the clock
edge that ends the cycle. x' is the value of register x after that edge; registers are 0 at reset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stage:
    """Logic with one beat in and one beat out, pipelined.

    Attributes:
        latency: registers from input to output; 0 is wires.
        interval: fewest cycles between two beats.

    Rules for latency L > 0, with registers v[1..L] and busy::

        push = v[L] and space
        ce   = not v[L] or space
        fire = ce and avail and busy == 0
        if ce: v'[1] = fire; v'[k + 1] = v[k]; busy' = interval - 1 if fire else max(busy - 1, 0)

    For L = 0: fire = push = avail and space.
    """

    latency: int
    interval: int = 1


@dataclass(frozen=True)
class WeightPort:
    """Weights that a stage reads from a memory outside through an AXI4 port, the same words over and over.

    A word is what the stage needs in one cycle. It is `parts` beats of the port, the first least
    significant. The words stand in the memory one after the other, in the order in which they are needed.

    Attributes:
        words: of the layer; every beat of the stream needs each of them once, in order.
        word_bits: of a word.
        memory_latency: cycles from the one in which the memory takes a request to that of its first beat.
        burst: beats of a request; the last one before the words begin again may have fewer. A power of two
            that is at most 4 KiB, so that no request crosses a border of 4 KiB.
        depth: beats that may be asked for and not used yet; the buffer has room for all of them.
    """

    words: int
    word_bits: int
    memory_latency: int
    burst: int = 16
    depth: int = 64

    @property
    def data_bits(self) -> int:
        """Bits of a beat: the power of two that holds a word, within what AXI4 interconnects offer."""
        return min(max(1 << (self.word_bits - 1).bit_length(), 32), 512)

    @property
    def parts(self) -> int:
        """Beats of a word."""
        return -(-self.word_bits // self.data_bits)

    @property
    def beats(self) -> int:
        """Beats of all words."""
        return self.words * self.parts

    @property
    def traffic_bits(self) -> int:
        """Bits that go through the port for a beat of the stream."""
        return self.beats * self.data_bits

    @property
    def buffer_bits(self) -> int:
        """Bits of the buffer."""
        return self.depth * min(self.data_bits, self.word_bits)


@dataclass(frozen=True)
class WeightedStage(Stage):
    """A stage that reads its weights from outside while beats are under way.

    Attributes:
        first: registers that a beat has passed when it needs its first word; it needs one in each of the
            next `port.words` cycles in which the stage moves.
        port: where the words come from.

    Rules of the reader, with registers a (a request stands at the memory), place (beat of the weights where
    the next request begins), asked (beats requested that have not come), held (beats in the buffer). `open`
    says that the outside is ready. With length = min(burst, beats - place)::

        taken = a and open
        go    = (not a or taken) and asked + held + length <= depth
        a'    = go or (a and not taken)
        if go: place' = (place + length) mod beats
        come  = open and the oldest of the beats asked for was in a request taken `memory_latency` or more
                cycles ago; one beat a cycle
        asked' = asked + (length if go) - come; held' = held + come - used

    Where a word is one beat, word = held > 0 and used = take. Where it is more, they are gathered as in
    `Collect`, with registers n and w::

        word = w; used = held > 0 and (not w or take)
        w' = (used and n == parts - 1) or (w and not take); if used: n' = (n + 1) mod parts

    Rules of the stage, with v and busy as in `Stage`::

        need  = v[first] or ... or v[first + words - 1]
        ready = word or not need
        ce    = ready and (not v[L] or space)
        take  = ce and need
        push  = ce and v[L]
        fire  = ce and avail and busy == 0
        if ce: v'[1] = fire; v'[k + 1] = v[k]; busy' = interval - 1 if fire else max(busy - 1, 0)
    """

    first: int = field(kw_only=True)
    port: WeightPort = field(kw_only=True)


@dataclass(frozen=True)
class Window:
    """Sliding windows over an image, from a ring of `banks` rows: one beat in is one pixel, or a slice of it.

    The frame is height x width pixels; an output beat (one for each of out_height x out_width positions, in
    raster order) is the window's kernel_height x kernel_width pixels. Pixels outside the image are the fill.
    Where a pixel comes as several slices, one after another, each with a part of the channels, a position
    has as many windows, each of like slices.

    Attributes:
        height, width: of the input, in pixels.
        out_height, out_width: of the output, in windows.
        kernel: rows and columns of a window.
        strides, dilations: vertical and horizontal.
        padding: rows above and columns left of the image; those below and right follow from the output.
        slices: beats of a pixel.

    A row has row_beats = width * slices beats; column x is beat x of it. The writer puts beat (R, x) into
    bank R mod banks; R counts rows over all frames. The reader goes through the groups g = 0, 1, ... (group g
    belongs to output row i = g mod out_height of frame g div out_height), and in each through the columns
    j = 0 .. steps - 1, where columns j >= row_beats hold no pixel; the last group of a frame has `tail` more
    of them. With base, need and advance below, ahead = R - B(g) where B(g) is the absolute row of group g's
    base, x the writer's column, and registers a (a column left the memory) and v (a window is complete)::

        fire = avail and (ahead < banks or (ahead < banks + advance(i) and j > x))
        push = v and space
        ce   = not v or space
        step = ce and (j >= row_beats or ahead > need(i) or (ahead == need(i) and x > j))
        if ce: a' = step; v' = a and the column that left completes a window

    Everything in a rule is the state at the beginning of the cycle. The k-th column of a frame (k counts
    steps from 0) completes window w of row i when k = i * steps + place(w) + first.
    """

    height: int
    width: int
    out_height: int
    out_width: int
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    slices: int = 1

    @property
    def row_beats(self) -> int:
        """Beats of a row of the image."""
        return self.width * self.slices

    @property
    def windows(self) -> int:
        """Beats of a row of the output."""
        return self.out_width * self.slices

    def place(self, window: int) -> int:
        """Columns from the end of a row's first window to that of another."""
        position, part = divmod(window, self.slices)
        return position * self.strides[1] * self.slices + part

    @property
    def rows(self) -> int:
        """Rows from a window's first to its last."""
        return (self.kernel[0] - 1) * self.dilations[0] + 1

    @property
    def banks(self) -> int:
        """Rows of the ring: a window's, and one more where the writer cannot follow the reader in a row."""
        return self.rows + (self.row_beats == 1)

    @property
    def span(self) -> int:
        """Columns from a window's first to its last."""
        return (self.kernel[1] - 1) * self.dilations[1] * self.slices + 1

    @property
    def first(self) -> int:
        """Column that completes the first window of a row."""
        return self.span - 1 - self.padding[1] * self.slices

    @property
    def steps(self) -> int:
        """Columns of a group: the image's, or more where windows end closer together."""
        return max(self.row_beats, self.place(self.windows - 1) + 1)

    @property
    def tail(self) -> int:
        """Columns after a frame's last group, until its last window is complete."""
        return max(0, self.place(self.windows - 1) + self.first - (self.steps - 1))

    def base(self, row: int) -> int:
        """First image row that group `row` reads; 0 <= base <= height, and never decreasing."""
        return min(max(row * self.strides[0] - self.padding[0], 0), self.height)

    def need(self, row: int) -> int:
        """Last image row that group `row` reads, counted from its base; negative when there is none."""
        top = row * self.strides[0] - self.padding[0]
        return min(top + self.rows - 1, self.height - 1) - self.base(row)

    def advance(self, row: int) -> int:
        """Rows from the base of group `row` to that of the next group, maybe of the next frame."""
        if row + 1 < self.out_height:
            return self.base(row + 1) - self.base(row)
        return self.height - self.base(row) + self.base(0)

    @property
    def supported(self) -> bool:
        """Whether the entity can do it: no window ends left of the image."""
        return self.first >= 0


@dataclass(frozen=True)
class Reduce:
    """The sum, largest or smallest of every `beats` beats.

    Rules, with registers n (beats taken) and v::

        push = v and space
        fire = avail and (n < beats - 1 or not v or space)
        v'   = (fire and n == beats - 1) or (v and not push)
        if fire: n' = (n + 1) mod beats
    """

    beats: int


@dataclass(frozen=True)
class Collect:
    """Every `beats` beats side by side in one; the first is least significant.

    Rules, with registers n and v::

        push = v and space
        fire = avail and (not v or space)
        v'   = (fire and n == beats - 1) or (v and not push)
        if fire: n' = (n + 1) mod beats
    """

    beats: int


@dataclass(frozen=True)
class Spread:
    """Each beat cut into `beats` beats; the least significant part leaves first.

    Rules, with registers n and v::

        push = v and space
        fire = avail and (not v or (push and n == beats - 1))
        v'   = fire or (v and not (push and n == beats - 1))
        if push: n' = (n + 1) mod beats
    """

    beats: int


@dataclass(frozen=True)
class Resample:
    """Pixels of an image picked again: beat (i, o) of the output is pixel (rows[i], columns[o]), or its part.

    Upsampling, cropping, strided picking, repetition of one beat, and depth-to-space.

    Attributes:
        height, width: of the input, in pixels.
        rows, columns: for each output row and column the input's; neither ever decreases.
        parts: into how many equal parts a beat is cut; the output is one of them.
        row_parts, column_parts: output (i, o) is part row_parts[i] + column_parts[o] (empty: part 0).

    The memory holds one row. Writer and reader as in `Window`, with banks = 1, groups of len(columns) steps
    o = 0, 1, ..., base(i) = rows[i], and a register v (a pixel left the memory)::

        fire = avail and (ahead < 1 or (ahead < 1 + advance(i) and columns[o] > x))
        push = v and space
        ce   = not v or space
        step = ce and (ahead > 0 or (ahead == 0 and x > columns[o]))
        if ce: v' = step

    """

    height: int
    width: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    parts: int = 1
    row_parts: tuple[int, ...] = ()
    column_parts: tuple[int, ...] = ()

    def advance(self, row: int) -> int:
        """Rows from the one that output row `row` picks to that of the next, maybe of the next frame."""
        if row + 1 < len(self.rows):
            return self.rows[row + 1] - self.rows[row]
        return self.height - self.rows[row] + self.rows[0]


@dataclass(frozen=True)
class Constant:
    """The same beats over and over, from a memory of `words` beats: `beats` in a frame.

    Rules, with register n: push = space; if push: n' = (n + 1) mod words.
    """

    beats: int
    repeats: int = 1

    @property
    def words(self) -> int:
        """Beats in the memory."""
        return self.beats // self.repeats


@dataclass(frozen=True)
class Source:
    """An input of the chip: `beats` beats a frame. Offers a beat in every cycle in which the outside does."""

    beats: int


@dataclass(frozen=True)
class Sink:
    """An output of the chip: `beats` beats a frame. Takes a beat in every cycle in which the outside does."""

    beats: int


Actor = Stage | Window | Reduce | Collect | Spread | Resample | Constant | Source | Sink


@dataclass(frozen=True)
class Node:
    """An actor of a network.

    Attributes:
        name: unique.
        actor: what it does.
        origins: names of the model's layers that it computes.
    """

    name: str
    actor: Actor
    origins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fifo:
    """A FIFO from an actor's output to an actor's input.

    Rules, with register count: it takes a beat when count < depth and gives one when count > 0; a beat that
    goes in can come out in the next cycle at the earliest. All FIFOs of a node take their beats at once.

    Attributes:
        name: unique.
        source, target: indices of the nodes.
        depth: beats that it holds, at least 1.
        bits: of a beat.
        beats: in a frame.
    """

    name: str
    source: int
    target: int
    depth: int
    bits: int
    beats: int


@dataclass(frozen=True)
class Network:
    """Actors and FIFOs. All output FIFOs of a node carry the same number of beats."""

    nodes: tuple[Node, ...]
    fifos: tuple[Fifo, ...] = field(default=())

    def inputs(self, node: int) -> Sequence[Fifo]:
        """FIFOs that end at a node, in order."""
        return [fifo for fifo in self.fifos if fifo.target == node]

    def outputs(self, node: int) -> Sequence[Fifo]:
        """FIFOs that begin at a node, in order."""
        return [fifo for fifo in self.fifos if fifo.source == node]

    @property
    def bits(self) -> int:
        """Bits that all FIFOs hold."""
        return sum(fifo.depth * fifo.bits for fifo in self.fifos)
