"""Small programs of dialect `nn`, built op by op, and how passes change them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import BoolAttr, FloatAttr, IntegerAttr, ModuleOp, StringAttr, f64
from xdsl.ir import Attribute, Block, SSAValue

from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr, fixed_tensor, real_tensor
from netloom.ir.base import NetloomOp, make
from netloom.ir.fx import CastOp, ConstantOp, DequantizeOp, QuantizeOp, constant_mantissas
from netloom.ir.interpreter import run
from netloom.ir.nn import BatchNormOp, FunctionOp, QuantOp
from netloom.ir.program import finish_function, main, new_function, program_ops
from netloom.passes.manager import PassManager, parse

Array = NDArray[Any]


class Program:
    """A function under construction; every method appends one op and returns its value."""

    def __init__(self, **inputs: tuple[int, ...] | Attribute) -> None:
        types = [(n, real_tensor(t) if isinstance(t, tuple) else t) for n, t in inputs.items()]
        self.module, self.function = new_function(types, batched=False)

    @property
    def block(self) -> Block:
        return self.function.body.block

    @property
    def inputs(self) -> tuple[SSAValue, ...]:
        return tuple(self.block.args)

    def op(
        self, op_type: type[NetloomOp], /, *operands: SSAValue, origin: str = "", **properties: Any
    ) -> SSAValue:
        op = make(op_type, operands, origin=origin, **properties)
        self.block.add_op(op)
        return op.results[0]

    def real(self, values: Any) -> SSAValue:
        return self.op(ConstantOp, value=ArrayAttr.of(np.asarray(values, dtype=np.float32)))

    def fixed(self, mantissas: Any, fraction: int = 0, origin: str = "") -> SSAValue:
        array = np.asarray(mantissas, dtype=np.int64)
        op = constant_mantissas(array, Format.for_range(int(array.min()), int(array.max()), fraction), origin)
        self.block.add_op(op)
        return op.results[0]

    def cast(
        self, x: SSAValue, target: str, rounding: str = "RND", overflow: str = "SAT", origin: str = ""
    ) -> SSAValue:
        shape = x.type.get_shape()  # type: ignore[attr-defined]  # always a tensor here
        result = fixed_tensor(shape, Format.parse(target))
        modes = {"rounding": StringAttr(rounding), "overflow": StringAttr(overflow)}
        return self.op(CastOp, x, origin=origin, result=result, **modes)

    def quant(
        self,
        x: SSAValue,
        scale: Any,
        low: Any = -8,
        high: Any = 7,
        *,
        zero: Any = 0,
        rounding: str = "RND_CONV",
        origin: str = "",
        output: str = "value",
        round_first: bool = False,
    ) -> SSAValue:
        arrays = {"scale": scale, "zero_point": zero, "low": low, "high": high}
        parameters = {
            name: ArrayAttr.of(np.asarray(array, dtype=np.float64)) for name, array in arrays.items()
        }
        return self.op(
            QuantOp,
            x,
            origin=origin,
            rounding=StringAttr(rounding),
            output=StringAttr(output),
            round_first=BoolAttr.from_bool(round_first),
            **parameters,
        )

    def port(self, x: SSAValue, target: str, origin: str = "") -> SSAValue:
        """A real input as a hardware input port: saturated to a format."""
        number_format = Format.parse(target)
        shape = x.type.get_shape()  # type: ignore[attr-defined]  # always a tensor here
        numbers = {
            "scale": number_format.step,
            "zero_point": 0.0,
            "low": number_format.min_mantissa,
            "high": number_format.max_mantissa,
        }
        parameters = {name: ArrayAttr.of(np.asarray(float(number))) for name, number in numbers.items()}
        return self.op(
            QuantizeOp,
            x,
            origin=origin,
            result=fixed_tensor(shape, number_format),
            rounding=StringAttr("RND_CONV"),
            overflow=StringAttr("SAT"),
            round_first=BoolAttr.from_bool(False),
            **parameters,
        )

    def dequantize(self, x: SSAValue, scale: Any = 1.0, offset: Any = 0.0) -> SSAValue:
        return self.op(DequantizeOp, x, scale=ArrayAttr.of(scale), offset=ArrayAttr.of(offset))

    def batch_norm(self, x: SSAValue, scale: Any, bias: Any, mean: Any, origin: str = "") -> SSAValue:
        arrays = {"scale": scale, "bias": bias, "mean": mean, "variance": np.ones(np.shape(scale))}
        parameters = {
            name: ArrayAttr.of(np.asarray(array, dtype=np.float64)) for name, array in arrays.items()
        }
        return self.op(BatchNormOp, x, origin=origin, epsilon=FloatAttr(0.0, f64), **parameters)

    def function_of(self, x: SSAValue, name: str, origin: str = "") -> SSAValue:
        return self.op(FunctionOp, x, origin=origin, function=StringAttr(name))

    def returns(self, *values: SSAValue) -> ModuleOp:
        finish_function(self.function, [(f"y{index}", value) for index, value in enumerate(values)])
        self.module.verify()
        return self.module


def axis(index: int) -> IntegerAttr[Any]:
    return IntegerAttr(index, 64)


def ints(*values: int) -> ArrayAttr:
    return ArrayAttr.of(np.array(values, dtype=np.int64))


def after(module: ModuleOp, pipeline: str, samples: list[Array] | None = None) -> ModuleOp:
    """A copy after a pipeline, each pass verified and, with samples, checked to keep the meaning."""
    result = module.clone()
    PassManager(parse(pipeline), samples=samples).run(result)
    return result


def values_of(module: ModuleOp, *inputs: Array) -> list[Array]:
    """Outputs with reals in float64."""
    return run(module, list(inputs), np.float64)


def names(module: ModuleOp) -> list[str]:
    """Names of the ops, constants left out."""
    return [op.name for op in program_ops(main(module)) if not isinstance(op, ConstantOp)]


def ops_of(module: ModuleOp, kind: type[Any]) -> list[Any]:
    return [op for op in program_ops(main(module)) if isinstance(op, kind)]
