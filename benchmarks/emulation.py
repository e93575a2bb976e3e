"""Emulation speed against hls4ml's `predict` on the same jet tagger, in one run on one core; and of a CNN.

    export OPENBLAS_NUM_THREADS=1
    taskset -c 0 .venv/bin/python benchmarks/emulation.py [--backend Vitis] [--repeats 5]
    taskset -c 0 .venv/bin/python benchmarks/emulation.py --network cnn

hls4ml gets the network's own formats (8-bit inputs, 6-bit weights and activations), converts it,
compiles its C++ with g++ and predicts through its library. Quoted: medians of samples per second.

The convolutional network is that of arXiv:2101.05108 (`svhn_cnn.py`), as streams and before any lowering.
hls4ml is not run on it here: its figures are those measured on the same kind of machine for that network
(hls4ml 1.3.0, Vitis emulation, parallel and stream), whose compilation alone takes minutes.
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
from svhn_cnn import svhn_cnn

import netloom
from netloom.api import load
from netloom.core.options import CompileOptions
from netloom.passes.manager import PassManager, parse
from netloom.sim.emulator import Emulator

SAMPLES = 100_000
IMAGES = 1000
PEER_IMAGES_PER_SECOND = {"parallel": 45, "stream": 30}
PEER_COMPILE_SECONDS = {"parallel": 133, "stream": 14}


def main() -> int:
    """Measure one of the networks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--network", choices=("jets", "cnn"), default="jets")
    parser.add_argument("--backend", default="Vitis")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    return images(arguments) if arguments.network == "cnn" else tagger(arguments)


def images(arguments: argparse.Namespace) -> int:
    """The convolutional network, as a design of streams and as the program before its lowering."""
    x = np.random.default_rng(0).uniform(-1, 1, size=(IMAGES, 3, 32, 32)).astype(np.float32)
    start = time.perf_counter()
    design = netloom.compile(svhn_cnn(), io="stream", strategy="latency")
    ready = time.perf_counter() - start
    streams = rate(design.predict, x, arguments.repeats)
    start = time.perf_counter()
    module = load(svhn_cnn())
    for text in CompileOptions().pipeline:
        PassManager(parse(text)).run(module)
    emulator = Emulator(module)
    program_ready = time.perf_counter() - start
    program = rate(lambda batch: emulator.run([batch[:, None]]), x, arguments.repeats)

    table = Table("tool", "ready after (s)", "images/s (median)", "ratio")
    peer = PEER_IMAGES_PER_SECOND["parallel"]
    table.add_row("netloom, io=stream", f"{ready:.1f}", f"{streams:,.0f}", f"{streams / peer:.0f}")
    table.add_row(
        "netloom, exact program", f"{program_ready:.1f}", f"{program:,.0f}", f"{program / peer:.0f}"
    )
    for io, speed in PEER_IMAGES_PER_SECOND.items():
        seconds = PEER_COMPILE_SECONDS[io]
        table.add_row(f"hls4ml Vitis, {io} (recorded)", f"{seconds}", f"{speed}", f"{speed / peer:.1f}")
    Console().print(table)
    return 0


def tagger(arguments: argparse.Namespace) -> int:
    """The jet tagger, with hls4ml in the same run."""
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
