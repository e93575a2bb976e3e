"""netloom-opt: run passes on a module and print it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from xdsl.dialects.builtin import ModuleOp

from netloom.cli.main import errors, read_arrays, reporting

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def pipelines_help() -> str:
    """Passes and pipelines, for --help."""
    from netloom.core.plugins import registry

    named = "; ".join(f"{p.name} = {p.value}" for p in registry().pipelines.values())
    return f"Passes: {', '.join(registry().passes)}. Pipelines: {named}."


@app.command(help="Run passes on a module and print it.", epilog=pipelines_help())
def opt(
    model: Annotated[Path, typer.Argument(help="A .mlir or .onnx file.")],
    passes: Annotated[str, typer.Option("--passes", "-p", help="Pipeline, e.g. 'fold-constants,cse'.")] = "",
    data: Annotated[bool, typer.Option(help="Print the data of large constants.")] = True,
    verify_each: Annotated[bool, typer.Option(help="Verify after each pass.")] = True,
    print_ir_before_all: Annotated[bool, typer.Option("--print-ir-before-all")] = False,
    print_ir_after_all: Annotated[bool, typer.Option("--print-ir-after-all")] = False,
    timing: Annotated[bool, typer.Option("--timing", help="Times of the passes on stderr.")] = False,
    check_semantics: Annotated[
        Path | None,
        typer.Option("--check-semantics", help="Inputs (.npz, .npy) on which passes are checked."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here instead of stdout.")
    ] = None,
    external_data: Annotated[
        bool, typer.Option("--external-data", help="Data beside the output file.")
    ] = False,
) -> None:
    """Run a pipeline over a module."""
    from netloom.api import load
    from netloom.ir.arrays import interface_of
    from netloom.ir.text import print_module, save_module
    from netloom.passes.manager import PassManager, parse

    moments = {"before": print_ir_before_all, "after": print_ir_after_all}

    def show(moment: str, name: str, module: ModuleOp) -> None:
        if moments[moment]:
            errors.print(f"// IR {moment} {name}", markup=False, highlight=False)
            errors.print(print_module(module, data=False), markup=False, highlight=False, soft_wrap=True)

    with reporting():
        module = load(model)
        arrays = read_arrays(check_semantics)
        samples = interface_of(module).inputs_from(arrays) if arrays is not None else None
        manager = PassManager(parse(passes), verify_each=verify_each, print_ir=show, samples=samples)
        manager.run(module)
        if timing:
            for entry in manager.timings:
                errors.print(f"{entry.seconds * 1000:9.1f} ms  {entry.name}", highlight=False)
        if output is not None:
            save_module(module, output, external=external_data)
        else:
            typer.echo(print_module(module, data=data), nl=False)


if __name__ == "__main__":
    app()
