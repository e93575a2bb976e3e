"""Quantizers of QONNX (Quant, IntQuant, BipolarQuant, Trunc) and of ONNX (QuantizeLinear)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from xdsl.dialects.builtin import BoolAttr, StringAttr
from xdsl.ir import SSAValue

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.frontends.onnx.importer import Converter, NodeContext
from netloom.frontends.onnx.load import element_type
from netloom.ir.attributes import ArrayAttr
from netloom.ir.fx import DequantizeOp, constant_mantissas
from netloom.ir.nn import AddOp, MulOp, QuantOp, SubOp, TruncOp
from netloom.ir.quantizer import QONNX_ROUNDINGS, level_bounds

Values = list[SSAValue]
Array = NDArray[Any]

INTEGER_BITS = {
    "int4": (4, True),
    "uint4": (4, False),
    "int8": (8, True),
    "uint8": (8, False),
    "int16": (16, True),
    "uint16": (16, False),
}


def rounding_of(node: NodeContext, default: str) -> str:
    """The rounding mode by our name."""
    mode = str(node.attribute("rounding_mode", default)).upper()
    if mode not in QONNX_ROUNDINGS:
        raise node.refuse(f"rounding mode {mode}", ", ".join(sorted(QONNX_ROUNDINGS)))
    return QONNX_ROUNDINGS[mode]


def positive_scale(node: NodeContext, index: int) -> Array:
    """A scale input, checked to be positive."""
    scale = node.constant(index)
    if np.any(scale <= 0):
        raise node.refuse(f"scale {float(np.min(scale))}", "positive scales")
    return scale


def whole_bits(node: NodeContext, index: int) -> Array:
    """A bit-width input, checked to be a positive whole number."""
    bits = node.constant(index)
    if np.any(bits != np.round(bits)) or np.any(bits < 1) or np.any(bits > 53):
        raise node.refuse(f"bit width {bits.reshape(-1)[0]}", "whole bit widths from 1 to 53")
    return bits


def emit_quant(
    node: NodeContext,
    scale: Array,
    zero_point: Array,
    bounds: tuple[Array, Array],
    rounding: str,
    *,
    round_first: bool = False,
    output: str = "value",
) -> SSAValue:
    """The quantizer op; parameters of one element become scalars."""
    parameters = {
        "scale": scale,
        "zero_point": np.asarray(zero_point, dtype=np.float32),
        "low": np.asarray(bounds[0], dtype=np.float64),
        "high": np.asarray(bounds[1], dtype=np.float64),
    }
    return node.emit(
        QuantOp,
        [node.operand(0)],
        rounding=StringAttr(rounding),
        round_first=BoolAttr.from_bool(round_first),
        output=StringAttr(output),
        **compact(parameters),
    )


def quant(node: NodeContext) -> Values:
    """Quant and IntQuant: scale, zero point, bit width; one signed bit means the sign."""
    scale, zero_point = positive_scale(node, 1), node.constant(2)
    bits = whole_bits(node, 3)
    signed, narrow = bool(node.attribute("signed", 1)), bool(node.attribute("narrow", 0))
    if np.any(zero_point != np.round(zero_point)):
        raise node.refuse("a zero point that is not a whole number", "whole zero points")
    if signed and bool(np.all(bits == 1)):
        if np.any(zero_point != 0):
            raise node.refuse("one signed bit with a zero point", "a zero point of 0")
        bounds = (np.array(-1.0), np.array(1.0))
        return [emit_quant(node, scale, zero_point, bounds, "BIPOLAR")]
    if signed and bool(np.any(bits == 1)):
        raise node.refuse("signed bit widths of 1 beside others", "1 for all or for none")
    bounds = level_bounds(signed, narrow, bits)
    return [emit_quant(node, scale, zero_point, bounds, rounding_of(node, "ROUND"))]


def bipolar_quant(node: NodeContext) -> Values:
    """The sign, times a scale."""
    scale = positive_scale(node, 1)
    bounds = (np.array(-1.0), np.array(1.0))
    return [emit_quant(node, scale, np.array(0.0), bounds, "BIPOLAR")]


def trunc(node: NodeContext) -> Values:
    """Version 2 has an output scale of its own (six inputs); version 1 keeps the input's."""
    if not node.has(5):
        return [trunc_to_width(node)]
    bits = whole_bits(node, 5)
    bounds = level_bounds(bool(node.attribute("signed", 1)), bool(node.attribute("narrow", 0)), bits)
    return [emit_trunc(node, positive_scale(node, 4), bounds)]


def trunc_to_width(node: NodeContext) -> SSAValue:
    """Version 1: the truncated integer minus the whole zero point, times the input's scale."""
    scale = positive_scale(node, 1).astype(np.float64)
    divisor = 2.0 ** (whole_bits(node, 3).astype(np.float64) - whole_bits(node, 4))
    bounds = (np.array(-(2.0**52)), np.array(2.0**52))
    x = emit_trunc(node, scale * divisor, bounds)
    if np.any(divisor != 1):
        x = node.emit(MulOp, [x, node.emit_constant(1 / divisor)])
    zero = node.constant(2).astype(np.float64)
    rest = (zero / divisor - zero) * scale
    return node.emit(AddOp, [x, node.emit_constant(rest)]) if np.any(rest != 0) else x


def emit_trunc(node: NodeContext, output_scale: Array, bounds: tuple[Array, Array]) -> SSAValue:
    """The op, with scale and zero point of the input from inputs 1 and 2."""
    parameters = {
        "scale": positive_scale(node, 1),
        "zero_point": node.constant(2).astype(np.float32),
        "output_scale": output_scale,
        "low": np.asarray(bounds[0], dtype=np.float64),
        "high": np.asarray(bounds[1], dtype=np.float64),
    }
    rounding = StringAttr(rounding_of(node, "FLOOR"))
    return node.emit(TruncOp, [node.operand(0)], rounding=rounding, **compact(parameters))


def compact(parameters: Mapping[str, Array]) -> dict[str, ArrayAttr]:
    """Parameters as attributes; those of one element become scalars."""
    return {
        name: ArrayAttr.of(array.reshape(()) if array.size == 1 else array)
        for name, array in parameters.items()
    }


def per_axis(node: NodeContext, parameter: Array) -> Array:
    """A per-axis parameter shaped to broadcast against the input."""
    if node.attribute("block_size", 0):
        raise node.refuse("blocked quantization", "per-tensor and per-axis scales")
    if parameter.ndim == 0 or parameter.size == 1:
        return parameter.reshape(())
    if parameter.ndim != 1:
        raise node.refuse(f"a parameter of shape {parameter.shape}", "per-tensor and per-axis scales")
    rank = len(node.shape())
    axis = node.axis(1, rank)
    return parameter.reshape([-1 if i == axis else 1 for i in range(rank)])


def quantize_linear(node: NodeContext) -> Values:
    """Levels; the element type of the zero point, or `output_dtype`, gives the range."""
    if node.attribute("precision", 0) not in (0, onnx.TensorProto.FLOAT):
        raise node.refuse("a precision other than float", "division in float")
    scale = per_axis(node, positive_scale(node, 1))
    kind = element_type(node.attribute("output_dtype", 0) or onnx.TensorProto.UINT8).lower()
    zero_point = node.constant(2) if node.has(2) else np.zeros((), dtype=np.uint8)
    kind = str(zero_point.dtype) if node.has(2) else kind
    if kind not in INTEGER_BITS:
        raise CompileError(
            "NL108",
            f"QuantizeLinear to {kind}",
            origin=node.name,
            supported=", ".join(sorted(INTEGER_BITS)),
        )
    bits, signed = INTEGER_BITS[kind]
    bounds = level_bounds(signed, False, np.array(float(bits)))
    zero = per_axis(node, zero_point.astype(np.float32))
    return [emit_quant(node, scale, zero, bounds, "RND_CONV", round_first=True, output="level")]


def dequantize_linear(node: NodeContext) -> Values:
    """(level - zero point) * scale; stored weights keep their integers."""
    scale = per_axis(node, positive_scale(node, 1))
    zero = per_axis(node, node.constant(2, 0).astype(np.int64))
    if node.is_constant(0):
        mantissas = node.constant(0).astype(np.int64) - zero
        number_format = Format.for_range(int(mantissas.min()), int(mantissas.max()), 0)
        constant = node.importer.add(constant_mantissas(mantissas, number_format, node.name))
        return [node.emit(DequantizeOp, [constant], scale=ArrayAttr.of(scale), offset=ArrayAttr.of(0.0))]
    x = node.operand(0)
    if np.any(zero != 0):
        x = node.emit(SubOp, [x, node.emit_constant(zero)])
    return [node.emit(MulOp, [x, node.emit_constant(scale)])]


QUANT_ATTRIBUTES = frozenset({"signed", "narrow", "rounding_mode"})

CONVERTERS: dict[str, Converter] = {
    "Quant": Converter(quant, QUANT_ATTRIBUTES),
    "IntQuant": Converter(quant, QUANT_ATTRIBUTES),
    "BipolarQuant": Converter(bipolar_quant),
    "Trunc": Converter(trunc, QUANT_ATTRIBUTES),
    "QuantizeLinear": Converter(
        quantize_linear, frozenset({"axis", "saturate", "block_size", "output_dtype", "precision"})
    ),
    "DequantizeLinear": Converter(dequantize_linear, frozenset({"axis", "block_size", "output_dtype"})),
}
