"""The open flow from beginning to end.

plan --GHDL--> Verilog --Yosys--> netlist of each family --> counts, netlist simulation
                                  ECP5: --nextpnr--> Fmax, utilisation --ecppack--> bitstream
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netloom.build import ecp5, netlist, yosys
from netloom.build.options import OpenOptions
from netloom.build.report import BuildReport, TargetReport
from netloom.build.synthesizable import check, to_verilog
from netloom.build.targets import TARGETS, Target
from netloom.build.toolchain import Bench, Progress, newest, silent, version
from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan
from netloom.passes.analysis.hardware import PortInfo

Ints = NDArray[np.int64]

DIRECTORY = "build/open"
"""Where the flow works, in the directory of the project."""

REPORT = "report.json"
"""The report of a run that came to its end."""


FLOWS = ("open",)


def chosen(flow: str, options: Mapping[str, Any]) -> OpenOptions:
    """The options of a flow by its name.

    Raises:
        CompileError: NL203 for an unknown flow, NL201 or NL203 for its options.
    """
    if flow not in FLOWS:
        raise CompileError(
            "NL203",
            f"flow is '{flow}'",
            origin="flow",
            supported=", ".join(FLOWS),
            hint="'write' leaves scripts for the vendors' tools",
        )
    return OpenOptions.from_user(options)


@dataclass(frozen=True, eq=False)
class Vectors:
    """Samples on which the synthesized netlist must give the emulator's bits.

    Attributes:
        inputs: mantissas int64[N, *shape] for each input port.
        expected: mantissas for each output port.
    """

    inputs: Sequence[Ints]
    expected: Sequence[Ints]


def build(
    plan: BuildPlan,
    directory: Path,
    options: OpenOptions | None = None,
    *,
    vectors: Vectors | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Run the open flow on what the backend `vhdl` emitted.

    Args:
        plan: the project.
        directory: of the project; the flow works in `build/open` there, which it empties first.
        options: families, device, limits.
        vectors: samples to run the synthesized netlists on.
        progress: told what is being done.

    Raises:
        CompileError: NL601 to NL602 for tools, NL606 for designs that they do not take, NL607 for a design
            larger than the device, NL608 when a netlist computes something else.
    """
    options = options or OpenOptions()
    check(plan)
    work = directory / DIRECTORY
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    bench = Bench(work, progress or silent, options.timeout_s or None)
    seconds: dict[str, float] = {}
    with _timed(seconds, "ghdl"):
        to_verilog(plan, bench)
    found = {
        name: _target(TARGETS[name], plan, options, vectors, bench.within(name), seconds)
        for name in options.families
    }
    report = BuildReport(
        plan.properties["top"],
        int(plan.properties["latency_cycles"]),
        int(plan.properties["interval_cycles"]),
        found,
        _versions(options),
        seconds,
    )
    # Last: a directory with this file is one of a run that came to its end.
    (work / REPORT).write_text(report.to_json(), encoding="utf-8", newline="\n")
    return report


def _target(
    target: Target,
    plan: BuildPlan,
    options: OpenOptions,
    vectors: Vectors | None,
    bench: Bench,
    seconds: dict[str, float],
) -> TargetReport:
    top = plan.properties["top"]
    with _timed(seconds, f"{target.name} synthesis"):
        use = yosys.synthesize(target, top, bench)
    samples = 0
    if vectors is not None:
        with _timed(seconds, f"{target.name} netlist simulation"):
            samples = verify(target, plan, vectors, bench)
    routing = None
    if target.routed and options.route:
        with _timed(seconds, f"{target.name} place and route"):
            routing = ecp5.route(plan, use, options, bench)
    return TargetReport(target.name, use, routing, samples)


def verify(target: Target, plan: BuildPlan, vectors: Vectors, bench: Bench) -> int:
    """Run the synthesized netlist on samples; their number.

    Raises:
        CompileError: NL608 for the first difference, NL606 for cells that have no model.
    """
    if plan.properties.get("io", "parallel") != "parallel":
        raise CompileError(
            "NL606",
            "the netlist of a streaming design is not simulated",
            origin="verify",
            supported="io='parallel'",
            hint="build without verify; 'simulate' runs the VHDL itself",
        )
    _check_models(target, bench.directory / yosys.NETLIST)
    path = yosys.to_aiger(target, plan.properties["top"], bench)
    bench.progress(f"simulation of the netlist for {target.title}")
    result = netlist.NetlistSimulator(plan, path).run(vectors.inputs)
    outputs = [port for port in PortInfo.from_json(plan.properties["ports"]) if port.direction == "out"]
    netlist.compare(outputs, result.outputs, vectors.expected, f"netlist for {target.title}")
    return len(vectors.inputs[0])


def _check_models(target: Target, path: Path) -> None:
    """Hard multipliers and block memories have no open model of these families."""
    text = path.read_text(encoding="utf-8")
    used = sorted(set(re.findall(r'"type": "([A-Z]\w+)"', text)))
    without = [cell for cell in used if (target.classify(cell) or ("",))[0] in ("dsp", "bram")]
    if without:
        raise CompileError(
            "NL606",
            f"the netlist has {', '.join(without)}, of which Yosys has no model to simulate",
            origin=target.name,
            hint="build without verify; 'simulate' runs the VHDL itself",
        )


def _versions(options: OpenOptions) -> dict[str, str]:
    keys = ["ghdl", "yosys"]
    if options.route and any(TARGETS[name].routed for name in options.families):
        keys.append("nextpnr_ecp5")
    found = {key: version(key, newest(key)) for key in keys}
    return {key: ".".join(map(str, parts)) or "unknown" for key, parts in found.items()}


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[step] = time.perf_counter() - start


def read_report(directory: Path) -> BuildReport | None:
    """The report of the last run that came to its end in a project's directory; None when there is none.

    Raises:
        CompileError: NL605 for a file that is no such report.
    """
    path = directory / DIRECTORY / REPORT
    if not path.is_file():
        return None
    try:
        return BuildReport.from_json(path.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError) as error:
        raise CompileError("NL605", "it is no report of the open flow", origin=str(path)) from error
