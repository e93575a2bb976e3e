"""A case of the battery: one small computation with ports of its own; many of them share a design."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.testing.program import Port, Program

Build: TypeAlias = Callable[..., SSAValue]
"""Called with the program and the values of the case's ports; the value to look at."""


@dataclass(frozen=True)
class Case:
    """One computation whose result is compared.

    Attributes:
        name: what it is, with its formats, as a failure shows it.
        op: name of the op that it is about; a backend may declare that op unsupported.
        ports: its input ports.
        build: appends its ops to a program.
    """

    name: str
    op: str
    ports: tuple[Port, ...]
    build: Build


def program_of(cases: Sequence[Case], name: str = "conformance") -> ModuleOp:
    """One program with ports of their own for each case: case n has inputs `c<n>_x<k>` and output `c<n>`."""
    inputs = [
        (f"c{index}_x{number}", port)
        for index, case in enumerate(cases)
        for number, port in enumerate(case.ports)
    ]
    program = Program(inputs, name)
    values = iter(program.inputs)
    for index, case in enumerate(cases):
        operands = [next(values) for _ in case.ports]
        program.origin = f"{case.op}/{index}"
        program.output(case.build(program, *operands), f"c{index}")
    return program.finish()


def one_of(cases: Sequence[Case], every: int) -> list[Case]:
    """About one case of so many, whatever the order of the table; at least one of each op."""
    by_chance = {case.name: zlib.crc32(case.name.encode()) for case in cases}
    first: dict[str, str] = {}
    for name, op in sorted((case.name, case.op) for case in cases):
        if op not in first or by_chance[name] < by_chance[first[op]]:
            first[op] = name
    return [case for case in cases if by_chance[case.name] % every == 0 or case.name == first[case.op]]


def packs(cases: Sequence[Case], size: int) -> Iterator[Sequence[Case]]:
    """The cases in groups of nearly equal length, at most `size` each."""
    count = -(-len(cases) // size)
    for number in range(count):
        yield cases[number::count]
