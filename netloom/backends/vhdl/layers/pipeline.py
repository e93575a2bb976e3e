"""Layers made of steps: each step a process, registered where the schedule puts a register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netloom.backends.vhdl.text import process, vector


@dataclass(frozen=True)
class StepText:
    """One step: its variables and its body, which assigns the signal named `name` (the last one: `y`).

    Attributes:
        name: what it does; also the name of the signal that it drives.
        bits: bits of that signal.
        variables: declarations of its process.
        body: statements of its process.
    """

    name: str
    bits: int
    variables: Sequence[str]
    body: Sequence[str]


def pipeline(steps: Sequence[StepText], stages: Sequence[int]) -> tuple[list[str], list[str]]:
    """Declarations and statements; a step is clocked when the next one is in a later stage."""
    declarations: list[str] = []
    statements: list[str] = []
    for position, step in enumerate(steps):
        last = position + 1 == len(steps)
        clocked = not last and stages[position + 1] > stages[position]
        if not last:
            declarations.append(f"signal {step.name} : {vector(step.bits)};")
        if statements:
            statements.append("")
        statements += process(f"do_{step.name}", step.variables, step.body, clocked=clocked)
    return declarations, statements
