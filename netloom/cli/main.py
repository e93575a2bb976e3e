"""netloom: compile, simulate and report from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from netloom.core.diagnostics import CODES, CompileError

if TYPE_CHECKING:
    from netloom.api import Design

app = typer.Typer(
    help="Compile trained networks into FPGA designs, exact bit for bit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
output = Console()
errors = Console(stderr=True)

Model = Annotated[
    Path,
    typer.Argument(help="Model file: .onnx (ONNX, QONNX), .mlir (netloom IR), or trees: .json, .ubj, .txt."),
]
Backend = Annotated[str, typer.Option("--backend", "-b", help="Backend; 'netloom backends' lists them.")]
Io = Annotated[str, typer.Option("--io", help="parallel: everything at once.")]
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

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task("reading")
        design = compile_design(
            model,
            backend=backend,
            io=io,
            precision=precision or None,
            input_precision=input_precision or None,
            calibration=read_arrays(calibration),
            progress=lambda name: bar.update(task, description=name),
            **option_values(options),
        )
    if verbose:
        for timing in design.timings:
            errors.print(f"{timing.seconds * 1000:9.1f} ms  {timing.name}", highlight=False)
    return design


@app.command("compile")
def compile_command(
    model: Model,
    directory: Annotated[Path, typer.Option("--output", "-d", help="Directory of the project.")],
    backend: Backend = "vhdl",
    io: Io = "parallel",
    precision: Precision = "",
    input_precision: InputPrecision = "",
    calibration: Calibration = None,
    option: Options = None,
    verbose: Verbose = False,
) -> None:
    """Compile a model and write the hardware project."""
    with reporting():
        design = compile_model(model, backend, io, precision, input_precision, calibration, option, verbose)
        design.write(directory)
        output.print(f"{design.name}: {len(design.plan.files)} files in {directory}", highlight=False)
        for note in design.notes:
            output.print(f"note: {note.origin}: {note.text}", markup=False, highlight=False)


@app.command()
def simulate(
    model: Model,
    inputs: Inputs,
    backend: Backend = "vhdl",
    io: Io = "parallel",
    precision: Precision = "",
    input_precision: InputPrecision = "",
    calibration: Calibration = None,
    option: Options = None,
    samples: Annotated[int, typer.Option("--samples", "-n", help="Most samples to simulate; 0: all.")] = 100,
    save: Annotated[Path | None, typer.Option("--save", help="Write the outputs to this .npz.")] = None,
    verbose: Verbose = False,
) -> None:
    """Run the generated code on inputs and compare it with the emulator, bit for bit."""
    import numpy as np

    with reporting():
        design = compile_model(model, backend, io, precision, input_precision, calibration, option, verbose)
        arrays = limited(read_arrays(inputs), samples)
        simulated = named(design, design.simulate(arrays, raw=True))
        predicted = named(design, design.predict(arrays, raw=True))
        for name, values in simulated.items():
            equal = np.array_equal(values, predicted[name])
            output.print(f"{name}: {len(values)} samples, bits {'equal' if equal else 'DIFFER'}")
            if not equal:
                raise typer.Exit(2)
        result = design.last_simulation
        if result is not None and result.latency_cycles is not None:
            output.print(f"latency {result.latency_cycles} cycles, interval {result.interval}")
        if save is not None:
            np.savez(save, **named(design, design.predict(arrays)))


def limited(arrays: Any, samples: int) -> Any:
    """The first `samples` of each input."""
    if samples <= 0:
        return arrays
    if isinstance(arrays, dict):
        return {name: array[:samples] for name, array in arrays.items()}
    return arrays[:samples]


def named(design: Design, arrays: Any) -> dict[str, Any]:
    """Outputs by name, also when there is one."""
    return arrays if isinstance(arrays, dict) else {next(iter(design.interface.outputs)): arrays}


@app.command("tool-report")
def tool_report(
    directory: Annotated[Path, typer.Argument(help="A written project, after a vendor's tool has run.")],
) -> None:
    """What a vendor's tool has reported for a written project, as JSON; {} before any run."""
    with reporting():
        from netloom.api import read_tool_report

        found = read_tool_report(directory)
        typer.echo(json.dumps(dict(found.figures) if found else {}, indent=2, sort_keys=True))


@app.command()
def passes() -> None:
    """The passes and named pipelines, with their options."""
    from netloom.core.plugins import registry
    from netloom.passes.manager import options_of

    with reporting():
        table = Table("pass", "options", "what it does", "from")
        for provided in registry().passes.values():
            options = " ".join(f"{k}={v!r}" for k, v in options_of(provided.value).items())
            summary = (provided.value.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
            table.add_row(provided.name, options, " ".join(summary.split()), provided.plugin)
        output.print(table, markup=False)
        for provided in registry().pipelines.values():
            output.print(f"pipeline {provided.name}: {provided.value}", markup=False, highlight=False)


@app.command()
def backends() -> None:
    """The backends and their options."""
    from netloom.core.plugins import registry

    with reporting():
        table = Table("backend", "io", "options", "what it is", "from")
        for provided in registry().backends.values():
            backend = provided.value
            own = (f for f in fields(backend.options) if f.name != "io")
            options = " ".join(f"{f.name}={f.default!r}" for f in own)
            table.add_row(provided.name, ", ".join(backend.io), options, backend.description, provided.plugin)
        output.print(table, markup=False)


@app.command()
def frontends() -> None:
    """The frontends, and the ONNX operators that are supported."""
    from netloom.core.plugins import registry
    from netloom.frontends.onnx.ops import CONVERTERS, REFUSED

    with reporting():
        for provided in registry().frontends.values():
            output.print(f"{provided.name}: {provided.value.description} [{provided.plugin}]", markup=False)
        output.print("ONNX operators: " + ", ".join(sorted(set(CONVERTERS) - REFUSED)), highlight=False)


@app.command("plugins")
def plugins_command(
    as_json: Annotated[bool, typer.Option("--json", help="Plain data instead of a table.")] = False,
) -> None:
    """Everything that is loaded through plugins: what it is, and from which distribution and module."""
    from netloom.core.plugins import listing

    with reporting():
        rows = listing()
        if as_json:
            typer.echo(json.dumps(rows, indent=2))
            return
        name, module = Column("name", no_wrap=True), Column("module", overflow="fold")
        table = Table("kind", name, "what it is", "from", module)
        for row in rows:
            source = f"{row['distribution']} {row['version']}"
            table.add_row(row["kind"], row["name"], row["description"], source, row["module"])
        output.print(table, markup=False)


@app.command()
def explain(code: Annotated[str, typer.Argument(help="A diagnostic code, such as NL301.")]) -> None:
    """What a diagnostic code means."""
    text = CODES.get(code.upper())
    if text is None:
        errors.print(f"unknown code {code}; known: {', '.join(CODES)}", highlight=False)
        raise typer.Exit(1)
    output.print(f"{code.upper()}: {text}", highlight=False)


from netloom.cli.build import build_command, verify_command  # noqa: E402 (they take the options above)
from netloom.cli.fifos import fifos_command  # noqa: E402
from netloom.cli.report import report_command  # noqa: E402

app.command("build")(build_command)
app.command("verify")(verify_command)
app.command("report")(report_command)
app.command("fifos")(fifos_command)

if __name__ == "__main__":
    app()
