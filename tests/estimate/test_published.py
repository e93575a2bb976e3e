"""The limits of the errors that the documentation publishes, from the recorded counts of the open flow."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    """`benchmarks/estimates.py`, which is a script."""
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module("estimates")
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def record(benchmark: ModuleType) -> Any:
    return json.loads(benchmark.RECORD.read_text())


def test_every_design_is_recorded(benchmark: ModuleType, record: Any) -> None:
    names = [sample.name for sample in benchmark.samples()]
    assert len(set(names)) == len(names) >= 60
    assert set(record) == {*names, benchmark.NETWORK}


def test_errors_of_tables_are_within_the_limits(benchmark: ModuleType, record: Any) -> None:
    """Median below 10 %, 90th percentile below 25 %: of all designs, and of those held out alone."""
    chosen = benchmark.samples()
    for part in (chosen, [sample for sample in chosen if sample.held_out]):
        whole = benchmark.errors(record, part)[-1]
        assert whole.kind == "all"
        designs, median, high = whole.resources["lut"]
        assert designs >= 20
        assert median < 10
        assert high < 25


def test_errors_of_registers_multipliers_and_memories(benchmark: ModuleType, record: Any) -> None:
    whole = benchmark.errors(record, benchmark.samples())[-1]
    for name in ("ff", "dsp", "bram"):
        assert whole.resources[name][1] == 0
        assert whole.resources[name][2] < 10


@pytest.mark.slow
def test_the_page_is_what_the_record_says(benchmark: ModuleType, record: Any) -> None:
    assert benchmark.PAGE.read_text() == benchmark.page(record, benchmark.samples())


@pytest.mark.parametrize(
    "name",
    [
        "latency 8x4 in 16 weights 12 bits",
        "resource 12x6 in 7 weights 6 bits reuse 3",
        "table of 64 entries of 10 bits",
        "mul 7 by 6 bits, cast, relu",
    ],
)
def test_latency_is_what_simulation_measures(benchmark: ModuleType, name: str) -> None:
    sample = next(each for each in benchmark.samples() if each.name == name)
    design = sample.compile()
    rng = np.random.default_rng(0)
    design.simulate(
        {f"x{n}": rng.integers(-8, 8, (4, *port.shape)) / 4 for n, port in enumerate(sample.ports)}
    )
    assert design.last_simulation.latency_cycles == design.report().latency_cycles
