"""The dataflow graph of a module as a networkx graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from netloom.ir.attributes import format_of, shape_of
from netloom.ir.fx import ConstantOp
from netloom.ir.program import input_names, main, output_names, program_ops, terminator

if TYPE_CHECKING:
    import networkx


def dataflow_graph(module: ModuleOp, *, constants: bool = False) -> networkx.MultiDiGraph:
    """Nodes are inputs, ops and outputs; edges are tensors.

    Node attributes: `kind` (op name, "input" or "output"), `origin`, `label`. Edge attributes:
    `shape`, `format` (None for real tensors). Constants are left out unless asked for.
    """
    import networkx

    function = main(module)
    graph: networkx.MultiDiGraph = networkx.MultiDiGraph()
    names: dict[object, str] = {}
    for argument, name in zip(function.body.block.args, input_names(function), strict=True):
        names[argument] = f"input:{name}"
        graph.add_node(names[argument], kind="input", origin=name, label=name)
    for index, op in enumerate(program_ops(function)):
        if isinstance(op, ConstantOp) and not constants:
            continue
        node = f"{index}:{op.name}"
        graph.add_node(node, kind=op.name, origin=op.origin_name, label=f"{op.name} {op.origin_name}")
        names[op.results[0]] = node
        _connect(graph, names, op, node)
    returned = terminator(function)
    for operand, name in zip(returned.operands, output_names(function), strict=True):
        node = f"output:{name}"
        graph.add_node(node, kind="output", origin=name, label=name)
        if operand in names:
            graph.add_edge(names[operand], node, shape=shape_of(operand.type), format=format_of(operand.type))
    return graph


def _connect(graph: networkx.MultiDiGraph, names: dict[object, str], op: Operation, node: str) -> None:
    for operand in op.operands:
        if operand in names:
            graph.add_edge(names[operand], node, shape=shape_of(operand.type), format=format_of(operand.type))
