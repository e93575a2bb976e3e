"""Boosted trees and forests beside conifer's VHDL backend, in one run.

    .venv/bin/python benchmarks/trees.py [--only jets_gbc20d3] [--repeats 3] [--verify | --no-synthesis]
    .venv/bin/python benchmarks/trees.py --jets [--plot docs/images/jet_taggers.svg]

conifer has an environment of its own; without it, the commands that make it are printed. Both sides get the
same fitted model, formats (fixed<18,8>: inputs, thresholds, scores), GHDL and Yosys `synth_xilinx -family
xcup`. Times are medians of processor seconds, with those of compilers and simulators that a tool starts:

- conversion: from the loaded model to written VHDL. Ours also as the first of a process, imports excepted.
- emulation, for each sample: netloom's `predict`; conifer's `decision_function` on its VHDL model, which runs
  GHDL, and on its C++ model, which equals it and has to be compiled by g++ first.
- cycles: registers between inputs and scores; conifer's counted in GHDL, ours predicted for 5 and for 2 ns.

With `--verify` the netlists of both sides are run, and must give the scores of the emulators in that cycle.
Models: those of ../shared/baselines/trees and others that are fitted here to ../shared/data/jets.npz.
`--jets` compares a histogram-based ensemble of scikit-learn, the XGBoost model of examples/jet_trees and the
6-bit network of examples/jet_tagger on the same jets: accuracy, latency and estimated LUTs.
"""

from __future__ import annotations

import argparse
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import conifer_peer
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import netloom
from netloom.build.report import Utilisation

REPOSITORY = Path(__file__).parents[1]
SHARED = REPOSITORY.parent / "shared"
MODELS = SHARED / "baselines" / "trees"
FORMAT = "fixed<18,8>"
OPTIONS = {"input_precision": FORMAT, "precision": FORMAT, "cut_softmax": True}
ROWS = 200_000
PEER_ROWS = 10_000
VERIFIED = 256
"""Samples on which netlists are compared with emulators."""

LUT_LIMIT, TIME_LIMIT = 0.7, 10.0
"""What is asked for: LUTs at most this part of conifer's, times at most one tenth, cycles at most as many."""

RECORDED = {
    "hastie_gbc100d4": MODELS / "hastie_gbc100d4.onnx",
    "hastie_xgb100d4": MODELS / "hastie_xgb100d4.json",
    "syn16x5_gbc20d4": MODELS / "syn16x5_gbc20d4.onnx",
}


def jets_model(kind: str, trees: int, depth: int, binary: bool) -> Any:
    """An unfitted model of scikit-learn, and the jets to fit it to."""
    from sklearn import ensemble

    made = getattr(ensemble, kind)(n_estimators=trees, max_depth=depth, random_state=0)
    data = np.load(SHARED / "data" / "jets.npz")
    x, label = on_grid(data["x_train"][:10_000]), data["y_train"][:10_000]
    return made.fit(x, (label == 4).astype(np.int64) if binary else label)


FITTED: dict[str, tuple[str, int, int, bool]] = {
    "jets_gbc100d4": ("GradientBoostingClassifier", 100, 4, True),
    "jets_gbc20x5d4": ("GradientBoostingClassifier", 20, 4, False),
    "jets_gbc20d3": ("GradientBoostingClassifier", 20, 3, True),
    "jets_rf20d5": ("RandomForestClassifier", 20, 5, True),
}
"""Class, rounds or trees, depth; gluons against all others, or five classes."""


@dataclass(frozen=True)
class Ours:
    """What netloom took and gave; times are processor seconds."""

    convert_s: float
    first_s: float
    predict_s: float
    scores: NDArray[np.float64]
    cycles: tuple[int, int]
    use: Utilisation | None


def on_grid(x: NDArray[Any]) -> NDArray[np.float64]:
    """The nearest numbers that the format has, so that nobody rounds them in another way."""
    found: NDArray[np.float64] = np.clip(np.floor(x * 1024.0 + 0.5), -(2**17), 2**17 - 1) / 1024
    return found


def seconds(work: Callable[[], Any], repeats: int) -> float:
    """Median processor time."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return statistics.median(found)


FIRST = """
import pickle, sys, time
from pathlib import Path
import netloom
path = Path(sys.argv[1])
model = pickle.loads(path.read_bytes()) if path.suffix == ".pickle" else path
start = time.process_time()
netloom.compile(model, **eval(sys.argv[3])).write(sys.argv[2])
print(time.process_time() - start)
"""


def ours(path: Path, x: NDArray[Any], directory: Path, repeats: int, synthesize: bool, verify: bool) -> Ours:
    """Measure netloom."""
    model = pickle.loads(path.read_bytes()) if path.suffix == ".pickle" else path
    command = [sys.executable, "-c", FIRST, str(path), str(directory / "first"), repr(OPTIONS)]
    first = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    design = netloom.compile(model, **OPTIONS)
    scores = plain(design.predict(x))
    convert = seconds(lambda: netloom.compile(model, **OPTIONS).write(directory / "p"), repeats)
    many = np.tile(x, (ROWS // len(x) + 1, 1))[:ROWS]
    emulate = seconds(lambda: design.predict(many), repeats) / ROWS
    faster = netloom.compile(model, clock_period_ns=2.0, **OPTIONS).report().latency_cycles
    use = None
    if synthesize:
        given = x[:VERIFIED] if verify else 0
        report = design.build(directory / "b", verify=given, targets="xcup", route=False, bitstream=False)
        use = report.targets["xcup"].utilisation
    cycles = (design.report().latency_cycles, faster)
    return Ours(convert, first, emulate, scores, cycles, use)


def plain(scores: Any) -> NDArray[np.float64]:
    """The scores; of a model with labels, the second output."""
    found: NDArray[np.float64] = list(scores.values())[-1] if isinstance(scores, dict) else scores
    return found.reshape(len(found), -1)


def library_classes(path: Path, x: NDArray[Any]) -> NDArray[np.int64]:
    """Classes of the library that the model is from."""
    if path.suffix == ".pickle":
        return np.asarray(pickle.loads(path.read_bytes()).predict(x))
    if path.suffix == ".json":
        import xgboost

        return (xgboost.Booster(model_file=path).inplace_predict(x) > 0.5).astype(np.int64)
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    label = session.run(None, {session.get_inputs()[0].name: x.astype(np.float32)})[0]
    return np.asarray(label).astype(np.int64)


def classes(scores: NDArray[Any], forest: bool) -> NDArray[np.int64]:
    """Classes by scores; of two classes conifer has the second's margin, or the first's share of a forest."""
    if scores.shape[1] > 1:
        return scores.argmax(axis=1)
    return (scores[:, 0] < 0.5 if forest else scores[:, 0] > 0).astype(np.int64)


def source_of(name: str, directory: Path) -> tuple[Path, NDArray[np.float64]]:
    """A file of the model that both sides read, and inputs."""
    if name in RECORDED:
        return RECORDED[name], on_grid(np.load(MODELS / f"{name}.npz")["X"])
    path = directory / "model.pickle"
    path.write_bytes(pickle.dumps(jets_model(*FITTED[name])))
    return path, on_grid(np.load(SHARED / "data" / "jets.npz")["x_test"][:PEER_ROWS])


def compare(names: list[str], repeats: int, synthesize: bool, verify: bool, console: Console) -> bool:
    """Print a row for each model in two tables; whether all that is asked for was reached."""
    space = Table("model", "cycles", "at 2 ns", "LUT", "ratio", "FF", title="hardware: netloom / conifer")
    speed = Table("model", "conversion s", "ratio", "(first)", "GHDL us", "ratio", "C++ us", "ratio",
                  "g++ s", "classes of the library", title="times: netloom / conifer")  # fmt: skip
    reached = True
    for name in names:
        with tempfile.TemporaryDirectory() as temporary:
            directory = Path(temporary)
            path, x = source_of(name, directory)
            checked = VERIFIED if verify else 0
            theirs = conifer_peer.run(
                path, x, directory / "peer", f"ap_{FORMAT}", repeats, synthesize, checked
            )
            mine = ours(path, x, directory, repeats, synthesize, verify)
            label = library_classes(path, x)
        forest = "_rf" in name
        same = [
            float(np.mean(classes(scores, forest) == label[: len(scores)]))
            for scores in (mine.scores, theirs.scores)
        ]
        row = [name, f"{mine.cycles[0]} / {theirs.cycles}", str(mine.cycles[1])]
        reached &= max(mine.cycles) <= theirs.cycles
        if mine.use is not None and theirs.use is not None:
            part = mine.use.lut / theirs.use.lut
            reached &= part <= LUT_LIMIT
            row += [f"{mine.use.lut} / {theirs.use.lut}", f"{part:.2f}", f"{mine.use.ff} / {theirs.use.ff}"]
        space.add_row(*row)
        factors = [
            theirs.convert_s / mine.convert_s,
            theirs.ghdl_s / mine.predict_s,
            theirs.cpp_s / mine.predict_s,
        ]
        reached &= min(factors) >= TIME_LIMIT
        microseconds = [each * 1e6 for each in (mine.predict_s, theirs.ghdl_s, theirs.cpp_s)]
        speed.add_row(
            name,
            f"{mine.convert_s:.3f} / {theirs.convert_s:.2f}", f"{factors[0]:.0f}", f"{mine.first_s:.2f}",
            f"{microseconds[0]:.2f} / {microseconds[1]:.0f}", f"{factors[1]:.0f}",
            f"{microseconds[0]:.2f} / {microseconds[2]:.1f}", f"{factors[2]:.0f}",
            f"{theirs.first_s:.1f}", f"{same[0]:.4f} / {same[1]:.4f}",
        )  # fmt: skip
        console.print(" ".join(row))
    console.print(space)
    console.print(speed)
    console.print("LUTs, cycles and times: " + ("as asked for" if reached else "NOT as asked for"))
    return reached


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


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=[*RECORDED, *FITTED], action="append", help="this model only")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-synthesis", action="store_true", help="no LUTs, which take minutes")
    parser.add_argument("--verify", action="store_true", help="run the netlists too")
    parser.add_argument("--jets", action="store_true", help="compare taggers on jets")
    parser.add_argument("--plot", type=Path, help="draw the taggers into this .svg file")
    arguments = parser.parse_args()
    console = Console(width=160)
    if arguments.jets:
        console.print(jets(arguments.plot))
        return 0
    names = arguments.only or [*RECORDED, *FITTED]
    synthesize = not arguments.no_synthesis
    return 0 if compare(names, arguments.repeats, synthesize, arguments.verify, console) else 1


if __name__ == "__main__":
    sys.exit(main())
