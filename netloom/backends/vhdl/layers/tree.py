"""`tree.ensemble`: comparisons, selectors, tables and adders, one process a step."""

from __future__ import annotations

from netloom.backends.vhdl.layers.forest import forest
from netloom.backends.vhdl.layers.layer import Intervals, Layer, Operand, describe
from netloom.backends.vhdl.layers.pipeline import StepText, pipeline
from netloom.backends.vhdl.text import LINE_LENGTH, is_signed, literal, target, wire_bits
from netloom.ir.tree import EnsembleOp
from netloom.passes.analysis.scheduled import latency_cycles, stages
from netloom.passes.analysis.tree_plan import ONE, ZERO, Sum, Term, plan_of, range_bits

Lines = list[str]

EITHER = (
    "-- GHDL 2.0 does not elaborate conditional assignments of variables.",
    "function either(choice, when_set, when_clear : std_logic) return std_logic is",
    "begin",
    "  if choice = '1' then",
    "    return when_set;",
    "  end if;",
    "  return when_clear;",
    "end function either;",
)


def ensemble(op: EnsembleOp, intervals: Intervals) -> Layer:
    """The layer of an ensemble, for one row of its operand; of trees in memories for all rows."""
    del intervals
    if op.memory is not None:
        return forest(op)
    writer = TreeWriter(op)
    signals, statements = pipeline(writer.steps(), stages(op))
    plan = writer.plan
    summary: tuple[str, ...] = (
        f"{op.ensemble.n_trees} trees on {describe(op.input)}: {len(plan.comparisons)} comparisons,"
        f" {len(plan.selectors)} selectors, {len(plan.terms)} tables.",
        f"Gives {describe(op.result)}.",
    )
    if op.rows > 1:
        summary = (*summary, f"This is one of {op.rows} equal rows.")
    used = (Operand("x", 0, op.ensemble.n_features * writer.source_bits),) if plan.terms else ()
    return Layer(
        "trees",
        summary,
        used,
        writer.width * op.ensemble.n_outputs,
        latency_cycles(op),
        [*writer.declarations, *signals],
        statements,
        op.rows,
    )


class TreeWriter:
    """Writes the steps of one ensemble; their number and order are those of the timing analysis."""

    def __init__(self, op: EnsembleOp) -> None:
        self.plan = plan_of(op)
        self.source = op.operand_formats[0]
        self.source_bits = wire_bits(self.source)
        self.width = wire_bits(op.result_format)
        self.addresses = self.plan.places(self.plan.select_steps)
        self.declarations: Lines = [*EITHER] if self.plan.selectors else []

    def steps(self) -> list[StepText]:
        """All steps."""
        plan = self.plan
        if not plan.terms:
            return [StepText("constant", 0, [], self.results(0, ""))]
        found = [self.compare()]
        for step in range(1, plan.select_steps + 1):
            found.append(self.select(step, found[-1].name))
        last = max(plan.sum_levels, 1)
        for level in range(1, last + 1):
            found.append(self.sums(level, found[-1].name, level == last and not plan.has_constants))
        if plan.has_constants:
            found.append(StepText("offset", 0, [], self.results(last, found[-1].name)))
        return found

    # -- comparisons and selectors -------------------------------------------------------------------

    def compare(self) -> StepText:
        """Every comparison once."""
        kind = "signed" if is_signed(self.source) else "unsigned"
        places = self.plan.places(0)
        used = sorted({comparison.feature for comparison in self.plan.comparisons})
        variables = [f"variable x{n} : {kind}({self.source_bits - 1} downto 0);" for n in used]
        body = [f"x{n} := {kind}({self._feature(n)});" for n in used]
        for number, comparison in enumerate(self.plan.comparisons):
            value = f"x{comparison.feature}"
            if not is_signed(self.source):
                value = f"ext({value}, {self.source_bits + 1})"
            # Thresholds may lie outside the format where simplify-trees has not been.
            bits = max(self.source_bits, comparison.threshold.bit_length()) + 1
            bound = literal(comparison.threshold, bits)
            body.append(f"compare({places[number]}) <= '1' when {value} < {bound} else '0';")
        return StepText("compare", len(places), variables, body)

    def _feature(self, number: int) -> str:
        low = number * self.source_bits
        return f"x({low + self.source_bits - 1} downto {low})"

    def select(self, step: int, before: str) -> StepText:
        """The selectors of a step; what is needed later goes on beside them."""
        plan, name = self.plan, f"select_{step}"
        old, new = plan.places(step - 1), plan.places(step)
        first = len(plan.comparisons)
        fresh = [n for n in range(first, first + len(plan.selectors)) if plan.step_of(n) == step]
        known = {signal: f"{before}({place})" for signal, place in old.items()} | {ZERO: "'0'", ONE: "'1'"}
        variables: Lines = []
        body: Lines = []
        for signal in fresh:
            chosen = plan.selectors[signal - first]
            variables.append(f"variable s{signal} : std_logic;")
            operands = ", ".join(known[each] for each in (chosen.select, chosen.set, chosen.clear))
            body.append(f"s{signal} := either({operands});")
            known[signal] = f"s{signal}"
        body += [f"{name}({place}) <= {known[signal]};" for signal, place in new.items()]
        return StepText(name, len(new), variables, body)

    # -- tables and adders ---------------------------------------------------------------------------

    def sums(self, level: int, before: str, last: bool) -> StepText:
        """One level of adders; the first reads the tables."""
        name, low = f"sum_{level}", 0
        if last:
            return StepText(name, 0, [], self.results(level, before))
        body: Lines = []
        for column, each in enumerate(self.plan.sums):
            if each is None:
                continue
            for place, bounds in enumerate(each.at_level(level)):
                bits = range_bits(bounds)
                text = self.value(column, each, level, place, before, bits)
                body.append(f"{name}({low + bits - 1} downto {low}) <= std_logic_vector({text});")
                low += bits
        return StepText(name, low, [], body)

    def results(self, level: int, before: str) -> Lines:
        """The output port: the only value of each sum at the last level, with its constant."""
        body: Lines = []
        for column, each in enumerate(self.plan.sums):
            constant = self.plan.constants[column]
            if each is None:
                text = literal(constant, self.width)
            elif before.startswith("sum_") and self.plan.has_constants:
                text = self.operand(column, each, level, 0, before, self.width)
                if each.constant:
                    text = f"{text} + {literal(each.constant, self.width)}"
            else:
                text = self.value(column, each, level, 0, before, self.width)
            body.append(f"{target('y', str(column), self.width)} <= std_logic_vector({text});")
        return body

    def value(self, column: int, each: Sum, level: int, place: int, before: str, bits: int) -> str:
        """What stands at a place of a level: a sum of two of the level before, or one that goes on."""
        earlier = each.at_level(level - 1)
        if level > len(each.levels) - 1:
            return self.operand(column, each, level - 1, place, before, bits)
        left = self.operand(column, each, level - 1, 2 * place, before, bits)
        if 2 * place + 1 == len(earlier):
            return left
        return f"{left} + {self.operand(column, each, level - 1, 2 * place + 1, before, bits)}"

    def operand(self, column: int, each: Sum, level: int, place: int, before: str, bits: int) -> str:
        """A value of an earlier level as signed of `bits` bits."""
        bounds = each.at_level(level)[place]
        if level == 0:
            return f"ext({self.table(column, place, each.terms[place], before)}, {bits})"
        low = self._offset(column, level, place)
        kind = "signed" if bounds[0] < 0 else "unsigned"
        return f"ext({kind}({before}({low + range_bits(bounds) - 1} downto {low})), {bits})"

    def _offset(self, column: int, level: int, place: int) -> int:
        """Where a value is in the vector behind a level."""
        found = 0
        for number, each in enumerate(self.plan.sums[: column + 1]):
            if each is not None:
                values = each.at_level(level)
                found += sum(map(range_bits, values[:place] if number == column else values))
        return found

    def table(self, column: int, place: int, term: Term, before: str) -> str:
        """A read of a table, which is declared on the way."""
        name = f"LEAF_{column}_{place}" if len(self.plan.sums) > 1 else f"LEAF_{place}"
        self.declarations += leaf_table(name, term)
        bits = [f"{before}({self.addresses[signal]})" for signal in reversed(term.address)]
        joined = f"({' & '.join(bits)})" if len(bits) > 1 else f"(0 => {bits[0]})"
        return f"{name}(to_integer(unsigned'{joined}))"


def leaf_table(name: str, term: Term) -> Lines:
    """Declaration of a table in exactly the bits that its values need."""
    bits, kind = range_bits(term.range), "signed" if term.range[0] < 0 else "unsigned"
    entries = [f'"{value % (1 << bits):0{bits}b}"' for value in term.values]
    lines = [f"type {name.lower()}_t is array (0 to {len(entries) - 1}) of {kind}({bits - 1} downto 0);"]
    row = f"constant {name} : {name.lower()}_t := ("
    for number, entry in enumerate(entries):
        piece = entry + (", " if number + 1 < len(entries) else ");")
        if len(row) + len(piece) > LINE_LENGTH:
            lines.append(row.rstrip())
            row = "  "
        row += piece
    return [*lines, row]
