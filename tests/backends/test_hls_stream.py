"""Streaming designs in C++: the C-simulation gives the interpreter's mantissas, with genuine headers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

import netloom
from netloom.core.headers import find_headers
from netloom.core.plan import BuildPlan
from netloom.core.plugins import registry
from netloom.ir import interpreter
from netloom.passes.analysis.scheduled import program_timing
from netloom.sim.hls import HlsSimulator
from netloom.sim.vectors import with_vectors
from tests.backends.designs import samples
from tests.backends.flow_designs import KINDS, design_of, frames, small_cnn, small_model
from tests.passes.test_parallel_beats import model as parallel_model
from tests.shared import DATA, EXAMPLE

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


@pytest.fixture
def quickly_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a few frames costs less than optimizing."""
    monkeypatch.setattr("netloom.sim.hls.OPTIMIZATION", ())


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("name", GENUINE)
def test_every_actor_gives_the_interpreters_bits_whatever_its_numbers(name: str) -> None:
    rng = np.random.default_rng(len(name))
    check(design_of([kind(rng) for kind in KINDS for _ in range(2)]), name, 7)


@pytest.mark.slow
@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(("name", "seed"), [("vivado", 1), ("quartus", 2), ("catapult", 3)])
def test_more_actors_give_the_interpreters_bits(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    check(design_of([kind(rng) for kind in KINDS for _ in range(3)]), name, 7)


@pytest.mark.usefixtures("quickly_compiled")
def test_a_compiled_model_is_simulated_and_reported() -> None:
    design = netloom.compile(
        small_model(),
        backend="vitis",
        io="stream",
        input_precision="fixed<8,3>",
        precision="fixed<8,4>",
        strategy={"*": "latency", "conv*": "resource"},
        reuse_factor="1; conv*=9",
    )
    x = np.random.default_rng(1).normal(0, 2, (20, 3, 8, 8)).astype(np.float32)
    assert np.array_equal(design.simulate(x), design.predict(x))
    assert design.plan.properties["io"] == "stream"
    assert design.plan.properties["beats"] == "64,1"
    interval = int(design.plan.properties["interval_cycles"])
    assert interval == program_timing(design.module).interval_cycles  # type: ignore[union-attr]
    # Nine cycles for each of 64 beats.
    assert interval >= 9 * 64


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vitis", {"parallel_pixels": 2}),
        ("catapult", {"parallel_channels": 2}),
        pytest.param("vivado", {"parallel_channels": 2}, marks=pytest.mark.slow),
        pytest.param("quartus", {"parallel_pixels": 2}, marks=pytest.mark.slow),
    ],
)
def test_beats_of_any_size_give_the_bits_of_the_plain_design(name: str, options: dict[str, int]) -> None:
    design, plain = (
        netloom.compile(parallel_model(), backend=name, io="stream", precision="fixed<8,3>", **more)
        for more in (options, {})
    )
    x = np.random.default_rng(1).uniform(-3, 3, (6, 4, 8, 8)).astype(np.float32)
    assert np.array_equal(design.simulate(x), plain.predict(x))


@pytest.mark.usefixtures("quickly_compiled")
def test_a_network_of_dense_layers_is_a_stream_of_one_beat() -> None:
    design = netloom.compile(EXAMPLE / "model.onnx", backend="quartus", io="stream")
    x = np.load(DATA / "t_jet_mlp_6b_qonnx" / "inputs.npz")["x"][:50]
    assert np.array_equal(design.simulate(x), design.predict(x))


def bounded(module: ModuleOp, directory: Path, replaced: tuple[str, str] = ("", "")) -> tuple[int, str]:
    """Status and output of the test bench when tasks are threads and FIFOs have their depths."""
    inputs, expected = frames(module, 4)
    plan = emitted(module, "quartus")
    project = with_vectors(plan, inputs, expected).write(directory / "project")
    top = project / "src/tiny.cpp"
    assert replaced[0] in top.read_text()
    top.write_text(top.read_text().replace(*replaced))
    (directory / "HLS").mkdir()
    shutil.copy(Path(__file__).with_name("bounded_tasks.h"), directory / "HLS" / "hls.h")
    for name in ("ac_int.h", "ac_fixed.h"):
        (directory / "HLS" / name).write_text(f"#include <{name}>\n")
    headers = [f"-isystem{find_headers('ac')}", f"-I{directory}"]
    sources = ["src/tiny.cpp", "tb/testbench.cpp", "-o", "testbench", "-pthread"]
    compiler = ["g++", "-std=c++14", "-w", "-D__INTELFPGA_COMPILER__", *headers, *sources]
    subprocess.run(compiler, cwd=project, check=True, capture_output=True, text=True)
    done = subprocess.run(["./testbench"], cwd=project, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def test_nothing_deadlocks_at_the_smallest_depths(tmp_path: Path) -> None:
    """Whatever pipelines a tool makes: here actors hold no beats but those that they have to."""
    status, output = bounded(small_cnn(fifo_depth="small"), tmp_path)
    assert (status, output) == (0, "netloom: PASS samples=4 differences=0\n")


def test_a_fifo_that_is_too_small_deadlocks(tmp_path: Path) -> None:
    module = small_cnn()
    (skip,) = (f for f in json.loads(emitted(module, "quartus").properties["fifos"]) if f["depth"] > 9)
    text = "ihc::buffer<{depth}>> {signal};"
    small = text.format(**{**skip, "depth": 5})
    status, output = bounded(module, tmp_path, (text.format(**skip), small))
    assert status == 3
    assert set(output.split()) == {"deadlock"}
