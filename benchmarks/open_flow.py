"""The jet tagger through the open flow, beside what the peer's hardware took in the same flow.

    python benchmarks/open_flow.py --baselines path/to/baselines [--period 5] [--targets xcup,ecp5]
    python benchmarks/open_flow.py --baselines path/to/baselines --layers    # where the tables go
    python benchmarks/open_flow.py --model examples/jet_tagger/model.onnx    # any model
    python benchmarks/open_flow.py --verilog path/to/peer/src --top peer --targets ecp5    # a peer's code

The network of the baselines is 16-64-32-32-5 with 6-bit weights and activations, saturating rectifiers and
16-bit inputs; the netlist of every run is checked on its recorded outputs.  The figures of da4ml 0.6.0 are
from the baselines (GHDL, Yosys, ``synth_xilinx -family xcup``).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import netloom
from netloom.api import Design
from netloom.build import ecp5, yosys
from netloom.build.options import OpenOptions
from netloom.build.report import BuildReport, TargetReport
from netloom.build.synthesizable import VERILOG, sources, to_verilog
from netloom.build.targets import TARGETS
from netloom.build.toolchain import Bench
from netloom.core.fixed import Format, Overflow, Rounding
from netloom.core.plan import BuildPlan
from netloom.ir.nn import AddOp, MatMulOp
from netloom.testing.program import Port, Program
from netloom.testing.target import Target

# Cycles, tables and flip-flops of the peer, by adder levels between two registers: 1, 3, 5, 8.
PEER = ((27, 26958, 32006), (9, 28198, 10567), (6, 29228, 4330), (4, 30232, 3908))


def recorded_network(baselines: Path, **options: Any) -> tuple[Design, Any, Any]:
    """The design of the baselines' network, its inputs (real numbers) and its exact outputs (mantissas)."""
    data = np.load(baselines / "matrices" / "jet_mlp_6b.npz")
    program = Program([("x", Port((1, 16), Format(16, 6, True)))], "jet")
    value = program.inputs[0]
    for layer in range(4):
        program.origin = f"dense_{layer}"
        weight, bias = data[f"W{layer}_int"], data[f"b{layer}_int"]
        value = program.add(MatMulOp, value, program.constant(weight, Format(6, 1, True)))
        value = program.add(AddOp, value, program.constant(bias, Format(8, 3, True)))
        if layer < 3:
            program.origin = f"relu_{layer}"
            value = program.cast(value, Format(6, 0, False), Rounding.RND, Overflow.SAT)
    program.output(value, "y")
    target = Target("vhdl", "parallel", options, standard=True)
    inputs = data["X_int"][:, None, :] * 2.0 ** -int(data["x_frac"])
    return target.compile(program.finish()), inputs, data["Y_sat_int"][:, None, :]


def by_layer(design: Design, directory: Path, family: str, console: Console) -> None:
    """Cells of each layer, synthesized alone; what Yosys shares across layers is not seen."""
    plan = design.backend.emit(design.module, design.backend_options)
    directory.mkdir(parents=True, exist_ok=True)
    bench = Bench(directory)
    to_verilog(plan, bench)
    table = Table("layer", "LUT", "carry", "FF", "estimated LUT", "estimated FF", title=TARGETS[family].title)
    entities = {Path(path).stem for path in sources(plan)}
    for layer in design.report().layers:
        name = f"{plan.properties['top']}_{layer.origin}_{layer.op.rpartition('.')[2]}"
        if name not in entities:  # delays are in the top entity
            table.add_row(layer.origin, "", "", "", str(layer.lut), str(layer.ff))
            continue
        use = yosys.synthesize(TARGETS[family], name, bench.within(name))
        counts = (use.lut, use.carry, use.ff, layer.lut, layer.ff)
        table.add_row(layer.origin, *map(str, counts))
    console.print(table)


def modules_below(code: Path, top: str) -> str:
    """The files with the modules that the top module needs; others may want files that are not there."""
    texts = {path.stem: path.read_text() for path in sorted(code.rglob("*.v"))}
    needed, left = {top}, [top]
    while left:
        words = set(re.findall(r"\w+", texts[left.pop()]))
        found = words & texts.keys() - needed
        needed |= found
        left += sorted(found)
    return "\n".join(texts[name] for name in sorted(needed))


def of_verilog(code: Path, top: str, families: str, period_ns: float, directory: Path) -> BuildReport:
    """The flow from Yosys on, for code that another tool wrote; its clock is `clk`."""
    options = OpenOptions(targets=families, bitstream=False)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / VERILOG).write_text(modules_below(code, top))
    plan = BuildPlan({}, properties={"top": top, "clock_period_ns": f"{period_ns:g}"})
    found = {}
    for family in options.families:
        bench = Bench(directory).within(family)
        use = yosys.synthesize(TARGETS[family], top, bench)
        routing = ecp5.route(plan, use, options, bench) if TARGETS[family].routed else None
        found[family] = TargetReport(family, use, routing)
    return BuildReport(top, 0, 1, found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--baselines", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--verilog", type=Path)
    parser.add_argument("--top", default="peer")
    parser.add_argument("--period", type=float, default=5.0)
    parser.add_argument("--option", action="append", default=[], help="name=value of the backend")
    parser.add_argument("--targets", default="xcup")
    parser.add_argument("--no-verify", action="store_true")
    parser.add_argument("--layers", action="store_true")
    parser.add_argument("--directory", type=Path)
    arguments = parser.parse_args()
    console = Console(width=120)
    options: dict[str, Any] = {"clock_period_ns": arguments.period, "strategy": "adder_graph"}
    options |= {name: _value(text) for name, _, text in (entry.partition("=") for entry in arguments.option)}
    with tempfile.TemporaryDirectory(prefix="netloom-open-flow-") as temporary:
        directory = arguments.directory or Path(temporary) / "project"
        if arguments.verilog is not None:
            console.print(
                of_verilog(arguments.verilog, arguments.top, arguments.targets, arguments.period, directory)
            )
            return 0
        if arguments.model is not None:
            design, inputs = netloom.compile(arguments.model, **options), 256
        else:
            design, inputs, outputs = recorded_network(arguments.baselines, **options)
            predicted = np.asarray(design.predict(inputs, raw=True))
            assert np.array_equal(predicted, outputs), "the emulator's bits differ"
        if arguments.layers:
            for family in arguments.targets.split(","):
                by_layer(design, directory / family, family, console)
            return 0
        report = design.build(
            directory, verify=0 if arguments.no_verify else inputs, targets=arguments.targets
        )
    console.print(report)
    console.print({step: round(seconds) for step, seconds in report.seconds.items()})
    console.print(f"estimated: {design.report().total('lut')} LUT, {design.report().total('ff')} FF")
    if arguments.model is None:
        for cycles, lut, ff in PEER:
            console.print(f"peer: {cycles} cycles, {lut} LUT, {ff} FF", highlight=False)
    return 0


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


if __name__ == "__main__":
    sys.exit(main())
