"""From a scheduled program to a SystemVerilog project: a pure function, the same bytes every time."""

from __future__ import annotations

import io
from functools import cache

import circt
from circt import ir
from circt.passmanager import PassManager
from jinja2 import Environment, PackageLoader, StrictUndefined
from xdsl.dialects.builtin import ModuleOp

from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan, Step
from netloom.ir.base import NetloomOp
from netloom.ir.program import main, model_name
from netloom.passes.analysis.hardware import Hardware, PortInfo, hardware
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.analysis.scheduled import required_timing
from netloom_circt.layers.layer import Layer, layer_of
from netloom_circt.names import Names, identifier
from netloom_circt.options import CirctOptions
from netloom_circt.top import Top

STYLE = ",".join(
    [
        "emittedLineLength=110",
        "disallowLocalVariables",
        "locationInfoStyle=none",
        "maximumNumberOfTermsPerExpression=24",
    ]
)
"""How CIRCT writes SystemVerilog, as options of its exporter."""

LOWERING = "builtin.module(lower-seq-to-sv{disable-reg-randomization},hw.module(hw-cleanup,prettify-verilog))"
"""CIRCT's passes from registers to SystemVerilog."""


@cache
def environment() -> Environment:
    """The templates; an undefined name in one is an error."""
    return Environment(
        loader=PackageLoader("netloom_circt"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def emit(module: ModuleOp, options: CirctOptions) -> BuildPlan:
    """The project for a program that the pass `schedule` has been over.

    The plan's properties tell what a simulator needs: `top`, `ports` (JSON of
    `netloom.passes.analysis.hardware.PortInfo`), `signals` (names of the ports in SystemVerilog, comma
    separated, in the same order), `latency_cycles` and `interval_cycles`.

    Raises:
        CompileError: NL308 when the program has no schedule, or an op has no hardware.
    """
    program = hardware(module)
    if not program.inputs or not program.outputs:
        raise CompileError(
            "NL308", "the program has no hardware between its inputs and outputs", hint="quantize its inputs"
        )
    latency = required_timing(module).latency_cycles
    top = identifier(model_name(main(module)))
    signals = _port_names(program, top)
    core, text = circt_texts(module, program, top, signals, latency)
    ports = list(zip(program.ports, signals, strict=True))
    context = {
        "top": top,
        "latency": latency,
        "inputs": [port for port in ports if port[0].direction == "in"],
        "outputs": [port for port in ports if port[0].direction == "out"],
    }
    files = {f"rtl/{top}.sv": text, f"circt/{top}.mlir": core}
    for path, template in ((f"sim/tb_{top}.cpp", "bench.cpp.j2"), ("Makefile", "Makefile.j2")):
        files[path] = environment().get_template(template).render(context)
    properties = {
        "backend": options.backend,
        "top": top,
        "ports": PortInfo.to_json(program.ports),
        "signals": ",".join(signals),
        "latency_cycles": str(latency),
        "interval_cycles": "1",
    }
    return BuildPlan(files, (Step("simulate", ("make", "sim")),), properties)


def _port_names(program: Hardware, top: str) -> list[str]:
    # Verilator refuses a signal that is called like the module around it.
    names = Names([top])
    return [names.fresh(info.name) for info in program.ports]


def circt_texts(
    module: ModuleOp, program: Hardware, top: str, signals: list[str], latency: int
) -> tuple[str, str]:
    """The design in CIRCT's dialects, and the SystemVerilog that CIRCT makes of it."""
    intervals, names = value_intervals(module), Names([top])
    with ir.Context() as context, ir.Location.unknown():
        circt.register_dialects(context)
        design = ir.Module.create()
        design.operation.attributes["circt.loweringOptions"] = ir.StringAttr.get(STYLE)
        with ir.InsertionPoint(design.body):
            layers: dict[NetloomOp, Layer] = {}
            for op in program.ops:
                layer = layer_of(op, _layer_name(op, top, names))
                if layer is not None:
                    layers[op] = layer
                    layer.write(intervals)
            Top(program, layers, latency).write(top, model_name(main(module)), signals)
        if not design.operation.verify():
            raise CompileError("NL701", "CIRCT refuses the design", hint="report this model")
        core = str(design) + "\n"
        PassManager.parse(LOWERING).run(design.operation)
        text = io.StringIO()
        circt.export_verilog(design, text)
    return core, _tidy(text.getvalue())


def _tidy(text: str) -> str:
    """The text without the exporter's version line and blanks at line ends."""
    lines = [line.rstrip() for line in text.splitlines() if not line.startswith("// Generated by CIRCT")]
    return "\n".join(lines).strip("\n") + "\n"


def _layer_name(op: NetloomOp, top: str, names: Names) -> str:
    origin, kind = identifier(op.origin_name), op.name.partition(".")[2]
    return names.fresh(f"{top}_{origin}" if origin.endswith(kind) else f"{top}_{origin}_{kind}")
