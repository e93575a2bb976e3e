"""Trees in mantissas take the way of the real ones; simpler trees give the same results."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import BoolAttr, ModuleOp, StringAttr

import netloom
from netloom.api import Design
from netloom.core.diagnostics import NetloomWarning
from netloom.core.ensemble import Ensemble
from netloom.core.fixed import Format, to_real
from netloom.frontends.trees.forest import Forest, module_of
from netloom.ir.attributes import ArrayAttr, real_tensor
from netloom.ir.base import make
from netloom.ir.fx import LookupOp
from netloom.ir.nn import MulOp, QuantOp
from netloom.ir.program import finish_function, main, new_function, program_ops
from netloom.ir.tree import EnsembleOp, ensemble_op
from netloom.passes.tree_simplify import simplified
from netloom.testing.battery.ensembles import KINDS, chain, grown
from netloom.testing.program import Port

NARROW = Format(7, 3)


def real_trees(seed: int, features: int = 2, outputs: int = 1, near: Format = NARROW) -> Ensemble:
    """Trees whose thresholds lie on, and a hair beside, the numbers of a format."""
    generator = np.random.default_rng(seed)
    whole = grown(generator, features, outputs, 5, 4, near)
    beside = generator.choice([-1e-9, 0.0, 1e-9, 2.0**-near.fraction / 3], size=whole.n_nodes)
    threshold = np.ldexp(whole.threshold.astype(np.float64), -near.fraction) + beside
    leaves, base = (generator.standard_normal(part.shape) for part in (whole.leaves, whole.base))
    return replace(whole, threshold=threshold, leaves=leaves, base=base)


def ensemble_in(module: ModuleOp) -> EnsembleOp:
    (found,) = (op for op in program_ops(main(module)) if isinstance(op, EnsembleOp))
    return found


def every_input(number_format: Format) -> Any:
    """All pairs of mantissas."""
    mantissas = np.arange(number_format.min_mantissa, number_format.max_mantissa + 1)
    return np.stack(np.meshgrid(mantissas, mantissas, indexing="ij"), axis=-1).reshape(-1, 2)


@settings(max_examples=10)
@given(st.integers(0, 100_000), st.booleans())
def test_no_input_of_the_format_takes_another_way(seed: int, signed: bool) -> None:
    source = Format(7, 3, signed)
    trees = real_trees(seed, near=source)
    design = quiet(trees, f"{source}", "fixed<24,8>")
    mantissas = every_input(source)
    reals = to_real(mantissas, source)
    # Each leaf rounds by itself: the sum of the rounded leaves of the real trees' own way.
    rounded = replace(
        trees, leaves=np.rint(np.ldexp(trees.leaves, 16)), base=np.rint(np.ldexp(trees.base, 16))
    )
    expected = rounded.evaluate(reals).astype(np.int64)
    assert np.array_equal(design.predict(reals, raw=True), expected)


def quiet(trees: Ensemble, source: str, precision: str | None = None, **options: Any) -> Design:
    return compiled(Forest(trees), input_precision=source, precision=precision, **options)


def compiled(forest: Forest, **options: Any) -> Design:
    """Without the warning of thresholds outside the format, which most of these have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NetloomWarning)
        return netloom.compile(module_of(forest), **options)


@pytest.mark.parametrize("scale", [0.1, 0.3, 1.7])
def test_an_input_with_a_scale_of_its_own_moves_into_the_thresholds(scale: float) -> None:
    """A quantizer whose scale is no power of two, as a quantized model has it."""
    trees = real_trees(4)
    levels = every_input(Format(6, 6))
    trees = replace(trees, threshold=np.resize(np.arange(-32, 32) * scale, trees.n_nodes))
    module, function = new_function([("x", real_tensor((1, 2)))], batched=True)
    bounds = {"scale": scale, "zero_point": 0.0, "low": -32.0, "high": 31.0}
    quantizer = make(
        QuantOp,
        [function.body.block.args[0]],
        rounding=StringAttr("RND_CONV"),
        round_first=BoolAttr.from_bool(False),
        output=StringAttr("value"),
        **{key: ArrayAttr.of(value) for key, value in bounds.items()},
    )
    block = function.body.block
    block.add_op(quantizer)
    block.add_op(ensemble_op(quantizer.result, trees, "trees"))
    finish_function(function, [("y", block.last_op.results[0])])
    design = netloom.compile(module, precision="fixed<24,8>")
    rounded = replace(
        trees, leaves=np.rint(np.ldexp(trees.leaves, 16)), base=np.rint(np.ldexp(trees.base, 16))
    )
    expected = rounded.evaluate(levels.astype(np.float64) * scale)
    assert np.array_equal(design.predict(levels * scale, raw=True), expected)


def test_leaves_are_rounded_once_and_the_error_is_stated() -> None:
    trees = real_trees(1, outputs=3)
    design = quiet(trees, "fixed<7,3>", "fixed<12,8>")
    x = to_real(every_input(NARROW), NARROW)
    worst = np.abs(design.predict(x) - trees.evaluate(x)).max()
    (note,) = (each.text for each in design.notes if "error at most" in each.text)
    stated = float(note.rsplit(" ", 1)[1])
    assert 0 < worst <= stated * 1.001 and stated <= 6 * 2.0**-5
    assert design.interface.outputs["score"] == (1, 3)


def test_a_score_that_passes_the_chosen_format_saturates() -> None:
    trees = real_trees(1)
    x = to_real(every_input(NARROW), NARROW)
    with pytest.warns(NetloomWarning, match=r"beyond fixed<8,1,RND,SAT>; a format of \d integer bits holds"):
        design = netloom.compile(
            module_of(Forest(trees)), input_precision="fixed<7,3>", precision="fixed<8,1>"
        )
    exact = quiet(trees, "fixed<7,3>", "fixed<20,13>").predict(x)
    assert np.abs(exact).max() > 1
    assert np.array_equal(design.predict(x), np.clip(exact, -1, 1 - 2.0**-7))


def test_without_a_choice_leaves_that_are_short_are_exact() -> None:
    trees = real_trees(1)
    trees = replace(trees, leaves=np.rint(trees.leaves * 8) / 8, base=np.zeros(1))
    design = quiet(trees, "fixed<7,3>")
    x = to_real(every_input(NARROW), NARROW)
    assert np.array_equal(design.predict(x), trees.evaluate(x))
    assert ensemble_in(design.module).result_format.fraction == 3


@pytest.mark.parametrize("precision", [None, "fixed<20,8>"])
def test_a_mean_over_trees_is_a_sum_that_the_host_divides(precision: str | None) -> None:
    """Also where a precision is chosen for the whole model: a rounded 1/7 would be another model."""
    trees = real_trees(2, outputs=2)
    trees = replace(trees, leaves=np.rint(trees.leaves * 64) / 64, base=trees.base * 0)
    design = compiled(Forest(trees, scale=1 / 7), input_precision="fixed<7,3>", precision=precision)
    x = to_real(every_input(NARROW), NARROW)
    np.testing.assert_allclose(design.predict(x), trees.evaluate(x) / 7, rtol=1e-12, atol=1e-12)
    assert not any(isinstance(op, MulOp) for op in program_ops(main(design.module)))


@settings(max_examples=60)
@given(st.integers(0, 100_000), st.sampled_from(sorted(KINDS)), st.data())
def test_simpler_trees_give_the_same_results(seed: int, kind: str, data: Any) -> None:
    generator = np.random.default_rng(seed)
    trees = KINDS[kind](generator, Port((3,), Format(5, 5)))
    ends = [data.draw(st.tuples(st.integers(-16, 15), st.integers(-16, 15))) for _ in range(3)]
    low, high = np.array([sorted(pair) for pair in ends]).T
    simple = simplified(trees, low, high)
    assert simple.n_nodes <= trees.n_nodes and simple.n_trees <= trees.n_trees
    x = generator.integers(low, high, size=(64, 3), endpoint=True)
    assert np.array_equal(simple.evaluate(x), trees.evaluate(x))


def test_a_comparison_that_one_above_decides_goes() -> None:
    trees = chain(1, 12, Format(8, 8))
    twice = replace(trees, feature=trees.feature, threshold=np.repeat(trees.threshold[::2], 2))
    assert simplified(twice, np.array([-128]), np.array([127])).n_nodes == 5


def test_equal_trees_share_their_nodes() -> None:
    trees = grown(np.random.default_rng(0), 3, 1, 1, 4, Format(8, 8))
    four = replace(trees, roots=np.repeat(trees.roots, 4))
    simple = simplified(four, np.full(3, -128), np.full(3, 127))
    assert simple.n_trees == 4 and simple.n_nodes <= trees.n_nodes


def test_many_ways_through_shared_nodes_are_not_all_followed() -> None:
    """Sixty diamonds in a row have 2^60 ways."""
    count = 60
    own = np.arange(count)
    following = np.where(own + 1 < count, own + 1, -1)
    feature = own % 3
    trees = Ensemble(
        3,
        feature,
        own - 30,
        following,
        np.where(own + 2 < count, own + 2, -2),
        np.zeros(count, dtype=np.bool_),
        np.zeros(1, dtype=np.int64),
        np.array([[3], [8]]),
        np.zeros(1, dtype=np.int64),
    )
    simple = simplified(trees, np.full(3, -40), np.full(3, 40))
    x = np.random.default_rng(0).integers(-40, 40, size=(500, 3), endpoint=True)
    assert np.array_equal(simple.evaluate(x), trees.evaluate(x))


# -- final functions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [1, 2, 5])
@pytest.mark.parametrize("bits", [6, 12])
def test_the_largest_probability_is_that_of_the_largest_score(outputs: int, bits: int) -> None:
    """Scores that differ by one step may not become equal in a table."""
    generator = np.random.default_rng(outputs)
    trees = real_trees(3, outputs=outputs)
    # Scores around zero, many of them within one step of the table's index.
    leaves = generator.integers(-3, 4, size=trees.leaves.shape) * 2.0**-14
    leaves[:, 0] *= outputs != 2
    trees = replace(trees, leaves=leaves, base=trees.base * 0)
    forest = Forest(trees, ("softmax",) if outputs > 1 else ("sigmoid",))
    x = to_real(every_input(NARROW), NARROW)
    scored = {"layers": {"trees": "fixed<18,4>"}}
    design = compiled(forest, input_precision="fixed<7,3>", precision=scored, table_bits=bits)
    scores = compiled(forest, input_precision="fixed<7,3>", precision=scored, cut_softmax=True)
    shares, margins = design.predict(x), scores.predict(x)
    if outputs == 1:
        assert np.array_equal(shares > 0.5, margins > 0) and len(np.unique(margins)) > 3
    else:
        assert np.array_equal(shares.argmax(axis=1), margins.argmax(axis=1))
    names = [op.name for op in program_ops(main(scores.module))]
    assert "fx.lookup" not in names and any("cut" in note.text for note in scores.notes)


def test_the_stated_error_of_an_ordered_table_holds() -> None:
    trees = replace(real_trees(3), base=np.zeros(1))
    x = to_real(every_input(NARROW), NARROW)
    design = compiled(Forest(trees, ("sigmoid",)), input_precision="fixed<7,3>")
    (lookup,) = (op for op in program_ops(main(design.module)) if isinstance(op, LookupOp))
    assert lookup.max_error is not None
    stated = float(lookup.max_error.values[0])
    exact = 1 / (1 + np.exp(-quiet(trees, "fixed<7,3>").predict(x)))
    assert 0 < np.abs(design.predict(x) - exact).max() <= stated < 0.002
