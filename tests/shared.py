"""Where models and figures are, and the models that this version compiles.

Own small models are in `tests/data`. Others are read from `../shared` when it is beside the repository;
tests of models that are not there are left out of the collection, which the header of a run says, and
`test_models.py` requires all of them in continuous integration.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

REPOSITORY = Path(__file__).parents[1]
SHARED = REPOSITORY.parent / "shared"
EXAMPLE = REPOSITORY / "examples" / "jet_tagger"
DATA = Path(__file__).parent / "data"


def model_file(folder: str, file: str = "model.onnx") -> Path:
    """The file of a model or of its data: ours, else the shared one."""
    own = EXAMPLE / file if (folder, file) == ("t_jet_mlp_6b_qonnx", "model.onnx") else DATA / folder / file
    return own if own.exists() else SHARED / "models" / folder / file


def present(folders: Iterable[str]) -> list[str]:
    """Those of the models that this machine has."""
    return [folder for folder in folders if model_file(folder, "inputs.npz").exists()]


@dataclass(frozen=True)
class Model:
    """A model of ../shared/models, how it is compiled here, and how close it must come.

    Attributes:
        tolerance: largest absolute error against the reference; 0 means equal.
        reason: why it is not 0.
        samples: how many samples GHDL simulates; 0 for the one model of a million multipliers, whose
            simulation takes 7 GB: its ops are simulated in `tests/backends` and the transformer here.
        deep: so many cycles and operations that simulating it once is enough.
    """

    folder: str
    options: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 0.0
    reason: str = ""
    samples: int = 4
    deep: bool = False
    file: str = "model.onnx"

    @property
    def path(self) -> Path:
        """The model file."""
        return model_file(self.folder, self.file)

    @property
    def inputs(self) -> dict[str, NDArray[Any]]:
        """Inputs by name."""
        return dict(np.load(model_file(self.folder, "inputs.npz")))

    @property
    def expected(self) -> list[NDArray[Any]]:
        """Reference outputs in order."""
        arrays = np.load(model_file(self.folder, "expected.npz"))
        return [arrays[name] for name in arrays.files]


DECODED = "the host decodes with one float64 scale; the reference scales in float32 steps"
ROUNDED_INPUT = "inputs are rounded to 18 fraction bits, softmax is a table of 12 index bits"
FIXED = {"precision": "fixed<32,12>"}
TABLES = "tables of 12 index bits for exp, 1/x and 1/sqrt(x)"
ROUNDED = "20 fraction bits for weights and results"

QUANTIZED = [
    Model("t_jet_mlp_6b_qonnx", samples=256),
    Model("qmlp_unsw_w2a2_qonnx", {"input_precision": "fixed<2,2>"}, samples=48),
    Model("bnn_tfc_1w1a_qonnx", {}, 1e-6, DECODED, 16),
    Model("bnn_tfc_1w2a_qonnx", {}, 1e-6, DECODED, 16),
    Model("qmlp_tfc_2w2a_qonnx", {}, 1e-6, DECODED, 16),
    Model("qmlp_kws_w3a3_qonnx", {}, 1e-5, DECODED, 8),
    Model("qmlp_jettag_6b_qonnx", {"input_precision": "fixed<24,6>"}, 4e-3, ROUNDED_INPUT, 32),
]
FLOAT = [
    Model("t_jet_mlp_float", FIXED, 1e-4, ROUNDED),
    Model("t_jet_vae_float", FIXED, 1e-4, ROUNDED),
    Model("mlp_jet3l_float_onnx", FIXED, 2e-3, TABLES),
    Model("mlp_jet_big_float_onnx", FIXED, 1e-3, TABLES),
    Model("t_jet_in16_float", FIXED, 1e-3, ROUNDED, 1, deep=True),
    Model("t_jet_transformer_float", FIXED, 1e-2, TABLES, 1, deep=True),
    Model("sdp_attention_onnx", FIXED, 5e-3, TABLES, 0, deep=True),
]


def available(models: Iterable[Model]) -> list[Model]:
    """Those of the models that this machine has."""
    return [model for model in models if model.path.exists()]
