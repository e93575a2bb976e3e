"""What each entry of an hls4ml configuration means for netloom, as tables.

The entries are those that hls4ml 1.3 reads: `hls4ml/model/graph.py` (HLSConfig), `hls4ml/utils/config.py`,
`hls4ml/converters/__init__.py`, and `create_initial_config` of its backends. Names of entries of a layer are
looked up in snake case, as hls4ml does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from netloom.config.hls4ml_model import PRODUCTS
from netloom.config.hls4ml_precision import TABLE, read_precision
from netloom.config.hls4ml_reader import Pending, Reader, Scope
from netloom.core.plugins import registry

Rule: TypeAlias = Callable[[Reader, Scope, str, Any], None]

BACKENDS: Mapping[str, str] = {
    "vivado": "vivado",
    "vivadoaccelerator": "vivado",
    "vitis": "vitis",
    "quartus": "quartus",
    "catapult": "catapult",
}
"""Backends of netloom by hls4ml's names in lower case."""

STRATEGIES: Mapping[str, str] = {
    "latency": "latency",
    "resource": "resource",
    "resource_unrolled": "resource",
    "distributed_arithmetic": "adder_graph",
    "da": "adder_graph",
}
"""Strategies of netloom by hls4ml's names in snake case."""


def implied(reason: str) -> Rule:
    """The entry asks for what is so anyway."""
    return lambda reader, scope, path, value: reader.imply(path, value, reason)


def dropped(reason: str) -> Rule:
    """The entry has no counterpart."""
    return lambda reader, scope, path, value: reader.drop(path, value, reason)


def only(*values: Any, reason: str) -> Rule:
    """Nothing is lost for some values; others have no counterpart."""

    def rule(reader: Reader, scope: Scope, path: str, value: Any) -> None:
        given = value.lower() if isinstance(value, str) else value
        if given in values:
            reader.imply(path, value, "nothing to do for this value")
        else:
            reader.drop(path, value, reason)

    return rule


def read_backend(reader: Reader, scope: Scope, path: str, value: Any) -> None:
    """The backend."""
    reader.backend = BACKENDS.get(str(value).lower(), "")
    if reader.backend:
        reader.options["backend"] = reader.backend
        reader.map(path, value, "backend")
    else:
        reader.drop(path, value, f"netloom has the backends {', '.join(sorted(set(BACKENDS.values())))}")


def read_io(reader: Reader, scope: Scope, path: str, value: Any) -> None:
    """How data get in and out."""
    if value == "io_parallel":
        reader.options["io"] = "parallel"
        reader.map(path, value, "io")
    else:
        reader.drop(path, value, "netloom's backends have io='parallel'")


def read_clock_period(reader: Reader, scope: Scope, path: str, value: Any) -> None:
    """Nanoseconds."""
    number = number_of(value)
    if number is None or number <= 0:
        reader.drop(path, value, "not a positive number of nanoseconds")
    else:
        reader.options["clock_period_ns"] = number
        reader.map(path, value, "clock_period_ns")


def read_uncertainty(reader: Reader, scope: Scope, path: str, value: Any) -> None:
    """A percentage, or nanoseconds of the clock period, which is read before."""
    text = str(value).strip()
    number = number_of(text.removesuffix("%"))
    period = reader.options.get("clock_period_ns")
    if number is not None and not text.endswith("%"):
        number = 100 * number / period if period else None
    if number is None or not 0 <= number < 100 or not reader.backend:
        reader.drop(path, value, "not a part of the clock period of an HLS backend")
    else:
        reader.options["clock_uncertainty_percent"] = number
        reader.map(path, value, "clock_uncertainty_percent")


def read_part(reader: Reader, scope: Scope, path: str, value: Any) -> None:
    """A device that netloom knows by its name or part number, else a part for the vendor's tool."""
    wanted = plain(str(value))
    for name, provided in registry().devices.items():
        if wanted in (plain(name), plain(provided.value.part)):
            reader.options["device"] = name
            reader.map(path, value, "device")
            return
    if reader.backend and value:
        reader.options["part"] = str(value)
        reader.map(path, value, "part")
    else:
        reader.drop(path, value, "not one of netloom's devices")


def read_strategy(reader: Reader, scope: Scope, path: str, value: Any) -> None:
    """How products become hardware."""
    strategy = STRATEGIES.get(snake_case(str(value)))
    layers = [
        name
        for name in scope.layers
        if scope.is_model or not reader.layers.known or reader.layers.operator(name) in PRODUCTS
    ]
    if strategy is None:
        reader.drop(path, value, f"netloom has the strategies {', '.join(sorted(set(STRATEGIES.values())))}")
    elif not layers:
        reader.imply(path, value, "the layer has no products with constants")
    else:
        reader.strategies.update(dict.fromkeys(layers, strategy))
        reader.map(path, value, "strategy")


def read_reuse(reader: Reader, scope: Scope, path: str, value: Any) -> None:
    """How often a multiplier is used; what it means depends on the strategies."""
    number = number_of(value)
    if number is None or number < 1 or number != int(number):
        reader.drop(path, value, "not a positive whole number")
    else:
        reader.reuse.append(Pending(path, int(number), scope.layers))


def read_table_size(reader: Reader, scope: Scope, path: str, value: Any) -> None:
    """Entries of lookup tables; netloom has one size for all."""
    reader.tables.append(Pending(path, value, scope.layers))


def read_skip(reader: Reader, scope: Scope, path: str, value: Any) -> None:
    """Whether a softmax is left out."""
    if value:
        reader.options["cut_softmax"] = True
        reader.map(path, value, "cut_softmax")
    else:
        reader.imply(path, value, "a softmax is computed unless cut_softmax=True")


def number_of(value: Any) -> float | None:
    """A number, also as text; None for anything else."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def plain(text: str) -> str:
    """A name without case and separators."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def snake_case(name: str) -> str:
    """`ReuseFactor` as `reuse_factor`."""
    return re.sub(r"_{2,}", "_", re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())


MODEL_GIVEN = implied("the model is the first argument of netloom.compile")
EXPORT = dropped("netloom reads ONNX and QONNX: export the model and compile that")
PASSES = dropped("hls4ml's passes are not netloom's; pipeline= names the passes of a compilation")
LINE_BUFFER = only("linebuffer", reason="it concerns io_stream, and designs have io='parallel'")
TRACE = implied("Design.trace and Design.compare give the values of every layer")
TARGET_CYCLES = dropped("the interval follows from the reuse factor")
UNROLLED = dropped("with io='parallel' all positions of a window are computed at once")
RECURRENT = dropped("recurrent layers are not supported")
COMPRESSION = only(0, None, reason="weights are not compressed; strategy='adder_graph' drops zero weights")
LAYOUT = dropped("tensors keep the layout that the ONNX model gives them")
PLATFORM = dropped("netloom writes the design, not the platform around it")

TOP: Mapping[str, Rule] = {
    "Backend": read_backend,
    "IOType": read_io,
    "ClockPeriod": read_clock_period,
    "ClockUncertainty": read_uncertainty,
    "Part": read_part,
    "OnnxModel": MODEL_GIVEN,
    "InputShape": implied("shapes are those of the model"),
    "InputShapes": implied("shapes are those of the model"),
    "OutputShapes": implied("shapes are those of the model"),
    "KerasModel": EXPORT,
    "KerasJson": EXPORT,
    "KerasH5": EXPORT,
    "PytorchModel": EXPORT,
    "OutputDir": implied("Design.write takes the directory"),
    "ProjectDir": implied("Design.write takes the directory"),
    "ProjectName": dropped("a project has the name of its model"),
    "InputData": only(None, reason="projects bring their own test vectors; Design.simulate runs yours"),
    "OutputPredictions": only(
        None, reason="projects bring their own test vectors; Design.simulate runs yours"
    ),
    "Version": dropped("projects have no version of their own"),
    "Stamp": implied("projects are the same bytes every time and need no stamp"),
    "TraceOutput": TRACE,
    "WriterConfig": dropped("projects have one form"),
    "AcceleratorConfig": PLATFORM,
    "Board": PLATFORM,
    "Compiler": dropped("netloom finds the C++ compiler itself"),
    "Technology": only("fpga", reason="netloom's designs are for FPGAs"),
    "ASICLibs": dropped("netloom's designs are for FPGAs"),
    "FIFO": only(None, reason="with io='parallel' there are no FIFOs"),
    "FPGAFamily": dropped("the device says the family"),
    "HyperoptHandshake": only(False, reason="it concerns oneAPI"),
    "SmartHLSPath": dropped("it concerns SmartHLS"),
    "HLSIncludePath": dropped("it concerns SmartHLS"),
    "HLSLibsPath": dropped("it concerns SmartHLS"),
    "Optimizers": PASSES,
    "SkipOptimizers": PASSES,
    "Flows": PASSES,
}
"""Entries outside of layers; `Backend` and `ClockPeriod` are read before those that depend on them."""

MODEL: Mapping[str, Rule] = {
    "precision": read_precision,
    "reuse_factor": read_reuse,
    "strategy": read_strategy,
    "bram_factor": only(1_000_000_000, None, reason="weights are never inputs of the design"),
    "trace_output": TRACE,
    "bit_exact": implied("all of netloom's results are equal bit for bit"),
    "conv_implementation": LINE_BUFFER,
    "compression": COMPRESSION,
    "pipeline_style": only("auto", "pipeline", reason="a design is one pipeline"),
    "pipeline_interval": only(None, reason="the interval follows from the reuse factors"),
    "target_cycles": TARGET_CYCLES,
    "channels_last_conversion": LAYOUT,
    "transpose_outputs": only(False, reason="tensors keep the layout that the ONNX model gives them"),
    "allow_d_a_fallback": EXPORT,
    "allow_v2_fallback": EXPORT,
}
"""Entries of `Model`."""

LAYER: Mapping[str, Rule] = {
    "precision": read_precision,
    "reuse_factor": read_reuse,
    "strategy": read_strategy,
    "trace": TRACE,
    "table_size": read_table_size,
    "table_range_power2": dropped("tables cover the range of their inputs"),
    "table_t": dropped(TABLE),
    "exp_table_t": dropped(TABLE),
    "inv_table_t": dropped(TABLE),
    "exp_range": dropped("tables cover the range of their inputs"),
    "skip": read_skip,
    "implementation": only(
        "stable", reason="a softmax subtracts the largest input, which hls4ml calls stable"
    ),
    "parallelization_factor": UNROLLED,
    "conv_implementation": LINE_BUFFER,
    "target_cycles": TARGET_CYCLES,
    "compression": COMPRESSION,
    "depthwise_reuse_factor": dropped(
        "give the two convolutions that the layer becomes factors of their own"
    ),
    "pointwise_reuse_factor": dropped(
        "give the two convolutions that the layer becomes factors of their own"
    ),
    "recurrent_reuse_factor": RECURRENT,
    "forward_reuse_factor": RECURRENT,
    "backward_reuse_factor": RECURRENT,
    "forward_recurrent_reuse_factor": RECURRENT,
    "backward_recurrent_reuse_factor": RECURRENT,
    "static": RECURRENT,
    "time_step_loop_parallelism": RECURRENT,
}
"""Entries of one layer or of one class of layers."""
