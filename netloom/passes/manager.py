"""The pass manager: pipelines as text, and instruments around every pass."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import ArgSpec, parse_pipeline
from xdsl.utils.exceptions import ArgSpecParseError, VerifyException

from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.plugins import registry
from netloom.ir.context import NetloomContext
from netloom.passes.reproducer import Reproducer, write_text
from netloom.passes.semantics import Snapshot, check_same, snapshot

Print = Callable[[str, str, ModuleOp], None]
"""Called with "before" or "after", the pass as text, and the module."""

Progress = Callable[[str], None]

DEFECTS = ("NL701", "NL702", "NL703")
"""Codes of failures that are a pass's fault, not the user's."""


def parse(text: str) -> list[ModulePass]:
    """The passes of a pipeline; names of pipelines stand for their passes.

    Raises:
        CompileError: NL205 when a pass is unknown or the text cannot be read, NL201 for an unknown
            option, NL203 for a value that is not allowed.
    """
    return list(expand(text, ()))


def expand(text: str, within: tuple[str, ...]) -> Iterator[ModulePass]:
    """The passes of a pipeline that stands inside the named pipelines `within`."""
    try:
        specs = list(parse_pipeline(text)) if text.strip() else []
    except ArgSpecParseError as error:
        found = str(error).strip().splitlines()[-1].strip()
        raise CompileError(
            "NL205", f"cannot parse the pipeline: {found}", origin=text, supported="a,b{option=1},c"
        ) from error
    pipelines = registry().pipelines
    for spec in specs:
        if spec.name not in pipelines or spec.name in registry().passes:
            yield instantiate(spec)
            continue
        if spec.parameters:
            raise CompileError(
                "NL201",
                f"pipeline '{spec.name}' has no options",
                origin=spec.name,
                supported=f"options of its passes: {pipelines[spec.name].value}",
                hint="write the passes themselves, with their options",
            )
        if spec.name in within:
            raise CompileError("NL205", f"pipeline '{spec.name}' contains itself", origin=spec.name)
        yield from expand(pipelines[spec.name].value, (*within, spec.name))


def instantiate(spec: ArgSpec) -> ModulePass:
    """One pass with its options checked."""
    known = registry().passes
    if spec.name not in known:
        raise CompileError(
            "NL205",
            f"unknown pass '{spec.name}'",
            origin=spec.name,
            supported=", ".join([*known, *registry().pipelines]),
            hint=suggestion(spec.name, [*known, *registry().pipelines]),
        )
    pass_type: type[ModulePass] = known[spec.name].value
    options = [f.name for f in fields(pass_type) if f.name != "name"]
    for option in spec.normalize_parameter_names().parameters:
        if option not in options:
            raise CompileError(
                "NL201",
                f"pass '{spec.name}' has no option '{option}'",
                origin=spec.name,
                supported=", ".join(options) or "no options",
                hint=suggestion(option, options),
            )
    try:
        return pass_type.from_spec(with_floats(spec, pass_type))
    except CompileError:
        raise
    except Exception as error:  # xDSL raises plain exceptions for values of the wrong type
        found = f"an option has a value of the wrong type: {error}"
        wanted = ", ".join(f"{f.name} ({f.type})" for f in fields(pass_type) if f.name != "name")
        raise CompileError("NL203", found, origin=spec.name, supported=wanted) from error


def with_floats(spec: ArgSpec, pass_type: type[ModulePass]) -> ArgSpec:
    """Whole numbers given for options that are real ones, as real numbers."""
    real = {f.name for f in fields(pass_type) if f.type in (float, "float")}
    given = spec.normalize_parameter_names().parameters
    values = {
        name: tuple(float(v) if isinstance(v, int) and name in real else v for v in value)
        if isinstance(value, tuple)
        else value
        for name, value in given.items()
    }
    return ArgSpec(spec.name, values)


def render(passes: Iterable[ModulePass]) -> str:
    """A pipeline as text that `parse` reads back."""
    return ",".join(str(p.spec()) for p in passes)


@dataclass(frozen=True)
class Timing:
    """How long a pass took, in seconds."""

    name: str
    seconds: float


@dataclass
class PassManager:
    """Runs passes over a module, in place.

    Attributes:
        passes: what to run.
        verify_each: verify the module after each pass.
        print_ir: called before and after each pass.
        progress: called with the name of each pass before it runs.
        samples: inputs [n, *shape] for check-semantics, which runs the interpreter after each pass
            and compares with before; none to leave it out. Passes that round by the user's choice
            say so in a property `rounds` and are not compared.
        reproducer: file to write when a pass is defective: it holds the module in front of that pass and
            the rest of the pipeline.
        timings: filled by `run`.
        failed: the pass that `run` stopped at.
    """

    passes: Sequence[ModulePass]
    verify_each: bool = True
    print_ir: Print | None = None
    progress: Progress | None = None
    samples: Sequence[NDArray[Any]] | None = None
    reproducer: Path | None = None
    timings: list[Timing] = field(default_factory=list)
    failed: ModulePass | None = None

    def run(self, module: ModuleOp) -> None:
        """Run all passes.

        Raises:
            CompileError: NL701 when a pass leaves the module invalid, NL702 when check-semantics
                finds a changed output, NL703 when a pass raises anything that is not a refusal, and
                whatever the passes refuse.
        """
        context = NetloomContext()
        before = self.snapshot(module)
        for index, each in enumerate(self.passes):
            kept = module.clone() if self.reproducer is not None else None
            try:
                before = self.run_one(each, context, module, before)
            except CompileError as error:
                self.failed = each
                if kept is None or error.code not in DEFECTS:
                    raise
                raise self.reproducible(kept, index, error) from error.__cause__

    def run_one(
        self, each: ModulePass, context: NetloomContext, module: ModuleOp, before: Snapshot | None
    ) -> Snapshot | None:
        """Run one pass with the instruments around it; what the module computes afterwards."""
        text = str(each.spec())
        if self.progress is not None:
            self.progress(each.name)
        self.show("before", text, module)
        try:
            start = time.perf_counter()
            each.apply(context, module)
            self.timings.append(Timing(each.name, time.perf_counter() - start))
            if self.verify_each:
                verify(module, each.name)
            after = self.snapshot(module)
        except CompileError:
            raise
        except Exception as error:  # whatever a pass raises is a defect of the pass
            raise crash(each.name, error) from error
        self.show("after", text, module)
        if before is not None and after is not None and not rounds_by_choice(each):
            check_same(each.name, before, after)
        return after

    def reproducible(self, module: ModuleOp, index: int, error: CompileError) -> CompileError:
        """Write the reproducer; the same error, naming the file."""
        assert self.reproducer is not None
        rest = Reproducer(module, render(self.passes[index:]), self.verify_each, self.samples)
        cause = f" ({type(error.__cause__).__name__})" if error.__cause__ is not None else ""
        # Not the message itself: what a pass raises may name directories and addresses.
        write_text(self.reproducer, rest.text(f"{error.code} in {self.passes[index].name}{cause}"))
        return CompileError(
            error.code,
            error.found,
            origin=error.origin,
            supported=error.supported,
            hint=f"netloom-opt --run-reproducer {self.reproducer.name} repeats this failure",
        )

    def show(self, moment: str, text: str, module: ModuleOp) -> None:
        """Print, when asked to."""
        if self.print_ir is not None:
            self.print_ir(moment, text, module)

    def snapshot(self, module: ModuleOp) -> Snapshot | None:
        """What the module computes on the samples, when there are any."""
        return snapshot(module, self.samples) if self.samples is not None else None


def verify(module: ModuleOp, name: str) -> None:
    """Verify a module after a pass."""
    try:
        module.verify()
    except VerifyException as error:
        raise CompileError(
            "NL701",
            f"after pass '{name}' the module is not valid: {str(error).strip().splitlines()[-1]}",
            origin=name,
            hint="this is a defect of the pass",
        ) from error


def crash(name: str, error: Exception) -> CompileError:
    """The error of a pass that raised something of its own, with the line that raised it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return CompileError(
        "NL703",
        f"pass '{name}' raised {type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})",
        origin=name,
        hint="this is a defect of the pass; netloom-opt --reproducer FILE writes what repeats it",
    )


def rounds_by_choice(each: ModulePass) -> bool:
    """Whether a pass changes values because the user chose so."""
    return bool(getattr(each, "rounds", False))


def options_of(pass_type: type[ModulePass]) -> Mapping[str, Any]:
    """Names and defaults of a pass's options."""
    return {f.name: f.default for f in fields(pass_type) if f.name != "name"}
