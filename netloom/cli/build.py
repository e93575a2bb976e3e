"""netloom build and netloom verify: the open flow from the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from netloom.cli.main import (
    Calibration,
    InputPrecision,
    Io,
    Model,
    Options,
    Precision,
    Verbose,
    compile_model,
    errors,
    option_values,
    output,
    read_arrays,
    reporting,
)


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


def build_command(
    model: Model,
    directory: Annotated[Path, typer.Option("--output", "-d", help="Directory of the project.")],
    flow: Annotated[str, typer.Option("--flow", help="open: GHDL, Yosys, nextpnr.")] = "open",
    targets: Annotated[
        str, typer.Option("--targets", help="Families: xcup (to counts), ecp5 (to the bitstream).")
    ] = "xcup,ecp5",
    flow_option: Annotated[
        list[str] | None,
        typer.Option("--flow-option", help="name=value: an option of the flow, such as ecp5_device=85k."),
    ] = None,
    verify: Annotated[
        int, typer.Option("--verify", help="Run the synthesized netlist on so many random samples.")
    ] = 0,
    inputs: Annotated[
        Path | None, typer.Option("--inputs", "-i", help="Samples for that: .npz by input name, or .npy.")
    ] = None,
    io: Io = "parallel",
    precision: Precision = "",
    input_precision: InputPrecision = "",
    calibration: Calibration = None,
    option: Options = None,
    as_json: Annotated[bool, typer.Option("--json", help="Plain data instead of a table.")] = False,
    verbose: Verbose = False,
) -> None:
    """Compile a model and build it with open tools: counts, Fmax after routing, a bitstream."""
    with reporting():
        design = compile_model(model, "vhdl", io, precision, input_precision, calibration, option, verbose)
        chosen: dict[str, Any] = {"targets": targets, **option_values(flow_option)}
        samples = read_arrays(inputs) if inputs is not None else verify
        with working("GHDL") as progress:
            report = design.build(directory, flow, verify=samples, progress=progress, **chosen)
        if as_json:
            typer.echo(report.to_json(), nl=False)
        else:
            output.print(report, highlight=False)
        if verbose:
            for step, seconds in report.seconds.items():
                errors.print(f"{seconds:9.1f} s  {step}", highlight=False)
