"""The conformance kit: a backend's whole test file is a subclass of one class.

from netloom.testing import BackendConformance

class TestMine(BackendConformance):
    backend = "mine"
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from netloom.api import Design
from netloom.backends.base import Backend
from netloom.core.diagnostics import CompileError, NetloomWarning
from netloom.core.plan import MANIFEST
from netloom.core.plugins import registry
from netloom.ir.text import print_module
from netloom.passes.analysis.hardware import PortInfo, hardware
from netloom.passes.lower_dense import STRATEGIES
from netloom.passes.manager import parse, render
from netloom.testing.battery import TOPICS, layers
from netloom.testing.cases import Case, one_of, packs, program_of
from netloom.testing.compare import Difference, report
from netloom.testing.emission import NEEDED, emit_elsewhere, foreign_text, text_difference
from netloom.testing.models import MODELS, Model, host_inputs
from netloom.testing.strange import STRANGE
from netloom.testing.target import Target, differences, interpreted, run, smallest

IO = ("parallel", "stream")
"""The forms of design that exist."""

REUSE_FACTORS = (1, 2, 6, 1024)
"""Asked for in the strategy `resource`; a layer gets the nearest one that is legal for it."""


class BackendConformance:
    """What every backend must pass; pytest collects the subclass.

    Attributes:
        backend: name by which users choose it.
        io: forms of design to test; all that the backend has when empty.
        options: options for every compilation.
        unsupported_ops: ops that the backend refuses, which is then tested: NL308, the op's name,
            nothing written.
        strategies: strategies to test; when None all of netloom's if the backend's options have a
            field `strategy`. A strategy that is left out must be refused.
        samples: samples of each simulation of the battery.
        pack_size: cases in one design, at most.
        every: 1 runs the whole battery, n about one case of n and each model in one strategy (for simulators
            that take long to build a design). The environment variable NETLOOM_CONFORMANCE_EVERY takes
            precedence.
    """

    backend: ClassVar[str] = ""
    io: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[Mapping[str, Any]] = {}
    unsupported_ops: ClassVar[frozenset[str]] = frozenset()
    strategies: ClassVar[tuple[str, ...] | None] = None
    samples: ClassVar[int] = 32
    pack_size: ClassVar[int] = 100
    every: ClassVar[int] = 1

    # -- parameters ----------------------------------------------------------------------------------

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """One test for each form of design, and for each of what else a test asks for."""
        parameters: Mapping[str, Callable[[], Mapping[str, Any]]] = {
            "io_form": lambda: {form: form for form in cls.forms()},
            "pack": cls.all_packs,
            "strategy": cls.all_strategies,
            "refused": lambda: {case.op: case for case in cls.refused_cases()},
            "refused_strategy": lambda: {name: name for name in cls.refused_strategies()},
            "model_run": cls.model_runs,
        }
        for name, values in parameters.items():
            if name in metafunc.fixturenames:
                found = values()
                metafunc.parametrize(name, list(found.values()), ids=list(found))

    @classmethod
    def found(cls) -> Backend | None:
        """The backend, None when there is none of its name (which is a failing test, not an error)."""
        provided = registry().backends.get(cls.backend)
        return provided.value if provided is not None else None

    @classmethod
    def forms(cls) -> Sequence[str]:
        """Forms of design to test."""
        backend = cls.found()
        return cls.io or (backend.io if backend is not None else IO[:1])

    @classmethod
    def all_packs(cls) -> Mapping[str, Sequence[Case]]:
        """The battery in designs of many cases, without the ops that the backend does not have."""
        found: dict[str, Sequence[Case]] = {}
        for topic in TOPICS:
            for number, pack in enumerate(packs(cls.supported(topic), cls.pack_size)):
                found[f"{topic}-{number}"] = pack
        return found

    @classmethod
    def supported(cls, topic: str, every: int = 1) -> list[Case]:
        """Cases of a topic whose ops the backend has, or about one of `every` more."""
        chosen = [case for case in TOPICS[topic]() if case.op not in cls.unsupported_ops]
        return one_of(chosen, cls.stride() * every)

    @classmethod
    def stride(cls) -> int:
        """The battery runs about one case of so many."""
        return int(os.environ.get("NETLOOM_CONFORMANCE_EVERY", cls.every))

    @classmethod
    def option_names(cls) -> set[str]:
        """Names of the backend's options."""
        backend = cls.found()
        return {option.name for option in fields(backend.options)} if backend is not None else set()

    @classmethod
    def chosen_strategies(cls) -> tuple[str, ...]:
        """Strategies to test."""
        if cls.strategies is not None:
            return cls.strategies
        return STRATEGIES if "strategy" in cls.option_names() else ()

    @classmethod
    def refused_strategies(cls) -> list[str]:
        """Strategies that the backend must refuse, as it does not have them."""
        return [name for name in (*STRATEGIES, "no_such_strategy") if name not in cls.chosen_strategies()]

    @classmethod
    def refused_cases(cls) -> list[Case]:
        """A case for each op that the backend must refuse; one of them is known to nobody."""
        every = [case for cases in TOPICS.values() for case in cases()]
        found = [STRANGE]
        for op in sorted(cls.unsupported_ops):
            # An op that no case is about is a mistake in the test class, which its test will say.
            found += [case for case in every if case.op == op][:1] or [replace(STRANGE, op=op)]
        return found

    @classmethod
    def all_strategies(cls) -> Mapping[str, Mapping[str, Any]]:
        """Options for each strategy; one test without any for a backend that has no choice."""
        found: dict[str, Mapping[str, Any]] = {}
        for name in cls.chosen_strategies():
            if name == "resource" and "reuse_factor" in cls.option_names():
                for factor in REUSE_FACTORS if cls.stride() == 1 else REUSE_FACTORS[1:3]:
                    found[f"{name}-{factor}"] = {"strategy": name, "reuse_factor": factor}
            else:
                found[name] = {"strategy": name}
        return found or {"default": {}}

    @classmethod
    def model_runs(cls) -> Mapping[str, tuple[Model, Mapping[str, Any]]]:
        """Each model in each strategy, with one reuse factor; in turn when the battery is cut short."""
        strategies = {
            options.get("strategy", name): options for name, options in cls.all_strategies().items()
        }
        turns = list(strategies.items())
        found: dict[str, tuple[Model, Mapping[str, Any]]] = {}
        for number, model in enumerate(MODELS):
            for name, options in turns if cls.stride() == 1 else [turns[number % len(turns)]]:
                found[f"{model.name}-{name}"] = (model, options)
        return found

    def target(self, io_form: str, **options: Any) -> Target:
        """The backend in one form of design."""
        return Target(self.backend, io_form, {**self.options, **options})

    # -- what it is ----------------------------------------------------------------------------------

    def test_it_is_registered(self) -> None:
        """The name belongs to a backend that a plugin provides, and its description is one line."""
        assert self.backend, "the test class has no attribute `backend`"
        backend = self.found()
        names = ", ".join(registry().backends)
        assert backend is not None, f"no plugin provides a backend '{self.backend}'; there are {names}"
        assert backend.description.strip() and "\n" not in backend.description, "description is one line"
        assert set(backend.io) <= set(IO), f"io is {backend.io}; forms of design are {IO}"
        assert set(self.forms()) <= set(backend.io), f"the test class asks for io {self.forms()}"

    def test_its_pipeline_is_text_that_is_read_back(self, io_form: str) -> None:
        """Passes exist, and their options are allowed."""
        text = self.target(io_form).pipeline
        passes = parse(text)
        assert parse(render(passes)) == passes, f"pipeline {text} does not round-trip"

    def test_it_has_no_report_before_any_run(self, io_form: str, tmp_path: Path) -> None:
        """read_report of a directory without reports is None."""
        found = self.target(io_form).implementation.read_report(tmp_path)
        assert found is None, f"read_report of an empty directory is {found}, not None"

    # -- what it computes ----------------------------------------------------------------------------

    def test_ops(self, io_form: str, pack: Sequence[Case]) -> None:
        """Simulation equals the interpreter, element by element."""
        self.check(self.target(io_form), pack)

    def test_ops_after_the_standard_passes(self, io_form: str) -> None:
        """The same ops as the compiler leaves them: narrowed, shared, with constants folded."""
        target = self.target(io_form)
        self.check(target.after_standard_passes(), self.some_cases(every=6))

    def test_layers(self, io_form: str, strategy: Mapping[str, Any]) -> None:
        """Products with constants, in every strategy."""
        self.check(self.target(io_form, **strategy), layers())

    def check(self, target: Target, cases: Sequence[Case]) -> None:
        """Compare the cases in one design; name those that differ, or that the backend fails on."""
        found, error = self.outcome(target, cases)
        if error is not None:
            guilty = smallest(cases, lambda some: self.outcome(target, some)[1] is not None)
            names = "\n            ".join(case.name for case in guilty)
            error = self.outcome(target, guilty)[1] or error
            text = str(error).replace("\n", "\n            ")
            pytest.fail(
                f"{target}: {type(error).__name__} where a result is due\n"
                f"  case:     {names}\n  error:    {text}",
                pytrace=False,
            )
        if found:
            pytest.fail(report(str(target), len(cases), found), pytrace=False)

    def outcome(self, target: Target, cases: Sequence[Case]) -> tuple[Sequence[Difference], Exception | None]:
        """What differs, or what the backend raises."""
        try:
            with quiet():
                return differences(target, cases, self.samples), None
        except Exception as error:  # whatever a backend raises is its failure, and has a case
            return [], error

    def test_model(self, io_form: str, model_run: tuple[Model, Mapping[str, Any]]) -> None:
        """predict, simulate and the interpreter agree on whole models."""
        model, strategy = model_run
        target = self.target(io_form, **model.options, **strategy)
        with quiet():
            exact = target.exact(model.path)
            design = netloom_compile(model.path, target)
            x = host_inputs(design.interface, self.samples)
            simulated = self.simulated(target, design, x)
        if simulated is None:
            return
        expected = interpreted(exact.module, exact.interface.inputs_from(x))
        predicted = by_name(design, design.predict(x))
        for name, want in zip(design.interface.outputs, expected, strict=True):
            for what, values in (("simulate", simulated[name]), ("predict", predicted[name])):
                same_values(f"{target}, model {model.name}", what, name, values, want.reshape(values.shape))

    def simulated(self, target: Target, design: Design, x: Mapping[str, Any]) -> dict[str, Any] | None:
        """Outputs by name; None when an op is refused that the backend does not have."""
        try:
            return by_name(design, design.simulate(x))
        except CompileError as error:
            if error.code == "NL308" and any(op in str(error) for op in self.unsupported_ops):
                return None
            raise

    @pytest.mark.parametrize("samples", [1, 2, 3])
    def test_few_samples(self, io_form: str, samples: int) -> None:
        """One sample alone, and a few: nothing waits for a further one."""
        cases = [case for case in TOPICS["elementwise"]() if case.op == "nn.relu"][:3]
        found = differences(self.target(io_form), cases, samples)
        assert not found, report(f"{self.target(io_form)}, {samples} samples", len(cases), found)

    def test_measured_figures_are_the_declared_ones(self, io_form: str) -> None:
        """Latency and interval of a simulation that has a clock are those of the plan's properties."""
        done = run(self.target(io_form), program_of(self.some_cases()), self.samples)
        properties = done.design.plan.properties
        measured = {"latency_cycles": done.result.latency_cycles, "interval_cycles": done.result.interval}
        for name, value in measured.items():
            if value is not None and name in properties:
                assert str(value) == properties[name], (
                    f"{name}: {properties[name]} declared, {value} measured"
                )

    # -- what it refuses -----------------------------------------------------------------------------

    def test_an_op_without_hardware_is_refused(self, io_form: str, refused: Case) -> None:
        """NL308 with the op's name: for an op that nobody knows, and for each of `unsupported_ops`."""
        known = {case.op for cases in TOPICS.values() for case in cases()} | {STRANGE.op}
        assert refused.op in known, (
            f"unsupported_ops names {refused.op}, which is no op that backends receive"
        )
        with pytest.raises(CompileError) as caught, quiet():
            _ = self.target(io_form).compile(program_of([refused])).plan
        code, text = caught.value.code, str(caught.value)
        assert code == "NL308", f"{refused.op} is refused with {code}, not with NL308:\n{text}"
        assert refused.op in text, f"the refusal does not name {refused.op}:\n{text}"

    def test_a_strategy_that_it_does_not_have_is_refused(self, io_form: str, refused_strategy: str) -> None:
        """By its options (NL201 without such an option, else NL203) or by emission (NL308)."""
        with pytest.raises(CompileError) as caught, quiet():
            target = self.target(io_form, strategy=refused_strategy)
            _ = target.compile(program_of(layers()[:1])).plan
        assert caught.value.code in ("NL201", "NL203", "NL308"), str(caught.value)

    def test_an_unknown_option_is_refused(self, io_form: str) -> None:
        """NL201, with the names of the options."""
        with pytest.raises(CompileError) as caught:
            self.target(io_form, clock_periode_ns=5.0).compile(program_of(self.some_cases()))
        assert caught.value.code == "NL201", (
            f"an unknown option is refused with {caught.value.code}, not NL201"
        )
        assert "clock_period_ns" in str(caught.value), f"the refusal names no option:\n{caught.value}"

    @pytest.mark.parametrize(
        ("option", "value", "code"),
        [
            ("clock_period_ns", 0.0, "NL203"),
            ("clock_period_ns", "fast", "NL203"),
            ("device", "none", "NL206"),
        ],
    )
    def test_a_bad_value_of_an_option_is_refused(
        self, io_form: str, option: str, value: Any, code: str
    ) -> None:
        """The checks of `BackendOptions` are not lost in a class derived from it."""
        with pytest.raises(CompileError) as caught:
            self.target(io_form, **{option: value}).all_options()
        assert caught.value.code == code, (
            f"{option}={value!r} is refused with {caught.value.code}, not {code}"
        )

    # -- what it writes ------------------------------------------------------------------------------

    def some_cases(self, every: int = 25) -> Sequence[Case]:
        """A few cases of each topic, without the ops that the backend does not have."""
        return [case for topic in TOPICS for case in self.supported(topic, every)]

    def test_a_plan_is_complete(self, io_form: str) -> None:
        """It has files and the properties that the compiler reads; its ports are the program's."""
        target = self.target(io_form)
        module = target.compile(program_of(self.some_cases())).module
        plan = target.implementation.emit(module, target.all_options()[1])
        assert plan.files, "the plan has no files"
        for name in NEEDED:
            assert name in plan.properties, (
                f"the plan has no property '{name}'; needed are {', '.join(NEEDED)}"
            )
        assert plan.properties["backend"] == self.backend, f"property 'backend' is not '{self.backend}'"
        ports = hardware(module).ports
        assert PortInfo.from_json(plan.properties["ports"]) == ports, "property 'ports' is not the program's"
        assert len(plan.properties["signals"].split(",")) == len(ports), "one name in 'signals' for each port"

    def test_emission_is_pure(self, io_form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The program is as before, no file appears, and a second emission has the same bytes."""
        monkeypatch.chdir(tmp_path)
        target = self.target(io_form)
        module = target.compile(program_of(self.some_cases())).module
        before = print_module(module)
        options = target.all_options()[1]
        first, second = (target.implementation.emit(module, options) for _ in range(2))
        assert print_module(module) == before, "emit changed the program"
        assert not list(tmp_path.iterdir()), "emit wrote files; a plan is data"
        assert not (different := text_difference(first.files, second.files)), different

    def test_other_surroundings_give_the_same_bytes(self, io_form: str) -> None:
        """Another hash seed, directory, home, user, time zone and day change nothing."""
        target = self.target(io_form)
        program, model = program_of(self.some_cases()), MODELS[0]
        whole = target.with_options(**model.options)
        with quiet():
            plans = [target.compile(program).plan, netloom_compile(model.path, whole).plan]
        elsewhere = emit_elsewhere([(target, target.pipeline, program), (whole, "", model.path)])
        for plan, other in zip(plans, elsewhere, strict=True):
            assert not (different := text_difference(plan.files, other)), different

    def test_nothing_of_this_machine_is_written(self, io_form: str) -> None:
        """No absolute path in any file."""
        plan = self.target(io_form).compile(program_of(self.some_cases())).plan
        found = list(foreign_text(plan))
        assert not found, "\n".join(found[:10])

    def test_a_project_is_written_whole_or_not_at_all(self, io_form: str, tmp_path: Path) -> None:
        """Files are those of the plan; after a refusal there is no directory."""
        target = self.target(io_form)
        design = target.compile(program_of(self.some_cases()))
        design.write(tmp_path / "project")
        written = {
            path.relative_to(tmp_path / "project").as_posix()
            for path in (tmp_path / "project").rglob("*")
            if path.is_file()
        }
        planned = {*design.plan.files, MANIFEST}
        assert written == planned, f"files differ from the plan: {sorted(written ^ planned)}"
        with pytest.raises(CompileError):
            target.compile(program_of([STRANGE])).write(tmp_path / "refused")
        assert not (tmp_path / "refused").exists(), "a refused design left files"


@contextmanager
def quiet() -> Iterator[None]:
    """Without netloom's own warnings, such as that of a reuse factor that was rounded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NetloomWarning)
        yield


def netloom_compile(model: Path, target: Target) -> Design:
    """A model through the standard passes and the backend's."""
    import netloom

    return netloom.compile(model, backend=target.backend, io=target.io, **target.options)


def by_name(design: Design, arrays: Any) -> dict[str, Any]:
    """Outputs by name, also when there is one."""
    return arrays if isinstance(arrays, dict) else {next(iter(design.interface.outputs)): arrays}


def same_values(where: str, what: str, name: str, got: Any, expected: Any) -> None:
    """Fail with the first difference."""
    if not np.array_equal(got, expected):
        wrong = np.argwhere(got != expected)
        index = tuple(int(i) for i in wrong[0])
        pytest.fail(
            f"{where}: {what} differs from the interpreter\n"
            f"  first at: output {name}, sample {index[0]}, element {index[1:]}"
            f" ({len(wrong)} of {got.size} elements differ)\n"
            f"  expected: {expected[index]!r}\n  got:      {got[index]!r}",
            pytrace=False,
        )
