"""Every shared ONNX model with convolutions, through exact fixed-point arithmetic and the emulator."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

from netloom.api import load
from netloom.core.options import CompileOptions
from netloom.ir.arrays import Interface, interface_of
from netloom.ir.interpreter import run
from netloom.ir.nn import TransposeOp
from netloom.ir.program import main, program_ops
from netloom.passes.analysis.chains import is_constant
from netloom.passes.calibrate import observe
from netloom.passes.manager import PassManager, parse
from netloom.sim.emulator import Emulator
from netloom.sim.ports import decode, output_mantissas
from tests.shared import model_file

Array = NDArray[Any]


@dataclass(frozen=True)
class Model:
    """A model, how close it must come to its reference, and what must be left of its transposes.

    Attributes:
        tolerance: largest error, as a part of the largest output; 0 means equal.
        samples: how many of the inputs are predicted.
        transposes: nodes whose data are turned round at run time, outside of pixels.
    """

    folder: str
    tolerance: float
    samples: int = 200
    file: str = "model.onnx"
    transposes: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, Array]:
        return dict(np.load(model_file(self.folder, "inputs.npz")))

    @property
    def expected(self) -> Array:
        arrays = np.load(model_file(self.folder, "expected.npz"))
        (name,) = arrays.files
        return np.asarray(arrays[name])

    @property
    def is_here(self) -> bool:
        return model_file(self.folder, self.file).exists()


KERAS = "model_tf2onnx.onnx"
DECODED = 1e-6
"""The host decodes with one float64 scale; the reference scales in float32 steps."""
CALIBRATED = 0.005
"""Formats of 16 bits, sized from the same inputs."""

QUANTIZED = [
    Model("t_mnist_qcnn_w4a4_perch_qonnx", DECODED),
    Model("t_cifar_resnet_w4a4_trunc_qonnx", DECODED, transposes=("node_Conv_166",)),
]
LARGE = [
    Model("sepconv_w4a4_qonnx", 0),
    Model("unet_tiny_w4a4_qonnx", 0),
]
FLOAT = [
    Model("t_mnist_cnn_float", CALIBRATED),
    Model("cnn1d_small_onnx", CALIBRATED),
    Model("cnn_mnist_cntk_onnx", CALIBRATED),
    Model("t_camvid_unet_float", CALIBRATED, 8, transposes=("/a/a.0/Conv", "/o/Conv")),
    Model("dscnn_kws_mlperf_onnx", CALIBRATED, 16),
    Model("resnet8_mlperf_keras", CALIBRATED, 32, KERAS),
    Model("mobilenet_vww_mlperf_keras", CALIBRATED, 8, KERAS),
    Model("dscnn_sww_mlperf_keras", CALIBRATED, 16, KERAS),
    Model("cnn_emd_econt_keras", CALIBRATED, 16, KERAS),
]


def here(models: list[Model]) -> list[Model]:
    return [model for model in models if model.is_here]


def test_continuous_integration_has_every_convolutional_model() -> None:
    missing = [m.folder for m in (*QUANTIZED, *LARGE, *FLOAT) if not m.is_here]
    assert not (os.environ.get("CI") and missing)


def samples(model: Model, interface: Interface) -> list[Array]:
    """The first inputs of a model; those of a model of one input may have another name."""
    given = model.inputs
    if len(interface.inputs) == 1:
        given = {next(iter(interface.inputs)): next(iter(given.values()))}
    if interface.batched:
        given = {name: array[: model.samples] for name, array in given.items()}
    return interface.inputs_from(given)


def exact(model: Model, *, calibrated: bool) -> tuple[ModuleOp, list[Array]]:
    """The program in exact fixed-point arithmetic, and its inputs."""
    module = load(model_file(model.folder, model.file))
    interface = interface_of(module)
    inputs = samples(model, interface)
    before, after = CompileOptions.from_user(model.options).pipeline
    PassManager(parse(before)).run(module)
    if calibrated:
        observe(
            module,
            {
                k: v.reshape(len(v), *interface.sample_shape(interface.inputs[k]))
                for k, v in zip(interface.inputs, inputs, strict=True)
            },
        )
    PassManager(parse(after)).run(module)
    return module, inputs


def turned(module: ModuleOp) -> tuple[str, ...]:
    """Nodes whose images are transposed at run time."""
    return tuple(
        op.origin_name
        for op in program_ops(main(module))
        if isinstance(op, TransposeOp) and len(op.order) <= 4 and not is_constant(op.input)
    )


def check(model: Model, *, calibrated: bool) -> None:
    module, inputs = exact(model, calibrated=calibrated)
    emulator = Emulator(module)
    (got,) = decode(module, output_mantissas(module, emulator, inputs))
    expected = model.expected[: len(inputs[0])] if interface_of(module).batched else model.expected
    got = got.reshape(expected.shape)
    assert np.abs(got - expected).max() <= model.tolerance * np.abs(expected).max()
    assert turned(module) == model.transposes
    labels = model_file(model.folder, "labels.npz")
    if labels.exists():
        truth = next(iter(np.load(labels).values()))[: len(expected)]
        ours, theirs = ((each.argmax(axis=1) == truth).mean() for each in (got, expected))
        assert abs(ours - theirs) <= 0.002


@pytest.mark.parametrize("model", here(QUANTIZED), ids=lambda m: m.folder)
def test_quantized_model_equals_its_reference(model: Model) -> None:
    check(model, calibrated=False)


@pytest.mark.parametrize("model", here(FLOAT[:2]), ids=lambda m: m.folder)
def test_small_float_model_with_calibration_is_close_to_its_reference(model: Model) -> None:
    check(model, calibrated=True)


@pytest.mark.slow
@pytest.mark.parametrize("model", here(LARGE), ids=lambda m: m.folder)
def test_large_quantized_model_equals_its_reference(model: Model) -> None:
    check(model, calibrated=False)


@pytest.mark.slow
@pytest.mark.parametrize("model", here(FLOAT[2:]), ids=lambda m: m.folder)
def test_float_model_with_calibration_is_close_to_its_reference(model: Model) -> None:
    check(model, calibrated=True)


@pytest.mark.slow
@pytest.mark.parametrize("model", here([*QUANTIZED, *FLOAT]), ids=lambda m: m.folder)
def test_emulator_equals_the_interpreter_on_every_value_that_leaves(model: Model) -> None:
    module, inputs = exact(model, calibrated=model in FLOAT)
    few = [array[:2] for array in inputs]
    for got, expected in zip(Emulator(module).run(few), run(module, few), strict=True):
        assert np.array_equal(got, expected)


SUPER_RESOLUTION = Model("sr_espcn_nnresize_w4a4_qonnx", 0, 1)


@pytest.mark.slow
@pytest.mark.parametrize("model", here([SUPER_RESOLUTION]), ids=lambda m: m.folder)
def test_super_resolution_has_the_levels_of_the_model_in_float64(model: Model) -> None:
    source = load(model_file(model.folder, model.file))
    module, inputs = exact(model, calibrated=False)
    (got,) = decode(module, output_mantissas(module, Emulator(module), inputs))
    (wanted,) = run(source, inputs, np.float64)
    assert np.allclose(got, wanted, rtol=0, atol=1e-9)
    # The reference rounds in float32 between its quantizers: a level differs here and there.
    off = np.abs(got[:, 0] - model.expected[:1])
    assert (off > 1e-6).mean() < 1e-3 and off.max() < 1.01 / 127
