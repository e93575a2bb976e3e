"""netloom report: what a design costs, as a table, as JSON or as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from netloom.cli.common import (
    Backend,
    Calibration,
    InputPrecision,
    Io,
    Model,
    Options,
    Precision,
    Verbose,
    compile_model,
    output,
    reporting,
)


def report_command(
    model: Model,
    backend: Backend = "vhdl",
    io: Io = "parallel",
    precision: Precision = "",
    input_precision: InputPrecision = "",
    calibration: Calibration = None,
    option: Options = None,
    as_json: Annotated[bool, typer.Option("--json", help="Plain data instead of a table.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with drawings to this file.")
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Latency, interval, bottleneck and resources per layer, before synthesis."""
    with reporting():
        design = compile_model(model, backend, io, precision, input_precision, calibration, option, verbose)
        report = design.report()
        if html is not None:
            report.write_html(html)
        if as_json:
            typer.echo(json.dumps(report.to_dict(), indent=2))
        elif html is None:
            output.print(report, highlight=False)
        else:
            output.print(f"{design.name}: report in {html}", markup=False, highlight=False)
