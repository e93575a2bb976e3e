"""How full the FIFOs of a streaming design became in Vitis HLS's co-simulation.

`cosim_design -enable_dataflow_profiling` tracks it (UG1399, "config_cosim"). AMD describes the figures in the
Dataflow Viewer (UG1399, "Dataflow Viewer", column Cosim Max Depth), but not the files that they come from.
Those are read as public tools read them (hls4ml 1.3, its optimisation of FIFO depths for Vitis, 2023.2):
`.autopilot/db/channel_info.csv` has a row for each channel, with its name in the RTL in the second column and
the name of a file in the fourth; that file is in `.autopilot/db/channel_depth_info/channel.zip`, and its last
line is the most beats that the channel held.
"""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

from netloom.backends.hls.reports import Figures, newest
from netloom.core.diagnostics import CompileError

ARCHIVE = "channel_depth_info/channel.zip"
INDEX = "channel_info.csv"
NAME, FILE = 1, 3
"""Columns of the index."""

RTL_ENDING = "_U"
"""What the tool puts behind a channel's name."""


def read_occupancy(directory: Path) -> Figures:
    """`cosim_<name>_beats` for each FIFO of the newest co-simulation below a directory; none before any.

    Raises:
        CompileError: NL605 for files that cannot be read.
    """
    archive = newest(directory.rglob(ARCHIVE))
    if archive is None:
        return {}
    index = archive.parent.parent / INDEX
    try:
        rows = list(csv.reader(io.StringIO(index.read_text(encoding="utf-8"))))
        with zipfile.ZipFile(archive) as files:
            return dict(_figure(row, files) for row in rows if row)
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise CompileError(
            "NL605",
            f"the occupancy of the FIFOs cannot be read: {error}",
            origin=archive.relative_to(directory).as_posix(),
            hint="run the step 'cosim' again; a run that was ended leaves incomplete files",
        ) from error


def _figure(row: list[str], files: zipfile.ZipFile) -> tuple[str, float]:
    lines = files.read(row[FILE].strip()).decode().split("\n")
    name = row[NAME].strip().removesuffix(RTL_ENDING)
    return f"cosim_{name}_beats", float(int([line for line in lines if line.strip()][-1]))
