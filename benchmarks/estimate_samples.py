"""Designs of one or a few ops, whose estimates `estimates.py` compares with the open flow's counts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from netloom.api import Design
from netloom.core.fixed import Format, Overflow, Rounding
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


@dataclass(frozen=True)
class Sample:
    """A design to measure: its kind, a name, its ports, what it computes, and options of the backend.

    Those held out were measured after the formulas were made, and no formula was changed for them.
    """

    kind: str
    name: str
    ports: tuple[Port, ...]
    build: Callable[..., SSAValue]
    options: Mapping[str, Any]
    held_out: bool = False

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


def product_cast_relu(target: Format, rounding: str) -> Callable[..., SSAValue]:
    def build(program: Program, left: SSAValue, right: SSAValue) -> SSAValue:
        narrow = cast(target, rounding, "SAT")(program, program.add(MulOp, left, right))
        return program.add(ReluOp, narrow)

    return build


def sum_relu_cast(target: Format) -> Callable[..., SSAValue]:
    def build(program: Program, left: SSAValue, right: SSAValue) -> SSAValue:
        return cast(target, "RND", "SAT")(program, program.add(ReluOp, program.add(AddOp, left, right)))

    return build


def layer(make: Callable[..., SSAValue], target: Format) -> Callable[..., SSAValue]:
    """A layer as networks have it: products, relu, and a cast to the next layer's format."""

    def build(program: Program, x: SSAValue) -> SSAValue:
        return cast(target, "RND_CONV", "SAT")(program, program.add(ReluOp, make(program, x)))

    return build


def greatest_in_table(program: Program, left: SSAValue, right: SSAValue) -> SSAValue:
    return table(64, 8, -32)(program, program.add(MaxOp, left, right))


def more_products() -> Iterator[Sample]:
    vector, latency = (Port((1, 8), signed(7)),), {"strategy": "latency"}
    for k, n, width, bits in ((6, 5, 7, 5), (12, 3, 10, 8), (10, 6, 4, 3)):
        build = dense(k, n, signed(width), bits, 1.0, True)
        name = f"latency {k}x{n} in {width} weights {bits} bits"
        yield Sample("nn.dense latency", name, (Port((1, k), signed(width)),), build, latency)
    for k, n, width, bits, reuse in ((12, 6, 7, 6, 3), (12, 8, 8, 8, 24)):
        build = dense(k, n, signed(width), bits, 1.0, True)
        name = f"resource {k}x{n} in {width} weights {bits} bits reuse {reuse}"
        options = {"strategy": "resource", "reuse_factor": reuse}
        yield Sample("nn.dense resource", name, (Port((1, k), signed(width)),), build, options)
    for a, b in ((signed(5), unsigned(3)), (signed(20), signed(14)), (signed(30), signed(9))):
        yield Sample("nn.mul", f"mul {a} by {b}", (Port((6,), a), Port((6,), b)), op(MulOp), {})
    for shape, width in (((2, 5), 9), ((3, 5), 4)):
        ports = (Port(shape, signed(width)), Port(shape[::-1], signed(width)))
        yield Sample("nn.matmul", f"matmul {shape} of {width} bits", ports, op(MatMulOp), {})
    for strategy in ("latency", "adder_graph"):
        build = layer(dense(8, 8, signed(7), 5, 1.0, True), unsigned(6, 3))
        name = f"layer 8x8 in 7 weights 5 bits {strategy}, relu, cast"
        yield Sample("combinations", name, vector, build, {"strategy": strategy})


def more_samples() -> Iterator[Sample]:
    """Designs of other widths and shapes, and combinations."""
    yield from more_products()
    for bits, width in ((6, 10), (8, 5), (11, 6), (12, 8)):
        build = table(2**bits, width, -(2 ** (bits - 1)))
        name = f"table of {2**bits} entries of {width} bits"
        yield Sample("fx.lookup", name, (Port((4,), signed(bits)),), build, {})
    for levels, width, channels in ((5, 9, 8), (12, 8, 1)):
        bound = 2 ** (width - 1)
        build = threshold(levels, -bound, bound, channels)
        name = f"threshold {levels} levels in {width} bits, {channels} channels"
        yield Sample("fx.threshold", name, (Port((8,), signed(width)),), build, {})
    for source, target, rounding, overflow in (
        (signed(18, 7), signed(9, 2), "RND", "SAT"),
        (unsigned(10, 5), unsigned(5, 3), "RND_CONV", "SAT"),
        (signed(13, 5), signed(7, 5), "TRN", "SAT_SYM"),
    ):
        name = f"cast {source} to {target} {rounding} {overflow}"
        yield Sample("fx.cast", name, (Port((16,), source),), cast(target, rounding, overflow), {})
    for a, b in ((signed(10, 3), signed(7, 5)), (unsigned(9), unsigned(9))):
        yield Sample("nn.max, nn.min", f"max {a} {b}", (Port((12,), a), Port((12,), b)), op(MaxOp), {})
    for kind, count, width in (("sum", 20, 9), ("sum", 7, 12), ("max", 12, 7)):
        ports = (Port((2, count), signed(width)),)
        build = op(ReduceOp, kind=kind, axes=np.array([1]), keep_axes=False)
        yield Sample("nn.reduce", f"{kind} of {count} of {width} bits", ports, build, {})
    pair = (Port((12,), signed(7)), Port((12,), signed(6, 3)))
    six = (Port((8,), signed(6)), Port((8,), signed(6)))
    product, total = product_cast_relu(signed(6, 4), "RND"), sum_relu_cast(unsigned(5, 3))
    yield Sample("combinations", "mul 7 by 6 bits, cast, relu", pair, product, {})
    yield Sample("combinations", "add 7 and 6 bits, relu, cast", pair, total, {})
    yield Sample("combinations", "max of 6 bits, table of 64 entries", six, greatest_in_table, {})


def constant_layer(strategy: str, k: int, n: int, width: int, bits: int, reuse: int = 1) -> Sample:
    """A layer with random weights of so many bits."""
    title = f"{strategy} {k}x{n} in {width} weights {bits} bits" + (f" reuse {reuse}" if reuse > 1 else "")
    options: dict[str, Any] = {"strategy": strategy} | ({"reuse_factor": reuse} if reuse > 1 else {})
    build = dense(k, n, signed(width), bits, 1.0, True)
    return Sample(f"nn.dense {strategy}", title, (Port((1, k), signed(width)),), build, options)


def held_out_layers() -> Iterator[Sample]:
    yield constant_layer("latency", 7, 6, 8, 6)
    yield constant_layer("latency", 9, 4, 6, 7)
    yield constant_layer("resource", 10, 6, 9, 7, 5)
    yield constant_layer("resource", 24, 4, 6, 8, 48)
    for shape, width in (((2, 6), 7), ((4, 3), 3)):
        ports = (Port(shape, signed(width)), Port(shape[::-1], signed(width)))
        yield Sample("nn.matmul", f"matmul {shape} of {width} bits", ports, op(MatMulOp), {})
    for k, n, width, strategy in ((12, 10, 6, "adder_graph"), (6, 6, 8, "latency")):
        build = layer(dense(k, n, signed(width), 5, 1.0, True), unsigned(7, 4))
        name = f"layer {k}x{n} in {width} weights 5 bits {strategy}, relu, cast"
        yield Sample("combinations", name, (Port((1, k), signed(width)),), build, {"strategy": strategy})
    for count, width in ((10, 7), (14, 11)):
        ports = (Port((2, count), signed(width)),)
        build = op(ReduceOp, kind="sum", axes=np.array([1]), keep_axes=False)
        yield Sample("nn.reduce", f"sum of {count} of {width} bits", ports, build, {})
    build = op(ReduceOp, kind="max", axes=np.array([1]), keep_axes=False)
    yield Sample("nn.reduce", "max of 6 of 11 bits", (Port((2, 6), signed(11)),), build, {})
    build = op(ArgMaxOp, axis=1, keep_axes=False)
    yield Sample("nn.argmax", "argmax of 7 of 9 bits", (Port((1, 7), signed(9)),), build, {})


def held_out_elements() -> Iterator[Sample]:
    for bits, width in ((7, 6), (9, 10), (12, 12)):
        build = table(2**bits, width, -(2 ** (bits - 1)))
        name = f"table of {2**bits} entries of {width} bits"
        yield Sample("fx.lookup", name, (Port((4,), signed(bits)),), build, {})
    for levels, width, channels in ((6, 11, 8), (9, 16, 1)):
        build = threshold(levels, -(2 ** (width - 1)), 2 ** (width - 1), channels)
        name = f"threshold {levels} levels in {width} bits, {channels} channels"
        yield Sample("fx.threshold", name, (Port((8,), signed(width)),), build, {})
    for source, target, rounding, overflow in (
        (signed(17, 5), unsigned(7, 3), "RND", "SAT"),
        (signed(22, 10), signed(12, 6), "RND_ZERO", "SAT"),
        (unsigned(14, 7), unsigned(8, 4), "TRN", "SAT"),
    ):
        name = f"cast {source} to {target} {rounding} {overflow}"
        yield Sample("fx.cast", name, (Port((16,), source),), cast(target, rounding, overflow), {})
    for kind, a, b in (
        (MulOp, signed(9), unsigned(7)),
        (MulOp, signed(22), signed(21)),
        (MaxOp, signed(14, 5), signed(9, 5)),
        (MinOp, unsigned(10, 3), unsigned(7, 3)),
    ):
        title = kind.name.removeprefix("nn.")
        group = "nn.mul" if kind is MulOp else "nn.max, nn.min"
        yield Sample(group, f"{title} {a} {b}", (Port((6,), a), Port((6,), b)), op(kind), {})


def neurons(k: int, n: int, bits: int, fan_in: int) -> Callable[..., SSAValue]:
    """Neurons that read a few inputs each, with a threshold for each level of the result."""
    rng = np.random.default_rng(k * 100 + n * 10 + bits + fan_in)
    weights = np.zeros((k, n), dtype=np.int64)
    for column in range(n):
        read = rng.choice(k, fan_in, replace=False)
        weights[read, column] = rng.integers(1, 8, fan_in) * rng.choice([-1, 1], fan_in)
    reach = 2**bits - 1
    low, high = (reach * bound(weights, 0).sum(axis=0)[:, None] for bound in (np.minimum, np.maximum))
    part = np.sort(rng.uniform(0.15, 0.85, (n, reach)), axis=1)
    levels = np.round(low + part * (high - low)).astype(np.int64)

    def build(program: Program, x: SSAValue) -> SSAValue:
        y = program.add(MatMulOp, x, program.constant(weights, signed(4)))
        result = fixed_tensor(shape_of(y.type), unsigned(bits, bits))
        parameters = {"thresholds": levels, "base": np.array(0), "sign": np.array(1)}
        return program.add(ThresholdOp, y, result=result, **parameters)

    return build


def neuron_sample(k: int, n: int, bits: int, fan_in: int, period: float = 5.0) -> Sample:
    """A layer of neurons as tables."""
    name = f"neurons {n} on {fan_in} of {k} of {bits} bits period {period:g}"
    options = {"tables": "always", "clock_period_ns": period}
    port = Port((1, k), unsigned(bits, bits))
    return Sample("da.lut_network", name, (port,), neurons(k, n, bits, fan_in), options)


def neuron_samples() -> Iterator[Sample]:
    for k, n, bits, fan_in in (
        (12, 16, 2, 3),
        (12, 16, 3, 2),
        (12, 12, 2, 4),
        (12, 8, 3, 3),
        (16, 12, 1, 6),
        (16, 16, 1, 9),
        (16, 6, 2, 5),
        (16, 6, 2, 6),
        (16, 8, 1, 12),
    ):
        yield neuron_sample(k, n, bits, fan_in)
    yield neuron_sample(12, 8, 3, 3, 0.8)


def held_out_samples() -> Iterator[Sample]:
    """Designs for validation alone."""
    yield neuron_sample(16, 20, 2, 3)
    yield neuron_sample(16, 9, 2, 4)
    yield neuron_sample(10, 10, 1, 8)
    yield from held_out_layers()
    yield from held_out_elements()

    def narrow_then_add(program: Program, x: SSAValue, y: SSAValue, z: SSAValue) -> SSAValue:
        difference = program.add(SubOp, x, y)
        narrow = cast(signed(7, 3), "RND", "SAT")(program, difference)
        return program.add(AddOp, narrow, z)

    def relu_then_multiply(program: Program, x: SSAValue, y: SSAValue) -> SSAValue:
        return program.add(MulOp, program.add(ReluOp, x), y)

    def sum_then_narrow(program: Program, x: SSAValue) -> SSAValue:
        total = program.add(ReduceOp, x, kind="sum", axes=np.array([1]), keep_axes=False)
        return cast(unsigned(8, 5), "RND_CONV", "SAT")(program, total)

    def vector(width: int) -> Port:
        return Port((8,), signed(width))

    three, pair = (vector(10), vector(9), vector(7)), (vector(9), vector(8))
    yield Sample("combinations", "sub, cast, add of 7 bits", three, narrow_then_add, {})
    yield Sample("combinations", "relu of 9 bits, mul by 8 bits", pair, relu_then_multiply, {})
    yield Sample("combinations", "sum of 6 of 8 bits, cast", (Port((4, 6), signed(8)),), sum_then_narrow, {})


def samples() -> list[Sample]:
    """Every design, in the order of the table; first those that formulas were made from."""
    every = (dense_samples, cast_samples, table_samples, elementwise_samples, tree_samples, more_samples)
    known = [sample for make in (*every, neuron_samples) for sample in make()]
    return known + [replace(sample, held_out=True) for sample in held_out_samples()]
