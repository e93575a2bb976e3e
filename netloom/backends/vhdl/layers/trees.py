"""`nn.reduce`, `nn.argmax` and `nn.hardmax`: trees of two-input operations."""

from __future__ import annotations

from netloom.backends.leaves import leaves_of
from netloom.backends.vhdl.layers.layer import (
    Intervals,
    Layer,
    Operand,
    bits,
    describe,
    elements,
)
from netloom.backends.vhdl.layers.pipeline import StepText, pipeline
from netloom.backends.vhdl.layers.wiring import move
from netloom.backends.vhdl.text import (
    choice,
    index_expression,
    is_signed,
    loop,
    target,
    wire_bits,
)
from netloom.ir.interval import Ints
from netloom.ir.nn import ArgMaxOp, HardmaxOp, ReduceOp
from netloom.passes.analysis.scheduled import stages
from netloom.passes.analysis.timing import tree_levels


def reduce(op: ReduceOp, intervals: Intervals) -> Layer:
    """The layer of a sum, maximum or minimum over axes."""
    del intervals
    leaves = leaves_of(op, op.positive_axes)
    count = leaves.shape[1]
    levels = tree_levels(count)
    if not levels:
        return move(op, leaves.reshape(-1), f"{op.kind.data} over one element")
    declarations: list[str] = []
    steps: list[StepText] = []
    width, left = wire_bits(op.operand_formats[0]), count
    for level in range(1, levels + 1):
        last = level == levels
        grown = _grown(op, level, last)
        source = "x" if level == 1 else f"level_{level - 1}"
        body, extra = _reduce_level(
            op, leaves, (source, width, left), ("y" if last else f"level_{level}", grown)
        )
        declarations += extra
        left = (left + 1) // 2
        kind = "signed" if is_signed(op.operand_formats[0]) else "unsigned"
        variables = [f"variable {side} : {kind}({width - 1} downto 0);" for side in "ab"]
        steps.append(StepText(f"level_{level}", len(leaves) * left * grown, variables, body))
        width = grown
    signals, statements = pipeline(steps, stages(op))
    what = f"{op.kind.data} over {count} elements."
    return _tree_layer(op, "reduce", what, [*declarations, *signals], statements)


def _grown(op: ReduceOp, level: int, last: bool) -> int:
    """Width after a level of the tree."""
    final = wire_bits(op.result_format)
    if last:
        return final
    width = wire_bits(op.operand_formats[0])
    return min(width + level, final) if op.kind.data == "sum" else width


def _reduce_level(
    op: ReduceOp, leaves: Ints, source: tuple[str, int, int], result: tuple[str, int]
) -> tuple[list[str], list[str]]:
    """One level: neighbours a and b meet; an odd last element goes on alone."""
    name, width, left = source
    kind = "signed" if is_signed(op.operand_formats[0]) else "unsigned"
    declarations: list[str] = []

    def load(side: str, position: str) -> str:
        nonlocal declarations
        where = f"r * {left} + {position}"
        if name == "x":
            where, declarations = index_expression(leaves, where, "LEAF")
        return f"{side} := {kind}(elem({name}, {where}, {width}));"

    count = (left + 1) // 2
    y = target(result[0], f"r * {count} + k", result[1])
    a, b = (f"ext({side}, {result[1]})" for side in "ab")
    alone = f"{y} <= std_logic_vector({a});"
    if op.kind.data == "sum":
        pair = [f"{y} <= std_logic_vector({a} + {b});"]
    else:
        order = ">" if op.kind.data == "max" else "<"
        pair = choice(f"b {order} a", f"{y} <= std_logic_vector({b});", alone)
    body = [load("a", "2 * k"), *_pair_or_single([load("b", "2 * k + 1"), *pair], [alone], left)]
    return loop("r", len(leaves), loop("k", count, body)), declarations


def _pair_or_single(pair: list[str], single: list[str], left: int) -> list[str]:
    """Of an odd number of elements the last one has no neighbour."""
    if left % 2 == 0:
        return pair
    return [
        f"if 2 * k + 1 < {left} then",
        *(f"  {line}" for line in pair),
        "else",
        *(f"  {line}" for line in single),
        "end if;",
    ]


def argmax(op: ArgMaxOp | HardmaxOp, intervals: Intervals) -> Layer:
    """The layer of an index, or one-hot code, of the first largest element along an axis."""
    del intervals
    leaves = leaves_of(op, (op.positive_axis,))
    rows, size = leaves.shape
    value, index = wire_bits(op.operand_formats[0]), max((size - 1).bit_length(), 1)
    declarations: list[str] = []
    steps: list[StepText] = []
    left = size
    is_index = isinstance(op, ArgMaxOp)
    for level in range(1, tree_levels(size) + 1):
        last = level == tree_levels(size) and is_index
        source = "x" if level == 1 else f"level_{level - 1}"
        body, extra = _arg_level(op, leaves, source, left, "y" if last else f"level_{level}")
        declarations += extra
        left = (left + 1) // 2
        variables = [
            f"variable {side} : std_logic_vector({value + index - 1} downto 0);  -- index, value"
            for side in ("a", "b")
        ]
        steps.append(StepText(f"level_{level}", rows * left * (value + index), variables, body))
    if size == 1 and is_index:
        steps = [StepText("index", 0, [], ["y <= (others => '0');"])]
    if not is_index:
        body, extra = _one_hot(op, leaves)
        declarations += extra
        steps.append(StepText("code", 0, [], body))
    signals, statements = pipeline(steps, stages(op) or [0])
    kind = "argmax" if is_index else "hardmax"
    what = f"{'Index' if is_index else 'One-hot code'} of the first largest of {size} elements."
    return _tree_layer(op, kind, what, [*declarations, *signals], statements)


def _arg_level(
    op: ArgMaxOp | HardmaxOp, leaves: Ints, source: str, left: int, result: str
) -> tuple[list[str], list[str]]:
    """One level: of two candidates (index above value) the later one wins only when larger."""
    value = wire_bits(op.operand_formats[0])
    index = max((leaves.shape[1] - 1).bit_length(), 1)
    declarations: list[str] = []

    def load(side: str, position: str) -> str:
        nonlocal declarations
        where = f"r * {left} + {position}"
        if source != "x":
            return f"{side} := elem({source}, {where}, {value + index});"
        where, declarations = index_expression(leaves, where, "LEAF")
        tag = f"std_logic_vector(to_unsigned({position}, {index}))"
        return f"{side} := {tag} & elem(x, {where}, {value});"

    kind = "signed" if is_signed(op.operand_formats[0]) else "unsigned"
    compare = [
        load("b", "2 * k + 1"),
        f"if {kind}(b({value - 1} downto 0)) > {kind}(a({value - 1} downto 0)) then",
        "  a := b;",
        "end if;",
    ]
    count = (left + 1) // 2
    if left % 2:
        compare = [f"if 2 * k + 1 < {left} then", *(f"  {line}" for line in compare), "end if;"]
    if result == "y":
        width = wire_bits(op.result_format)
        picked = f"unsigned(a({value + index - 1} downto {value}))"
        store = f"{target('y', 'r', width)} <= std_logic_vector(ext({picked}, {width}));"
    else:
        store = f"{target(result, f'r * {count} + k', value + index)} <= a;"
    return loop("r", len(leaves), loop("k", count, [load("a", "2 * k"), *compare, store])), declarations


def _one_hot(op: ArgMaxOp | HardmaxOp, leaves: Ints) -> tuple[list[str], list[str]]:
    """One at the winner's index, zero elsewhere."""
    rows, size = leaves.shape
    value, index = wire_bits(op.operand_formats[0]), max((size - 1).bit_length(), 1)
    width = wire_bits(op.result_format)
    where, declarations = index_expression(leaves, f"r * {size} + k", "PLACE")
    y = target("y", where, width)
    one = f"{y} <= std_logic_vector(to_signed(1, {width}));" if width > 1 else f'{y} <= "1";'
    zero = f"{y} <= (others => '0');" if width > 1 else f'{y} <= "0";'
    if size == 1:
        return loop("r", rows, loop("k", size, [one])), declarations
    candidate = f"unsigned(elem(level_{tree_levels(size)}, r, {value + index}))"
    winner = f"to_integer(shift_right({candidate}, {value}))"
    body = [f"if {winner} = k then", f"  {one}", "else", f"  {zero}", "end if;"]
    return loop("r", rows, loop("k", size, body)), declarations


def _tree_layer(
    op: ReduceOp | ArgMaxOp | HardmaxOp,
    kind: str,
    what: str,
    declarations: list[str],
    statements: list[str],
) -> Layer:
    return Layer(
        kind,
        (what, f"Gives {describe(op.result)}."),
        (Operand("x", 0, bits(op.input)),),
        elements(op.result) * wire_bits(op.result_format),
        max(stages(op), default=0),
        declarations,
        statements,
    )
