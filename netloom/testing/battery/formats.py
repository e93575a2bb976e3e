"""Number formats that the battery covers."""

from __future__ import annotations

from netloom.core.fixed import Format

OFFSETS = (0, 1, -3, 4, 9)
"""Integer bits relative to the width (0: whole numbers) or, where negative, to zero."""


def signed(width: int, integer: int) -> Format:
    """A signed format."""
    return Format(width, integer, True)


def unsigned(width: int, integer: int) -> Format:
    """An unsigned format."""
    return Format(width, integer, False)


SHAPES_OF_FORMATS = (
    signed(1, 1),
    unsigned(1, 0),
    unsigned(1, 1),
    signed(2, 1),
    signed(5, 2),
    unsigned(4, 4),
    signed(6, -2),
    unsigned(7, -3),
    signed(8, 11),
    unsigned(5, 9),
    signed(16, 6),
    unsigned(17, 0),
    signed(24, 30),
    signed(31, -4),
    unsigned(32, 16),
    signed(32, 5),
)
"""Both signs; negative integer bits, integer bits above the width, and all in between."""


def of_width(width: int) -> tuple[Format, Format]:
    """A signed and an unsigned format of a width; the binary point walks with the width."""
    points = (width // 2, -(width % 4) - 1, width + width % 5, 0, width)
    return signed(width, points[width % 5]), unsigned(width, points[(width + 2) % 5])
