"""Streaming designs in C++: the C-simulation gives the interpreter's mantissas, with genuine headers."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from netloom.core.plan import BuildPlan
from netloom.core.plugins import registry
from netloom.ir import interpreter
from netloom.sim.hls import HlsSimulator
from tests.backends.designs import samples
from tests.backends.flow_designs import KINDS, design_of

VENDORS = ("vivado", "vitis", "quartus", "catapult")
GENUINE = ("vitis", "catapult")
"""One backend for each kind of header."""


def emitted(module: ModuleOp, name: str) -> BuildPlan:
    backend = registry().backends[name].value
    plan: BuildPlan = backend.emit(module, backend.options(io="stream"))
    return plan


def check(module: ModuleOp, name: str, count: int) -> None:
    """The C-simulation gives the interpreter's mantissas, frame after frame."""
    simulator = HlsSimulator(emitted(module, name), timeout_s=300)
    inputs = samples(simulator, count, seed=count)
    expected = interpreter.run(module, inputs, np.int64)
    for port, got, want in zip(simulator.outputs, simulator.run(inputs).outputs, expected, strict=True):
        assert np.array_equal(got, want), f"{port.name}: {np.argwhere(got != want)[:3]}"


@pytest.mark.parametrize("name", GENUINE)
def test_every_actor_gives_the_interpreters_bits_whatever_its_numbers(name: str) -> None:
    rng = np.random.default_rng(len(name))
    check(design_of([kind(rng) for kind in KINDS for _ in range(3)]), name, 7)
