"""Every shared model without convolution, recurrence or trees: predicted and simulated."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import netloom
from netloom.ir.interpreter import run_all
from tests.shared import FLOAT, QUANTIZED, Model, available


def test_continuous_integration_has_every_model() -> None:
    missing = [m.folder for m in (*QUANTIZED, *FLOAT) if m not in available((m,))]
    assert not (os.environ.get("CI") and missing)


def as_list(arrays: Any) -> list[Any]:
    return list(arrays.values()) if isinstance(arrays, dict) else [arrays]


def check_prediction(model: Model, design: netloom.Design) -> None:
    for got, expected in zip(as_list(design.predict(model.inputs)), model.expected, strict=True):
        error = float(np.abs(got.reshape(expected.shape) - expected).max())
        assert error <= model.tolerance, model.reason


def check_emulator(model: Model, design: netloom.Design) -> None:
    inputs = design.interface.inputs_from(model.inputs)
    reference = run_all(design.module, inputs)
    for value, emulated in design.emulator.run_all(inputs).items():
        assert np.array_equal(np.broadcast_to(reference[value], emulated.shape), emulated)


def check_simulation(model: Model, design: netloom.Design) -> None:
    x = {name: array[: model.samples] for name, array in model.inputs.items()}
    if not design.interface.batched:
        x = model.inputs
    simulated, predicted = design.simulate(x, raw=True), design.predict(x, raw=True)
    for got, expected in zip(as_list(simulated), as_list(predicted), strict=True):
        assert np.array_equal(got, expected)
    assert design.last_simulation is not None
    assert design.last_simulation.latency_cycles == design.report().latency_cycles


@pytest.mark.slow
@pytest.mark.parametrize("model", available(QUANTIZED), ids=lambda m: m.folder)
def test_quantized_model_equals_its_reference_and_its_hardware(model: Model) -> None:
    design = netloom.compile(model.path, **model.options)
    check_prediction(model, design)
    check_emulator(model, design)
    check_simulation(model, design)


@pytest.mark.slow
@pytest.mark.parametrize("model", [m for m in available(FLOAT) if m.samples], ids=lambda m: m.folder)
def test_float_model_with_a_precision_is_close_and_equals_its_hardware(model: Model) -> None:
    design = netloom.compile(model.path, **model.options)
    check_prediction(model, design)
    check_emulator(model, design)
    check_simulation(model, design)


def hls_options(model: Model) -> dict[str, Any]:
    """Shift-add networks where g++ takes seconds for them, else multipliers; GHDL simulates the networks."""
    small = {"t_jet_mlp_6b_qonnx", "qmlp_unsw_w2a2_qonnx", "qmlp_jettag_6b_qonnx"}
    return model.options if model.folder in small else {**model.options, "strategy": "latency"}


# The model of a million multipliers takes half a minute to compile: once for each kind of header.
C_SIMULATIONS = [
    pytest.param(model, backend, id=f"{model.folder}-{backend}")
    for model in available((*QUANTIZED, *FLOAT))
    for backend in ("vivado", "vitis", "quartus", "catapult")
    if model.samples or backend in ("vitis", "catapult")
]


@pytest.mark.slow
@pytest.mark.parametrize(("model", "backend"), C_SIMULATIONS)
def test_model_gives_the_same_bits_in_every_c_simulation(model: Model, backend: str) -> None:
    design = netloom.compile(model.path, backend=backend, **hls_options(model))
    x = model.inputs
    if design.interface.batched:
        x = {name: array[: max(model.samples, 16)] for name, array in x.items()}
    simulated, predicted = design.simulate(x, raw=True), design.predict(x, raw=True)
    for got, expected in zip(as_list(simulated), as_list(predicted), strict=True):
        assert np.array_equal(got, expected)
    check_prediction(model, design)


@pytest.mark.slow
@pytest.mark.parametrize("model", available(FLOAT), ids=lambda m: m.folder)
def test_float_model_calibrated_from_data_is_close_and_equals_the_interpreter(model: Model) -> None:
    design = netloom.compile(model.path, calibration=model.inputs)
    check_emulator(model, design)
    for got, expected in zip(as_list(design.predict(model.inputs)), model.expected, strict=True):
        scale = float(np.abs(expected).max())
        assert float(np.abs(got.reshape(expected.shape) - expected).max()) <= 0.05 * scale


@pytest.mark.slow
@pytest.mark.parametrize("model", [m for m in available(FLOAT) if not m.deep], ids=lambda m: m.folder)
def test_float_model_calibrated_from_data_equals_its_hardware(model: Model) -> None:
    check_simulation(model, netloom.compile(model.path, calibration=model.inputs))


@pytest.mark.slow
@pytest.mark.parametrize("model", [m for m in available(FLOAT) if not m.samples], ids=lambda m: m.folder)
def test_model_too_large_to_simulate_is_close_and_equals_the_interpreter(model: Model) -> None:
    design = netloom.compile(model.path, **model.options)
    check_prediction(model, design)
    check_emulator(model, design)
