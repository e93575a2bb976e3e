"""Pieces of VHDL text: constants, tables, slices and index expressions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netloom.backends.indexing import pattern_of
from netloom.core.fixed import Format

Ints = NDArray[np.int64]

LINE_LENGTH = 100


def wire_bits(number_format: Format) -> int:
    """Bits of an element on a wire; a number of no bits has one, which is zero."""
    return max(number_format.width, 1)


def is_signed(number_format: Format) -> bool:
    """Whether an element on a wire is two's complement."""
    return number_format.signed and number_format.width > 0


def literal(value: int, width: int) -> str:
    """An expression of type signed, `width` bits, that equals `value` modulo 2**width."""
    wrapped = (value + (1 << (width - 1))) % (1 << width) - (1 << (width - 1))
    if -(2**31) < wrapped < 2**31:
        return f"to_signed({wrapped}, {width})"
    return f'signed\'("{wrapped % (1 << width):0{width}b}")'


def vector(bits: int) -> str:
    """The type of a vector."""
    return f"std_logic_vector({bits - 1} downto 0)"


def element(tensor: str, index: str, number_format: Format) -> str:
    """An element of a tensor, as signed or unsigned."""
    kind = "signed" if is_signed(number_format) else "unsigned"
    return f"{kind}(elem({tensor}, {index}, {wire_bits(number_format)}))"


def target(tensor: str, index: str, width: int) -> str:
    """An element of a tensor, to be assigned."""
    if width == 1:
        return f"{tensor}({index} downto {index})"
    if index.isdigit():
        return f"{tensor}({(int(index) + 1) * width - 1} downto {int(index) * width})"
    return f"{tensor}(({index} + 1) * {width} - 1 downto {inner(index)} * {width})"


def inner(index: str) -> str:
    """An index expression as a factor."""
    return index if index.isidentifier() or index.isdigit() else f"({index})"


def table_bits(values: Ints) -> int:
    """Width of a table's entries: signed, and whole hexadecimal digits."""
    largest = max((int(v) if v >= 0 else ~int(v) for v in values.reshape(-1)), default=0)
    return -(-(largest.bit_length() + 1) // 4) * 4


def table(name: str, values: Ints) -> list[str]:
    """Declaration of a table of mantissas, `name(index)` being of type signed."""
    width = table_bits(values)
    digits = [f'x"{int(v) % (1 << width):0{width // 4}X}"' for v in values.reshape(-1)]
    return _array(name, f"signed({width - 1} downto 0)", digits, "mantissas, two's complement")


def index_table(name: str, values: Ints) -> list[str]:
    """Declaration of a table of element numbers."""
    return _array(name, "natural", [str(int(v)) for v in values.reshape(-1)], "element numbers")


def _array(name: str, element_type: str, entries: Sequence[str], what: str) -> list[str]:
    if len(entries) == 1:
        entries = [f"0 => {entries[0]}"]
    lines = [
        f"type {name.lower()}_t is array (0 to {len(entries) - 1}) of {element_type};",
        f"-- {what}",
        f"constant {name} : {name.lower()}_t := (",
    ]
    row = "  "
    for position, entry in enumerate(entries):
        piece = entry + (", " if position + 1 < len(entries) else "")
        if len(row) + len(piece) > LINE_LENGTH:
            lines.append(row.rstrip())
            row = "  "
        row += piece
    return [*lines, row.rstrip(), ");"]


def index_expression(indices: Ints, counter: str, name: str) -> tuple[str, list[str]]:
    """An expression for `indices[counter]`, and the declarations that it needs."""
    pattern = pattern_of(indices)
    if pattern.table is not None:
        return f"{name}({counter})", index_table(name, pattern.table)
    if not pattern.step:
        return str(pattern.start), []
    text = counter
    if pattern.repeat > 1:
        text = f"{inner(text)} / {pattern.repeat}"
    if pattern.period:
        text = f"{inner(text)} mod {pattern.period}"
    if pattern.step > 1:
        text = f"{inner(text)} * {pattern.step}"
    return (f"{pattern.start} + {inner(text)}" if pattern.start else text), []


def indented(lines: Sequence[str], levels: int = 1) -> list[str]:
    """Lines moved to the right."""
    return ["  " * levels + line if line else line for line in lines]


def process(label: str, variables: Sequence[str], body: Sequence[str], *, clocked: bool) -> list[str]:
    """A process: combinational, or clocked with clock enable."""
    head = f"{label} : process ({'clk' if clocked else 'all'})"
    if not clocked:
        inner = indented(body)
    else:
        inner = [
            "  if rising_edge(clk) then",
            "    if ce = '1' then",
            *indented(body, 3),
            "    end if;",
            "  end if;",
        ]
    return [head, *indented(variables), "begin", *inner, f"end process {label};"]


def loop(counter: str, count: int, body: Sequence[str]) -> list[str]:
    """A for loop over 0 .. count - 1."""
    return [f"for {counter} in 0 to {count - 1} loop", *indented(body), "end loop;"]


def choice(condition: str, then: str, otherwise: str) -> list[str]:
    """An if statement of two statements."""
    return [f"if {condition} then", f"  {then}", "else", f"  {otherwise}", "end if;"]
