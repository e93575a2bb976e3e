"""Designs that are placed and routed, so that predicted clock frequencies can be compared."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from estimate_samples import cast, dense, layer, op, signed, table, threshold, unsigned
from open_flow import recorded_network
from xdsl.ir import SSAValue

import netloom
from netloom.api import Design
from netloom.ir.nn import ArgMaxOp, MatMulOp, MaxOp, MulOp, ReduceOp
from netloom.testing.program import Port, Program
from netloom.testing.target import Target

ROOT = Path(__file__).parents[1]
DEVICE = "ecp5-85k"
PLANNED_FOR = "xc7a100t"
"""Whose delays place the registers: what is fitted must not change the designs that it is fitted to."""


@dataclass(frozen=True)
class Routed:
    """A design to route: its kind, a name, how it is compiled, and whether the model was made without it."""

    kind: str
    name: str
    make: Callable[[], Design]
    held_out: bool = False


def program(
    name: str, ports: tuple[Port, ...], build: Callable[..., SSAValue], period_ns: float, **options: Any
) -> Callable[[], Design]:
    """How a program of a few layers is compiled for the device."""

    def make() -> Design:
        made = Program([(f"x{n}", port) for n, port in enumerate(ports)], name)
        made.origin = "layer"
        made.output(build(made, *made.inputs), "y")
        own: Mapping[str, Any] = {"device": PLANNED_FOR, "clock_period_ns": period_ns, **options}
        return Target("vhdl", "parallel", own).compile(made.finish())

    return make


def perceptron(sizes: tuple[int, ...], width: int, bits: int) -> Callable[..., SSAValue]:
    """Dense layers with a rectifier and a narrower format between them."""

    def build(made: Program, x: SSAValue) -> SSAValue:
        value = x
        for number, (k, n) in enumerate(itertools.pairwise(sizes)):
            made.origin = f"layer_{number}"
            product = dense(k, n, signed(width), bits, 1.0, False)
            last = number == len(sizes) - 2
            make = product if last else layer(product, unsigned(width, 4))
            value = make(made, value)
        return value

    return build


KERNELS = (
    (8, 8, 8, 6, 1.0),
    (16, 16, 8, 4, 0.5),
    (16, 16, 8, 8, 1.0),
    (10, 5, 16, 10, 1.0),
    (12, 20, 6, 6, 0.8),
    (20, 12, 4, 3, 1.0),
    (6, 6, 12, 8, 1.0),
    (32, 5, 6, 6, 1.0),
)
NETWORKS = (((8, 12, 5), 6, 5), ((6, 8, 8, 4), 6, 4), ((16, 10, 4), 5, 4))


def kernels() -> Iterator[Routed]:
    for number, (k, n, width, bits, density) in enumerate(KERNELS):
        for period_ns in (2.0, 6.0) if number % 2 else (3.0, 9.0):
            name = f"{k}x{n} in {width} weights {bits} bits density {density:g} at {period_ns:g} ns"
            build = dense(k, n, signed(width), bits, density, True)
            make = program("kernel", (Port((1, k), signed(width)),), build, period_ns, strategy="adder_graph")
            yield Routed("adder graph", name, make, held_out=number % 3 == 2)


def networks() -> Iterator[Routed]:
    for number, (sizes, width, bits) in enumerate(NETWORKS):
        for period_ns in (3.0, 8.0):
            name = f"{'-'.join(map(str, sizes))} in {width} weights {bits} bits at {period_ns:g} ns"
            port = (Port((1, sizes[0]), signed(width)),)
            make = program("net", port, perceptron(sizes, width, bits), period_ns, strategy="adder_graph")
            yield Routed("network", name, make, held_out=number % 3 == 2)


def recorded() -> Iterator[Routed]:
    """The jet network of the baselines, where they are there: a quarter of an hour of processor time each."""
    baselines = ROOT.parent / "shared" / "baselines"
    for cycles in (6, 9) if baselines.is_dir() else ():
        make = functools.partial(recorded_network, baselines, device=PLANNED_FOR, latency_cycles=cycles)
        yield Routed(
            "jet network", f"jet network in {cycles} cycles", lambda make=make: make()[0], cycles == 9
        )


def trees() -> Iterator[Routed]:
    for model in ("hastie_gbc100d4", "syn16x5_gbc20d4"):
        path = next((p for p in _models(model)), None)
        for period_ns in (4.0,) if path else ():
            yield Routed("trees", f"{model} at {period_ns:g} ns", _compiled(path, period_ns))


def _models(name: str) -> Iterator[Path]:
    for base in (ROOT / "examples", ROOT.parent / "shared"):
        yield from sorted(base.rglob(f"{name}.onnx"))


def _compiled(path: Path | None, period_ns: float) -> Callable[[], Design]:
    assert path is not None
    return lambda: netloom.compile(
        str(path), device=PLANNED_FOR, clock_period_ns=period_ns, input_precision="fixed<18,8>"
    )


def elements() -> Iterator[Routed]:
    """One op between registers."""
    single: tuple[tuple[str, tuple[Port, ...], Callable[..., SSAValue]], ...] = (
        ("table of 256 by 8 bits", (Port((8,), signed(8)),), table(256, 8, -128)),
        ("table of 1024 by 8 bits", (Port((4,), signed(10)),), table(1024, 8, -512)),
        ("15 thresholds of 12 bits", (Port((8,), signed(12)),), threshold(15, -2048, 2048, 1)),
        ("31 thresholds of 10 bits", (Port((16,), signed(10)),), threshold(31, -512, 512, 16)),
        ("sum of 32 of 8 bits", (Port((2, 32), signed(8)),), _reduce("sum")),
        ("max of 16 of 10 bits", (Port((2, 16), signed(10)),), _reduce("max")),
        ("argmax of 10 of 8 bits", (Port((1, 10), signed(8)),), op(ArgMaxOp, axis=1, keep_axes=False)),
        ("max of 12 bits", (Port((16,), signed(12)), Port((16,), signed(12))), op(MaxOp)),
        ("products of 8 by 8 bits", (Port((8,), signed(8)), Port((8,), signed(8))), op(MulOp)),
        ("products of 4 by 4 bits", (Port((8,), signed(4)), Port((8,), signed(4))), op(MulOp)),
        ("matrix product 3x6x3 of 6 bits", (Port((3, 6), signed(6)), Port((6, 3), signed(6))), op(MatMulOp)),
        ("cast of 20 bits", (Port((16,), signed(20, 8)),), cast(signed(10, 4), "RND_CONV", "SAT")),
    )
    for number, (name, ports, build) in enumerate(single):
        for period_ns in (3.0, 12.0) if number % 2 else (5.0,):
            make = program("op", ports, build, period_ns)
            yield Routed("single ops", f"{name} at {period_ns:g} ns", make, held_out=number % 3 == 2)


def _reduce(kind: str) -> Callable[..., SSAValue]:
    return op(ReduceOp, kind=kind, axes=np.array([1]), keep_axes=False)


def shared() -> Iterator[Routed]:
    """Layers with shared multipliers."""
    for number, (k, n, width, bits, reuse) in enumerate(
        ((16, 8, 8, 6, 8), (32, 8, 6, 6, 32), (16, 16, 12, 10, 16))
    ):
        for period_ns in (4.0, 9.0):
            name = f"resource {k}x{n} in {width} weights {bits} bits reuse {reuse} at {period_ns:g} ns"
            build = dense(k, n, signed(width), bits, 1.0, True)
            options = {"strategy": "resource", "reuse_factor": reuse}
            make = program("mac", (Port((1, k), signed(width)),), build, period_ns, **options)
            yield Routed("shared multipliers", name, make, held_out=number == 2)


def samples() -> list[Routed]:
    """Every design, in the order of the table."""
    return [sample for make in (kernels, networks, elements, shared, trees, recorded) for sample in make()]
