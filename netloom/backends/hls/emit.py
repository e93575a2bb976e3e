"""From a legal program to the C++ of an HLS project: a pure function, the same bytes every time."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from xdsl.dialects.builtin import ModuleOp

from netloom.backends.hls import pragmas
from netloom.backends.hls.design import program_of
from netloom.backends.hls.layers.layer import Layer
from netloom.backends.hls.program import Call, Program
from netloom.backends.hls.text import Table, indented
from netloom.backends.hls.vendor import Vendor
from netloom.passes.analysis.hardware import PortInfo
from netloom.passes.analysis.scheduled import program_timing

SIMULATION_SOURCES = ("src/{top}.cpp", "tb/bridge.cpp")


@cache
def environment(package: str = "netloom.backends.hls") -> Environment:
    """The templates of a package; an undefined name in one is an error."""
    return Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def sources(module: ModuleOp, vendor: Vendor) -> tuple[Program, dict[str, str]]:
    """The program, and its C++ files by path.

    Raises:
        CompileError: NL308 for what has no C++.
    """
    program = program_of(module, vendor)
    files = layer_files(program, vendor, inline=program.interval == 1)
    for path, template in (
        ("src/types.h", "types.h.j2"),
        (f"src/{program.top}.h", "top.h.j2"),
        (f"src/{program.top}.cpp", "top.cpp.j2"),
        ("tb/harness.h", "harness.h.j2"),
        ("tb/testbench.cpp", "testbench.cpp.j2"),
        ("tb/bridge.cpp", "bridge.cpp.j2"),
    ):
        files[path] = render(template, program, vendor)
    return program, files


def render(template: str, program: Program, vendor: Vendor, **more: object) -> str:
    """A file of the project."""
    return (
        environment()
        .get_template(template)
        .render(program=program, vendor=vendor, pragmas=pragmas, indented=indented, **more)
    )


def layer_files(program: Program, vendor: Vendor, *, inline: bool) -> dict[str, str]:
    """A header for each layer, and one for its constants, by path.

    Args:
        program: the design.
        vendor: pragmas.
        inline: whether layers become part of their caller, also those that share multipliers.
    """
    files: dict[str, str] = {}
    for call in program.calls:
        if call.layer.tables:
            files[f"src/weights/{call.name}.h"] = render("weights.h.j2", program, vendor, call=call)
        files[f"src/layers/{call.name}.h"] = _layer_text(call, program, vendor, inline=inline)
    return files


def _layer_text(call: Call, program: Program, vendor: Vendor, *, inline: bool) -> str:
    layer = call.layer
    values = {"interval": program.interval}
    purpose = pragmas.INLINE if inline else pragmas.LAYER_PIPELINE
    alone = layer.multipliers and not inline
    before = [] if alone else vendor.pragma(purpose, "before", **values)
    inside = [] if alone else vendor.pragma(purpose, "inside", **values)
    for table in layer.tables:
        inside += _storage(table, layer, vendor)
    if alone:
        inside += vendor.pragma(pragmas.LIMIT_MULTIPLIERS, "inside", limit=layer.multipliers)
    return render("layer.h.j2", program, vendor, call=call, before=before, body=[*inside, *layer.body])


def _storage(table: Table, layer: Layer, vendor: Vendor) -> list[str]:
    """Where a table is kept; reads of the tool's own choice need no pragma."""
    if table.name not in layer.memories:
        return vendor.pragma(pragmas.READ_ONLY_LOGIC, "inside", name=table.name)
    lanes = layer.memories[table.name]
    if not lanes:
        return []
    words = len(table.entries) // lanes
    return vendor.pragma(pragmas.READ_ONLY_MEMORY, "inside", name=table.name, words=words, lanes=lanes)


def properties(program: Program, module: ModuleOp, vendor: Vendor, backend: str) -> dict[str, str]:
    """What a simulator and the report need of a plan."""
    timing = program_timing(module)
    return {
        "backend": backend,
        "top": program.top,
        "ports": PortInfo.to_json([port for port, _ in program.ports]),
        "signals": ",".join(variable.name for _, variable in program.ports),
        "interval_cycles": str(timing.interval_cycles if timing and program.streaming else program.interval),
        "latency_cycles": str(timing.latency_cycles) if timing else "",
        "sources": ",".join(path.format(top=program.top) for path in SIMULATION_SOURCES),
        "headers": vendor.types,
        "vectors": "decimal",
    }
