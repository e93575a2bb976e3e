"""Streaming programs for tests: actors between ports, put together by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr
from xdsl.ir import Attribute, SSAValue

import netloom
from netloom.core.fixed import Format
from netloom.ir.attributes import StreamType, fixed_tensor, shape_of
from netloom.ir.flow import (
    FlowOp,
    RepackOp,
    ResampleOp,
    SinkOp,
    SourceOp,
    StreamConstantOp,
    StreamReduceOp,
    StreamWindowOp,
)
from netloom.ir.program import finish_function, main, new_function
from netloom.passes.insert_fifos import InsertFifos
from netloom.passes.schedule_stages import ScheduleStages
from netloom.passes.streaming.build import flow_op
from netloom.sim.emulator import Emulator
from netloom.sim.ports import encode, output_mantissas
from tests.backends.designs import Ints, array, flag


@dataclass(frozen=True)
class Case:
    """An actor: its op, the stream that it takes (if any) and the one that it gives, and its properties."""

    op: type[FlowOp]
    takes: StreamType | None
    gives: StreamType
    properties: Mapping[str, Attribute]
    readers: int = 1


def some_format(rng: np.random.Generator) -> Format:
    return Format(int(rng.integers(2, 11)), int(rng.integers(-2, 6)), bool(rng.integers(2)))


def window(rng: np.random.Generator) -> Case:
    """Any window whose first one is inside the image to the right."""
    channels, slices, f = int(rng.integers(1, 4)), int(rng.integers(1, 4)), some_format(rng)
    kernel, dilations, strides = (rng.integers(1, high, 2) for high in (4, 3, 4))
    span = (kernel - 1) * dilations + 1
    before = np.array([rng.integers(0, span[0] + 3), rng.integers(0, span[1])])
    after = rng.integers(0, span + 2)
    size = np.maximum(rng.integers(1, 8, 2), span - before - after)
    count = (size + before + after - span) // strides + 1
    shape = (1, int(size[0]), int(size[1]) * slices, channels)
    result = (1, int(count[0]), int(count[1]) * slices, *map(int, kernel), channels)
    properties: dict[str, Attribute] = {
        "kernel": array(kernel),
        "strides": array(strides),
        "dilations": array(dilations),
        "padding": array([*before, *after]),
        "fill": StringAttr(str(rng.choice(["zero", "lowest"]))),
        "slices": IntegerAttr(slices, 64),
    }
    readers = int(rng.integers(1, 3))
    return Case(StreamWindowOp, StreamType.of(shape, f, 3), StreamType.of(result, f, 3), properties, readers)


def reduce(rng: np.random.Generator) -> Case:
    """Over all pixels, or over each row's."""
    h, w, c = (int(size) for size in rng.integers(1, 6, 3))
    f, kind = some_format(rng), str(rng.choice(["sum", "max", "min"]))
    grown = Format(f.width + 5, f.integer + 5, f.signed) if kind == "sum" else f
    rows = bool(rng.integers(2))
    result = StreamType.of((1, h, 1, c) if rows else (1, 1, 1, c), grown, 3)
    axes = [2] if rows else [1, 2]
    return Case(
        StreamReduceOp,
        StreamType.of((1, h, w, c), f, 3),
        result,
        {"kind": StringAttr(kind), "axes": array(axes), "keep_axes": flag(True)},
    )


def repack(rng: np.random.Generator) -> Case:
    """Several beats to one, or one to several."""
    few, factor, elements = (int(size) for size in rng.integers([1, 2, 1], 6))
    f = some_format(rng)
    wide = StreamType.of((1, few, factor * elements), f, 2)
    narrow = StreamType.of((1, few * factor, elements), f, 2)
    takes, gives = (wide, narrow) if rng.integers(2) else (narrow, wide)
    return Case(RepackOp, takes, gives, {})


def resample(rng: np.random.Generator) -> Case:
    """Any tables that do not decrease."""
    h, w, parts, c = (int(size) for size in rng.integers(1, 6, 4))
    f = some_format(rng)
    counts = [int(count) for count in rng.integers(1, 10, 2)]
    rows, columns = (np.sort(rng.integers(0, size, n)) for size, n in zip((h, w), counts, strict=True))
    split = int(rng.integers(parts))
    properties: dict[str, Attribute] = {
        "height": IntegerAttr(h, 64),
        "rows": array(rows),
        "columns": array(columns),
        "parts": IntegerAttr(parts, 64),
        "row_parts": array(rng.integers(0, split + 1, counts[0])),
        "column_parts": array(rng.integers(0, parts - split, counts[1])),
    }
    return Case(
        ResampleOp,
        StreamType.of((1, h, w, parts * c), f, 3),
        StreamType.of((1, *counts, c), f, 3),
        properties,
    )


def constant(rng: np.random.Generator) -> Case:
    """A memory, which may be read more than once in a frame."""
    shape, f = tuple(int(size) for size in rng.integers(1, 5, 3)), some_format(rng)
    once = (1, *shape[1:]) if rng.integers(2) else shape
    values = rng.integers(f.min_mantissa, f.max_mantissa, once, endpoint=True)
    return Case(StreamConstantOp, None, StreamType.of(shape, f, 2), {"value": array(values)})


KINDS = (window, window, window, reduce, repack, resample, resample, constant)


def with_fifos(module: ModuleOp) -> ModuleOp:
    """FIFOs on all ways, and a schedule."""
    InsertFifos().apply(Context(), module)
    ScheduleStages().apply(Context(), module)
    module.verify()
    return module


def design_of(cases: list[Case]) -> ModuleOp:
    """Every actor between ports of its own; results of several readers leave by several ports."""
    taken = [case.takes for case in cases if case.takes is not None]
    types = [
        (f"in{n}", fixed_tensor(stream.shape, stream.tensor.element_type.format))
        for n, stream in enumerate(taken)
    ]
    module, function = new_function(types, batched=False, source_name="actors")
    block, arguments = function.body.block, iter(function.body.block.args)
    outputs: list[tuple[str, SSAValue]] = []
    sources: list[SSAValue] = []
    for n, stream in enumerate(taken):
        source = flow_op(SourceOp, [next(arguments)], stream, {}, f"in{n}")
        block.add_op(source)
        sources.append(source.results[0])
    streams = iter(sources)
    for n, case in enumerate(cases):
        operands = [next(streams)] if case.takes is not None else []
        op = flow_op(case.op, operands, case.gives, case.properties, f"actor{n}")
        block.add_op(op)
        for reader in range(case.readers):
            tensor = case.gives.tensor
            sink = flow_op(SinkOp, [op.results[0]], tensor, {}, f"out{n}_{reader}")
            block.add_op(sink)
            outputs.append((f"out{n}_{reader}", sink.results[0]))
    finish_function(function, outputs)
    return with_fifos(module)


def _convolution(
    rng: np.random.Generator, x: str, y: str, shape: tuple[int, int], initializers: list[TensorProto]
) -> NodeProto:
    """3 x 3 with zeros around the image, and a bias."""
    for name, size in ((f"{y}_w", (shape[1], shape[0], 3, 3)), (f"{y}_b", (shape[1],))):
        values = (rng.integers(-7, 8, size) / 8).astype(np.float32)
        initializers.append(numpy_helper.from_array(values, name))
    return helper.make_node("Conv", [x, f"{y}_w", f"{y}_b"], [y], name=y, pads=[1, 1, 1, 1])


def small_model(width: int = 8, height: int = 8, channels: int = 3) -> ModelProto:
    """Two convolutions, a way around the second, pools and a layer of weights."""
    rng = np.random.default_rng(0)
    initializers: list[TensorProto] = []
    nodes = [
        _convolution(rng, "x", "conv1", (channels, 4), initializers),
        helper.make_node("Relu", ["conv1"], ["relu1"], name="relu1"),
        _convolution(rng, "relu1", "conv2", (4, 4), initializers),
        helper.make_node("Add", ["conv2", "relu1"], ["skip"], name="skip"),
        helper.make_node("MaxPool", ["skip"], ["pool"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["pool"], ["gap"], name="gap"),
        helper.make_node("Flatten", ["gap"], ["flat"], name="flat"),
        helper.make_node("Gemm", ["flat", "fc_w"], ["y"], name="fc"),
    ]
    weights = (rng.integers(-7, 8, (4, 5)) / 8).astype(np.float32)
    initializers.append(numpy_helper.from_array(weights, "fc_w"))
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, channels, height, width]), ("y", [1, 5]))
    ]
    graph = helper.make_graph(nodes, "tiny", ports[:1], ports[1:], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def small_cnn(
    reuse_factor: int = 1, width: int = 8, height: int = 8, channels: int = 3, **options: Any
) -> ModuleOp:
    """The streams of `small_model`; each multiplier of its convolutions is used `reuse_factor` times."""
    design = netloom.compile(
        small_model(width, height, channels),
        backend="vitis",
        io="stream",
        input_precision="fixed<8,3>",
        precision="fixed<8,4>",
        strategy={"*": "latency"} if reuse_factor == 1 else {"*": "latency", "conv*": "resource"},
        reuse_factor=1 if reuse_factor == 1 else f"1; conv*={reuse_factor}",
        **options,
    )
    return design.module


def frames(module: ModuleOp, count: int) -> tuple[list[Ints], list[Ints]]:
    """Mantissas at the input and output ports of a compiled model, for random images."""
    rng = np.random.default_rng(count)
    emulator = Emulator(module)
    shapes = [shape_of(argument.type) for argument in main(module).body.block.args]
    x = [rng.normal(0, 2, (count, *shape)).astype(np.float32) for shape in shapes]
    return encode(module, emulator, x), output_mantissas(module, emulator, x)
