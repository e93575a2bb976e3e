"""The options of a compilation that do not depend on the backend."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.precision import PrecisionConfig, parse_precision

KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "float": ((int, float), "a number"),
    "int": ((int,), "a whole number"),
    "bool": ((bool,), "true or false"),
    "float | str": ((int, float, str), "a number, or one of the option's words"),
    "int | str": ((int, str, Mapping), "a whole number, text, or a dict by layer"),
    "str": ((str, Mapping), "text, or a dict by layer where the option says so"),
}
"""What is accepted for each annotated type of an option."""


def type_name(option: dataclasses.Field[Any]) -> str:
    """The declared type as text, whether or not the module postpones its annotations."""
    return option.type.__name__ if isinstance(option.type, type) else str(option.type)


def typed(options: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the types that an options class declares; whole numbers become real ones.

    Raises:
        CompileError: NL203 for a value of another type.
    """
    declared = {option.name: type_name(option) for option in dataclasses.fields(options)}
    result: dict[str, Any] = {}
    value: Any
    for name, value in values.items():
        accepted, description = KINDS[declared[name]]
        fits = isinstance(value, accepted) and isinstance(value, bool) == (declared[name] == "bool")
        if not fits:
            raise CompileError("NL203", f"{name} is {value!r}", origin=name, supported=description)
        result[name] = float(value) if declared[name] == "float" else value
    return result


@dataclass(frozen=True)
class CompileOptions:
    """How a model becomes exact integer arithmetic.

    Attributes:
        precision: formats of layers that the model itself does not quantize: `fixed<16,6>`, or the
            text form of `netloom.core.precision.PrecisionConfig`. Empty: none chosen.
        input_precision: format of every input, or `name=fixed<8,3>; other=...`. Empty: the model's
            own input quantizers.
        calibration_bits: width of formats sized from calibration data.
        table_bits: index width of lookup tables.
        requantize: `thresholds` (exact) or `multiplier` (stated error), for quantizers behind scales
            that are no powers of two.
        max_levels: most levels of a quantizer that becomes thresholds.
        multiplier_bits: width of the constants of `multiplier`.
        cut_softmax: leave out a final softmax.
        extra_passes: text of passes to run within the standard pipeline: on the real network, after batch
            normalisation has joined the weights and before formats are chosen.
    """

    precision: str = ""
    input_precision: str = ""
    calibration_bits: int = 16
    table_bits: int = 12
    requantize: str = "thresholds"
    max_levels: int = 1024
    multiplier_bits: int = 16
    cut_softmax: bool = False
    extra_passes: str = ""

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203.
        """
        for name, low, high in RANGES:
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise CompileError("NL203", f"{name} is {value!r}", origin=name, supported=f"{low} to {high}")
        if not isinstance(self.extra_passes, str):
            raise CompileError(
                "NL203", f"extra_passes is {self.extra_passes!r}", origin="extra_passes", supported="text"
            )
        if self.requantize not in REQUANTIZE:
            raise CompileError(
                "NL203",
                f"requantize is {self.requantize!r}",
                origin="requantize",
                supported=", ".join(REQUANTIZE),
                hint=suggestion(str(self.requantize), REQUANTIZE),
            )

    @classmethod
    def names(cls) -> list[str]:
        """All option names."""
        return [option.name for option in dataclasses.fields(cls)]

    @classmethod
    def from_user(cls, values: Mapping[str, Any]) -> Self:
        """From what users pass: dicts and strings for the two precisions."""
        given = dict(values)
        given["precision"] = str(PrecisionConfig.from_user(given.get("precision")))
        given["input_precision"] = input_text(given.get("input_precision"))
        return cls(**typed(cls, given))

    @property
    def pipeline(self) -> tuple[str, str]:
        """Pipelines before and after calibration, as text."""
        cut = "{cut-final-softmax=true}" if self.cut_softmax else ""
        absorb = (
            f'requantize="{self.requantize}" max-levels={self.max_levels}'
            f" multiplier-bits={self.multiplier_bits}"
        )
        model = PrecisionConfig.parse(self.precision).model
        inputs = f'precision="{self.input_precision}" fallback="{model or ""}" bits={self.calibration_bits}'
        assign = (
            f'precision="{self.precision}" bits={self.calibration_bits} table-bits={self.table_bits} {absorb}'
        )
        clean = f"fold-constants,channels-last,fuse-batch-norm,fuse-tree-inputs,decompose-functions{cut}"
        return (
            ",".join(filter(None, (clean, self.extra_passes))),
            f"quantize-inputs{{{inputs}}},absorb-quantizers{{{absorb}}},assign-precision{{{assign}}},"
            "lower-functions,canonicalize,cse,dce,simplify-trees,narrow",
        )


REQUANTIZE = ("thresholds", "multiplier")
RANGES = (
    ("calibration_bits", 2, 40),
    ("table_bits", 2, 16),
    ("max_levels", 1, 65536),
    ("multiplier_bits", 4, 30),
)
"""Allowed ranges of integer options."""


def input_text(value: object) -> str:
    """The text form of the input precision."""
    if value is None or value == "":
        return ""
    if isinstance(value, Mapping):
        entries = ((str(name), str(text)) for name, text in value.items())
        return "; ".join(f"{name}={parse_precision(text, name)}" for name, text in entries)
    text = str(value)
    if "=" not in text:
        return str(parse_precision(text, "input_precision"))
    return text
