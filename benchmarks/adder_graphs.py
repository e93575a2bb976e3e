"""Adder graphs of constant matrices: this package against what was recorded of its peers.

    python benchmarks/adder_graphs.py --baselines path/to/baselines [--large] [--slack 0]

Columns: adders, adder bits, depth and processor seconds, ours and the peer's, and the ratio of adders.
The peer's adder bits are by its own definition, so only their order of magnitude compares.  With da4ml
installed it runs live as well.  ``--large`` adds random matrices that no peer was measured on.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from netloom.core.adder_graph import AdderGraph
from netloom.passes.solvers import solve_sharing

IntArray = NDArray[np.int64]
RANDOM = ("rand_64x64_4b", "rand_64x64_6b", "rand_64x64_8b", "rand_128x128_8b")
# Bits and signedness of the inputs, as in the recorded runs; random matrices take 8 bits, signed.
JET_INPUTS = {"jet_W0": (16, True), "jet_W1": (6, False), "jet_W2": (6, False), "jet_W3": (6, False)}


def recorded_matrices(baselines: Path) -> dict[str, IntArray]:
    """The integer matrices of the baselines by the names under which figures were recorded."""
    jet = np.load(baselines / "matrices" / "jet_mlp_6b.npz")
    matrices = {f"jet_W{i}": jet[f"W{i}_int"].astype(np.int64) for i in range(4)}
    for name in RANDOM:
        matrices[name] = np.load(baselines / "matrices" / f"{name}.npz")["K"].astype(np.int64)
    return matrices


def large_matrices() -> dict[str, IntArray]:
    """Shapes of whole layers: ternary, and with weights as wide as a 21-bit fixed-point format."""
    rng = np.random.default_rng(0)
    return {
        "ternary 784x64": rng.integers(-1, 2, (784, 64)),
        "100x100, 21 bit": rng.integers(-(2**20), 2**20, (100, 100)),
        "640x128, 21 bit": rng.integers(-(2**20), 2**20, (640, 128)),
    }


def input_bounds(name: str, n_inputs: int) -> tuple[IntArray, IntArray]:
    """Bounds int64[K] of the inputs of a matrix."""
    bits, signed = JET_INPUTS.get(name, (8, True))
    lowest, highest = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return np.full(n_inputs, lowest), np.full(n_inputs, highest)


def live_peer(matrix: IntArray, slack: int | None) -> str:
    """Adders and seconds of the installed da4ml on one matrix."""
    from da4ml.cmvm import solve

    start = time.process_time()
    solution = solve(matrix.astype(np.float32), hard_dc=-1 if slack is None else slack)
    seconds = time.process_time() - start
    # Opcodes 0 and 1 are the sum and the difference of two operands.
    adders = sum(op.opcode in (0, 1) for stage in solution.solutions for op in stage.ops)
    return f"{adders} ({seconds:.2f} s)"


def row(name: str, matrix: IntArray, slack: int | None, peer: dict[str, Any] | None) -> list[str]:
    """One line of the table, without the live peer."""
    lo, hi = input_bounds(name, matrix.shape[0])
    start = time.process_time()
    graph: AdderGraph = solve_sharing(matrix, lo, hi, depth_slack=slack)
    seconds = time.process_time() - start
    depth = int(graph.depths().max())
    ours = [str(graph.n_adders), str(graph.adder_bits(lo, hi)), str(depth), f"{seconds:.2f}"]
    if peer is None:
        return [name, *ours, "", "", "", "", ""]
    theirs = [str(peer["adders"]), str(peer["adder_bits"]), f"{peer['depth']:.0f}", f"{peer['cpu_s']:.2f}"]
    return [name, *ours, *theirs, f"{graph.n_adders / peer['adders']:.3f}"]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--baselines", type=Path, required=True, help="folder of recorded baselines")
    parser.add_argument("--slack", type=int, help="depth limit: levels above the least; default no limit")
    parser.add_argument("--large", action="store_true", help="also layers of up to 500 000 digits")
    arguments = parser.parse_args()
    figures = json.loads((arguments.baselines / "adder_graphs.json").read_text())
    setting = f"hard_dc={-1 if arguments.slack is None else arguments.slack},search_all=False"
    live = importlib.util.find_spec("da4ml") is not None
    table = Table(title=f"depth slack {arguments.slack}; recorded: da4ml 0.6.0, {setting}")
    for column in ("matrix", "adders", "bits", "depth", "CPU s", "da4ml", "bits", "depth", "CPU s", "ratio"):
        table.add_column(column, justify="left" if column == "matrix" else "right")
    if live:
        table.add_column("da4ml live", justify="right")
    # Compiled code is loaded (or, the first time, compiled) outside the measurement.
    solve_sharing(np.array([[3, 5]]), np.array([0]), np.array([1]), depth_slack=0)
    matrices = recorded_matrices(arguments.baselines) | (large_matrices() if arguments.large else {})
    for name, matrix in matrices.items():
        recorded = figures.get(name, {}).get("da4ml_0.6.0", {}).get(setting)
        line = row(name, matrix, arguments.slack, recorded)
        table.add_row(*line, *([live_peer(matrix, arguments.slack)] if live else []))
    Console().print(table)


if __name__ == "__main__":
    main()
