"""Options that are a number for all layers, or one for each: `16; fc1*=4`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netloom.core.diagnostics import CompileError
from netloom.core.precision import check_pattern, matches


@dataclass(frozen=True)
class Numbers:
    """Patterns and their numbers; later ones win.

    Attributes:
        entries: pattern and number of each entry; a number alone is for every layer.
    """

    entries: tuple[tuple[str, int], ...]

    @staticmethod
    def parse(text: str, option: str, what: str, least: int = 1) -> Numbers:
        """From an option's text.

        Raises:
            CompileError: NL203 for what is not a whole number of at least `least`.
        """
        found: list[tuple[str, int]] = []
        for part in filter(None, (entry.strip() for entry in text.split(";"))):
            pattern, equals, number = (entry.strip() for entry in part.rpartition("="))
            if not (number.isascii() and number.isdigit() and int(number) >= least):
                known = ", ".join(str(least + step) for step in range(3))
                raise CompileError(
                    "NL203",
                    f"'{number}' is not {what}",
                    origin=pattern or option,
                    supported=f"{known}, ... for all layers, or by layer as in '{max(least, 1)}; fc1*=4'",
                )
            found.append((pattern if equals else "*", int(number)))
        return Numbers(tuple(found))

    def check(self, names: Iterable[str]) -> None:
        """Every pattern matches a layer.

        Raises:
            CompileError: NL202.
        """
        known: Sequence[str] = sorted(set(names))
        for pattern, _ in self.entries:
            if pattern != "*":
                check_pattern(pattern, known)

    def of(self, name: str, default: int) -> int:
        """The number of a layer."""
        asked = [number for pattern, number in self.entries if matches(name, pattern)]
        return asked[-1] if asked else default
