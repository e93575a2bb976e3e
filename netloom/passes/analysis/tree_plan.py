"""What the parallel hardware of a `tree.ensemble` is made of: comparisons, selectors, tables and sums.

* Each comparison of a feature with a threshold is made once, for all trees.
* A tree becomes an address, one bit for each signal, and a table of leaves behind it. The address is either
  the tree's comparisons themselves, or the number of the leaf, found by two-way selectors; whichever needs
  fewer LUTs.
* The tables' values are summed in a balanced tree of adders of exact widths.

A signal is a comparison (numbered from 0), a selector (after these), or a constant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

from netloom.core.ensemble import Ensemble
from netloom.core.fixed import Format
from netloom.ir.tree import EnsembleOp

ZERO, ONE = -1, -2
"""Signals that are constant."""

LUT_INPUTS = 6
DIRECT_INPUTS = 5
"""A table that comparisons address directly has at most so many of them: with the other operand of the adder
behind it that is one LUT."""

JOINED_INPUTS = 5
"""Tables are joined while they have at most so many inputs together, for the same reason."""

LEVELS_PER_STEP = 4
"""Levels of selectors that no register divides: two levels of LUTs."""

Range = tuple[int, int]


@dataclass(frozen=True)
class Comparison:
    """x[feature] < threshold, on mantissas."""

    feature: int
    threshold: int


@dataclass(frozen=True)
class Selector:
    """`set` where the signal `select` is one, else `clear`."""

    select: int
    clear: int
    set: int


@dataclass(frozen=True)
class Term:
    """One table: the values that a tree adds to one result.

    Attributes:
        address: its signals, the least significant one first.
        values: mantissas by address, int64[2**bits]; what no input reaches repeats other entries.
    """

    address: tuple[int, ...]
    values: tuple[int, ...]

    @cached_property
    def range(self) -> Range:
        """Smallest and largest value."""
        return min(self.values), max(self.values)

    def plus(self, offset: int) -> Term:
        """The same with a constant added."""
        return Term(self.address, tuple(value + offset for value in self.values)) if offset else self


@dataclass(frozen=True)
class Sum:
    """A result: the sum of terms, neighbours first, and at the end a constant.

    Attributes:
        terms: its tables, in the order in which the adders take them.
        constant: added last; zero where it is in a table.
    """

    terms: tuple[Term, ...]
    constant: int

    def renumbered(self, signals: Mapping[int, int]) -> Sum:
        """The same with other numbers of signals."""
        terms = (Term(tuple(signals[s] for s in term.address), term.values) for term in self.terms)
        return Sum(tuple(terms), self.constant)

    @cached_property
    def levels(self) -> tuple[tuple[Range, ...], ...]:
        """Ranges of the terms, and of the sums after each level of adders."""
        found = [tuple(term.range for term in self.terms)]
        while len(found[-1]) > 1:
            found.append(tuple(_paired(found[-1])))
        return tuple(found)

    def at_level(self, level: int) -> tuple[Range, ...]:
        """What there is after a level of adders; a result that is complete earlier waits."""
        return self.levels[min(level, len(self.levels) - 1)]

    @property
    def adder_bits(self) -> int:
        """Bits of all tables and adders together."""
        last = range_bits((self.levels[-1][0][0] + self.constant, self.levels[-1][0][1] + self.constant))
        return sum(range_bits(each) for level in self.levels for each in level) + last * bool(self.constant)


def _paired(ranges: Sequence[Range]) -> list[Range]:
    """Ranges of the sums of neighbours; an odd last one goes on alone."""
    found = [(a[0] + b[0], a[1] + b[1]) for a, b in zip(ranges[0::2], ranges[1::2], strict=False)]
    return [*found, ranges[-1]] if len(ranges) % 2 else found


def range_bits(bounds: Range) -> int:
    """Bits of a number within bounds; at least one, so that it has a wire."""
    return max(Format.for_range(*bounds, 0).width, 1)


@dataclass(frozen=True, eq=False)
class Plan:
    """The hardware of one row of an ensemble.

    Attributes:
        comparisons: signals 0, 1, ...
        selectors: the signals after these; a selector reads earlier signals.
        height: how many selectors are below each, itself included.
        sums: one for each result; None for a result that is the constant in `constants`.
        constants: of each result.
    """

    comparisons: tuple[Comparison, ...]
    selectors: tuple[Selector, ...]
    height: tuple[int, ...]
    sums: tuple[Sum | None, ...]
    constants: tuple[int, ...]

    @property
    def terms(self) -> list[Term]:
        """All tables."""
        return [term for each in self.sums if each is not None for term in each.terms]

    @cached_property
    def addresses(self) -> tuple[int, ...]:
        """The signals that address tables, each once, in order."""
        return tuple(sorted({signal for term in self.terms for signal in term.address}))

    @property
    def select_steps(self) -> int:
        """How many steps the selectors take."""
        return -(-max(self.height, default=0) // LEVELS_PER_STEP)

    @property
    def sum_levels(self) -> int:
        """How many levels of adders the deepest result has."""
        return max((len(each.levels) - 1 for each in self.sums if each is not None), default=0)

    def places(self, step: int) -> dict[int, int]:
        """Where each signal that is read later is in the vector behind a step."""
        return {signal: place for place, signal in enumerate(self.alive(step))}

    def level_bits(self, level: int) -> list[int]:
        """Bits of what there is after a level of adders: sums, and terms that wait for one."""
        found: list[int] = []
        for each in self.sums:
            if each is not None:
                found += map(range_bits, each.at_level(level))
        return found

    @property
    def has_constants(self) -> bool:
        """Whether a constant is added at the end."""
        return any(each.constant for each in self.sums if each is not None)

    def step_of(self, signal: int) -> int:
        """The step of the selectors that makes a signal; 0 for a comparison."""
        first = len(self.comparisons)
        return 0 if signal < first else -(-self.height[signal - first] // LEVELS_PER_STEP)

    @cached_property
    def _alive(self) -> list[list[int]]:
        first, steps = len(self.comparisons), self.select_steps
        last = dict.fromkeys(self.addresses, steps + 1)
        for number, selector in enumerate(self.selectors):
            step = self.step_of(first + number)
            for signal in (selector.select, selector.clear, selector.set):
                last[signal] = max(last.get(signal, 0), step)
        read = sorted((signal, step) for signal, step in last.items() if signal >= 0)
        return [[s for s, end in read if self.step_of(s) <= step < end] for step in range(steps + 1)]

    def alive(self, step: int) -> list[int]:
        """Signals that are read after a step, in order."""
        return self._alive[step]


_PLANS: WeakKeyDictionary[EnsembleOp, Plan] = WeakKeyDictionary()


def plan_of(op: EnsembleOp) -> Plan:
    """The hardware of an op, planned once."""
    if op not in _PLANS:
        _PLANS[op] = plan(op.ensemble)
    return _PLANS[op]


def plan(ensemble: Ensemble) -> Plan:
    """The hardware of an ensemble of mantissas."""
    signals = _Signals(ensemble)
    terms: list[list[Term]] = [[] for _ in range(ensemble.n_outputs)]
    constants = [int(value) for value in ensemble.base]
    for root in ensemble.roots.tolist():
        for column, term in signals.tree(root):
            if term.address:
                terms[column].append(term)
            else:
                constants[column] += term.values[0]
    sums = [
        _sum(found, constant) if found else None for found, constant in zip(terms, constants, strict=True)
    ]
    return signals.finish(sums, constants)


def _sum(terms: Sequence[Term], constant: int) -> Sum:
    """The terms with the constant where it costs fewest bits, narrow neighbours together."""
    terms = _joined(terms)
    low = [term.range[0] for term in terms]
    lifted = [term.plus(-lowest) for term, lowest in zip(terms, low, strict=True)]
    total = constant + sum(low)
    candidates = [
        _ordered(_with_constant(terms, constant), 0),
        _ordered(_with_constant(lifted, total), 0),
        _ordered(lifted, total),
    ]
    return min(candidates, key=lambda each: each.adder_bits)


def _joined(terms: Sequence[Term]) -> list[Term]:
    """Small tables as one where their signals together address a table that is no larger than one of LUTs.

    Each table takes in, one after the other, the one that shares most signals with it.
    """
    large = [term for term in terms if len(term.address) > JOINED_INPUTS - 1]
    small = sorted((t for t in terms if len(t.address) < JOINED_INPUTS), key=lambda t: -len(t.address))
    found: list[Term] = []
    while small:
        term = small.pop(0)
        while True:
            mine = set(term.address)
            fitting = [n for n, t in enumerate(small) if len(mine | set(t.address)) <= JOINED_INPUTS]
            if not fitting:
                break
            best = max(fitting, key=lambda n: (len(mine & set(small[n].address)), len(small[n].address)))
            term = _added(term, small.pop(best))
        found.append(term)
    return [*large, *found]


def _added(a: Term, b: Term) -> Term:
    """One table for the sum of two."""
    address = tuple(sorted({*a.address, *b.address}))
    places = [[address.index(signal) for signal in term.address] for term in (a, b)]

    def read(term: Term, place: Sequence[int], number: int) -> int:
        return term.values[sum((number >> bit & 1) << n for n, bit in enumerate(place))]

    numbers = range(1 << len(address))
    values = (read(a, places[0], n) + read(b, places[1], n) for n in numbers)
    return Term(address, tuple(values))


def _with_constant(terms: Sequence[Term], constant: int) -> list[Term]:
    """The constant joins the widest table."""
    widest = max(range(len(terms)), key=lambda n: terms[n].range[1] - terms[n].range[0])
    return [term.plus(constant) if n == widest else term for n, term in enumerate(terms)]


def _ordered(terms: Sequence[Term], constant: int) -> Sum:
    return Sum(tuple(sorted(terms, key=lambda term: range_bits(term.range))), constant)


class _Signals:
    """Hands out signals; equal ones are made once, whichever tree asks."""

    def __init__(self, ensemble: Ensemble) -> None:
        self.ensemble = ensemble
        pairs = sorted(set(zip(ensemble.feature.tolist(), ensemble.threshold.tolist(), strict=True)))
        self.comparisons = tuple(Comparison(feature, threshold) for feature, threshold in pairs)
        number = {pair: n for n, pair in enumerate(pairs)}
        columns = zip(ensemble.feature.tolist(), ensemble.threshold.tolist(), strict=True)
        self.node_signal = [number[pair] for pair in columns]
        self.left, self.right = ensemble.left.tolist(), ensemble.right.tolist()
        self.selectors: list[Selector] = []
        self.known: dict[Selector, int] = {}

    def select(self, select: int, clear: int, set_: int) -> int:
        """The signal of a selector."""
        if clear == set_:
            return clear
        if (clear, set_) == (ZERO, ONE):
            return select
        wanted = Selector(select, clear, set_)
        if wanted not in self.known:
            self.known[wanted] = len(self.comparisons) + len(self.selectors)
            self.selectors.append(wanted)
        return self.known[wanted]

    def tree(self, root: int) -> list[tuple[int, Term]]:
        """The terms of a tree: column and table."""
        nodes = self._reachable(root)
        leaves = sorted({r for n in nodes for r in (self.left[n], self.right[n]) if r < 0} or {root})
        rows = {leaf: tuple(self.ensemble.leaves[-1 - leaf].tolist()) for leaf in leaves}
        columns = [c for c in range(self.ensemble.n_outputs) if any(row[c] for row in rows.values())]
        if root < 0:
            return [(c, Term((), (rows[root][c],))) for c in columns]
        inputs = sorted({self.node_signal[n] for n in nodes})
        if len(inputs) <= DIRECT_INPUTS:
            address, codes = tuple(inputs), self._walk_all(root, inputs)
        else:
            address, codes = self._numbered(root, nodes)
        return [(c, _term(address, tuple(rows[leaf][c] for leaf in codes))) for c in columns]

    def _reachable(self, root: int) -> list[int]:
        """Nodes of a tree, parents first."""
        seen: set[int] = set()
        pending = [root]
        while pending:
            node = pending.pop()
            if node >= 0 and node not in seen:
                seen.add(node)
                pending += (self.left[node], self.right[node])
        return sorted(seen)

    def _walk_all(self, root: int, inputs: Sequence[int]) -> list[int]:
        """The leaf for every combination of the comparisons."""
        place = {signal: bit for bit, signal in enumerate(inputs)}
        found = []
        for combination in range(1 << len(inputs)):
            at = root
            while at >= 0:
                holds = combination >> place[self.node_signal[at]] & 1
                at = self.left[at] if holds else self.right[at]
            found.append(at)
        return found

    def _numbered(self, root: int, nodes: Sequence[int]) -> tuple[tuple[int, ...], list[int]]:
        """Address bits that number the leaves, and the leaf of each number."""
        number, bits = self._leaf_numbers(root, nodes)
        signals: list[int] = []
        for bit in range(bits):
            at: dict[int, int] = {leaf: ONE if n >> bit & 1 else ZERO for leaf, n in number.items()}
            for node in reversed(nodes):
                at[node] = self.select(self.node_signal[node], at[self.right[node]], at[self.left[node]])
            signals.append(at[root])
        leaf_of = {n: leaf for leaf, n in number.items()}
        codes = [leaf_of[_nearest(n, leaf_of, bits)] for n in range(1 << bits)]
        return tuple(signals), codes

    def _leaf_numbers(self, root: int, nodes: Sequence[int]) -> tuple[dict[int, int], int]:
        """A number for each leaf; where subtrees fit the halves of their range, one bit decides the half."""
        below = {r: 1 for n in nodes for r in (self.left[n], self.right[n]) if r < 0}
        bits = (len(below) - 1).bit_length()
        for node in reversed(nodes):
            below[node] = below[self.left[node]] + below[self.right[node]]
        number: dict[int, int] = {}
        used: set[int] = set()
        late: list[int] = []
        pending = [(root, 0, 1 << bits)]
        while pending:
            ref, low, size = pending.pop()
            if ref >= 0:
                right, left = self.right[ref], self.left[ref]
                split = _split(below[right], below[left], size)
                pending += [(right, low, split), (left, low + split, size - split)]
            elif ref not in number and size > 0 and low not in used:
                number[ref] = low
                used.add(low)
            else:
                late.append(ref)
        # Only a leaf that several branches share can come late.
        free = (n for n in range(1 << bits) if n not in used)
        for leaf in late:
            if leaf not in number:
                number[leaf] = next(free)
        return number, bits

    def finish(self, sums: Sequence[Sum | None], constants: Sequence[int]) -> Plan:
        """The plan, without signals that nothing reads."""
        first = len(self.comparisons)
        read = {s for each in sums if each is not None for term in each.terms for s in term.address}
        for number in range(len(self.selectors) - 1, -1, -1):
            if first + number in read:
                chosen = self.selectors[number]
                read.update((chosen.select, chosen.clear, chosen.set))
        kept = sorted(signal for signal in read if signal >= 0)
        moved = {signal: place for place, signal in enumerate(kept)} | {ZERO: ZERO, ONE: ONE}
        comparisons = tuple(self.comparisons[s] for s in kept if s < first)
        selectors = [self.selectors[s - first] for s in kept if s >= first]
        selectors = [Selector(moved[s.select], moved[s.clear], moved[s.set]) for s in selectors]
        height: list[int] = []
        for selector in selectors:
            below = [
                height[s - len(comparisons)] for s in (selector.clear, selector.set) if s >= len(comparisons)
            ]
            height.append(1 + max(below, default=0))
        moved_sums = tuple(None if each is None else each.renumbered(moved) for each in sums)
        return Plan(comparisons, tuple(selectors), tuple(height), moved_sums, tuple(constants))


def _split(right: int, left: int, size: int) -> int:
    """How many of `size` numbers the right branch gets: a power of two where both fit, so a bit decides."""
    half = 1 << max(size - 1, 0).bit_length() - 1 if size > 1 else 0
    if right <= half and left <= size - half:
        return half
    if left <= half and right <= size - half:
        return size - half
    return min(right, size)


def _term(address: tuple[int, ...], values: tuple[int, ...]) -> Term:
    """A table, without the signals that its values do not depend on; without any when all are equal."""
    for bit in range(len(address) - 1, -1, -1):
        halves = [tuple(v for n, v in enumerate(values) if n >> bit & 1 == side) for side in (0, 1)]
        if halves[0] == halves[1]:
            address, values = address[:bit] + address[bit + 1 :], halves[0]
    return Term(address, values)


def _nearest(number: int, known: Mapping[int, int], bits: int) -> int:
    """A used number that differs in the lowest bits."""
    return min(known, key=lambda other: number ^ other)


def table_luts(term: Term) -> int:
    """LUTs for each bit of a table's values: beyond six inputs a tree of them with selectors."""
    more = len(term.address) - LUT_INPUTS
    return 1 if more <= 0 else math.ceil(2**more * 4 / 3)
