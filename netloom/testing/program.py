"""Fixed-point programs, built op by op; their inputs are real ports that no pass can fold away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import BoolAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.ir import Attribute, SSAValue

from netloom.core.adder_graph import AdderGraph
from netloom.core.fixed import Format, Overflow, Rounding
from netloom.ir.attributes import ArrayAttr, fixed_tensor, real_tensor, shape_of
from netloom.ir.base import NetloomOp, make
from netloom.ir.da import kernel_from_graph
from netloom.ir.fx import CastOp, QuantizeOp, constant_mantissas
from netloom.ir.program import finish_function, new_function

Ints = NDArray[np.int64]

WIDEST_PORT = 53
"""Widest input port: the bounds of its quantizer are float64 numbers."""


@dataclass(frozen=True)
class Port:
    """An input port: a tensor that the host quantizes to a format."""

    shape: tuple[int, ...]
    format: Format

    def __str__(self) -> str:
        """Format and shape."""
        return f"{self.format}{list(self.shape)}" if self.shape else str(self.format)


class Program:
    """A program under construction: one function, real inputs with a quantizer each.

    Args:
        inputs: name and port of each input.
        name: name of the model.
    """

    def __init__(self, inputs: Sequence[tuple[str, Port]], name: str = "conformance") -> None:
        types = [(title, real_tensor(port.shape)) for title, port in inputs]
        self.module, self.function = new_function(types, batched=False, source_name=name)
        arguments = self.function.body.block.args
        self.inputs: list[SSAValue] = [
            self._quantized(argument, port.format, title)
            for argument, (title, port) in zip(arguments, inputs, strict=True)
        ]
        self._outputs: list[tuple[str, SSAValue]] = []
        self.origin = ""

    def _quantized(self, x: SSAValue, number_format: Format, origin: str) -> SSAValue:
        """The value at an input port: saturated to the format, halves to even."""
        if number_format.width > WIDEST_PORT:
            raise ValueError(f"an input port has at most {WIDEST_PORT} bits, not {number_format.width}")
        numbers = {
            "scale": number_format.step,
            "zero_point": 0.0,
            "low": float(number_format.min_mantissa),
            "high": float(number_format.max_mantissa),
        }
        return self.insert(
            make(
                QuantizeOp,
                [x],
                origin=f"{origin}_quantizer",
                result=fixed_tensor(shape_of(x.type), number_format),
                rounding=StringAttr("RND_CONV"),
                overflow=StringAttr("SAT"),
                round_first=BoolAttr.from_bool(False),
                **{key: ArrayAttr.of(np.asarray(value)) for key, value in numbers.items()},
            )
        )

    def insert(self, op: NetloomOp) -> SSAValue:
        """Append an op; its result."""
        self.function.body.block.add_op(op)
        return op.results[0]

    def add(
        self,
        op: type[NetloomOp],
        /,
        *operands: SSAValue,
        result: Attribute | None = None,
        **properties: Any,
    ) -> SSAValue:
        """Append an op of a class; Python values become attributes (see `attribute`).

        Args:
            op: the op's class.
            operands: its operands.
            result: type of its result; by default what the op's own rules give.
            properties: its properties; None leaves one out.
        """
        given = {key: attribute(value) for key, value in properties.items()}
        return self.insert(make(op, list(operands), origin=self.origin, result=result, **given))

    def cast(self, x: SSAValue, target: Format, rounding: Rounding, overflow: Overflow) -> SSAValue:
        """Append an fx.cast."""
        result = fixed_tensor(shape_of(x.type), target)
        return self.add(CastOp, x, result=result, rounding=rounding.value, overflow=overflow.value)

    def constant(self, mantissas: Any, number_format: Format) -> SSAValue:
        """Append an fx.constant."""
        return self.insert(constant_mantissas(np.asarray(mantissas, dtype=np.int64), number_format, ""))

    def kernel(self, x: SSAValue, graph: AdderGraph, fraction: int, bias: Ints | None) -> SSAValue:
        """Append a da.kernel."""
        return self.insert(kernel_from_graph(x, graph, fraction, bias, self.origin))

    def output(self, value: SSAValue, name: str) -> None:
        """Make a value an output port."""
        self._outputs.append((name, value))

    def finish(self) -> ModuleOp:
        """The verified module."""
        finish_function(self.function, self._outputs)
        self.module.verify()
        return self.module


def attribute(value: Any) -> Attribute | None:
    """The attribute for a Python value: text, truth, whole number, or array of whole numbers."""
    if value is None or isinstance(value, Attribute):
        return value
    if isinstance(value, str):
        return StringAttr(value)
    if isinstance(value, bool):
        return BoolAttr.from_bool(value)
    if isinstance(value, int):
        return IntegerAttr(value, 64)
    return ArrayAttr.of(np.asarray(value))
