"""Layers with shared multipliers: the interpreter's bits, at the predicted latency and interval."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import SSAValue

import netloom
from netloom.backends.vhdl.layers.shared import words
from netloom.core.diagnostics import CompileError, NetloomWarning
from netloom.core.fixed import Format
from netloom.core.tools import run_tool
from netloom.estimate.resources import estimate
from netloom.ir import interpreter
from netloom.ir.nn import AddOp, DenseOp, ReluOp, ReshapeOp
from netloom.ir.nn.linear import reuse_factors
from netloom.ir.program import main
from netloom.passes.analysis.reuse import Sharing
from netloom.sim.ghdl import GhdlSimulator
from tests.backends.designs import (
    Program,
    array,
    check,
    integer,
    project,
    samples,
    scheduled,
    signed,
    unsigned,
)
from tests.shared import EXAMPLE

MODEL = str(EXAMPLE / "model.onnx")


def layer(
    program: Program,
    x: SSAValue,
    outputs: int,
    weight: Format,
    reuse: int | None,
    *,
    bias: int = 0,
    strategy: str = "resource",
) -> SSAValue:
    """A layer of random weights, the extreme ones among them; `bias` is its width, 0 for none."""
    inputs = x.type.get_shape()[-1]  # type: ignore[attr-defined]
    rng = np.random.default_rng(inputs * outputs)
    low, high = weight.min_mantissa, weight.max_mantissa
    values = rng.integers(low, high, (inputs, outputs), endpoint=True)
    values.reshape(-1)[:2] = (low, high)[: values.size]
    operands = [program.constant(values, weight)]
    if bias:
        fraction = x.type.get_element_type().format.fraction + weight.fraction  # type: ignore[attr-defined]
        limit = 2 ** (bias - 1)
        biases = rng.integers(-limit, limit, outputs)
        operands.append(program.constant(biases, signed(bias, bias - fraction)))
    reuse_factor = None if reuse is None else integer(reuse)
    return program.add(DenseOp, x, *operands, strategy=StringAttr(strategy), reuse_factor=reuse_factor)


def cycles(module: ModuleOp) -> tuple[int, int]:
    attributes = main(module).attributes
    return tuple(
        int(attributes[name].value.data)  # type: ignore[attr-defined]
        for name in ("latency_cycles", "interval_cycles")
    )


@pytest.mark.parametrize("reuse", reuse_factors(6, 4))
@pytest.mark.parametrize("clock_period_ns", [1.2, 5.0, 60.0])
def test_every_reuse_factor_of_a_layer(reuse: int, clock_period_ns: float) -> None:
    program = Program([((6,), signed(7, 3))])
    program.output(layer(program, program.inputs[0], 4, signed(6, 2), reuse, bias=9))
    module = program.finish()
    check(module, clock_period_ns, stall_seeds=(0, 3, 4))
    assert cycles(module)[1] == reuse


@pytest.mark.parametrize(
    ("source", "weight"),
    [
        (signed(1, 1), signed(1, 1)),
        (unsigned(1, 0), unsigned(1, 1)),
        (unsigned(5, -1), signed(3, 2)),
        (signed(4, 9), unsigned(4, -2)),
        (signed(18, 3), signed(27, 3)),
        (unsigned(24, 4), unsigned(20, 1)),
    ],
    ids=str,
)
@pytest.mark.parametrize("reuse", [1, 2, 5, 10, 30])
def test_formats_and_rows(source: Format, weight: Format, reuse: int) -> None:
    program = Program([((2, 1, 10), source)])
    (x,) = program.inputs
    program.output(layer(program, x, 3, weight, reuse, bias=source.width + weight.width))
    program.output(layer(program, x, 3, weight, reuse))
    check(program.finish(), stall_seeds=(0, 7))


@pytest.mark.parametrize(
    ("inputs", "outputs", "reuse"), [(1, 1, 1), (1, 4, 4), (1, 4, 2), (5, 1, 5), (7, 1, 1)]
)
def test_vectors_of_one_element(inputs: int, outputs: int, reuse: int) -> None:
    program = Program([((inputs,), signed(4, 2))])
    program.output(layer(program, program.inputs[0], outputs, signed(4, 2), reuse, bias=5))
    check(program.finish(), stall_seeds=(0, 2))


def test_a_mixed_design_with_a_connection_past_its_shared_layers() -> None:
    program = Program([((2, 8), signed(6, 3)), ((2, 6), unsigned(4, 2))])
    x, z = program.inputs
    first = program.add(ReluOp, layer(program, x, 6, signed(5, 2), 16, bias=8))
    narrow = program.cast(first, signed(8, 4), "RND", "SAT")
    second = layer(program, program.add(AddOp, narrow, z), 8, signed(4, 2), 3)
    third = layer(program, second, 4, signed(3, 2), None, strategy="latency")
    fourth = layer(program, x, 4, signed(3, 2), 1, bias=4)
    program.output(program.add(AddOp, third, fourth))
    program.output(program.add(AddOp, program.cast(second, signed(6, 3)), x))
    program.output(program.add(ReshapeOp, first, shape=array([12])))
    module = program.finish()
    check(module, 2.5, stall_seeds=(0, 5, 6), register_inputs=True)
    assert cycles(module)[1] == 16


def test_a_value_is_kept_past_a_shared_layer_in_one_register_for_each_interval() -> None:
    program = Program([((4,), signed(6, 3))])
    x = program.inputs[0]
    for reuse in (16, 4):
        x = program.cast(layer(program, x, 4, signed(3, 2), reuse), signed(6, 3))
    program.output(program.add(AddOp, x, program.inputs[0]))
    module = program.finish()
    latency, interval = cycles(scheduled(module))
    assert (latency > 20, interval) == (True, 16)
    top = project(module).files["src/design.vhd"]
    assert sorted(set(re.findall(r"x0_d\d+", top))) == ["x0_d1", "x0_d2"]
    assert estimate(module)[-1].ff == latency + (2 + 1) * 4 * 6 + 4
    check(module, stall_seeds=(0, 5, 6))


def test_weights_that_are_all_zero() -> None:
    program = Program([((4,), signed(5, 3))])
    weight = program.constant(np.zeros((4, 2), dtype=np.int64), Format(0, 0, True))
    dense = program.add(
        DenseOp, program.inputs[0], weight, strategy=StringAttr("resource"), reuse_factor=integer(4)
    )
    program.output(dense)
    check(program.finish())


def test_deep_memories_are_block_memories() -> None:
    program = Program([((32,), signed(8, 3))])
    program.output(layer(program, program.inputs[0], 8, signed(16, 3), 256, bias=12))
    module = program.finish()
    plan = project(module)
    (text,) = (text for path, text in plan.files.items() if path.endswith("_mac.vhd") and "design" in path)
    assert 'attribute rom_style of ROM_WEIGHTS : constant is "block";' in text
    check(module, count=6, stall_seeds=(0, 3))


def test_the_top_says_when_it_takes_a_sample() -> None:
    program = Program([((4,), signed(4, 2))])
    program.output(layer(program, program.inputs[0], 4, signed(4, 2), 8))
    plan = project(program.finish())
    assert plan.properties["interval_cycles"] == "8"
    assert re.search(r"^    in_ready +: out std_logic;$", plan.files["src/design.vhd"], re.MULTILINE)
    assert "src/netloom_mac.vhd" in plan.properties["sources"].split(",")
    for path, text in plan.files.items():
        assert all(len(line) <= 130 and line == line.rstrip() for line in text.splitlines()), path


@pytest.mark.parametrize(
    ("path", "text", "wrong"),
    [
        # Promises that the design does not keep, then designs that are wrong.
        ("sim/tb_design.vhd", "INTERVAL     : positive := 8;", "INTERVAL     : positive := 9;"),
        ("sim/tb_design.vhd", "LATENCY      : natural  := 12;", "LATENCY      : natural  := 11;"),
        ("src/design.vhd", "waiting <= 7;", "waiting <= 6;"),
        ("src/design.vhd", "        waiting <= 0;\n", ""),
        ("src/design.vhd", "        valid <= (others => '0');\n", ""),
        ("src/netloom_mac.vhd", "operands(1) <= front(held);", "operands(1) <= front(x);"),
    ],
)
def test_the_test_bench_notices_what_is_wrong(path: str, text: str, wrong: str) -> None:
    program = Program([((4,), signed(4, 2))])
    program.output(layer(program, program.inputs[0], 4, signed(4, 2), 8))
    module = program.finish()
    plan = project(module)
    assert text in plan.files[path]
    files = {**plan.files, path: plan.files[path].replace(text, wrong)}
    with GhdlSimulator(dataclasses.replace(plan, files=files), timeout_s=60) as simulator:
        inputs = samples(simulator, 12, seed=1)
        with pytest.raises(CompileError, match="NL602"):
            simulator.run(inputs, interpreter.run(module, inputs, np.int64))


def test_a_design_of_interval_1_has_no_such_port() -> None:
    program = Program([((4,), signed(4, 2))])
    program.output(layer(program, program.inputs[0], 4, signed(4, 2), 1))
    module = program.finish()
    assert "in_ready" not in project(module).files["src/design.vhd"]
    check(module, stall_seeds=(0, 1))


def test_a_layer_without_a_reuse_factor_is_refused() -> None:
    program = Program([((4,), signed(4, 2))])
    program.output(layer(program, program.inputs[0], 4, signed(4, 2), None))
    with pytest.raises(CompileError) as error:
        project(program.finish())
    assert str(error.value) == (
        "[NL308] at 'dense_1': the layer shares multipliers and has no reuse factor\n"
        "  to do: run the pass 'set-reuse-factors' before"
    )


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_words_hold_the_products_that_the_op_defines(inputs: int, outputs: int, data: st.DataObject) -> None:
    reuse = data.draw(st.sampled_from(reuse_factors(inputs, outputs)))
    use = Sharing(1, inputs, outputs, reuse, 8, 12, 20)
    weights = np.arange(inputs * outputs).reshape(inputs, outputs)
    for cycle, word in enumerate(words(use, weights)):
        if reuse <= inputs:
            size = inputs // reuse
            block = weights[cycle * size : (cycle + 1) * size]
        else:
            size = outputs // (reuse // inputs)
            group = cycle // inputs
            block = weights[cycle % inputs : cycle % inputs + 1, group * size : (group + 1) * size]
        expected = block.T.reshape(-1).tolist()
        assert [(word >> (12 * place)) & 0xFFF for place in range(len(expected))] == expected
        assert word >> (12 * len(expected)) == 0


@settings(max_examples=12)
@given(st.data())
def test_layers_of_any_size(data: st.DataObject) -> None:
    inputs, outputs = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 6))
    reuse = data.draw(st.sampled_from(reuse_factors(inputs, outputs)))
    source = Format(data.draw(st.integers(1, 12)), data.draw(st.integers(-3, 14)), data.draw(st.booleans()))
    weight = Format(data.draw(st.integers(1, 9)), data.draw(st.integers(-3, 9)), data.draw(st.booleans()))
    program = Program([((*data.draw(st.sampled_from([(), (3,), (1, 2)])), inputs), source)])
    bias = data.draw(st.integers(0, 12))
    program.output(layer(program, program.inputs[0], outputs, weight, reuse, bias=bias))
    check(program.finish(), data.draw(st.sampled_from([0.9, 2.0, 5.0])), stall_seeds=(0, 9))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "interval", "count"),
    [
        ({"strategy": "resource", "reuse_factor": 16}, 16, 256),
        ({"strategy": "resource", "reuse_factor": {"*": 4, "node_linear_[12]": 64}}, 64, 40),
        ({"strategy": "node_linear_1=resource; node_linear_2=latency", "reuse_factor": 32}, 32, 40),
    ],
)
def test_the_jet_tagger(options: dict[str, object], interval: int, count: int) -> None:
    x = np.load(EXAMPLE / "jets.npz")["x"][:count]
    reference = netloom.compile(MODEL).predict(x)
    design = netloom.compile(MODEL, **options)
    assert np.array_equal(design.simulate(x), reference)
    assert np.array_equal(design.predict(x), reference)
    report, measured = design.report(), design.last_simulation
    assert measured is not None
    assert (measured.latency_cycles, measured.interval) == (report.latency_cycles, report.interval_cycles)
    assert report.interval_cycles == interval


def test_a_factor_that_does_not_divide_is_in_the_report() -> None:
    with pytest.warns(NetloomWarning, match="a reuse factor of 15 does not divide 16 inputs x 64 outputs"):
        design = netloom.compile(MODEL, strategy="node_linear=resource", reuse_factor=15)
    assert design.report().interval_cycles == 16
    assert any("16 is taken" in note.text for note in design.notes)
    with pytest.raises(CompileError) as error:
        netloom.compile(MODEL, strategy="node_linear=resource", reuse_factor=15, strict=True)
    assert error.value.code == "NL207"


def test_ghdl_synthesizes_shared_layers(tmp_path: Path) -> None:
    program = Program([((2, 6), signed(5, 2))])
    (x,) = program.inputs
    for reuse in (1, 3, 12):
        program.output(layer(program, x, 4, signed(4, 2), reuse, bias=6))
    plan = project(program.finish(), clock_period_ns=1.5)
    directory = plan.write(tmp_path / "project")
    sources = plan.properties["sources"].split(",")[:-1]
    run_tool(
        ["ghdl", "--synth", "--std=08", "--out=verilog", *sources, "-e", "design"],
        directory=directory,
        log=directory / "netlist.log",
        timeout_s=300,
    )
    modules = set(re.findall(r"^module (\w+)", (directory / "netlist.log").read_text(), re.MULTILINE))
    entities = {Path(path).stem for path in sources} - {"netloom_fx", "netloom_mac"}
    assert len(entities) == 4
    assert entities <= modules
    # The generic entity has a name for each set of values.
    assert sum(module.startswith("netloom_mac") for module in modules) == 3
