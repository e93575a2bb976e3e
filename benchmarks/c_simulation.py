"""C-simulation of the HLS backends against hls4ml's, on the same jet tagger, in one run on one core.

    taskset -c 0 .venv/bin/python benchmarks/c_simulation.py [--backends Vitis Catapult] [--repeats 3]

Columns: seconds to emit the project from the compiled program (and, in brackets, from the model file),
seconds of g++, samples per second (median), and ours to theirs. Both sides compile with the same vendor
headers; hls4ml's networks have the strategy `latency`, which is also measured here beside the default.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from hls4ml_peer import EXAMPLE, hls4ml_predict, rate
from rich.console import Console
from rich.table import Table

import netloom

SAMPLES = 20_000


def ours(backend: str, strategy: str, x: Any, repeats: int) -> tuple[float, float, float, float]:
    """Seconds from the file to a design, of emission and of g++; samples per second."""
    start = time.perf_counter()
    design = netloom.compile(EXAMPLE / "model.onnx", backend=backend, strategy=strategy)
    compiled = time.perf_counter()
    _ = design.plan
    emitted = time.perf_counter()
    design.simulator.compile()
    built = time.perf_counter()
    if not np.array_equal(design.simulate(x[:1000]), design.predict(x[:1000])):
        raise SystemExit(f"{backend}: the simulation does not equal the prediction")
    return compiled - start, emitted - compiled, built - emitted, rate(design.simulate, x, repeats)


def main() -> int:
    """Measure all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--backends", nargs="+", default=["Vivado", "Vitis", "Quartus", "Catapult"])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    x = np.ascontiguousarray(np.resize(np.load(EXAMPLE / "jets.npz")["x"], (SAMPLES, 16)))
    netloom.compile(EXAMPLE / "model.onnx")  # compiled code is loaded outside the measurement

    table = Table("backend", "tool", "emit (s)", "g++ (s)", "ratio", "samples/s", "ratio")
    for backend in arguments.backends:
        with tempfile.TemporaryDirectory() as directory:
            predict, _, build = hls4ml_predict(backend, Path(directory))
            theirs = rate(predict, x[: SAMPLES // 4], arguments.repeats)
        table.add_row(backend, "hls4ml", "", f"{build:.1f}", "1", f"{theirs:,.0f}", "1")
        for strategy in ("adder_graph", "latency"):
            load, emit, gxx, speed = ours(backend.lower(), strategy, x, arguments.repeats)
            table.add_row(
                "",
                f"netloom, {strategy}",
                f"{emit:.2f} ({load + emit:.2f})",
                f"{gxx:.1f}",
                f"{gxx / build:.2f}",
                f"{speed:,.0f}",
                f"{speed / theirs:.1f}",
            )
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
