"""Project files for the Intel HLS Compiler: i++ is called by make, as its users do."""

from __future__ import annotations

from netloom.backends.hls.options import HlsOptions
from netloom.backends.hls.program import Program
from netloom.backends.hls.scripts import scripts
from netloom.backends.quartus.options import QuartusOptions
from netloom.core.plan import Step

FILES = {"Makefile": "Makefile.j2", "scripts/csim.mk": "csim.mk.j2"}
EMULATION, HARDWARE = "emulation", "fpga"
"""Executables of i++; what belongs to them is in <executable>.prj."""


def quartus_project(program: Program, options: HlsOptions) -> tuple[dict[str, str], tuple[Step, ...]]:
    """Scripts by path, and the tool steps."""
    assert isinstance(options, QuartusOptions)
    # i++ knows no uncertainty: it gets a shorter clock instead.
    clock_ns = options.clock_period_ns * (1 - options.clock_uncertainty_percent / 100)
    clock = f"{clock_ns:.3f}ns"
    files = scripts(
        "netloom.backends.quartus",
        FILES,
        program,
        options,
        "ac",
        standard="c++14",
        march=options.march,
        clock=clock,
        emulation=EMULATION,
        hardware=HARDWARE,
    )
    sources = (f"src/{program.top}.cpp", "tb/testbench.cpp")
    target = (f"-march={options.march}", "--clock", clock)
    steps = (
        Step("csim", ("ipp", "-march=x86-64", *sources, "-o", EMULATION)),
        Step("synth", ("ipp", *target, "--simulator", "none", *sources, "-o", HARDWARE)),
        Step("cosim", ("ipp", *target, "-ghdl", *sources, "-o", HARDWARE)),
        Step("synthesize_quartus", ("ipp", *target, "--quartus-compile", *sources, "-o", HARDWARE)),
    )
    return files, steps
