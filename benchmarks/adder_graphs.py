"""Adder graphs of constant matrices: this package, what was recorded of its peers, and the peers live.

    python benchmarks/adder_graphs.py --baselines path/to/baselines [--random 4] [--slack 0] [--effort 1]

For each matrix and solver: adders, tables and bits of carry chain (both counted by this package on every
solver's network, with exact ranges), depth in adders, and processor seconds.  Recorded figures are those of
the peers' own report: their bits are counted otherwise.  Peers run live where they are installed, with every
setting of their delay limit; ``--random N`` adds N matrices of fresh seeds.  Below the table stand geometric
means of our figures over those of the best live peer, at any depth and among networks no deeper than ours.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from netloom.passes.solvers import (
    AlkaidSolver,
    ConstantMatrixSolver,
    Da4mlSolver,
    MatrixProblem,
    SharingSolver,
)

IntArray = NDArray[np.int64]
RANDOM = ("rand_64x64_4b", "rand_64x64_6b", "rand_64x64_8b", "rand_128x128_8b")
# Bits and signedness of the inputs, as in the recorded runs; random matrices take 8 bits, signed.
JET_INPUTS = {"jet_W0": (16, True), "jet_W1": (6, False), "jet_W2": (6, False), "jet_W3": (6, False)}
# Digits from which on the peers take minutes.
LARGE = 128 * 128
PEERS: dict[str, ConstantMatrixSolver] = {"da4ml": Da4mlSolver(), "alkaid": AlkaidSolver()}


@dataclass(frozen=True)
class Result:
    """One network of one solver."""

    solver: str
    adders: int
    tables: int
    bits: int
    depth: int
    seconds: float

    def cells(self) -> list[str]:
        """A line of the table, after the name of the matrix."""
        counts = (self.adders, self.tables, self.bits, self.depth)
        return [self.solver, *map(str, counts), f"{self.seconds:.2f}"]


def recorded_matrices(baselines: Path) -> dict[str, IntArray]:
    """The integer matrices of the baselines by the names under which figures were recorded."""
    jet = np.load(baselines / "matrices" / "jet_mlp_6b.npz")
    matrices = {f"jet_W{i}": jet[f"W{i}_int"].astype(np.int64) for i in range(4)}
    for name in RANDOM:
        matrices[name] = np.load(baselines / "matrices" / f"{name}.npz")["K"].astype(np.int64)
    return matrices


def random_matrices(count: int, seed: int | None) -> dict[str, IntArray]:
    """Matrices of several shapes, widths and densities that nobody has seen before."""
    rng = np.random.default_rng(seed)
    matrices = {}
    for number in range(count):
        k, n, bits = (int(rng.integers(*span)) for span in ((8, 49), (4, 33), (2, 9)))
        density = float(rng.choice([0.3, 1.0]))
        matrix = rng.integers(-(1 << bits - 1), 1 << bits - 1, (k, n)) * (rng.random((k, n)) < density)
        matrices[f"{number}: {k}x{n}, {bits} bit, {density:.0%}"] = matrix.astype(np.int64)
    return matrices


def large_matrices() -> dict[str, IntArray]:
    """Shapes of whole layers: ternary, depthwise, and with weights of a 21-bit fixed-point format."""
    rng = np.random.default_rng(0)
    depthwise = np.zeros((576, 64), np.int64)
    for column in range(64):
        depthwise[column::64, column] = rng.integers(-128, 128, 9)
    return {
        "ternary 784x64": rng.integers(-1, 2, (784, 64)),
        "depthwise 3x3, 64 channels": depthwise,
        "100x100, 21 bit": rng.integers(-(2**20), 2**20, (100, 100)),
        "640x128, 21 bit": rng.integers(-(2**20), 2**20, (640, 128)),
    }


def input_bounds(name: str, n_inputs: int) -> tuple[IntArray, IntArray]:
    """Bounds int64[K] of the inputs of a matrix."""
    bits, signed = JET_INPUTS.get(name, (8, True))
    lowest, highest = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return np.full(n_inputs, lowest), np.full(n_inputs, highest)


def run(label: str, solver: ConstantMatrixSolver, problem: MatrixProblem) -> Result:
    """Solves and counts.

    Raises:
        ValueError: when the network does not compute the matrix.
    """
    start = time.process_time()
    graph = solver.solve(problem)
    seconds = time.process_time() - start
    if not np.array_equal(graph.matrix(), problem.matrix):
        raise ValueError(f"{label} gave a network of another matrix")
    tables, bits = graph.adder_logic(problem.lo, problem.hi)
    return Result(label, graph.n_adders, tables, bits, int(graph.depths().max()), seconds)


def live_peers(problem: MatrixProblem) -> Iterator[Result]:
    """The installed peers with every delay limit; large matrices only without one."""
    for name, solver in PEERS.items():
        if importlib.util.find_spec(name) is None:
            continue
        for slack in (None,) if problem.matrix.size >= LARGE else (None, 2, 0):
            label = f"{name}, {'no limit' if slack is None else f'limit {slack}'}"
            yield run(label, solver, replace(problem, depth_slack=slack))


def recorded_lines(figures: dict[str, object]) -> Iterator[list[str]]:
    """What the baselines recorded, as lines of the table."""
    for tool, settings in figures.items():
        if isinstance(settings, dict):
            for setting, figure in settings.items():
                if "search_all=True" not in setting:
                    bits = figure.get("adder_bits", figure.get("lut_cost"))
                    depth = f"{figure['depth']:.0f}"
                    label = f"[dim]{tool} {setting.split(',')[0]}, recorded"
                    yield [label, str(figure["adders"]), "", str(bits), depth, f"{figure['cpu_s']:.2f}"]


def means(results: list[tuple[Result, list[Result]]]) -> Iterator[str]:
    """Geometric means of ours over the best peer's."""
    for what in ("tables", "bits", "adders"):
        for among in ("at any depth", "no deeper than ours"):
            ratios = []
            for own, peers in results:
                fit = [p for p in peers if among == "at any depth" or p.depth <= own.depth]
                if fit:
                    ratios.append(getattr(own, what) / min(getattr(peer, what) for peer in fit))
            if ratios:
                mean = float(np.exp(np.mean(np.log(ratios))))
                yield f"{what} against the best peer {among}: {mean:.3f} (worst {max(ratios):.3f})"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--baselines", type=Path, required=True, help="folder of recorded baselines")
    parser.add_argument("--only", default="", help="only matrices whose name contains this")
    parser.add_argument("--slack", type=int, default=1, help="levels above the least, -1 for no limit")
    parser.add_argument("--effort", type=float, default=0.03, help="1 for a thorough search")
    parser.add_argument("--random", type=int, default=0, help="how many random matrices to add")
    parser.add_argument("--seed", type=int, help="of the random matrices; default a fresh one")
    parser.add_argument("--large", action="store_true", help="also layers of up to 500 000 digits")
    arguments = parser.parse_args()
    slack = None if arguments.slack < 0 else arguments.slack
    figures = json.loads((arguments.baselines / "adder_graphs.json").read_text())
    table = Table(title=f"depth slack {slack}, effort {arguments.effort}")
    for column in ("matrix", "solver", "adders", "tables", "bits", "depth", "CPU s"):
        table.add_column(column, justify="left" if column in ("matrix", "solver") else "right")
    matrices = recorded_matrices(arguments.baselines) | random_matrices(arguments.random, arguments.seed)
    matrices |= large_matrices() if arguments.large else {}
    # Compiled code is loaded (or, the first time, compiled) outside the measurement.
    one = MatrixProblem(np.array([[3, 5], [7, 9]]), np.zeros(2, np.int64), np.ones(2, np.int64), None, 0)
    SharingSolver().solve(one)
    results: list[tuple[Result, list[Result]]] = []
    for name, matrix in matrices.items():
        if arguments.only in name:
            lo, hi = input_bounds(name, matrix.shape[0])
            problem = MatrixProblem(matrix, lo, hi, None, slack, arguments.effort)
            own, peers = run("netloom", SharingSolver(), problem), list(live_peers(problem))
            table.add_row(name, *own.cells())
            for line in [*(peer.cells() for peer in peers), *recorded_lines(figures.get(name, {}))]:
                table.add_row("", *line)
            table.add_section()
            results.append((own, peers))
    console = Console()
    console.print(table)
    for text in means(results):
        console.print(text)


if __name__ == "__main__":
    main()
