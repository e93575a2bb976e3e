"""Small ONNX models, and what others say that they compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import ArrayLike, NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from xdsl.dialects.builtin import ModuleOp

from netloom.core.diagnostics import CompileError
from netloom.frontends.onnx.batch import import_model, input_shapes
from netloom.frontends.onnx.importer import Importer
from netloom.frontends.onnx.load import check_model
from netloom.frontends.onnx.ops import CONVERTERS
from netloom.ir.interpreter import run

Array = NDArray[Any]
GENERATOR = np.random.default_rng(2024)


def real(*shape: int, low: float = -3.0, high: float = 3.0) -> Array:
    """Random float32 numbers."""
    return GENERATOR.uniform(low, high, shape).astype(np.float32)


@dataclass(frozen=True)
class Constant:
    """An operand that is stored in the model."""

    values: Array

    @staticmethod
    def of(values: ArrayLike, dtype: Any = None) -> Constant:
        return Constant(np.asarray(values, dtype=dtype))


def weights(*shape: int) -> Constant:
    return Constant(real(*shape))


def ints(*values: int) -> Constant:
    return Constant.of(values, np.int64)


Operand = Array | Constant | None


@dataclass(frozen=True)
class Case:
    """One node: its operands (arrays are inputs of the model, None is left out) and attributes."""

    op: str
    operands: Sequence[Operand]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    opset: int = 17
    outputs: int = 1
    domain: str = ""

    def __str__(self) -> str:
        shapes = ",".join(
            "-"
            if o is None
            else ("c" if isinstance(o, Constant) else "") + "x".join(map(str, array_of(o).shape))
            for o in self.operands
        )
        options = ",".join(f"{key}={value}" for key, value in self.attributes.items())
        return f"{self.op}-{self.opset}-{shapes}-{options}"

    @property
    def feeds(self) -> dict[str, Array]:
        return {f"x{i}": o for i, o in enumerate(self.operands) if isinstance(o, np.ndarray)}

    @property
    def model(self) -> onnx.ModelProto:
        names = ["" if operand is None else f"x{i}" for i, operand in enumerate(self.operands)]
        outputs = [f"y{i}" for i in range(self.outputs)]
        node = helper.make_node(self.op, names, outputs, name="node", domain=self.domain, **self.attributes)
        stored = {f"x{i}": o.values for i, o in enumerate(self.operands) if isinstance(o, Constant)}
        return model_of(
            [node], self.feeds, stored, outputs, self.opset, {self.domain: 1} if self.domain else {}
        )


def array_of(operand: Array | Constant) -> Array:
    return operand.values if isinstance(operand, Constant) else operand


def model_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Array],
    stored: Mapping[str, Array],
    outputs: Sequence[str],
    opset: int = 17,
    domains: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """A model whose inputs have the shapes and types of sample arrays."""
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        infos,
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    imports = [helper.make_opsetid("", opset)]
    imports += [helper.make_opsetid(domain, version) for domain, version in (domains or {}).items()]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def with_batch_axis(model: onnx.ModelProto, size: int | str) -> onnx.ModelProto:
    """A copy whose inputs have another size of axis 0: a number, or a symbol."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for info in copy.graph.input:
        dim = info.type.tensor_type.shape.dim[0]
        dim.Clear()
        if isinstance(size, str):
            dim.dim_param = size
        else:
            dim.dim_value = size
    return copy


def imported(model: onnx.ModelProto) -> ModuleOp:
    """The module as users get it."""
    check_model(model)
    module = import_model(model, CONVERTERS)
    module.verify()
    return module


def as_exported(model: onnx.ModelProto) -> ModuleOp:
    """The module at the exported shapes, whatever the first axis means."""
    module = Importer(model, input_shapes(model), batched=False).run(CONVERTERS)
    module.verify()
    return module


def ours(model: onnx.ModelProto, feeds: Mapping[str, Array], real_type: Any = np.float32) -> list[Array]:
    return [y[0] for y in run(as_exported(model), [x[None] for x in feeds.values()], real_type)]


def onnxruntime_says(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    typed = onnx.shape_inference.infer_shapes(model)
    session = onnxruntime.InferenceSession(
        typed.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return [np.asarray(y) for y in session.run(None, dict(feeds))]


def onnx_says(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    return [np.asarray(y) for y in ReferenceEvaluator(model).run(None, dict(feeds))]


def refusal(model: onnx.ModelProto) -> str:
    """The whole message of the refusal of a model."""
    try:
        imported(model)
    except CompileError as error:
        return str(error)
    return "not refused"
