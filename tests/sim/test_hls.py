"""The C-simulation: what it refuses, what it reports, and that it runs the emitted code itself."""

from __future__ import annotations

import numpy as np
import pytest

from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan
from netloom.core.plugins import registry
from netloom.ir.nn import AddOp
from netloom.sim.hls import CHUNK, HlsSimulator
from tests.backends.designs import Program, signed, unsigned


@pytest.fixture(scope="module")
def plan() -> BuildPlan:
    program = Program([((2,), signed(5, 2)), ((2,), unsigned(4, 1))])
    program.output(program.add(AddOp, *program.inputs))
    backend = registry().backends["catapult"].value
    made = backend.emit(program.finish(), backend.options())
    assert isinstance(made, BuildPlan)
    return made


def test_any_number_of_samples_in_chunks_with_progress(plan: BuildPlan) -> None:
    rng = np.random.default_rng(1)
    count = 2 * CHUNK + 5
    inputs = [rng.integers(-16, 16, (count, 2)), rng.integers(0, 16, (count, 2))]
    seen: list[tuple[int, int]] = []
    result = HlsSimulator(plan).run(inputs, progress=lambda done, total: seen.append((done, total)))
    assert np.array_equal(result.outputs[0], inputs[0] + inputs[1])
    assert seen == [(CHUNK, count), (2 * CHUNK, count), (count, count)]
    assert (result.latency_cycles, result.interval, result.cycles) == (None, None, None)


def test_what_runs_is_the_emitted_text(plan: BuildPlan) -> None:
    path = next(path for path in plan.files if path.startswith("src/layers/"))
    changed = plan.with_files({path: plan.files[path].replace("a[i] + b[i]", "a[i] - b[i]")})
    inputs = [np.array([[3, 4]]), np.array([[1, 2]])]
    assert np.array_equal(HlsSimulator(changed).run(inputs).outputs[0], [[2, 2]])


def test_sources_that_do_not_compile_are_an_error_with_the_compilers_words(plan: BuildPlan) -> None:
    path = next(path for path in plan.files if path.startswith("src/layers/"))
    with pytest.raises(CompileError, match=r"\[NL602\] at 'gxx': GNU C\+\+ failed"):
        HlsSimulator(plan.with_files({path: "int broken = ;\n"})).compile()


def test_mantissas_outside_the_port_are_refused(plan: BuildPlan) -> None:
    with pytest.raises(CompileError, match=r"\[NL403\] at 'x1'"):
        HlsSimulator(plan).run([np.zeros((1, 2), np.int64), np.full((1, 2), 16)])


def test_a_missing_input_is_refused(plan: BuildPlan) -> None:
    with pytest.raises(CompileError, match=r"\[NL401\]: 1 input tensors"):
        HlsSimulator(plan).run([np.zeros((1, 2), np.int64)])


def test_headers_that_cannot_be_found_are_an_error(plan: BuildPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLOOM_AC_TYPES", "/nowhere")
    with pytest.raises(CompileError, match=r"\[NL604\] at 'ac'"):
        HlsSimulator(plan).compile()
