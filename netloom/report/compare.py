"""Layer by layer: how far the compiled values are from the reference's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

from netloom.core.diagnostics import CompileError


@dataclass(frozen=True)
class LayerError:
    """One layer's departure from its reference, in real units.

    Attributes:
        origin: the source node.
        largest: largest absolute error over all samples and elements.
        mean: mean absolute error.
        rms: root mean square of the error.
        reference_largest: largest magnitude of the reference.
    """

    origin: str
    largest: float
    mean: float
    rms: float
    reference_largest: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """All layers, in order of the program."""

    layers: tuple[LayerError, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table("layer", "max error", "mean error", "rms error", "largest value", title="Compared")
        for row in self.layers:
            numbers = (row.largest, row.mean, row.rms, row.reference_largest)
            table.add_row(row.origin, *(f"{number:.4g}" for number in numbers))
        yield table

    def __str__(self) -> str:
        console = Console(width=110, record=True, file=open_null())
        console.print(self)
        return console.export_text()

    def plot(self, path: str | Path) -> Path:
        """A bar chart of the errors (extra `plot`), as PNG or SVG by the path's ending.

        Raises:
            CompileError: NL603 without matplotlib.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise CompileError(
                "NL603",
                "matplotlib is not installed",
                origin="plot",
                hint="pip install 'netloom[plot]'",
            ) from error
        rows = self.layers
        figure = Figure(figsize=(8, 0.35 * len(rows) + 1.5), layout="constrained")
        axes = figure.subplots()
        positions = np.arange(len(rows))
        axes.barh(positions - 0.2, [row.largest for row in rows], 0.4, label="largest")
        axes.barh(positions + 0.2, [row.rms for row in rows], 0.4, label="rms")
        axes.set_yticks(positions, [row.origin for row in rows])
        axes.invert_yaxis()
        if any(row.largest > 0 for row in rows):
            axes.set_xscale("log")
        axes.set_xlabel("error against the imported model")
        axes.legend()
        figure.savefig(Path(path), metadata={} if str(path).endswith(".png") else {"Date": None})
        return Path(path)


def open_null() -> Any:
    """A stream that goes nowhere, for recording consoles."""
    import io

    return io.StringIO()


def compare_traces(values: Mapping[str, NDArray[Any]], reference: Mapping[str, NDArray[Any]]) -> Comparison:
    """Rows for the layers that both have, where shapes agree.

    Raises:
        CompileError: NL202 when they have no layer in common.
    """
    rows: list[LayerError] = []
    for origin, value in values.items():
        expected = reference.get(origin)
        if expected is None or expected.size != value.size or value.size == 0:
            continue
        error = np.abs(value - expected.reshape(value.shape))
        rms = float(np.sqrt(np.mean(np.square(error))))
        largest = float(np.abs(expected).max())
        rows.append(LayerError(origin, float(error.max()), float(error.mean()), rms, largest))
    if not rows:
        raise CompileError(
            "NL202",
            "no layer of the design is in the reference",
            origin="reference",
            supported=", ".join(values),
        )
    return Comparison(tuple(rows))
