"""Convolutional networks as streams on every backend: does the generated code do what was predicted?

    .venv/bin/python benchmarks/streams_everywhere.py [--models NAME ...] [--backends NAME ...]
        [--images 1] [--shrink 1] [--samples 200] [--limit SECONDS] [--record FILE]

For each model of `streams.py` and each backend: the design is compiled, its code is built (g++ with the
vendor's number types, or the analysis of GHDL) and run on real images. The outputs must equal the emulator's
mantissas, and those that the model's other backends predicted. GHDL must also need the cycles that the
dataflow simulator says, for every frame at every output, and fill each FIFO as far. Latency and interval are
`predicted/simulated` (C-simulation has no clock; one image has no interval). Accuracy is that of the emulator
on the labelled images, beside the reference's own outputs on the same images. Seconds are of processor time,
so other work on the machine does not count. With --shrink 8 a model of convolutions alone is compiled for
an eighth of the rows and columns, where all of them are too many for GHDL. With --record every row is also
added to a file, as a line of JSON, as soon as it is there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from streams import FLOATS, MODELS, QUANTIZED, accuracy, arrays, compiled, images

import netloom
from netloom.passes.analysis.network import network
from netloom.passes.analysis.scheduled import required_timing
from netloom.sim.dataflow import simulate
from netloom.sim.ghdl import GhdlSimulator
from netloom.sim.hls import HlsSimulator
from netloom.sim.ports import encode, output_mantissas
from netloom.sim.result import SimulationResult

BACKENDS = ("vhdl", "vitis", "catapult", "vivado", "quartus")


@dataclass(frozen=True)
class Row:
    """A model on a backend.

    Attributes:
        compile_s: from the file to the project.
        build_s: of g++, or of GHDL's analysis.
        run_s: of the simulation.
        images: that were compared.
        shrink: part of the rows and columns of an image that is there: 1 for all, 4 for a quarter.
        result: `equal`, or what differs or failed.
        latency, interval: cycles, predicted and simulated.
        accuracy: of the design and of the reference.
    """

    model: str
    backend: str
    compile_s: float
    build_s: float
    run_s: float
    images: int
    shrink: int
    result: str
    latency: str
    interval: str
    accuracy: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        times = (f"{seconds:.1f}" for seconds in (self.compile_s, self.build_s, self.run_s))
        ends = (self.latency, self.interval, self.accuracy)
        size = f"{self.images} (1/{self.shrink})" if self.shrink > 1 else str(self.images)
        return (self.model, self.backend, *times, size, self.result, *ends)


def checked(name: str, backend: str, settings: argparse.Namespace, known: list[Any]) -> Row:
    """Compile, build, run and compare.

    Args:
        name: of the model.
        backend: of the design.
        settings: images to run and their part, samples for accuracy, limit for each call of g++ or GHDL.
        known: what the model's first design predicted; filled by it.
    """
    start = spent()
    design, _ = compiled(name, backend, settings.shrink)
    _ = design.plan
    compile_s = spent() - start
    given = design.interface.inputs_from(images(name, settings.images, settings.shrink))
    wanted = output_mantissas(design.module, design.emulator, given)
    known[:] = known or wanted
    timing = required_timing(design.module)
    latency, interval = str(timing.latency_cycles), str(timing.interval_cycles)
    correct = "" if settings.shrink > 1 else scores(design, name, settings.samples)
    start, build_s, run_s = spent(), 0.0, 0.0
    try:
        simulator = built(design, settings.limit)
        build_s = spent() - start
        result = simulator.run(encode(design.module, design.emulator, given))
        run_s = spent() - start - build_s
        found = "; ".join(differences(design, result, wanted, known)) or "equal"
        latency += "" if result.latency_cycles is None else f"/{result.latency_cycles}"
        interval += f"/{result.interval}" if result.interval and len(given[0]) > 1 else ""
    except netloom.CompileError as error:
        found = str(error).splitlines()[0]
    counted = (compile_s, build_s, run_s, len(given[0]), settings.shrink)
    return Row(name, backend, *counted, found, latency, interval, correct)


def spent() -> float:
    """Seconds of processor time until now, with those of programs that have ended."""
    return sum(os.times()[:4])


def built(design: netloom.Design, limit: float | None) -> GhdlSimulator | HlsSimulator:
    """A simulator whose code is compiled."""
    if design.backend.name == "vhdl":
        ghdl = GhdlSimulator(design.plan, timeout_s=limit)
        ghdl.analyse()
        return ghdl
    gxx = HlsSimulator(design.plan, timeout_s=limit)
    gxx.compile()
    return gxx


def differences(
    design: netloom.Design, result: SimulationResult, wanted: list[Any], known: list[Any]
) -> list[str]:
    """In what the simulation departs from the emulator and from the dataflow simulator."""
    wrong = []
    if not all(map(np.array_equal, result.outputs, wanted)) or len(result.outputs) != len(wanted):
        wrong.append("outputs differ from the emulator")
    if not all(map(np.array_equal, wanted, known)):
        wrong.append("predictions differ between backends")
    if result.latency_cycles is None:
        return wrong
    found = network(design.module)
    trace = simulate(found, len(result.outputs[0]))
    if result.latency_cycles != trace.latency:
        wrong.append("latency differs")
    if not np.array_equal(result.frame_ends, trace.frame_ends):
        wrong.append("cycles differ")
    if [result.fifos[fifo.name] for fifo in found.fifos] != trace.occupancy.tolist():
        wrong.append("counts of FIFOs differ")
    return wrong


def scores(design: netloom.Design, name: str, samples: int) -> str:
    """Accuracy of the design and of the reference, where the images have labels."""
    folder = MODELS / name
    if not samples or not (folder / "labels.npz").exists():
        return ""
    outputs = design.predict(images(name, samples))
    assert not isinstance(outputs, Mapping), "labels are for one output"
    (labels,) = arrays(folder / "labels.npz").values()
    (expected,) = arrays(folder / "expected.npz").values()
    count = len(outputs)
    pair = (outputs.reshape(expected[:count].shape), expected[:count])
    return f"{' / '.join(f'{accuracy(each, labels[:count]):.4f}' for each in pair)} ({count})"


def main() -> int:
    """Check the models, print each row when it is there, and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", nargs="*", default=[*QUANTIZED, *FLOATS])
    parser.add_argument("--backends", nargs="*", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--images", type=int, default=1)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--shrink", type=int, default=1)
    parser.add_argument("--limit", type=float)
    parser.add_argument("--record", type=Path)
    arguments = parser.parse_args()
    table = Table("model", "backend", "compile s", "build s", "run s", "images", "result")
    for title in ("latency", "interval", "accuracy: design / reference (images)"):
        table.add_column(title)
    failed = False
    for name in arguments.models:
        known: list[Any] = []
        for backend in arguments.backends:
            row = checked(name, backend, arguments, known)
            print(*row.cells, flush=True)
            table.add_row(*row.cells)
            failed = failed or row.result != "equal"
            if arguments.record:
                with arguments.record.open("a") as record:
                    record.write(json.dumps(asdict(row)) + "\n")
    Console(width=160).print(table)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
