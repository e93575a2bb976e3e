"""A defective pass leaves a file behind that repeats its failure, and nothing but that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner
from xdsl.dialects.builtin import ModuleOp

import netloom
from netloom.cli.opt import app
from netloom.core.diagnostics import CompileError
from netloom.ir.nn import AddOp, MulOp, ReluOp
from netloom.ir.text import print_module, save_module
from netloom.passes.manager import PassManager, parse
from netloom.passes.reproducer import installed_versions, load_reproducer
from netloom.passes.semantics import sample_inputs
from tests.passes.defects import defects
from tests.passes.programs import Program

__all__ = ["defects"]

runner = CliRunner()
pytestmark = pytest.mark.usefixtures("defects")


def program() -> ModuleOp:
    """relu(x * w + 1) * 2, with a constant that does not print inline."""
    p = Program(x=(20,))
    y = p.op(MulOp, p.inputs[0], p.real(np.arange(20) / 8), origin="weigh")
    y = p.op(ReluOp, p.op(AddOp, y, p.real([1.0]), origin="shift"), origin="act")
    return p.returns(p.op(MulOp, y, p.real([2.0]), origin="double"))


def failure(
    module: ModuleOp, pipeline: str, file: Path | None, samples: Sequence[Any] | None = None
) -> CompileError:
    with pytest.raises(CompileError) as caught:
        PassManager(parse(pipeline), samples=samples, reproducer=file).run(module)
    return caught.value


PIPELINES = {
    "NL701": "cse,shrink,dce",
    "NL702": "fold-constants,drop-relu,cse",
    "NL703": "cse,stumble{words=\"no 'rule', {none}\"},dce",
}


@pytest.mark.parametrize("code", PIPELINES)
def test_a_reproducer_repeats_exactly_that_failure(code: str, tmp_path: Path) -> None:
    file, samples = tmp_path / "crash.mlir", sample_inputs(program())
    first = failure(program(), PIPELINES[code], file, samples)
    assert first.code == code
    assert first.hint == "netloom-opt --run-reproducer crash.mlir repeats this failure"
    stored = load_reproducer(file)
    again = failure(stored.module, stored.pipeline, None, stored.samples)
    assert (again.code, again.origin, again.found) == (first.code, first.origin, first.found)


def test_it_holds_the_module_before_the_failing_pass_and_the_rest_of_the_pipeline(tmp_path: Path) -> None:
    file, before = tmp_path / "crash.mlir", program()
    failure(program(), 'fuse-batch-norm,cse,stumble{words="no rule"},dce', file)
    PassManager(parse("fuse-batch-norm,cse")).run(before)
    stored = load_reproducer(file)
    assert print_module(stored.module) == print_module(before)
    assert stored.pipeline == 'stumble{words="no rule"},dce'
    assert stored.versions == installed_versions()
    assert stored.samples is None


def test_inputs_are_in_the_file_bit_for_bit(tmp_path: Path) -> None:
    file, samples = tmp_path / "crash.mlir", [np.random.default_rng(0).normal(size=(7, 20))]
    failure(program(), "drop-relu", file, samples)
    (stored,) = load_reproducer(file).samples or []
    assert stored.dtype == np.float64 and np.array_equal(stored, samples[0])


def test_a_module_without_inputs_is_still_compared(tmp_path: Path) -> None:
    p = Program()
    module = p.returns(p.op(ReluOp, p.op(AddOp, p.real([-1.0]), p.real([0.5])), origin="act"))
    first = failure(module, "drop-relu", tmp_path / "crash.mlir", [])
    stored = load_reproducer(tmp_path / "crash.mlir")
    assert stored.samples == []
    assert failure(stored.module, stored.pipeline, None, stored.samples).found == first.found


def test_the_file_is_the_same_every_time_and_names_no_place(tmp_path: Path) -> None:
    texts = []
    for name in ("a.mlir", "b.mlir"):
        failure(program(), PIPELINES["NL703"], tmp_path / name)
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1]
    assert str(tmp_path) not in texts[0] and not re.search(r'"[^"]*/[^"]*"', texts[0].split("{-#")[0])
    assert texts[0].startswith("// NL703 in stumble (LookupError)\n")


def test_an_error_of_a_pass_names_the_pass_and_the_line() -> None:
    error = failure(program(), "stumble", None)
    assert re.fullmatch(
        r"\[NL703\] at 'stumble': pass 'stumble' raised LookupError: no rule for a product"
        r" \(defects\.py:\d+\)\n"
        r"  to do: this is a defect of the pass; netloom-opt --reproducer FILE writes what repeats it",
        str(error),
    )
    assert isinstance(error.__cause__, LookupError)


def test_a_refusal_is_not_a_defect(tmp_path: Path) -> None:
    error = failure(program(), 'lower-dense{strategy="magic"}', tmp_path / "crash.mlir")
    assert error.code == "NL203"
    assert list(tmp_path.iterdir()) == []


def test_a_pass_that_works_leaves_nothing(tmp_path: Path) -> None:
    PassManager(parse("cse"), reproducer=tmp_path / "crash.mlir").run(program())
    assert list(tmp_path.iterdir()) == []


def test_a_reproducer_that_cannot_be_written(tmp_path: Path) -> None:
    error = failure(program(), "stumble", tmp_path / "none" / "crash.mlir")
    assert (error.code, error.origin) == ("NL501", "crash.mlir")


# --- netloom-opt


def opt(*arguments: str | Path) -> tuple[int, str]:
    done = runner.invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, " ".join(done.output.split())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_module(program(), tmp_path / "model.mlir")
    return tmp_path / "model.mlir"


def test_the_tool_writes_one_and_runs_it(model: Path) -> None:
    crash = model.with_name("crash.mlir")
    code, output = opt(model, "-p", "cse,drop-relu,dce", "--check-semantics", "--reproducer", crash)
    assert code == 1 and "[NL702] at 'double': pass 'drop-relu' changed output 'y0'" in output
    code, again = opt(crash, "--run-reproducer")
    assert (code, again.split(" to do: ")[0]) == (1, output.split(" to do: ")[0])


def test_the_tool_shows_the_stack_of_a_crash(model: Path) -> None:
    code, output = opt(model, "-p", "stumble")
    assert code == 1
    assert "Traceback" in output and "raise LookupError(self.words)" in output


def test_inputs_are_generated_from_the_seed(model: Path) -> None:
    outputs = [
        opt(model, "-p", "drop-relu", "--check-semantics", "--seed", seed)[1] for seed in ("0", "0", "1")
    ]
    assert outputs[0] == outputs[1] != outputs[2]


def test_inputs_need_the_check(model: Path) -> None:
    assert (
        "[NL203] at '--inputs': inputs without --check-semantics have no effect"
        in (opt(model, "-p", "cse", "-i", "none.npz")[1])
    )


def test_a_reproducer_has_its_own_passes(model: Path) -> None:
    assert (
        "[NL203] at '--passes': a reproducer has its own passes"
        in (opt(model, "-p", "cse", "--run-reproducer")[1])
    )


def test_a_plain_module_is_no_reproducer(model: Path) -> None:
    code, output = opt(model, "--run-reproducer")
    assert code == 1
    assert "[NL112] at 'model.mlir': the module has no attribute 'netloom.reproducer_pipeline'" in output


def test_other_versions_are_pointed_out(model: Path) -> None:
    crash = model.with_name("crash.mlir")
    opt(model, "-p", "stumble", "--reproducer", crash)
    crash.write_text(crash.read_text().replace(installed_versions(), "netloom 0.0.1"))
    assert "note: written with netloom 0.0.1" in opt(crash, "--run-reproducer")[1]


def test_a_compilation_leaves_one_too(model: Path) -> None:
    crash = model.with_name("crash.mlir")
    with pytest.raises(CompileError) as caught:
        netloom.compile(model, pipeline="cse,stumble", reproducer=crash)
    assert caught.value.code == "NL703"
    assert load_reproducer(crash).pipeline == "stumble"
