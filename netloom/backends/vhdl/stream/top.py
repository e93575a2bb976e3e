"""The top entity of a streaming design: AXI4-Stream at its edges, actors and FIFOs inside.

Every actor a has the signals a_in_valid (all its input FIFOs hold a beat), a_take (it takes one from each),
a_out_valid and a_space (all its output FIFOs have room). A FIFO f has f_valid and f_ready on the side of
its reader, and f_room on that of its writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.ir import SSAValue

from netloom.backends.vhdl.names import Names
from netloom.backends.vhdl.stream.actors import instance_of
from netloom.backends.vhdl.stream.weights import READER, MemoryPort
from netloom.backends.vhdl.text import vector
from netloom.ir.flow import FifoOp, FlowOp, SinkOp, SourceOp, StageOp, StreamConstantOp, stream_of
from netloom.passes.analysis.network import beat_bits
from netloom.passes.analysis.tree_memory import in_memories

TREE_PORTS = ("tree_write", "tree_address", "tree_data")
"""Ports of the top entity through which memories of trees are written. Inside they are signals <port>_now,
which change after the clock of this design, which is behind aclk."""


@dataclass(frozen=True)
class StreamPort:
    """A tensor port as an AXI4-Stream.

    Attributes:
        signal: what its signals begin with.
        bits: of a beat.
        beats: in a frame.
    """

    op: SourceOp | SinkOp
    signal: str
    bits: int
    beats: int

    @property
    def data_bits(self) -> int:
        """Bits of tdata: whole bytes."""
        return -(-self.bits // 8) * 8

    @property
    def name(self) -> str:
        """Name in the model."""
        return self.op.origin_name

    @property
    def direction(self) -> str:
        """`in` or `out`."""
        return "in" if isinstance(self.op, SourceOp) else "out"


@dataclass
class StreamTop:
    """Declarations and statements of the architecture; label, name in VHDL and depth of each FIFO."""

    declarations: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    fifos: list[tuple[str, str, int]] = field(default_factory=list)


class StreamTopWriter:
    """Writes the architecture of a streaming program."""

    def __init__(
        self,
        ops: Sequence[FlowOp],
        fifos: Sequence[FifoOp],
        ports: Sequence[StreamPort],
        stages: Mapping[FlowOp, str],
        names: Names,
        memories: Sequence[MemoryPort] = (),
    ) -> None:
        self.ops, self.fifos, self.stages = ops, fifos, stages
        self.memories = {memory.stage: memory for memory in memories}
        self.ports = {port.op: port for port in ports}
        self.names = names
        self.of: dict[FlowOp, str] = {}
        self.top = StreamTop()

    def write(self) -> StreamTop:
        """FIFOs and actors in the order of the program."""
        for fifo in self.fifos:
            self.of[fifo] = self.names.fresh(f"f_{fifo.label.data}")
        for op in self.ops:
            base = op.label.data if isinstance(op, StageOp) else f"{op.origin_name}_{op.name[5:]}"
            self.of[op] = self.names.fresh(base)
        for op in self.ops:
            self.top.statements += [f"-- {_what(op)}", *self._actor(op), ""]
        if self.memories:
            failed = " or ".join(f"{self.of[op]}_failed" for op in self.memories)
            self.top.statements += [f"weights_failed <= {failed};", ""]
        return self.top

    def _actor(self, op: FlowOp) -> Iterator[str]:
        yield from self._inputs(op)
        yield from self._output(op)
        if isinstance(op, SourceOp):
            yield from self._source(op)
        elif isinstance(op, SinkOp):
            yield from self._sink(op)
        elif isinstance(op, StageOp):
            yield from self._stage(op)
        else:
            yield from self._entity(op)

    def _signal(self, name: str, bits: int = 0) -> None:
        self.top.declarations.append(f"signal {name} : {vector(bits) if bits else 'std_logic'};")

    def _inputs(self, op: FlowOp) -> Iterator[str]:
        """What comes from the FIFOs in front of an actor."""
        if isinstance(op, SourceOp | StreamConstantOp):
            return
        name = self.of[op]
        self._signal(f"{name}_in_valid")
        self._signal(f"{name}_take")
        fifos = [self.of[operand.owner] for operand in op.operands if isinstance(operand.owner, FifoOp)]
        yield f"{name}_in_valid <= {' and '.join(f'{fifo}_valid' for fifo in fifos)};"
        for fifo in fifos:
            yield f"{fifo}_ready <= {name}_take;"

    def _output(self, op: FlowOp) -> Iterator[str]:
        """The FIFOs behind an actor: all take a beat, or none."""
        if isinstance(op, SinkOp):
            return
        name, result = self.of[op], op.results[0]
        fifos = [use.operation for use in result.uses if isinstance(use.operation, FifoOp)]
        fifos.sort(key=self.fifos.index)
        self._signal(f"{name}_out_valid")
        self._signal(f"{name}_space")
        self._signal(f"{name}_push")
        self._signal(f"{name}_data", beat_bits(result))
        yield f"{name}_space <= {' and '.join(f'{self.of[fifo]}_room' for fifo in fifos)};"
        yield f"{name}_push <= {name}_out_valid and {name}_space;"
        for fifo in fifos:
            yield from self._fifo(fifo, name)

    def _fifo(self, op: FifoOp, source: str) -> Iterator[str]:
        fifo, bits, depth = self.of[op], beat_bits(op.result), op.depth.value.data
        for signal in ("room", "valid", "ready"):
            self._signal(f"{fifo}_{signal}")
        self._signal(f"{fifo}_data", bits)
        self.top.fifos.append((op.label.data, fifo, depth))
        ports = {
            **_CLOCK,
            "in_valid": f"{source}_push",
            "in_ready": f"{fifo}_room",
            "in_data": f"{source}_data",
            "out_valid": f"{fifo}_valid",
            "out_ready": f"{fifo}_ready",
            "out_data": f"{fifo}_data",
        }
        generics = {"WIDTH": str(bits), "DEPTH": str(depth), "NAME": f'"{fifo}"'}
        yield from instance(f"u_{fifo}", "netloom_fifo", generics, ports)

    def _source(self, op: SourceOp) -> Iterator[str]:
        name, port = self.of[op], self.ports[op]
        yield f"{name}_out_valid <= s_axis_{port.signal}_tvalid;"
        yield f"s_axis_{port.signal}_tready <= {name}_space;"
        yield f"{name}_data <= s_axis_{port.signal}_tdata({port.bits - 1} downto 0);"

    def _sink(self, op: SinkOp) -> Iterator[str]:
        """The outside takes beats; the last of a frame is marked."""
        name, port = self.of[op], self.ports[op]
        fifo = self._reads(op.input)
        axis = f"m_axis_{port.signal}"
        padding = port.data_bits - port.bits
        data = f'"{"0" * padding}" & {fifo}_data' if padding else f"{fifo}_data"
        yield f"{name}_take <= {axis}_tready and {name}_in_valid;"
        yield f"{axis}_tvalid <= {name}_in_valid;"
        yield f"{axis}_tdata <= {data};"
        if port.beats == 1:
            yield f"{axis}_tlast <= '1';"
            return
        last = port.beats - 1
        self.top.declarations.append(f"signal {name}_beat : natural range 0 to {last};")
        yield f"{axis}_tlast <= '1' when {name}_beat = {last} else '0';"
        yield from (
            f"count_{name} : process (clk)",
            "begin",
            "  if rising_edge(clk) then",
            "    if rst = '1' then",
            f"      {name}_beat <= 0;",
            f"    elsif {name}_take = '1' then",
            f"      {name}_beat <= 0 when {name}_beat = {last} else {name}_beat + 1;",
            "    end if;",
            "  end if;",
            f"end process count_{name};",
        )

    def _stage(self, op: StageOp) -> Iterator[str]:
        """A pipeline that moves when its last register is empty, or is emptied."""
        name, interval = self.of[op], op.actor().interval
        self._signal(f"{name}_ce")
        ports = {"clk": "clk", "rst": "rst", "ce": f"{name}_ce", "in_valid": f"{name}_in_valid"}
        out_valid = f"{name}_out_valid"
        if op in self.memories:
            yield from self._reader(name, self.memories[op])
            ports |= {"word": f"{name}_word", "reading": f"{name}_reading"}
            out_valid = f"{name}_complete"
        else:
            yield f"{name}_ce <= not {name}_out_valid or {name}_space;"
        if in_memories(list(op.ops)):
            ports |= {name: f"{name}_now" for name in TREE_PORTS}
        ready = ""
        if interval > 1:
            self._signal(f"{name}_in_ready")
            ports["in_ready"] = f"{name}_in_ready"
            ready = f" and {name}_in_ready"
        yield f"{name}_take <= {name}_ce and {name}_in_valid{ready};"
        for index, operand in enumerate(op.inputs):
            ports[f"x{index}"] = f"{self._reads(operand)}_data"
        ports |= {"out_valid": out_valid, "y": f"{name}_data"}
        yield from instance(f"u_{name}", self.stages[op], {}, ports)

    def _reader(self, name: str, memory: MemoryPort) -> Iterator[str]:
        """The weights of a stage, which stands still when the word that it needs is not there."""
        port, axis = memory.port, memory.axis
        flags = ("complete", "reading", "has_word", "take_word", "ready", "failed")
        for flag in flags:
            self._signal(f"{name}_{flag}")
        self._signal(f"{name}_word", port.word_bits)
        yield f"{name}_ready <= {name}_has_word or not {name}_reading;"
        yield f"{name}_ce <= {name}_ready and (not {name}_complete or {name}_space);"
        yield f"{name}_take_word <= {name}_ce and {name}_reading;"
        yield f"{name}_out_valid <= {name}_complete and {name}_ready;"
        # By signals of their own, inputs change after the clock of this design, which is behind aclk.
        for signal, bits in zip(_AXI_INPUTS, (0, port.data_bits, 2, 0), strict=True):
            self._signal(f"{name}_{signal}", bits)
            yield f"{name}_{signal} <= {axis}_{signal};"
        generics = {
            "BASE": memory.base,
            "ADDRESS_BITS": "ADDRESS_BITS",
            "DATA_BITS": str(port.data_bits),
            "WORDS": str(port.words),
            "WORD_BITS": str(port.word_bits),
            "BURST": str(port.burst),
            "DEPTH": str(port.depth),
        }
        ports = dict(_CLOCK)
        ports |= {signal: f"{name if signal in _AXI_INPUTS else axis}_{signal}" for signal in _AXI}
        ports |= {
            "out_valid": f"{name}_has_word",
            "out_ready": f"{name}_take_word",
            "out_data": f"{name}_word",
            "failed": f"{name}_failed",
        }
        yield from instance(f"u_{name}_weights", READER, generics, ports)

    def _entity(self, op: FlowOp) -> Iterator[str]:
        name, made = self.of[op], instance_of(op)
        ports = dict(_CLOCK)
        if op.operands:
            self._signal(f"{name}_in_ready")
            yield f"{name}_take <= {name}_in_ready and {name}_in_valid;"
            ports |= {
                "in_valid": f"{name}_in_valid",
                "in_ready": f"{name}_in_ready",
                "in_data": f"{self._reads(op.operands[0])}_data",
            }
        ports |= {
            "out_valid": f"{name}_out_valid",
            "out_ready": f"{name}_space",
            "out_data": f"{name}_data",
        }
        yield from instance(f"u_{name}", made.entity, made.generics, ports)

    def _reads(self, operand: SSAValue) -> str:
        """The FIFO that an operand comes from."""
        assert isinstance(operand.owner, FifoOp)
        return self.of[operand.owner]


_CLOCK = {"clk": "clk", "rst": "rst"}
_AXI = (
    *("araddr", "arlen", "arsize", "arburst", "arcache", "arprot", "arvalid", "arready"),
    *("rdata", "rresp", "rvalid", "rready"),
)
_AXI_INPUTS = ("arready", "rdata", "rresp", "rvalid")


def instance(label: str, entity: str, generics: Mapping[str, str], ports: Mapping[str, str]) -> Iterator[str]:
    """An instance of an entity."""
    yield f"{label} : entity work.{entity}"
    if generics:
        yield from _map("generic", generics, "")
    yield from _map("port", ports, ";")


def _map(kind: str, names: Mapping[str, str], end: str) -> Iterator[str]:
    width = max(map(len, names))
    lines = [f"    {name.ljust(width)} => {value}" for name, value in names.items()]
    yield f"  {kind} map ("
    yield from (line + "," for line in lines[:-1])
    yield lines[-1]
    yield f"  ){end}"


def _what(op: FlowOp) -> str:
    """A comment line."""
    origins = ", ".join(op.origins) if isinstance(op, StageOp) else op.origin_name
    streams = [stream_of(value) for value in (*op.operands, *op.results) if value in _streams(op)]
    beats = " -> ".join(f"{each.beats} x {each.elements}" for each in streams)
    return " ".join(f"{op.name.removeprefix('flow.')} of {origins}: {beats}".split())


def _streams(op: FlowOp) -> list[SSAValue]:
    values = [*op.operands, *op.results]
    if isinstance(op, SourceOp):
        return values[1:]
    return values[:-1] if isinstance(op, SinkOp) else values
