"""Real convolutional networks as streams: the code of every backend gives the emulator's bits on real images.

All models on all backends are in `benchmarks/streams_everywhere.py`; here are those that take seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import netloom
from netloom.passes.analysis.network import network
from netloom.passes.analysis.scheduled import required_timing
from netloom.sim.dataflow import simulate
from tests.shared import model_file
from tests.test_convolutional_models import FLOAT, QUANTIZED, Model

CALIBRATION = 16
MODELS = {model.folder: model for model in (*QUANTIZED, *FLOAT)}
HLS = {
    "t_mnist_qcnn_w4a4_perch_qonnx": ("vivado", "vitis", "quartus", "catapult"),
    "t_cifar_resnet_w4a4_trunc_qonnx": ("vitis", "quartus"),
    "t_camvid_unet_float": ("catapult",),
    "dscnn_kws_mlperf_onnx": ("vivado",),
    "cnn1d_small_onnx": ("quartus", "catapult"),
}
"""Models by folder, and the backends whose C++ they are compiled to."""
GHDL = {"t_mnist_qcnn_w4a4_perch_qonnx": 3, "t_cifar_resnet_w4a4_trunc_qonnx": 2, "cnn1d_small_onnx": 20}
"""Models by folder, and how many images are simulated."""


def is_here(folder: str) -> bool:
    return MODELS[folder].is_here


def images(model: Model, count: int) -> Any:
    """The first inputs; a single one without its name, which the graph may have changed."""
    found = {name: array[:count] for name, array in model.inputs.items()}
    return found if len(found) > 1 else next(iter(found.values()))


def compiled(model: Model, backend: str) -> netloom.Design:
    options = {} if model in QUANTIZED else {"calibration": images(model, CALIBRATION)}
    path = model_file(model.folder, model.file)
    return netloom.compile(path, backend=backend, io="stream", **options)


def check_outputs(design: netloom.Design, x: Any) -> None:
    got, expected = design.simulate(x, raw=True), design.predict(x, raw=True)
    assert isinstance(got, np.ndarray)
    assert isinstance(expected, np.ndarray)
    assert np.array_equal(got, expected)
    assert len(np.unique(got)) > 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "backend"), [(f, each) for f, backends in HLS.items() if is_here(f) for each in backends]
)
def test_c_simulation_equals_the_emulator(folder: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A run of two images costs less than optimizing.
    monkeypatch.setattr("netloom.sim.hls.OPTIMIZATION", ())
    model = MODELS[folder]
    check_outputs(compiled(model, backend), images(model, 2))


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "count"), [(f, n) for f, n in GHDL.items() if is_here(f)])
def test_ghdl_equals_the_emulator_and_the_dataflow_simulator(folder: str, count: int) -> None:
    model = MODELS[folder]
    design = compiled(model, "vhdl")
    check_outputs(design, images(model, count))
    measured, found = design.last_simulation, network(design.module)
    assert measured is not None
    timing, trace = required_timing(design.module), simulate(found, count)
    assert measured.latency_cycles == timing.latency_cycles
    assert measured.interval == timing.interval_cycles
    assert np.array_equal(measured.frame_ends, trace.frame_ends)
    assert [measured.fifos[fifo.name] for fifo in found.fifos] == trace.occupancy.tolist()
