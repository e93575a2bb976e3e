"""And-inverter graphs: read from a binary AIGER file, run clock by clock on 64 streams at a time.

The format is that of A. Biere, K. Heljanko and S. Wieringa, "AIGER 1.9 and Beyond", 2011: variable 0
is the constant false; then come the inputs, the latches and the gates; literal 2 v is variable v and 2 v + 1
its complement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from netloom.core.diagnostics import CompileError

Words = NDArray[np.uint64]
Literals = NDArray[np.int64]

LANES = 64
"""Streams that run side by side, one in each bit of a word."""

_SYMBOL = re.compile(rb"^([ilo])(\d+) (.+)$")


@dataclass(frozen=True, eq=False)
class Aig:
    """A sequential circuit.

    Attributes:
        inputs: number of each input bit, by name (`x[3]`, or `ce` for one that is alone).
        outputs: literal of each output bit, by name.
        latches: literal of the next value of each latch.
        gates: both operands of each gate, as literals int64[gates, 2].
    """

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    latches: Literals
    gates: Literals

    @property
    def variables(self) -> int:
        """Number of variables, the constant with them."""
        return 1 + len(self.inputs) + len(self.latches) + len(self.gates)


def read(path: Path) -> Aig:
    """Read a binary AIGER file with symbols.

    Raises:
        CompileError: NL605 for a file that is none, or has no names.
    """
    try:
        return _parse(path.read_bytes())
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise CompileError("NL605", f"it is no binary AIGER file: {error}", origin=path.name) from error


def _parse(data: bytes) -> Aig:
    head, _, rest = data.partition(b"\n")
    fields = head.split()
    if fields[0] != b"aig":
        raise ValueError("its first word is not 'aig'")
    _, n_inputs, n_latches, n_outputs, n_gates = map(int, fields[1:6])
    lines: list[bytes] = []
    for _ in range(n_latches + n_outputs):
        line, _, rest = rest.partition(b"\n")
        lines.append(line)
    latches = np.array([int(line.split()[0]) for line in lines[:n_latches]], dtype=np.int64)
    outputs = [int(line) for line in lines[n_latches:]]
    gates, size = _gates(np.frombuffer(rest, dtype=np.uint8), n_gates, 1 + n_inputs + n_latches)
    if size < 0:
        raise ValueError("it ends before its last gate")
    names: dict[bytes, dict[int, str]] = {b"i": {}, b"l": {}, b"o": {}}
    for line in rest[size:].split(b"\n"):
        if line == b"c":
            break
        if found := _SYMBOL.match(line):
            names[found[1]][int(found[2])] = found[3].decode().lstrip("\\")
    return Aig(
        {names[b"i"][n]: n for n in range(n_inputs)},
        {names[b"o"][n]: outputs[n] for n in range(n_outputs)},
        latches,
        gates,
    )


@numba.njit(cache=True)
def _gates(code: NDArray[np.uint8], count: int, first: int) -> tuple[Literals, int]:
    """Operands of the gates, from differences in seven bits a byte; and the bytes read, -1 for too few."""
    gates = np.empty((count, 2), dtype=np.int64)
    at = 0
    for gate in range(count):
        last = 2 * (first + gate)
        for operand in range(2):
            shift, more = 0, True
            while more:
                if at == len(code):
                    return gates, -1
                byte = int(code[at])
                at += 1
                last -= (byte & 127) << shift
                shift += 7
                more = byte >= 128
            gates[gate, operand] = last
    return gates, at


@numba.njit(cache=True)
def _literal(values: Words, literal: int) -> np.uint64:
    value: np.uint64 = values[literal >> 1]
    return ~value if literal & 1 else value


@numba.njit(cache=True)
def _run(inputs: Words, state: Words, latches: Literals, outputs: Literals, gates: Literals) -> Words:
    """Outputs of each cycle, sampled before the clock edge that ends it."""
    cycles, n_inputs = inputs.shape
    n_latches, n_gates = len(latches), len(gates)
    values = np.zeros(1 + n_inputs + n_latches + n_gates, dtype=np.uint64)
    found = np.empty((cycles, len(outputs)), dtype=np.uint64)
    first = 1 + n_inputs
    for cycle in range(cycles):
        values[1:first] = inputs[cycle]
        values[first : first + n_latches] = state
        for gate in range(n_gates):
            left = _literal(values, gates[gate, 0])
            values[first + n_latches + gate] = left & _literal(values, gates[gate, 1])
        for index in range(len(outputs)):
            found[cycle, index] = _literal(values, outputs[index])
        for index in range(n_latches):
            state[index] = _literal(values, latches[index])
    return found


def run(aig: Aig, inputs: Words, seed: int = 0) -> Words:
    """Outputs uint64[cycles, outputs] for inputs uint64[cycles, inputs], a stream in each bit.

    Args:
        aig: the circuit.
        inputs: words in the order of `aig.inputs`.
        seed: of the registers' first contents, which a correct design's results do not depend on.
    """
    state = np.random.default_rng(seed).integers(0, 2**64, len(aig.latches), dtype=np.uint64)
    outputs = np.array(list(aig.outputs.values()), dtype=np.int64)
    found: Words = _run(inputs, state, aig.latches, outputs, aig.gates)
    return found


CONSTANT, MIXED = -1, -2
"""Ages of what depends on no input, and on those of several cycles."""


def ages(aig: Aig) -> Literals:
    """For each variable, how many clock edges ago the inputs came that it depends on.

    `CONSTANT` for none, `MIXED` for several. A latch is one edge older than what it takes.
    """
    found = np.full(aig.variables, CONSTANT, dtype=np.int64)
    found[1 : 1 + len(aig.inputs)] = 0
    first = 1 + len(aig.inputs)
    known = np.full(len(aig.latches), CONSTANT, dtype=np.int64)
    # A pipeline is settled after as many rounds as it has stages; a loop would age for ever.
    for _ in range(len(aig.latches) + 2):
        found[first : first + len(known)] = known
        _age_gates(found, aig.gates, first + len(known))
        taken = found[aig.latches >> 1]
        older = np.where(taken >= 0, taken + 1, taken)
        if np.array_equal(older, known):
            return found
        known = older
    found[first : first + len(known)] = MIXED
    _age_gates(found, aig.gates, first + len(known))
    return found


@numba.njit(cache=True)
def _age_gates(found: Literals, gates: Literals, first: int) -> None:
    for gate in range(len(gates)):
        left, right = found[gates[gate, 0] >> 1], found[gates[gate, 1] >> 1]
        if left == -1 or left == right:
            found[first + gate] = right
        elif right == -1:
            found[first + gate] = left
        else:
            found[first + gate] = -2
