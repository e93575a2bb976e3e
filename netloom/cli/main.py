"""netloom: compile, simulate and report from the command line."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from netloom.cli.build import build_command, verify_command
from netloom.cli.common import (
    Backend,
    Calibration,
    InputPrecision,
    Inputs,
    Io,
    Model,
    Options,
    Precision,
    Verbose,
    compile_model,
    errors,
    output,
    read_arrays,
    reporting,
)
from netloom.cli.fifos import fifos_command
from netloom.cli.report import report_command
from netloom.cli.trees import trees_command
from netloom.core.diagnostics import CODES

if TYPE_CHECKING:
    from netloom.api import Design

app = typer.Typer(
    help="Compile trained networks into FPGA designs, exact bit for bit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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


app.command("build")(build_command)
app.command("verify")(verify_command)
app.command("report")(report_command)
app.command("fifos")(fifos_command)
app.command("trees")(trees_command)

if __name__ == "__main__":
    app()
