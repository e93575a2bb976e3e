"""The models that the kit brings: `models/SOURCE.md` says where each is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netloom.ir.arrays import Interface


@dataclass(frozen=True)
class Model:
    """A model and how it becomes exact.

    Attributes:
        file: its name in `netloom/testing/models`.
        options: options of its compilation.
    """

    file: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its file's name without the ending."""
        return self.file.partition(".")[0]

    @property
    def path(self) -> Path:
        """The file."""
        return Path(str(files("netloom.testing").joinpath("models", self.file)))


NARROW = {"precision": "fixed<10,4>", "table_bits": 6}

MODELS = (
    Model("jet_tagger.onnx"),
    Model("thresholds.mlir"),
    Model("branches.mlir"),
    Model("names.mlir", NARROW),
    Model("classifier.mlir", NARROW),
    Model("attention.mlir", NARROW),
)


def host_inputs(interface: Interface, samples: int) -> dict[str, NDArray[np.float32]]:
    """float32 [samples, *shape] by input name: zero, large ones of both signs, and random ones."""
    rng = np.random.default_rng(7)
    found: dict[str, NDArray[np.float32]] = {}
    for name, shape in interface.inputs.items():
        sample = interface.sample_shape(shape)
        values = rng.normal(0, 2, (samples, *sample)).astype(np.float32)
        values[0], values[1], values[2] = 0.0, 1e4, -1e4
        found[name] = values
    return found
