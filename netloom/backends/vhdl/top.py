"""The top entity: layers connected, early operands delayed, the valid flag carried along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from xdsl.ir import SSAValue

from netloom.backends.vhdl.layers.layer import Layer, bits
from netloom.backends.vhdl.names import Names
from netloom.backends.vhdl.text import indented, process, vector, wire_bits
from netloom.ir.attributes import format_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp
from netloom.passes.analysis.hardware import Hardware
from netloom.passes.analysis.reuse import delay_registers
from netloom.passes.analysis.scheduled import ProgramTiming, start_cycle


@dataclass
class Top:
    """Declarations and statements of the top architecture, in order."""

    declarations: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)


@dataclass
class _Wire:
    """A value's signal, the cycle in which it is there, and how long it is kept."""

    name: str
    bits: int
    cycle: int
    kept_until: int = 0


def write_top(
    program: Hardware,
    layers: Mapping[NetloomOp, tuple[str, Layer]],
    port_signals: Sequence[str],
    timing: ProgramTiming,
    name: str,
) -> Top:
    """The top architecture, of an entity called `name`, of a scheduled program.

    Args:
        program: ports and ops.
        layers: entity name and text of each op that has an entity.
        port_signals: names of the ports, in the order of `program.ports`.
        timing: latency and interval.
        name: name of the top entity.
    """
    return _TopWriter(program, layers, port_signals, timing, name).write()


class _TopWriter:
    def __init__(
        self,
        program: Hardware,
        layers: Mapping[NetloomOp, tuple[str, Layer]],
        port_signals: Sequence[str],
        timing: ProgramTiming,
        name: str,
    ) -> None:
        self.name = name
        self.program = program
        self.layers = layers
        self.inputs = port_signals[: len(program.inputs)]
        self.outputs = port_signals[len(program.inputs) :]
        self.latency, self.interval = timing.latency_cycles, timing.interval_cycles
        self.names = Names([*port_signals, *(entity for entity, _ in layers.values())])
        self.wires: dict[SSAValue, _Wire] = {}
        self.constants: dict[SSAValue, str] = {}
        self.top = Top()

    def write(self) -> Top:
        """Inputs, layers, outputs, then the registers that all of them asked for."""
        for (value, _), signal in zip(self.program.inputs, self.inputs, strict=True):
            self.wires[value] = _Wire(signal, bits(value), 0)
        for op in self.program.ops:
            if op in self.layers:
                self._layer(op, *self.layers[op])
            else:
                # Only the shape changes, so both tensors are one signal.
                self.wires[op.results[0]] = self._wire_or_constant(op.operands[0])
        results = [
            f"{signal} <= {self._at(value, self.latency)};"
            for (value, _), signal in zip(self.program.outputs, self.outputs, strict=True)
        ]
        body, self.top.statements = self.top.statements, []
        self._valid()
        self.top.statements += body
        self._delays()
        self.top.statements += results
        self.top.declarations = _aligned(self.top.declarations)
        return self.top

    def _wire_or_constant(self, value: SSAValue) -> _Wire:
        if value in self.wires:
            return self.wires[value]
        return _Wire(self._at(value, 0), bits(value), self.latency)

    def _at(self, value: SSAValue, cycle: int) -> str:
        """The signal that carries a value in a cycle."""
        if isinstance(value.owner, ConstantOp):
            return self._constant(value, value.owner)
        wire = self.wires[value]
        wire.kept_until = max(wire.kept_until, cycle)
        steps = self._delay_steps(wire, cycle)
        return f"{wire.name}_d{steps}" if steps else wire.name

    def _delay_steps(self, wire: _Wire, cycle: int) -> int:
        """Registers from a signal to its value in a later cycle: one holds it for a whole interval."""
        return max(delay_registers(cycle - wire.cycle, self.interval), 0)

    def _flag(self, cycle: int) -> str:
        """The signal that says that the values of a cycle belong to a sample."""
        if cycle:
            return f"valid({cycle})"
        return "in_valid" if self.interval == 1 else "accepted"

    def _constant(self, value: SSAValue, op: ConstantOp) -> str:
        if value not in self.constants:
            name = self.names.fresh(f"c_{op.origin_name}").upper()
            number_format = format_of(value.type)
            assert number_format is not None
            width = wire_bits(number_format)
            digits = "".join(
                f"{int(v) % (1 << width):0{width}b}" for v in reversed(op.value.ints().reshape(-1))
            )
            self.constants[value] = name
            self.top.declarations.append(f'constant {name} : {vector(bits(value))} := "{digits}";')
        return self.constants[value]

    def _layer(self, op: NetloomOp, entity: str, layer: Layer) -> None:
        start = start_cycle(op)
        result = op.results[0]
        base = entity.removeprefix(f"{self.name}_")
        signal = self.names.fresh(f"{base}_y")
        self.top.declarations.append(f"signal {signal} : {vector(bits(result))};")
        self.wires[result] = _Wire(signal, bits(result), start + layer.latency_cycles)
        sources = {o.port: (self._at(op.operands[o.index], start), o.bits) for o in layer.operands}
        if layer.lanes == 1:
            ports = {port: name for port, (name, _) in sources.items()}
            if layer.started:
                ports["start"] = self._flag(start)
            if layer.word_bits:
                ports |= {"word": "word", "reading": "reading"}
            if layer.writes is not None:
                ports |= {port["name"]: port["name"] for port in layer.writes.signals}
            label = self.names.fresh(f"u_{base}")
            self.top.statements += _instance(label, entity, {**_clock(layer), **ports, "y": signal})
        else:
            self.top.statements += _generate(self.names.fresh(f"u_{base}"), entity, layer, sources, signal)
        self.top.statements.append("")

    def _valid(self) -> None:
        """What is under way: a flag for each cycle of the latency; and when the next sample may come."""
        statements = self.top.statements
        if not self.latency:
            statements += ["out_valid <= in_valid;", ""]
            return
        self.top.declarations.append(f"signal valid : std_logic_vector(1 to {self.latency});")
        shifted = f"{self._flag(0)} & valid(1 to {self.latency - 1})"
        if self.latency == 1:
            shifted = f"(1 => {self._flag(0)})"
        reset, step = ["valid <= (others => '0');"], [f"valid <= {shifted};"]
        if self.interval > 1:
            self.top.declarations += [
                "signal accepted : std_logic;",
                "-- Cycles until the next sample may enter.",
                f"signal waiting : natural range 0 to {self.interval - 1};",
            ]
            statements += [
                "in_ready <= '1' when waiting = 0 else '0';",
                "accepted <= in_valid when waiting = 0 else '0';",
                "",
            ]
            reset.append("waiting <= 0;")
            step += [
                "if accepted = '1' then",
                f"  waiting <= {self.interval - 1};",
                "elsif waiting > 0 then",
                "  waiting <= waiting - 1;",
                "end if;",
            ]
        statements += [
            "flags : process (clk)",
            "begin",
            "  if rising_edge(clk) then",
            "    if rst = '1' then",
            *indented(reset, 3),
            "    elsif ce = '1' then",
            *indented(step, 3),
            "    end if;",
            "  end if;",
            "end process flags;",
            "",
            f"out_valid <= valid({self.latency});",
            "",
        ]

    def _delays(self) -> None:
        """Registers behind each value that is needed after it appears."""
        done: set[str] = set()
        for wire in self.wires.values():
            length = self._delay_steps(wire, wire.kept_until)
            if not length or wire.name in done:
                continue
            done.add(wire.name)
            chain = [wire.name, *(f"{wire.name}_d{k}" for k in range(1, length + 1))]
            self.top.declarations += [f"signal {name} : {vector(wire.bits)};" for name in chain[1:]]
            body: list[str] = []
            for step, (before, after) in enumerate(pairwise(chain)):
                moved = f"{after} <= {before};"
                flag = self._flag(wire.cycle + step * self.interval)
                shifts = self.interval == 1
                body += [moved] if shifts else [f"if {flag} = '1' then", f"  {moved}", "end if;"]
            self.top.statements += [*process(f"delay_{wire.name}", [], body, clocked=True), ""]


def _aligned(declarations: list[str]) -> list[str]:
    """Declarations with their colons in one column; comments stay as they are."""
    heads = [line.partition(" : ")[0] if " : " in line else "" for line in declarations]
    width = max(map(len, heads), default=0)
    return [
        head.ljust(width) + line[len(head) :] if head else line
        for head, line in zip(heads, declarations, strict=True)
    ]


def _clock(layer: Layer) -> dict[str, str]:
    names = ("clk", "rst", "ce") if layer.started else ("clk", "ce") if layer.latency_cycles else ()
    return {name: name for name in names}


def _instance(label: str, entity: str, ports: Mapping[str, str]) -> list[str]:
    width = max(map(len, ports))
    connections = [f"    {port.ljust(width)} => {signal}" for port, signal in ports.items()]
    head = [f"{label} : entity work.{entity}", "  port map ("]
    return [*head, *(line + "," for line in connections[:-1]), connections[-1], "  );"]


def _generate(
    label: str, entity: str, layer: Layer, sources: Mapping[str, tuple[str, int]], signal: str
) -> list[str]:
    """Equal lanes side by side."""
    ports = _clock(layer)
    for port, (name, width) in {**sources, "y": (signal, layer.y_bits)}.items():
        ports[port] = f"{name}((row + 1) * {width} - 1 downto row * {width})"
    inner = _instance("lane", entity, ports)
    head = f"{label} : for row in 0 to {layer.lanes - 1} generate"
    return [head, *(f"  {line}" for line in inner), f"end generate {label};"]
