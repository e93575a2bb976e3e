"""Project files for Catapult: a script for its shell, and a Makefile over it."""

from __future__ import annotations

from netloom.backends.catapult.options import CatapultOptions
from netloom.backends.hls.options import HlsOptions
from netloom.backends.hls.program import Program
from netloom.backends.hls.scripts import largest_array, largest_table, memory_words, scripts
from netloom.backends.hls.stream.program import StreamProgram
from netloom.core.plan import Step

STEPS = {"csim": 0, "synth": 1, "cosim": 0, "vivado": 0}
"""Steps of scripts/build.tcl, and whether they run when nothing is said."""

FILES = {"scripts/build.tcl": "build.tcl.j2", "scripts/csim.mk": "csim.mk.j2", "Makefile": "Makefile.j2"}

WIDEST = 64
"""Bits of the widest number in a design."""


def catapult_project(program: Program, options: HlsOptions) -> tuple[dict[str, str], tuple[Step, ...]]:
    """Scripts by path, and the tool steps."""
    assert isinstance(options, CatapultOptions)
    streaming = program if isinstance(program, StreamProgram) else None
    files = scripts(
        "netloom.backends.catapult",
        FILES,
        program,
        options,
        "ac",
        steps=STEPS,
        standard="c++14",
        technology=options.technology,
        # Counted in elements or in bits, by release: enough for either.
        register_threshold=largest_array(program) * WIDEST,
        rom_threshold=largest_table(program),
        memories=memory_words(program),
        blocks=[process.name for process in streaming.processes] if streaming else [],
        fifos=streaming.channels if streaming else [],
    )
    return files, (Step("synth", ("catapult", "-shell", "-file", "scripts/build.tcl")),)
