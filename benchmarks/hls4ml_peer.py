"""The peer of these benchmarks: hls4ml on the example's jet tagger, in the network's own formats."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx

EXAMPLE = Path(__file__).parents[1] / "examples" / "jet_tagger"


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
