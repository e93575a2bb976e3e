"""Shared models without recurrence and trees mean what their references computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from netloom.core.diagnostics import CompileError
from netloom.frontends.onnx.plugin import OnnxFrontend
from netloom.ir.arrays import interface_of
from netloom.ir.interpreter import run
from netloom.ir.text import parse_module, print_module
from tests.shared import model_file, present


@dataclass(frozen=True)
class Imported:
    """A model file and the largest deviation of the float32 interpreter from the reference.

    `tolerance` is relative to the largest output; 0 means equal.
    """

    folder: str
    tolerance: float = 0.0
    file: str = "model.onnx"
    batched: bool = True


ORDER = 1e-6
"""Float32 sums in another order than the reference's library: a few units of 2^-24 for each layer."""

MODELS = [
    # All products and sums of these are exact in float32: integers times a common scale.
    Imported("t_jet_mlp_6b_qonnx"),
    Imported("bnn_tfc_1w1a_qonnx"),
    Imported("bnn_tfc_1w2a_qonnx"),
    Imported("qmlp_tfc_2w2a_qonnx"),
    Imported("qmlp_unsw_w2a2_qonnx"),
    # A softmax in float32, and scales for each channel that are not powers of two.
    Imported("qmlp_jettag_6b_qonnx", ORDER),
    Imported("qmlp_kws_w3a3_qonnx", ORDER),
    Imported("t_jet_mlp_float", ORDER),
    Imported("t_jet_vae_float", ORDER),
    Imported("t_jet_in16_float", ORDER),
    Imported("t_jet_transformer_float", ORDER),
    Imported("mlp_jet3l_float_onnx", ORDER),
    Imported("mlp_jet_big_float_onnx", ORDER),
    Imported("mlp_jet3l_pruned70_keras", ORDER, "model_tf2onnx.onnx"),
    Imported("transformer_btag_keras", ORDER, "model_tf2onnx.onnx"),
    Imported("sdp_attention_onnx", ORDER, batched=False),
    Imported("t_mnist_cnn_float", ORDER),
    Imported("cnn_mnist_cntk_onnx", ORDER),
    Imported("cnn1d_small_onnx", ORDER),
    Imported("t_mnist_qcnn_w4a4_perch_qonnx", ORDER),
    Imported("t_cifar_resnet_w4a4_trunc_qonnx", ORDER),
    # Ten layers with batch normalisation, whose slope and offset we round once before the product.
    Imported("ae_toycar_mlperf_keras", 3e-5, "model_tf2onnx.onnx"),
]


@pytest.mark.parametrize("model", [m for m in MODELS if present([m.folder])], ids=lambda model: model.folder)
def test_interpreter_agrees_with_the_reference(model: Imported) -> None:
    module = OnnxFrontend().load(model_file(model.folder, model.file))
    interface = interface_of(module)
    assert interface.batched is model.batched
    feeds = np.load(model_file(model.folder, "inputs.npz"))
    given = {name: feeds[name if name in feeds else feeds.files[0]] for name in interface.inputs}
    outputs = run(module, interface.inputs_from(given))
    expected = np.load(model_file(model.folder, "expected.npz"))
    for got, name in zip(outputs, expected.files, strict=True):
        wanted = expected[name]
        deviation = np.abs(got.reshape(wanted.shape) - wanted).max()
        assert deviation <= model.tolerance * np.abs(wanted).max()


@pytest.mark.parametrize("model", [m for m in MODELS if present([m.folder])], ids=lambda model: model.folder)
def test_text_of_an_imported_model_reads_back_to_the_same_text(model: Imported) -> None:
    module = OnnxFrontend().load(model_file(model.folder, model.file))
    text = print_module(module)
    assert print_module(parse_module(text)) == text


REFUSED = {
    "lstm_jet_keras": "operator LSTM is not supported",
    "t_vowels_gru_float": "operator GRU is not supported",
}


@pytest.mark.parametrize("folder", present(REFUSED))
def test_a_model_of_another_kind_is_refused_by_its_first_operator(folder: str) -> None:
    path = next(model_file(folder, "inputs.npz").parent.glob("*.onnx"))
    with pytest.raises(CompileError) as caught:
        OnnxFrontend().load(path)
    assert (caught.value.code, caught.value.found) == ("NL103", REFUSED[folder])
    assert caught.value.origin.startswith(f"{path.name}: ")
