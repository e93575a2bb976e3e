"""Boosted trees beside conifer 1.11 and the trees' own libraries.

    .venv/bin/python benchmarks/trees.py [--synthesize] [--only hastie_gbc100d4]
    .venv/bin/python benchmarks/trees.py --jets [--plot docs/images/jet_taggers.svg]

The models are those of ../shared/baselines/trees, with inputs and scores of ap_fixed<18,8> as conifer had
them. conifer's figures are quoted: measured on the same kind of machine by the same flow (Yosys
`synth_xilinx -family xcup`), see ../shared/baselines/README.md. Emulation runs on one core against ONNX
Runtime (one thread) and, where the model is one of XGBoost, against XGBoost.

`--jets` compares a histogram-based ensemble of scikit-learn, the XGBoost model of examples/jet_trees and the
6-bit network of examples/jet_tagger on ../shared/data/jets.npz: accuracy, latency and estimated LUTs.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from rich.console import Console
from rich.table import Table

import netloom

REPOSITORY = Path(__file__).parents[1]
SHARED = REPOSITORY.parent / "shared"
MODELS = SHARED / "baselines" / "trees"
FORMAT = "fixed<18,8>"
ROWS = 1_000_000

CONIFER = {
    "hastie_gbc100d4": {"cycles": 15, "lut": 10301, "ff": 6082, "convert": 7.15},
    "hastie_xgb100d4": {"cycles": 15, "lut": 9444, "ff": 5882, "convert": 6.99},
    "syn16x5_gbc20d4": {"cycles": 13, "lut": 11370, "ff": 6164, "convert": 7.0},
}
"""What conifer's VHDL backend needs, and processor seconds of its conversion."""


def seconds(work: Callable[[], Any], repeats: int = 3) -> float:
    """Median processor time."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return float(np.median(found))


def compiled(path: Path) -> netloom.Design:
    """The scores of a model as VHDL."""
    return netloom.compile(path, input_precision=FORMAT, precision=FORMAT, cut_softmax=True)


def library_seconds(name: str, x: np.ndarray) -> dict[str, float]:
    """Processor seconds of the libraries for all rows, one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(MODELS / f"{name}.onnx", options)
    feed = {session.get_inputs()[0].name: x}
    output = session.get_outputs()[0].name
    found = {"ONNX Runtime": seconds(lambda: session.run([output], feed), 1)}
    document = MODELS / f"{name}.json"
    if document.exists():
        import xgboost

        booster = xgboost.Booster({"nthread": 1}, model_file=document)
        found["XGBoost"] = seconds(lambda: booster.inplace_predict(x, predict_type="margin"))
    return found


def compare(names: list[str], synthesize: bool) -> Table:
    """One row for each model."""
    table = Table(title="trees: netloom beside conifer 1.11 (quoted)")
    for column in ("model", "cycles", "LUT", "FF", "LUT ratio", "conversion s", "1e6 rows s", "libraries s"):
        table.add_column(column)
    for name in names:
        path = MODELS / f"{name}.onnx"
        compiled(path).plan  # noqa: B018  # imports and compiled loops are not conversion
        start = time.process_time()
        design = compiled(path)
        _ = design.plan
        convert, peer = time.process_time() - start, CONIFER[name]
        data = np.load(MODELS / f"{name}.npz")["X"].astype(np.float32)
        x = np.tile(data, (ROWS // len(data) + 1, 1))[:ROWS]
        design.predict(x[:100])
        emulated = seconds(lambda design=design, x=x: design.predict(x, raw=True))
        libraries = ", ".join(f"{key} {value:.2f}" for key, value in library_seconds(name, x).items())
        lut, ff = figures(design) if synthesize else ("", "")
        ratio = f"{lut / peer['lut']:.2f}" if lut else ""
        cycles = f"{design.report().latency_cycles} / {peer['cycles']}"
        convert_text = f"{convert:.2f} / {peer['convert']}"
        table.add_row(name, cycles, f"{lut} / {peer['lut']}", f"{ff} / {peer['ff']}", ratio, convert_text,
                      f"{emulated:.2f}", libraries)  # fmt: skip
    return table


def figures(design: netloom.Design) -> tuple[int, int]:
    """LUTs and flip-flops by Yosys."""
    with tempfile.TemporaryDirectory() as directory:
        report = design.build(Path(directory) / "p", targets="xcup", route=False, bitstream=False)
    found = report.targets["xcup"].utilisation
    return found.lut, found.ff


def plotted(points: list[tuple[str, float, int, int]], path: Path) -> None:
    """Accuracy over LUTs, the latency beside each point."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "netloom"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.2))
    for number, (name, accuracy, lut, cycles) in enumerate(points):
        axes.plot(lut, accuracy, "o")
        # Neighbours have their labels above and below.
        offset = (6, -20 if number % 2 else 4)
        axes.annotate(f"{name}\n{cycles} cycles", (lut, accuracy), xytext=offset, textcoords="offset points")
    axes.set(xlabel="LUTs (estimate)", ylabel="accuracy on 10561 jets", xlim=(0, 40000), ylim=(0.715, 0.735))
    axes.grid(alpha=0.3)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def jets(plot: Path | None) -> Table:
    """Accuracy, latency and LUTs of three taggers on real jets."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    data = np.load(SHARED / "data" / "jets.npz")
    x, label = data["x_test"], data["y_test"]
    sklearn_model = HistGradientBoostingClassifier(
        max_iter=20, max_depth=4, learning_rate=0.3, early_stopping=False, random_state=0
    ).fit(data["x_train"], data["y_train"])
    trees = {"input_precision": "fixed<16,6>", "cut_softmax": True}
    given = {
        "scikit-learn, 20 rounds, depth 4": (sklearn_model, trees),
        "XGBoost, 20 rounds, depth 4": (REPOSITORY / "examples/jet_trees/model.json", trees),
        "network, 6 bit": (REPOSITORY / "examples/jet_tagger/model.onnx", {}),
    }
    table = Table(title=f"jets: {len(x)} of the test split, 5 ns clock")
    for column in ("model", "accuracy", "same class as its library", "cycles", "LUT (estimate)"):
        table.add_column(column)
    points: list[tuple[str, float, int, int]] = []
    for name, (model, options) in given.items():
        design = netloom.compile(model, **options)
        found, report = design.predict(x).argmax(axis=1), design.report()
        # The library sees the numbers that arrive in the hardware.
        arriving = np.clip(np.floor(x * 1024 + 0.5), -(2**15), 2**15 - 1) / 1024
        same = f"{np.mean(found == model.predict(arriving)):.4f}" if hasattr(model, "predict") else ""
        lut = sum(row.lut for row in report.layers)
        points.append((name.split(",")[0], float(np.mean(found == label)), lut, report.latency_cycles))
        table.add_row(name, f"{np.mean(found == label):.4f}", same, str(report.latency_cycles), str(lut))
    if plot is not None:
        plotted(points, plot)
    return table


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--synthesize", action="store_true", help="count LUTs with Yosys (minutes)")
    parser.add_argument("--only", choices=CONIFER, action="append", help="this model only")
    parser.add_argument("--jets", action="store_true", help="compare taggers on jets")
    parser.add_argument("--plot", type=Path, help="draw the taggers into this .svg file")
    arguments = parser.parse_args()
    console = Console(width=160)
    console.print(
        jets(arguments.plot)
        if arguments.jets
        else compare(arguments.only or list(CONIFER), arguments.synthesize)
    )


if __name__ == "__main__":
    main()
