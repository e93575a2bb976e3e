"""netloom build and netloom verify: the open flow from the command line."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from netloom.cli.common import (
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
    working,
)


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


def verify_command(
    model: Model,
    formal: Annotated[
        bool, typer.Option("--formal", help="Prove it for all inputs; for designs of up to 64 input bits.")
    ] = False,
    netlist: Annotated[
        str, typer.Option("--netlist", help="vhdl (with --formal), xcup or ecp5: which netlist.")
    ] = "",
    method: Annotated[
        str, typer.Option("--method", help="With --formal: auto, enumeration or sat.")
    ] = "auto",
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds for each tool with --formal.")] = 600.0,
    samples: Annotated[int, typer.Option("--samples", "-n", help="Random samples without --formal.")] = 1000,
    inputs: Annotated[
        Path | None, typer.Option("--inputs", "-i", help="Samples: .npz by input name, or .npy.")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option("--output", "-d", help="Keep the files here; by default nowhere.")
    ] = None,
    precision: Precision = "",
    input_precision: InputPrecision = "",
    calibration: Calibration = None,
    option: Options = None,
    verbose: Verbose = False,
) -> None:
    """Compare the synthesized netlist with the program: on samples, or for all inputs."""
    with reporting(), tempfile.TemporaryDirectory(prefix="netloom-verify-") as temporary:
        design = compile_model(
            model, "vhdl", "parallel", precision, input_precision, calibration, option, verbose
        )
        place = directory or Path(temporary) / "project"
        with working("GHDL") as progress:
            if formal:
                found = str(
                    design.prove(
                        place, netlist=netlist or "vhdl", method=method, timeout_s=timeout, progress=progress
                    )
                )
            else:
                given = read_arrays(inputs) if inputs is not None else samples
                report = design.build(
                    place, verify=given, targets=netlist or "xcup", route=False, progress=progress
                )
                found = "\n".join(
                    f"netlist for {name}: {target.verified_samples} samples, bits equal"
                    for name, target in report.targets.items()
                )
        output.print(f"{design.name}: {found}", highlight=False, soft_wrap=True)
