"""Copies of tensors: into output ports, and for tools that want one reader for each array.

A region of `DATAFLOW` is a list of calls in which every array has one writer and one reader (UG1399,
"Canonical Forms" and "Limitations of Control-Driven Task-Level Parallelism").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netloom.backends.hls.layers.layer import Layer, Operand
from netloom.backends.hls.program import Call, Program, Variable
from netloom.backends.hls.text import loop
from netloom.backends.hls.vendor import Vendor


def connect_outputs(
    program: Program, sources: Sequence[Variable], ports: Sequence[Variable], vendor: Vendor
) -> None:
    """The call that makes a port's source writes the port itself; where others read it too, a copy does."""
    for source, port in zip(sources, ports, strict=True):
        readers = sources.count(source) + sum(call.arguments.count(source) for call in program.calls)
        made = [index for index, call in enumerate(program.calls) if call.results == (source,)]
        if made and readers == 1:
            program.calls[made[0]] = replace(program.calls[made[0]], results=(port,))
        else:
            program.calls.append(copy(f"copy_to_{port.name}", source, (port,), vendor))


def give_each_reader_its_own(program: Program, vendor: Vendor) -> None:
    """Every array that several calls read is copied once for each of them, by one function."""
    made = [*program.inputs, *(result for call in program.calls for result in call.results)]
    for variable in made:
        readers = sum(call.arguments.count(variable) for call in program.calls)
        if readers > 1:
            _split(program, variable, readers, vendor)


def _split(program: Program, variable: Variable, readers: int, vendor: Vendor) -> None:
    copies = tuple(replace(variable, name=f"{variable.name}_{n}_copy") for n in range(readers))
    remaining = iter(copies)
    first = next(index for index, call in enumerate(program.calls) if variable in call.arguments)
    program.calls = [
        replace(
            call, arguments=tuple(next(remaining) if each == variable else each for each in call.arguments)
        )
        for call in program.calls
    ]
    program.calls.insert(first, copy(f"copy_of_{variable.name}", variable, copies, vendor))


def copy(name: str, source: Variable, targets: tuple[Variable, ...], vendor: Vendor) -> Call:
    """A function that copies a tensor into one or more others."""
    outputs = ["y"] if len(targets) == 1 else [f"y{n}" for n in range(len(targets))]
    body = loop(vendor, "i", source.count, [f"{output}[i] = x[i];" for output in outputs])
    layer = Layer((f"Gives {source.comment}.",), (Operand("x", 0),), tuple(body))
    return Call(name, "copy", source.name, layer, (replace(source, name="x"),), (source,), targets)
