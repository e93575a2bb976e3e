"""replaceable-trees: which ensembles stand in memories, so that others can take their place at run time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.precision import check_pattern, entries, matches
from netloom.ir.program import main, program_ops
from netloom.ir.tree import EnsembleOp
from netloom.passes.analysis.tree_memory import with_entries

MEMORY = "memory"
LIMITS = ("trees", "depth", "nodes")
"""What a capacity may name."""


@dataclass(frozen=True)
class ReplaceableTrees(ModulePass):
    """Ensembles of strategy memory keep the full range of their scores' format, and room for other trees.

    It stands in front of the choice of formats: what follows the trees must take every score that other trees
    may give.

    Options:
        strategy: `memory` for all ensembles, or `auto; trees*=memory`: later entries win. All other
            strategies are tables.
        capacity: `trees=100; depth=6; nodes=63`, what the memories hold. What is not named is taken from the
            model: as many trees, as deep; complete trees, but at most twice the comparisons of its largest.
    """

    name: ClassVar[str] = "replaceable-trees"
    strategy: str = ""
    capacity: str = ""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Mark the ensembles.

        Raises:
            CompileError: NL202 for a pattern that matches no ensemble, NL201 or NL203 for a capacity that is
                none, NL203 for one that is less than the model needs.
        """
        limits = capacity_of(self.capacity)
        found = [each for each in program_ops(main(op)) if isinstance(each, EnsembleOp)]
        chosen = self.chosen(found)
        if not chosen:
            raise CompileError(
                "NL202",
                "no layer of strategy 'memory'",
                origin="strategy",
                supported="strategy 'memory' for ensembles of trees",
                hint="choose another strategy: the model has no trees" if not found else "",
            )
        for each in chosen:
            each.memory = with_entries(each.memory, **_room(each, limits))

    def chosen(self, found: list[EnsembleOp]) -> list[EnsembleOp]:
        """The ensembles whose last entry is `memory`."""
        names = sorted({each.origin_name for each in found})
        last = dict.fromkeys(found, "")
        for pattern, strategy in entries(self.strategy):
            if pattern is not None and strategy == MEMORY:
                check_pattern(pattern, names)
            meant = (each for each in found if pattern is None or matches(each.origin_name, pattern))
            last |= dict.fromkeys(meant, strategy)
        return [each for each, strategy in last.items() if strategy == MEMORY]


def capacity_of(text: str) -> dict[str, int]:
    """The limits that a capacity names.

    Raises:
        CompileError: NL201 for an unknown name, NL203 for what is not a positive whole number.
    """
    found: dict[str, int] = {}
    for part in filter(None, (entry.strip() for entry in text.split(";"))):
        name, _, number = (entry.strip() for entry in part.partition("="))
        if name not in LIMITS:
            raise CompileError(
                "NL201",
                f"'{name}' is no part of a capacity",
                origin="tree_capacity",
                supported=", ".join(LIMITS),
                hint=suggestion(name, LIMITS),
            )
        if not (number.isascii() and number.isdigit() and int(number)):
            raise CompileError(
                "NL203",
                f"{name} is '{number}'",
                origin="tree_capacity",
                supported="1, 2, 3, ... as in 'trees=100; depth=6; nodes=63'",
            )
        found[name] = int(number)
    return found


def _room(op: EnsembleOp, limits: dict[str, int]) -> dict[str, int]:
    """Entries of the property `memory`.

    Raises:
        CompileError: NL203 for a limit that the model itself exceeds.
    """
    trees = op.ensemble
    needed = {"trees": max(trees.n_trees, 1), "depth": max(trees.max_depth, 1)}
    for name, count in needed.items():
        if limits.get(name, count) < count:
            raise CompileError(
                "NL203",
                f"{name} is {limits[name]}, and the model has {count}",
                origin="tree_capacity",
                supported=f"{name} from {count} on",
            )
    one_class = trees.n_outputs > 1 and bool(np.all(np.count_nonzero(trees.leaves, axis=1) <= 1))
    return needed | limits | {"one_class": one_class}
