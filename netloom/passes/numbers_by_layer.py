"""Options that are a number for all layers, or one for each: `16; fc1*=4`."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from netloom.core.diagnostics import CompileError, warn
from netloom.core.precision import check_pattern, entries, matches
from netloom.ir.base import NetloomOp
from netloom.ir.program import add_note

NEAR = 3
"""How many legal numbers below and above the one asked for an error names."""


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
        for pattern, number in entries(text):
            if not (number.isascii() and number.isdigit() and int(number) >= least):
                known = ", ".join(str(least + step) for step in range(3))
                raise CompileError(
                    "NL203",
                    f"'{number}' is not {what}",
                    origin=pattern or option,
                    supported=f"{known}, ... for all layers, or by layer as in '{max(least, 1)}; fc1*=4'",
                )
            found.append(("*" if pattern is None else pattern, int(number)))
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


def settle(
    module: ModuleOp,
    layer: NetloomOp,
    what: str,
    asked: int,
    taken: int,
    legal: Sequence[int],
    *,
    strict: bool,
    called: str = "it",
) -> int:
    """The number that a layer gets where the one asked for does not divide it: a warning and a note say so.

    Args:
        module: gets the note.
        layer: whose number it is.
        what: does not divide what.
        asked: for.
        taken: in its place.
        legal: numbers that divide the layer, ascending.
        strict: refuse instead.
        called: what the hint calls the number taken.

    Raises:
        CompileError: NL207 when `strict`.
    """
    if asked == taken:
        return taken
    if strict:
        place = bisect(legal, asked)
        near = legal[max(place - NEAR, 0) : place + NEAR]
        raise CompileError(
            "NL207",
            what,
            origin=layer.origin_name,
            supported=", ".join(map(str, near)) + (", ..." if len(near) < len(legal) else ""),
            hint=f"take {taken}, or leave 'strict' out to have {called} taken",
        )
    warn(f"layer '{layer.origin_name}': {what}; {taken} is taken")
    add_note(module, layer.origin_name, f"{what}; {taken} is taken")
    return taken
