"""`nn.dense`: by its strategy with a multiplier for each weight, or with shared ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from netloom.backends.vhdl.layers.layer import Intervals, Layer, Operand, bits, describe, elements
from netloom.backends.vhdl.layers.products import products
from netloom.backends.vhdl.text import is_signed, process, vector
from netloom.ir.fx import ConstantOp
from netloom.ir.interval import Ints
from netloom.ir.nn import DenseOp
from netloom.passes.analysis.reuse import Sharing, sharing
from netloom.passes.analysis.scheduled import stages

PORTS = ("clk", "rst", "ce", "start", "x", "address", "weights", "group_n", "bias", "y")
"""Ports of `netloom_mac`; the signals of the layer have the same names."""

DIGITS = 20
"""Hexadecimal digits of a literal; words of more are several, concatenated..."""
LITERALS = 4
"""...so many on a line."""


def dense(op: DenseOp, intervals: Intervals) -> Layer:
    """The layer of a constant matrix product."""
    return shared(op) if op.strategy.data == "resource" else products(op, intervals)


def shared(op: DenseOp) -> Layer:
    """An instance of `netloom_mac` with its memories."""
    use = sharing(op)
    weights, read_weights = _weights(op, use)
    bias, read_bias = _bias(op, use)
    mac = ["mac : entity work.netloom_mac", *_map("generic", _generics(op, use))]
    ports = {name: name for name in PORTS} | ({"reading": "reading"} if use.outside else {})
    mac += _map("port", ports)
    count = use.rows * use.multipliers
    return Layer(
        "mac",
        (
            f"{use.inputs} x {use.outputs} weights in {use.reuse_factor} cycles:"
            f" {count} multiplier{'' if count == 1 else 's'}.",
            f"Gives {describe(op.result)}.",
        ),
        (Operand("x", 0, bits(op.input)),),
        bits(op.result),
        # The stages are those of the first cycle.
        stages(op)[-1] + use.reuse_factor,
        [*weights, *bias, *_signals(use)],
        [*read_weights, "", *read_bias, "", *mac[:-1], mac[-1] + ";"],
        started=True,
        word_bits=use.word_bits if use.outside else 0,
    )


def _signals(use: Sharing) -> list[str]:
    return [
        f"signal address : {vector(_counter_bits(use.reuse_factor))};",
        f"signal weights : {vector(use.word_bits)};",
        f"signal group_n : {vector(_counter_bits(use.groups))};",
        f"signal bias    : {vector(use.together * use.result_bits)};",
    ]


def _generics(op: DenseOp, use: Sharing) -> dict[str, str]:
    return {
        "ROWS": str(use.rows),
        "INPUTS": str(use.inputs),
        "OUTPUTS": str(use.outputs),
        "REUSE": str(use.reuse_factor),
        "X_BITS": str(bits(op.input) // elements(op.input)),
        "X_SIGNED": str(is_signed(op.operand_formats[0])).lower(),
        "W_BITS": str(use.weight_bits),
        "Y_BITS": str(use.result_bits),
        "WORD_BITS": str(use.word_bits),
        "BIAS_BITS": str(use.together * use.result_bits),
        "ADDRESS_BITS": str(_counter_bits(use.reuse_factor)),
        "GROUP_BITS": str(_counter_bits(use.groups)),
        "ROM_CYCLES": "2" if use.in_block_memory else "1",
        "REGISTERS": f'"{_registers(op, use)}"',
    }


def _registers(op: DenseOp, use: Sharing) -> str:
    """For multipliers and each level of the tree: whether the step after it is in a later stage."""
    levels = (use.terms - 1).bit_length()
    late = stages(op)[-levels - 2 :]
    return "".join("1" if after > before else "0" for before, after in pairwise(late))


def _counter_bits(count: int) -> int:
    return max((count - 1).bit_length(), 1)


def words(use: Sharing, weights: Ints) -> list[int]:
    """The weights of each cycle as one number, first output and first input lowest.

    Args:
        use: how the layer is divided.
        weights: int64[K, N].
    """
    blocks = weights.reshape(use.turns, use.terms, use.groups, use.together)
    in_order = blocks.transpose(2, 0, 3, 1).reshape(use.reuse_factor, use.multipliers)
    return [_packed(row, use.weight_bits) for row in in_order]


def _packed(values: Ints, width: int) -> int:
    """Mantissas side by side, the first one lowest."""
    return sum((int(value) % (1 << width)) << (width * place) for place, value in enumerate(values))


def _weights(op: DenseOp, use: Sharing) -> tuple[list[str], list[str]]:
    """The memory of the weights, and how it is read; a constant when there is only one word."""
    owner = op.weight.owner
    assert isinstance(owner, ConstantOp)
    what = "-- Word r: the weights of cycle r, output by output."
    if use.outside:
        return [], process("read_weights", [], ["weights <= word;"], clocked=True)
    memory = _memory("WEIGHTS", words(use, owner.value.ints()), use.word_bits, what)
    part = f"({use.word_bits - 1} downto 0)"
    if use.reuse_factor == 1:
        return [*memory, ""], [f"weights <= ROM_WEIGHTS(0){part};"]
    style = "block" if use.in_block_memory else "distributed"
    memory += [
        "attribute rom_style : string;",
        f'attribute rom_style of ROM_WEIGHTS : constant is "{style}";',
        "",
    ]
    word = "ROM_WEIGHTS(to_integer(unsigned(address)))"
    if not use.in_block_memory:
        return memory, process("read_weights", [], [f"weights <= {word}{part};"], clocked=True)
    # The memory's own register, and one more in front of the multipliers.
    memory.append(f"signal word    : {vector(_whole_digits(use.word_bits))};")
    read = [f"word    <= {word};", f"weights <= word{part};"]
    return memory, process("read_weights", [], read, clocked=True)


def _bias(op: DenseOp, use: Sharing) -> tuple[list[str], list[str]]:
    """The biases, and how those of the next group of outputs are read."""
    if op.bias is None:
        return [], ["bias <= (others => '0');"]
    owner = op.bias.owner
    assert isinstance(owner, ConstantOp)
    width = use.together * use.result_bits
    values = owner.value.ints().reshape(use.groups, use.together)
    contents = [_packed(row, use.result_bits) for row in values]
    memory = _memory("BIAS", contents, width, "-- Word g: the biases of group g of the outputs.")
    part = f"({width - 1} downto 0)"
    if use.groups == 1:
        return [*memory, ""], [f"bias <= ROM_BIAS(0){part};"]
    read = [f"bias <= ROM_BIAS(to_integer(unsigned(group_n))){part};"]
    return [*memory, ""], process("read_bias", [], read, clocked=True)


def _whole_digits(width: int) -> int:
    """Bits of the hexadecimal digits that hold `width` bits."""
    return -(-width // 4) * 4


def _memory(name: str, contents: Sequence[int], width: int, what: str) -> list[str]:
    """Declaration of the array `ROM_<name>`, whose words are whole hexadecimal digits."""
    bits_of_word = _whole_digits(width)
    lines = [
        what,
        f"type {name.lower()}_t is array (0 to {len(contents) - 1}) of {vector(bits_of_word)};",
        f"constant ROM_{name} : {name.lower()}_t := (",
    ]
    for number, word in enumerate(contents):
        first, *more = _literals(f"{word:0{bits_of_word // 4}X}")
        rows = [f"  {number} => {first}", *(f"    {row}" for row in more)]
        rows[-1] += "," if number + 1 < len(contents) else ""
        lines += rows
    return [*lines, ");"]


def _literals(digits: str) -> list[str]:
    """Lines of hexadecimal literals, concatenated."""
    odd = len(digits) % DIGITS
    cuts = ([digits[:odd]] if odd else []) + [
        digits[at : at + DIGITS] for at in range(odd, len(digits), DIGITS)
    ]
    literals = [f'x"{cut}"' for cut in cuts]
    rows = [" & ".join(literals[at : at + LITERALS]) for at in range(0, len(literals), LITERALS)]
    return [*(f"{row} &" for row in rows[:-1]), rows[-1]]


def _map(kind: str, names: dict[str, str]) -> list[str]:
    width = max(map(len, names))
    lines = [f"    {name.ljust(width)} => {value}" for name, value in names.items()]
    return [f"  {kind} map (", *(line + "," for line in lines[:-1]), lines[-1], "  )"]
