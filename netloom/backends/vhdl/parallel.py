"""A program of which every part works at once: an entity for each layer, and one around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xdsl.dialects.builtin import ModuleOp

from netloom.backends.vhdl.entities import (
    FOREST,
    MULTIPLIERS,
    PACKAGE,
    comment,
    entity_text,
    environment,
    layers_of,
    library,
)
from netloom.backends.vhdl.images import image_files, image_properties
from netloom.backends.vhdl.layers.layer import WritePort
from netloom.backends.vhdl.names import Names
from netloom.backends.vhdl.options import VhdlOptions
from netloom.backends.vhdl.ports import TopPort, top_ports
from netloom.backends.vhdl.scripts import project_files, steps
from netloom.backends.vhdl.text import vector
from netloom.backends.vhdl.top import Top, write_top
from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan
from netloom.ir.program import main, model_name
from netloom.passes.analysis.hardware import Hardware, PortInfo
from netloom.passes.analysis.scheduled import ProgramTiming, required_timing


@dataclass(frozen=True)
class Circuit:
    """The entities of a program.

    Attributes:
        files: layers first, the entity around them last.
        ports: tensor ports of that entity.
        timing: latency and interval.
        needs: files of `lib/` that its layers are made of.
        word_bits: of a word of weights from outside; 0 when all weights are inside.
        writes: through which memories of trees are written; None without any.
    """

    files: dict[str, str]
    ports: list[TopPort]
    timing: ProgramTiming
    needs: tuple[str, ...]
    word_bits: int
    writes: WritePort | None


def circuit(module: ModuleOp, program: Hardware, name: str, prefix: str, names: Names) -> Circuit:
    """The entities of a scheduled program.

    Args:
        module: the program.
        program: its ports and ops.
        name: of the entity around the layers.
        prefix: of the layers' entities.
        names: names of entities that are taken.

    Raises:
        CompileError: NL308 when the program has no schedule, or an op has no hardware.
    """
    timing = required_timing(module)
    ports = top_ports(program)
    layers = layers_of(module, program, prefix, names)
    top = write_top(program, layers, [port.signal for port in ports], timing, name)
    written = {f"src/{entity}.vhd": entity_text(op, entity, layer) for op, (entity, layer) in layers.items()}
    word_bits = max((layer.word_bits for _, layer in layers.values()), default=0)
    writes = next((layer.writes for _, layer in layers.values() if layer.writes is not None), None)
    written[f"src/{name}.vhd"] = _top_text(
        module, top, name, _signals(ports, timing, word_bits, writes), ports, timing
    )
    shares = any(layer.started and layer.writes is None for _, layer in layers.values())
    needs = (*((MULTIPLIERS,) if shares else ()), *(FOREST if writes is not None else ()))
    return Circuit(written, ports, timing, needs, word_bits, writes)


def emit_parallel(module: ModuleOp, program: Hardware, options: VhdlOptions) -> BuildPlan:
    """The project of a program of form `parallel`.

    Raises:
        CompileError: NL308 as `circuit`, and for weights outside the chip.
    """
    top_name = Names().fresh(model_name(main(module)))
    names = Names([top_name, f"tb_{top_name}", PACKAGE, MULTIPLIERS, *FOREST])
    made = circuit(module, program, top_name, top_name, names)
    if made.word_bits:
        raise CompileError(
            "NL308", "weights outside the chip in a parallel design", supported="such layers in a stream"
        )
    ports, timing = made.ports, made.timing
    written = library([PACKAGE, *made.needs])
    written |= made.files
    sources = [*written, f"sim/tb_{top_name}.vhd"]
    written[sources[-1]] = _bench_text(top_name, made, options)
    written |= image_files(module)
    written.update(project_files(environment(), top_name, sources, options))
    return BuildPlan(
        written,
        steps(top_name, sources),
        _properties(top_name, ports, sources, timing, options) | image_properties(module),
    )


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


def _signals(
    ports: list[TopPort], timing: ProgramTiming, word_bits: int = 0, writes: WritePort | None = None
) -> list[dict[str, Any]]:
    """All ports of the top entity, in order."""
    control = [{"name": name, "mode": "in", "type": "std_logic"} for name in ("clk", "rst", "ce", "in_valid")]
    if timing.interval_cycles > 1:
        control.append({"name": "in_ready", "mode": "out", "type": "std_logic"})
    if word_bits:
        control.append({"name": "word", "mode": "in", "type": vector(word_bits)})
        control.append({"name": "reading", "mode": "out", "type": "std_logic"})
    if writes is not None:
        control += writes.signals
    tensors = [{"name": p.signal, "mode": p.direction, "type": vector(p.bits)} for p in ports]
    inputs = [port for port in tensors if port["mode"] == "in"]
    outputs = [port for port in tensors if port["mode"] == "out"]
    return [*control, *inputs, {"name": "out_valid", "mode": "out", "type": "std_logic"}, *outputs]


def _top_text(
    module: ModuleOp,
    top: Top,
    name: str,
    signals: list[dict[str, Any]],
    ports: list[TopPort],
    timing: ProgramTiming,
) -> str:
    return (
        environment()
        .get_template("top.vhd.j2")
        .render(
            name=name,
            model=comment(model_name(main(module))),
            latency=timing.latency_cycles,
            interval=timing.interval_cycles,
            tensors=ports,
            ports=signals,
            declarations=top.declarations,
            statements=top.statements,
        )
    )


def _bench_text(name: str, made: Circuit, options: VhdlOptions) -> str:
    ports, timing = made.ports, made.timing
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
            ports=_signals(ports, timing, writes=made.writes),
            writes=made.writes,
        )
    )
