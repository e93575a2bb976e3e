"""Neurons as lookup tables: the same numbers in every path, fewer tables, and only where that is so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.ir.attributes import fixed_tensor, shape_of
from netloom.ir.da import KernelOp, LutNetworkOp
from netloom.ir.fx import ThresholdOp
from netloom.ir.interpreter import run
from netloom.ir.nn import AddOp, ConcatOp, DenseOp, MatMulOp, MinOp
from netloom.ir.program import main, notes, program_ops
from netloom.ir.text import parse_module, print_module
from netloom.passes.manager import PassManager, parse
from netloom.sim.emulator import Emulator
from netloom.testing.program import Port, Program
from netloom.testing.target import Target
from netloom.testing.target import run as simulated
from tests.passes.sparse_networks import TAILS, sparse_network

LOGICNET: dict[str, Any] = {"sizes": (16, 64, 32, 5), "bits": 2, "fan_in": 3}
STEP = {"base": np.array(0), "sign": np.array(1)}
BACK = "lower-dense,neurons-to-tables"


def lowered(module: ModuleOp, passes: str) -> ModuleOp:
    new = module.clone()
    PassManager(parse(passes)).run(new)
    new.verify()
    return new


def ops_of(module: ModuleOp, kind: Any) -> list[Any]:
    return [op for op in program_ops(main(module)) if isinstance(op, kind)]


def inputs_of(module: ModuleOp, samples: int = 200) -> Any:
    shape = shape_of(main(module).body.block.args[0].type)
    return np.random.default_rng(1).uniform(-9, 9, (samples, *shape)).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_interpreter_and_emulator_give_the_same_numbers(data: st.DataObject) -> None:
    module = sparse_network(
        data.draw(st.lists(st.integers(2, 7), min_size=2, max_size=4)),
        data.draw(st.integers(1, 3)),
        data.draw(st.integers(1, 4)),
        kinds=data.draw(st.lists(st.sampled_from(TAILS[:3]), min_size=1, max_size=3)),
        rows=data.draw(st.sampled_from([(1,), (2, 3)])),
        signed=data.draw(st.booleans()),
        bias=data.draw(st.booleans()),
        seed=data.draw(st.integers(0, 2**31)),
    )
    choice, largest = data.draw(st.sampled_from(["always", "auto"])), data.draw(st.integers(2, 10))
    after = lowered(module, f'lower-dense,neurons-to-tables{{tables="{choice}" largest={largest}}}')
    x = inputs_of(module, 50)
    expected = run(module, [x])[0]
    assert np.array_equal(run(after, [x])[0], expected)
    assert np.array_equal(Emulator(after).run([x])[0], expected)
    assert print_module(parse_module(print_module(after))) == print_module(after)


@pytest.mark.parametrize("kind", TAILS)
def test_what_follows_a_neuron_is_in_its_tables(kind: str) -> None:
    module = lowered(
        sparse_network((6, 4), 2, 3, kinds=[kind]), 'lower-dense,neurons-to-tables{tables="always"}'
    )
    (op,) = ops_of(module, LutNetworkOp)
    assert ops_of(module, DenseOp | ThresholdOp) == []
    assert op.origin_name == ("fc0" if kind == "none" else "act0")
    assert op.network.levels == 1  # six input bits


@pytest.mark.parametrize(
    ("backend", "io", "options"),
    [
        ("vhdl", "parallel", {"clock_period_ns": 10.0}),
        ("vhdl", "parallel", {"clock_period_ns": 0.8}),
        ("vhdl", "parallel", {"device": "ecp5-85k", "clock_period_ns": 4.0}),
        ("vhdl", "stream", {}),
        ("vitis", "parallel", {}),
        ("vitis", "stream", {}),
        ("quartus", "parallel", {}),
        ("catapult", "parallel", {}),
    ],
)
def test_hardware_gives_the_same_numbers(backend: str, io: str, options: dict[str, Any]) -> None:
    module = sparse_network(
        (8, 6, 5, 3), 3, 3, kinds=["thresholds", "table", "relu and cast"], rows=(2,), bias=True
    )
    target = Target(backend, io, {"tables": "always", **options})
    done = simulated(target, module, 100)
    assert all(np.array_equal(done.got[name], done.expected[name]) for name in done.expected)
    found = [op for op in done.design.module.walk() if isinstance(op, LutNetworkOp)]
    assert len(found) == 3


def test_columns_that_are_too_wide_stay_and_order_is_kept() -> None:
    rng = np.random.default_rng(0)
    program = Program([("x", Port((2, 8), Format(3, 3, True)))], "mixed")
    weights = rng.integers(-7, 8, (8, 6))
    weights[3:, ::2] = 0
    program.origin = "fc"
    y = program.add(MatMulOp, program.inputs[0], program.constant(weights, Format(4, 4, True)))
    y = program.add(AddOp, y, program.constant(rng.integers(-8, 8, 6), Format(4, 4, True)))
    program.output(sum_of_thresholds(program, y, rng), "y")
    module = program.finish()
    after = lowered(module, 'lower-dense,neurons-to-tables{tables="always"}')
    (dense,), (tables,) = ops_of(after, DenseOp), ops_of(after, LutNetworkOp)
    assert (dense.result_shape, tables.result_shape) == ((2, 3), (2, 3))
    assert len(ops_of(after, ConcatOp)) == 1
    x = inputs_of(module)
    assert np.array_equal(run(after, [x])[0], run(module, [x])[0])


def sum_of_thresholds(program: Program, y: Any, rng: np.random.Generator) -> Any:
    """Parameters of every kind: thresholds and signs by column, one base for all."""
    columns = shape_of(y.type)[-1]
    levels = np.sort(rng.integers(-60, 60, (columns, 3)), axis=1)
    result = fixed_tensor(shape_of(y.type), Format(4, 4, True))
    sign = np.arange(columns) % 3 - 1
    return program.add(ThresholdOp, y, result=result, thresholds=levels, base=np.array(1), sign=sign)


def test_combinations_that_cannot_occur_do_not_matter() -> None:
    # Two bits that are never 3: as 2, they leave the sum less than 5.
    program = Program([("x", Port((1, 2), Format(2, 2, False)))], "narrow")
    limited = program.add(MinOp, program.inputs[0], program.constant(2, Format(2, 2, False)))
    program.origin = "fc"
    weights = program.constant(np.array([[1], [1]]), Format(2, 2, True))
    y = program.add(MatMulOp, limited, weights)
    result = fixed_tensor((1, 1), Format(1, 1, False))
    program.output(program.add(ThresholdOp, y, result=result, thresholds=[5], **STEP), "y")
    after = lowered(program.finish(), 'lower-dense,neurons-to-tables{tables="always"}')
    (op,) = ops_of(after, LutNetworkOp)
    assert len(op.network.truth) == 0
    assert op.network.outputs.tolist() == [[-1]]


def test_rows_that_differ_and_results_read_twice_are_no_functions_of_a_neuron() -> None:
    program = Program([("x", Port((2, 3), Format(1, 1, False)))], "rows")
    program.origin = "fc"
    weights = program.constant(np.eye(3, dtype=np.int64) * 3, Format(3, 3, True))
    y = program.add(MatMulOp, program.inputs[0], weights)
    different = program.constant(np.arange(6).reshape(2, 3), Format(4, 4, True))
    program.origin = "add"
    program.output(program.add(MatMulOp, program.add(AddOp, y, different), weights), "y")
    after = lowered(program.finish(), 'lower-dense,neurons-to-tables{tables="always"}')
    assert len(ops_of(after, AddOp)) == 1


def test_tables_are_taken_where_they_are_fewer() -> None:
    small = lowered(sparse_network(**LOGICNET), BACK)
    assert len(ops_of(small, LutNetworkOp)) >= 2
    assert any("64 of 64 neurons, of up to 6 input bits" in note.text for note in notes(small))
    wide = lowered(sparse_network((12, 8, 4), 6, 2, kinds=["relu and cast"]), BACK)
    assert ops_of(wide, LutNetworkOp) == []


def test_the_choice_is_the_users() -> None:
    module = sparse_network(**LOGICNET)
    for tables, layers in (("off", 0), ("auto; fc1=off", 2), ("off; fc[01]=always", 2), ("always", 3)):
        after = lowered(module, f'lower-dense,neurons-to-tables{{tables="{tables}"}}')
        assert len(ops_of(after, LutNetworkOp)) == layers
    target = Target("vhdl", "parallel", {"tables": "off"})
    assert ops_of(target.compile(module).module, LutNetworkOp) == []
    assert (
        len(
            ops_of(
                target.with_options(strategy="latency", tables="always").compile(module).module, LutNetworkOp
            )
        )
        == 0
    )
    mixed = target.with_options(tables={"*": "off", "fc2": "always"}).compile(module).module
    assert (len(ops_of(mixed, LutNetworkOp)), len(ops_of(mixed, KernelOp))) == (1, 2)


@pytest.mark.parametrize(
    ("options", "code", "found"),
    [
        ('tables="some"', "NL203", "tables are 'some'"),
        ('tables="fc*=no"', "NL203", "tables are 'no'"),
        ('tables="auto; gc=off"', "NL202", "'gc'"),
        ("largest=15", "NL203", "largest is 15"),
        ("solver=none", "NL203", "unknown solver 'none'"),
        ("device=none", "NL206", "unknown device 'none'"),
    ],
)
def test_what_does_not_exist_is_refused(options: str, code: str, found: str) -> None:
    with pytest.raises(CompileError) as error:
        lowered(sparse_network((4, 2), 1, 2), f"lower-dense,neurons-to-tables{{{options}}}")
    assert error.value.code == code
    assert found in str(error.value)


def test_traces_keep_the_names_of_the_nodes() -> None:
    module = sparse_network(**LOGICNET)
    target = Target("vhdl", "parallel", {})
    x = inputs_of(module, 20)
    with_tables, without = (
        target.with_options(tables=tables).compile(module).trace(x) for tables in ("always", "off")
    )
    for name in ("act0", "act1", "act2"):
        assert np.array_equal(with_tables[name], without[name])


@pytest.mark.slow
def test_a_design_of_tables_is_proved(tmp_path: Any) -> None:
    design = Target("vhdl", "parallel", {"tables": "always"}).compile(sparse_network((5, 4, 2), 2, 3))
    assert design.prove(tmp_path).input_bits == 10


@pytest.mark.slow
def test_synthesis_counts_less_than_half_of_the_tables(tmp_path: Any) -> None:
    """A LogicNets-like network through Yosys; GHDL runs the netlist against the emulator's numbers."""
    module = sparse_network(**LOGICNET)
    luts, estimated = {}, {}
    for tables in ("auto", "off"):
        design = Target("vhdl", "parallel", {"tables": tables}).compile(module)
        report = design.build(tmp_path / tables, verify=64, targets="xcup")
        luts[tables] = report.targets["xcup"].utilisation.lut
        estimated[tables] = design.report().total("lut")
    assert luts["auto"] < 0.5 * luts["off"]
    assert abs(estimated["auto"] - luts["auto"]) < 0.25 * luts["auto"]
