"""What the commands share: arguments, messages, and a compilation with its progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from netloom.core.diagnostics import CompileError

if TYPE_CHECKING:
    from netloom.api import Design

output = Console()
errors = Console(stderr=True)

Model = Annotated[
    Path,
    typer.Argument(help="Model file: .onnx (ONNX, QONNX), .mlir (netloom IR), or trees: .json, .ubj, .txt."),
]
Backend = Annotated[str, typer.Option("--backend", "-b", help="Backend; 'netloom backends' lists them.")]
Io = Annotated[str, typer.Option("--io", help="parallel: everything at once; stream: through FIFOs.")]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        "-p",
        help="Formats of what the model does not quantize, e.g. 'fixed<16,6>; fc1*: weight=fixed<8,2>'.",
    ),
]
InputPrecision = Annotated[
    str, typer.Option("--input-precision", help="Format of inputs: 'fixed<8,3>' or 'name=fixed<8,3>; ...'.")
]
Calibration = Annotated[
    Path | None, typer.Option("--calibration", help="Inputs (.npz by input name, or .npy) that size formats.")
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", help="name=value: any option of the compiler or the backend, repeatable."),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show passes with their times.")]
Inputs = Annotated[Path, typer.Option("--inputs", "-i", help="Inputs: .npz by input name, or .npy.")]


OWN_FLAGS = ("backend", "io", "precision", "input_precision", "calibration", "progress", "print_ir")
"""Arguments of the compiler that the command line sets by flags of their own, or itself."""


@contextmanager
def reporting() -> Iterator[None]:
    """Errors as messages, not as stack traces; exit code 1 (130 when interrupted)."""
    try:
        yield
    except CompileError as error:
        errors.print(f"error {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        errors.print("interrupted; nothing was written")
        raise typer.Exit(130) from None


def option_values(texts: list[str] | None) -> dict[str, Any]:
    """name=value texts as options; numbers and booleans are recognised."""
    values: dict[str, Any] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise CompileError("NL203", f"option '{text}' has no value", origin=name, supported="name=value")
        try:
            values[name.replace("-", "_")] = json.loads(value)
        except json.JSONDecodeError:
            values[name.replace("-", "_")] = value
    for name in set(values) & set(OWN_FLAGS):
        raise CompileError(
            "NL201",
            f"'{name}' is not an option of -o",
            origin=name,
            hint=f"use --{name.replace('_', '-')}",
        )
    return values


def read_arrays(path: Path | None) -> Any:
    """Inputs from a file: a dict for .npz, an array for .npy."""
    import numpy as np

    if path is None:
        return None
    try:
        loaded = np.load(path)
        if hasattr(loaded, "files"):
            return {name: loaded[name] for name in loaded.files}
        return loaded
    except (OSError, ValueError) as error:
        raise CompileError("NL101", str(error), origin=path.name, supported=".npz and .npy files") from error


@contextmanager
def working(first: str) -> Iterator[Callable[[str], None]]:
    """A line on the terminal that says what is being done, and for how long."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task(first)
        yield lambda text: bar.update(task, description=text)


def compile_model(
    model: Path,
    backend: str,
    io: str,
    precision: str,
    input_precision: str,
    calibration: Path | None,
    options: list[str] | None,
    verbose: bool,
) -> Design:
    """Compile with a progress line on the terminal."""
    from netloom.api import compile as compile_design

    with working("reading") as show:
        design = compile_design(
            model,
            backend=backend,
            io=io,
            precision=precision or None,
            input_precision=input_precision or None,
            calibration=read_arrays(calibration),
            progress=show,
            **option_values(options),
        )
    if verbose:
        for timing in design.timings:
            errors.print(f"{timing.seconds * 1000:9.1f} ms  {timing.name}", highlight=False)
    return design
