"""netloom-opt: run passes on a module and print it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from xdsl.dialects.builtin import ModuleOp

from netloom.cli.common import errors, read_arrays, reporting
from netloom.core.diagnostics import CompileError

if TYPE_CHECKING:
    from netloom.passes.reproducer import Reproducer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

Passes = Annotated[str, typer.Option("--passes", "-p", help="Pipeline, e.g. 'fold-constants,cse'.")]
CheckSemantics = Annotated[
    bool,
    typer.Option("--check-semantics", help="Run the interpreter around each pass and compare the outputs."),
]
Inputs = Annotated[
    Path | None,
    typer.Option(
        "--inputs", "-i", help="Inputs (.npz, .npy) of --check-semantics instead of generated ones."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of the inputs that --check-semantics generates.")]


def pipelines_help() -> str:
    """Passes and pipelines, for --help."""
    from netloom.core.plugins import registry

    named = "; ".join(f"{p.name} = {p.value}" for p in registry().pipelines.values())
    return f"Passes: {', '.join(registry().passes)}. Pipelines: {named}."


@app.command(help="Run passes on a module and print it.", epilog=pipelines_help())
def opt(
    model: Annotated[Path, typer.Argument(help="A .mlir or .onnx file.")],
    passes: Passes = "",
    data: Annotated[bool, typer.Option(help="Print the data of large constants.")] = True,
    verify_each: Annotated[bool, typer.Option(help="Verify after each pass.")] = True,
    print_ir_before_all: Annotated[bool, typer.Option("--print-ir-before-all")] = False,
    print_ir_after_all: Annotated[bool, typer.Option("--print-ir-after-all")] = False,
    timing: Annotated[bool, typer.Option("--timing", help="Times of the passes on stderr.")] = False,
    check_semantics: CheckSemantics = False,
    inputs: Inputs = None,
    seed: Seed = 0,
    reproducer: Annotated[
        Path | None,
        typer.Option("--reproducer", help="When a pass is defective, write what repeats it here."),
    ] = None,
    run_reproducer: Annotated[
        bool, typer.Option("--run-reproducer", help="The file is a reproducer: run the passes named in it.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here instead of stdout.")
    ] = None,
    external_data: Annotated[
        bool, typer.Option("--external-data", help="Data beside the output file.")
    ] = False,
) -> None:
    """Run a pipeline over a module."""
    from netloom.ir.text import print_module, save_module
    from netloom.passes.manager import PassManager, parse

    moments = {"before": print_ir_before_all, "after": print_ir_after_all}

    def show(moment: str, name: str, module: ModuleOp) -> None:
        if moments[moment]:
            errors.print(f"// IR {moment} {name}", markup=False, highlight=False)
            errors.print(print_module(module, data=False), markup=False, highlight=False, soft_wrap=True)

    with reporting(), stack_trace():
        if run_reproducer:
            job = read_reproducer(model, passes)
        else:
            job = new_job(model, passes, verify_each, check_semantics, inputs, seed)
        manager = PassManager(
            parse(job.pipeline), job.verify_each, show, samples=job.samples, reproducer=reproducer
        )
        manager.run(job.module)
        if timing:
            for entry in manager.timings:
                errors.print(f"{entry.seconds * 1000:9.1f} ms  {entry.name}", highlight=False)
        if output is not None:
            save_module(job.module, output, external=external_data)
        else:
            typer.echo(print_module(job.module, data=data), nl=False)


@contextmanager
def stack_trace() -> Iterator[None]:
    """Show where a pass raised an error of its own: whoever runs this tool may be writing that pass."""
    try:
        yield
    except CompileError as error:
        if error.code == "NL703" and error.__cause__ is not None:
            errors.print("".join(traceback.format_exception(error.__cause__)), markup=False, highlight=False)
        raise


def new_job(
    model: Path, passes: str, verify_each: bool, check_semantics: bool, inputs: Path | None, seed: int
) -> Reproducer:
    """What is to be run, from the command line.

    Raises:
        CompileError: NL203 for inputs that nothing would use, and what reading raises.
    """
    from netloom.api import load
    from netloom.ir.arrays import interface_of
    from netloom.passes.reproducer import Reproducer
    from netloom.passes.semantics import sample_inputs

    if inputs is not None and not check_semantics:
        raise CompileError(
            "NL203",
            "inputs without --check-semantics have no effect",
            origin="--inputs",
            hint="add --check-semantics",
        )
    module = load(model)
    if not check_semantics:
        return Reproducer(module, passes, verify_each)
    if inputs is None:
        return Reproducer(module, passes, verify_each, sample_inputs(module, seed))
    return Reproducer(module, passes, verify_each, interface_of(module).inputs_from(read_arrays(inputs)))


def read_reproducer(model: Path, passes: str) -> Reproducer:
    """What is to be run, from a reproducer.

    Raises:
        CompileError: NL203 when passes are given too, NL112 for a file that is not a reproducer.
    """
    from netloom.passes.reproducer import installed_versions, load_reproducer

    if passes:
        raise CompileError(
            "NL203",
            "a reproducer has its own passes",
            origin="--passes",
            hint="leave out --passes, or --run-reproducer",
        )
    job = load_reproducer(model)
    if job.versions not in ("", installed_versions()):
        errors.print(f"note: written with {job.versions}", markup=False, highlight=False)
    return job


if __name__ == "__main__":
    app()
