"""A budget of multipliers: never exceeded, never a larger design for a larger one, and the same bits."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from netloom.api import Design
from netloom.backends.vhdl.options import VhdlOptions
from netloom.cli.main import app
from netloom.core.devices import find_device
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format, Overflow, Rounding
from netloom.ir.da import KernelOp
from netloom.ir.flow import StageOp
from netloom.ir.nn import MatMulOp, MulOp, ReshapeOp
from netloom.ir.text import save_module
from netloom.passes.analysis.budget import Price, cheapest
from netloom.passes.analysis.hard_products import HardProducts, odd_parts
from netloom.passes.spend_multipliers import SpendMultipliers
from netloom.testing.program import Port, Program
from netloom.testing.target import Target, run

BUDGETS = (0, 7, 25, 90, 1000)
DEVICE = find_device("xcvu9p")


def layers(shapes: list[tuple[int, int]], bits: int, rows: tuple[int, ...] = (1,), seed: int = 0) -> ModuleOp:
    """Products with random weights of `bits` bits, with a cast to 12 bits behind each."""
    draw = np.random.default_rng(seed)
    program = Program([("x", Port((*rows, shapes[0][0]), Format(12, 6)))])
    value = program.inputs[0]
    for number, shape in enumerate(shapes):
        program.origin = f"fc{number}"
        weights = draw.integers(-(1 << bits - 1), 1 << bits - 1, shape)
        value = program.add(MatMulOp, value, program.constant(weights, Format(bits, 2)))
        program.origin = f"act{number}"
        value = program.cast(value, Format(12, 6), Rounding.RND, Overflow.SAT)
    program.output(value, "y")
    return program.finish()


def gated() -> ModuleOp:
    """A layer whose results are multiplied with each other's neighbours."""
    program = Program([("x", Port((1, 4), Format(12, 6))), ("z", Port((1, 4), Format(12, 6)))])
    program.origin = "gate"
    program.output(program.add(MulOp, *program.inputs), "y")
    return program.finish()


def compiled(module: ModuleOp, backend: str = "vhdl", io: str = "parallel", **options: object) -> Design:
    return Target(backend, io, options, standard=True).compile(module.clone())


@given(
    st.lists(
        st.lists(st.builds(Price, st.integers(0, 9), st.integers(0, 30)), min_size=1, max_size=4),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 30),
)
def test_the_knapsack_is_as_good_as_trying_everything(choices: list[list[Price]], budget: int) -> None:
    every = [
        (sum(price.cost for price in taken), sum(price.spent for price in taken))
        for taken in itertools.product(*choices)
    ]
    within = [entry for entry in every if entry[1] <= budget]
    found = cheapest(choices, budget)
    if not within:
        assert found is None
        return
    assert found is not None
    taken = [options[number] for options, number in zip(choices, found, strict=True)]
    assert (sum(price.cost for price in taken), sum(price.spent for price in taken)) == min(within)


@given(st.integers(0, 10_000), st.integers(0, 40))
def test_a_matrix_without_some_products_computes_the_same(seed: int, count: int) -> None:
    draw = np.random.default_rng(seed)
    matrix = draw.integers(-500, 500, (5, 6))
    low, high = np.full(5, -2048), np.full(5, 2047)
    products = HardProducts.of(matrix, low, high, Format(12, 12), DEVICE)
    for order in products.orders():
        assert sorted(order) == list(range(len(products.factors)))
        taken = [products.factors[number] for number in order[:count]]
        reduced, _, _ = products.without(taken)
        x = draw.integers(-2048, 2048, (8, 5))
        made = np.array([factor.value * x[:, factor.row] for factor in taken]).reshape(len(taken), 8).T
        assert np.array_equal(np.hstack([x, made]).astype(np.int64) @ reduced, x @ matrix)


def test_odd_parts() -> None:
    assert odd_parts(np.array([[0, 1, -8, 12, -20, 7]])).tolist() == [[0, 1, 1, 3, 5, 7]]


@pytest.mark.slow
@pytest.mark.parametrize("io", ["parallel", "stream"])
@pytest.mark.parametrize(
    "module",
    [layers([(8, 8)], 12), layers([(8, 12), (12, 4)], 8, seed=1), layers([(4, 8), (8, 6)], 14, rows=(1, 3))],
    ids=["one layer", "narrow", "rows"],
)
def test_a_larger_budget_is_kept_and_never_gives_a_larger_design(module: ModuleOp, io: str) -> None:
    free = compiled(module, io=io).report().total("lut")
    luts = []
    for budget in BUDGETS:
        report = compiled(module, io=io, dsp_budget=budget).report()
        assert report.total("dsp") <= budget
        luts.append(report.total("lut"))
    assert luts[0] <= free
    assert luts == sorted(luts, reverse=True)
    assert luts[-1] < luts[0]


def test_without_a_budget_the_pipeline_is_as_before() -> None:
    assert "spend-multipliers" not in VhdlOptions().lowering
    module = compiled(layers([(8, 8)], 12)).module
    before = str(module)
    SpendMultipliers().apply(Context(), module)
    assert str(module) == before


@pytest.mark.parametrize(("budget", "multipliers"), [(40, range(20, 41)), (0, range(1))])
def test_ghdl_gives_the_emulators_bits(budget: int, multipliers: range) -> None:
    target = Target("vhdl", "parallel", {"dsp_budget": budget}, standard=True)
    done = run(target, layers([(8, 8), (8, 4)], 12), 200)
    assert done.design.report().total("dsp") in multipliers
    assert np.array_equal(done.got["y"], done.expected["y"])


def test_rows_have_multipliers_of_their_own() -> None:
    module = layers([(4, 8)], 14, rows=(1, 3))
    target = Target("vhdl", "parallel", {"dsp_budget": 60}, standard=True)
    done = run(target, module, 60)
    assert done.design.report().total("dsp") % 3 == 0 < done.design.report().total("dsp")
    assert np.array_equal(done.got["y"], done.expected["y"])


def test_a_stream_has_the_products_in_the_layers_stage() -> None:
    module = layers([(4, 8)], 14, rows=(1, 6))
    target = Target("vhdl", "stream", {"dsp_budget": 30}, standard=True)
    done = run(target, module, 40)
    report = done.design.report()
    assert 0 < report.total("dsp") <= 30
    stages = [op for op in done.design.module.walk() if isinstance(op, StageOp)]
    assert len(stages) == len(
        [op for op in compiled(module, io="stream").module.walk() if isinstance(op, StageOp)]
    )
    assert np.array_equal(done.got["y"], done.expected["y"])


@pytest.mark.slow
@pytest.mark.parametrize("io", ["parallel", "stream"])
def test_c_simulation_gives_the_emulators_bits(io: str) -> None:
    target = Target("vitis", io, {"dsp_budget": 25}, standard=True)
    done = run(target, layers([(6, 6)], 12), 200)
    assert 0 < done.design.report().total("dsp") <= 25
    assert np.array_equal(done.got["y"], done.expected["y"])


def test_layers_with_a_strategy_of_their_own_stay() -> None:
    module = layers([(8, 8), (8, 8)], 12)
    chosen = compiled(module, strategy="auto; fc0=adder_graph", dsp_budget=30)
    assert {row.origin for row in chosen.report().layers if row.dsp} == {"fc1"}
    every = compiled(module, strategy="adder_graph", dsp_budget=30)
    assert every.report().total("dsp") == 0
    assert {note.origin for note in chosen.report().notes} >= {"fc1"}


def test_explicit_multipliers_count_first() -> None:
    module = layers([(8, 8), (8, 8)], 12)
    own = compiled(module, strategy="adder_graph; fc0=latency").report().total("dsp")
    for spare in (0, 25):
        report = compiled(module, strategy="auto; fc0=latency", dsp_budget=own + spare).report()
        assert own <= report.total("dsp") <= own + spare
    assert report.total("dsp") > own


def test_more_explicit_multipliers_than_the_budget_are_refused() -> None:
    module = layers([(8, 8)], 12)
    needs = compiled(module, strategy="latency").report().total("dsp")
    assert compiled(module, strategy="latency", dsp_budget=needs).report().total("dsp") == needs
    with pytest.raises(CompileError) as refused:
        compiled(module, strategy="latency", dsp_budget=needs - 1)
    error = refused.value
    assert (error.code, error.origin) == ("NL203", "dsp_budget")
    wanted = f"the design needs {needs}: {needs} for 'fc0'"
    assert error.found == f"the budget is {needs - 1} multipliers, and {wanted}"
    assert error.supported == f"{needs} or more, or -1 for any number"


@pytest.mark.parametrize("io", ["parallel", "stream"])
def test_products_of_computed_tensors_are_refused_above_the_budget(io: str) -> None:
    assert compiled(gated(), io=io, dsp_budget=4).report().total("dsp") == 4
    with pytest.raises(
        CompileError, match="the budget is 3 multipliers, and the design needs 4: 4 for 'gate'"
    ):
        compiled(gated(), io=io, dsp_budget=3)


@pytest.mark.parametrize("budget", [-2, -100])
def test_a_negative_budget_is_refused(budget: int) -> None:
    with pytest.raises(CompileError) as refused:
        VhdlOptions(dsp_budget=budget)
    assert refused.value.code == "NL203"
    with pytest.raises(CompileError, match=f"a budget of {budget} multipliers"):
        SpendMultipliers(budget).apply(Context(), layers([(2, 2)], 4))


def sharing_stream() -> ModuleOp:
    """Sixteen rows, then one: the layer behind has sixteen cycles for it."""
    draw = np.random.default_rng(3)
    program = Program([("x", Port((1, 16, 4), Format(8, 4)))])
    program.origin = "rows"
    value = program.add(
        MatMulOp, program.inputs[0], program.constant(draw.integers(-8, 8, (4, 4)), Format(4, 2))
    )
    program.origin = "flat"
    value = program.cast(value, Format(8, 4), Rounding.RND, Overflow.SAT)
    value = program.add(ReshapeOp, value, shape=np.array([1, 64]))
    program.origin = "wide"
    weights = draw.integers(-128, 128, (64, 32))
    program.output(program.add(MatMulOp, value, program.constant(weights, Format(8, 2))), "y")
    return program.finish()


def test_a_layer_of_a_stream_gives_its_multipliers_back() -> None:
    free = compiled(sharing_stream(), io="stream").report().total("dsp")
    assert free > 100
    tight = compiled(sharing_stream(), io="stream", dsp_budget=free - 1)
    assert tight.report().total("dsp") < free
    assert any(isinstance(op, KernelOp) and op.origin_name == "wide" for op in tight.module.walk())


def test_a_layer_too_large_for_adders_takes_more_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netloom.passes.spend_multipliers.LARGE", 1000)
    free = compiled(sharing_stream(), io="stream").report()
    tight = compiled(sharing_stream(), io="stream", dsp_budget=40).report()
    assert tight.total("dsp") <= 40 < free.total("dsp")
    assert any("takes 64 cycles a row" in note.text for note in tight.notes)
    with pytest.raises(CompileError, match="the budget is 40 multipliers"):
        compiled(sharing_stream(), io="stream", dsp_budget=40, frame_interval=16)


def test_the_command_line_has_the_option(tmp_path: Path) -> None:
    model = tmp_path / "layer.mlir"
    save_module(layers([(8, 8)], 12), model)
    result = CliRunner().invoke(app, ["report", str(model), "-o", "dsp_budget=30"])
    assert result.exit_code == 0, result.output
    assert "products of inputs and constants in" in result.output
