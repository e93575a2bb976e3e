"""simplify-trees: what no input decides is left out, and what is equal is kept once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from netloom.core.ensemble import Ensemble, Ints, in_order
from netloom.ir.attributes import fixed_tensor
from netloom.ir.base import interval_of
from netloom.ir.interval import Interval
from netloom.ir.program import insert_before, main, program_ops, replace
from netloom.ir.tree import EnsembleOp, ensemble_op, feature_bounds
from netloom.passes.analysis.ranges import value_intervals

MAX_GROWTH = 4
"""Following every way through shared subtrees may take so many times as many steps as there are nodes."""


@dataclass(frozen=True)
class SimplifyTrees(ModulePass):
    """Fixed-point trees, with the exact ranges of their features.

    Branches that contradict a range or a comparison above them are cut. Equal subtrees and leaves become one,
    also across trees; a comparison whose branches are equal goes. A tree that is left with one leaf joins the
    base.
    """

    name: ClassVar[str] = "simplify-trees"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite every tree.ensemble; result types stay."""
        intervals = value_intervals(op)
        for candidate in program_ops(main(op)):
            if isinstance(candidate, EnsembleOp) and candidate.is_fixed:
                simplify(candidate, intervals.get(candidate.input, interval_of(candidate.input)))


def simplify(op: EnsembleOp, interval: Interval) -> None:
    """Replace one op."""
    low, high = feature_bounds(interval)
    trees = simplified(op.ensemble, low, high)
    assert op.fraction is not None
    result = fixed_tensor(op.result_shape, op.result_format)
    made = ensemble_op(
        op.input,
        trees,
        op.origin.data if op.origin else "",
        fraction=op.fraction.value.data,
        result=result,
        memory=op.memory,
    )
    made.attributes.update(op.attributes)
    replace(op, insert_before(op, made))


def simplified(trees: Ensemble, low: Ints, high: Ints) -> Ensemble:
    """The same results for features within bounds int64[F], from fewer nodes."""
    rebuilt = _Rebuilt(trees)
    ranges = dict(enumerate(zip(low.tolist(), high.tolist(), strict=True)))
    base = trees.base.copy()
    roots: list[int] = []
    for root in trees.roots.tolist():
        new = rebuilt.tree(root, ranges)
        if new >= 0:
            roots.append(new)
        else:
            base = base + rebuilt.leaves[-1 - new]
    return rebuilt.ensemble(roots, base)


Ranges = dict[int, tuple[int, int]]


@dataclass
class _Rebuilt:
    """Nodes and leaves, each distinct one once."""

    trees: Ensemble
    nodes: dict[tuple[int, int, int, int], int] = field(default_factory=dict)
    rows: dict[bytes, int] = field(default_factory=dict)
    leaves: list[Ints] = field(default_factory=list)

    def __post_init__(self) -> None:
        trees = self.trees
        self.columns = [a.tolist() for a in (trees.feature, trees.threshold, trees.left, trees.right)]
        self.known_leaves: dict[int, int] = {}

    def leaf(self, old: int) -> int:
        """The reference of an old leaf's values."""
        if old not in self.known_leaves:
            row = self.trees.leaves[-1 - old]
            number = self.rows.setdefault(row.tobytes(), len(self.leaves))
            if number == len(self.leaves):
                self.leaves.append(row)
            self.known_leaves[old] = -1 - number
        return self.known_leaves[old]

    def node(self, feature: int, threshold: int, left: int, right: int) -> int:
        """The reference of a comparison; that of a branch where both are equal."""
        if left == right:
            return left
        return self.nodes.setdefault((feature, threshold, left, right), len(self.nodes))

    def tree(self, root: int, ranges: Ranges) -> int:
        """A tree without the ways that ranges exclude; those of comparisons unless ways are too many."""
        budget = MAX_GROWTH * (self.trees.n_nodes + 1)
        found = self._follow(root, dict(ranges), budget)
        return found if found is not None else self._shared(root, ranges)

    def _follow(self, root: int, ranges: Ranges, budget: int) -> int | None:
        """Depth first: each step is (reference) to enter, or (node, stage, saved range) to leave."""
        features, thresholds, lefts, rights = self.columns
        done: list[int] = []
        pending: list[tuple[int, int, tuple[int, int]]] = [(root, 0, (0, 0))]
        while pending:
            ref, stage, saved = pending.pop()
            if ref < 0:
                done.append(self.leaf(ref))
                continue
            feature, threshold = features[ref], thresholds[ref]
            low, high = ranges[feature] if stage == 0 else saved
            if stage == 0:
                budget -= 1
                if budget < 0:
                    return None
                if high < threshold or low >= threshold:
                    pending.append((lefts[ref] if high < threshold else rights[ref], 0, (0, 0)))
                    continue
                ranges[feature] = (low, threshold - 1)
                pending += [(ref, 1, (low, high)), (lefts[ref], 0, (0, 0))]
            elif stage == 1:
                ranges[feature] = (threshold, high)
                pending += [(ref, 2, (low, high)), (rights[ref], 0, (0, 0))]
            else:
                ranges[feature] = (low, high)
                right, left = done.pop(), done.pop()
                done.append(self.node(feature, threshold, left, right))
        return done[0]

    def _shared(self, root: int, ranges: Ranges) -> int:
        """Each node once, with the ranges of the inputs only."""
        features, thresholds, lefts, rights = self.columns
        new: dict[int, int] = {}
        reached: set[int] = set()
        pending = [root]
        while pending:
            ref = pending.pop()
            if ref >= 0 and ref not in reached:
                reached.add(ref)
                pending += (lefts[ref], rights[ref])
        for ref in sorted(reached, reverse=True):
            left, right = (new[b] if b >= 0 else self.leaf(b) for b in (lefts[ref], rights[ref]))
            low, high = ranges[features[ref]]
            if high < thresholds[ref]:
                new[ref] = left
            elif low >= thresholds[ref]:
                new[ref] = right
            else:
                new[ref] = self.node(features[ref], thresholds[ref], left, right)
        return new[root] if root >= 0 else self.leaf(root)

    def ensemble(self, roots: list[int], base: Ints) -> Ensemble:
        """What was built, without what the roots do not reach."""
        columns = np.array(list(self.nodes), dtype=np.int64).reshape(-1, 4)
        leaves = np.array(self.leaves, dtype=np.int64).reshape(-1, self.trees.n_outputs)
        nothing = np.zeros(len(columns), dtype=np.bool_)
        return in_order(
            self.trees.n_features, *_rows(columns), nothing, np.array(roots, dtype=np.int64), leaves, base
        )


def _rows(columns: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Features, thresholds, left and right branches."""
    return columns[:, 0], columns[:, 1], columns[:, 2], columns[:, 3]
