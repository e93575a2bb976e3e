"""The walk over an ONNX graph that builds a module of dialect `nn`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import helper
from onnx.reference import ReferenceEvaluator
from xdsl.dialects.builtin import BoolAttr, ModuleOp, StringAttr
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.exceptions import VerifyException

from netloom.core.diagnostics import CompileError
from netloom.frontends.onnx.load import (
    check_finite,
    domain_version,
    initializers,
    opset,
    ordered_nodes,
    tensor_array,
)
from netloom.ir.attributes import ArrayAttr, real_tensor, shape_of
from netloom.ir.base import NetloomOp, Op, make
from netloom.ir.fx import ConstantOp
from netloom.ir.nn import QuantOp
from netloom.ir.program import finish_function, new_function
from netloom.ir.quantizer import level_bounds

Array = NDArray[Any]

QONNX_OPERATORS = ("Quant", "IntQuant", "BipolarQuant", "Trunc", "FloatQuant")
QONNX_DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", "qonnx", "")
ONNX_DOMAINS = ("", "ai.onnx")
CHANNELS_LAST_DOMAIN = "qonnx.custom_op.channels_last"
CHANNELS_LAST_OPERATORS = ("Conv", "MaxPool", "AveragePool", "BatchNormalization")

QUANTIZERS = (*QONNX_OPERATORS, "QuantizeLinear", "DequantizeLinear")
"""Never folded: the pass that absorbs quantizers wants to see their scales."""

RANDOM = (
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
)
"""Never folded: each run gives other numbers."""

INTEGER_RESULTS = (
    "ArgMax",
    "ArgMin",
    "Clip",
    "Concat",
    "Expand",
    "Flatten",
    "Gather",
    "Identity",
    "Max",
    "Min",
    "Pad",
    "QuantizeLinear",
    "ReduceMax",
    "ReduceMin",
    "Relu",
    "Reshape",
    "Slice",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
)
"""Operators that mean the same on integer tensors as on real ones, and give integers for integers."""

INTEGER_READERS = (*INTEGER_RESULTS, "Cast", "DequantizeLinear", "Shape", "Size")
"""Operators that an integer tensor may go to; the others wrap or truncate on integers in ONNX."""

MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What converters meet in nodes whose attributes or inputs have impossible types or sizes."""

INTEGER_INPUTS = {
    onnx.TensorProto.INT8: (8, True),
    onnx.TensorProto.UINT8: (8, False),
    onnx.TensorProto.INT16: (16, True),
    onnx.TensorProto.UINT16: (16, False),
    onnx.TensorProto.BOOL: (1, False),
}
REAL_INPUTS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)


class Importer:
    """State of one import: what each tensor name stands for, and the block being filled."""

    def __init__(
        self, model: onnx.ModelProto, input_shapes: Mapping[str, tuple[int, ...]], batched: bool
    ) -> None:
        self.model = model
        self.opset = opset(model)
        self.constants: dict[str, Array] = initializers(model)
        self.values: dict[str, SSAValue] = {}
        self.unavailable: dict[str, str] = {}
        self.integers: set[str] = set()
        name = model.graph.name or "model"
        arguments: list[tuple[str, Attribute]] = [
            (key, real_tensor(shape)) for key, shape in input_shapes.items()
        ]
        self.module, self.function = new_function(arguments, batched=batched, source_name=name)
        block = self.function.body.block
        self.values.update(zip(input_shapes, block.args, strict=True))
        self._quantize_integer_inputs()

    def _quantize_integer_inputs(self) -> None:
        """An integer input is a real one with a quantizer of scale 1 over the range of its type."""
        for info in self.model.graph.input:
            kind = INTEGER_INPUTS.get(info.type.tensor_type.elem_type)
            if kind is None or info.name not in self.values:
                continue
            bits, signed = kind
            low, high = level_bounds(signed, False, np.array(float(bits)))
            parameters = {"scale": 1.0, "zero_point": 0.0, "low": float(low), "high": float(high)}
            quantizer = make(
                QuantOp,
                [self.values[info.name]],
                origin=info.name,
                rounding=StringAttr("RND_CONV"),
                round_first=BoolAttr.from_bool(False),
                output=StringAttr("value"),
                **{key: ArrayAttr.of(value) for key, value in parameters.items()},
            )
            self.values[info.name] = self.add(quantizer)
            self.integers.add(info.name)

    def run(self, converters: Mapping[str, Converter]) -> ModuleOp:
        """Import all nodes and return the module.

        Raises:
            CompileError: of the codes NL102 to NL110.
        """
        for node in ordered_nodes(self.model):
            if not self._fold(node):
                self._convert(node, converters)
        outputs = [(out.name, self.value(out.name)) for out in self.model.graph.output]
        finish_function(self.function, outputs)
        return self.module

    def value(self, name: str) -> SSAValue:
        """The SSA value of a tensor; constants become `fx.constant` once.

        Raises:
            CompileError: NL103 for an output that its operator does not have here, NL107 for
                a constant that is not finite in float32.
        """
        if name in self.unavailable:
            raise CompileError(
                "NL103",
                f"the output '{name}' is used",
                origin=self.unavailable[name],
                supported="the operator's first output",
            )
        if name not in self.values:
            with np.errstate(over="ignore"):
                array = check_finite(np.asarray(self.constants[name], dtype=np.float32), name)
            self.values[name] = self.add(make(ConstantOp, [], origin=name, value=ArrayAttr.of(array)))
        return self.values[name]

    def add(self, op: NetloomOp) -> SSAValue:
        """Append an op and return its result."""
        self.function.body.block.add_op(op)
        return op.results[0]

    def _fold(self, node: onnx.NodeProto) -> bool:
        """Evaluate a node whose inputs are all constants; True when that was done."""
        if node.domain not in ONNX_DOMAINS or node.op_type in (*QUANTIZERS, *RANDOM):
            return False
        if any(n and n not in self.constants for n in node.input):
            return False
        feeds = {n: self.constants[n] for n in node.input if n}
        try:
            graph = helper.make_graph(
                [node],
                "fold",
                [_value_info(n, array) for n, array in feeds.items()],
                [helper.make_empty_tensor_value_info(n) for n in node.output if n],
            )
            wanted = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
            results = ReferenceEvaluator(wanted).run(None, feeds)
        except Exception:  # the reference evaluator raises many kinds; the converter reports better
            return False
        if not all(isinstance(result, np.ndarray | np.generic) for result in results):
            return False
        for name, result in zip([n for n in node.output if n], results, strict=True):
            self.constants[name] = check_finite(np.asarray(result), node.name)
        return True

    def _convert(self, node: onnx.NodeProto, converters: Mapping[str, Converter]) -> None:
        converter = converters.get(node.op_type)
        if converter is None or node.domain not in (converter.domains or domains_of(node.op_type)):
            raise unsupported_operator(node, converters)
        self._check_integers(node)
        try:
            results = converter.convert(NodeContext(self, node, converter))
        except VerifyException as error:
            raise _misfit(node, str(error)) from error
        except MALFORMED as error:
            raise _misfit(node, f"malformed node ({type(error).__name__}: {error})") from error
        self.unavailable.update(dict.fromkeys(node.output[len(results) :], node.name))
        for name, result in zip(node.output, results, strict=False):
            if isinstance(result, SSAValue):
                self.values[name] = result
            else:
                self.constants[name] = result

    def _check_integers(self, node: onnx.NodeProto) -> None:
        """Follow integer tensors, on which ONNX's arithmetic wraps and divides otherwise."""
        found = [name for name in node.input if name in self.integers]
        if found and node.op_type not in INTEGER_READERS:
            raise CompileError(
                "NL108",
                f"{node.op_type} on the integer tensor '{found[0]}'",
                origin=node.name,
                supported=", ".join(INTEGER_READERS),
                hint="put a Cast to float or a DequantizeLinear in front",
            )
        whole = bool(found) and node.op_type in INTEGER_RESULTS
        if whole or node.op_type in ("ArgMax", "ArgMin", "QuantizeLinear"):
            self.integers.update(node.output)


def domains_of(op_type: str) -> tuple[str, ...]:
    """The domains in which an operator of that name is what its converter takes it for."""
    if op_type in QONNX_OPERATORS:
        return QONNX_DOMAINS
    return (*ONNX_DOMAINS, CHANNELS_LAST_DOMAIN) if op_type in CHANNELS_LAST_OPERATORS else ONNX_DOMAINS


def _misfit(node: onnx.NodeProto, found: str) -> CompileError:
    return CompileError(
        "NL110",
        f"{node.op_type}: {found}",
        origin=node.name,
        hint="check the model with onnx.checker and shape inference",
    )


def _value_info(name: str, array: Array) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


Result = SSAValue | Array
Convert = Callable[["NodeContext"], Sequence[Result]]


@dataclass(frozen=True)
class Converter:
    """How one operator is imported: the function, the attributes that it understands, and its own domains."""

    convert: Convert
    attributes: frozenset[str] = frozenset()
    domains: tuple[str, ...] = ()


class NodeContext:
    """One node during conversion: its operands, attributes and a way to emit ops for it."""

    def __init__(self, importer: Importer, node: onnx.NodeProto, converter: Converter) -> None:
        self.importer = importer
        self.node = node
        self.name = node.name
        self.opset = importer.opset
        self._attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        for attribute in self._attributes:
            if attribute not in converter.attributes:
                raise CompileError(
                    "NL104",
                    f"{node.op_type} has the unknown attribute '{attribute}'",
                    origin=node.name,
                    supported=", ".join(sorted(converter.attributes)) or "no attributes",
                )

    def domain_version(self) -> int:
        """Version of the node's operator set."""
        return domain_version(self.importer.model, self.node.domain)

    def attribute(self, name: str, default: Any) -> Any:
        """Attribute value; strings come decoded, tensors as arrays."""
        value = self._attributes.get(name, default)
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, onnx.TensorProto):
            return tensor_array(value, self.name)
        return value

    def axis(self, default: int, rank: int) -> int:
        """Attribute `axis`, counted from the front of `rank` axes."""
        return self.positive_axis(int(self.attribute("axis", default)), rank)

    def positive_axis(self, axis: int, rank: int) -> int:
        """An axis, counted from the front of `rank` axes.

        Raises:
            CompileError: NL104 when there is no such axis.
        """
        if not -rank <= axis < rank:
            raise self.refuse(f"axis {axis} of {rank} axes", f"{-rank} to {rank - 1}")
        return axis % rank

    def has(self, index: int) -> bool:
        """Whether optional input `index` is present."""
        return index < len(self.node.input) and bool(self.node.input[index])

    def operand(self, index: int) -> SSAValue:
        """Input `index` as a value."""
        self._require(index)
        return self.importer.value(self.node.input[index])

    def _require(self, index: int) -> None:
        if not self.has(index):
            raise CompileError("NL110", f"input {index} of {self.node.op_type} is missing", origin=self.name)

    @property
    def operands(self) -> list[SSAValue]:
        """All inputs as values."""
        return [self.operand(index) for index in range(len(self.node.input))]

    def shape(self, index: int = 0) -> tuple[int, ...]:
        """Shape of input `index`."""
        if self.is_constant(index):
            return tuple(self.importer.constants[self.node.input[index]].shape)
        return shape_of(self.operand(index).type)

    def is_constant(self, index: int) -> bool:
        """Whether input `index` is known at compile time."""
        return self.has(index) and self.node.input[index] in self.importer.constants

    def constant(self, index: int, default: Any = None) -> Array:
        """Input `index` as an array.

        Raises:
            CompileError: NL109 when it is not a constant, NL110 when it is absent without default.
        """
        if not self.has(index) and default is not None:
            return np.asarray(default)
        self._require(index)
        if not self.is_constant(index):
            raise CompileError(
                "NL109",
                f"input {index} of {self.node.op_type} must be a constant",
                origin=self.name,
                hint="export the model with this value fixed",
            )
        return self.importer.constants[self.node.input[index]]

    def scalar(self, index: int, default: float | None = None) -> float:
        """Input `index` as one number (of shape [] or [1])."""
        return float(self.constant(index, default).reshape(()))

    def emit(self, op_type: type[Op], operands: Sequence[SSAValue], **properties: Any) -> SSAValue:
        """Append an op with this node as its origin."""
        return self.importer.add(make(op_type, operands, origin=self.name, **properties))

    def emit_constant(self, values: ArrayLike) -> SSAValue:
        """Append a real constant."""
        array = check_finite(np.asarray(values, dtype=np.float32), self.name)
        return self.emit(ConstantOp, [], value=ArrayAttr.of(array))

    def refuse(self, found: str, supported: str, hint: str = "") -> CompileError:
        """An NL104 about this node."""
        return CompileError(
            "NL104", f"{self.node.op_type}: {found}", origin=self.name, supported=supported, hint=hint
        )


NEAREST = {
    "LSTM": "an unrolled network of MatMul, Sigmoid and Tanh",
    "GRU": "an unrolled network of MatMul, Sigmoid and Tanh",
    "RNN": "an unrolled network of MatMul and Tanh",
    "If": "a graph without branches; export the branch that inference takes",
    "Loop": "the unrolled body",
    "Scan": "the unrolled body",
    "ReduceProd": "Mul",
    "ConvInteger": "DequantizeLinear and MatMul",
    "MatMulInteger": "DequantizeLinear and MatMul",
    "QLinearMatMul": "DequantizeLinear, MatMul and QuantizeLinear",
    "ThresholdedRelu": "Relu or LeakyRelu",
    "InstanceNormalization": "LayerNormalization or BatchNormalization",
    "GroupNormalization": "LayerNormalization",
    "TopK": "ArgMax",
    "FloatQuant": "Quant (integers with a scale)",
    **dict.fromkeys(RANDOM, "a constant, or one more input of the model"),
    "Mod": "Slice or Gather with constant indices",
    "MultiThreshold": "Quant",
}
"""What to use instead of operators that are common and not supported."""


def unsupported_operator(node: onnx.NodeProto, known: Mapping[str, Converter]) -> CompileError:
    """The refusal of an operator, with the nearest supported alternative."""
    import difflib

    close = difflib.get_close_matches(node.op_type, sorted(known), n=1, cutoff=0.4)
    nearest = NEAREST.get(node.op_type) or (close[0] if close else "a composition of MatMul, Add, Mul")
    if node.op_type in known:
        domain = QONNX_DOMAINS[0] if node.op_type in QONNX_OPERATORS else "ai.onnx"
        nearest = f"{domain}.{node.op_type}"
    domain = f"{node.domain}." if node.domain else ""
    return CompileError(
        "NL103",
        f"operator {domain}{node.op_type} is not supported",
        origin=node.name,
        supported=f"nearest: {nearest}",
        hint="rewrite the layer, or list all operators with 'netloom frontends'",
    )
