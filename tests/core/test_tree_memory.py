"""Words of trees in memories: walking them gives what the trees give; what does not fit is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netloom.core.diagnostics import CompileError
from netloom.core.ensemble import Ensemble
from netloom.core.fixed import Format
from netloom.core.tree_memory import TreeMemory, TreeWords, tree_words
from netloom.passes.tree_simplify import simplified
from netloom.testing.battery.ensembles import KINDS, chain, grown, one_class_each
from netloom.testing.program import Port

BYTE = Format(8, 4)


def decided(trees: Ensemble) -> Ensemble:
    ends = (np.full(trees.n_features, end, dtype=np.int64) for end in (-128, 127))
    return simplified(trees, *ends)


def room(trees: Ensemble, /, reuse: int, **changes: Any) -> TreeMemory:
    one_class = trees.n_outputs > 1 and bool(np.all(np.count_nonzero(trees.leaves, axis=1) <= 1))
    found = TreeMemory(
        trees=max(trees.n_trees, 1),
        depth=max(trees.max_depth, 1),
        nodes=max(trees.n_nodes, 1),
        reuse_factor=reuse,
        features=trees.n_features,
        input_bits=8,
        outputs=trees.n_outputs,
        result_bits=40,
        one_class=one_class,
    )
    return replace(found, **changes)


def fields(word: int, *widths: int) -> list[int]:
    """The parts of a word, the lowest first."""
    found = []
    for width in widths:
        found.append(word & ((1 << width) - 1))
        word >>= width
    assert word == 0
    return found


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def walked(memory: TreeMemory, words: TreeWords, x: Any) -> list[int]:
    """What the engines of `netloom_forest` compute for one sample."""
    sums = list(words.base)
    flag = 1 << memory.reference_bits - 1
    for engine in words.engines:
        for tree in range(memory.trees_each):
            at = tree
            for _ in range(memory.depth):
                if at & flag:
                    continue
                left, right, threshold, feature = fields(
                    engine.nodes[at],
                    memory.reference_bits,
                    memory.reference_bits,
                    memory.input_bits,
                    memory.feature_bits,
                )
                at = left if x[feature] < signed(threshold, memory.input_bits) else right
            assert at & flag
            leaf = engine.leaves[at - flag]
            if memory.one_class:
                value, column = fields(leaf, memory.result_bits, memory.class_bits)
                sums[column] += value
            else:
                values = fields(leaf, *[memory.result_bits] * memory.outputs)
                sums = [total + value for total, value in zip(sums, values, strict=True)]
    return [signed(total % (1 << memory.result_bits), memory.result_bits) for total in sums]


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from(sorted(KINDS)), st.integers(1, 12), st.integers(0, 5))
def test_walking_the_words_gives_the_scores(seed: int, kind: str, reuse: int, spare: int) -> None:
    generator = np.random.default_rng(seed)
    trees = decided(KINDS[kind](generator, Port((3,), BYTE)))
    memory = room(trees, reuse)
    memory = replace(memory, trees=memory.trees + spare)
    words = tree_words(memory, trees, "trees")
    x = generator.integers(-128, 127, size=(10, 3), endpoint=True)
    assert [walked(memory, words, sample) for sample in x] == trees.evaluate(x).tolist()


def test_a_chain_is_as_deep_as_its_comparisons() -> None:
    trees = decided(chain(2, 20, BYTE))
    memory = room(trees, 1)
    x = np.random.default_rng(0).integers(-128, 127, size=(100, 2), endpoint=True)
    words = tree_words(memory, trees, "trees")
    assert memory.depth > 10
    assert [walked(memory, words, sample) for sample in x] == trees.evaluate(x).tolist()


def some(trees: int = 6, depth: int = 3, outputs: int = 1) -> Ensemble:
    return decided(grown(np.random.default_rng(5), 3, outputs, trees, depth, BYTE, chance=1.0))


def test_large_trees_are_dealt_out_first() -> None:
    trees = some()
    words = tree_words(room(trees, 2, nodes=7), trees, "trees")
    assert len(words.engines) == 3
    assert max(len(engine.nodes) for engine in words.engines) <= 14
    assert words == tree_words(room(trees, 2, nodes=7), trees, "trees")


def test_equal_leaves_of_an_engine_stand_in_memory_once() -> None:
    trees = some()
    same = replace(trees, leaves=np.full_like(trees.leaves, 3))
    assert [engine.leaves for engine in tree_words(room(same, 6), same, "trees").engines] == [(3,)]


@pytest.mark.parametrize(
    ("changes", "found", "supported"),
    [
        ({"trees": 5}, "there are 6 trees", "5 trees"),
        ({"depth": 2}, "a tree has 3 comparisons on its longest way", "2 comparisons on a way"),
        ({"features": 4}, "the trees read 3 features", "4 features"),
        ({"outputs": 2}, "the trees give 1 score", "2 scores"),
    ],
)
def test_what_does_not_fit(changes: dict[str, int], found: str, supported: str) -> None:
    trees = some()
    with pytest.raises(CompileError) as error:
        tree_words(room(trees, 6, **{"nodes": 7, **changes}), trees, "trees")
    assert (error.value.code, error.value.origin) == ("NL610", "trees")
    assert (error.value.found, error.value.supported) == (found, supported)


def chains(count: int, depth: int) -> Ensemble:
    """Trees of so many comparisons each, whose leaves all differ."""
    own = np.arange(count * depth)
    last = own % depth == depth - 1
    left = -1 - own
    right = np.where(last, -1 - len(own) - own // depth, own + 1)
    leaves = np.arange(len(own) + count)[:, None]
    nothing, roots = np.zeros(len(own), dtype=np.bool_), np.arange(count) * depth
    return Ensemble(1, 0 * own, own % depth, left, right, nothing, roots, leaves, np.zeros(1, dtype=np.int64))


@pytest.mark.parametrize(
    ("depth", "found", "supported"),
    [
        # Six trees of three comparisons, on the average: 18 become 32 nodes, 24 leaves become 32.
        (6, "the 6 trees of one engine have 36 comparisons", "32 comparisons"),
        (5, "the 6 trees of one engine have 36 different leaves", "32 different leaves"),
    ],
)
def test_an_engine_that_is_full(depth: int, found: str, supported: str) -> None:
    trees = chains(6, depth)
    with pytest.raises(CompileError) as error:
        tree_words(room(trees, 6, nodes=3), trees, "trees")
    assert (error.value.code, error.value.found, error.value.supported) == ("NL610", found, supported)


def test_leaves_of_several_scores_do_not_fit_engines_for_one() -> None:
    trees = some(outputs=3)
    memory = room(one_class_each(trees), 3)
    assert memory.one_class
    tree_words(memory, one_class_each(trees), "trees")
    with pytest.raises(CompileError) as error:
        tree_words(memory, trees, "trees")
    assert (error.value.code, error.value.found) == ("NL610", "a leaf adds to several scores")


@pytest.mark.parametrize(
    ("reuse", "engines", "each", "step", "interval"),
    [
        # 15 comparisons a tree: lookup tables up to 64 words, that is four trees.
        (1, 100, 1, 2, 4 * 2),
        (4, 25, 4, 2, 2 * 4 * 2),
        (5, 20, 5, 3, 2 * 4 * 3 + 1),
        (16, 7, 15, 3, 5 * 4 * 3 + 1),
        (1000, 1, 100, 3, 34 * 4 * 3 + 1),
    ],
)
def test_engines_and_cycles(reuse: int, engines: int, each: int, step: int, interval: int) -> None:
    memory = TreeMemory(100, 4, 15, min(reuse, 100), 16, 16, 1, 22, one_class=False)
    assert (memory.engines, memory.trees_each) == (engines, each)
    assert (memory.step_cycles, memory.interval_cycles) == (step, interval)
