"""Ensembles of decision trees, ordinary and degenerate ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from xdsl.ir import SSAValue

from netloom.core.ensemble import Ensemble, in_order
from netloom.core.fixed import Format
from netloom.ir.tree import ensemble_op
from netloom.testing.battery.formats import signed, unsigned
from netloom.testing.cases import Case
from netloom.testing.program import Port, Program

Make = Callable[[np.random.Generator, Port], Ensemble]


def grown(
    generator: np.random.Generator,
    features: int,
    outputs: int,
    trees: int,
    depth: int,
    number_format: Format,
    magnitude: int = 100,
    chance: float = 0.85,
) -> Ensemble:
    """Random trees over mantissas of a format; a branch goes on with a chance, up to a depth.

    Thresholds lie around the values of the format, some outside; each tree has leaves of all results.
    """
    nodes: list[tuple[int, int, int, int]] = []
    leaves = 0

    def grow(left: int) -> int:
        nonlocal leaves
        if left == 0 or (left < depth and generator.random() > chance):
            leaves += 1
            return -leaves
        number = len(nodes)
        nodes.append((0, 0, 0, 0))
        low, high = number_format.min_mantissa - 1, number_format.max_mantissa + 2
        threshold = int(generator.integers(low, high, endpoint=True))
        feature = int(generator.integers(features))
        nodes[number] = (feature, threshold, grow(left - 1), grow(left - 1))
        return number

    roots = np.array([grow(depth) for _ in range(trees)], dtype=np.int64)
    feature, threshold, left, right = np.array(nodes, dtype=np.int64).reshape(-1, 4).T
    values = generator.integers(-magnitude, magnitude, size=(leaves, outputs), endpoint=True)
    base = generator.integers(-magnitude, magnitude, size=outputs, endpoint=True)
    nothing = np.zeros(len(nodes), dtype=np.bool_)
    return in_order(features, feature, threshold, left, right, nothing, roots, values, base)


def chain(features: int, depth: int, number_format: Format) -> Ensemble:
    """One tree as deep as it has comparisons; all branches to the left are leaves."""
    own = np.arange(depth)
    right = np.where(own + 1 < depth, own + 1, -depth - 1)
    span = number_format.max_mantissa - number_format.min_mantissa + 1
    threshold = number_format.min_mantissa + (own * span) // depth
    leaves = [*(own[:, None] * 37 % 64).tolist(), [-5]]
    zero = np.zeros(depth, dtype=np.bool_)
    return Ensemble(
        features,
        own % features,
        threshold,
        -1 - own,
        right,
        zero,
        np.zeros(1, dtype=np.int64),
        np.array(leaves, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
    )


def one_class_each(trees: Ensemble) -> Ensemble:
    """The same with the leaves of tree t in result t modulo K only, as boosted trees have them."""
    leaves = np.zeros_like(trees.leaves)
    for number, root in enumerate(trees.roots.tolist()):
        pending = [root]
        while pending:
            at = pending.pop()
            if at < 0:
                leaves[-1 - at, number % trees.n_outputs] = trees.leaves[-1 - at, number % trees.n_outputs]
            else:
                pending += [int(trees.left[at]), int(trees.right[at])]
    return replace(trees, leaves=leaves)


def _ordinary(trees: int, depth: int, outputs: int = 1, magnitude: int = 100) -> Make:
    def make(generator: np.random.Generator, port: Port) -> Ensemble:
        return grown(generator, port.shape[-1], outputs, trees, depth, port.format, magnitude)

    return make


def _classes(generator: np.random.Generator, port: Port) -> Ensemble:
    return one_class_each(grown(generator, port.shape[-1], 3, 9, 3, port.format))


def _equal_thresholds(generator: np.random.Generator, port: Port) -> Ensemble:
    trees = grown(generator, port.shape[-1], 1, 6, 4, port.format)
    middle = (port.format.min_mantissa + port.format.max_mantissa) // 2
    return replace(trees, threshold=np.full(trees.n_nodes, middle))


def _constant(generator: np.random.Generator, port: Port) -> Ensemble:
    return grown(generator, port.shape[-1], 2, 3, 0, port.format)


def _no_trees(generator: np.random.Generator, port: Port) -> Ensemble:
    return grown(generator, port.shape[-1], 2, 0, 0, port.format)


KINDS: dict[str, Make] = {
    "one stump": _ordinary(1, 1),
    "stumps": _ordinary(7, 1),
    "shallow trees": _ordinary(5, 2),
    "trees": _ordinary(8, 4),
    "deep trees": _ordinary(3, 9),
    "wide leaves": _ordinary(4, 3, magnitude=1 << 30),
    "several results": _ordinary(3, 3, outputs=3),
    "classes": _classes,
    "equal thresholds": _equal_thresholds,
    "single leaves": _constant,
    "no trees": _no_trees,
}
PORTS = (
    Port((3,), signed(6, 2)),
    Port((1, 4), unsigned(5, -1)),
    Port((2, 2), signed(12, 4)),
    Port((5,), unsigned(1, 1)),
    Port((2,), signed(32, 40)),
)


def ensemble_case(kind: str, port: Port, seed: int) -> Case:
    """Random trees of a kind; thresholds reach beyond the format."""

    def build(program: Program, x: SSAValue) -> SSAValue:
        trees = KINDS[kind](np.random.default_rng(seed), port)
        return program.insert(ensemble_op(x, trees, program.origin, fraction=3))

    return Case(f"tree.ensemble of {kind} on {port}", "tree.ensemble", (port,), build)


def chain_case(depth: int, port: Port) -> Case:
    """One tree of `depth` comparisons in a row."""

    def build(program: Program, x: SSAValue) -> SSAValue:
        trees = chain(port.shape[-1], depth, port.format)
        return program.insert(ensemble_op(x, trees, program.origin, fraction=0))

    return Case(f"tree.ensemble of a chain of {depth} on {port}", "tree.ensemble", (port,), build)


def ensembles() -> Sequence[Case]:
    """All of them."""
    found = [
        ensemble_case(kind, port, seed) for seed, (kind, port) in enumerate(itertools.product(KINDS, PORTS))
    ]
    return [*found, *(chain_case(depth, PORTS[n]) for depth, n in ((1, 0), (5, 1), (20, 2)))]
