"""The refusals that frontends of trees share."""

from __future__ import annotations

from netloom.core.diagnostics import CompileError

MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a document meets whose values have impossible types or sizes."""


def unfitted(kind: str) -> CompileError:
    """The refusal of a model without trees."""
    return CompileError(
        "NL121", f"{kind} is not fitted", origin=kind, hint="train it with fit() before it is compiled"
    )


def unsupported(found: str, origin: str, supported: str, hint: str = "") -> CompileError:
    """The refusal of an objective, a link or a kind of model."""
    return CompileError("NL122", found, origin=origin, supported=supported, hint=hint)


def bad_split(found: str, origin: str, supported: str, hint: str = "") -> CompileError:
    """The refusal of a kind of split."""
    return CompileError("NL123", found, origin=origin, supported=supported, hint=hint)


def corrupted(origin: str, found: str) -> CompileError:
    """The refusal of a file or of arrays that are no tree model."""
    return CompileError(
        "NL124",
        found,
        origin=origin,
        hint="save the model again; the file may be truncated or of another kind",
    )
