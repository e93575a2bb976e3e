"""From a scheduled program to a VHDL project: a pure function, the same bytes every time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from xdsl.dialects.builtin import ModuleOp

from netloom.backends.vhdl.layers.layer import Layer
from netloom.backends.vhdl.layers.registry import layer_for
from netloom.backends.vhdl.names import Names, identifier
from netloom.backends.vhdl.options import VhdlOptions
from netloom.backends.vhdl.scripts import project_files, steps
from netloom.backends.vhdl.text import vector
from netloom.backends.vhdl.top import Top, write_top
from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan
from netloom.ir.base import NetloomOp
from netloom.ir.program import main, model_name
from netloom.passes.analysis.hardware import Hardware, PortInfo, hardware
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.analysis.scheduled import ProgramTiming, required_timing

LIBRARY = "netloom.backends.vhdl"
PACKAGE = "netloom_fx"
MULTIPLIERS = "netloom_mac"
"""Files of `lib/` that a project has always, and when a layer shares multipliers."""


@dataclass(frozen=True)
class TopPort:
    """A tensor port of the top entity, as templates need it."""

    info: PortInfo
    signal: str

    @property
    def name(self) -> str:
        """Name in the model."""
        return self.info.name

    @property
    def direction(self) -> str:
        """`in` or `out`."""
        return self.info.direction

    @property
    def bits(self) -> int:
        """Bits of the port."""
        return self.info.bits

    @property
    def digits(self) -> int:
        """Hexadecimal digits of the port."""
        return -(-self.info.bits // 4)

    @property
    def text(self) -> str:
        """Shape and format."""
        shape = " x ".join(map(str, self.info.shape)) or "scalar"
        return f"{shape} of {self.info.format}"


@cache
def environment() -> Environment:
    """The templates; an undefined name in one is an error."""
    return Environment(
        loader=PackageLoader(LIBRARY),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def emit(module: ModuleOp, options: VhdlOptions) -> BuildPlan:
    """The project for a program that the pass `schedule` has been over.

    The plan's properties tell what a simulator needs: `top`, `ports` (JSON of
    `netloom.passes.analysis.hardware.PortInfo`), `signals` (names of the ports in the VHDL, comma
    separated, in the same order), `latency_cycles`, `interval_cycles` and `sources` (VHDL files in
    order of compilation, comma separated; the test bench last).

    Raises:
        CompileError: NL308 when the program has no schedule, or an op has no hardware.
    """
    program = hardware(module)
    if not program.inputs or not program.outputs:
        raise CompileError(
            "NL308", "the program has no hardware between its inputs and outputs", hint="quantize its inputs"
        )
    timing = required_timing(module)
    top_name = Names().fresh(model_name(main(module)))
    names = Names([top_name, f"tb_{top_name}", PACKAGE, MULTIPLIERS])
    ports = _top_ports(program)
    layers = _layers(module, program, top_name, names)
    top = write_top(program, layers, [port.signal for port in ports], timing, top_name)
    written = _library(any(layer.started for _, layer in layers.values()))
    for op, (entity, layer) in layers.items():
        written[f"src/{entity}.vhd"] = _entity_text(op, entity, layer)
    written[f"src/{top_name}.vhd"] = _top_text(module, top, top_name, ports, timing)
    sources = [*written, f"sim/tb_{top_name}.vhd"]
    written[sources[-1]] = _bench_text(top_name, ports, timing, options)
    written.update(project_files(environment(), top_name, sources, options))
    return BuildPlan(
        written, steps(top_name, sources), _properties(top_name, ports, sources, timing, options)
    )


def _library(shares_multipliers: bool) -> dict[str, str]:
    """The hand-written files that a project needs."""
    names = [PACKAGE, MULTIPLIERS] if shares_multipliers else [PACKAGE]
    return {f"src/{name}.vhd": files(LIBRARY).joinpath(f"lib/{name}.vhd").read_text() for name in names}


def _properties(
    top: str, ports: list[TopPort], sources: list[str], timing: ProgramTiming, options: VhdlOptions
) -> dict[str, str]:
    return {
        "backend": "vhdl",
        "top": top,
        "ports": PortInfo.to_json([port.info for port in ports]),
        "signals": ",".join(port.signal for port in ports),
        "latency_cycles": str(timing.latency_cycles),
        "interval_cycles": str(timing.interval_cycles),
        "clock_period_ns": f"{options.clock_period_ns:g}",
        "device": options.device,
        "sources": ",".join(sources),
    }


def _top_ports(program: Hardware) -> list[TopPort]:
    """Ports with their VHDL names, which stay clear of those of delayed signals and of labels."""
    names = Names()
    ports: list[TopPort] = []
    for info in program.ports:
        reserved = re.search(r"_d\d+$|^delay_|^u_", identifier(info.name))
        ports.append(TopPort(info, names.fresh(f"{info.name}_port" if reserved else info.name)))
    return ports


def _layers(
    module: ModuleOp, program: Hardware, top_name: str, names: Names
) -> dict[NetloomOp, tuple[str, Layer]]:
    """Name and text of an entity for each op that is more than a change of shape."""
    intervals = value_intervals(module)
    found: dict[NetloomOp, tuple[str, Layer]] = {}
    for op in program.ops:
        layer = layer_for(op, intervals)
        if layer is not None:
            origin = identifier(op.origin_name)
            suffix = "" if origin.endswith(layer.kind) else f"_{layer.kind}"
            found[op] = (names.fresh(f"{top_name}_{origin}{suffix}"), layer)
    return found


def _entity_text(op: NetloomOp, entity: str, layer: Layer) -> str:
    ports = [
        {"name": "clk", "mode": "in", "type": "std_logic"},
        {"name": "ce", "mode": "in", "type": "std_logic"},
    ]
    if not layer.latency_cycles:
        ports = []
    if layer.started:
        ports[1:1] = [{"name": "rst", "mode": "in", "type": "std_logic"}]
        ports.append({"name": "start", "mode": "in", "type": "std_logic"})
    ports += [{"name": o.port, "mode": "in", "type": vector(o.bits)} for o in layer.operands]
    ports.append({"name": "y", "mode": "out", "type": vector(layer.y_bits)})
    return (
        environment()
        .get_template("entity.vhd.j2")
        .render(
            name=entity,
            op=op.name,
            origin=_comment(op.origin_name),
            summary=layer.summary,
            latency=layer.latency_cycles,
            ports=ports,
            declarations=layer.declarations,
            statements=layer.statements,
        )
    )


def _comment(text: str) -> str:
    """Text that cannot leave a comment line."""
    return " ".join(text.split())


def _signals(ports: list[TopPort], timing: ProgramTiming) -> list[dict[str, Any]]:
    """All ports of the top entity, in order."""
    control = [{"name": name, "mode": "in", "type": "std_logic"} for name in ("clk", "rst", "ce", "in_valid")]
    if timing.interval_cycles > 1:
        control.append({"name": "in_ready", "mode": "out", "type": "std_logic"})
    tensors = [{"name": p.signal, "mode": p.direction, "type": vector(p.bits)} for p in ports]
    inputs = [port for port in tensors if port["mode"] == "in"]
    outputs = [port for port in tensors if port["mode"] == "out"]
    return [*control, *inputs, {"name": "out_valid", "mode": "out", "type": "std_logic"}, *outputs]


def _top_text(module: ModuleOp, top: Top, name: str, ports: list[TopPort], timing: ProgramTiming) -> str:
    return (
        environment()
        .get_template("top.vhd.j2")
        .render(
            name=name,
            model=_comment(model_name(main(module))),
            latency=timing.latency_cycles,
            interval=timing.interval_cycles,
            tensors=ports,
            ports=_signals(ports, timing),
            declarations=top.declarations,
            statements=top.statements,
        )
    )


def _bench_text(name: str, ports: list[TopPort], timing: ProgramTiming, options: VhdlOptions) -> str:
    return (
        environment()
        .get_template("testbench.vhd.j2")
        .render(
            name=name,
            latency=timing.latency_cycles,
            interval=timing.interval_cycles,
            period=f"{options.clock_period_ns:.3f}",
            tensors=ports,
            inputs=[port for port in ports if port.direction == "in"],
            outputs=[port for port in ports if port.direction == "out"],
            ports=_signals(ports, timing),
        )
    )
