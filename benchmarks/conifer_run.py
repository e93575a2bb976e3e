"""One model through conifer, in conifer's own environment; `conifer_peer.py` calls it.

    python conifer_run.py MODEL INPUTS.npy DIRECTORY PRECISION REPEATS

MODEL is a fitted model of scikit-learn (.pickle), of XGBoost (.json), or ONNX-ML (.onnx). Writes the projects
`vhdl` and `cpp` and their scores `vhdl.npy`, `cpp.npy` into DIRECTORY, and prints one line of JSON: for each
backend lists of processor seconds, with those of the compilers and the simulator that conifer starts.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import conifer
import numpy as np
from conifer.backends.vhdl import simulators

ROWS = {"vhdl": 1000, "cpp": 10_000}
"""Samples that are scored at a time: GHDL needs milliseconds for each."""


def seconds(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work gives, and processor seconds of this process and of all that it started."""
    start = spent()
    found = work()
    return found, spent() - start


def spent() -> float:
    """Processor seconds up to now."""
    of = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in of)


def loaded(path: Path) -> tuple[Callable[..., Any], Any]:
    """conifer's converter for a model, and the model."""
    if path.suffix == ".json":
        import xgboost

        booster = xgboost.Booster(model_file=path)
        # A file does not have what conifer pads all trees to; an indent of the dump is one level.
        depth = max(line.count("\t") for tree in booster.get_dump() for line in tree.splitlines())
        booster.set_param({"max_depth": depth})
        return conifer.converters.convert_from_xgboost, booster
    if path.suffix == ".onnx":
        import onnx

        return conifer.converters.convert_from_onnx, onnx.load(path)
    return conifer.converters.convert_from_sklearn, pickle.loads(path.read_bytes())


def measured(backend: str, source: Path, x: Any, directory: Path, precision: str, repeats: int) -> Any:
    """Times of a backend; its scores go to a file."""
    convert, model = loaded(source)
    config = {"Backend": backend, "OutputDir": str(directory / backend), "ProjectName": "peer"}
    config |= {"Precision": precision, "XilinxPart": "xcvu9p-flgb2104-2L-e"}
    times: dict[str, list[float]] = {"convert": [], "compile": [], "predict": []}

    def written() -> Any:
        found = convert(model, config)
        found.write()
        return found

    for _ in range(repeats):
        project, taken = seconds(written)
        times["convert"].append(taken)
    _, taken = seconds(project.compile)
    times["compile"].append(taken)
    x = x[: ROWS[backend]]
    for _ in range(repeats):
        scores, taken = seconds(lambda: project.decision_function(x))
        times["predict"].append(taken / len(x))
    np.save(directory / f"{backend}.npy", np.reshape(scores, (len(x), -1)))
    return times


def main() -> None:
    """Measure both backends."""
    source, inputs, directory, precision, repeats = sys.argv[1:]
    x, work = np.load(inputs), Path(directory).resolve()
    given = Path(source).resolve()
    os.chdir(work)
    simulators.set_simulator("ghdl")
    found = {each: measured(each, given, x, work, precision, int(repeats)) for each in ("vhdl", "cpp")}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
