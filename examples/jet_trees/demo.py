"""Boosted trees become hardware, and a simulator runs them: every bit and every class must agree."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from rich.console import Console

import netloom

HERE = Path(__file__).parent


def main() -> int:
    """Compile, write, simulate, compare; 0 when all bits agree."""
    console = Console()
    jets = np.load(HERE / "jets.npz")
    x, label, probability = jets["x"], jets["label"], jets["probability"]

    # The trees alone: outputs are scores, the largest of which is the class.
    design = netloom.compile(HERE / "model.json", input_precision="fixed<16,6>", cut_softmax=True)
    project = design.write(Path("build") / "jet_trees")
    console.print(design.report(), highlight=False)
    console.print(f"VHDL, test bench and scripts are in {project}", highlight=False)

    scores, simulated = design.predict(x), design.simulate(x)
    measured = design.last_simulation
    console.print(f"accuracy on {len(x)} labelled jets: {np.mean(scores.argmax(axis=1) == label):.4f}")
    agreements = {
        "VHDL simulation and emulator": np.array_equal(simulated, scores),
        "classes here and in XGBoost": np.array_equal(scores.argmax(axis=1), probability.argmax(axis=1)),
        "measured and predicted latency": measured.latency_cycles == design.report().latency_cycles,
    }
    for what, equal in agreements.items():
        console.print(f"{what}: {'equal' if equal else 'DIFFERENT'}")
    return 0 if all(agreements.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
