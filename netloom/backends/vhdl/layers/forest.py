"""`tree.ensemble` with trees in memories: an instance of `netloom_forest` with their first contents."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from netloom.backends.vhdl.layers.layer import Layer, Operand, WritePort, bits, describe
from netloom.backends.vhdl.text import is_signed, vector
from netloom.core.tree_memory import TreeMemory, counted
from netloom.ir.tree import EnsembleOp
from netloom.passes.analysis.scheduled import latency_cycles, stages
from netloom.passes.analysis.timing import tree_levels
from netloom.passes.analysis.tree_memory import memory_of, words_of

PORTS = {name: name for name in ("clk", "rst", "ce", "start", "x", "y")} | {
    "write": "tree_write",
    "write_address": "tree_address",
    "write_data": "tree_data",
}
"""Ports of `netloom_forest`, and what they are connected to in the layer."""


def forest(op: EnsembleOp) -> Layer:
    """The layer; each row of its operand has engines of its own with the same trees."""
    memory, words = memory_of(op), words_of(op)
    nodes, leaves = ([getattr(engine, kind) for engine in words.engines] for kind in ("nodes", "leaves"))
    declarations = [
        *_contents("nodes", nodes, memory.node_word_bits, 1 << memory.node_bits),
        "",
        *_contents("leaves", leaves, memory.leaf_word_bits, 1 << memory.leaf_bits),
        "",
        *_contents("base", [words.base], memory.result_bits, memory.outputs),
    ]
    return Layer(
        "forest",
        (
            f"{counted(op.ensemble.n_trees, 'tree')} on {describe(op.input)} in the memories of"
            f" {counted(memory.engines, 'engine')}, each with room for {counted(memory.trees_each, 'tree')}.",
            f"Gives {describe(op.result)}.",
            *_map_of(memory),
        ),
        (Operand("x", 0, bits(op.input)),),
        bits(op.result),
        latency_cycles(op),
        declarations,
        _instances(op, memory),
        started=True,
        writes=WritePort(memory.page_bits + memory.place_bits, memory.data_bits),
    )


def _map_of(memory: TreeMemory) -> tuple[str, ...]:
    """What is written where, for a comment."""
    first, last = memory.first_page, memory.first_page + memory.pages - 1
    return (
        f"Pages of {1 << memory.place_bits} words: {first} + 2 * e has nodes, {first + 1} + 2 * e leaves of"
        f" engine e, {last} the base.",
        "First contents, engine by engine; trees/ has them with their addresses.",
    )


def _contents(name: str, engines: Sequence[Sequence[int]], width: int, count: int) -> list[str]:
    """Words of `width` bits, so many of each engine, and the function that puts them side by side."""
    digits, total = -(-width // 4), count * len(engines)
    lines = [
        f"type {name}_t is array (0 to {total - 1}) of {vector(4 * digits)};",
        f"constant FIRST_{name.upper()} : {name}_t := (",
    ]
    entries: list[str] = []
    for engine, words in enumerate(engines):
        entries += [f'  {engine * count + at} => x"{word:0{digits}X}"' for at, word in enumerate(words)]
    if len(entries) < total:
        entries.append(f'  others => x"{0:0{digits}X}"')
    lines += [*(f"{entry}," for entry in entries[:-1]), entries[-1], ");"]
    return [
        *lines,
        "",
        f"function flat(words : {name}_t) return std_logic_vector is",
        f"  variable result : {vector(total * width)};",
        "begin",
        "  for i in words'range loop",
        f"    result((i + 1) * {width} - 1 downto i * {width}) := words(i)({width - 1} downto 0);",
        "  end loop;",
        "  return result;",
        "end function flat;",
    ]


def _instances(op: EnsembleOp, memory: TreeMemory) -> list[str]:
    """One instance, or one for each row."""
    one_row = {"x": memory.features * memory.input_bits, "y": memory.outputs * memory.result_bits}
    ports = dict(PORTS)
    if op.rows > 1:
        ports |= {
            name: f"{name}((row + 1) * {width} - 1 downto row * {width})" for name, width in one_row.items()
        }
    lines = [
        "forest : entity work.netloom_forest",
        *_map("generic", _generics(op, memory)),
        *_map("port", ports),
    ]
    lines[-1] += ";"
    if op.rows == 1:
        return lines
    head = f"rows : for row in 0 to {op.rows - 1} generate"
    return [head, *(f"  {line}" for line in lines), "end generate rows;"]


def _generics(op: EnsembleOp, memory: TreeMemory) -> dict[str, str]:
    return {
        "ENGINES": str(memory.engines),
        "TREES": str(memory.trees_each),
        "DEPTH": str(memory.depth),
        "FEATURES": str(memory.features),
        "FEATURE_BITS": str(memory.feature_bits),
        "X_BITS": str(memory.input_bits),
        "X_SIGNED": str(is_signed(op.operand_formats[0])).lower(),
        "OUTPUTS": str(memory.outputs),
        "CLASS_BITS": str(memory.class_bits),
        "Y_BITS": str(memory.result_bits),
        "NODE_BITS": str(memory.node_bits),
        "LEAF_BITS": str(memory.leaf_bits),
        "BLOCK_NODES": str(memory.block_nodes).lower(),
        "BLOCK_LEAVES": str(memory.block_leaves).lower(),
        "SELECT_REGISTER": str(memory.select_register).lower(),
        "REGISTERS": f'"{_registers(op, memory)}"',
        "ADDRESS_BITS": str(memory.page_bits + memory.place_bits),
        "PLACE_BITS": str(memory.place_bits),
        "FIRST_PAGE": str(memory.first_page),
        "NODES": "flat(FIRST_NODES)",
        "LEAVES": "flat(FIRST_LEAVES)",
        "BASE": "flat(FIRST_BASE)",
    }


def _registers(op: EnsembleOp, memory: TreeMemory) -> str:
    """For the engines' sums and each level of the tree: whether the step after it is in a later stage."""
    last = latency_cycles(op) - (memory.interval_cycles - 1)
    late = [*stages(op), last][-tree_levels(memory.engines) - 2 :]
    return "".join("1" if after > before else "0" for before, after in pairwise(late))


def _map(kind: str, names: dict[str, str]) -> list[str]:
    width = max(map(len, names))
    lines = [f"    {name.ljust(width)} => {value}" for name, value in names.items()]
    return [f"  {kind} map (", *(line + "," for line in lines[:-1]), lines[-1], "  )"]
