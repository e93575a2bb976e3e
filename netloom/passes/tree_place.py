"""place-trees: how many nodes the memories of trees hold, their addresses, and registers in their engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from netloom.core.devices import DEFAULT_DEVICE, find_device
from netloom.core.ensemble import Ensemble
from netloom.core.tree_memory import TreeMemory, address_bits, counted, reachable
from netloom.ir.program import add_note, main, program_ops
from netloom.ir.tree import EnsembleOp
from netloom.passes.analysis.tree_memory import (
    decided,
    entries,
    in_memories,
    loop_ns,
    memory_of,
    with_entries,
    words_of,
)

COMPLETE_DEPTH = 30
"""No tree has as many comparisons as a complete one of this depth."""


@dataclass(frozen=True)
class PlaceTrees(ModulePass):
    """Sizes of the memories of trees; a page of the write port's address space for each.

    Options:
        clock_period_ns: a register stands between the selection of a feature and its comparison when both do
            not fit into one cycle.
        device: name in `netloom.core.devices`.
    """

    name: ClassVar[str] = "place-trees"
    clock_period_ns: float = 5.0
    device: str = DEFAULT_DEVICE

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Complete the property `memory` of every ensemble that has one.

        Raises:
            CompileError: NL206 for an unknown device, NL610 when the model's own trees do not fit.
        """
        device = find_device(self.device)
        found = in_memories(program_ops(main(op)))
        for each in found:
            if "nodes" not in entries(each):
                nodes = default_nodes(decided(each.ensemble, each.operand_formats[0]), entries(each)["depth"])
                each.memory = with_entries(each.memory, nodes=nodes)
            late = loop_ns(memory_of(each), device) > self.clock_period_ns - device.clock_overhead_ns
            each.memory = with_entries(each.memory, select_register=late)
        _addresses(found)
        for each in found:
            words_of(each)
            add_note(op, each.origin_name, _stated(memory_of(each)))


def default_nodes(trees: Ensemble, depth: int) -> int:
    """Comparisons of a complete tree, but at most twice those of the largest one."""
    largest = max((len(reachable(trees, root)) for root in trees.roots.tolist()), default=1)
    return min((1 << min(depth, COMPLETE_DEPTH)) - 1, max(2 * largest, 1))


def _addresses(found: list[EnsembleOp]) -> None:
    """Pages one after the other, each as long as the longest."""
    memories = [memory_of(each) for each in found]
    place = max((address_bits(memory.longest_page) for memory in memories), default=0)
    data = max((memory.widest_word for memory in memories), default=0)
    pages = address_bits(sum(memory.pages for memory in memories))
    first = 0
    for each, memory in zip(found, memories, strict=True):
        each.memory = with_entries(
            each.memory, first_page=first, place_bits=place, page_bits=pages, data_bits=data
        )
        first += memory.pages


def _stated(memory: TreeMemory) -> str:
    """What was built, for the report."""
    trees = counted(memory.trees_each, "tree")
    return (
        f"{counted(memory.engines, 'engine')} with room for {trees} of {counted(memory.depth, 'level')},"
        f" {1 << memory.node_bits} comparisons and {1 << memory.leaf_bits} leaves each;"
        f" {memory.memory_bits} bits of memory, written through {memory.page_bits + memory.place_bits}"
        f" address bits and {memory.data_bits} data bits"
    )
