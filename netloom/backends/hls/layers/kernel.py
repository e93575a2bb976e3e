"""`da.kernel`: a shift-add network, one statement per adder.

Every value has the exact width that its range needs. Sums are formed in a C++ integer type that holds
them and stored in that width, which is what the synthesized adder has.
"""

from __future__ import annotations

import math

from netloom.backends.hls.layers.layer import Context, Layer, Operand, describe
from netloom.backends.hls.text import indented, integer, loop, whole
from netloom.core.adder_graph import bit_width
from netloom.ir.da import KernelOp
from netloom.passes.analysis.kernel_timing import row_interval


class _KernelWriter:
    def __init__(self, op: KernelOp, context: Context) -> None:
        self.op, self.graph, self.context = op, op.graph, context
        low, high = self.graph.intervals(*row_interval(op, context.intervals[op.input]))
        self.low, self.high = low.tolist(), high.tolist()
        self.widths = bit_width(low, high).tolist()
        self.whole = whole(self._widest() + 1)
        self.needed = self._needed()

    def _widest(self) -> int:
        """Bits that hold every sum and every shifted term as signed numbers."""
        graph = self.graph
        widths = [self.op.result_format.width, *self.widths]
        for nodes, shifts in (
            (graph.lhs, graph.lhs_shift),
            (graph.rhs, graph.rhs_shift),
            (graph.out_node, graph.out_shift),
        ):
            shifted = zip(nodes.tolist(), shifts.tolist(), strict=True)
            widths += [self.widths[node] + shift for node, shift in shifted if node >= 0]
        return int(max(widths)) + 1

    def _needed(self) -> list[bool]:
        """Which nodes an output depends on."""
        needed = [False] * self.graph.n_nodes
        for node in self.graph.out_node.tolist():
            if node >= 0:
                needed[node] = True
        first = self.graph.n_inputs
        for k in range(self.graph.n_adders - 1, -1, -1):
            if needed[first + k] and not self._constant(first + k):
                needed[int(self.graph.lhs[k])] = needed[int(self.graph.rhs[k])] = True
        return needed

    def _constant(self, node: int) -> bool:
        return bool(self.low[node] == self.high[node])

    def name(self, node: int) -> str:
        """Name of a node's value."""
        first = self.graph.n_inputs
        return f"x{node}" if node < first else f"a{node - first}"

    def term(self, node: int, shift: int) -> str:
        """A node's value times 2**shift."""
        if self._constant(node):
            return integer(self.low[node] << shift)
        value = f"{self.name(node)}.{self.whole.convert}"
        return f"{value} * {integer(1 << shift)}" if shift else value

    def type(self, node: int) -> str:
        """The type of a node's value."""
        return self.context.vendor.integer(self.widths[node], signed=self.low[node] < 0)

    def inputs(self, row: str) -> list[str]:
        """The mantissas that the network starts from."""
        return [
            f"const {self.type(node)} {self.name(node)} = mantissa(x[{row}{node}]);"
            for node in range(self.graph.n_inputs)
            if self.needed[node] and not self._constant(node)
        ]

    def adders(self) -> list[str]:
        """One statement per adder."""
        graph, lines = self.graph, []
        columns = (graph.lhs, graph.lhs_shift, graph.rhs, graph.rhs_shift, graph.subtract)
        for k, (lhs, lhs_shift, rhs, rhs_shift, minus) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        ):
            node = graph.n_inputs + k
            if self.needed[node] and not self._constant(node):
                sign = "-" if minus else "+"
                total = f"{self.term(lhs, lhs_shift)} {sign} {_bracket(self.term(rhs, rhs_shift))}"
                lines.append(f"const {self.type(node)} {self.name(node)} = {total};")
        return lines

    def outputs(self, row: str) -> list[str]:
        """The results, with their biases."""
        graph = self.graph
        lines = []
        for column, bias in enumerate(self.op.bias_mantissas.tolist()):
            node = int(graph.out_node[column])
            value = integer(bias)
            if node >= 0:
                term = self.term(node, int(graph.out_shift[column]))
                if graph.out_negate[column]:
                    value = f"{integer(bias)} - {_bracket(term)}"
                else:
                    value = f"{term} {'-' if bias < 0 else '+'} {integer(abs(bias))}" if bias else term
            lines.append(f"y[{row}{column}] = number<{self.context.result}>({value});")
        return lines


def _bracket(term: str) -> str:
    """A term behind a minus sign."""
    return f"({term})" if term.startswith("-") else term


def kernel(op: KernelOp, context: Context) -> Layer:
    """The function of a shift-add network."""
    writer = _KernelWriter(op, context)
    rows = math.prod(op.operand_shapes[0][:-1])
    source, result = (f"row * {n} + " if rows > 1 else "" for n in (op.graph.n_inputs, op.graph.n_outputs))
    lines = [*writer.inputs(source), *writer.adders(), *writer.outputs(result)]
    body = loop(context.vendor, "row", rows, lines) if rows > 1 else indented(lines, 0)
    return Layer(
        (
            f"Constant matrix product of {describe(op.input)} as {op.graph.n_adders} adders.",
            f"Gives {describe(op.result)}.",
        ),
        (Operand("x", 0),),
        tuple(body),
    )
