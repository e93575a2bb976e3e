"""Estimates before synthesis against the open flow, kind by kind.

    python benchmarks/estimates.py --measure        # synthesizes what is not recorded yet (minutes)
    python benchmarks/estimates.py                  # errors of the estimates, and the reference page's table

Each design is one or a few ops between registers.  What Yosys counts for UltraScale+ (LUTn, FDxx, DSP48E2,
RAMB) is recorded in ``estimates.json`` by the design's name; the estimates are computed anew each time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from xdsl.ir import SSAValue

from netloom.api import Design
from netloom.build import yosys
from netloom.build.report import Utilisation
from netloom.build.synthesizable import VERILOG, to_verilog
from netloom.build.targets import TARGETS
from netloom.build.toolchain import Bench
from netloom.core.fixed import Format, Overflow, Rounding
from netloom.estimate.resources import estimate
from netloom.ir.attributes import fixed_tensor, shape_of
from netloom.ir.fx import LookupOp, ThresholdOp
from netloom.ir.nn import (
    AddOp,
    ArgMaxOp,
    MatMulOp,
    MaxOp,
    MinOp,
    MulOp,
    ReduceOp,
    ReluOp,
    SubOp,
)
from netloom.testing.program import Port, Program
from netloom.testing.target import Target

RECORD = Path(__file__).with_name("estimates.json")
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "estimates.md"
RESOURCES = ("lut", "ff", "dsp", "bram")
SMALLEST = 8
WITH_TABLES = ("fx.lookup", "nn.dense resource")

HEAD = """# Estimates and what synthesis gives

<!-- Written by benchmarks/estimates.py --write. -->

The report's tables and registers are formulas over the program (`netloom/estimate/resources.py`), made
before any synthesis. Here they are compared with what Yosys counts for AMD UltraScale+ (`synth_xilinx
-family xcup`), on designs of one or a few ops behind one register: the error as a part of the count of
Yosys, without its sign. The counts are recorded in `benchmarks/estimates.json`; `python
benchmarks/estimates.py --measure` makes those that are missing, `--details` shows every design. Latency
is not an estimate: simulation measures the same number.
"""


@dataclass(frozen=True)
class Sample:
    """A design to measure: its kind, a name, its ports, what it computes, and options of the backend."""

    kind: str
    name: str
    ports: tuple[Port, ...]
    build: Callable[..., SSAValue]
    options: Mapping[str, Any]

    def compile(self, name: str = "sample") -> Design:
        program = Program([(f"x{n}", port) for n, port in enumerate(self.ports)], name)
        program.origin = "layer"
        program.output(self.build(program, *program.inputs), "y")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Target("vhdl", "parallel", {"register_inputs": False, **self.options}).compile(
                program.finish()
            )


def signed(width: int, integer: int = 4) -> Format:
    return Format(width, integer, True)


def unsigned(width: int, integer: int = 4) -> Format:
    return Format(width, integer, False)


def dense(k: int, n: int, source: Format, bits: int, density: float, bias: bool) -> Callable[..., SSAValue]:
    rng = np.random.default_rng(k * 1000 + n * 10 + bits)
    weights = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (k, n))
    weights *= rng.random((k, n)) < density
    offset = rng.integers(-100, 100, n)

    def build(program: Program, x: SSAValue) -> SSAValue:
        product = program.add(MatMulOp, x, program.constant(weights, signed(bits, 2)))
        if not bias:
            return product
        return program.add(
            AddOp, product, program.constant(offset, signed(source.width + bits + 4, source.integer + 6))
        )

    return build


def dense_samples() -> Iterator[Sample]:
    shapes = [
        (4, 4, 8, 6, 1.0),
        (8, 8, 8, 6, 1.0),
        (16, 8, 6, 4, 1.0),
        (16, 16, 8, 4, 0.5),
        (16, 32, 6, 6, 0.3),
        (32, 8, 6, 6, 1.0),
        (8, 32, 12, 5, 0.7),
        (32, 16, 8, 8, 0.5),
        (24, 24, 4, 3, 1.0),
        (10, 5, 16, 10, 1.0),
        (16, 16, 8, 2, 1.0),
        (12, 20, 6, 6, 0.8),
    ]
    for index, (k, n, width, bits, density) in enumerate(shapes):
        source = unsigned(width) if index % 3 == 2 else signed(width)
        for period in (5.0, 2.5) if index < 4 else (5.0,):
            name = f"kernel {k}x{n} in {source} weights {bits} bits density {density:g} period {period:g}"
            yield Sample(
                "da.kernel",
                name,
                (Port((1, k), source),),
                dense(k, n, source, bits, density, index % 2 == 0),
                {"strategy": "adder_graph", "clock_period_ns": period},
            )
    for k, n, width, bits in (
        (4, 4, 6, 6),
        (8, 4, 8, 4),
        (6, 6, 5, 5),
        (8, 8, 4, 4),
        (4, 3, 12, 10),
        (8, 4, 16, 12),
    ):
        yield Sample(
            "nn.dense latency",
            f"latency {k}x{n} in {width} weights {bits} bits",
            (Port((1, k), signed(width)),),
            dense(k, n, signed(width), bits, 1.0, True),
            {"strategy": "latency"},
        )
    for k, n, width, bits, reuse in (
        (8, 8, 6, 6, 4),
        (16, 8, 8, 6, 8),
        (16, 16, 12, 10, 16),
        (8, 4, 6, 5, 2),
        (16, 5, 8, 8, 16),
        (32, 8, 6, 6, 32),
    ):
        yield Sample(
            "nn.dense resource",
            f"resource {k}x{n} in {width} weights {bits} bits reuse {reuse}",
            (Port((1, k), signed(width)),),
            dense(k, n, signed(width), bits, 1.0, True),
            {"strategy": "resource", "reuse_factor": reuse},
        )


def cast(target: Format, rounding: str, overflow: str) -> Callable[..., SSAValue]:
    return lambda program, x: program.cast(x, target, Rounding[rounding], Overflow[overflow])


def cast_samples() -> Iterator[Sample]:
    cases = [
        (signed(16, 6), unsigned(6, 2), "RND_CONV", "SAT"),
        (signed(16, 6), signed(8, 3), "RND_CONV", "SAT"),
        (signed(16, 6), signed(8, 3), "TRN", "SAT"),
        (signed(16, 6), signed(8, 6), "RND", "WRAP"),
        (signed(12, 6), unsigned(5, 3), "TRN", "SAT"),
        (unsigned(12, 6), unsigned(6, 3), "RND", "SAT"),
        (signed(20, 8), signed(10, 4), "RND_ZERO", "SAT_SYM"),
        (signed(14, 8), signed(10, 4), "TRN_ZERO", "SAT_ZERO"),
        (signed(18, 6), unsigned(8, 2), "RND_INF", "SAT"),
    ]
    for source, target, rounding, overflow in cases:
        yield Sample(
            "fx.cast",
            f"cast {source} to {target} {rounding} {overflow}",
            (Port((16,), source),),
            cast(target, rounding, overflow),
            {},
        )


def threshold(levels: int, low: int, high: int, channels: int) -> Callable[..., SSAValue]:
    rng = np.random.default_rng(levels)
    shape = (channels, levels) if channels > 1 else (levels,)
    values = np.sort(rng.integers(low, high, shape), axis=-1)

    def build(program: Program, x: SSAValue) -> SSAValue:
        width = max(int(levels).bit_length(), 1)
        result = fixed_tensor(shape_of(x.type), unsigned(width, width))
        parameters = {"thresholds": values, "base": np.array(0), "sign": np.array(1)}
        return program.add(ThresholdOp, x, result=result, **parameters)

    return build


def table(entries: int, width: int, low: int) -> Callable[..., SSAValue]:
    values = np.round((2**width - 1) / (1 + np.exp(-np.linspace(-6, 6, entries)))).astype(np.int64)

    def build(program: Program, x: SSAValue) -> SSAValue:
        result = fixed_tensor(shape_of(x.type), unsigned(width, 0))
        return program.add(
            LookupOp, x, result=result, table=values, low=low, mantissa_bits=None, function="sigmoid"
        )

    return build


def table_samples() -> Iterator[Sample]:
    for levels, width, channels in (
        (1, 12, 1),
        (3, 10, 1),
        (7, 12, 1),
        (15, 12, 1),
        (7, 14, 8),
        (15, 10, 8),
        (31, 10, 1),
    ):
        name = f"threshold {levels} levels in {width} bits, {channels} channels"
        bound = 2 ** (width - 1)
        yield Sample(
            "fx.threshold", name, (Port((8,), signed(width)),), threshold(levels, -bound, bound, channels), {}
        )
    for bits, width in ((4, 6), (5, 8), (6, 6), (7, 8), (8, 8), (8, 12), (9, 6), (10, 8)):
        yield Sample(
            "fx.lookup",
            f"table of {2**bits} entries of {width} bits",
            (Port((4,), signed(bits)),),
            table(2**bits, width, -(2 ** (bits - 1))),
            {},
        )


def op(kind: Any, /, **properties: Any) -> Callable[..., SSAValue]:
    return lambda program, *operands: program.add(kind, *operands, **properties)


def elementwise_samples() -> Iterator[Sample]:
    for kind, title in ((AddOp, "add"), (SubOp, "sub"), (MaxOp, "max"), (MinOp, "min")):
        for a, b in ((signed(8), signed(8)), (signed(12, 6), unsigned(6, 3)), (signed(16, 4), signed(10, 8))):
            group = "nn.add, nn.sub" if kind in (AddOp, SubOp) else "nn.max, nn.min"
            yield Sample(group, f"{title} {a} {b}", (Port((12,), a), Port((12,), b)), op(kind), {})
    for width in (6, 9, 16):
        yield Sample("nn.relu", f"relu of {width} bits", (Port((16,), signed(width)),), op(ReluOp), {})
    for a, b in ((4, 4), (6, 6), (8, 5), (8, 8), (12, 10), (16, 16), (12, 3)):
        yield Sample(
            "nn.mul", f"mul {a} by {b} bits", (Port((4,), signed(a)), Port((4,), signed(b))), op(MulOp), {}
        )
    for shape, width in (((2, 4), 5), ((3, 6), 6), ((2, 3), 12)):
        ports = (Port(shape, signed(width)), Port(shape[::-1], signed(width)))
        yield Sample("nn.matmul", f"matmul {shape} of {width} bits", ports, op(MatMulOp), {})


def tree_samples() -> Iterator[Sample]:
    for kind in ("sum", "max"):
        for count, width in ((4, 8), (9, 6), (16, 10), (32, 6)):
            yield Sample(
                "nn.reduce",
                f"{kind} of {count} of {width} bits",
                (Port((2, count), signed(width)),),
                op(ReduceOp, kind=kind, axes=np.array([1]), keep_axes=False),
                {},
            )
    for count, width in ((4, 8), (5, 12), (10, 8), (16, 6)):
        yield Sample(
            "nn.argmax",
            f"argmax of {count} of {width} bits",
            (Port((1, count), signed(width)),),
            op(ArgMaxOp, axis=1, keep_axes=False),
            {},
        )


def samples() -> list[Sample]:
    """Every design, in the order of the table."""
    every = (dense_samples, cast_samples, table_samples, elementwise_samples, tree_samples)
    return [sample for make in every for sample in make()]


def measure(chosen: list[Sample]) -> dict[str, dict[str, float]]:
    """What Yosys counts for UltraScale+, all designs in one run: each keeps its own hierarchy.

    Tables of constants vanish in such a run (Yosys 0.70: no cell where a run of its own has 20), so counts
    of designs that have them are not recorded yet.
    """
    texts, tops = [], []
    with tempfile.TemporaryDirectory(prefix="netloom-estimates-") as directory:
        bench = Bench(Path(directory))
        for number, sample in enumerate(chosen):
            design = sample.compile(f"sample{number}")
            plan = design.backend.emit(design.module, design.backend_options)
            own = bench.within(f"sample{number}")
            to_verilog(plan, own)
            top = plan.properties["top"]
            text = (own.directory / VERILOG).read_text()
            texts.append(text.replace(f"module {top}\n", f"(* keep_hierarchy *)\nmodule {top}\n"))
            tops.append(top)
        instances = "".join(f"  (* keep *) {top} u_{top} ();\n" for top in tops)
        texts.append(f"module all ();\n{instances}endmodule\n")
        (bench.directory / VERILOG).write_text("".join(texts))
        target = TARGETS["xcup"]
        commands = [
            f"read_verilog {VERILOG}",
            f"{target.synthesis} -top all",
            "tee -q -o stat.json stat -json",
        ]
        yosys.run(bench, commands, "synthesis")
        modules = json.loads((bench.directory / "stat.json").read_text())["modules"]
    found = {}
    for sample, top in zip(chosen, tops, strict=True):
        use = Utilisation.of("xcup", modules[f"\\{top}"]["num_cells_by_type"])
        found[sample.name] = {name: float(getattr(use, name)) for name in RESOURCES}
    return found


def estimated(sample: Sample) -> dict[str, float]:
    """What the report says."""
    rows = estimate(sample.compile().module)
    counts = {"lut": "lut", "ff": "ff", "dsp": "dsp", "bram": "bram36"}
    return {name: float(sum(getattr(row, field) for row in rows)) for name, field in counts.items()}


@dataclass(frozen=True)
class Row:
    """Errors of one kind, in percent of what Yosys counts: designs, median and 90th percentile."""

    kind: str
    lut: tuple[int, float, float]
    ff: tuple[int, float, float]


def errors(record: Mapping[str, Mapping[str, float]], chosen: Sequence[Sample]) -> list[Row]:
    """Errors of each kind and of all. Counts below eight are left out: one table is half of two."""
    found: dict[str, dict[str, list[float]]] = {}
    for sample in chosen:
        if sample.name not in record:
            continue
        have, want = estimated(sample), record[sample.name]
        for name in ("lut", "ff"):
            if want[name] >= SMALLEST:
                for kind in (sample.kind, "all"):
                    error = abs(have[name] / want[name] - 1) * 100
                    found.setdefault(kind, {"lut": [], "ff": []})[name].append(error)
    kinds = [kind for kind in found if kind != "all"] + ["all"] * ("all" in found)
    return [Row(kind, _summary(found[kind]["lut"]), _summary(found[kind]["ff"])) for kind in kinds]


def _summary(values: Sequence[float]) -> tuple[int, float, float]:
    if not values:
        return 0, float("nan"), float("nan")
    return len(values), float(np.median(values)), float(np.percentile(values, 90))


def page(rows: Sequence[Row]) -> str:
    """The page of the documentation."""
    lines = [HEAD, "| kind | designs | LUT, median | LUT, 90th | FF, median | FF, 90th |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        cells = [f"{value:.1f} %" if value == value else "" for value in (*row.lut[1:], *row.ff[1:])]
        lines.append(f"| {row.kind} | {max(row.lut[0], row.ff[0])} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="synthesize what is not recorded")
    parser.add_argument("--only", default="", help="designs whose kind and name have this text")
    parser.add_argument("--details", action="store_true", help="every design")
    parser.add_argument("--write", action="store_true", help="write the page of the documentation")
    arguments = parser.parse_args()
    console = Console(width=150)
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    chosen = [sample for sample in samples() if arguments.only in f"{sample.kind}: {sample.name}"]
    missing = [s for s in chosen if s.name not in record and s.kind not in WITH_TABLES]
    missing = missing if arguments.measure else []
    if missing:
        record |= measure(missing)
        RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    for sample in chosen if arguments.details else []:
        if sample.name in record:
            have, want = estimated(sample), record[sample.name]
            pairs = " ".join(f"{n} {have[n]:g}/{want[n]:g}" for n in RESOURCES if have[n] or want[n])
            console.print(f"{sample.kind:18} {sample.name:60} {pairs}", highlight=False)
    rows = errors(record, chosen)
    console.print(page(rows).partition(HEAD)[2], highlight=False)
    if arguments.write:
        PAGE.write_text(page(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
