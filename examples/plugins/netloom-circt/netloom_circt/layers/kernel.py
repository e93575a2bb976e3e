"""`da.kernel`: a shift-add network, for one row of its operand.

Stage s is the logic behind s registers. Widths are those of the nodes' exact intervals.
"""

from __future__ import annotations

from netloom.core.adder_graph import bit_width
from netloom.ir.da import KernelOp
from netloom.passes.analysis.kernel_timing import row_interval
from netloom.passes.analysis.scheduled import stages
from netloom_circt.circuit import Bits, literal
from netloom_circt.layers.body import Body


def kernel(body: Body) -> list[Bits]:
    """All adders, then all outputs, each in the stage that the schedule gave it."""
    op, circuit = body.op, body.circuit
    assert isinstance(op, KernelOp)
    graph = op.graph
    low, high = graph.intervals(*row_interval(op, body.intervals[op.input]))
    widths = bit_width(low, high).tolist()
    needed, node_stages = _needed(op), stages(op, "node")
    nodes: list[Bits] = []
    for number in range(graph.n_nodes):
        if low[number] == high[number] or not needed[number]:
            nodes.append(literal(int(low[number])))
            continue
        signed = bool(low[number] < 0)
        if number < graph.n_inputs:
            narrow = circuit.part(body.element(0, number), 0, widths[number], signed=signed)
            nodes.append(circuit.named(narrow, f"x{number}"))
            continue
        adder, stage = number - graph.n_inputs, node_stages[number]
        left, right = (
            circuit.at(nodes[source], stage, _name(op, source))
            for source in (int(graph.lhs[adder]), int(graph.rhs[adder]))
        )
        rule = circuit.subtract if graph.subtract[adder] else circuit.add
        shifts = (int(graph.lhs_shift[adder]), int(graph.rhs_shift[adder]))
        total = rule(left, right, widths[number], shifts).read_as(signed=signed)
        nodes.append(circuit.named(total, _name(op, number)))
    late = stages(op, "output")
    return [_output(body, op, nodes, column, late[column]) for column in range(graph.n_outputs)]


def _output(body: Body, op: KernelOp, nodes: list[Bits], column: int, stage: int) -> Bits:
    """One output: its node, shifted and perhaps negated, plus the bias."""
    circuit, graph = body.circuit, op.graph
    bias = literal(int(op.bias_mantissas[column]))
    node = int(graph.out_node[column])
    if node < 0:
        return bias
    source = circuit.at(nodes[node], stage, _name(op, node))
    rule = circuit.subtract if graph.out_negate[column] else circuit.add
    return rule(bias, source, body.width, (0, int(graph.out_shift[column])))


def _needed(op: KernelOp) -> list[bool]:
    """Whether an output depends on each node."""
    graph = op.graph
    needed = [False] * graph.n_nodes
    for node in graph.out_node[graph.out_node >= 0].tolist():
        needed[node] = True
    for adder in range(graph.n_adders - 1, -1, -1):
        if needed[graph.n_inputs + adder]:
            needed[int(graph.lhs[adder])] = needed[int(graph.rhs[adder])] = True
    return needed


def _name(op: KernelOp, node: int) -> str:
    first = op.graph.n_inputs
    return f"x{node}" if node < first else f"a{node - first}"
