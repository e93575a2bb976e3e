"""Pieces of C++ text: numbers, tables, loops and index expressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netloom.backends.hls.pragmas import UNROLL
from netloom.backends.hls.vendor import Vendor
from netloom.backends.indexing import Ints, pattern_of

LINE_LENGTH = 100
INT_BITS = 32
NATIVE = ((8, "signed char"), (16, "short"), (32, "int"), (64, "long long"))
"""Bits and names of the signed integers of C++ (on every platform of the vendors' tools)."""


@dataclass(frozen=True)
class Table:
    """A constant array.

    Attributes:
        name: its name in the program.
        type: type of its elements.
        entries: the elements, as C++ expressions.
        comment: what it holds.
    """

    name: str
    type: str
    entries: tuple[str, ...]
    comment: str

    def lines(self) -> list[str]:
        """The declaration."""
        return [
            f"// {self.comment}",
            f"static const {self.type} {self.name}[{len(self.entries)}] = {{",
            *wrapped(self.entries),
            "};",
        ]


def wrapped(entries: Sequence[str]) -> list[str]:
    """Entries with commas, as many on a line as fit."""
    lines: list[str] = []
    row = "    "
    for position, entry in enumerate(entries):
        piece = entry + (", " if position + 1 < len(entries) else "")
        if len(row) + len(piece) > LINE_LENGTH and row.strip():
            lines.append(row.rstrip())
            row = "    "
        row += piece
    return [*lines, row.rstrip()]


def mantissas(name: str, values: Ints, comment: str) -> Table:
    """A table of integers in the narrowest type of C++ that holds them.

    The vendors' types would be exact too, but their constructors run for every entry: a table of 4096
    takes their headers between one and thirty seconds to compile.
    """
    flat = [int(value) for value in values.reshape(-1)]
    bits = integer_bits(min(flat), max(flat))
    kind = next(kind for size, kind in NATIVE if bits <= size)
    return Table(name, kind, tuple(integer(value) for value in flat), comment)


def numbers(values: Ints, type_name: str) -> tuple[str, ...]:
    """Fixed-point constants from their mantissas."""
    return tuple(f"number<{type_name}>({integer(int(value))})" for value in values.reshape(-1))


def integer(value: int) -> str:
    """An integer literal; the lowest one of 64 bits has no literal of its own."""
    if -(1 << 31) < value < 1 << 31:
        return str(value)
    return f"(-{(1 << 63) - 1}LL - 1)" if value == -(1 << 63) else f"{value}LL"


def integer_bits(low: int, high: int) -> int:
    """Bits of the smallest signed integer that holds both."""
    return max(value.bit_length() if value >= 0 else (~value).bit_length() for value in (low, high)) + 1


@dataclass(frozen=True)
class Whole:
    """The C++ integer type in which a layer computes: exact, and trimmed by every synthesizer.

    Attributes:
        type: its name.
        convert: method of the vendors' integers that gives it, or its signed counterpart.
    """

    type: str
    convert: str

    def product(self, left: str, right: str) -> str:
        """A product of two mantissas; modulo 2**64 where the type is unsigned."""
        return f"({self.type})({left}) * {right}" if self.type.startswith("unsigned") else f"{left} * {right}"


def whole(bits: int) -> Whole:
    """The type for signed values of up to `bits` bits.

    Sums that pass 64 bits on their way to a result that has fewer are formed modulo 2**64, which only
    unsigned integers do.
    """
    if bits <= INT_BITS:
        return Whole("int", "to_int()")
    return Whole("long long" if bits <= 2 * INT_BITS else "unsigned long long", "to_int64()")


def index_expression(indices: Ints, counter: str, name: str) -> tuple[str, tuple[Table, ...]]:
    """An expression for `indices[counter]`, and the table that it needs where there is no pattern."""
    pattern = pattern_of(indices)
    if pattern.table is not None:
        entries = tuple(str(int(v)) for v in pattern.table)
        return f"{name}[{counter}]", (Table(name, "int", entries, "element numbers"),)
    if not pattern.step:
        return str(pattern.start), ()
    text = counter
    if pattern.repeat > 1:
        text = f"{factor(text)} / {pattern.repeat}"
    if pattern.period:
        text = f"{factor(text)} % {pattern.period}"
    if pattern.step > 1:
        text = f"{factor(text)} * {pattern.step}"
    return (f"{pattern.start} + {factor(text)}" if pattern.start else text), ()


def factor(text: str) -> str:
    """An expression as a factor."""
    return text if text.replace("_", "a").isalnum() else f"({text})"


def indented(lines: Iterable[str], levels: int = 1) -> list[str]:
    """Lines moved to the right."""
    return ["    " * levels + line if line else line for line in lines]


def loop(
    vendor: Vendor, counter: str, count: int, body: Sequence[str], purpose: str = UNROLL, first: int = 0
) -> list[str]:
    """A for loop over first .. count - 1, with the vendor's pragmas in their places."""
    return [
        *vendor.pragma(purpose, "before", interval=1),
        f"for (int {counter} = {first}; {counter} < {count}; {counter}++) {{",
        *vendor.pragma(purpose, "inside", interval=1),
        *indented(body),
        "}",
    ]
