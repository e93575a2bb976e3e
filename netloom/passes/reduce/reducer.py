"""The loop of a reduction: delta debugging over every kind of step until none makes the case smaller.

Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (IEEE TSE 28, 2002): try to leave
out large parts first, then ever smaller ones, and begin again whenever something has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from xdsl.utils.exceptions import VerifyException

from netloom.core.diagnostics import CompileError
from netloom.passes.reduce.case import Case
from netloom.passes.reduce.edits import EDITS, Edit, OpValues

Interesting = Callable[[Case], bool]

NOT_ALLOWED = (VerifyException, CompileError, ArithmeticError, LookupError, TypeError, ValueError)
"""What the rules of an op raise when a step leaves it with operands that it cannot have."""


@dataclass(frozen=True)
class Status:
    """Where a reduction stands: the step's name, tests so far, passes and ops of the best case."""

    step: str
    tests: int
    passes: int
    ops: int


@dataclass
class Reducer:
    """Shrinks a case that is interesting; `best` is valid and interesting at every moment.

    Attributes:
        best: the smallest interesting case so far.
        interesting: the test.
        progress: called before each kind of step and after each success.
        tests: how many candidates were tested.
        values: what the ops of `valued` compute.
    """

    best: Case
    interesting: Interesting
    progress: Callable[[Status], None] | None = None
    tests: int = 0
    valued: Case | None = None
    values: OpValues = field(default_factory=dict)

    def run(self) -> Case:
        """Reduce to a fixed point.

        Raises:
            CompileError: NL203 when the case that is given is not interesting itself.
        """
        start = self.best.parsed()
        if start is None or not self.interesting(start):
            raise CompileError(
                "NL203",
                "the module does not fail in the way to look for, so there is nothing to reduce",
                origin="netloom-reduce",
                hint="check the passes, --check-semantics and --inputs, or the exit code of the script",
            )
        self.best = start
        while any([self.sweep(edit) for edit in EDITS]):
            pass
        return self.best

    def sweep(self, edit: Edit) -> bool:
        """Try one kind of step on ranges of falling length; whether the case became smaller."""
        before = self.best.size
        count = edit.count(self.best)
        length = count
        self.report(edit)
        while length and length >= edit.finest(count):
            start = 0
            while start < edit.count(self.best):
                stop = min(start + length, edit.count(self.best))
                if not self.accepts(edit, start, stop):
                    start += length
            length //= 2
        return self.best.size < before

    def accepts(self, edit: Edit, start: int, stop: int) -> bool:
        """Make one candidate and keep it when it is smaller, valid and interesting."""
        best = self.best
        if self.valued is not best:
            self.valued, self.values = best, best.op_values()
        try:
            candidate = edit.without(best, start, stop, self.values)
        except NOT_ALLOWED:
            return False
        if candidate is None or candidate.size >= best.size:
            return False
        parsed = candidate.parsed()
        if parsed is None:
            return False
        self.tests += 1
        if not self.interesting(parsed):
            return False
        self.best = parsed
        self.report(edit)
        return True

    def report(self, edit: Edit) -> None:
        """Tell how far it is."""
        if self.progress is not None:
            self.progress(Status(edit.name, self.tests, len(self.best.passes), len(self.best.ops)))
