"""Reuse factors: which are legal, how one is chosen for a layer, what is refused; what it does to timing."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.utils.arg_spec import parse_pipeline
from xdsl.utils.exceptions import VerifyException

from netloom.backends.vhdl.options import VhdlOptions
from netloom.core.diagnostics import CompileError, NetloomWarning
from netloom.estimate.resources import estimate
from netloom.ir.nn import DenseOp
from netloom.ir.nn.linear import reuse_factors
from netloom.ir.program import main, notes
from netloom.passes.analysis.hardware import hardware
from netloom.passes.manager import parse
from netloom.passes.set_reuse_factors import SetReuseFactors
from tests.backends.designs import Program, array, integer, scheduled, signed


def network(strategies: dict[str, str], inputs: int = 8, outputs: int = 8) -> ModuleOp:
    """A chain of layers, each with its strategy."""
    program = Program([((inputs,), signed(6, 3))])
    x = program.inputs[0]
    for name, strategy in strategies.items():
        x = program.cast(x, signed(6, 3))
        weights = np.arange(inputs * outputs).reshape(inputs, outputs) % 7
        x = program.add(DenseOp, x, program.constant(weights, signed(8, 3)), strategy=StringAttr(strategy))
        x.owner.properties["origin"] = StringAttr(name)  # type: ignore[union-attr]
    program.output(x)
    return program.finish()


def chosen(module: ModuleOp, text: str, *, strict: bool = False) -> dict[str, int | None]:
    SetReuseFactors(text, strict).apply(Context(), module)
    module.verify()
    layers = [op for op in main(module).body.block.ops if isinstance(op, DenseOp)]
    return {op.origin_name: None if op.reuse_factor is None else op.reuse_factor.value.data for op in layers}


@given(st.integers(1, 40), st.integers(1, 40))
def test_legal_factors_divide_the_inputs_or_the_outputs_after_all_inputs(inputs: int, outputs: int) -> None:
    legal = [
        factor
        for factor in range(1, inputs * outputs + 1)
        if inputs % factor == 0 or (factor % inputs == 0 and outputs % (factor // inputs) == 0)
    ]
    assert reuse_factors(inputs, outputs) == legal


def test_the_pass_is_text_and_back() -> None:
    text = 'set-reuse-factors{reuse-factor="16; fc1*=4" strict=true}'
    (spec,) = parse_pipeline(text)
    assert SetReuseFactors.from_spec(spec) == SetReuseFactors("16; fc1*=4", True)
    (spec,) = parse_pipeline(str(SetReuseFactors("16; fc1*=4", True).spec()))
    assert SetReuseFactors.from_spec(spec) == SetReuseFactors("16; fc1*=4", True)


def test_the_last_matching_entry_wins_and_the_default_is_1() -> None:
    module = network({"fc1": "resource", "fc2": "resource", "head": "resource", "tail": "latency"})
    assert chosen(module, "fc*=4; fc2=16") == {"fc1": 4, "fc2": 16, "head": 1, "tail": None}
    assert chosen(module, "64") == {"fc1": 64, "fc2": 64, "head": 64, "tail": None}


@pytest.mark.parametrize(("asked", "taken"), [(3, 2), (6, 4), (7, 8), (9, 8), (12, 8), (13, 16), (999, 64)])
def test_the_nearest_legal_factor_is_taken_and_said(asked: int, taken: int) -> None:
    module = network({"fc1": "resource"})
    with pytest.warns(NetloomWarning) as caught:
        assert chosen(module, str(asked)) == {"fc1": taken}
    what = f"a reuse factor of {asked} does not divide 8 inputs x 8 outputs; {taken} is taken"
    assert [str(warning.message) for warning in caught] == [f"layer 'fc1': {what}"]
    assert [(note.origin, note.text) for note in notes(module)] == [("fc1", what)]


def test_strict_refuses_and_names_the_factors_near_it() -> None:
    with pytest.raises(CompileError) as error:
        chosen(network({"fc1": "resource"}), "12", strict=True)
    assert str(error.value) == (
        "[NL207] at 'fc1': a reuse factor of 12 does not divide 8 inputs x 8 outputs\n"
        "  supported: 2, 4, 8, 16, 32, 64, ...\n"
        "  to do: take 8, or leave 'strict' out to have the nearest one taken"
    )


def test_a_legal_factor_gives_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert chosen(network({"fc1": "resource"}), "8", strict=True) == {"fc1": 8}
        assert chosen(network({"fc1": "latency"}), "1") == {"fc1": None}


def test_a_pattern_that_matches_no_shared_layer_is_refused() -> None:
    with pytest.raises(CompileError) as error:
        chosen(network({"fc1": "resource", "fc2": "latency"}), "fc3=4")
    assert str(error.value) == (
        "[NL202] at 'fc3': 'fc3' matches no layer\n  supported: the layers fc1\n  to do: did you mean 'fc1'?"
    )


@pytest.mark.parametrize("text", ["0", "-4", "fast", "fc1=2.5", "fc1=", "²"])
def test_what_is_not_a_positive_number_is_refused(text: str) -> None:
    with pytest.raises(CompileError, match=r"\[NL203\].*is not a reuse factor"):
        chosen(network({"fc1": "resource"}), text)


def test_a_factor_without_shared_layers_is_warned_about() -> None:
    with pytest.warns(NetloomWarning, match="'4' has no effect: no layer has strategy 'resource'"):
        assert chosen(network({"fc1": "latency"}), "4") == {"fc1": None}


@pytest.mark.parametrize(("strategy", "factor"), [("latency", 1), ("resource", 3), ("resource", 0)])
def test_the_op_refuses_a_factor_that_it_cannot_have(strategy: str, factor: int) -> None:
    module = network({"fc1": strategy})
    (op,) = [op for op in main(module).body.block.ops if isinstance(op, DenseOp)]
    module.verify()
    op.reuse_factor = integer(factor)
    with pytest.raises(VerifyException, match="reuse factor"):
        module.verify()


def test_options_become_passes() -> None:
    options = VhdlOptions.from_mapping({"strategy": "resource", "reuse_factor": {"*": 16, "fc1": 4}})
    passes = {each.name: each for each in parse(options.lowering)}
    assert list(passes) == [
        "lower-windows",
        "lower-dense",
        "set-reuse-factors",
        "balance-layers",
        "share-products",
        "build-adder-graphs",
    ]
    assert passes["set-reuse-factors"] == SetReuseFactors("*=16; fc1=4", False)
    strict = VhdlOptions.from_mapping({"reuse_factor": 8, "strict": True})
    assert SetReuseFactors("8", True) in parse(strict.lowering)


def cycles(op: object, name: str) -> int:
    return int(op.attributes[name].value.data)  # type: ignore[attr-defined]


@pytest.mark.parametrize("reuse", reuse_factors(8, 8))
def test_the_interval_is_the_largest_factor_and_the_latency_grows_with_each(reuse: int) -> None:
    module = network({"fc1": "resource", "fc2": "resource"})
    chosen(module, f"2; fc1={reuse}")
    scheduled(module)
    assert cycles(main(module), "interval_cycles") == max(reuse, 2)
    for op in hardware(module).ops:
        if isinstance(op, DenseOp) and op.origin_name == "fc1":
            stages = op.attributes["step_stages"].ints().tolist()  # type: ignore[attr-defined]
            assert cycles(op, "latency_cycles") == stages[-1] + 1 + reuse - 1
            assert stages[:3] == [0, 1, 2]


def test_a_faster_clock_puts_registers_into_the_adder_tree() -> None:
    stages = {}
    for period in (20.0, 1.0):
        module = network({"fc1": "resource"})
        chosen(module, "1")
        scheduled(module, period)
        (op,) = [op for op in hardware(module).ops if isinstance(op, DenseOp)]
        stages[period] = op.attributes["step_stages"]
    # Load, read, multiply, three levels of additions, accumulate.
    assert stages[20.0] == array([0, 1, 2, 3, 3, 3, 3])
    assert stages[1.0] == array([0, 1, 2, 3, 4, 5, 6])


def shared_estimate(reuse: int, rows: int = 1, width: int = 16) -> tuple[int, int, int, int]:
    program = Program([((rows, 16), signed(12, 3))])
    weight = program.constant(np.arange(16 * 32).reshape(16, 32), signed(width, 3))
    program.output(
        program.add(
            DenseOp,
            program.inputs[0],
            weight,
            strategy=StringAttr("resource"),
            reuse_factor=integer(reuse),
        )
    )
    row = estimate(scheduled(program.finish()))[0]
    return row.lut, row.ff, row.dsp, row.bram36


@pytest.mark.parametrize("reuse", reuse_factors(16, 32))
def test_multipliers_are_the_products_of_one_cycle(reuse: int) -> None:
    assert shared_estimate(reuse)[2] == 16 * 32 // reuse
    assert shared_estimate(reuse, rows=3)[2] == 3 * 16 * 32 // reuse


def test_deep_memories_are_block_memories_and_shallow_ones_tables() -> None:
    # 512 weights of 16 bits; words of 512 // reuse weights.
    assert [shared_estimate(reuse)[3] for reuse in (1, 16, 64, 128, 512)] == [0, 0, 0, 1, 1]
    assert shared_estimate(512, rows=4)[3] == 1


def test_a_shared_layer_is_smaller_the_more_it_shares() -> None:
    areas = [shared_estimate(reuse) for reuse in (1, 4, 16, 64)]
    assert all(after[0] < before[0] and after[1] < before[1] for before, after in pairwise(areas))
