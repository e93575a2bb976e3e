"""Predicted clock frequencies against those after place and route, on Lattice ECP5.

    python benchmarks/frequency.py --measure     # routes what is not recorded yet (half an hour)
    python benchmarks/frequency.py --details     # every design; errors of all kinds
    python benchmarks/frequency.py --fit         # delays of wires that fit the designs not held out
    python benchmarks/frequency.py --write       # writes docs/explanation/clock-frequency.md

What nextpnr reaches is recorded in ``frequency.json`` by the design's name; predictions are computed anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from frequency_samples import DEVICE, Routed, samples
from rich.console import Console
from scipy.optimize import minimize
from xdsl.dialects.builtin import ModuleOp

from netloom.core.devices import Device, find_device
from netloom.estimate.frequency import longest
from netloom.estimate.resources import estimate

RECORD = Path(__file__).with_name("frequency.json")
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "clock-frequency.md"
FITTED = ("net_delay_ns", "crowding", "clock_overhead_ns")

HEAD = """# Predicted clock frequency

<!-- Written by benchmarks/frequency.py --write. -->

The report of a parallel design names the longest way between two registers that its schedule has, and the
clock frequency that follows (`report.path`, `netloom/estimate/frequency.py`). Within shift-add networks
the arrival of every bit is computed: the carries of adders in a row run beside each other. Elsewhere the
steps of the ops count, as for the schedule. A route takes `net_delay_ns`, and longer
by the part `crowding` for each doubling of the design from 1000 lookup tables on.

For Lattice ECP5 the delays of cells are those of nextpnr's own database (speed grade 6). The route, how it
grows, and an overhead for the longest of all routes are fitted (`--fit`) to designs that nextpnr 0.11 placed
and routed, with registers planned for another device. For other devices they are planning figures from data
sheets: compare designs by them, and trust the vendor's timing report.

Least exact are stages of a single adder, where one long route from an input decides, tables (nextpnr builds
those of up to seven bits within a slice), and trees of comparisons, which take one more table in each level.

What is not predicted: the control logic of streams (FIFOs and their handshake).

An error is a part of the period after routing. Designs held out took no part in the fit.
"""


@dataclass(frozen=True, eq=False)
class Compared:
    """A design that was routed: its program, its estimated tables, and the period in nanoseconds."""

    sample: Routed
    module: ModuleOp
    tables: int
    period_ns: float

    def error(self, device: Device) -> float:
        """Predicted over routed period, less one."""
        return longest(self.module, device.crowded(self.tables)).period_ns / self.period_ns - 1


def measure(sample: Routed) -> dict[str, Any]:
    """What nextpnr reaches."""
    with tempfile.TemporaryDirectory(prefix="netloom-frequency-") as directory:
        report = sample.make().build(directory, targets="ecp5", bitstream=False).targets["ecp5"]
    assert report.routing is not None
    tables, _ = report.routing.used["TRELLIS_COMB"]
    return {"mhz": report.routing.fmax_mhz, "tables": tables}


def compared(record: Mapping[str, Mapping[str, float]], chosen: Sequence[Routed]) -> list[Compared]:
    """The designs that are recorded."""
    found = []
    for sample in chosen:
        if sample.name in record:
            module = sample.make().module
            tables = sum(row.lut for row in estimate(module))
            found.append(Compared(sample, module, tables, 1000 / record[sample.name]["mhz"]))
    return found


def fitted(designs: Sequence[Compared], device: Device) -> Device:
    """The device with the delays of routes that give the least sum of squared logarithms of errors."""
    known = [design for design in designs if not design.sample.held_out]

    def cost(values: Sequence[float]) -> float:
        trial = replace(device, **dict(zip(FITTED, map(float, np.abs(values)), strict=True)))
        return float(sum(np.log1p(design.error(trial)) ** 2 for design in known))

    start = [getattr(device, name) or 0.1 for name in FITTED]
    best = minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-5})
    return replace(device, **dict(zip(FITTED, np.abs(best.x).round(3).tolist(), strict=True)))


def table(designs: Sequence[Compared], device: Device) -> list[str]:
    """Errors by kind, and of all."""
    rows: dict[str, list[float]] = {}
    for design in designs:
        error = 100 * abs(design.error(device))
        rows.setdefault(design.sample.kind, []).append(error)
        rows.setdefault("all", []).append(error)
    rows["all"] = rows.pop("all", [])
    lines = ["| kind | designs | median | 90th percentile | largest |", "| --- | --- | --- | --- | --- |"]
    for kind, errors in rows.items():
        if errors:
            parts = (np.median(errors), np.percentile(errors, 90), max(errors))
            lines.append(
                f"| {kind} | {len(errors)} | " + " | ".join(f"{part:.1f} %" for part in parts) + " |"
            )
    return lines


def page(designs: Sequence[Compared], device: Device) -> str:
    """The page of the documentation."""
    lines = [HEAD]
    for title, held_out in (("Designs of the fit", False), ("Designs held out", True)):
        chosen = [design for design in designs if design.sample.held_out == held_out]
        lines += [f"## {title}", "", *table(chosen, device), ""]
    lines += ["## Every design", "", "| design | tables | routed | predicted |", "| --- | --- | --- | --- |"]
    for design in designs:
        predicted = longest(design.module, device.crowded(design.tables)).fmax_mhz
        name = f"{design.sample.kind}: {design.sample.name}"
        lines.append(
            f"| {name} | {design.tables} | {1000 / design.period_ns:.1f} MHz | {predicted:.1f} MHz |"
        )
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="route what is not recorded")
    parser.add_argument("--only", default="", help="designs whose kind and name have this text")
    parser.add_argument("--details", action="store_true", help="every design")
    parser.add_argument("--fit", action="store_true", help="fit the delays of routes, and print them")
    parser.add_argument("--write", action="store_true", help="write the page of the documentation")
    arguments = parser.parse_args()
    console = Console(width=140)
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    chosen = [sample for sample in samples() if arguments.only in f"{sample.kind}: {sample.name}"]
    for sample in chosen if arguments.measure else []:
        if sample.name not in record:
            record[sample.name] = measure(sample)
            console.print(sample.kind, sample.name, record[sample.name])
            RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    designs, device = compared(record, chosen), find_device(DEVICE)
    if arguments.fit:
        device = fitted(designs, device)
        console.print({name: getattr(device, name) for name in FITTED})
    text = page(designs, device)
    console.print(text.partition(HEAD)[2] if arguments.details else "\n".join(table(designs, device)))
    if arguments.write:
        PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
