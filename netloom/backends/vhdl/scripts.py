"""Scripts and constraints of a project: simulation, and synthesis with the vendors' tools."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment

from netloom.backends.vhdl.options import VhdlOptions
from netloom.core.devices import find_device
from netloom.core.plan import Step

TEMPLATES = {
    "scripts/ghdl.sh": "ghdl.sh.j2",
    "scripts/vivado.tcl": "vivado.tcl.j2",
    "scripts/quartus.tcl": "quartus.tcl.j2",
    "constraints/clock.xdc": "clock.xdc.j2",
    "constraints/clock.sdc": "clock.sdc.j2",
    "Makefile": "Makefile.j2",
}


def project_files(
    templates: Environment, top: str, sources: Sequence[str], options: VhdlOptions
) -> dict[str, str]:
    """Scripts, constraints and Makefile by path; `sources` end with the test bench."""
    device = find_device(options.device)
    context = {
        "top": top,
        "design": sources[:-1],
        "bench": sources[-1],
        "period_ns": f"{options.clock_period_ns:.3f}",
        "device": device,
        # A script for the other vendor still names a part of that vendor.
        "amd_part": device.part if device.vendor == "amd" else find_device("xcvu9p").part,
        "altera": device if device.vendor == "altera" else find_device("agilex-7"),
    }
    return {path: templates.get_template(template).render(context) for path, template in TEMPLATES.items()}


def steps(top: str, sources: Sequence[str]) -> tuple[Step, ...]:
    """Tool calls, each in the project directory."""
    return (
        Step("analyse", ("ghdl", "-a", "--std=08", *sources)),
        Step("simulate", ("ghdl", "-r", "--std=08", f"tb_{top}", "--ieee-asserts=disable")),
        Step("synthesize_vivado", ("vivado", "-mode", "batch", "-source", "scripts/vivado.tcl")),
        Step("synthesize_quartus", ("quartus", "-t", "scripts/quartus.tcl")),
    )
