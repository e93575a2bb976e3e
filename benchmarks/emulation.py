"""Emulation speed against hls4ml's `predict` on the same jet tagger, in one run on one core.

    export OPENBLAS_NUM_THREADS=1
    taskset -c 0 .venv/bin/python benchmarks/emulation.py [--backend Vitis] [--repeats 5]

hls4ml gets the network's own formats (8-bit inputs, 6-bit weights and activations), converts it,
compiles its C++ with g++ and predicts through its library. Quoted: medians of samples per second.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from hls4ml_peer import EXAMPLE, hls4ml_predict, rate
from rich.console import Console
from rich.table import Table

import netloom

SAMPLES = 100_000


def main() -> int:
    """Measure both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="Vitis")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    jets = np.load(EXAMPLE / "jets.npz")
    x = np.ascontiguousarray(np.resize(jets["x"], (SAMPLES, 16)))

    start = time.perf_counter()
    design = netloom.compile(EXAMPLE / "model.onnx")
    seconds = time.perf_counter() - start
    ours = rate(design.predict, x, arguments.repeats)

    with tempfile.TemporaryDirectory() as directory:
        predict, convert, build = hls4ml_predict(arguments.backend, Path(directory))
        theirs = rate(predict, x[: SAMPLES // 10], arguments.repeats)
        difference = float(np.abs(np.asarray(predict(jets["x"])) - jets["expected"]).max())

    table = Table("tool", "ready after (s)", "samples/s (median)", "max error to QONNX", "ratio")
    error = float(np.abs(design.predict(jets["x"]) - jets["expected"]).max())
    table.add_row("netloom emulator", f"{seconds:.1f}", f"{ours:,.0f}", f"{error:g}", f"{ours / theirs:.0f}")
    table.add_row(
        f"hls4ml {arguments.backend}", f"{convert + build:.1f}", f"{theirs:,.0f}", f"{difference:g}", "1"
    )
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
