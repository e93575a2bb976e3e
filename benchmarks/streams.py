"""Convolutional networks as streams: what each costs, how exact it is, and how long the compiler takes.

    .venv/bin/python benchmarks/streams.py [--models NAME ...] [--ghdl IMAGES] [--samples 200]

Every model of ../shared/models with convolutions in ONNX or QONNX, and the autoencoder of dense layers, whose
frame is one beat. Quantized models are compared with the reference's own outputs; float models get formats
from calibration (16 bits), and their largest deviation is shown. Accuracy is that of the compiled design on
the labelled images beside that of the reference's outputs on the same images. With --ghdl the design is
simulated too: outputs must equal the emulator, and latency, interval and the largest count of every FIFO what
the dataflow simulator says.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from rich.console import Console
from rich.table import Table

import netloom
from netloom.core.dataflow import Network
from netloom.passes.analysis.network import network
from netloom.passes.analysis.scheduled import required_timing
from netloom.sim.dataflow import simulate

MODELS = Path(__file__).parents[2] / "shared" / "models"
FLOAT: Mapping[str, Any] = {"calibration_bits": 16}
"""Options of float models, beside the calibration data."""
QUANTIZED: Mapping[str, Mapping[str, Any]] = {
    "t_mnist_qcnn_w4a4_perch_qonnx": {},
    "t_cifar_resnet_w4a4_trunc_qonnx": {},
    "sepconv_w4a4_qonnx": {},
    "sr_espcn_nnresize_w4a4_qonnx": {},
    "unet_tiny_w4a4_qonnx": {},
}
FLOATS = (
    "cnn1d_small_onnx",
    "cnn_mnist_cntk_onnx",
    "t_mnist_cnn_float",
    "cnn_emd_econt_keras",
    "dscnn_kws_mlperf_onnx",
    "dscnn_sww_mlperf_keras",
    "resnet8_mlperf_keras",
    "t_camvid_unet_float",
    "mobilenet_vww_mlperf_keras",
    "ae_toycar_mlperf_keras",
)
CALIBRATION = 32
"""Images from which formats are sized."""
MOST_CHANNELS = 16
"""At the edges of the models whose images may be cropped."""


@dataclass(frozen=True)
class Measured:
    """A row of the table."""

    name: str
    compile_s: float
    found: Network
    timing: tuple[int, int]
    images_per_s: float
    equal: str
    accuracy: str


def arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file."""
    with np.load(path) as data:
        return {name: data[name] for name in data.files}


def images(name: str, count: int, shrink: int = 1) -> Any:
    """The first inputs of a model; a single one without its name, which the graph may have changed.

    Only the first rows and columns, if `shrink` is above 1.
    """
    found = {key: array[:count] for key, array in arrays(MODELS / name / "inputs.npz").items()}
    found = {key: array[tuple(map(slice, cut(array.shape, shrink)))] for key, array in found.items()}
    return found if len(found) > 1 else next(iter(found.values()))


def cut(shape: Sequence[int], shrink: int) -> list[int]:
    """The shape of images [n, ...] with that part of their rows and columns, which are more than channels."""
    return [shape[0], *(size // shrink if size > MOST_CHANNELS else size for size in shape[1:])]


def shrunk(path: Path, shrink: int) -> onnx.ModelProto:
    """A network of convolutions alone, for images with that part of the rows and columns."""
    model = onnx.load(path)
    constants = {each.name for each in model.graph.initializer}
    for edge in (*model.graph.input, *model.graph.output):
        dims = edge.type.tensor_type.shape.dim
        if edge.name not in constants:
            for dim, size in zip(dims, cut([each.dim_value for each in dims], shrink), strict=True):
                if dim.dim_value:
                    dim.dim_value = size
    kept = [each for each in model.graph.value_info if each.name in constants]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
    return model


def compiled(name: str, backend: str = "vhdl", shrink: int = 1) -> tuple[netloom.Design, float]:
    """The design of a model for a backend, and the seconds that it took."""
    folder = MODELS / name
    path = next(p for p in (folder / "model.onnx", folder / "model_tf2onnx.onnx") if p.exists())
    options = dict(QUANTIZED.get(name, FLOAT))
    if name not in QUANTIZED:
        options["calibration"] = images(name, CALIBRATION, shrink)
    start = time.perf_counter()
    model = shrunk(path, shrink) if shrink > 1 else path
    design = netloom.compile(model, backend=backend, io="stream", **options)
    return design, time.perf_counter() - start


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Share of correct classes; of pixels for segmentation (classes on axis 1), without those of no class."""
    classes = outputs.argmax(axis=1).reshape(-1)
    truth = labels.reshape(-1)
    counted = truth < outputs.shape[1]
    return float((classes == truth)[counted].mean())


def measure(name: str, samples: int, ghdl: int) -> Measured:
    """Compile, predict, compare, and simulate when asked to."""
    folder = MODELS / name
    design, seconds = compiled(name)
    start = time.perf_counter()
    outputs = design.predict(images(name, samples))
    predicted_s = time.perf_counter() - start
    outputs = outputs if isinstance(outputs, dict) else {"": outputs}
    rate = len(next(iter(outputs.values()))) / predicted_s
    expected = arrays(folder / "expected.npz")
    pairs = list(zip(outputs.values(), expected.values(), strict=False))
    pairs = [(got.reshape(want[: len(got)].shape), want[: len(got)]) for got, want in pairs]
    worst = max(float(np.abs(got - want).max()) for got, want in pairs)
    scores = ""
    if (folder / "labels.npz").exists():
        labels = next(iter(arrays(folder / "labels.npz").values()))[: len(pairs[0][0])]
        scores = " / ".join(f"{accuracy(each, labels):.4f}" for each in pairs[0])
    timing = required_timing(design.module)
    found = network(design.module)
    if ghdl:
        check_ghdl(design, images(name, ghdl), found, ghdl)
    return Measured(
        name,
        seconds,
        found,
        (timing.latency_cycles, timing.interval_cycles),
        rate,
        "equal" if worst == 0 else f"{worst:.3g}",
        scores,
    )


def check_ghdl(design: netloom.Design, inputs: Any, found: Network, frames: int) -> None:
    """The same bits and the same cycles.

    Raises:
        AssertionError: where they differ.
    """
    start = time.perf_counter()
    got = design.simulate(inputs, raw=True)
    slow = time.perf_counter() - start
    want = design.predict(inputs, raw=True)
    got, want = (x if isinstance(x, dict) else {"": x} for x in (got, want))
    assert all(np.array_equal(got[key], want[key]) for key in want), "GHDL and the emulator differ"
    simulate(found, frames)
    start = time.perf_counter()
    trace = simulate(found, frames)
    quick = time.perf_counter() - start
    measured = design.last_simulation
    assert measured is not None
    assert np.array_equal(measured.frame_ends, trace.frame_ends), "cycles differ"
    levels = [measured.fifos[fifo.name] for fifo in found.fifos]
    assert levels == trace.occupancy.tolist(), "counts of FIFOs differ"
    print(f"{design.name}: GHDL {slow:.1f} s, simulator {quick * 1e3:.2f} ms, ratio {slow / quick:.0f}")


def main() -> int:
    """Measure the models and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", nargs="*", default=[*QUANTIZED, *FLOATS])
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--ghdl", type=int, default=0)
    arguments = parser.parse_args()
    table = Table("model", "actors", "compile s", "latency", "interval", "FIFO bits", "images/s")
    table.add_column("against reference")
    table.add_column("accuracy: design / reference")
    failed = 0
    for name in arguments.models:
        try:
            row = measure(name, arguments.samples, arguments.ghdl)
        except netloom.CompileError as error:
            print(f"{name}: {error}", flush=True)
            failed += 1
            continue
        cells = [f"{row.compile_s:.1f}", *map(str, row.timing), str(row.found.bits)]
        cells.append(f"{row.images_per_s:.0f}")
        table.add_row(row.name, str(len(row.found.nodes)), *cells, row.equal, row.accuracy)
        print(row.name, *cells, row.equal, row.accuracy, flush=True)
    Console(width=150).print(table)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
