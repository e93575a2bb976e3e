"""`tree.ensemble`: one statement for each comparison, selector, table read and adder."""

from __future__ import annotations

import numpy as np

from netloom.backends.hls.layers.layer import Context, Layer, Operand, describe
from netloom.backends.hls.text import Table, indented, integer, loop, mantissas, whole
from netloom.core.diagnostics import CompileError
from netloom.ir.tree import EnsembleOp
from netloom.passes.analysis.tree_plan import ONE, ZERO, Range, Sum, Term, plan_of, range_bits

Lines = list[str]


def ensemble(op: EnsembleOp, context: Context) -> Layer:
    """The function of an ensemble.

    Raises:
        CompileError: NL308 for trees in memories.
    """
    if op.memory is not None:
        raise CompileError(
            "NL308",
            "trees in memories that are written at run time",
            origin=op.origin_name,
            supported="such trees in backend 'vhdl'",
            hint="leave out the pass 'replaceable-trees'",
        )
    writer = _TreeWriter(op, context)
    rows, plan = op.rows, writer.plan
    source, result = (
        f"row * {n} + " if rows > 1 else "" for n in (op.ensemble.n_features, op.ensemble.n_outputs)
    )
    lines = [*writer.inputs(source), *writer.signals(), *writer.results(result)]
    body = loop(context.vendor, "row", rows, lines) if rows > 1 else indented(lines, 0)
    what = (
        f"{op.ensemble.n_trees} trees on {describe(op.input)}: {len(plan.comparisons)} comparisons,"
        f" {len(plan.selectors)} selectors, {len(plan.terms)} tables."
    )
    operands = (Operand("x", 0),) if plan.terms else ()
    return Layer((what, f"Gives {describe(op.result)}."), operands, tuple(body), tuple(writer.tables))


class _TreeWriter:
    def __init__(self, op: EnsembleOp, context: Context) -> None:
        self.op, self.context, self.plan = op, context, plan_of(op)
        source, result = op.operand_formats[0], op.result_format
        self.inside = whole(source.width + 1)
        widest = [range_bits(r) for each in self.plan.sums if each for level in each.levels for r in level]
        # One bit for the constant at the end, and one for the sign.
        self.sum = whole(max(widest, default=0) + 2 if widest else result.width + 2)
        self.tables: list[Table] = []

    def inputs(self, row: str) -> Lines:
        """The mantissas of the features that are compared."""
        used = sorted({comparison.feature for comparison in self.plan.comparisons})
        kind = self.inside
        return [f"const {kind.type} x{n} = mantissa(x[{row}{n}]).{kind.convert};" for n in used]

    def signals(self) -> Lines:
        """Comparisons and selectors."""
        names = {ZERO: "false", ONE: "true"}
        lines: Lines = []
        for comparison in self.plan.comparisons:
            number = len(names) - 2
            names[number] = f"c{number}"
            lines.append(f"const bool c{number} = x{comparison.feature} < {integer(comparison.threshold)};")
        for selector in self.plan.selectors:
            number = len(names) - 2
            names[number] = f"s{number}"
            select, set_, clear = (names[each] for each in (selector.select, selector.set, selector.clear))
            lines.append(f"const bool s{number} = {select} ? {set_} : {clear};")
        self.names = names
        return lines

    def results(self, row: str) -> Lines:
        """Tables, adders level by level, and the results."""
        lines: Lines = []
        for column, each in enumerate(self.plan.sums):
            if each is None:
                value = integer(self.plan.constants[column])
            else:
                lines += self.adders(column, each)
                value = f"v{column}_{len(each.levels) - 1}_0.{self.sum.convert}"
                value += f" + {_signed(each.constant)}" if each.constant else ""
            lines.append(f"y[{row}{column}] = number<{self.context.result}>({value});")
        return lines

    def adders(self, column: int, each: Sum) -> Lines:
        """The tables of a result, and its adders in exact widths."""
        lines = [
            f"const {self.type(term.range)} v{column}_0_{place} = {self.read(term)};"
            for place, term in enumerate(each.terms)
        ]
        for level in range(1, len(each.levels)):
            before, convert = len(each.levels[level - 1]), self.sum.convert
            for place, bounds in enumerate(each.levels[level]):
                value = f"v{column}_{level - 1}_{2 * place}.{convert}"
                if 2 * place + 1 < before:
                    value += f" + v{column}_{level - 1}_{2 * place + 1}.{convert}"
                lines.append(f"const {self.type(bounds)} v{column}_{level}_{place} = {value};")
        return lines

    def type(self, bounds: Range) -> str:
        """The type of a value within bounds."""
        return self.context.vendor.integer(range_bits(bounds), signed=bounds[0] < 0)

    def read(self, term: Term) -> str:
        """A read of a table; the table is made on the way."""
        number = len(self.tables)
        name = f"{self.context.name}_tree{number}_leaf"
        comment = f"mantissas of leaves, {self.op.result_format}"
        self.tables.append(mantissas(name, np.array(term.values, dtype=np.int64), comment))
        bits = [self.names[signal] for signal in term.address]
        index = " | ".join(f"{bit} << {place}" if place else bit for place, bit in enumerate(bits))
        return f"{name}[{index}]"


def _signed(value: int) -> str:
    return f"({integer(value)})" if value < 0 else integer(value)
