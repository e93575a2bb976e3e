"""Reports of the Intel HLS Compiler, which are data of its report.html.

Format: "Intel HLS Compiler Pro Edition User Guide", "Reviewing the High-Level Design Reports". A file holds
either `var nameJSON={...};` for each part, or in reports/lib/json one part by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from netloom.backends.base import ToolReport
from netloom.backends.hls.reports import Figures, Source, chosen, number, read_reports

EXPECTED = {"ALUTs": "alut", "FFs": "ff", "RAMs": "ram", "DSPs": "dsp", "MLABs": "mlab"}
"""Columns of the area estimate."""

FITTED = {"alm": "synth_alm", "reg": "synth_ff", "ram": "synth_ram", "dsp": "synth_dsp", "mlab": "synth_mlab"}
"""Fields of the fitter's resource usage."""

MEASURED = {1: "latency", 2: "interval"}
"""Places in a function's simulation data; each is "smallest,largest,average"."""

REPORT_LINES = {
    "Logic utilization": "synth_alm",
    "Registers": "synth_ff",
    "DSP blocks": "synth_dsp",
    "RAM blocks": "synth_ram",
    "Kernel fmax": "synth_fmax_mhz",
}
"""Lines of acl_quartus_report.txt."""

_VARIABLE = re.compile(r"\bvar\s+(\w+?)JSON\s*=\s*")


def variables(text: str) -> dict[str, Any]:
    """The JavaScript variables of a file by name, without their ending JSON."""
    # JavaScript knows an escaped quote that JSON does not.
    text = text.replace("\\'", "'")
    found: dict[str, Any] = {}
    start = _VARIABLE.search(text)
    while start is not None:
        # The search goes on behind the data, whose listings of sources may hold anything.
        found[start[1]], end = json.JSONDecoder().raw_decode(text, start.end())
        start = _VARIABLE.search(text, end)
    if not found:
        raise ValueError("it has no data")
    return found


def part(name: str, read: Callable[[Mapping[str, Any]], Figures]) -> Callable[[str], Figures]:
    """The reader of one part of a file of JavaScript."""

    def reader(text: str) -> Figures:
        found = variables(text)
        if name not in found:
            raise ValueError(f"it has no {name}JSON")
        return whole(read)(json.dumps(found[name]))

    return reader


def whole(read: Callable[[Mapping[str, Any]], Figures]) -> Callable[[str], Figures]:
    """The reader of a file of JSON."""

    def reader(text: str) -> Figures:
        data = json.loads(text)
        try:
            return read(data)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise ValueError(f"it is not built as expected: {error!r}") from error

    return reader


def area(data: Mapping[str, Any]) -> Figures:
    """Expected resources."""
    columns = [column for column in data["columns"] if column in EXPECTED]
    figures = _row(columns, data["total"], "")
    return {**figures, **_row(columns, data.get("max_resources", []), "_available")}


def _row(columns: Sequence[str], values: Sequence[float], ending: str) -> Figures:
    row = {column: str(value) for column, value in zip(columns, values, strict=False)}
    return chosen(row, {column: f"{name}{ending}" for column, name in EXPECTED.items()})


def simulation(data: Mapping[str, Any]) -> Figures:
    """Measured latency and interval of the design; nothing before it was simulated."""
    if not data:
        return {}
    measured = data["functions"][0]["data"]
    figures: Figures = {}
    for place, name in MEASURED.items():
        names = (f"cosim_{name}_min_cycles", f"cosim_{name}_cycles", f"cosim_{name}_average_cycles")
        values = dict(zip(names, str(measured[place]).split(","), strict=False))
        figures.update(chosen(values, {common: common for common in names}))
    return figures


def fitter(data: Mapping[str, Any]) -> Figures:
    """Clock and resources after place and route; nothing before that."""
    clocks = data["quartusFitClockSummary"].get("nodes", [])
    usage = data.get("quartusFitResourceUsageSummary", {}).get("nodes", [])
    clock = number(str(clocks[0]["clock"])) if clocks else None
    if clock is None:
        return {}
    row = {name: str(value) for name, value in usage[-1].items()}
    return {"synth_fmax_mhz": clock, **chosen(row, FITTED)}


def quartus_lines(text: str) -> Figures:
    """Clock and resources of acl_quartus_report.txt."""
    rows = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    values = {name.strip(): (value.split() or [""])[0] for name, value in rows.items()}
    figures = chosen(values, REPORT_LINES)
    if "Kernel fmax" not in values:
        raise ValueError("it has no 'Kernel fmax'")
    return figures


SOURCES = (
    Source("reports/lib/json/area.json", whole(area)),
    Source("reports/lib/report_data.js", part("area", area)),
    Source("reports/lib/verification_data.js", part("verif", simulation)),
    Source("acl_quartus_report.txt", quartus_lines),
    Source("reports/lib/json/quartus.json", whole(fitter)),
    Source("reports/lib/quartus_data.js", part("quartus", fitter)),
)


def read_quartus_report(directory: Path) -> ToolReport | None:
    """Figures of the reports below a project's directory, or None before any run.

    Raises:
        CompileError: NL605 for a file that cannot be read.
    """
    return read_reports(directory, SOURCES)
