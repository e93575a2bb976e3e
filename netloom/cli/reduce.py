"""netloom-reduce: shrink a failing module to a small one that still fails."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netloom.cli.common import errors, reporting
from netloom.cli.opt import CheckSemantics, Inputs, Seed, new_job
from netloom.core.diagnostics import CompileError

if TYPE_CHECKING:
    from netloom.passes.reduce import Case, Reducer, Status
    from netloom.passes.reproducer import Reproducer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def reduce(
    model: Annotated[Path, typer.Argument(help="A .mlir or .onnx file, or a reproducer.")],
    passes: Annotated[str, typer.Option("--passes", "--pipeline", "-p", help="The failing pipeline.")] = "",
    check_semantics: CheckSemantics = False,
    inputs: Inputs = None,
    seed: Seed = 0,
    test: Annotated[
        Path | None, typer.Option("--test", help="A program that gets a .mlir file; exit code 0: keep it.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here instead of stdout.")
    ] = None,
) -> None:
    """Shrink a module while it fails with the same error in the same pass, or while a program says so.

    Interrupted with Ctrl-C, the smallest module so far is written.
    """
    from netloom.passes.reproducer import write_text

    with reporting():
        job = job_of(model, passes, check_semantics, inputs, seed, test)
        reducer, found = scripted(job, test) if test is not None else failing(job)
        interrupted = shrink(reducer)
        text = written(reducer.best, found)
        if output is not None:
            write_text(output, text)
        else:
            typer.echo(text, nl=False)
        state = "interrupted" if interrupted else "done"
        errors.print(f"{state}: {len(reducer.best.ops)} ops after {reducer.tests} tests", highlight=False)
        if interrupted:
            raise typer.Exit(130)


def job_of(
    model: Path, passes: str, check_semantics: bool, inputs: Path | None, seed: int, test: Path | None
) -> Reproducer:
    """What to reduce: a reproducer says itself how it fails; anything else needs passes or a program.

    Raises:
        CompileError: NL203 when the arguments do not say what to look for.
    """
    from netloom.passes.reproducer import split

    if test is not None and (passes or check_semantics):
        raise CompileError(
            "NL203",
            "two tests of what is to be kept",
            origin="--test",
            supported="--test, or --passes with --check-semantics",
        )
    job = new_job(model, passes, True, check_semantics, inputs, seed)
    stored = split(job.module)
    if test is None and not passes and stored is None:
        raise CompileError(
            "NL203",
            "nothing says how the module fails",
            origin=model.name,
            supported="--passes, --test, or a file that netloom-opt --reproducer wrote",
        )
    return job if passes or stored is None else stored


def case_of(job: Reproducer) -> Case:
    """A job as a case."""
    from netloom.ir.program import input_names, main
    from netloom.passes.manager import parse
    from netloom.passes.reduce import Case

    passes = tuple(str(each.spec()) for each in parse(job.pipeline))
    names = input_names(main(job.module))
    samples = dict(zip(names, job.samples, strict=True)) if job.samples is not None else None
    return Case(job.module, passes, samples, job.verify_each)


def failing(job: Reproducer) -> tuple[Reducer, str]:
    """A reduction to the same failure, and the failure as text.

    Raises:
        CompileError: NL203 when the passes do not fail.
    """
    from netloom.passes.reduce import Reducer, at_failure, fails_like, failure_of

    case = case_of(job)
    found = failure_of(case)
    if found is None:
        raise CompileError(
            "NL203",
            "the passes do not fail on the module",
            origin="--passes",
            hint="add --check-semantics to compare what the module computes before and after each pass",
        )
    errors.print(f"looking for {found}", markup=False, highlight=False)
    return Reducer(at_failure(case, found), fails_like(found)), str(found)


def scripted(job: Reproducer, test: Path) -> tuple[Reducer, str]:
    """A reduction that a program directs."""
    from netloom.passes.reduce import Case, Reducer, passes_script

    return Reducer(Case(job.module), passes_script(test)), ""


def shrink(reducer: Reducer) -> bool:
    """Run with a line of progress; whether the user interrupted."""
    with errors.status("reading") as line:

        def show(status: Status) -> None:
            line.update(f"{status.step}: {status.ops} ops, {status.passes} passes, {status.tests} tests")

        reducer.progress = show
        try:
            reducer.run()
        except KeyboardInterrupt:
            return True
    return False


def written(case: Case, found: str) -> str:
    """The result as text: a reproducer when passes fail, else a plain module."""
    from netloom.ir.text import print_module

    return case.reproducer().text(found) if case.passes else print_module(case.module)


if __name__ == "__main__":
    app()
