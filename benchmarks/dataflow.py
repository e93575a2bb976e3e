"""Speed of the dataflow simulator and of the optimisation of FIFO depths, on one core.

    taskset -c 0 .venv/bin/python benchmarks/dataflow.py

First table: networks that simulate, with the seconds of processor time, cycles per second, and nanoseconds
for each actor and cycle. Second table: the optimisation of depths, with bits of all FIFOs at 8 bits a beat
in the reference run (depths of which none ever stops a beat) and at the depths found.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from netloom.core.dataflow import Network, Sink, Source, Stage
from netloom.sim.dataflow import minimum, optimise, pareto, simulate
from tests.sim.dataflow_networks import Builder, residual, skip, windowed


def chain(size: int, layers: int, interval: int = 1) -> Network:
    """3x3 convolutions on an image that keeps its size: a window and a stage each."""
    shape, build = (size, size), Builder(2)
    stream = build.add(Source(size * size), shape)
    for _ in range(layers):
        stream = build.add(windowed(shape, (3, 3)), shape, stream)
        stream = build.add(Stage(6, interval), shape, stream)
    build.add(Sink(size * size), shape, stream)
    return build.network


SIMULATED = {
    "20 convolutions, 32x32, 3 frames": (lambda: chain(32, 20), 3),
    "1000 convolutions, 32x32, 3 frames": (lambda: chain(32, 1000), 3),
    "1000 convolutions, 64x64, 1 frame": (lambda: chain(64, 1000), 1),
    "10 convolutions, 1024x1024, 1 frame": (lambda: chain(1024, 10), 1),
    "10 convolutions, 32x32, 36 cycles a beat, 3 frames": (lambda: chain(32, 10, 36), 3),
}
OPTIMISED = {
    "skip connection, 32x32": lambda: skip(100, 32),
    "ResNet-8": lambda: residual(3, 32),
    "ResNet-8, 36 cycles a beat": lambda: residual(3, 32, 36),
    "7 residual blocks, 64x64": lambda: residual(7, 64),
}


def main() -> int:
    """Measure all and print two tables."""
    simulate(skip(100))  # compiled code is loaded outside the measurement
    table = Table("network", "actors", "cycles", "seconds", "cycles/s", "ns")
    for name, (build, frames) in SIMULATED.items():
        network = build()
        start = time.process_time()
        cycles = simulate(network, frames).cycles
        seconds = time.process_time() - start
        ns = seconds / cycles / len(network.nodes) * 1e9
        actors, speed = str(len(network.nodes)), f"{cycles / seconds:,.0f}"
        table.add_row(name, actors, f"{cycles:,}", f"{seconds:.3f}", speed, f"{ns:.1f}")
    Console(width=110).print(table)

    columns = ("optimise (s)", "runs", "bits before", "after", "minimum (s)", "bits", "pareto (s)")
    table = Table("network", "actors", *columns)
    for name, make in OPTIMISED.items():
        network, times = make(), [time.process_time()]
        best = optimise(network)
        times.append(time.process_time())
        least = minimum(network)
        times.append(time.process_time())
        pareto(network)
        times.append(time.process_time())
        spent = [f"{after - before:.2f}" for before, after in pairwise(times)]
        bits = [f"{found:,}" for found in (best.bits_reference, best.bits, least.bits)]
        actors = str(len(network.nodes))
        table.add_row(name, actors, spent[0], str(best.runs), *bits[:2], spent[1], bits[2], spent[2])
    Console(width=110).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
