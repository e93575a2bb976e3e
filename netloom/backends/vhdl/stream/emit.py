"""A program of form `stream`: entities of the library, one for each stage, and one around them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp

from netloom.backends.vhdl.entities import (
    FOREST,
    MULTIPLIERS,
    PACKAGE,
    comment,
    environment,
    library,
)
from netloom.backends.vhdl.images import image_files, image_properties, write_port
from netloom.backends.vhdl.layers.layer import WritePort
from netloom.backends.vhdl.names import Names
from netloom.backends.vhdl.options import VhdlOptions
from netloom.backends.vhdl.parallel import circuit
from netloom.backends.vhdl.scripts import project_files, steps
from netloom.backends.vhdl.stream.actors import instance_of
from netloom.backends.vhdl.stream.top import StreamPort, StreamTop, StreamTopWriter
from netloom.backends.vhdl.stream.weights import (
    COLLECT,
    PAGE,
    READER,
    MemoryPort,
    memory_ports,
    weights_property,
)
from netloom.core.plan import BuildPlan
from netloom.ir.flow import FlowOp, SinkOp, SourceOp, StageOp, stream_of
from netloom.ir.program import main, model_name
from netloom.passes.analysis.hardware import Hardware, PortInfo, hardware
from netloom.passes.analysis.network import actors, beat_bits, fifos, network
from netloom.passes.analysis.scheduled import ProgramTiming, required_timing
from netloom.passes.analysis.stages import stage_module

FIFO = "netloom_fifo"


def emit_stream(module: ModuleOp, program: Hardware, options: VhdlOptions) -> BuildPlan:
    """The project of a program of form `stream`.

    Beside the properties of every project: `io`, `beats` (in a frame of each port), `fifos` (JSON of name,
    name in VHDL and depth), `fifo_counts` (that a simulation reports them), and when a layer reads its
    weights from outside `weights` (JSON, see `netloom.backends.vhdl.stream.weights`).

    Raises:
        CompileError: NL308 when the program has no schedule, or an op has no hardware.
    """
    nodes = [node.name for node in network(module).nodes]
    timing, ops = required_timing(module), actors(module)
    memories = memory_ports(ops, nodes)
    top_name = Names().fresh(model_name(main(module)))
    others = [op for op in ops if not isinstance(op, StageOp | SourceOp | SinkOp)]
    used = {instance_of(op).entity for op in others} | ({COLLECT} if memories else set())
    entities = [*sorted(used), *([READER] if memories else [])]
    taken = Names([top_name, f"tb_{top_name}", PACKAGE, MULTIPLIERS, *FOREST, FIFO, *entities])
    stages, written, needs = _stages(ops, timing, top_name, taken)
    writes = write_port(module)
    ports = _ports(ops)
    inside = Names([*stages.values(), *(f"{port.signal}_port" for port in ports), *_generics(memories)])
    top = StreamTopWriter(ops, fifos(module), ports, stages, inside, memories).write()
    files = library([PACKAGE, *needs, FIFO, *entities]) | written
    files[f"src/{top_name}.vhd"] = _top_text(module, top, top_name, ports, timing, memories, writes)
    sources = [*files, f"sim/tb_{top_name}.vhd"]
    files[sources[-1]] = _bench_text(top_name, ports, timing, options, memories, writes)
    files |= {memory.file: memory.contents for memory in memories} | image_files(module)
    files.update(project_files(environment(), top_name, sources, options))
    properties = _properties(top_name, top, program, ports, sources, timing, options)
    properties |= image_properties(module)
    if memories:
        properties["weights"] = weights_property(memories)
    return BuildPlan(files, steps(top_name, sources), properties)


def _generics(memories: Sequence[MemoryPort]) -> list[str]:
    """Generics of the top entity."""
    return ["address_bits", *(memory.base.lower() for memory in memories)] if memories else []


def _stages(
    ops: Sequence[FlowOp], timing: ProgramTiming, top_name: str, taken: Names
) -> tuple[dict[FlowOp, str], dict[str, str], list[str]]:
    """Entity of each stage, all their files, and the files of `lib/` that these need."""
    found: dict[FlowOp, str] = {}
    written: dict[str, str] = {}
    needs: dict[str, None] = {}
    for op in ops:
        if isinstance(op, StageOp):
            alone = stage_module(op, timing.clock_period_ns)
            found[op] = taken.fresh(f"{top_name}_{op.label.data}_stage")
            made = circuit(alone, hardware(alone), found[op], top_name, taken)
            written |= made.files
            needs |= dict.fromkeys(made.needs)
    return found, written, list(needs)


def _ports(ops: Sequence[FlowOp]) -> list[StreamPort]:
    """Inputs, then outputs."""
    names = Names()
    found: list[StreamPort] = []
    for kind in (SourceOp, SinkOp):
        for op in ops:
            if isinstance(op, kind):
                stream = op.result if isinstance(op, SourceOp) else op.input
                signal, beats = names.fresh(op.origin_name), stream_of(stream).beats
                found.append(StreamPort(op, signal, beat_bits(stream), beats))
    return found


def _properties(
    top_name: str,
    top: StreamTop,
    program: Hardware,
    ports: Sequence[StreamPort],
    sources: Sequence[str],
    timing: ProgramTiming,
    options: VhdlOptions,
) -> dict[str, str]:
    fifo_list = [{"name": label, "signal": signal, "depth": depth} for label, signal, depth in top.fifos]
    return {
        "backend": "vhdl",
        "io": "stream",
        "top": top_name,
        "ports": PortInfo.to_json(program.ports),
        "signals": ",".join(port.signal for port in ports),
        "beats": ",".join(str(port.beats) for port in ports),
        "fifos": json.dumps(fifo_list),
        "fifo_counts": "reported",
        "latency_cycles": str(timing.latency_cycles),
        "interval_cycles": str(timing.interval_cycles),
        "clock_period_ns": f"{options.clock_period_ns:g}",
        "device": options.device,
        "sources": ",".join(sources),
    }


def _top_text(
    module: ModuleOp,
    top: StreamTop,
    name: str,
    ports: Sequence[StreamPort],
    timing: ProgramTiming,
    memories: Sequence[MemoryPort],
    writes: WritePort | None,
) -> str:
    width = max((len(line.partition(" : ")[0]) for line in top.declarations), default=0)
    declarations = [
        head.ljust(width) + " : " + rest
        for head, _, rest in (line.partition(" : ") for line in top.declarations)
    ]
    return (
        environment()
        .get_template("stream_top.vhd.j2")
        .render(
            name=name,
            model=comment(model_name(main(module))),
            latency=timing.latency_cycles,
            interval=timing.interval_cycles,
            ports=ports,
            tensors=hardware(module).ports,
            memories=memories,
            writes=writes,
            declarations=declarations,
            statements=top.statements,
        )
    )


def _bench_text(
    name: str,
    ports: Sequence[StreamPort],
    timing: ProgramTiming,
    options: VhdlOptions,
    memories: Sequence[MemoryPort],
    writes: WritePort | None,
) -> str:
    return (
        environment()
        .get_template("stream_testbench.vhd.j2")
        .render(
            name=name,
            latency=timing.latency_cycles,
            interval=timing.interval_cycles,
            period=f"{options.clock_period_ns:.3f}",
            inputs=[port for port in ports if port.direction == "in"],
            outputs=[port for port in ports if port.direction == "out"],
            memories=memories,
            writes=writes,
            page=PAGE,
        )
    )
