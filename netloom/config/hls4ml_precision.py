"""Precision entries: which format of which layer of netloom each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netloom.config.hls4ml_model import EXACT, QUANTIZERS, Target
from netloom.config.hls4ml_reader import ALL, Reader, Scope
from netloom.config.hls4ml_types import TypeWithoutCounterpart, precision_of
from netloom.core.fixed import Precision
from netloom.core.precision import ROLES

ROLES_OF: Mapping[str, tuple[str, ...]] = {
    "default": ROLES,
    "weight": ("weight",),
    "scale": ("weight",),
    "bias": ("bias",),
    "result": ("result",),
}
"""Roles of netloom by hls4ml's name of a type."""

AUTOMATIC: Mapping[str, str] = {
    "accum": "accumulators hold every sum exactly",
    "weight": "the model's quantizers decide, else the format of Model.Precision",
    "bias": "the model's quantizers decide, else the format of Model.Precision",
    "scale": "the model's quantizers decide, else the format of Model.Precision",
}
"""What `auto` means for types of which it asks for what netloom does."""

INFERRED = (
    "formats are not inferred: the model's quantizers decide, else the format of Model.Precision;"
    " calibration= sizes formats from data"
)
EXACT_RESULT = "the operation is exact: its result has a format that follows from its operands"

WITHOUT: Mapping[str, str] = {
    "accum": "accumulators hold every sum exactly; the format of the result says how they are rounded",
    "maximum": "formats are not inferred, so that there is nothing to limit",
}
"""Why a type with a format of its own has no counterpart."""

TABLE = "tables have the format of the layer's result"
SOFTMAX = "a softmax is several operations here, to all of which one result format would apply"
QUANTIZED = "the model's own quantizer gives this tensor its format"


def read_precision(reader: Reader, scope: Scope, path: str, value: Any) -> None:
    """A precision: one for all types, or one for each type that is named."""
    if isinstance(value, Mapping) and value:
        for variable, given in value.items():
            read_type(reader, scope, f"{path}.{variable}", str(variable), given)
    else:
        read_type(reader, scope, path, "default", value)


def read_type(reader: Reader, scope: Scope, path: str, variable: str, value: Any) -> None:
    """The precision of one type of a layer, or of the model."""
    name = variable.removesuffix("_t")
    try:
        precision = precision_of(str(value))
    except TypeWithoutCounterpart as reason:
        reader.drop(path, value, str(reason))
        return
    if name in WITHOUT and precision is not None:
        reader.drop(path, value, WITHOUT[name])
    elif precision is None:
        automatic(reader, scope, path, name, value)
    elif name not in ROLES_OF:
        known = "table" in name or name.endswith("inp")
        reader.drop(path, value, TABLE if known else f"no layer of netloom has a type '{name}'")
    elif scope.is_model:
        for_model(reader, path, name, value, precision)
    else:
        for_layers(reader, scope, path, name, value, precision)


def automatic(reader: Reader, scope: Scope, path: str, name: str, value: Any) -> None:
    """A type that hls4ml infers."""
    layers = reader.layers
    exact = layers.known and all(
        layers.operator(each) in EXACT or each in layers.inputs or each in layers.constants
        for each in scope.layers
    )
    if name in AUTOMATIC:
        reader.imply(path, value, AUTOMATIC[name])
    elif exact and name in ("result", "default"):
        reader.imply(path, value, "the format follows, or is that of Model.Precision")
    else:
        reader.drop(path, value, INFERRED)


def for_model(reader: Reader, path: str, name: str, value: Any, precision: Precision) -> None:
    """A format of all layers."""
    if name == "default":
        reader.model_format = precision
        reader.map(path, value, "precision.model")
        return
    for role in ROLES_OF[name]:
        reader.formats.setdefault(ALL, {})[role] = precision
    reader.map(path, value, f"precision.layers.*.{name}")


def for_layers(reader: Reader, scope: Scope, path: str, name: str, value: Any, precision: Precision) -> None:
    """A format of some layers."""
    done: list[str] = []
    reasons: list[str] = []
    for layer in scope.layers:
        if reader.layers.known and layer in reader.layers.inputs:
            reader.input_formats[layer] = str(precision)
            done.append(f"input_precision.{layer}")
            continue
        reason = refused(reader, layer, name)
        if reason:
            reasons.append(reason)
            continue
        for target in targets(reader, layer, name):
            # The format of a constant that the sum behind a product has itself wins over the product's.
            roles = reader.formats.setdefault(target.layer, {})
            if target.layer == layer or target.role not in roles:
                roles[target.role] = precision
                done.append(f"precision.layers.{target.layer}.{target.role}")
    if done:
        reader.map(path, value, ", ".join(done))
    else:
        reader.drop(
            path, value, reasons[0] if reasons else "the sum behind the layer has a format of its own"
        )


def refused(reader: Reader, layer: str, name: str) -> str:
    """Why a layer's type cannot have a format, empty when it can."""
    if not reader.layers.known:
        return ""
    operator = reader.layers.operator(layer)
    constant = reader.layers.constants.get(layer)
    if operator in EXACT:
        return EXACT_RESULT
    if operator == "Softmax":
        return SOFTMAX
    if operator in QUANTIZERS or (constant is not None and not constant.role):
        return QUANTIZED
    if constant is not None and name not in ("result", "default"):
        return f"a constant has no type '{name}'"
    return ""


def targets(reader: Reader, layer: str, name: str) -> list[Target]:
    """The formats of netloom that one of hls4ml's becomes."""
    if layer in reader.layers.constants:
        return [reader.layers.constants[layer]]
    behind = reader.layers.sums.get(layer)
    if behind is None:
        return [Target(layer, role) for role in ROLES_OF[name]]
    # hls4ml adds the constant of the sum as the product's bias when the product's result is `auto`. With
    # a format it rounds the product itself, and the sum stays a layer with formats of its own.
    if name == "bias":
        return [Target(behind, "bias")]
    return [Target(layer, role) for role in ROLES_OF[name] if role != "bias"]
