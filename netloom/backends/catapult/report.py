"""Reports of Catapult: cycle.rpt and rtl.rpt of a solution, and its messages.

Formats: "Catapult Synthesis User and Reference Manual", chapter on reports.
"""

from __future__ import annotations

import re
from pathlib import Path

from netloom.backends.base import ToolReport
from netloom.backends.hls.reports import Figures, Source, chosen, read_reports
from netloom.backends.vivado.report import timing, utilization

TOTAL = re.compile(r"^\s*Design Total:(.*)$", re.MULTILINE)
COLUMNS = {1: "latency_cycles", 2: "interval_cycles", 3: "reset_cycles"}
"""Places in the line "Design Total:", after the number of operations."""

CLOCK = re.compile(r"^\s*clk\s+rising\s+(\S+)", re.MULTILINE)
SCORES = re.compile(r"^\s*Total Area Score:(.*)$", re.MULTILINE)
MESSAGE = re.compile(r"^# (Error|Warning)\b", re.MULTILINE)


def cycles(text: str) -> Figures:
    """Latency, interval and clock (cycle.rpt); -1 is how the tool says that it does not know."""
    total = TOTAL.search(text)
    row = total[1].split() if total else []
    if len(row) <= max(COLUMNS):
        raise ValueError("it has no line 'Design Total:' with its figures")
    found = {name: row[place] for place, name in COLUMNS.items() if row[place] != "-1"}
    figures = chosen(found, {name: name for name in found})
    clock = CLOCK.search(text)
    return {**figures, **chosen({"clock": clock[1]} if clock else {}, {"clock": "clock_target_ns"})}


def area(text: str) -> Figures:
    """The area score after the last step that the tool did (rtl.rpt)."""
    scores = SCORES.search(text)
    if scores is None or not scores[1].split():
        raise ValueError("it has no line 'Total Area Score:' with its figures")
    return chosen({"score": scores[1].split()[-1]}, {"score": "area_score"})


def messages(text: str) -> Figures:
    """How many errors and warnings there were."""
    found = MESSAGE.findall(text)
    return {"errors": float(found.count("Error")), "warnings": float(found.count("Warning"))}


SOURCES = (
    Source("cycle.rpt", cycles),
    Source("rtl.rpt", area),
    Source("messages.txt", messages),
    Source("vivado_concat_v/utilization_synth.rpt", utilization),
    Source("vivado_concat_v/timing_summary_synth.rpt", timing),
)


def read_catapult_report(directory: Path) -> ToolReport | None:
    """Figures of the reports below a project's directory, or None before any run.

    Raises:
        CompileError: NL605 for a file that cannot be read.
    """
    return read_reports(directory, SOURCES)
