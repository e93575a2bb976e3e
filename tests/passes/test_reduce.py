"""netloom-reduce: large modules that fail become small ones that fail alike."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from xdsl.dialects.builtin import ModuleOp

from netloom.cli.reduce import app
from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import ArrayAttr
from netloom.ir.fx import ConstantOp
from netloom.ir.nn import AddOp, MatMulOp, MulOp, ReluOp, ReshapeOp
from netloom.ir.program import input_names, main, program_ops
from netloom.ir.text import load_module, parse_module, print_module, save_module
from netloom.passes.manager import parse
from netloom.passes.reduce import (
    Case,
    Failure,
    Reducer,
    Status,
    at_failure,
    fails_like,
    failure_of,
    passes_script,
)
from netloom.passes.reproducer import load_reproducer
from netloom.passes.semantics import sample_inputs
from tests.passes.defects import defects
from tests.passes.programs import Program

__all__ = ["defects"]

runner = CliRunner()
pytestmark = pytest.mark.usefixtures("defects")

WRONG = Failure("NL702", "drop-relu")
CRASH = Failure("NL703", "stumble", "LookupError")
INVALID = Failure("NL701", "shrink", "VerifyException")


def large(fixed: bool = False) -> ModuleOp:
    """Two branches over two inputs, 18 ops, two outputs; rectifiers of sums in the middle of both."""
    p = Program(x=(6,), unused=(3,), y=(6,))
    x, _, y = p.inputs
    if fixed:
        x, y = p.port(x, "fixed<8,3>", "x"), p.port(y, "fixed<6,2>", "y")
    number = (lambda values: p.fixed(np.round(np.asarray(values) * 8), 3)) if fixed else p.real
    for index in range(3):
        x = p.op(MulOp, x, number([1.5]), origin=f"scale{index}")
        x = p.op(AddOp, x, number(np.arange(6) / 8), origin=f"shift{index}")
    y = p.op(AddOp, p.op(ReluOp, y, origin="first"), number([-0.25]), origin="less")
    z = p.op(ReluOp, p.op(AddOp, x, y, origin="sum"), origin="act")
    z = p.op(MulOp, z, p.op(ReluOp, x, origin="side"), origin="gate")
    for index in range(4):
        z = p.op(AddOp, z, number([float(index)]), origin=f"tail{index}")
    return p.returns(z, p.op(MulOp, y, y, origin="square"))


def case_for(module: ModuleOp, pipeline: str, *, check: bool = True) -> Case:
    passes = tuple(str(each.spec()) for each in parse(pipeline))
    samples = dict(zip(input_names(main(module)), sample_inputs(module), strict=True)) if check else None
    return Case(module, passes, samples)


def names(case: Case) -> list[str]:
    return [op.name for op in case.ops]


@pytest.mark.parametrize("fixed", [False, True], ids=["real", "fixed"])
def test_a_wrong_pass_is_left_with_what_it_needs(fixed: bool) -> None:
    case = case_for(large(fixed), "fold-constants,canonicalize,drop-relu,cse,dce")
    assert len(case.ops) >= 15 and failure_of(case) == WRONG
    best = Reducer(case, fails_like(WRONG)).run()
    assert failure_of(best) == WRONG
    assert best.passes == ("drop-relu",)
    # In fixed point an input needs its port.
    assert names(best) == (["fx.quantize"] if fixed else []) + ["nn.add", "nn.relu"]
    assert max(len(array) for array in (best.samples or {}).values()) == 1


def test_a_crash_is_left_with_what_it_needs() -> None:
    case = case_for(large(), "cse,stumble,dce", check=False)
    best = Reducer(case, fails_like(CRASH)).run()
    assert failure_of(best) == CRASH
    assert names(best) == ["nn.relu", "nn.mul"]
    assert best.passes == ("stumble",)


def test_an_invalid_module_is_left_with_what_it_needs() -> None:
    best = Reducer(case_for(large(), "cse,shrink", check=False), fails_like(INVALID)).run()
    assert (failure_of(best), names(best), best.passes) == (INVALID, ["nn.add"], ("shrink",))


def test_what_is_left_parses_and_its_constants_are_zero_where_they_do_not_matter() -> None:
    best = Reducer(case_for(large(), "drop-relu"), fails_like(WRONG)).run()
    parse_module(print_module(best.module))
    constants = [op.value.values for op in program_ops(main(best.module)) if isinstance(op, ConstantOp)]
    assert not any(np.any(values) for values in constants)
    assert "unused" not in input_names(main(best.module))


@pytest.mark.parametrize("fixed", [False, True], ids=["real", "fixed"])
def test_tensors_shrink_to_one_element(fixed: bool) -> None:
    best = Reducer(case_for(large(fixed), "drop-relu"), fails_like(WRONG)).run()
    assert set(best.shapes) == {(1,)}


def test_sizes_are_halved_together_where_ops_need_it() -> None:
    p = Program(x=(8, 6))
    product = p.op(MatMulOp, p.inputs[0], p.real(np.ones((6, 12))), origin="product")
    module = p.returns(p.op(AddOp, product, p.real(np.ones(12)), origin="sum"))

    def wide_product_and_sum(case: Case) -> bool:
        wide = [op for op in case.ops if isinstance(op, MatMulOp) and op.result_shape[-1] >= 3]
        return len(wide) == 1 and any(isinstance(op, AddOp) for op in case.ops)

    best = Reducer(Case(module), wide_product_and_sum).run()
    assert [(op.name, op.result_shape) for op in best.ops] == [("nn.matmul", (1, 3)), ("nn.add", (1, 3))]


def test_a_reshape_keeps_its_sizes() -> None:
    p = Program(x=(4, 6))
    flat = p.op(ReshapeOp, p.inputs[0], shape=ArrayAttr.of([24]), origin="flat")
    reducer = Reducer(Case(p.returns(flat)), lambda case: names(case) == ["nn.reshape"])
    assert reducer.run().shapes == [(4, 6), (24,)]


def test_a_reduced_case_cannot_be_reduced_further() -> None:
    best = Reducer(case_for(large(), "cse,drop-relu"), fails_like(WRONG)).run()
    again = Reducer(best, fails_like(WRONG)).run()
    assert again.size == best.size


def test_the_module_in_front_of_the_failing_pass_replaces_the_passes_before_it() -> None:
    case = at_failure(case_for(large(), "fuse-batch-norm,cse,drop-relu,dce"), WRONG)
    assert case.passes == ("drop-relu",)
    assert failure_of(case) == WRONG


def test_another_failure_does_not_count() -> None:
    reducer = Reducer(case_for(large(), "drop-relu,shrink"), fails_like(INVALID))
    with pytest.raises(CompileError) as caught:
        reducer.run()
    assert caught.value.code == "NL203"
    assert "does not fail in the way to look for" in str(caught.value)


def test_every_best_case_is_interesting_and_smaller_than_the_one_before() -> None:
    seen: list[Case] = []
    reducer = Reducer(case_for(large(), "drop-relu"), fails_like(WRONG))
    reducer.progress = lambda status: seen.append(reducer.best)
    reducer.run()
    bests = list(dict.fromkeys(seen))
    assert len(bests) > 3
    assert all(failure_of(best) == WRONG for best in bests)
    assert all(after.size < before.size for before, after in pairwise(bests))


def test_progress_counts_tests() -> None:
    states: list[Status] = []
    reducer = Reducer(case_for(large(), "drop-relu"), fails_like(WRONG), states.append)
    reducer.run()
    assert states[-1].tests <= reducer.tests
    assert [state.tests for state in states] == sorted(state.tests for state in states)
    assert {state.step for state in states} >= {"passes", "ops", "constants", "samples"}


# --- the tool


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_module(large(), tmp_path / "model.mlir")
    return tmp_path / "model.mlir"


def tool(*arguments: str | Path) -> tuple[int, str]:
    done = runner.invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, " ".join(done.output.split())


def test_the_result_is_a_reproducer(model: Path) -> None:
    small = model.with_name("small.mlir")
    code, output = tool(model, "--pipeline", "cse,drop-relu,dce", "--check-semantics", "-o", small)
    assert code == 0, output
    assert "looking for NL702 in drop-relu" in output and "done: 2 ops after " in output
    stored = load_reproducer(small)
    case = case_for(stored.module, stored.pipeline)
    samples = dict(zip(case.samples or {}, stored.samples or [], strict=True))
    assert failure_of(replace(case, samples=samples)) == WRONG


def test_a_reproducer_is_reduced_to_a_reproducer(model: Path) -> None:
    crash, small = model.with_name("crash.mlir"), model.with_name("small.mlir")
    crash.write_text(case_for(large(), "cse,stumble,dce").reproducer().text("found"))
    assert tool(crash, "-o", small)[0] == 0
    stored = load_reproducer(small)
    assert failure_of(case_for(stored.module, stored.pipeline)) == CRASH


def test_a_script_decides(model: Path) -> None:
    script, small = model.with_name("test.sh"), model.with_name("small.mlir")
    script.write_text('#!/bin/sh\ngrep -q \'"nn.relu".*origin = "act"\' "$1"\n')
    script.chmod(0o755)
    code, output = tool(model, "--test", script, "-o", small)
    assert code == 0, output
    assert names(Case(load_module(small))) == ["nn.relu"]


def test_a_script_that_says_no_from_the_start(model: Path) -> None:
    script = model.with_name("test.sh")
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o755)
    code, output = tool(model, "--test", script, "-o", model.with_name("small.mlir"))
    assert code == 1 and "there is nothing to reduce" in output
    assert not model.with_name("small.mlir").exists()


def test_a_script_that_cannot_be_run(model: Path) -> None:
    script = model.with_name("test.sh")
    script.write_text("exit 0\n")
    with pytest.raises(CompileError) as caught:
        Reducer(Case(large()), passes_script(script)).run()
    assert str(caught.value).startswith("[NL203] at 'test.sh': the script cannot be run: Permission denied")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "cse", "--test", "t.sh"], "[NL203] at '--test': two tests of what is to be kept"),
        ([], "[NL203] at 'model.mlir': nothing says how the module fails"),
        (["-p", "cse"], "[NL203] at '--passes': the passes do not fail on the module"),
        (["-p", "cze"], "[NL205] at 'cze': unknown pass 'cze'"),
    ],
)
def test_arguments_that_do_not_say_what_to_look_for(arguments: list[str], message: str, model: Path) -> None:
    code, output = tool(model, *arguments)
    assert code == 1 and message in output


def test_interrupted_it_writes_the_best_so_far(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, accepts = model.with_name("small.mlir"), Reducer.accepts

    def impatient(reducer: Reducer, edit: object, start: int, stop: int) -> bool:
        if len(reducer.best.ops) < 18:
            raise KeyboardInterrupt
        return accepts(reducer, edit, start, stop)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(Reducer, "accepts", impatient)
    code, output = tool(model, "-p", "drop-relu", "--check-semantics", "-o", small)
    assert code == 130 and "interrupted: " in output
    stored = load_reproducer(small)
    assert len(Case(stored.module).ops) < 18
