"""`da.kernel`: a shift-add network, one process per pipeline stage.

A value is a variable in the stage that computes it (stage s is the logic behind s registers) and,
where later stages need it, a signal `<name>_r<s>` behind register s. Widths are exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from netloom.backends.vhdl.layers.layer import Intervals, Layer, Operand, describe
from netloom.backends.vhdl.text import literal, process, wire_bits
from netloom.core.adder_graph import bit_width
from netloom.ir.attributes import shape_of
from netloom.ir.da import KernelOp
from netloom.passes.analysis.kernel_timing import row_interval
from netloom.passes.analysis.scheduled import latency_cycles, stages


@dataclass(frozen=True)
class _Value:
    """A node's value: its name and type, or the constant that it is."""

    name: str
    width: int
    signed: bool
    constant: int | None = None

    @property
    def type(self) -> str:
        return f"{'signed' if self.signed else 'unsigned'}({self.width - 1} downto 0)"


class KernelWriter:
    """Writes the body of one kernel's entity."""

    def __init__(self, op: KernelOp, intervals: Intervals) -> None:
        self.op = op
        self.graph = op.graph
        self.width = wire_bits(op.result_format)
        self.latency = latency_cycles(op)
        low, high = self.graph.intervals(*row_interval(op, intervals[op.input]))
        widths = bit_width(low, high).tolist()
        self.values = [
            _Value(
                f"x{n}" if n < self.graph.n_inputs else f"a{n - self.graph.n_inputs}",
                width,
                lowest < 0,
                lowest if lowest == highest else None,
            )
            for n, (width, lowest, highest) in enumerate(
                zip(widths, low.tolist(), high.tolist(), strict=True)
            )
        ]
        self.values += [_Value(f"y{j}", self.width, True) for j in range(self.graph.n_outputs)]
        self.stage = stages(op, "node") + stages(op, "output")
        self.last_use = self._last_use()

    def _operands(self, node: int) -> tuple[int, ...]:
        first = self.graph.n_inputs
        if node >= self.graph.n_nodes:
            source = int(self.graph.out_node[node - self.graph.n_nodes])
            return (source,) if source >= 0 else ()
        if node < first:
            return ()
        return int(self.graph.lhs[node - first]), int(self.graph.rhs[node - first])

    def _last_use(self) -> list[int]:
        """Last stage that reads each node; -1 for one that nothing needs."""
        last = [-1] * self.graph.n_nodes + [self.latency] * self.graph.n_outputs
        for node in range(len(last) - 1, -1, -1):
            if last[node] < 0:
                continue
            for operand in self._operands(node):
                last[operand] = max(last[operand], self.stage[node])
        return last

    def _is_wire(self, node: int) -> bool:
        return self.last_use[node] >= 0 and self.values[node].constant is None

    def read(self, node: int, stage: int) -> str:
        """Name of a node's value in a stage."""
        name = self.values[node].name
        return name if self.stage[node] == stage else f"{name}_r{stage}"

    def term(self, node: int, stage: int, width: int, shift: int) -> str:
        """A node's value times 2**shift, as signed of `width` bits."""
        value = self.values[node]
        if value.constant is not None:
            return literal(value.constant << shift, width)
        places = f", {shift}" if shift else ""
        return f"ext({self.read(node, stage)}, {width}{places})"

    def adder(self, node: int) -> str:
        """The expression of an adder, in its own stage."""
        k = node - self.graph.n_inputs
        value, stage = self.values[node], self.stage[node]
        left = self.term(int(self.graph.lhs[k]), stage, value.width, int(self.graph.lhs_shift[k]))
        right = self.term(int(self.graph.rhs[k]), stage, value.width, int(self.graph.rhs_shift[k]))
        expression = f"{'minus' if self.graph.subtract[k] else 'plus'}({left}, {right})"
        return expression if value.signed else f"unsigned({expression})"

    def output(self, column: int) -> str:
        """The expression of an output, in its own stage."""
        node = int(self.graph.out_node[column])
        bias = int(self.op.bias_mantissas[column])
        if node < 0:
            return literal(bias, self.width)
        stage = self.stage[self.graph.n_nodes + column]
        term = self.term(node, stage, self.width, int(self.graph.out_shift[column]))
        if self.graph.out_negate[column]:
            return f"{literal(bias, self.width)} - {term}" if bias else f"-{term}"
        return f"{term} + {literal(bias, self.width)}" if bias else term

    def declarations(self) -> list[str]:
        """Signals: the inputs, and one per value and register."""
        lines = ["-- inputs"]
        lines += [
            f"signal {value.name} : {value.type};"
            for n, value in enumerate(self.values[: self.graph.n_inputs])
            if self._is_wire(n)
        ]
        for register in range(1, self.latency + 1):
            lines.append(f"-- register {register}")
            lines += [
                f"signal {value.name}_r{register} : {value.type};"
                for n, value in enumerate(self.values)
                if self._is_wire(n) and self.stage[n] < register <= self.last_use[n]
            ]
        return lines

    def split(self) -> list[str]:
        """The inputs, taken from the port."""
        lines: list[str] = []
        width = wire_bits(self.op.operand_formats[0])
        for n, value in enumerate(self.values[: self.graph.n_inputs]):
            if self._is_wire(n):
                kind = "signed" if value.signed else "unsigned"
                low = n * width
                lines.append(f"{value.name} <= {kind}(x({low + value.width - 1} downto {low}));")
        return lines

    def statements(self) -> list[str]:
        """The whole body."""
        by_stage: list[list[int]] = [[] for _ in range(self.latency + 1)]
        for node in range(self.graph.n_inputs, len(self.values)):
            if self._is_wire(node):
                by_stage[self.stage[node]].append(node)
        lines = [*self.split(), ""]
        for stage, nodes in enumerate(by_stage):
            lines += [*self.stage_process(stage, nodes), ""]
        return lines[:-1]

    def stage_process(self, stage: int, nodes: list[int]) -> list[str]:
        """The logic of one stage and, but for the last stage, the register behind it."""
        clocked = stage < self.latency
        variables: list[str] = []
        body: list[str] = []
        for node in nodes:
            value = self.values[node]
            if node < self.graph.n_nodes:
                variables.append(f"variable {value.name} : {value.type};")
                body.append(f"{value.name} := {self.adder(node)};")
            elif clocked:
                body.append(f"{value.name}_r{stage + 1} <= {self.output(node - self.graph.n_nodes)};")
        if clocked:
            body += self.registers(stage)
        else:
            body += self.results()
        return process(f"stage_{stage}", variables, body, clocked=clocked)

    def registers(self, stage: int) -> list[str]:
        """What the register behind a stage holds, but for outputs that the stage computes."""
        lines: list[str] = []
        for node, value in enumerate(self.values):
            fresh_output = node >= self.graph.n_nodes and self.stage[node] == stage
            kept = self.stage[node] <= stage < self.last_use[node]
            if kept and self._is_wire(node) and not fresh_output:
                lines.append(f"{value.name}_r{stage + 1} <= {self.read(node, stage)};")
        return lines

    def results(self) -> list[str]:
        """The output port, in the last stage."""
        lines: list[str] = []
        for column in range(self.graph.n_outputs):
            node = self.graph.n_nodes + column
            here = self.stage[node] == self.latency
            value = self.output(column) if here else self.read(node, self.latency)
            low = column * self.width
            lines.append(f"y({low + self.width - 1} downto {low}) <= std_logic_vector({value});")
        return lines


def kernel(op: KernelOp, intervals: Intervals) -> Layer:
    """The layer of a shift-add network, for one row of its operand."""
    writer = KernelWriter(op, intervals)
    source = op.operand_formats[0]
    rows = math.prod(shape_of(op.input.type)[:-1])
    summary: tuple[str, ...] = (
        f"Constant matrix product of {describe(op.input)} as {op.graph.n_adders} adders.",
        f"Gives {describe(op.result)}.",
    )
    if rows > 1:
        summary = (*summary, f"This is one of {rows} equal rows.")
    return Layer(
        "kernel",
        summary,
        (Operand("x", 0, op.graph.n_inputs * wire_bits(source)),),
        op.graph.n_outputs * writer.width,
        writer.latency,
        writer.declarations(),
        writer.statements(),
        rows,
    )
