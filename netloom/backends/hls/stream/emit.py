"""From a streaming program to the C++ of an HLS project: a pure function, the same bytes every time."""

from __future__ import annotations

import json

from xdsl.dialects.builtin import ModuleOp

from netloom.backends.hls.emit import layer_files, render
from netloom.backends.hls.stream.design import checked, stream_program
from netloom.backends.hls.stream.program import StreamProgram
from netloom.backends.hls.vendor import Vendor


def stream_sources(module: ModuleOp, vendor: Vendor) -> tuple[StreamProgram, dict[str, str]]:
    """The program, and its C++ files by path.

    Raises:
        CompileError: NL308 for what has no C++.
    """
    program = stream_program(module, vendor, checked(vendor))
    files = layer_files(program, vendor, inline=True)
    for process in program.processes:
        files[f"src/actors/{process.name}.h"] = render("stream/actor.h.j2", program, vendor, process=process)
    for path, template in (
        ("src/netloom_stream.h", "stream/netloom_stream.h.j2"),
        ("src/types.h", "stream/types.h.j2"),
        (f"src/{program.top}.h", "stream/top.h.j2"),
        (f"src/{program.top}.cpp", "stream/top.cpp.j2"),
        ("tb/harness.h", "stream/harness.h.j2"),
        ("tb/testbench.cpp", "testbench.cpp.j2"),
        ("tb/bridge.cpp", "bridge.cpp.j2"),
    ):
        files[path] = render(template, program, vendor)
    return program, files


def stream_properties(program: StreamProgram) -> dict[str, str]:
    """What the plan of a streaming design tells beside the properties of every plan.

    `io`; `beats` (in a frame of each port); `fifos` (JSON of name, name in C++ and depth).
    """
    found = [{"name": each.label, "signal": each.name, "depth": each.depth} for each in program.channels]
    return {
        "io": "stream",
        "beats": ",".join(str(edge.beats) for edge in program.edges),
        "fifos": json.dumps(found),
    }
