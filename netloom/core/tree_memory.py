"""Ensembles of trees in memories: the engines that walk them, what a word holds, the words of an ensemble.

The hardware is `netloom_forest`. A *reference* is a flag, set for a leaf, above the number of a node or leaf.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from netloom.core.diagnostics import CompileError
from netloom.core.ensemble import Ensemble, Ints

TABLE_WORDS = 64
"""Memories of more words are block memories."""

HINT = "compile a design for the larger ensemble; its option tree_capacity leaves room for more"


def address_bits(count: int) -> int:
    """Bits of the numbers below `count`; at least one."""
    return max((count - 1).bit_length(), 1)


@dataclass(frozen=True)
class TreeMemory:
    """What the engines and memories of a `tree.ensemble` are built for.

    Attributes:
        trees: how many, at least.
        depth: comparisons on the longest way.
        nodes: comparisons of a tree, on the average over the trees of an engine.
        reuse_factor: most trees that one engine walks.
        features: numbers of a sample.
        input_bits: of a feature and of a threshold.
        outputs: results.
        result_bits: of a result, and of a leaf's value for one.
        one_class: whether a leaf has a value for one output only, with the number of that.
        select_register: whether a register stands between the selection of a feature and its comparison.
        first_page: number of the first page of words in the address space of the design.
        place_bits: address bits of a word in its page; those of the page are above.
        page_bits: address bits of a page in the design.
        data_bits: of a word at the write port of the design.
    """

    trees: int
    depth: int
    nodes: int
    reuse_factor: int
    features: int
    input_bits: int
    outputs: int
    result_bits: int
    one_class: bool
    select_register: bool = True
    first_page: int = 0
    place_bits: int = 0
    page_bits: int = 0
    data_bits: int = 0

    @property
    def engines(self) -> int:
        """How many walk at the same time."""
        return math.ceil(self.trees / self.reuse_factor)

    @property
    def trees_each(self) -> int:
        """Trees of one engine."""
        return math.ceil(self.trees / self.engines)

    @property
    def block_nodes(self) -> bool:
        """Whether nodes stand in block memory, which has a register of its own behind it."""
        return self.trees_each * self.nodes > TABLE_WORDS

    @property
    def block_leaves(self) -> bool:
        """The same of leaves."""
        return 1 << self.leaf_bits > TABLE_WORDS

    @property
    def step_cycles(self) -> int:
        """From one node of a walk to the next; also how many walks an engine has under way."""
        return 1 + self.block_nodes + self.select_register

    @property
    def groups(self) -> int:
        """Of trees that an engine walks by turns, one group after the other."""
        return math.ceil(self.trees_each / self.step_cycles)

    @property
    def interval_cycles(self) -> int:
        """Cycles for one sample before the next can come."""
        return self.groups * self.depth * self.step_cycles + self.block_nodes

    @property
    def node_bits(self) -> int:
        """Address bits of an engine's nodes."""
        return address_bits(max(self.trees_each * self.nodes, self.groups * self.step_cycles))

    @property
    def leaf_bits(self) -> int:
        """Address bits of an engine's leaves."""
        return address_bits(self.trees_each * (self.nodes + 1))

    @property
    def feature_bits(self) -> int:
        """Of the number of a feature."""
        return address_bits(self.features)

    @property
    def class_bits(self) -> int:
        """Of the number of an output in a leaf; 0 when leaves have a value for each."""
        return address_bits(self.outputs) if self.one_class else 0

    @property
    def reference_bits(self) -> int:
        """Of a reference."""
        return 1 + max(self.node_bits, self.leaf_bits)

    @property
    def node_word_bits(self) -> int:
        """Left and right child, threshold, feature."""
        return 2 * self.reference_bits + self.input_bits + self.feature_bits

    @property
    def leaf_word_bits(self) -> int:
        """Values, or one value and its output."""
        return self.class_bits + self.result_bits * (1 if self.one_class else self.outputs)

    @property
    def pages(self) -> int:
        """Nodes and leaves of each engine, and the base."""
        return 2 * self.engines + 1

    @property
    def longest_page(self) -> int:
        """Words of the longest page."""
        return max(1 << self.node_bits, 1 << self.leaf_bits, self.outputs)

    @property
    def widest_word(self) -> int:
        """Bits of the widest word."""
        return max(self.node_word_bits, self.leaf_word_bits, self.result_bits)

    @property
    def memory_bits(self) -> int:
        """Bits of all memories."""
        each = (self.node_word_bits << self.node_bits) + (self.leaf_word_bits << self.leaf_bits)
        return self.engines * each


@dataclass(frozen=True)
class EngineWords:
    """What stands in the memories of one engine, word by word from 0 on; what is left out is zero."""

    nodes: tuple[int, ...]
    leaves: tuple[int, ...]


@dataclass(frozen=True)
class TreeWords:
    """What stands in all memories of an ensemble.

    Attributes:
        engines: the memories of each engine.
        base: a word for each output.
    """

    engines: tuple[EngineWords, ...]
    base: tuple[int, ...]

    def pages(self) -> Iterator[tuple[int, ...]]:
        """The words of each page, in the order of their addresses."""
        for engine in self.engines:
            yield engine.nodes
            yield engine.leaves
        yield self.base


def tree_words(memory: TreeMemory, trees: Ensemble, origin: str) -> TreeWords:
    """The words of an ensemble of mantissas, whose comparisons both can go both ways.

    Large trees are dealt out first, each to the engine that has fewest nodes so far.

    Raises:
        CompileError: NL610 when it does not fit.
    """
    _check(memory, trees, origin)
    sizes = [len(reachable(trees, root)) for root in trees.roots.tolist()]
    dealt: list[list[int]] = [[] for _ in range(memory.engines)]
    loads = [0] * memory.engines
    for tree in sorted(range(trees.n_trees), key=lambda number: -sizes[number]):
        free = [e for e in range(memory.engines) if len(dealt[e]) < memory.trees_each]
        engine = min(free, key=lambda e: (loads[e], len(dealt[e])))
        dealt[engine].append(tree)
        loads[engine] += max(sizes[tree], 1)
    engines = (_Engine(memory, trees, origin).filled(numbers) for numbers in dealt)
    base = (int(value) % (1 << memory.result_bits) for value in trees.base)
    return TreeWords(tuple(engines), tuple(base))


def _check(memory: TreeMemory, trees: Ensemble, origin: str) -> None:
    """Refuse what cannot fit, whichever engine gets which tree."""
    room = memory.engines * memory.trees_each
    if trees.n_features != memory.features:
        found = f"the trees read {counted(trees.n_features, 'feature')}"
        raise misfit(origin, found, counted(memory.features, "feature"))
    if trees.n_outputs != memory.outputs:
        found = f"the trees give {counted(trees.n_outputs, 'score')}"
        raise misfit(origin, found, counted(memory.outputs, "score"))
    if trees.n_trees > room:
        raise misfit(origin, f"there are {trees.n_trees} trees", counted(room, "tree"), HINT)
    if trees.max_depth > memory.depth:
        found = f"a tree has {trees.max_depth} comparisons on its longest way"
        raise misfit(origin, found, f"{counted(memory.depth, 'comparison')} on a way", HINT)
    if memory.one_class and np.any(np.count_nonzero(trees.leaves, axis=1) > 1):
        raise misfit(
            origin, "a leaf adds to several scores", "leaves that add to one score, as those of boosted trees"
        )


def counted(count: int, noun: str) -> str:
    """So many, in words."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def misfit(origin: str, found: str, supported: str, hint: str = "") -> CompileError:
    """The error for trees that do not fit a design."""
    return CompileError("NL610", found, origin=origin, supported=supported, hint=hint)


def reachable(trees: Ensemble, root: int) -> list[int]:
    """Nodes of a tree, in the order in which a walk over all of them meets them."""
    seen: dict[int, None] = {}
    pending = [root]
    while pending:
        node = pending.pop()
        if node >= 0 and node not in seen:
            seen[node] = None
            pending += (int(trees.right[node]), int(trees.left[node]))
    return list(seen)


class _Engine:
    """Numbers the nodes and leaves of one engine's trees; the root of its tree t is node t."""

    def __init__(self, memory: TreeMemory, trees: Ensemble, origin: str) -> None:
        self.memory, self.trees, self.origin = memory, trees, origin
        self.leaves: dict[int, int] = {}

    def filled(self, numbers: Sequence[int]) -> EngineWords:
        """The memories for trees of these numbers."""
        memory, trees = self.memory, self.trees
        roots = [int(trees.roots[number]) for number in numbers]
        idle = memory.trees_each - len(roots)
        place: dict[int, int] = {}
        for tree, root in enumerate(roots):
            place.setdefault(root, tree)
        reached = dict.fromkeys(node for root in roots for node in reachable(trees, root))
        inner = [node for node in reached if node not in place]
        place |= {node: memory.trees_each + number for number, node in enumerate(inner)}
        nodes = [self.node(root, place) for root in roots]
        nodes += [self.both(self.leaf(self.nothing())) for _ in range(idle)]
        nodes += [self.node(node, place) for node in inner]
        self.check(len(nodes), memory.node_bits, "comparisons")
        self.check(len(self.leaves), memory.leaf_bits, "different leaves")
        return EngineWords(tuple(nodes), tuple(self.leaves))

    def check(self, count: int, bits: int, what: str) -> None:
        """Whether so many fit one engine."""
        if count > 1 << bits:
            where = f"the {self.memory.trees_each} trees of one engine"
            raise misfit(self.origin, f"{where} have {count} {what}", f"{1 << bits} {what}", HINT)

    def node(self, node: int, place: dict[int, int]) -> int:
        """The word of a node; of a tree that is one leaf, a comparison whose branches both lead to it."""
        if node < 0:
            return self.both(self.leaf(self.row(node)))
        left, right = (
            place[branch] if branch >= 0 else self.leaf(self.row(branch))
            for branch in (int(self.trees.left[node]), int(self.trees.right[node]))
        )
        threshold, feature = int(self.trees.threshold[node]), int(self.trees.feature[node])
        return self.word(left, right, threshold, feature)

    def both(self, reference: int) -> int:
        """The word of a node that leads to one place."""
        return self.word(reference, reference, 0, 0)

    def word(self, left: int, right: int, threshold: int, feature: int) -> int:
        """The parts of a node, side by side."""
        memory, at, word = self.memory, 0, 0
        for value, bits in (
            (left, memory.reference_bits),
            (right, memory.reference_bits),
            (threshold, memory.input_bits),
            (feature, memory.feature_bits),
        ):
            word |= value % (1 << bits) << at
            at += bits
        return word

    def row(self, reference: int) -> Ints:
        """Values int64[K] of a leaf."""
        return np.asarray(self.trees.leaves[-1 - reference])

    def nothing(self) -> Ints:
        """A leaf that adds nothing."""
        return np.zeros(self.memory.outputs, dtype=np.int64)

    def leaf(self, values: Ints) -> int:
        """The reference of a leaf with these values; equal ones stand in memory once."""
        memory = self.memory
        mask = (1 << memory.result_bits) - 1
        if memory.one_class:
            column = int(np.argmax(values != 0))
            word = column << memory.result_bits | int(values[column]) & mask
        else:
            word = sum((int(value) & mask) << k * memory.result_bits for k, value in enumerate(values))
        number = self.leaves.setdefault(word, len(self.leaves))
        return 1 << memory.reference_bits - 1 | number
