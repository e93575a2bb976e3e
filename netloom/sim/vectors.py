"""Tensors as lines of digits, the form in which test benches read and write them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan
from netloom.passes.analysis.hardware import PortInfo

Ints = NDArray[np.int64]


def hex_lines(port: PortInfo, mantissas: Ints) -> str:
    """One line a sample: the port's vector in hexadecimal, element 0 in the least significant bits.

    Args:
        port: the port.
        mantissas: int64[N, *port.shape].

    Raises:
        CompileError: NL401 for a wrong shape, NL403 for mantissas outside the port's format.
    """
    check(port, mantissas)
    digits = -(-port.bits // 4)
    lines: list[str] = []
    places = np.arange(port.element_bits, dtype=np.int64)
    for sample in mantissas.reshape(len(mantissas), -1):
        flags = ((sample[:, None] >> places) & 1).astype(np.uint8)
        packed = np.packbits(flags.reshape(-1), bitorder="little").tobytes()
        lines.append(packed[::-1].hex()[-digits:].upper().rjust(digits, "0") + "\n")
    return "".join(lines)


def check(port: PortInfo, mantissas: Ints) -> None:
    """Refuse mantissas that the port cannot carry (errors as in `hex_lines`)."""
    if mantissas.dtype.kind not in "iu" or mantissas.shape[1:] != port.shape or mantissas.ndim == 0:
        raise CompileError(
            "NL401",
            f"an array of {mantissas.dtype} of shape {mantissas.shape}",
            origin=port.name,
            supported=f"integers of shape [samples, {', '.join(map(str, port.shape))}]",
        )
    if not mantissas.size:
        return
    low, high = int(mantissas.min()), int(mantissas.max())
    if low < port.format.min_mantissa or high > port.format.max_mantissa:
        raise CompileError(
            "NL403",
            f"mantissas from {low} to {high} do not fit {port.format}",
            origin=port.name,
            supported=f"{port.format.min_mantissa} to {port.format.max_mantissa}",
        )


def decimal_lines(port: PortInfo, mantissas: Ints) -> str:
    """One line a sample: the mantissas of its elements as decimal numbers (errors as in `hex_lines`)."""
    check(port, mantissas)
    return "".join(" ".join(map(str, row)) + "\n" for row in mantissas.reshape(len(mantissas), -1).tolist())


LINES: Mapping[str, Callable[[PortInfo, Ints], str]] = {"hexadecimal": hex_lines, "decimal": decimal_lines}
"""How a plan's property `vectors` wants its lines; hexadecimal when it says nothing."""


def from_hex(port: PortInfo, lines: Iterable[str]) -> Ints:
    """Mantissas int64[N, *port.shape] from lines as `hex_lines` writes them.

    Raises:
        CompileError: NL602 when a line has digits that are not numbers, such as undefined bits.
    """
    samples = [_sample(port, line.strip()) for line in lines]
    return np.array(samples, dtype=np.int64).reshape(len(samples), *port.shape)


def _sample(port: PortInfo, digits: str) -> Ints:
    try:
        raw = bytes.fromhex(digits.rjust(-(-port.bits // 8) * 2, "0"))
    except ValueError:
        raise CompileError(
            "NL602",
            f"the design gave undefined bits: {digits[:40]}",
            origin=port.name,
            hint="a register was read before it was written; report this design",
        ) from None
    flags = np.unpackbits(np.frombuffer(raw[::-1], dtype=np.uint8), bitorder="little")[: port.bits]
    weights = np.int64(1) << np.arange(port.element_bits, dtype=np.int64)
    if port.format.signed:
        weights[-1] = -weights[-1]
    values: Ints = flags.reshape(port.elements, port.element_bits).astype(np.int64) @ weights
    return values


def with_vectors(plan: BuildPlan, inputs: Sequence[Ints], expected: Sequence[Ints]) -> BuildPlan:
    """The plan with vectors for its own simulation script, in `sim/vectors`.

    Args:
        plan: what a register-transfer backend emitted.
        inputs: mantissas int64[N, *shape] for each input port.
        expected: mantissas for each output port.

    Raises:
        CompileError: NL401 or NL403 for tensors that do not fit the ports.
    """
    ports = beat_ports(plan)
    signals = plan.properties["signals"].split(",")
    lines = LINES[plan.properties.get("vectors", "hexadecimal")]
    tensors = [in_beats(port, tensor) for port, tensor in zip(ports, [*inputs, *expected], strict=True)]
    found = vector_files(ports, signals, tensors, lines)
    return plan.with_files({f"sim/vectors/{name}": text for name, text in found.items()})


def beat_ports(plan: BuildPlan) -> list[PortInfo]:
    """The ports of a plan as its vectors see them: those of a streaming design with the shape of a beat."""
    ports = PortInfo.from_json(plan.properties["ports"])
    if "beats" not in plan.properties:
        return ports
    beats = map(int, plan.properties["beats"].split(","))
    return [replace(port, shape=(port.elements // count,)) for port, count in zip(ports, beats, strict=True)]


def in_beats(port: PortInfo, mantissas: Ints) -> Ints:
    """Mantissas int64[N, ...] of whole tensors as [N * beats, *port.shape]; others stay as they are."""
    samples = math.prod(mantissas.shape[1:])
    if mantissas.shape[1:] == port.shape or not port.elements or samples % port.elements:
        return mantissas
    return mantissas.reshape(-1, *port.shape)


def vector_files(
    ports: Sequence[PortInfo],
    signals: Sequence[str],
    tensors: Sequence[Ints],
    lines: Callable[[PortInfo, Ints], str] = hex_lines,
) -> dict[str, str]:
    """File name to contents for the test bench, for a tensor for each of the given ports."""
    return {
        f"{port.direction}_{signal}.txt": lines(port, mantissas)
        for port, signal, mantissas in zip(ports, signals, tensors, strict=True)
    }
