"""What makes a case worth keeping: it fails as the first one did, or a script of the user says so."""

from __future__ import annotations

import subprocess
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from netloom.core.diagnostics import CompileError
from netloom.ir.text import print_module
from netloom.passes.manager import PassManager, parse
from netloom.passes.reduce.case import Case


@dataclass(frozen=True)
class Failure:
    """How a pipeline fails.

    Attributes:
        code: of the error.
        name: of the pass.
        cause: class of the exception behind the error, empty when there is none.
    """

    code: str
    name: str
    cause: str = ""

    def __str__(self) -> str:
        return f"{self.code} in {self.name}" + (f" ({self.cause})" if self.cause else "")


def failure_of(case: Case) -> Failure | None:
    """Run the passes on a copy; how they fail, None when they do not.

    A module that the interpreter cannot run before any pass is not a pass's failure.

    Raises:
        CompileError: for passes that are unknown.
    """
    manager = PassManager(parse(",".join(case.passes)), verify_each=case.verify_each, samples=case.inputs)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same ones would come with every candidate
            manager.run(case.module.clone())
    except Exception as error:  # a candidate may make the interpreter raise anything
        if manager.failed is None or not isinstance(error, CompileError):
            return None
        cause = type(error.__cause__).__name__ if error.__cause__ is not None else ""
        return Failure(error.code, manager.failed.name, cause)
    return None


def at_failure(case: Case, wanted: Failure) -> Case:
    """The case with its module as it is in front of the failing pass, when that pass then fails alike."""
    module = case.module.clone()
    for each in parse(",".join(case.passes)):
        step = replace(case, module=module.clone(), passes=(str(each.spec()),))
        if failure_of(step) == wanted:
            return step
        try:
            PassManager([each], verify_each=False).run(module)
        except CompileError:
            break
    return case


def fails_like(wanted: Failure) -> Callable[[Case], bool]:
    """The test for the same error of the same pass."""
    return lambda case: failure_of(case) == wanted


def passes_script(script: Path) -> Callable[[Case], bool]:
    """The test by a program that gets the name of a .mlir file; exit code 0 means interesting."""

    def test(case: Case) -> bool:
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "candidate.mlir"
            file.write_text(print_module(case.module), encoding="utf-8")
            try:
                done = subprocess.run([str(script.resolve()), str(file)], capture_output=True, check=False)
            except OSError as error:
                raise CompileError(
                    "NL203",
                    f"the script cannot be run: {error.strerror}",
                    origin=script.name,
                    supported="an executable file that takes the name of a .mlir file",
                    hint="chmod +x, and a first line such as #!/bin/sh",
                ) from error
            return done.returncode == 0

    return test
