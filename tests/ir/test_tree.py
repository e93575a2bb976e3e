"""`tree.ensemble`: its meaning, its rules, what its verifier refuses, and its text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import IntegerAttr
from xdsl.utils.exceptions import VerifyException

from netloom.core.ensemble import Ensemble, in_order
from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr, fixed_tensor
from netloom.ir.text import parse_module, print_module
from netloom.ir.tree import EnsembleOp, ensemble_op
from netloom.testing.battery.ensembles import KINDS, chain, grown
from netloom.testing.program import Port, Program
from tests.ir.values import fixed, real

BYTE = Format(8, 4)


def walked(trees: Ensemble, sample: Any) -> list[Any]:
    """The definition, one comparison after the other."""
    total = trees.base.tolist()
    for at in trees.roots.tolist():
        while at >= 0:
            value = sample[trees.feature[at]]
            left = trees.missing_left[at] if np.isnan(value) else value < trees.threshold[at]
            at = int((trees.left if left else trees.right)[at])
        total = [a + b for a, b in zip(total, trees.leaves[-1 - at].tolist(), strict=True)]
    return total


def random_trees(seed: int, **changes: Any) -> Ensemble:
    given_ = {"features": 3, "outputs": 2, "trees": 4, "depth": 4, "number_format": BYTE, **changes}
    return grown(np.random.default_rng(seed), **given_)


@given(st.integers(0, 10_000), st.sampled_from(sorted(KINDS)))
def test_evaluation_is_one_walk_for_each_tree(seed: int, kind: str) -> None:
    generator = np.random.default_rng(seed)
    trees = KINDS[kind](generator, Port((3,), BYTE))
    x = generator.integers(-128, 127, size=(5, 3), endpoint=True)
    op = ensemble_op(fixed((3,), BYTE), trees, "t", fraction=2)
    op.verify()
    assert op.evaluate([x]).tolist() == [walked(trees, sample) for sample in x]


@given(st.integers(0, 10_000))
def test_a_missing_value_goes_to_its_side(seed: int) -> None:
    generator = np.random.default_rng(seed)
    trees = random_trees(seed)
    missing = generator.random(trees.n_nodes) < 0.5
    trees = replace(trees, threshold=trees.threshold.astype(np.float64), missing_left=missing)
    x = np.where(generator.random((6, 3)) < 0.4, np.nan, generator.integers(-128, 127, size=(6, 3)))
    op = ensemble_op(real((3,)), trees, "t")
    op.verify()
    assert np.array_equal(op.evaluate([x]), [walked(trees, sample) for sample in x])


@given(st.integers(0, 10_000), st.data())
def test_bounds_hold_for_every_input_and_are_reached_by_one_tree(seed: int, data: Any) -> None:
    ends = data.draw(
        st.lists(st.tuples(st.integers(-128, 127), st.integers(-128, 127)), min_size=2, max_size=2)
    )
    low, high = np.array([sorted(pair) for pair in ends]).T
    trees = random_trees(seed, features=2, trees=1, depth=2)
    x = np.stack(np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(low, high, strict=True)), indexing="ij"))
    y = trees.evaluate(x.reshape(2, -1).T)
    bounds = trees.bounds(low, high)
    assert np.all(bounds[0] <= y.min(axis=0)) and np.all(y.max(axis=0) <= bounds[1])


def test_rows_go_through_the_same_trees() -> None:
    trees = random_trees(1)
    op = ensemble_op(fixed((2, 5, 3), BYTE), trees, "t", fraction=0)
    assert op.result_shape == (2, 5, 2) and op.rows == 10
    x = np.random.default_rng(0).integers(-128, 127, size=(4, 2, 5, 3))
    assert np.array_equal(op.evaluate([x]), trees.evaluate(x.reshape(-1, 3)).reshape(4, 2, 5, 2))


def test_the_result_is_as_wide_as_its_leaves_need() -> None:
    trees = chain(1, 3, BYTE)
    low, high = trees.bounds(np.array([-128]), np.array([127]))
    op = ensemble_op(fixed((1,), BYTE), trees, "t", fraction=5)
    assert op.result_format == Format.for_range(int(low[0]), int(high[0]), 5)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_text_is_read_back(kind: str) -> None:
    program = Program([("x", Port((3,), BYTE))])
    trees = KINDS[kind](np.random.default_rng(2), Port((3,), BYTE))
    program.output(program.insert(ensemble_op(program.inputs[0], trees, "t", fraction=1)), "y")
    text = print_module(program.finish())
    assert print_module(parse_module(text)) == text


def test_an_infinite_threshold_is_kept_in_text() -> None:
    trees = random_trees(0, trees=1, depth=1)
    trees = replace(trees, threshold=np.full(trees.n_nodes, np.inf))
    program = Program([("x", Port((3,), BYTE))])
    program.output(program.insert(ensemble_op(program.function.body.block.args[0], trees, "t")), "y")
    text = print_module(program.finish())
    assert print_module(parse_module(text)) == text


BAD: dict[str, tuple[Callable[[EnsembleOp], None], str]] = {
    "circle": (
        lambda op: op.properties.update(left=ArrayAttr.of(np.zeros(op.ensemble.n_nodes, dtype=np.int64))),
        "tree.ensemble: ensemble: a branch must lead to a later node, or a leaf",
    ),
    "lengths": (
        lambda op: op.properties.update(right=ArrayAttr.of([0])),
        "tree.ensemble: ensemble: the arrays of nodes must be vectors of one length",
    ),
    "leaf": (
        lambda op: op.properties.update(roots=ArrayAttr.of([-999])),
        "tree.ensemble: ensemble: a root leads to a node or leaf that does not exist",
    ),
    "feature": (
        lambda op: op.properties.update(feature=ArrayAttr.of(np.full(op.ensemble.n_nodes, 3))),
        "tree.ensemble: ensemble: a node reads a feature that does not exist",
    ),
    "reals": (
        lambda op: op.properties.update(threshold=ArrayAttr.of(op.threshold.values.astype(np.float64))),
        "tree.ensemble: fixed-point trees hold mantissas and a fraction",
    ),
    "fraction": (
        lambda op: op.properties.update(fraction=IntegerAttr(7, 64)),
        "tree.ensemble: result has 2 fraction bits, the rule gives 7",
    ),
    "leaves": (
        lambda op: op.properties.update(leaves=ArrayAttr.of([1, 2])),
        "tree.ensemble: ensemble: leaves are [L, K], base is [K]",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_the_verifier_says_what_is_wrong(name: str) -> None:
    change, message = BAD[name]
    op = ensemble_op(fixed((3,), BYTE), random_trees(3), "t", fraction=2)
    change(op)
    copy = EnsembleOp.create(
        operands=op.operands, result_types=[op.result.type], properties=dict(op.properties)
    )
    with pytest.raises(VerifyException) as caught:
        copy.verify_()
    assert str(caught.value) == message


def test_real_trees_hold_real_numbers() -> None:
    op = EnsembleOp.create(
        operands=[real((3,))],
        result_types=[ensemble_op(real((3,)), random_trees(3), "t").result.type],
        properties=dict(ensemble_op(fixed((3,), BYTE), random_trees(3), "t", fraction=0).properties),
    )
    with pytest.raises(VerifyException, match="trees over real numbers hold real numbers"):
        op.verify_()


def test_leaves_that_together_pass_63_bits_are_refused() -> None:
    from netloom.core.diagnostics import CompileError

    trees = random_trees(3, trees=1, depth=1, magnitude=1 << 61)
    huge = replace(trees, leaves=np.full_like(trees.leaves, 1 << 61), base=np.full_like(trees.base, 1 << 61))
    with pytest.raises(CompileError) as caught:
        ensemble_op(fixed((3,), BYTE), huge, "t", fraction=0)
    assert caught.value.code == "NL303"


def test_nodes_in_any_order_are_put_in_order() -> None:
    trees = random_trees(5)
    order = np.random.default_rng(0).permutation(trees.n_nodes)
    place = np.argsort(order)

    def moved(references: Any) -> Any:
        return np.where(references >= 0, place[np.maximum(references, 0)], references)

    mixed = in_order(
        3,
        trees.feature[order],
        trees.threshold[order],
        moved(trees.left[order]),
        moved(trees.right[order]),
        trees.missing_left[order],
        moved(trees.roots),
        trees.leaves,
        trees.base,
    )
    x = np.random.default_rng(1).integers(-128, 127, size=(50, 3))
    assert np.array_equal(mixed.evaluate(x), trees.evaluate(x))


def test_the_declared_type_may_be_wider() -> None:
    wide = fixed_tensor((2,), Format(40, 38))
    assert (
        ensemble_op(fixed((3,), BYTE), random_trees(3), "t", fraction=2, result=wide).result_format.width
        == 40
    )
