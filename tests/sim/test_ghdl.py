"""The GHDL simulator: what it measures, and that it notices designs that are wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.core.plan import BuildPlan
from netloom.ir import interpreter
from netloom.ir.nn import AddOp, ReluOp
from netloom.passes.analysis.hardware import PortInfo
from netloom.sim.ghdl import GhdlSimulator
from netloom.sim.vectors import from_hex, hex_lines
from tests.backends.designs import Ints, Program, project, random_graph, samples, signed, unsigned


def design() -> tuple[BuildPlan, list[Ints], list[Ints]]:
    """A network of two kernels with a bypass; its project, inputs and expected outputs."""
    program = Program([((1, 6), signed(5, 2)), ((1, 4), unsigned(4, 1))])
    x, other = program.inputs
    hidden = program.add(ReluOp, program.kernel(x, random_graph(6, 20, 4, 8), 2, np.array([1, -40, 7, 0])))
    hidden = program.add(AddOp, program.cast(hidden, unsigned(6, 3), "RND", "SAT"), other)
    program.output(program.kernel(hidden, random_graph(4, 9, 3, 9), 1, None))
    program.output(hidden)
    module = program.finish()
    plan = project(module, clock_period_ns=1.2)
    with GhdlSimulator(plan) as simulator:
        inputs = samples(simulator, 40, seed=6)
    return plan, inputs, interpreter.run(module, inputs, np.int64)


@pytest.fixture(scope="module")
def network() -> tuple[BuildPlan, list[Ints], list[Ints]]:
    return design()


Network = tuple[BuildPlan, list[Ints], list[Ints]]


def test_one_object_runs_many_times_with_and_without_stalls(network: Network) -> None:
    plan, inputs, expected = network
    predicted = int(plan.properties["latency_cycles"])
    assert predicted >= 4
    with GhdlSimulator(plan) as simulator:
        for seed in (0, 1, 2):
            result = simulator.run(inputs, expected, stall_seed=seed)
            for got, want in zip(result.outputs, expected, strict=True):
                assert np.array_equal(got, want)
            assert result.latency_cycles == predicted
            assert result.interval == 1 if seed == 0 else result.interval > 1
        part = simulator.run([tensor[:1] for tensor in inputs])
        assert np.array_equal(part.outputs[0], expected[0][:1])
        assert part.interval == 0
        assert part.cycles >= predicted


def test_a_wrong_expectation_is_reported_with_its_place(network: Network) -> None:
    plan, inputs, expected = network
    wrong = [expected[0].copy(), expected[1]]
    wrong[0][17, 0, 2] += 1
    got = int(expected[0][17, 0, 2])
    with GhdlSimulator(plan) as simulator, pytest.raises(CompileError) as error:
        simulator.run(inputs, wrong)
    assert str(error.value) == (
        "[NL602] at 'y0': GHDL: 1 of 40 samples differ; first at sample 17, element (0, 2):"
        f" {got} instead of {got + 1}\n"
        "  to do: report this design: the generated VHDL and the program disagree"
    )


def tampered(plan: BuildPlan, old: str, new: str) -> BuildPlan:
    """The plan with one piece of its top entity replaced."""
    path = f"src/{plan.properties['top']}.vhd"
    assert old in plan.files[path]
    return plan.with_files({path: plan.files[path].replace(old, new, 1)})


def test_a_register_too_few_is_noticed(network: Network) -> None:
    plan, inputs, expected = network
    latency = int(plan.properties["latency_cycles"])
    early = tampered(plan, f"out_valid <= valid({latency});", f"out_valid <= valid({latency - 1});")
    with GhdlSimulator(early) as simulator, pytest.raises(CompileError, match=r"\[NL602\]"):
        simulator.run(inputs, expected)
    with GhdlSimulator(early) as simulator, pytest.raises(CompileError, match="wrong_latency=40"):
        simulator.run(inputs)


def test_a_register_that_does_not_freeze_is_noticed(network: Network) -> None:
    plan, inputs, expected = network
    restless = tampered(plan, "if ce = '1' then", "if ce = ce then")
    with GhdlSimulator(restless) as simulator, pytest.raises(CompileError, match=r"\[NL602\]"):
        simulator.run(inputs, expected, stall_seed=1)


def test_a_design_without_valid_outputs_ends(network: Network) -> None:
    plan, inputs, _ = network
    latency = plan.properties["latency_cycles"]
    silent = tampered(plan, f"out_valid <= valid({latency});", "out_valid <= '0';")
    with GhdlSimulator(silent) as simulator, pytest.raises(CompileError, match="FAIL samples=0 lost=40"):
        simulator.run(inputs)


def test_text_that_is_not_vhdl_is_an_error_of_the_analysis(network: Network) -> None:
    plan, inputs, _ = network
    broken = tampered(plan, "begin", "begin begin")
    with GhdlSimulator(broken) as simulator, pytest.raises(CompileError, match="GHDL failed with status 1"):
        simulator.run(inputs)


def test_progress_is_reported_in_order(network: Network) -> None:
    plan, inputs, _ = network
    seen: list[tuple[int, int]] = []
    with GhdlSimulator(plan) as simulator:
        simulator.run(inputs, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 40) for done in range(2, 41, 2)]


def test_its_directory_is_removed_unless_it_was_given(network: Network, tmp_path: Path) -> None:
    plan, inputs, _ = network
    with GhdlSimulator(plan) as simulator:
        simulator.run([tensor[:1] for tensor in inputs])
        assert simulator.work.exists()
    assert not simulator.work.exists()
    with GhdlSimulator(plan, tmp_path) as simulator:
        simulator.run([tensor[:1] for tensor in inputs])
    assert (tmp_path / "vectors/actual_y0.txt").exists()


def test_inputs_must_fit_the_ports(network: Network) -> None:
    plan, inputs, _ = network
    with GhdlSimulator(plan) as simulator:
        with pytest.raises(CompileError) as error:
            simulator.run([inputs[0][:, 0], inputs[1]])
        assert str(error.value) == (
            "[NL401] at 'x0': an array of int64 of shape (40, 6)\n"
            "  supported: integers of shape [samples, 1, 6]"
        )
        with pytest.raises(CompileError) as error:
            simulator.run([inputs[0] + 1, inputs[1]])
        assert str(error.value) == (
            "[NL403] at 'x0': mantissas from -15 to 16 do not fit fixed<5,2>\n  supported: -16 to 15"
        )
        with pytest.raises(CompileError, match=r"\[NL401\]: arrays of \[39, 40\] samples for 2 inputs"):
            simulator.run([inputs[0][1:], inputs[1]])
        with pytest.raises(CompileError, match=r"\[NL401\]: arrays of \[40\] samples for 1 inputs"):
            simulator.run([inputs[0]])


@given(
    width=st.integers(0, 63),
    is_signed=st.booleans(),
    shape=st.lists(st.integers(1, 4), max_size=3),
    count=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_vectors_survive_writing_and_reading(
    width: int, is_signed: bool, shape: list[int], count: int, seed: int
) -> None:
    port = PortInfo("x", "in", tuple(shape), Format(width, 3, is_signed))
    low, high = port.format.min_mantissa, port.format.max_mantissa
    rng = np.random.default_rng(seed)
    values = rng.integers(low, high, (count, *shape), dtype=np.int64, endpoint=True)
    lines = hex_lines(port, values).splitlines()
    assert {len(line) for line in lines} == {-(-port.bits // 4)}
    assert np.array_equal(from_hex(port, lines), values)


def test_element_zero_is_in_the_least_significant_bits() -> None:
    port = PortInfo("x", "in", (3,), signed(5, 2))
    assert hex_lines(port, np.array([[1, -1, 2]])) == "0BE1\n"


def test_undefined_bits_are_an_error() -> None:
    port = PortInfo("y", "out", (2,), signed(4, 2))
    with pytest.raises(CompileError, match="the design gave undefined bits: X3"):
        from_hex(port, ["X3"])


def test_plans_are_not_changed_by_running(network: Network) -> None:
    plan, inputs, _ = network
    before = dataclasses.replace(plan)
    with GhdlSimulator(plan) as simulator:
        simulator.run([tensor[:1] for tensor in inputs])
    assert plan == before
