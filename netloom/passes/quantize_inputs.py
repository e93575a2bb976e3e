"""quantize-inputs: the number format in which each input arrives at the hardware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import BoolAttr, DictionaryAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import BlockArgument, SSAValue
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.fixed import Overflow, Precision
from netloom.core.precision import parse_precision
from netloom.ir.attributes import ArrayAttr, fixed_tensor, shape_of
from netloom.ir.base import make
from netloom.ir.fx import DequantizeOp, QuantizeOp
from netloom.ir.nn import QuantOp
from netloom.ir.program import input_names, main
from netloom.passes.formats import observed_precision
from netloom.passes.host import is_host_value


@dataclass(frozen=True)
class QuantizeInputs(ModulePass):
    """Inputs that the model quantizes itself keep that; others need a precision.

    Options:
        precision: for every input, or `name=fixed<8,3>; other=ufixed<8,0>`. It also replaces a
            model's own input quantizer as the hardware's input, which then becomes hardware.
        fallback: for inputs without a quantizer that `precision` does not name (the model's own
            precision).
        bits: width of formats that come from observed ranges (calibration).
    """

    name: ClassVar[str] = "quantize-inputs"
    rounds: ClassVar[bool] = True
    precision: str = ""
    fallback: str = ""
    bits: int = 16

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Insert a quantizer after each input that needs one."""
        function = main(op)
        names = input_names(function)
        chosen = self.by_name(names)
        for argument, name in zip(function.body.block.args, names, strict=True):
            precision = chosen.get(name) or self.needed(argument, name, function)
            if precision is not None and argument.uses:
                insert_quantizer(argument, name, precision)

    def by_name(self, names: list[str]) -> dict[str, Precision]:
        """The user's choices.

        Raises:
            CompileError: NL402 for names that are no inputs.
        """
        chosen: dict[str, Precision] = {}
        for entry in filter(None, (part.strip() for part in self.precision.split(";"))):
            name, equals, text = entry.rpartition("=")
            if not equals:
                chosen.update(dict.fromkeys(names, parse_precision(entry, "input_precision")))
                continue
            if name not in names:
                raise CompileError(
                    "NL402",
                    f"the model has no input '{name}'",
                    origin="input_precision",
                    supported=", ".join(names),
                    hint=suggestion(name, names),
                )
            chosen[name] = parse_precision(text, name)
        return chosen

    def needed(self, argument: BlockArgument, name: str, function: FuncOp) -> Precision | None:
        """The precision of an input without a quantizer of its own.

        Raises:
            CompileError: NL302 when nothing says what it is.
        """
        if has_own_quantizer(argument):
            return None
        if self.fallback:
            return parse_precision(self.fallback, "precision")
        observed = function.attributes.get("observed_inputs")
        observed_range = observed.data.get(name) if isinstance(observed, DictionaryAttr) else None
        if isinstance(observed_range, ArrayAttr):
            low, high = observed_range.reals().tolist()
            return observed_precision(low, high, self.bits)
        raise CompileError(
            "NL302",
            f"input '{name}' has no quantizer and no precision was chosen for it",
            origin=name,
            supported="input_precision='fixed<W,I>', precision=..., or calibration=data",
            hint=f"for example input_precision={{'{name}': 'fixed<16,6>'}}",
        )


def has_own_quantizer(value: SSAValue) -> bool:
    """Whether every use of a host value leads to a quantizer through host ops."""
    for use in value.uses:
        user = use.operation
        if isinstance(user, QuantOp | QuantizeOp):
            continue
        if isinstance(user, ReturnOp) or not is_host_value(user.results[0]):
            return False
        if not has_own_quantizer(user.results[0]):
            return False
    return True


def insert_quantizer(argument: BlockArgument, name: str, precision: Precision) -> None:
    """argument -> fx.quantize -> fx.dequantize -> all former uses."""
    number_format = precision.format
    shape = shape_of(argument.type)
    quantize = make(
        QuantizeOp,
        [argument],
        origin=name,
        result=fixed_tensor(shape, number_format),
        scale=ArrayAttr.of(np.array(number_format.step)),
        zero_point=ArrayAttr.of(np.array(0.0)),
        low=ArrayAttr.of(np.array(float(lowest(precision)))),
        high=ArrayAttr.of(np.array(float(number_format.max_mantissa))),
        rounding=StringAttr(precision.rounding.value),
        overflow=StringAttr("SAT" if precision.overflow is Overflow.SAT_SYM else precision.overflow.value),
        round_first=BoolAttr.from_bool(False),
    )
    dequantize = make(
        DequantizeOp,
        [quantize.result],
        origin=name,
        scale=ArrayAttr.of(np.array(1.0)),
        offset=ArrayAttr.of(np.array(0.0)),
    )
    quantize.attributes.update(real_scale=dequantize.scale, real_offset=dequantize.offset)
    argument.replace_all_uses_with(dequantize.result)
    block = argument.block
    first = block.first_op
    if first is None:
        raise ValueError("empty function")
    block.insert_ops_before([quantize, dequantize], first)
    quantize.operands[0] = argument


def lowest(precision: Precision) -> int:
    """The smallest mantissa, which symmetric saturation raises by one."""
    number_format = precision.format
    if precision.overflow is Overflow.SAT_SYM and number_format.signed and number_format.width > 1:
        return -number_format.max_mantissa
    return number_format.min_mantissa
