"""Proofs for all inputs on small designs, and refusals where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner
from xdsl.dialects.builtin import ModuleOp

from netloom.build.formal import ENUMERATED_BITS, Proof, meaning, prove
from netloom.build.specification import Specification
from netloom.build.synthesizable import sources
from netloom.cli.main import app
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Overflow, Rounding
from netloom.ir.nn import AddOp, ReduceOp
from netloom.testing.program import Port, Program
from netloom.testing.reference import outputs_from_ports
from netloom.testing.target import Target
from tests.build.designs import layer, mantissas, signed, unsigned


def casts(rounding: Rounding, overflow: Overflow) -> ModuleOp:
    """Both signs to both signs."""
    program = Program([("a", Port((1,), signed(7, 3))), ("b", Port((1,), unsigned(6, 3)))], "casts")
    for index, x in enumerate(program.inputs):
        program.origin = f"cast{index}"
        program.output(program.cast(x, signed(4, 2), rounding, overflow), f"s{index}")
        program.output(program.cast(x, unsigned(3, 1), rounding, overflow), f"u{index}")
    return program.finish()


def design_of(module: ModuleOp, **options: Any) -> Any:
    return Target("vhdl", "parallel", options).compile(module)


def test_the_meaning_is_that_of_the_ops() -> None:
    inputs = mantissas(layer(), 50)
    expected = outputs_from_ports(layer().module, {"x": inputs[0]})
    assert np.array_equal(meaning(layer().module, inputs)[0], expected["y"])


def test_the_specification_knows_no_adder_graph() -> None:
    text = Specification(layer().module, ["x", "y"]).text()
    # The weights themselves, as constants of a product.
    assert "* 48'sd" in text or "* -48'sd" in text
    assert "<<<" not in text.replace("<<< 4)", "")


@pytest.mark.parametrize(("inputs", "method"), [(13, "auto"), (13, "sat"), (5, "enumeration")])
def test_a_design_that_is_too_large_is_refused(tmp_path: Path, inputs: int, method: str) -> None:
    with pytest.raises(CompileError) as error:
        layer(inputs=inputs).prove(tmp_path, method=method)
    assert error.value.code == "NL609"
    assert error.value.found == f"the design has {5 * inputs} input bits"
    assert list(tmp_path.iterdir()) == []


def test_a_design_of_several_cycles_a_sample_is_refused(tmp_path: Path) -> None:
    program = Program([("x", Port((1, 4), signed(4, 2)))], "shared")
    weights = program.constant(np.arange(8).reshape(4, 2) - 3, signed(4, 2))
    from netloom.ir.nn import MatMulOp

    program.output(program.add(MatMulOp, program.inputs[0], weights), "y")
    design = design_of(program.finish(), strategy="resource", reuse_factor=4)
    with pytest.raises(CompileError, match=r"NL609.*more than one cycle for a sample"):
        design.prove(tmp_path)


@pytest.mark.parametrize(("option", "value"), [("netlist", "xc7"), ("method", "hope")])
def test_unknown_names_are_refused(tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(CompileError, match=r"NL203"):
        layer().prove(tmp_path, **{option: value})


@pytest.mark.slow
@pytest.mark.parametrize("method", ["enumeration", "sat"])
@pytest.mark.parametrize("strategy", ["adder_graph", "latency"])
def test_a_kernel_with_a_cast_is_proved(tmp_path: Path, strategy: str, method: str) -> None:
    design = layer(strategy=strategy)
    proof = design.prove(tmp_path, method=method)
    assert proof == Proof("vhdl", method, 15, design.report().latency_cycles)
    assert proof.input_bits <= ENUMERATED_BITS


@pytest.mark.slow
def test_a_netlist_of_lookup_tables_is_proved(tmp_path: Path) -> None:
    assert layer().prove(tmp_path, netlist="ecp5").netlist == "ecp5"


@pytest.mark.slow
@pytest.mark.parametrize("overflow", list(Overflow))
@pytest.mark.parametrize("method", ["enumeration", "sat"])
def test_every_conversion_is_proved(tmp_path: Path, method: str, overflow: Overflow) -> None:
    for rounding in Rounding if overflow is Overflow.SAT else (Rounding.RND_CONV,):
        design_of(casts(rounding, overflow)).prove(tmp_path, method=method)


@pytest.mark.slow
def test_trees_are_proved(tmp_path: Path) -> None:
    program = Program([("x", Port((2, 3), signed(5, 2)))], "trees")
    totals = [
        program.add(ReduceOp, program.inputs[0], kind=kind, axes=np.array([1]), keep_axes=False)
        for kind in ("sum", "max")
    ]
    program.output(program.add(AddOp, *totals), "y")
    assert design_of(program.finish()).prove(tmp_path, method="sat").input_bits == 30


def changed(paths: Sequence[str], files: Any, old: str, new: str) -> dict[str, str]:
    """The file that has `old`, with `new` in its place once."""
    for path in paths:
        if old in files[path]:
            return {path: files[path].replace(old, new, 1)}
    raise AssertionError(f"no file has {old!r}")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["enumeration", "sat"])
def test_a_wrong_bit_is_found(tmp_path: Path, method: str) -> None:
    """A defect that random samples may miss: halves go up instead of to the even neighbour."""
    design = layer()
    plan = design.plan
    wrong = plan.with_files(changed(sources(plan), plan.files, "RND_CONV, SAT)", "RND, SAT)"))
    with pytest.raises(CompileError) as error:
        prove(wrong, design.module, tmp_path, method=method)
    assert error.value.code == "NL608"


@pytest.mark.slow
def test_a_result_that_comes_late_is_found(tmp_path: Path) -> None:
    plan = layer().plan
    latency = int(plan.properties["latency_cycles"])
    late = replace(plan, properties={**plan.properties, "latency_cycles": str(latency + 1)})
    with pytest.raises(CompileError, match=rf"NL608.*depends on the sample of {latency} cycles before"):
        prove(late, layer().module, tmp_path)


@pytest.mark.slow
def test_the_command_proves_a_model(tmp_path: Path) -> None:
    model = tmp_path / "small.mlir"
    model.write_text(layer().plan.files["netloom/design.mlir"])
    result = CliRunner().invoke(app, ["verify", str(model), "--formal"])
    assert result.exit_code == 0, result.output
    assert "the netlist (vhdl) equals the program for all 2**15 inputs" in result.output
