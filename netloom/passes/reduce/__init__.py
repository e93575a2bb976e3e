"""Test-case reduction: a small module that still fails as a large one does."""

from netloom.passes.reduce.case import Case
from netloom.passes.reduce.interest import Failure, at_failure, fails_like, failure_of, passes_script
from netloom.passes.reduce.reducer import Reducer, Status

__all__ = ["Case", "Failure", "Reducer", "Status", "at_failure", "fails_like", "failure_of", "passes_script"]
