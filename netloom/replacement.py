"""Other trees for a design whose trees stand in memories, without new synthesis."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from netloom.api import Design, Instruments, find_backend, load, split_options
from netloom.core.diagnostics import CompileError
from netloom.ir.text import load_module
from netloom.passes.analysis.tree_replacement import check_same_hardware, keep
from netloom.passes.calibrate import observe


def with_trees(design: Design, model: Any, *, calibration: object = None) -> Design:
    """The same hardware with the trees of another model in its memories.

    Args:
        design: compiled with strategy `memory`.
        model: what `netloom.compile` takes, with the same inputs and outputs.
        calibration: inputs [n, ...], if the design was compiled with such.

    Returns:
        A design that predicts what the hardware gives with the new trees; `tree_image` is what to load.

    Raises:
        CompileError: NL203 when the design has no trees in memories, NL610 when the model does not fit it,
            and what reading and compiling the model raises.
    """
    module = load(model)
    instruments = Instruments(None, None, None)
    before = design.options.pipeline[0]
    clean, clean_timings = instruments.run(before, module)
    source = module.clone()
    kept = keep(design.module, module, design.options.precision)
    options = replace(design.options, input_precision=kept.input_precision, precision=kept.precision)
    if calibration is not None:
        observe(module, calibration)
    rest = f"{options.pipeline[1]},{design.backend.pipeline(design.backend_options)}"
    text, timings = instruments.run(rest, module)
    check_same_hardware(design.module, module)
    return Design(
        module,
        source,
        design.backend,
        options,
        design.backend_options,
        design.io,
        f"{clean},{text}",
        [*clean_timings, *timings],
    )


def read_project(directory: str | Path) -> Design:
    """The design of a project that `Design.write` or 'netloom compile' wrote.

    Raises:
        CompileError: NL605 for a directory that is none.
    """
    place = Path(directory) / "netloom"
    try:
        options = json.loads((place / "options.json").read_text(encoding="utf-8"))
        backend = find_backend(options.pop("backend"), options["io"])
        pipeline = (place / "pipeline.txt").read_text(encoding="utf-8").strip()
    except (OSError, ValueError, KeyError) as error:
        raise CompileError(
            "NL605",
            "it is no project that netloom has written",
            origin=str(directory),
            hint="name the directory of Design.write or 'netloom compile -d'",
        ) from error
    io = options.pop("io")
    common, own = split_options(backend, io, options)
    return Design(load_module(place / "design.mlir"), None, backend, common, own, io, pipeline)


def load_trees(project: str | Path, model: Any, *, calibration: object = None) -> Design:
    """`with_trees` for a written project.

    Raises:
        CompileError: NL605 for a directory that is no project, and what `with_trees` raises.
    """
    return with_trees(read_project(project), model, calibration=calibration)
