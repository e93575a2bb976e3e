"""Casts: every rounding with every overflow, every width, shifts beyond the width."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from xdsl.ir import SSAValue

from netloom.core.fixed import MAX_WIDTH, Format, Overflow, Rounding
from netloom.testing.battery.formats import of_width, signed, unsigned
from netloom.testing.cases import Case
from netloom.testing.program import Port, Program

MODES = tuple(itertools.product(Rounding, Overflow))
"""All 28 pairs."""

EVERY_MODE = (
    (signed(7, 2), signed(4, 1)),
    (signed(7, 2), unsigned(3, 1)),
    (unsigned(8, 3), unsigned(4, 1)),
    (signed(31, 14), signed(9, 6)),
)
"""Source and target of casts that are made with every pair of modes: bits are lost at both ends."""

FAR = (
    (signed(5, 2), signed(3, 20)),
    (signed(5, 2), unsigned(6, -9)),
    (unsigned(4, 30), signed(7, 3)),
    (unsigned(4, 30), unsigned(3, 40)),
    (signed(6, -20), signed(5, 1)),
    (signed(9, 40), signed(9, 1)),
    (signed(9, 67), signed(9, 1)),
    (signed(9, 1), signed(9, 66)),
    (signed(9, 1), signed(9, 80)),
)
"""Casts that shift by more bits than either side has."""


def cast_case(source: Format, target: Format, rounding: Rounding, overflow: Overflow) -> Case:
    """One cast."""

    def build(program: Program, x: SSAValue) -> SSAValue:
        return program.cast(x, target, rounding, overflow)

    name = f"fx.cast {source} to {str(target)[:-1]},{rounding.value},{overflow.value}>"
    return Case(name, "fx.cast", (Port((16,), source),), build)


def wide_case(source: Format, wide: Format, target: Format, modes: tuple[Rounding, Overflow]) -> Case:
    """A port, widened inside to a format that no port has, and narrowed again."""

    def build(program: Program, x: SSAValue) -> SSAValue:
        return program.cast(program.cast(x, wide, *MODES[0]), target, *modes)

    name = f"fx.cast {source} to {wide} to {str(target)[:-1]},{modes[0].value},{modes[1].value}>"
    return Case(name, "fx.cast", (Port((8,), source),), build)


def casts() -> Sequence[Case]:
    """All of them."""
    found = [cast_case(*pair, *modes) for pair in EVERY_MODE for modes in MODES]
    turns = itertools.cycle(MODES)
    for width in range(1, 33):
        for source in of_width(width):
            narrow = max(width - 3, 1)
            target = Format(narrow, source.integer - width % 3, bool(width % 2) == source.signed)
            found.append(cast_case(source, target, *next(turns)))
    for source, target in FAR:
        modes = list(itertools.islice(turns, 4))
        modes.append((Rounding.TRN, Overflow.SAT))  # the only one that leaves -1 of a small negative number
        found += [cast_case(source, target, *pair) for pair in dict.fromkeys(modes)]
    found += [cast_case(signed(12, -1), signed(1, -3), *modes) for modes in MODES[::3]]
    found += [cast_case(signed(6, 2), Format(0, 0, True), *modes) for modes in MODES[::9]]
    found += [cast_case(signed(6, 2), signed(6, 2), *modes) for modes in MODES[::9]]
    for number, width in enumerate((33, 40, 48, 53, 54, 60, 62, MAX_WIDTH)):
        wide = signed(width, width - 12 - number)
        for target in (signed(20, 13), unsigned(18, 5), unsigned(width, 10)):
            found.append(wide_case(signed(32, 20), wide, target, next(turns)))
    return found
