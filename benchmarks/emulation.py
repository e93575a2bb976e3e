"""Emulation speed against hls4ml's `predict` on the same jet tagger, in one run on one core.

    export OPENBLAS_NUM_THREADS=1
    taskset -c 0 .venv/bin/python benchmarks/emulation.py [--backend Vitis] [--repeats 5]

hls4ml gets the network's own formats (8-bit inputs, 6-bit weights and activations), converts it,
compiles its C++ with g++ and predicts through its library. Quoted: medians of samples per second.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from rich.console import Console
from rich.table import Table

import netloom

EXAMPLE = Path(__file__).parents[1] / "examples" / "jet_tagger"
SAMPLES = 100_000


def rate(predict: Callable[[Any], Any], x: Any, repeats: int) -> float:
    """Median samples per second."""
    predict(x[:1000])
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        predict(x)
        rates.append(len(x) / (time.perf_counter() - start))
    return statistics.median(rates)


def hls4ml_predict(backend: str, directory: Path) -> tuple[Callable[[Any], Any], float, float]:
    """hls4ml's predict, and the seconds that conversion and compilation took."""
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    start = time.perf_counter()
    model = ModelWrapper(onnx.load(EXAMPLE / "model.onnx"))
    model = cleanup_model(cleanup_model(model).transform(GemmToMatMul()))
    config = hls4ml.utils.config.config_from_onnx_model(
        model, granularity="name", backend=backend, default_precision="fixed<24,12>"
    )
    converted = hls4ml.converters.convert_from_onnx_model(
        model, output_dir=str(directory), backend=backend, io_type="io_parallel", hls_config=config
    )
    middle = time.perf_counter()
    converted.compile()
    return converted.predict, middle - start, time.perf_counter() - middle


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
