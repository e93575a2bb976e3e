"""netloom trees: a loader file of other trees for a design that has been compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netloom.cli.common import Calibration, Model, errors, output, read_arrays, reporting
from netloom.core.diagnostics import CompileError


def trees_command(
    project: Annotated[
        Path, typer.Argument(help="A written project whose trees stand in memories (strategy=memory).")
    ],
    model: Model,
    file: Annotated[Path, typer.Option("--output", "-o", help="The loader file to write.")],
    calibration: Calibration = None,
) -> None:
    """Other trees for a compiled design: what to write to its memories, without new synthesis."""
    with reporting():
        from netloom.replacement import load_trees

        design = load_trees(project, model, calibration=read_arrays(calibration))
        image = design.tree_image()
        try:
            file.write_text(image.text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise CompileError("NL501", f"{error.strerror or error}", origin=str(file)) from error
        output.print(f"{design.name}: {len(image.words)} words in {file}", markup=False, highlight=False)
        for note in design.notes:
            errors.print(f"note: {note.origin}: {note.text}", markup=False, highlight=False)
