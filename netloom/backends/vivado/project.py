"""Project files for Vivado HLS and Vitis HLS: scripts, in the order in which its users run them."""

from __future__ import annotations

from netloom.backends.hls.options import HlsOptions
from netloom.backends.hls.program import Program
from netloom.backends.hls.scripts import largest_array, scripts
from netloom.backends.vivado.options import VivadoOptions
from netloom.core.plan import Step

PACKAGE = "netloom.backends.vivado"

STEPS = {"csim": 1, "synth": 1, "cosim": 0, "export": 0}
"""Steps of scripts/build.tcl, and whether they run when nothing is said."""

PARTITION_LIMIT = 1024
"""Elements up to which Vivado HLS divides an array without being told (UG902, config_array_partition)."""

SHARED = {
    "scripts/build.tcl": "build.tcl.j2",
    "scripts/csim.mk": "csim.mk.j2",
    "scripts/vivado_synth.tcl": "vivado_synth.tcl.j2",
    "constraints/clock.xdc": "clock.xdc.j2",
}
VIVADO_FILES = {**SHARED, "Makefile": "vivado.mk.j2"}
VITIS_FILES = {**SHARED, "Makefile": "vitis.mk.j2", "hls_config.cfg": "hls_config.cfg.j2"}

PROFILING = " -enable_dataflow_profiling"
"""Of `cosim_design`: the tool tracks how full FIFOs become (UG1399, config_cosim)."""

VIVADO_USAGE = (
    "vivado_hls -f scripts/build.tcl                           C simulation and synthesis",
    "vivado_hls -f scripts/build.tcl csim=0 cosim=1 export=1   any other choice",
)
VITIS_USAGE = (
    "vitis-run --mode hls --tcl scripts/build.tcl                         C simulation and synthesis",
    'STEPS="cosim export" vitis-run --mode hls --tcl scripts/build.tcl    any other choice',
    "vitis_hls -f scripts/build.tcl                                       before 2024.1",
)
SYNTHESIZE = Step("synthesize_vivado", ("vivado", "-mode", "batch", "-source", "scripts/vivado_synth.tcl"))


def vivado_project(program: Program, options: HlsOptions) -> tuple[dict[str, str], tuple[Step, ...]]:
    """Scripts by path, and the tool steps."""
    assert isinstance(options, VivadoOptions)
    largest = largest_array(program)
    files = scripts(
        PACKAGE,
        VIVADO_FILES,
        program,
        options,
        "ap",
        title="Vivado HLS",
        usage=VIVADO_USAGE,
        steps=STEPS,
        standard="c++11",
        solution_options="",
        profiling="",
        maximum_size=largest if largest > PARTITION_LIMIT else 0,
        export_format=options.export_format,
    )
    return files, (*(_vivado_step(name) for name in STEPS), SYNTHESIZE)


def _vivado_step(name: str) -> Step:
    chosen = (f"{step}={int(step == name)}" for step in STEPS)
    return Step(name, ("vivado_hls", "-f", "scripts/build.tcl", *chosen))


def vitis_project(program: Program, options: HlsOptions) -> tuple[dict[str, str], tuple[Step, ...]]:
    """Scripts by path, and the tool steps, which are those of the unified tools."""
    assert isinstance(options, VivadoOptions)
    work = f"{program.top}_component"
    files = scripts(
        PACKAGE,
        VITIS_FILES,
        program,
        options,
        "ap",
        title="Vitis HLS",
        usage=VITIS_USAGE,
        steps=STEPS,
        standard="c++14",
        solution_options="-flow_target vivado ",
        profiling=PROFILING if program.streaming else "",
        maximum_size=0,
        export_format=options.export_format,
        work=work,
    )
    component = ("--config", "hls_config.cfg", "--work_dir", work)
    steps = (
        Step("csim", ("vitis_run", "--mode", "hls", "--csim", *component)),
        Step("synth", ("vpp", "-c", "--mode", "hls", *component)),
        Step("cosim", ("vitis_run", "--mode", "hls", "--cosim", *component)),
        Step("export", ("vitis_run", "--mode", "hls", "--package", *component)),
        SYNTHESIZE,
    )
    return files, steps
