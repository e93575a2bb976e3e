"""netloom fifos: depths of the FIFOs of a stream, and what shallower ones cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from netloom.cli.common import (
    Backend,
    Calibration,
    InputPrecision,
    Model,
    Options,
    Precision,
    Verbose,
    compile_model,
    output,
    reporting,
)
from netloom.core.diagnostics import CompileError

if TYPE_CHECKING:
    from netloom.report.fifos import FifoDepths, FifoTrade


def fifos_command(
    model: Model,
    backend: Backend = "vhdl",
    io: Annotated[str, typer.Option("--io", help="stream: beat by beat through FIFOs.")] = "stream",
    goal: Annotated[
        str,
        typer.Option(
            "--goal",
            help="fast: keep latency and interval (default); interval: keep the interval alone; small: the"
            " least that does not deadlock.",
        ),
    ] = "",
    fifo: Annotated[
        list[str] | None, typer.Option("--fifo", help="Show only FIFOs of this name or pattern, repeatable.")
    ] = None,
    pareto: Annotated[
        int | None,
        typer.Option("--pareto", help="List depths that trade bits for speed; try so many bounds between."),
    ] = None,
    precision: Precision = "",
    input_precision: InputPrecision = "",
    calibration: Calibration = None,
    option: Options = None,
    as_json: Annotated[bool, typer.Option("--json", help="Plain data instead of a table.")] = False,
    verbose: Verbose = False,
) -> None:
    """Smallest depths of the FIFOs of a stream, what one beat less does, and what bits buy."""
    with reporting():
        if pareto is not None and (goal or fifo):
            raise CompileError(
                "NL203",
                "a Pareto list is of all FIFOs, from the fastest to the smallest",
                origin="--pareto",
                hint="leave out --goal and --fifo",
            )
        design = compile_model(model, backend, io, precision, input_precision, calibration, option, verbose)
        found: FifoDepths | FifoTrade
        if pareto is None:
            found = design.fifo_depths(goal or "fast", *(fifo or ()))
        else:
            found = design.fifo_trade(pareto)
        if as_json:
            typer.echo(json.dumps(found.to_dict(), indent=2))
        else:
            output.print(found, highlight=False)
