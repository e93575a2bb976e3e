"""What is tested: a backend with its options, and how programs go through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

import netloom
from netloom.api import Design, find_backend, split_options
from netloom.backends.base import Backend, BackendOptions
from netloom.core.options import CompileOptions
from netloom.ir import interpreter
from netloom.ir.fx import QuantizeOp
from netloom.ir.nn import UnaryWiringOp
from netloom.passes.analysis.hardware import hardware
from netloom.sim.result import SimulationResult
from netloom.testing.cases import Case, program_of
from netloom.testing.compare import Difference, first_difference
from netloom.testing.reference import outputs_from_ports
from netloom.testing.values import mantissas

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Target:
    """A backend by name, one of its forms of design, and options.

    Attributes:
        backend: name by which users choose it.
        io: `parallel` or `stream`.
        options: options of the compilation and of the backend.
        standard: whether programs go through the compiler's standard passes too; without them, ops
            arrive at the backend as they were written.
    """

    backend: str
    io: str
    options: Mapping[str, Any] = field(default_factory=dict)
    standard: bool = False

    def __str__(self) -> str:
        """As failures show it."""
        options = "".join(f", {key}={value!r}" for key, value in self.options.items())
        passes = ", after the standard passes" if self.standard else ""
        return f"backend '{self.backend}', io '{self.io}'{options}{passes}"

    @property
    def implementation(self) -> Backend:
        """The backend itself."""
        return find_backend(self.backend, self.io)

    def all_options(self) -> tuple[CompileOptions, BackendOptions]:
        """Common options and the backend's own."""
        return split_options(self.implementation, self.io, self.options)

    @property
    def pipeline(self) -> str:
        """The passes that programs go through."""
        common, own = self.all_options()
        before, after = common.pipeline if self.standard else ("", "")
        return ",".join(filter(None, (before, own.preparation, after, self.implementation.pipeline(own))))

    def after_standard_passes(self) -> Target:
        """The same, with the compiler's standard passes before the backend's."""
        return replace(self, standard=True)

    def with_options(self, **options: Any) -> Target:
        """The same with further options."""
        return replace(self, options={**self.options, **options})

    def compile(self, module: ModuleOp) -> Design:
        """A fixed-point program as a design."""
        return netloom.compile(
            module, backend=self.backend, io=self.io, pipeline=self.pipeline, **self.options
        )

    def exact(self, model: Any) -> Design:
        """A model as exact fixed-point arithmetic, before the backend's own passes."""
        return netloom.compile(
            model,
            backend=self.backend,
            io=self.io,
            pipeline=",".join(self.all_options()[0].pipeline),
            **self.options,
        )


@dataclass(frozen=True, eq=False)
class Run:
    """A program that went through a backend and its simulator: mantissas by the names of ports."""

    design: Design
    inputs: Mapping[str, Ints]
    expected: Mapping[str, Ints]
    got: Mapping[str, Ints]
    result: SimulationResult


def run(target: Target, module: ModuleOp, samples: int) -> Run:
    """Compile, emit and simulate a fixed-point program.

    The inputs are mantissas at the ports, of every kind that `values.mantissas` has.

    Raises:
        AssertionError: the backend has no simulator, or loses a port.
        CompileError: whatever the backend and its simulator raise.
    """
    ports = {info.name: mantissas(info, samples) for _, info in hardware(module).inputs}
    expected = outputs_from_ports(module, ports)
    design = target.compile(module)
    chip = hardware(design.module)
    simulator = design.simulator
    given = [at_port(value, ports[info.name]) for value, info in chip.inputs]
    result: SimulationResult = simulator.run(given)
    names = [info.name for _, info in chip.outputs]
    assert len(result.outputs) == len(names), (
        f"{target}: the simulator gave {len(result.outputs)} outputs for {len(names)} output ports"
    )
    got = dict(zip(names, result.outputs, strict=True))
    assert set(got) == set(expected), f"{target}: output ports {sorted(set(expected) ^ set(got))} differ"
    return Run(design, ports, expected, got, result)


def at_port(value: SSAValue, mantissas: Ints) -> Ints:
    """What reaches a port, for mantissas [n, *shape] of the program's input: the host may move elements."""
    owner = value.owner
    if isinstance(owner, QuantizeOp):
        return at_port(owner.input, mantissas)
    if isinstance(owner, UnaryWiringOp):
        return np.asarray(owner.move([at_port(owner.input, mantissas)]))
    return mantissas


def differences(target: Target, cases: Sequence[Case], samples: int) -> list[Difference]:
    """The cases whose simulated results differ from the interpreter's."""
    module = program_of(cases)
    done = run(target, module, samples)
    formats = {info.name: info.format for _, info in hardware(module).outputs}
    zeros = {
        f"c{index}_x{number}": np.zeros((samples, *port.shape), dtype=np.int64)
        for index, case in enumerate(cases)
        for number, port in enumerate(case.ports)
    }
    found: list[Difference] = []
    for index, case in enumerate(cases):
        name = f"c{index}"
        inputs = [{**zeros, **done.inputs}[f"{name}_x{number}"] for number in range(len(case.ports))]
        one = first_difference(case, inputs, done.expected[name], np.asarray(done.got[name]), formats[name])
        if one is not None:
            found.append(one)
    return found


def smallest(cases: Sequence[Case], fails: Callable[[Sequence[Case]], bool]) -> Sequence[Case]:
    """Few of the cases, by halving, that still fail."""
    for half in (cases[: len(cases) // 2], cases[len(cases) // 2 :]):
        if 0 < len(half) < len(cases) and fails(half):
            return smallest(half, fails)
    return cases


def interpreted(module: ModuleOp, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """What `netloom.ir.interpreter` gives for the host's inputs [n, *shape]."""
    samples = len(inputs[0]) if inputs else 1
    outputs = interpreter.run(module, inputs)
    return [np.broadcast_to(array, (samples, *array.shape[1:])) for array in outputs]
