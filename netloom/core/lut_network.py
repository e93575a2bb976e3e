"""Networks of lookup tables held as arrays: exact meaning, levels and the bits that an output depends on.

A :class:`LutNetwork` computes bits from bits.  Signals are numbered: ``0 .. n_inputs - 1`` are the input
bits, ``n_inputs + k`` is table ``k``, and a table reads signals with smaller numbers only.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
BitArray = NDArray[np.uint8]

LARGEST_INPUTS = 6
"""Inputs of a table at most: its entries are the bits of one integer."""
SELECTOR_INPUTS, SELECTOR_LEVELS = 3, 2
"""A selector's two values and its select; levels of selectors behind the tables of a slice (F7 and F8
multiplexers of AMD, PFUMX and L6MUX21 of Lattice)."""
ZERO, ONE = -1, -2
"""Output bits that are constant."""
NONE = -1
"""What stands in a table's address beyond its inputs."""
_BLOCK_ELEMENTS = 1 << 22


@dataclass(frozen=True, eq=False)
class LutNetwork:
    """Tables of up to six inputs each, and the bits of the results.

    With ``s`` the signals, ``T`` tables of ``A`` inputs at most, and ``N`` results of ``M`` bits:

    - table ``k``: ``s[n_inputs + k]`` is bit ``sum(s[address[k, i]] << i)`` of ``truth[k]``;
    - bit ``b`` of result ``j`` is ``s[outputs[j, b]]``, or constant where that is `ZERO` or `ONE`.

    ``address`` is int64[T, A] with `NONE` behind a table's last input, ``truth`` is int64[T] (64 entries
    fill it to its sign), ``outputs`` is int64[N, M], lowest bit first.

    Raises ValueError on construction when the arrays do not describe such a network.
    """

    n_inputs: int
    address: IntArray
    truth: IntArray
    outputs: IntArray

    def __post_init__(self) -> None:
        if self.address.ndim != 2 or self.outputs.ndim != 2 or self.truth.shape != self.address.shape[:1]:
            raise ValueError("lookup tables: an address and a truth table for each, bits for each result")
        if self.address.shape[1] > LARGEST_INPUTS:
            raise ValueError(f"lookup tables: a table has at most {LARGEST_INPUTS} inputs")
        used = self.address != NONE
        if len(self.address) and (not used[:, :1].all() or np.any(used[:, 1:] & ~used[:, :-1])):
            raise ValueError("lookup tables: a table's inputs stand first in its address, at least one")
        own = self.n_inputs + np.arange(len(self.address))[:, None]
        if np.any(self.address < NONE) or np.any(self.address >= own):
            raise ValueError("lookup tables: a table reads input bits and earlier tables")
        small = self.fan_in < LARGEST_INPUTS
        if np.any(self.truth[small] >> (1 << self.fan_in[small]) != 0):
            raise ValueError("lookup tables: a truth table has as many entries as its inputs address")
        if np.any(self.outputs < ONE) or np.any(self.outputs >= self.n_signals):
            raise ValueError("lookup tables: a result's bit is a signal or constant")

    @property
    def n_signals(self) -> int:
        """Input bits and tables."""
        return self.n_inputs + len(self.address)

    @cached_property
    def fan_in(self) -> IntArray:
        """Inputs int64[T] of each table."""
        return np.asarray((self.address != NONE).sum(axis=1), dtype=np.int64)

    def inputs_of(self, table: int) -> list[int]:
        """The signals that a table reads, that of entry bit 0 first."""
        return [int(signal) for signal in self.address[table, : self.fan_in[table]]]

    def entries(self, table: int) -> list[int]:
        """The entries of a table, 0 or 1."""
        return [int(self.truth[table]) >> entry & 1 for entry in range(1 << int(self.fan_in[table]))]

    @cached_property
    def depth(self) -> IntArray:
        """Levels int64[n_signals] of tables up to each signal; 0 for input bits."""
        found = [0] * self.n_inputs
        for table in range(len(self.address)):
            found.append(1 + max(found[signal] for signal in self.inputs_of(table)))
        return np.array(found, dtype=np.int64)

    @property
    def levels(self) -> int:
        """Tables on the longest path."""
        used = self.outputs[self.outputs >= 0]
        return int(self.depth[used].max(initial=0))

    def reaching(self, bits: IntArray | None = None) -> set[int]:
        """The tables that bits of results depend on: rows of result and bit, None for all."""
        chosen = self.outputs if bits is None else self.outputs[tuple(bits.T)]
        needed: set[int] = set()
        pending = [int(signal) for signal in chosen.reshape(-1)]
        while pending:
            table = pending.pop() - self.n_inputs
            if table >= 0 and table not in needed:
                needed.add(table)
                pending += self.inputs_of(table)
        return needed

    def selectors(self) -> set[int]:
        """Tables that select between two others that nothing else reads: multiplexers of a slice's tables."""
        reads = np.bincount(self.address[self.address >= 0], minlength=self.n_signals)
        height: dict[int, int] = {}
        for table in np.flatnonzero(self.fan_in == SELECTOR_INPUTS).tolist():
            chosen = _selected(int(self.truth[table]))
            if chosen is None:
                continue
            below = [self.inputs_of(table)[place] for place in chosen]
            if all(each >= self.n_inputs and reads[each] == 1 for each in below):
                level = 1 + max(height.get(each - self.n_inputs, 0) for each in below)
                if level <= SELECTOR_LEVELS:
                    height[table] = level
        return set(height)

    def alive(self, level: int) -> list[int]:
        """The signals of up to a level that later ones read, or results; after the last one, the results'."""
        later = np.flatnonzero(self.depth[self.n_inputs :] > level)
        read = np.union1d(self.outputs, self.address[later])
        found = [int(signal) for signal in read if signal >= 0]
        return [signal for signal in found if self.depth[signal] <= level]

    def bits(self, inputs: BitArray) -> BitArray:
        """The results' bits uint8[N, M, S] for input bits uint8[n_inputs, S]."""
        # Two rows more: an index of NONE, or of ZERO, reads the zeros of the last one, ONE the other.
        signals = np.zeros((self.n_signals + 2, inputs.shape[1]), dtype=np.uint8)
        signals[ONE] = 1
        signals[: self.n_inputs] = inputs
        depth = self.depth[self.n_inputs :]
        for level in range(1, int(depth.max(initial=0)) + 1):
            tables = np.flatnonzero(depth == level)
            entry = np.zeros((len(tables), inputs.shape[1]), dtype=np.int64)
            for place in range(self.address.shape[1]):
                entry += signals[self.address[tables, place]].astype(np.int64) << place
            signals[self.n_inputs + tables] = self.truth[tables][:, None] >> entry & 1
        return signals[self.outputs]

    def evaluate(self, x: IntArray, width: int, signed: bool) -> IntArray:
        """Results int64[S, N] for inputs int64[S, K] whose lowest `width` bits are the input bits.

        A result's highest bit counts negative if `signed`.
        """
        result = np.zeros((len(x), len(self.outputs)), dtype=np.int64)
        step = max(1, _BLOCK_ELEMENTS // max(self.n_signals, self.outputs.size, 1))
        for first in range(0, len(x), step):
            part = x[first : first + step]
            bits = (part[:, :, None] >> np.arange(width) & 1).astype(np.uint8)
            inputs = bits.reshape(len(part), self.n_inputs).T
            result[first : first + step] = numbers(self.bits(inputs), signed).T
        return result

    def part(self, output: int) -> tuple[LutNetwork, list[int]]:
        """The network of one result alone, and which input bits its own are."""
        needed: set[int] = set()
        pending = [int(signal) for signal in self.outputs[output] if signal >= 0]
        while pending:
            signal = pending.pop()
            if signal not in needed:
                needed.add(signal)
                if signal >= self.n_inputs:
                    pending += self.inputs_of(signal - self.n_inputs)
        inputs = sorted(signal for signal in needed if signal < self.n_inputs)
        tables = sorted(signal for signal in needed if signal >= self.n_inputs)
        moved = np.full(self.n_signals + 2, NONE, dtype=np.int64)
        moved[[*inputs, *tables]] = np.arange(len(needed))
        moved[ONE] = ONE
        chosen = np.array(tables, dtype=np.int64) - self.n_inputs
        outputs = moved[self.outputs[output : output + 1]]
        return LutNetwork(len(inputs), moved[self.address[chosen]], self.truth[chosen], outputs), inputs


def _selected(truth: int) -> tuple[int, int] | None:
    """The places of the two values of a selector of three inputs; None for another function."""
    for select, low, high in itertools.permutations(range(SELECTOR_INPUTS)):
        chosen = ((entry >> high & 1) if entry >> select & 1 else (entry >> low & 1) for entry in range(8))
        if truth == sum(bit << entry for entry, bit in enumerate(chosen)):
            return low, high
    return None


def numbers(bits: BitArray, signed: bool) -> IntArray:
    """Numbers int64[N, S] of bits uint8[N, M, S], lowest first; the highest counts negative if `signed`."""
    weight = np.int64(1) << np.arange(bits.shape[1], dtype=np.int64)
    if signed and len(weight):
        weight[-1] = -weight[-1]
    return np.asarray(np.einsum("nms,m->ns", bits.astype(np.int64), weight))


def every_combination(count: int) -> BitArray:
    """All combinations uint8[count, 2**count] of so many bits, by number."""
    return (np.arange(1 << count) >> np.arange(count)[:, None] & 1).astype(np.uint8)
