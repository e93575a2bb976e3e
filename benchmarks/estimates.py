"""Estimates before synthesis against the open flow, kind by kind.

    python benchmarks/estimates.py --measure        # synthesizes what is not recorded yet (minutes)
    python benchmarks/estimates.py                  # errors of the estimates, and the reference page's table

Each design is one or a few ops between registers.  What Yosys counts for UltraScale+ (LUTn, FDxx, DSP48E2,
RAMB) is recorded in ``estimates.json`` by the design's name; the estimates are computed anew each time.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from estimate_samples import Sample, samples
from rich.console import Console

import netloom
from netloom.build import yosys
from netloom.build.report import Utilisation
from netloom.build.synthesizable import VERILOG, to_verilog
from netloom.build.targets import TARGETS
from netloom.build.toolchain import Bench
from netloom.estimate.resources import estimate

RECORD = Path(__file__).with_name("estimates.json")
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "estimates.md"
RESOURCES = ("lut", "ff", "dsp", "bram")
FIELDS = {"lut": "lut", "ff": "ff", "dsp": "dsp", "bram": "bram36"}
SMALLEST = {"lut": 8, "ff": 8, "dsp": 1, "bram": 1}

NETWORK = "examples/jet_tagger"

HEAD = """# Estimates and what synthesis gives

<!-- Written by benchmarks/estimates.py --write. -->

The report's LUTs, registers, multipliers and block memories are formulas over the program, made before any
synthesis (`netloom/estimate`). Here they are compared with what Yosys counts for AMD UltraScale+
(`synth_xilinx -family xcup`), on designs of one or a few ops in front of one register. An error is a part of
the count of Yosys, without its sign: the median of a kind, then the 90th percentile. Counts of LUTs and
registers below eight are left out.

The counts are recorded in `benchmarks/estimates.json`; `python benchmarks/estimates.py --measure` makes
those that are missing, `--details` shows every design. Latency is not an estimate: simulation measures the
same number of cycles, as tests check.

Designs held out were measured once, after the formulas were made. What changed since (a factor without a sign
gets one, a factor of -1 is a negation) came from other designs, and changes no count of LUTs below.

The formulas say what the tools build: which products become multipliers, how sums are compressed, which ops
are absorbed by a register's reset or by the adder behind them. Vendors' tools build other things from the
same source; there, the estimates are for comparing designs and finding the large layers.
"""

SECTIONS = (
    ("Designs the formulas were made from", False),
    ("Designs held out", True),
)


def ports_of(verilog: str, top: str) -> list[tuple[str, str]]:
    """Direction with range, and name, of each port of a module of GHDL."""
    head = verilog.partition(f"module {top}\n")[2].partition(");")[0]
    return re.findall(r"((?:input|output)\s+(?:\[\d+:0\]\s+)?)(\w+)", head)


def measure(chosen: list[Sample]) -> dict[str, dict[str, float]]:
    """What Yosys counts for UltraScale+, all designs in one run: each keeps its own hierarchy.

    Every port is one of the whole: what has no driver, Yosys takes as any constant that it likes.
    """
    texts, tops, ports, instances = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="netloom-estimates-") as directory:
        bench = Bench(Path(directory))
        for number, sample in enumerate(chosen):
            design = sample.compile(f"sample{number}")
            plan = design.backend.emit(design.module, design.backend_options)
            own = bench.within(f"sample{number}")
            to_verilog(plan, own)
            top = plan.properties["top"]
            text = (own.directory / VERILOG).read_text()
            texts.append(text.replace(f"module {top}\n", f"(* keep_hierarchy *)\nmodule {top}\n"))
            tops.append(top)
            own_ports = ports_of(text, top)
            ports += [f"{kind} {top}_{port}" for kind, port in own_ports]
            wires = ", ".join(f".{port}({top}_{port})" for _, port in own_ports)
            instances.append(f"  (* keep *) {top} u_{top} ({wires});\n")
        texts.append(f"module all ({', '.join(ports)});\n{''.join(instances)}endmodule\n")
        (bench.directory / VERILOG).write_text("".join(texts))
        target = TARGETS["xcup"]
        commands = [
            f"read_verilog {VERILOG}",
            *(command.format(top="all") for command in target.synthesis),
            "tee -q -o stat.json stat -json",
        ]
        yosys.run(bench, commands, "synthesis")
        modules = json.loads((bench.directory / "stat.json").read_text())["modules"]
    found = {}
    for sample, top in zip(chosen, tops, strict=True):
        use = Utilisation.of("xcup", modules[f"\\{top}"]["num_cells_by_type"])
        found[sample.name] = {name: float(getattr(use, name)) for name in RESOURCES}
    return found


def estimated(sample: Sample) -> dict[str, float]:
    """What the report says."""
    rows = estimate(sample.compile().module)
    return {name: float(sum(getattr(row, field) for row in rows)) for name, field in FIELDS.items()}


Summary = tuple[int, float, float]
"""Designs that count, median and 90th percentile of their errors in percent."""


@dataclass(frozen=True)
class Row:
    """Errors of one kind: its designs, and a summary for each resource."""

    kind: str
    designs: int
    resources: Mapping[str, Summary]


def errors(record: Mapping[str, Mapping[str, float]], chosen: Sequence[Sample]) -> list[Row]:
    """Errors of each kind and of all. Small counts are left out: one table is half of two."""
    found: dict[str, list[dict[str, float]]] = {}
    for sample in chosen:
        if sample.name in record:
            have, want = estimated(sample), record[sample.name]
            counted = (name for name in RESOURCES if want[name] >= SMALLEST[name])
            own = {name: abs(have[name] / want[name] - 1) * 100 for name in counted}
            found.setdefault(sample.kind, []).append(own)
    if found:
        found["all"] = [own for designs in found.values() for own in designs]
    return [Row(kind, len(own), _summaries(own)) for kind, own in found.items()]


def _summaries(designs: Sequence[Mapping[str, float]]) -> dict[str, Summary]:
    summaries = {}
    for name in RESOURCES:
        values = [own[name] for own in designs if name in own]
        if values:
            summaries[name] = len(values), float(np.median(values)), float(np.percentile(values, 90))
    return summaries


def table_of(rows: Sequence[Row]) -> list[str]:
    """A table of the page."""
    lines = ["| kind | designs | LUT | FF | DSP | BRAM |", "| --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        cells = [
            "{1:.1f} %, {2:.1f} %".format(*row.resources[name]) if name in row.resources else ""
            for name in RESOURCES
        ]
        lines.append(f"| {row.kind} | {row.designs} | {' | '.join(cells)} |")
    return lines


def network() -> dict[str, float]:
    """What the report says of a whole network."""
    rows = netloom.compile(Path(__file__).parents[1] / NETWORK / "model.onnx").report().layers
    return {name: float(sum(getattr(row, field) for row in rows)) for name, field in FIELDS.items()}


def measure_network() -> dict[str, float]:
    """What Yosys counts for it."""
    design = netloom.compile(Path(__file__).parents[1] / NETWORK / "model.onnx")
    plan = design.backend.emit(design.module, design.backend_options)
    with tempfile.TemporaryDirectory(prefix="netloom-estimates-") as directory:
        bench = Bench(Path(directory))
        to_verilog(plan, bench)
        use = yosys.synthesize(TARGETS["xcup"], plan.properties["top"], bench.within("xcup"))
    return {name: float(getattr(use, name)) for name in RESOURCES}


def page(record: Mapping[str, Mapping[str, float]], chosen: Sequence[Sample]) -> str:
    """The page of the documentation."""
    lines = [HEAD]
    for title, held_out in SECTIONS:
        rows = errors(record, [sample for sample in chosen if sample.held_out == held_out])
        lines += [f"## {title}", "", *table_of(rows), ""]
    lines += ["## All", "", *table_of(errors(record, chosen)[-1:]), ""]
    if NETWORK in record:
        have, want = network(), record[NETWORK]
        lines += [
            f"## A whole network: the jet tagger of `{NETWORK}`",
            "",
            "| | LUT | FF |",
            "| --- | --- | --- |",
        ]
        lines += [f"| estimate | {have['lut']:.0f} | {have['ff']:.0f} |"]
        lines += [f"| Yosys | {want['lut']:.0f} | {want['ff']:.0f} |", ""]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="synthesize what is not recorded")
    parser.add_argument("--only", default="", help="designs whose kind and name have this text")
    parser.add_argument("--details", action="store_true", help="every design")
    parser.add_argument("--write", action="store_true", help="write the page of the documentation")
    arguments = parser.parse_args()
    console = Console(width=150)
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    chosen = [sample for sample in samples() if arguments.only in f"{sample.kind}: {sample.name}"]
    missing = [sample for sample in chosen if sample.name not in record] if arguments.measure else []
    if missing:
        record |= measure(missing)
    if arguments.measure and NETWORK not in record:
        record[NETWORK] = measure_network()
    if arguments.measure:
        RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    for sample in chosen if arguments.details else []:
        if sample.name in record:
            have, want = estimated(sample), record[sample.name]
            pairs = " ".join(f"{n} {have[n]:g}/{want[n]:g}" for n in RESOURCES if have[n] or want[n])
            console.print(f"{sample.kind:18} {sample.name:60} {pairs}", highlight=False)
    text = page(record, chosen)
    console.print(text.partition(HEAD)[2], highlight=False)
    if arguments.write:
        PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
