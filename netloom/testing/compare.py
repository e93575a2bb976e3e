"""Comparison of outputs, and what a failure says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netloom.core.fixed import Format
from netloom.testing.cases import Case
from netloom.testing.program import Port

Ints = NDArray[np.int64]

LISTED = 12
"""Failing cases that a message names."""


@dataclass(frozen=True)
class Difference:
    """Where a result first departs from what it must be.

    Attributes:
        title: what was computed, with its formats.
        op: the op that it is about.
        index: sample, then element.
        inputs: one line for each input.
        expected, got: mantissas.
        wrong, total: how many elements differ, of how many.
        format: of the result.
    """

    title: str
    op: str
    index: tuple[int, ...]
    inputs: Sequence[str]
    expected: int
    got: int
    wrong: int
    total: int
    format: Format

    def __str__(self) -> str:
        """Several lines."""
        sample, element = self.index[0], self.index[1:]
        lines = [
            f"  case:     {self.title}",
            f"  op:       {self.op or 'none'}, result {self.format}",
            f"  first at: sample {sample}, element {element} ({self.wrong} of {self.total} elements differ)",
            *(f"  input:    {line}" for line in self.inputs),
            f"  expected: {_number(self.expected, self.format)}",
            f"  got:      {_number(self.got, self.format)}",
        ]
        return "\n".join(lines)


def _number(mantissa: int, number_format: Format) -> str:
    return f"{mantissa} (value {float(np.ldexp(float(mantissa), -number_format.fraction)):g})"


def first_difference(
    case: Case, inputs: Sequence[Ints], expected: Ints, got: Ints, number_format: Format
) -> Difference | None:
    """None when both are equal, shape included.

    Args:
        case: what was computed.
        inputs: mantissas int64 [n, *shape] at its ports.
        expected: mantissas int64 [n, *shape] that its result must have.
        got: those that it has.
        number_format: format of the result.

    Raises:
        AssertionError: the simulator's array has another shape or type.
    """
    if got.shape != expected.shape or got.dtype.kind not in "iu":
        raise AssertionError(
            f"{case.name}: the simulator gave an array of {got.dtype} of shape {got.shape} instead of int64"
            f" of shape {expected.shape}"
        )
    if np.array_equal(got, expected):
        return None
    wrong = np.argwhere(got != expected)
    index = tuple(int(i) for i in wrong[0])
    shown = [
        _input(f"x{number}", port, array[index[0]], index[1:], expected.shape[1:])
        for number, (port, array) in enumerate(zip(case.ports, inputs, strict=True))
    ]
    return Difference(
        case.name,
        case.op,
        index,
        shown,
        int(expected[index]),
        int(got[index]),
        len(wrong),
        expected.size,
        number_format,
    )


def _input(
    name: str, port: Port, sample: Ints, element: tuple[int, ...], result_shape: tuple[int, ...]
) -> str:
    """The element itself of an elementwise op, else the whole tensor."""
    if port.shape == result_shape:
        return f"{name}{list(element)} = {_number(int(sample[element]), port.format)} in {port.format}"
    text = np.array2string(sample, separator=", ", threshold=200, max_line_width=100)
    return f"{name} = {text} in {port.format}".replace("\n", "\n            ")


def report(where: str, cases: int, differences: Sequence[Difference]) -> str:
    """The message for the cases that differ: the first in full, then the names of the others."""
    head = f"{where}: {len(differences)} of {cases} cases differ from the interpreter"
    others = [difference.title for difference in differences[1 : LISTED + 1]]
    if len(differences) > LISTED + 1:
        others.append(f"and {len(differences) - LISTED - 1} more")
    tail = ["  also:     " + "\n            ".join(others)] if others else []
    return "\n".join([head, str(differences[0]), *tail])
