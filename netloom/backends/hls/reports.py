"""Reading of tool reports: which files, and the figures in each; a file that makes no sense is an error.

Names of figures are common to all vendors, as far as their tools report the same thing:

* `latency_cycles`, `interval_cycles`: of the design, the worst case; `..._min_cycles` and
  `latency_average_cycles` beside them;
* `clock_ns`: the shortest period that the tool expects, `clock_target_ns`: the one asked for;
* `lut`, `ff`, `dsp`, `bram18` (blocks of 18 Kibit), `uram`, `alut`, `ram` (M20K or M10K blocks), `mlab`:
  what the HLS tool expects to use; `..._available`: what the device has;
* `cosim_...`: measured in simulation of the RTL; `cosim_passed` is 1 or 0; `cosim_<name>_beats` is the most
  beats that a FIFO held;
* `synth_...`: after logic synthesis or place and route.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netloom.backends.base import ToolReport
from netloom.core.diagnostics import CompileError

Figures = dict[str, float]
Reader = Callable[[str], Figures]
"""Figures of a report's text; a ValueError says why there are none."""

UNKNOWN = frozenset({"", "-", "?", "x", "na", "n/a", "undef", "tbd", "unknown"})
"""What tools write, in any case, where they have no figure."""


@dataclass(frozen=True)
class Source:
    """A kind of report.

    Attributes:
        pattern: where it lies below the project, as for `Path.rglob`.
        read: its figures.
    """

    pattern: str
    read: Reader


def read_reports(directory: Path, sources: Sequence[Source]) -> ToolReport | None:
    """Figures of all reports below a project's directory; None when there is no report.

    Of several files of one kind the one written last counts.

    Raises:
        CompileError: NL605 for a file that cannot be read.
    """
    figures: Figures = {}
    found = False
    for source in sources:
        file = newest(directory.rglob(source.pattern))
        if file is not None:
            found = True
            figures.update(_read(file, directory, source.read))
    return ToolReport(figures) if found else None


def newest(files: Iterable[Path]) -> Path | None:
    """The file written last; None when there is none."""
    return max(
        (file for file in files if file.is_file()),
        key=lambda file: (file.stat().st_mtime_ns, file),
        default=None,
    )


def _read(file: Path, directory: Path, read: Reader) -> Figures:
    try:
        return read(file.read_text(encoding="utf-8", errors="strict"))
    except (OSError, ValueError, RecursionError) as error:
        raise CompileError(
            "NL605",
            f"the report cannot be read: {error}",
            origin=file.relative_to(directory).as_posix(),
            hint="run the tool's step again; a run that was ended leaves incomplete reports",
        ) from error


def number(text: str) -> float | None:
    """A figure as tools write it ("1,234", "<0.01", "4.3 ns"); None where the tool has none.

    Raises:
        ValueError: for anything else.
    """
    word = text.strip().lower().removesuffix("ns").removesuffix("mhz").strip()
    if word in UNKNOWN:
        return None
    value = float(word.lstrip("<").replace(",", ""))
    if not abs(value) < float("inf"):
        raise ValueError(f"'{text.strip()}' is no figure")
    return value


def chosen(values: Mapping[str, str | None], names: Mapping[str, str]) -> Figures:
    """Figures by their common names, of those that the tool gave.

    Args:
        values: what the report has, by its own names.
        names: its own name to the common one.
    """
    found = {common: number(values[own] or "") for own, common in names.items() if own in values}
    return {name: value for name, value in found.items() if value is not None}


def cells(line: str) -> list[str]:
    """Cells of a row of a table drawn with bars; none for any other line."""
    return (
        [cell.strip() for cell in line.strip().strip("|").split("|")] if line.strip().startswith("|") else []
    )
