"""From a module of streams to the C++ program: names, types, functions, FIFOs."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.backends.hls.design import fresh_name
from netloom.backends.hls.names import RESERVED, USED
from netloom.backends.hls.program import Call, TypeDefinition
from netloom.backends.hls.stream.actors import Ends, body_of, counted
from netloom.backends.hls.stream.program import Body, Channel, Edge, Process, StreamProgram
from netloom.backends.hls.stream.stages import stage_body, stage_program
from netloom.backends.hls.vendor import Streams, Vendor
from netloom.backends.names import Names, words
from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import StreamType
from netloom.ir.flow import FifoOp, FlowOp, SinkOp, SourceOp, StageOp, stream_of
from netloom.ir.program import main, model_name
from netloom.passes.analysis.hardware import PortInfo, hardware
from netloom.passes.analysis.network import actors, fifos, network

LOCAL = words("netloom ihc n taken value word wrong is_first is_last beat_of values_of")
"""Names that functions which reach ports or layers use for themselves, and those of netloom_stream.h."""


def stream_program(module: ModuleOp, vendor: Vendor, streams: Streams) -> StreamProgram:
    """The C++ program of a streaming module.

    Raises:
        CompileError: NL308 when FIFOs are missing, or an op has no C++.
    """
    network(module)
    return _StreamBuilder(module, vendor, streams).build()


class _StreamBuilder:
    def __init__(self, module: ModuleOp, vendor: Vendor, streams: Streams) -> None:
        self.vendor, self.streams = vendor, streams
        self.ops, self.fifos = actors(module), fifos(module)
        self.infos = hardware(module).ports
        self.names = Names(reserved=RESERVED | USED | LOCAL)
        self.program = StreamProgram(self._name(model_name(main(module))), 1)
        self.beats: dict[SSAValue, str] = {}
        self.channels: dict[FifoOp, Channel] = {}
        self.edges: dict[FlowOp, Edge] = {}

    def _name(self, text: str) -> str:
        return fresh_name(self.names, text)

    def build(self) -> StreamProgram:
        """Ports; beats and FIFOs; then a function for each actor."""
        for kind, direction in ((SourceOp, "in"), (SinkOp, "out")):
            infos = iter(info for info in self.infos if info.direction == direction)
            for op in self.ops:
                if isinstance(op, kind):
                    self._edge(op, next(infos))
        for op in self.ops:
            self._actor(op)
        return self.program

    def _edge(self, op: SourceOp | SinkOp, info: PortInfo) -> None:
        stream = stream_of(op.result if isinstance(op, SourceOp) else op.input)
        name = self._name(info.name)
        beat = self._beat(name, stream)
        width = max(stream.tensor.element_type.format.width, 1) * stream.elements
        text = self.streams.port_in if info.direction == "in" else self.streams.port_out
        edge = Edge(
            name,
            beat,
            info.elements,
            _size(stream),
            info.direction,
            stream.beats,
            stream.elements,
            text.format(name=name, beat=beat),
        )
        if self.streams.word:
            bits = -(-width // 8) * 8
            self.program.widest = max(self.program.widest, bits)
            word = TypeDefinition(f"{name}_word", self.streams.word.format(bits=bits), f"words of {name}")
            self.program.types.append(word)
        self.edges[op] = edge
        self.program.ports.append((info, edge))

    def _beat(self, name: str, stream: StreamType) -> str:
        """A name for the type of a stream's beats."""
        found = f"{name}_beat"
        element = self.vendor.number(stream.tensor.element_type.format)
        kind = f"netloom::beat<{element}, {stream.elements}>"
        self.program.types.append(TypeDefinition(found, kind, _size(stream)))
        return found

    def _outputs(self, op: FlowOp, beat: str) -> tuple[Channel, ...]:
        """The FIFOs behind an actor."""
        if isinstance(op, SinkOp):
            return ()
        readers = {use.operation for use in op.results[0].uses}
        made = []
        for fifo in self.fifos:
            if fifo in readers:
                label, depth = fifo.label.data, fifo.depth.value.data
                name = self._name(f"f_{label}")
                values = {"name": name, "beat": beat, "depth": depth}
                texts = (self.streams.channel, self.streams.parameter)
                channel = Channel(name, label, beat, depth, *(text.format(**values) for text in texts))
                self.channels[fifo] = channel
                made.append(channel)
        self.program.channels += made
        return tuple(made)

    def _actor(self, op: FlowOp) -> None:
        """The function of an actor, and the FIFOs behind it."""
        if isinstance(op, StageOp):
            self._stage(op)
            return
        kind = op.name.removeprefix("flow.")
        edge = self.edges.get(op)
        base = f"{edge.name}_{kind}" if edge else f"{op.origin_name}_{kind}"
        name = self._name(base)
        ends = self._ends(op, name, edge.type if edge else "")
        if edge is None:
            self._process(op, ends, body_of(op, ends))
        else:
            self._process(op, ends, self._edge_body(edge, ends), edge)

    def _ends(self, op: FlowOp, name: str, beat: str = "") -> Ends:
        made = beat or self._beat(name, stream_of(op.results[0]))
        return Ends(self.vendor, name, self._inputs(op), self._outputs(op, made), made)

    def _inputs(self, op: FlowOp) -> tuple[Channel, ...]:
        return tuple(
            self.channels[operand.owner] for operand in op.operands if isinstance(operand.owner, FifoOp)
        )

    def _stage(self, op: StageOp) -> None:
        layers = stage_program(op, self.vendor, self.names)
        self.program.interval = max(self.program.interval, layers.interval)
        self.program.types += layers.types
        self.program.constants += layers.constants
        self.program.calls += layers.calls
        self.program.locals += layers.arrays
        ends = self._ends(op, layers.top)
        body = stage_body(op, layers, ends)
        made = Body(body.lines, tuple(layers.constants))
        self._process(op, ends, made, None, layers.calls)

    def _edge_body(self, edge: Edge, ends: Ends) -> Body:
        """Beats from a port to FIFOs, or from a FIFO to a port."""
        if edge.direction == "in":
            taken = self.streams.take.format(name=edge.name, beat=edge.type)
            inside = [f"const {edge.type} taken = {taken};", *ends.give("taken")]
        else:
            places = {"first": "n == 0", "last": f"n == {edge.beats - 1}"}
            give = self.streams.give.format(name=edge.name, beat=edge.type, value="taken", **places)
            inside = [f"const {edge.type} taken = {ends.input.name}.read();", give]
        return Body(tuple(ends.beats(counted(edge.beats), inside)))

    def _process(
        self, op: FlowOp, ends: Ends, body: Body, edge: Edge | None = None, calls: Sequence[Call] = ()
    ) -> None:
        reached: list[Channel | Edge] = [*ends.inputs, *ends.outputs]
        if edge is not None:
            reached = [edge, *reached] if edge.direction == "in" else [*reached, edge]
        named = self.streams.design == "tasks"
        self.program.processes.append(
            Process(
                ends.name,
                tuple(_comment(op)),
                () if named else tuple(each.parameter for each in reached),
                () if named else tuple(each.name for each in reached),
                body.lines,
                body.tables,
                tuple(calls),
            )
        )


def _size(stream: StreamType) -> str:
    beats = "1 beat" if stream.beats == 1 else f"{stream.beats} beats"
    return f"{beats} a frame, each {stream.elements} of {stream.tensor.element_type.format}"


def _comment(op: FlowOp) -> list[str]:
    """What an actor is, and its streams."""
    origins = ", ".join(op.origins) if isinstance(op, StageOp) else op.origin_name
    what = " ".join(f"{op.name} of {origins}".split())
    sides = (("Takes", op.operands), ("Gives", op.results))
    return [
        f"Actor {what}.",
        *(
            f"{verb} {_size(value.type)}."
            for verb, values in sides
            for value in values
            if isinstance(value.type, StreamType)
        ),
    ]


def checked(vendor: Vendor) -> Streams:
    """The vendor's streams.

    Raises:
        CompileError: NL308 when the vendor has none.
    """
    if vendor.streams is None:
        raise CompileError("NL308", f"{vendor.title} has no streams", hint="use io='parallel'")
    return vendor.streams
