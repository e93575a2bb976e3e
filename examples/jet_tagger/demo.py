"""A real jet tagger becomes hardware, and a simulator runs it: every bit must agree."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

import netloom

HERE = Path(__file__).parent


def main() -> int:
    """Compile, write, simulate, compare; 0 when all bits agree."""
    console = Console()
    jets = np.load(HERE / "jets.npz")
    x, label, expected = jets["x"], jets["label"], jets["expected"]

    design = netloom.compile(HERE / "model.onnx", backend="vhdl", io="parallel")
    project = design.write(Path("build") / "jet_tagger")
    console.print(design.report(), highlight=False)
    console.print(f"VHDL, test bench and scripts are in {project}", highlight=False)

    predicted = design.predict(x)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"GHDL simulates {len(x)} jets", total=len(x))
        simulated = design.simulate(x, progress=lambda done, _: bar.update(task, completed=done))
    measured = design.last_simulation

    console.print(f"accuracy on {len(x)} labelled jets: {np.mean(simulated.argmax(axis=1) == label):.4f}")
    console.print(
        f"measured in simulation: latency {measured.latency_cycles} cycles, interval {measured.interval}"
    )
    agreements = {
        "VHDL simulation and emulator": np.array_equal(simulated, predicted),
        "emulator and QONNX reference": np.array_equal(predicted, expected),
        "measured and predicted latency": measured.latency_cycles == design.report().latency_cycles,
    }
    for what, equal in agreements.items():
        console.print(f"{what}: {'equal' if equal else 'DIFFERENT'}")
    if all(agreements.values()):
        console.print(f"All bits agreed: {simulated.size} outputs of {len(x)} jets.")
        return 0
    console.print("Bits differ.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
