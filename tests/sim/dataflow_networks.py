"""Networks of actors for tests: random ones, and a few by hand."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from netloom.core.dataflow import (
    Actor,
    Collect,
    Constant,
    Fifo,
    Network,
    Node,
    Reduce,
    Resample,
    Sink,
    Source,
    Spread,
    Stage,
    Window,
)

Shape = tuple[int, int]


class Builder:
    """Collects nodes and FIFOs; a stream is (node, shape of its frames in beats)."""

    def __init__(self, depth: int = 2) -> None:
        self.nodes: list[Node] = []
        self.fifos: list[Fifo] = []
        self.depth = depth

    def add(
        self, actor: Actor, shape: Shape, *streams: tuple[int, Shape], name: str = "", depth: int = 0
    ) -> tuple[int, Shape]:
        """Adds an actor behind some streams, all through FIFOs of one depth; returns its output."""
        index = len(self.nodes)
        self.nodes.append(Node(name or f"{type(actor).__name__.lower()}{index}", actor))
        for source, (height, width) in streams:
            label = f"{self.nodes[source].name}_{self.nodes[index].name}"
            self.fifos.append(Fifo(label, source, index, depth or self.depth, 8, height * width))
        return index, shape

    @property
    def network(self) -> Network:
        return Network(tuple(self.nodes), tuple(self.fifos))


def windowed(shape: Shape, kernel: Shape, strides: Shape = (1, 1), dilations: Shape = (1, 1)) -> Window:
    """A window with as much padding as keeps the shape at stride 1."""
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    out = [-(-n // s) for n, s in zip(shape, strides, strict=True)]
    top, left = ((span - 1) // 2 for span in spans)
    return Window(*shape, out[0], out[1], kernel, strides, dilations, (top, left))


def skip(depth: int, size: int = 8, short: int = 2, latency: int = 3) -> Network:
    """A convolution beside a skip connection of the given depth; all other FIFOs hold `short` beats."""
    shape, build = (size, size), Builder(short)
    source = build.add(Source(size * size), shape, name="in")
    split = build.add(Stage(1), shape, source, name="split")
    window = build.add(windowed(shape, (3, 3)), shape, split, name="window")
    conv = build.add(Stage(latency), shape, window, name="conv")
    add = build.add(Stage(1), shape, conv, name="add")
    build.fifos.append(Fifo("skip", split[0], add[0], depth, 8, size * size))
    build.add(Sink(size * size), shape, add, name="out")
    return build.network


def residual(blocks: int, size: int, interval: int = 1) -> Network:
    """Like ResNet-8: a stem, blocks of two convolutions and a skip connection, pooling and a dense layer."""
    shape, build = (size, size), Builder(2)

    def conv(stream: tuple[int, Shape], kernel: int, stride: int, name: str) -> tuple[int, Shape]:
        window = windowed(stream[1], (kernel, kernel), (stride, stride))
        out = (window.out_height, window.out_width)
        pixels = build.add(window, out, stream, name=f"{name}_window")
        return build.add(Stage(5, interval), out, pixels, name=name)

    stream = build.add(Source(size * size), shape, name="in")
    stream = conv(stream, 3, 1, "stem")
    for b in range(blocks):
        stride = 1 if b == 0 else 2
        fork = build.add(Stage(1), stream[1], stream, name=f"relu{b}")
        main = conv(conv(fork, 3, stride, f"conv{b}a"), 3, 1, f"conv{b}b")
        side = fork if stride == 1 else conv(fork, 1, stride, f"side{b}")
        stream = build.add(Stage(1), main[1], main, side, name=f"add{b}")
    beats = stream[1][0] * stream[1][1]
    pooled = build.add(Reduce(beats), (1, 1), stream, name="pool")
    dense = build.add(Stage(6), (1, 1), pooled, name="dense")
    build.add(Sink(1), (1, 1), dense, name="out")
    return build.network


def _window(draw: Any, shape: Shape) -> Window:
    numbers: list[list[int]] = []
    for n in shape:
        kernel, stride, dilation = (draw(st.integers(1, high)) for high in (4, 3, 2))
        span = (kernel - 1) * dilation + 1
        before = draw(st.integers(0, span - 1))
        after = draw(st.integers(max(0, span - n - before), max(span, span - n - before)))
        numbers.append([(n + before + after - span) // stride + 1, kernel, stride, dilation, before])
    (height, *rest_y), (width, *rest_x) = numbers
    kernel, strides, dilations, padding = zip(rest_y, rest_x, strict=True)
    return Window(*shape, height, width, kernel, strides, dilations, padding)


def _picks(draw: Any, n: int) -> tuple[int, ...]:
    return tuple(sorted(draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=6))))


def _extended(draw: Any, build: Builder, stream: tuple[int, Shape]) -> tuple[int, Shape]:
    """One random actor behind a stream."""
    shape = stream[1]
    beats = shape[0] * shape[1]
    divisor = draw(st.sampled_from([d for d in range(1, beats + 1) if beats % d == 0]))
    actor: Actor
    kinds = ["stage", "window", "window", "reduce", "collect", "spread", "resample", "constant"]
    match draw(st.sampled_from(kinds)):
        case "stage":
            return build.add(Stage(draw(st.integers(0, 12)), draw(st.integers(1, 9))), shape, stream)
        case "window":
            actor = _window(draw, shape)
            return build.add(actor, (actor.out_height, actor.out_width), stream)
        case "reduce":
            return build.add(Reduce(divisor), (1, beats // divisor), stream)
        case "collect":
            return build.add(Collect(divisor), (1, beats // divisor), stream)
        case "spread":
            times = draw(st.integers(1, 4)) if beats < 40 else 1
            return build.add(Spread(times), (1, beats * times), stream)
        case "resample":
            rows, columns = _picks(draw, shape[0]), _picks(draw, shape[1])
            return build.add(Resample(*shape, rows, columns), (len(rows), len(columns)), stream)
        case _:
            constant = build.add(Constant(beats), shape)
            return build.add(Stage(draw(st.integers(0, 3))), shape, stream, constant)


@st.composite
def networks(draw: Any, actors: int = 6, joins: bool = True) -> Network:
    """Chains with one or two sources and sinks, maybe with skip connections, of FIFOs of random depths."""
    build = Builder()
    shape = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    beats = shape[0] * shape[1]
    stream = build.add(Source(beats), shape)
    if joins and draw(st.booleans()):
        stream = build.add(Stage(draw(st.integers(0, 3))), shape, stream, build.add(Source(beats), shape))
    streams = [stream]
    for _ in range(draw(st.integers(0, actors))):
        fork = stream
        stream = _extended(draw, build, stream)
        same = [old for old in (*streams, fork) if old[1] == stream[1]]
        if joins and same and draw(st.booleans()):
            other = draw(st.sampled_from(same))
            if draw(st.booleans()):
                other = build.add(Stage(draw(st.integers(0, 12)), draw(st.integers(1, 4))), stream[1], other)
            stream = build.add(Stage(draw(st.integers(0, 4))), stream[1], stream, other)
        streams.append(stream)
    build.add(Sink(stream[1][0] * stream[1][1]), stream[1], stream)
    if joins and draw(st.booleans()):
        other = draw(st.sampled_from(streams))
        build.add(Sink(other[1][0] * other[1][1]), other[1], other)
    depths = st.one_of(st.just(1), st.integers(1, 4), st.integers(1, 40))
    fifos = [Fifo(f"f{k}", f.source, f.target, draw(depths), 8, f.beats) for k, f in enumerate(build.fifos)]
    return Network(tuple(build.nodes), tuple(fifos))
