"""Reports of Vivado HLS, Vitis HLS and Vivado.

Formats: UG902 "Reports" and UG1399 "Synthesis Summary", "Co-Simulation Report"; UG835 `report_utilization`,
`report_timing_summary`.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from netloom.backends.base import ToolReport
from netloom.backends.hls.reports import Figures, Source, cells, chosen, number, read_reports
from netloom.backends.vivado.occupancy import read_occupancy

TIMES = {
    "UserAssignments/TargetClockPeriod": "clock_target_ns",
    "PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod": "clock_ns",
    "PerformanceEstimates/SummaryOfOverallLatency/Best-caseLatency": "latency_min_cycles",
    "PerformanceEstimates/SummaryOfOverallLatency/Average-caseLatency": "latency_average_cycles",
    "PerformanceEstimates/SummaryOfOverallLatency/Worst-caseLatency": "latency_cycles",
    "PerformanceEstimates/SummaryOfOverallLatency/Interval-min": "interval_min_cycles",
    "PerformanceEstimates/SummaryOfOverallLatency/Interval-max": "interval_cycles",
}
"""Elements of csynth.xml."""

AREAS = {"BRAM_18K": "bram18", "DSP": "dsp", "DSP48E": "dsp", "FF": "ff", "LUT": "lut", "URAM": "uram"}
"""Elements of its lists of resources; Vivado HLS says DSP48E, Vitis HLS DSP."""

COSIMULATION = (
    "cosim_latency_min_cycles",
    "cosim_latency_average_cycles",
    "cosim_latency_cycles",
    "cosim_interval_min_cycles",
    "cosim_interval_average_cycles",
    "cosim_interval_cycles",
)
"""Columns of a row of <top>_cosim.rpt, after the language and the status."""

SITES = {
    "CLB LUTs": ("synth_lut", 1),
    "Slice LUTs": ("synth_lut", 1),
    "CLB Registers": ("synth_ff", 1),
    "Slice Registers": ("synth_ff", 1),
    "Registers": ("synth_ff", 1),
    "Block RAM Tile": ("synth_bram18", 2),
    "DSPs": ("synth_dsp", 1),
    "DSP Slices": ("synth_dsp", 1),
    "URAM": ("synth_uram", 1),
}
"""Rows of a utilization report, by device family: figure, and how many of its units one site is."""

WORST_SLACK = re.compile(r"WNS\(ns\)[^\n]*\n[ -]*\n\s*(\S+)")


def csynth(text: str) -> Figures:
    """Expected clock, latency, interval and resources of the design (csynth.xml)."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"it is no XML: {error}") from error
    if root.find("PerformanceEstimates/SummaryOfOverallLatency") is None:
        raise ValueError("it has no latency")
    used = root.find("AreaEstimates/Resources")
    if used is None:
        raise ValueError("it has no resources")
    figures = chosen({path: root.findtext(path, "") for path in TIMES}, TIMES)
    figures.update(chosen({site.tag: site.text for site in used}, AREAS))
    there = root.find("AreaEstimates/AvailableResources")
    available = {site.tag: site.text for site in there} if there is not None else {}
    figures.update(chosen(available, {site: f"{name}_available" for site, name in AREAS.items()}))
    return figures


def cosimulation(text: str) -> Figures:
    """Measured latency and interval (<top>_cosim.rpt): of the language that was simulated."""
    for line in text.splitlines():
        row = cells(line)
        if len(row) >= 2 + len(COSIMULATION) and row[0] in ("VHDL", "Verilog") and row[1].upper() != "NA":
            columns = dict(zip(COSIMULATION, row[2:], strict=False))
            passed = {"cosim_passed": float(row[1].lower() == "pass")}
            return {**chosen(columns, {name: name for name in COSIMULATION}), **passed}
    raise ValueError("it has no row of a language that was simulated")


def utilization(text: str) -> Figures:
    """Resources after logic synthesis (`report_utilization`)."""
    figures: Figures = {}
    for line in text.splitlines():
        row = cells(line)
        name, units = SITES.get(row[0].rstrip("*"), ("", 1)) if row else ("", 1)
        used = number(row[1]) if name and len(row) > 1 else None
        if used is not None:
            figures.setdefault(name, used * units)
    missing = {"synth_lut", "synth_ff", "synth_dsp"} - set(figures)
    if missing:
        raise ValueError(f"it has no {', '.join(sorted(missing))}")
    return figures


def timing(text: str) -> Figures:
    """Worst slack after logic synthesis (`report_timing_summary`)."""
    found = WORST_SLACK.search(text)
    if found is None:
        raise ValueError("it has no worst negative slack")
    slack = number(found[1])
    return {} if slack is None else {"synth_slack_ns": slack}


SOURCES = (
    Source("syn/report/csynth.xml", csynth),
    Source("sim/report/*_cosim.rpt", cosimulation),
    Source("reports/vivado_synth.rpt", utilization),
    Source("reports/vivado_timing.rpt", timing),
)


def read_vivado_report(directory: Path) -> ToolReport | None:
    """Figures of the reports below a project's directory, or None before any run.

    Raises:
        CompileError: NL605 for a file that cannot be read.
    """
    return read_reports(directory, SOURCES)


def read_vitis_report(directory: Path) -> ToolReport | None:
    """The same, and how full FIFOs became, which Vitis HLS tracks.

    Raises:
        CompileError: NL605 for a file that cannot be read.
    """
    report, occupancy = read_vivado_report(directory), read_occupancy(directory)
    if report is None and not occupancy:
        return None
    return ToolReport({**(report.figures if report else {}), **occupancy})
