"""Seconds from a model file to a written VHDL project, each in a fresh process on one core.

taskset -c 0 .venv/bin/python benchmarks/compile_time.py [--repeats 5]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

MODEL = Path(__file__).parents[1] / "examples" / "jet_tagger" / "model.onnx"

IMPORT = "import time; t = time.perf_counter(); import netloom; print(time.perf_counter() - t)"
COMPILE = """
import sys, tempfile, time
t = time.perf_counter()
import netloom
with tempfile.TemporaryDirectory() as d:
    netloom.compile(sys.argv[1]).write(d + "/project")
    print(time.perf_counter() - t)
"""


def measured(code: str, repeats: int) -> float:
    """Median of the seconds that the code prints."""
    command = [sys.executable, "-c", code, str(MODEL)]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(repeats)]
    return statistics.median(float(run.stdout) for run in runs)


def main() -> int:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    measured(COMPILE, 1)  # fills the cache of compiled solver kernels
    table = Table("what", "seconds (median)")
    table.add_row("import netloom", f"{measured(IMPORT, repeats):.3f}")
    table.add_row("jet tagger: import, compile, write VHDL", f"{measured(COMPILE, repeats):.2f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
