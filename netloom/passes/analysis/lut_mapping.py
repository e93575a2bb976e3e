"""From tables of numbers to networks of small lookup tables.

A function of more bits than a lookup table has is cut by functional decomposition (Ashenhurst 1957, Curtis
1962): for a group of its inputs, the bound set, the function of the other inputs is the same for many of
their combinations; a code of that class takes their place. Sums in front of a threshold have few classes:
only the partial sum counts, as far as it decides. Where no bound set saves tables, one input selects between
two functions of the others (Shannon).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netloom.core.lut_network import NONE, ONE, SELECTOR_LEVELS, ZERO, IntArray, LutNetwork

WIDTH_OF_SEARCH = 8
"""Bound sets that the search keeps of each size."""
WIDER_SETS = (0, 2)
"""Inputs that bound sets may have beyond those of a lookup table; each is tried."""


@dataclass(frozen=True)
class Table:
    """A lookup table: the signals of its address, lowest bit first, and its entries as bits of a number."""

    signals: tuple[int, ...]
    truth: int


def direct_luts(inputs: int, outputs: int, lut_inputs: int) -> int:
    """Tables of functions that are not decomposed."""
    more = max(inputs - lut_inputs, 0)
    each = 1 << more
    if more > SELECTOR_LEVELS:
        each += (1 << (more - SELECTOR_LEVELS)) - 1
    return outputs * each


class LutMapper:
    """Collects functions as tables; equal tables are made once.

    Args:
        n_inputs: signals that are input bits.
        lut_inputs: inputs of a lookup table of the device.
    """

    def __init__(self, n_inputs: int, lut_inputs: int) -> None:
        self.n_inputs = n_inputs
        self.lut_inputs = lut_inputs
        self.tables: list[Table] = []
        self.height: list[int] = []
        self.known: dict[Table, int] = {}
        self.largest_set = lut_inputs
        self.sets: dict[bytes, tuple[int, ...]] = {}

    def add(self, values: IntArray, signals: Sequence[int], width: int) -> list[int]:
        """The signals of the lowest `width` bits of a function, lowest first.

        Args:
            values: int64[2**n], by the combination of the signals.
            signals: n of them; the first is the lowest bit of a combination.
            width: bits that are wanted.
        """
        wanted, own = without_idle_inputs(values & ((1 << width) - 1), tuple(signals))
        # The bits together share codes, the bits one by one have smaller ones.
        parts = ([(0, width)], [(bit, 1) for bit in range(width)])
        ways = list(itertools.product(parts, WIDER_SETS if len(own) > self.lut_inputs else WIDER_SETS[:1]))
        costs: list[int] = []
        for way in ways:
            before = len(self.tables)
            self._in_parts(wanted, own, *way)
            costs.append(self.luts(before))
            self._forget(before)
        return self._in_parts(wanted, own, *ways[costs.index(min(costs))])

    def luts(self, first: int = 0) -> int:
        """Lookup tables from a table on, without the selectors that stand behind them in a slice."""
        return sum(not 0 < height <= SELECTOR_LEVELS for height in self.height[first:])

    def network(self, outputs: Sequence[Sequence[int]]) -> LutNetwork:
        """The network with these signals as its results' bits."""
        address = np.full((len(self.tables), self.widest), NONE, dtype=np.int64)
        for row, table in zip(address, self.tables, strict=True):
            row[: len(table.signals)] = table.signals
        truth = np.array([table.truth for table in self.tables], dtype=np.uint64).astype(np.int64)
        return LutNetwork(self.n_inputs, address, truth, np.array(outputs, dtype=np.int64))

    @property
    def widest(self) -> int:
        """Most inputs of any table."""
        return max((len(table.signals) for table in self.tables), default=1)

    def _in_parts(
        self, values: IntArray, signals: tuple[int, ...], parts: Sequence[tuple[int, int]], wider: int
    ) -> list[int]:
        self.largest_set = self.lut_inputs + wider
        found: list[int] = []
        for first, width in parts:
            found += self._map(values >> first & ((1 << width) - 1), signals, width)
        return found

    def _forget(self, first: int) -> None:
        for table in self.tables[first:]:
            del self.known[table]
        del self.tables[first:], self.height[first:]

    def _map(self, values: IntArray, signals: tuple[int, ...], width: int) -> list[int]:
        """Bits of few inputs are a table each; the others are cut together."""
        result: dict[int, int] = {}
        wide: list[int] = []
        for bit in range(width):
            function, own = without_idle_inputs(values >> bit & 1, signals)
            if len(own) <= self.lut_inputs:
                result[bit] = self._table(function, own)
            else:
                wide.append(bit)
        if wide:
            joined = sum(((values >> bit & 1) << place for place, bit in enumerate(wide)), np.int64(0))
            function, own = without_idle_inputs(np.asarray(joined), signals)
            result |= dict(zip(wide, self._cut(function, own, len(wide)), strict=True))
        return [result[bit] for bit in range(width)]

    def _table(self, function: IntArray, signals: tuple[int, ...], height: int = 0) -> int:
        """The signal of a function of few inputs."""
        if not signals:
            return ONE if function[0] else ZERO
        if len(signals) == 1 and function[1]:
            return signals[0]
        order = np.argsort(signals)
        function = rearranged(function, [int(place) for place in order]).reshape(-1)
        truth = sum(int(bit) << entry for entry, bit in enumerate(function.tolist()))
        table = Table(tuple(sorted(signals)), truth)
        if table not in self.known:
            self.known[table] = self.n_inputs + len(self.tables)
            self.tables.append(table)
            self.height.append(height)
        return self.known[table]

    def _cut(self, values: IntArray, signals: tuple[int, ...], width: int) -> list[int]:
        bound = self._bound_set(values, len(signals), width)
        if not bound:
            return self._selected(values, signals, width)
        free = [place for place in range(len(signals)) if place not in bound]
        columns = rearranged(values, [*free, *bound]).reshape(1 << len(bound), -1)
        classes, code = np.unique(columns, axis=0, return_inverse=True)
        code_bits = code_width(len(classes))
        group = tuple(signals[place] for place in bound)
        codes = self._map(code.reshape(-1).astype(np.int64), group, code_bits)
        # Codes that are not used read as the last one.
        rows = np.minimum(np.arange(1 << code_bits), len(classes) - 1)
        rest = tuple(signals[place] for place in free)
        return self._map(classes[rows].reshape(-1), (*rest, *codes), width)

    def _bound_set(self, values: IntArray, count: int, width: int) -> tuple[int, ...]:
        """The places of the inputs that are coded at the least cost; none where that saves no table."""
        key = bytes([count, width, self.largest_set]) + values.tobytes()
        if key not in self.sets:
            small = values.astype(np.min_scalar_type(int(values.max(initial=0))))
            self.sets[key] = bound_set(small, count, width, self.lut_inputs, self.largest_set)
        return self.sets[key]

    def _selected(self, values: IntArray, signals: tuple[int, ...], width: int) -> list[int]:
        """Two functions of the other inputs, and the input that selects."""

        def supports(place: int) -> int:
            return sum(
                len(without_idle_inputs(half, rest)[1]) for half, rest in halves(values, signals, place)
            )

        chosen = min(range(len(signals)), key=lambda place: (supports(place), -place))
        low, high = (self._map(half, rest, width) for half, rest in halves(values, signals, chosen))
        return [self._selector(signals[chosen], *pair) for pair in zip(low, high, strict=True)]

    def _selector(self, select: int, low: int, high: int) -> int:
        """`high` where `select` is set, else `low`."""
        constant = {ZERO: 0, ONE: 1}
        signals = tuple(dict.fromkeys(s for s in (low, high, select) if s not in constant))
        entries = np.arange(1 << len(signals))
        bits = {s: entries >> place & 1 for place, s in enumerate(signals)} | constant
        function, own = without_idle_inputs(
            np.asarray(np.where(bits[select] == 1, bits[high], bits[low])), signals
        )
        below = [
            self.height[s - self.n_inputs] if s >= self.n_inputs else SELECTOR_LEVELS for s in (low, high)
        ]
        return self._table(function, own, 1 + max(below) if len(own) == 3 else 0)


def halves(values: IntArray, signals: tuple[int, ...], place: int) -> list[tuple[IntArray, tuple[int, ...]]]:
    """The functions of the other signals where one is 0, and where it is 1."""
    split = values.reshape(-1, 2, 1 << place)
    rest = signals[:place] + signals[place + 1 :]
    return [(split[:, side].reshape(-1), rest) for side in (0, 1)]


def without_idle_inputs(values: IntArray, signals: tuple[int, ...]) -> tuple[IntArray, tuple[int, ...]]:
    """A function without the signals that it does not depend on."""
    for place in range(len(signals) - 1, -1, -1):
        (low, rest), (high, _) = halves(values, signals, place)
        if np.array_equal(low, high):
            values, signals = low, rest
    return values, signals


def rearranged(values: IntArray, order: Sequence[int]) -> IntArray:
    """The same function as an array of an axis a signal, the signal `order[0]` last."""
    count = len(order)
    axes = [count - 1 - place for place in reversed(order)]
    return values.reshape((2,) * count).transpose(axes)


def code_width(classes: int) -> int:
    """Bits that number so many classes."""
    return max(classes - 1, 0).bit_length()


def bound_set(values: IntArray, count: int, width: int, lut_inputs: int, largest: int) -> tuple[int, ...]:
    """The inputs whose code saves most tables, none where no code does.

    Sets grow by one input at a time from the best of each size.
    """
    best: tuple[int, tuple[int, ...]] = (direct_luts(count, width, lut_inputs), ())
    sets: list[tuple[int, ...]] = [(place,) for place in range(count)]
    for size in range(2, min(largest, count - 1) + 1):
        grown = {
            tuple(sorted((*each, place))) for each in sets for place in range(count) if place not in each
        }
        ranked = sorted((classes_of(values, each, count), each) for each in grown)
        sets = [each for _, each in ranked[:WIDTH_OF_SEARCH]]
        code = code_width(ranked[0][0])
        if code < size:
            cost = direct_luts(size, code, lut_inputs) + direct_luts(count - size + code, width, lut_inputs)
            best = min(best, (cost, ranked[0][1]), key=lambda found: found[0])
    return best[1]


def classes_of(values: IntArray, bound: tuple[int, ...], count: int) -> int:
    """Different functions of the other inputs, over the combinations of some."""
    free = [place for place in range(count) if place not in bound]
    columns = np.ascontiguousarray(rearranged(values, [*free, *bound]).reshape(1 << len(bound), -1))
    return len({column.tobytes() for column in columns})
