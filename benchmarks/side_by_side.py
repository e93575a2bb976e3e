"""Hardware of constant matrices and of the jet network: ours and the code that the peers themselves write.

    python benchmarks/side_by_side.py --baselines path/to/baselines [--only jet_W3] [--random 2] [--route]
    python benchmarks/side_by_side.py --baselines path/to/baselines --network --levels 5 [--route]

Every design goes through the same Yosys (``synth_xilinx -family xcup``); with ``--route`` also through
nextpnr for ECP5 behind the same harness of shift registers.  Ours is the written VHDL through GHDL; da4ml and
Alkaid write Verilog, Alkaid with adders of two operands and with its own fusion to three.  A matrix is one
stage without registers but those at the output of ours, the network has registers every so many adder levels.
Peers that are not installed are left out (``pip install da4ml alkaid``).
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from adder_graphs import input_bounds, random_matrices, recorded_matrices
from numpy.typing import NDArray
from open_flow import of_verilog, recorded_network
from rich.console import Console
from rich.table import Table

from netloom.api import Design
from netloom.build.report import BuildReport
from netloom.core.fixed import Format
from netloom.ir.da import KernelOp
from netloom.ir.nn import MatMulOp
from netloom.ir.program import main as function_of
from netloom.ir.program import program_ops
from netloom.testing.program import Port, Program
from netloom.testing.target import Target

Ints = NDArray[np.int64]
COLUMNS = ("design", "tool", "cycles", "adders", "depth", "convert s", "LUT", "FF", "ECP5 MHz")
WHOLE_NS = 1000.0
"""A clock so slow that a matrix is one stage."""


@dataclass(frozen=True)
class Line:
    """What one tool made of one design."""

    tool: str
    cycles: int
    adders: str
    depth: str
    seconds: float
    report: BuildReport

    def cells(self) -> list[str]:
        """Cells of the table."""
        counts = self.report.targets["xcup"].utilisation
        routed = self.report.targets.get("ecp5")
        mhz = f"{routed.routing.fmax_mhz:.1f}" if routed and routed.routing else ""
        made = [self.tool, str(self.cycles), self.adders, self.depth, f"{self.seconds:.2f}"]
        return [*made, str(counts.lut), str(counts.ff), mhz]


def product(matrix: Ints, low: int, high: int, name: str) -> Callable[[], Design]:
    """Our design of one product."""

    def make() -> Design:
        width = (high - low).bit_length()
        source = Format(width, width, low < 0)
        bits = max(int(np.abs(matrix).max()).bit_length() + 1, 2)
        program = Program([("x", Port((1, len(matrix)), source))], name)
        program.origin = "product"
        weights = program.constant(matrix, Format(bits, bits, True))
        program.output(program.add(MatMulOp, program.inputs[0], weights), "y")
        options = {"strategy": "adder_graph", "clock_period_ns": WHOLE_NS}
        return Target("vhdl", "parallel", options).compile(program.finish())

    return make


def ours(make: Callable[[], Design], families: str, directory: Path) -> Line:
    """Our line; compiled once before, so that no compilation of Python code is measured."""
    make()
    start = time.process_time()
    design = make()
    seconds = time.process_time() - start
    kernels = [op for op in program_ops(function_of(design.module)) if isinstance(op, KernelOp)]
    adders = sum(op.graph.n_adders for op in kernels)
    depth = sum(int(op.graph.depths().max()) for op in kernels)
    report = design.build(directory / "ours", targets=families, bitstream=False)
    return Line("netloom", design.report().latency_cycles, str(adders), str(depth), seconds, report)


@dataclass(frozen=True)
class Peer:
    """A peer: its package, and how it writes Verilog of what a function of its inputs computes."""

    name: str
    package: str
    write: Callable[[Callable[[Any], Any], int, tuple[int, int, int], int, Path], int]


def _da4ml(
    compute: Callable[[Any], Any], inputs: int, kind: tuple[int, int, int], levels: int, path: Path
) -> int:
    from da4ml.codegen import VerilogModel
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace, to_pipeline

    x = FixedVariableArrayInput((inputs,), HWConfig(1, -1, -1)).quantize(*kind)
    logic = comb_trace(x, compute(x))
    pipeline = to_pipeline(logic, levels, verbose=False) if levels else None
    VerilogModel(logic if pipeline is None else pipeline, "peer", path).write()
    return len(pipeline.solutions) if pipeline is not None else 0


def _alkaid(fuse: bool) -> Callable[[Callable[[Any], Any], int, tuple[int, int, int], int, Path], int]:
    def write(
        compute: Callable[[Any], Any], inputs: int, kind: tuple[int, int, int], levels: int, path: Path
    ) -> int:
        from alkaid.codegen import RTLModel
        from alkaid.trace import FVArrayInput, HWConfig, trace

        x = FVArrayInput((inputs,), HWConfig(1, 1, -1)).quantize(*kind)
        RTLModel(trace(x, compute(x)), path, "peer", latency_cutoff=levels or -1, ternary_fuse=fuse).write()
        return 0

    return write


PEERS = (
    Peer("da4ml", "da4ml", _da4ml),
    Peer("alkaid", "alkaid", _alkaid(False)),
    Peer("alkaid, three operands", "alkaid", _alkaid(True)),
)


def peers(
    compute: Callable[[Any], Any],
    inputs: int,
    kind: tuple[int, int, int],
    levels: int,
    families: str,
    directory: Path,
) -> Iterator[Line]:
    """A line of each installed peer; `kind` is sign, integer and fraction bits of its inputs."""
    for peer in PEERS:
        if importlib.util.find_spec(peer.package) is None:
            continue
        path = directory / peer.name.replace(", ", "_").replace(" ", "_")
        peer.write(compute, inputs, kind, levels, path / "again")
        start = time.process_time()
        cycles = peer.write(compute, inputs, kind, levels, path / "written")
        seconds = time.process_time() - start
        report = of_verilog(path / "written" / "src", "peer", families, 5.0, path / "built")
        yield Line(peer.name, cycles, "", "", seconds, report)


def network(data: Mapping[str, Any]) -> Callable[[Any], Any]:
    """The jet network of the baselines, as both peers trace it."""

    def compute(x: Any) -> Any:
        value = x
        for layer in range(4):
            weights = data[f"W{layer}_int"] * 2.0 ** -int(data["w_frac"])
            value = value @ weights + data[f"b{layer}_int"] * 2.0**-5
            if layer < 3:
                value = value.relu().quantize(0, 0, 6, overflow_mode="SAT", round_mode="RND")
        return value

    return compute


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--baselines", type=Path, required=True, help="folder of recorded baselines")
    parser.add_argument("--only", default="", help="only matrices whose name contains this")
    parser.add_argument("--random", type=int, default=0, help="how many random matrices to add")
    parser.add_argument("--seed", type=int, help="of the random matrices; default a fresh one")
    parser.add_argument("--route", action="store_true", help="place and route for ECP5, too")
    parser.add_argument("--network", action="store_true", help="the jet network instead of matrices")
    parser.add_argument("--levels", type=int, default=5, help="adder levels of a peer's stage in the network")
    arguments = parser.parse_args()
    families = "xcup,ecp5" if arguments.route else "xcup"
    table = Table(*COLUMNS, title="the same Yosys for all")
    with tempfile.TemporaryDirectory(prefix="netloom-side-by-side-") as temporary:
        for name, lines in _designs(arguments, families, Path(temporary)):
            for number, line in enumerate(lines):
                table.add_row("" if number else name, *line.cells())
            table.add_section()
    Console(width=120).print(table)


def _designs(
    arguments: argparse.Namespace, families: str, directory: Path
) -> Iterator[tuple[str, list[Line]]]:
    if arguments.network:
        data = np.load(arguments.baselines / "matrices" / "jet_mlp_6b.npz")
        kind = (1, 15 - int(data["x_frac"]), int(data["x_frac"]))
        line = ours(lambda: recorded_network(arguments.baselines)[0], families, directory)
        yield (
            "jet network",
            [
                line,
                *peers(network(data), 16, kind, arguments.levels, families, directory),
            ],
        )
        return
    matrices = recorded_matrices(arguments.baselines) | random_matrices(arguments.random, arguments.seed)
    for name, matrix in matrices.items():
        if arguments.only not in name:
            continue
        low, high = (int(bound[0]) for bound in input_bounds(name, len(matrix)))
        own = directory / name.replace(" ", "_").replace(":", "").replace(",", "").replace("%", "")
        line = ours(product(matrix, low, high, "product"), families, own)
        kind = (int(low < 0), (high - low).bit_length() - int(low < 0), 0)

        def compute(x: Any, matrix: Ints = matrix) -> Any:
            return x @ matrix.astype(float)

        yield name, [line, *peers(compute, len(matrix), kind, 0, families, own)]


if __name__ == "__main__":
    main()
