"""Reading and checking ONNX files before anything is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import numpy_helper

from netloom.core.diagnostics import CompileError

NOT_REAL = ("UNDEFINED", "STRING", "COMPLEX64", "COMPLEX128")
"""Element types that are not numbers on a line."""


def load_model(path: Path) -> onnx.ModelProto:
    """Read a model file, external data included.

    Raises:
        CompileError: NL101 when unreadable, NL102 when not an ONNX model.
    """
    if not path.is_file():
        raise CompileError("NL101", "no such file", origin=path.name, hint="check the path")
    try:
        model = onnx.load(str(path))
    except DecodeError as error:
        raise _invalid(path.name, "its bytes cannot be parsed") from error
    except (ValueError, onnx.checker.ValidationError) as error:
        raise _invalid(path.name, str(error)) from error
    except OSError as error:
        raise CompileError("NL101", error.strerror or str(error), origin=path.name) from error
    check_model(model, path.name)
    return model


def _invalid(file: str, reason: str) -> CompileError:
    return CompileError(
        "NL102",
        f"not a valid ONNX model ({reason.strip() or 'empty'})",
        origin=file,
        hint="export the model again; the file may be truncated",
    )


def check_model(model: onnx.ModelProto, file: str = "model") -> None:
    """Refuse what cannot be a model: nothing in it, no outputs, or a function library only."""
    if not model.HasField("graph") or not model.graph.output or model.ir_version == 0:
        raise _invalid(file, "it has no graph with outputs")
    if not model.graph.node:
        raise _invalid(file, "its graph has no nodes")


def opset(model: onnx.ModelProto) -> int:
    """Version of the default operator set."""
    return next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 13)


def domain_version(model: onnx.ModelProto, domain: str) -> int:
    """Version of a custom operator set, 1 when it is not declared."""
    return next((o.version for o in model.opset_import if o.domain == domain), 1)


def initializers(model: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    """All initializers as arrays, sparse ones spread out.

    Raises:
        CompileError: NL102 when the stored data do not fit the shape, NL107 for NaN or infinite
            elements, NL108 for elements that are not real numbers.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for tensor in model.graph.initializer:
        arrays[tensor.name] = tensor_array(tensor, tensor.name)
    for sparse in model.graph.sparse_initializer:
        arrays[sparse.values.name] = _dense(sparse)
    return arrays


def tensor_array(tensor: onnx.TensorProto, origin: str) -> NDArray[Any]:
    """A stored tensor as an array of real numbers, integers or booleans.

    Raises:
        CompileError: NL102, NL107 or NL108, as `initializers`.
    """
    kind = element_type(tensor.data_type)
    if kind in NOT_REAL:
        raise CompileError(
            "NL108",
            f"tensor '{tensor.name}' has element type {kind}",
            origin=origin,
            supported="real numbers, integers and booleans",
        )
    try:
        array = numpy_helper.to_array(tensor)
    except (OSError, TypeError, ValueError, onnx.checker.ValidationError) as error:
        raise _invalid(origin, f"the data of tensor '{tensor.name}' cannot be read: {error}") from error
    return check_finite(array, origin)


def element_type(kind: int) -> str:
    """ONNX's name of an element type."""
    known: dict[int, str] = {number: name for name, number in onnx.TensorProto.DataType.items()}
    return known.get(kind, f"number {kind}")


def _dense(sparse: onnx.SparseTensorProto) -> NDArray[Any]:
    name = sparse.values.name
    values, indices = tensor_array(sparse.values, name), tensor_array(sparse.indices, name)
    array = np.zeros(tuple(sparse.dims), dtype=values.dtype)
    try:
        if indices.ndim == 1:
            array.reshape(-1)[indices] = values
        else:
            array[tuple(indices.T)] = values
    except (IndexError, ValueError) as error:
        raise _invalid(name, f"the indices of sparse tensor '{name}': {error}") from error
    return array


def check_finite(array: NDArray[Any], origin: str) -> NDArray[Any]:
    """The array itself, when it has no NaN and no infinity.

    Raises:
        CompileError: NL107.
    """
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        count = int(np.sum(~np.isfinite(array)))
        raise CompileError(
            "NL107",
            f"{count} of {array.size} elements are NaN or infinite",
            origin=origin,
            supported="finite numbers",
            hint="check the training run that made these weights",
        )
    return array


def ordered_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The nodes, producers before users, otherwise in file order; unnamed nodes get a name.

    Raises:
        CompileError: NL102 when a tensor has two producers, NL106 when the graph is cyclic or a
            tensor has none.
    """
    nodes = [_named(node, index) for index, node in enumerate(model.graph.node)]
    known = {i.name for i in model.graph.initializer} | {i.name for i in model.graph.input}
    known |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    producer = _producers(nodes, known)
    for output in model.graph.output:
        if output.name not in producer and output.name not in known:
            raise CompileError("NL106", "nothing produces this output", origin=output.name)
    return _sorted(nodes, producer, known)


def _named(node: onnx.NodeProto, index: int) -> onnx.NodeProto:
    """The node itself, or a copy with a name: the user's model is not changed."""
    if node.name:
        return node
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.name = f"{node.op_type}_{index}"
    return copy


def _producers(nodes: Sequence[onnx.NodeProto], known: Set[str]) -> dict[str, int]:
    producer: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in filter(None, node.output):
            if name in producer or name in known:
                raise _invalid(node.name, f"its output '{name}' is written twice")
            producer[name] = index
    return producer


def _sorted(
    nodes: Sequence[onnx.NodeProto], producer: Mapping[str, int], known: Set[str]
) -> list[onnx.NodeProto]:
    graph: networkx.DiGraph = networkx.DiGraph()
    graph.add_nodes_from(range(len(nodes)))
    for index, node in enumerate(nodes):
        for name in node.input:
            if name in producer:
                graph.add_edge(producer[name], index)
            elif name and name not in known:
                raise CompileError("NL106", f"nothing produces its input '{name}'", origin=node.name)
    try:
        order = list(networkx.lexicographical_topological_sort(graph))
    except networkx.NetworkXUnfeasible:
        cycle = [nodes[edge[0]].name for edge in networkx.find_cycle(graph)]
        raise CompileError(
            "NL106",
            f"the graph is cyclic: {' -> '.join([*cycle, cycle[0]])}",
            origin=cycle[0],
            supported="feed-forward graphs",
        ) from None
    return [nodes[index] for index in order]
