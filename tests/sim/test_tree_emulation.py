"""The compiled loops give the op's own numbers, whatever the trees and widths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netloom.core.ensemble import Ensemble
from netloom.core.fixed import Format
from netloom.ir.interpreter import run
from netloom.ir.tree import ensemble_op
from netloom.sim.emulator import Emulator
from netloom.testing.battery.ensembles import KINDS, chain, grown
from netloom.testing.program import Port, Program


def agree(trees: Ensemble, port: Port, samples: int = 150) -> Any:
    program = Program([("x", port)])
    program.output(program.insert(ensemble_op(program.inputs[0], trees, "t", fraction=1)), "y")
    module = program.finish()
    reach = 2.0 ** (port.format.integer + 1)
    x = np.random.default_rng(0).uniform(-reach, reach, size=(samples, *port.shape)).astype(np.float32)
    (expected,), (found,) = run(module, [x]), Emulator(module).run([x])
    assert found.dtype == np.int64 and np.array_equal(found, expected)


@settings(max_examples=30)
@given(
    st.integers(0, 10_000),
    st.sampled_from(sorted(KINDS)),
    st.builds(Format, st.integers(1, 40), st.integers(-3, 20), st.booleans()),
    st.sampled_from([(3,), (1, 4), (2, 3)]),
)
def test_emulator_and_interpreter_agree(
    seed: int, kind: str, number_format: Format, shape: tuple[int, ...]
) -> None:
    port = Port(shape, number_format)
    agree(KINDS[kind](np.random.default_rng(seed), port), port)


@pytest.mark.parametrize("depth", [1, 8, 9, 20])
def test_trees_that_are_as_deep_as_a_chain(depth: int) -> None:
    port = Port((2,), Format(12, 4))
    agree(chain(2, depth, port.format), port)


@pytest.mark.parametrize("magnitude", [1 << 21, 1 << 45, 1 << 57])
def test_sums_of_all_widths(magnitude: int) -> None:
    """float32, float64 and, beyond what they add exactly, the op's own arithmetic."""
    port = Port((3,), Format(10, 4))
    agree(grown(np.random.default_rng(1), 3, 2, 5, 3, port.format, magnitude), port)


def test_more_samples_than_a_block() -> None:
    port = Port((3,), Format(10, 4))
    agree(grown(np.random.default_rng(1), 3, 2, 5, 3, port.format), port, samples=129)
