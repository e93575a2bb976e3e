"""Compiled inner loop of the sharing solver.  Importing it imports numba: do so only when solving.

The state is a sparse matrix of *digits*: a digit (row, column, shift, sign) adds ``+-(row << shift)``
to its column.  Rows are nodes of the network, columns are sums.  Every digit stands in two lists, its
column's and its row's, packed as ``other << 7 | shift << 1 | sign`` where ``other`` is its line in the
crossing direction.  Side 0 means lists of columns, side 1 lists of rows.

A *pattern* is a pair of lines that meet in several crossing lines with one relative shift and sign:

- on side 0, two rows a, b that occur together in many columns.  Extracting it makes a new row a + b.
- on side 1, two columns that share many rows.  Extracting it makes a new column that holds what is
  shared and a new row (the value of that column), which then stands once in either column.

Both save ``count - 1`` adders, and one is the other on the transposed matrix.  The count of a pattern
never rises after the extraction that created it, so patterns below two are forgotten at once and the
heap may hold outdated priorities: they are upper bounds and are corrected when they surface.

Depth limits: a sum of digits at depths d fits into depth D exactly if ``sum(2**d) <= 2**D`` (Kraft's
inequality), so each column has a budget and each extraction a price.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
Int8Array = NDArray[np.int8]

MAX_SHIFT = 62  # digits stand at shifts 0 .. 62; six bits of a packed digit
# Constants with numpy's type: numba compiles a function anew for each literal argument.
_EMPTY, _ZERO, _ONE, _TWO, _SMALL = (cast(int, np.int64(value)) for value in (-1, 0, 1, 2, 1 << 12))
_MIXER = cast(int, np.int64(-7046029254386353131))  # 2**64 / golden ratio, odd: Fibonacci hashing
_TIE_BITS = 34
_TIE_MASK = (1 << _TIE_BITS) - 1

# Rows of the table ``made``: how a row came about.
INPUT, PAIR, COLUMN = 0, 1, 2


# No entry points for Python on what only compiled code calls: they took a third of the compile time.
_OPTIONS: dict[str, Any] = {"cache": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_Function = TypeVar("_Function", bound=Callable[..., object])


def _helper(function: _Function) -> _Function:
    """A compiled function that only compiled functions call."""
    return cast(_Function, njit(**_OPTIONS)(function))


class Lists(NamedTuple):
    """Digit lists of both sides; ``start``/``length`` int64[2, lines], ``end`` int64[2]."""

    items: IntArray
    start: IntArray
    length: IntArray
    end: IntArray


class Table(NamedTuple):
    """Open-addressing hash table pattern -> count; ``used`` int64[1]."""

    keys: IntArray
    counts: IntArray
    used: IntArray


class Heap(NamedTuple):
    """Binary max-heap of (priority, pattern); ``used`` int64[1] is its length.

    A priority is a value and, in its low bits, a tie-break: of equal values the newest pattern goes
    first.  That grows sums which are already shared, and saves about two percent of the adders.
    """

    priority: IntArray
    pattern: IntArray
    used: IntArray


class Nodes(NamedTuple):
    """``made`` int64[lines, 5]: kind, a, b, relative shift, sign.  ``high``: bits of each row's value.

    ``depth`` int64[rows] and ``kraft``, ``limit`` int64[columns] hold the depth budget; ``size``
    int64[2] is the number of columns and of rows in use.
    """

    made: IntArray
    high: IntArray
    depth: IntArray
    kraft: IntArray
    limit: IntArray
    size: IntArray


class Weights(NamedTuple):
    """Value of one saved adder: ``row + overlap * (common bits of the operands)``, or ``column``.

    ``column`` 0 leaves the column side out.  With ``noise`` every pattern's value is raised by a part of
    itself that depends on the pattern and on ``seed``, by up to a quarter for noise 1.
    """

    row: int
    overlap: int
    column: int
    limited: int
    noise: int
    seed: int


class History(NamedTuple):
    """What a run extracted, int64[.., 3]: pattern, and the row and column that came of it (column or -1).

    ``script`` is the history of an earlier run on the same system: its extractions are made again before
    any others, but those where ``skip`` is set and those that need them.  ``made`` receives this run's
    history, ``used`` int64[1] its length.
    """

    script: IntArray
    skip: Int8Array
    made: IntArray
    used: IntArray


@_helper
def _pattern(side: int, x: int, y: int) -> int:
    """Pattern of two packed digits of one list."""
    if x > y:
        x, y = y, x
    relative = ((y >> 1) & 63) - ((x >> 1) & 63)
    return (side << 60) | ((x >> 7) << 32) | ((y >> 7) << 8) | ((relative + 64) << 1) | ((x ^ y) & 1)


@_helper
def _lines(pattern: int) -> tuple[int, int, int, int]:
    """The two lines, relative shift and relative sign of a pattern."""
    return (pattern >> 32) & 0xFFFFFF, (pattern >> 8) & 0xFFFFFF, ((pattern >> 1) & 127) - 64, pattern & 1


@_helper
def _home(keys: IntArray, key: int) -> int:
    mixed = key * _MIXER
    return ((mixed >> 32) ^ (mixed >> 15)) & (len(keys) - 1)


@_helper
def _slot(keys: IntArray, key: int) -> int:
    """Where ``key`` is, or the empty slot where it belongs."""
    at = _home(keys, key)
    while keys[at] != key and keys[at] != _EMPTY:
        at = (at + 1) & (len(keys) - 1)
    return at


@_helper
def _delete(table: Table, at: int) -> None:
    """Empties a slot and closes the gap in its run, so that no tombstones are needed."""
    keys, counts = table.keys, table.counts
    mask = len(keys) - 1
    hole = probe = at
    while True:
        probe = (probe + 1) & mask
        if keys[probe] == _EMPTY:
            break
        if ((probe - _home(keys, keys[probe])) & mask) >= ((probe - hole) & mask):
            keys[hole], counts[hole] = keys[probe], counts[probe]
            hole = probe
    keys[hole] = _EMPTY
    table.used[0] -= 1


@_helper
def _new_table(size: int) -> Table:
    keys = np.empty(size, np.int64)
    for at in range(size):
        keys[at] = _EMPTY
    return Table(keys, np.zeros(size, np.int64), np.zeros(1, np.int64))


@_helper
def _add(table: Table, key: int, amount: int) -> int:
    """Adds to a pattern's count; returns its slot."""
    at = _slot(table.keys, key)
    if table.keys[at] == _EMPTY:
        table.keys[at] = key
        table.counts[at] = 0
        table.used[0] += 1
    table.counts[at] += amount
    return at


@_helper
def _resized(table: Table, entries: int, least: int) -> Table:
    """A copy with room for ``entries`` at half load, holding what counts at least ``least``."""
    size = _SMALL
    while size < 2 * entries:
        size *= 2
    copy = _new_table(size)
    for at in range(len(table.keys)):
        if table.keys[at] != _EMPTY and table.counts[at] >= least:
            _add(copy, table.keys[at], table.counts[at])
    return copy


@_helper
def _push(heap: Heap, priority: int, pattern: int) -> None:
    at = heap.used[0]
    heap.used[0] += 1
    while at > 0:
        up = (at - 1) >> 1
        if heap.priority[up] >= priority:
            break
        heap.priority[at], heap.pattern[at] = heap.priority[up], heap.pattern[up]
        at = up
    heap.priority[at], heap.pattern[at] = priority, pattern


@_helper
def _pop(heap: Heap) -> None:
    """Drops the top entry."""
    heap.used[0] -= 1
    n = heap.used[0]
    priority, pattern = heap.priority[n], heap.pattern[n]
    at = 0
    while True:
        down = 2 * at + 1
        if down >= n:
            break
        if down + 1 < n and heap.priority[down + 1] > heap.priority[down]:
            down += 1
        if heap.priority[down] <= priority:
            break
        heap.priority[at], heap.pattern[at] = heap.priority[down], heap.pattern[down]
        at = down
    heap.priority[at], heap.pattern[at] = priority, pattern


@_helper
def _offer(heap: Heap, nodes: Nodes, weights: Weights, pattern: int, count: int, tie: int) -> Heap:
    """Pushes a new pattern; returns the heap, which may have moved to a larger one."""
    n = heap.used[0]
    if n == len(heap.priority):
        larger = Heap(np.empty(2 * n, np.int64), np.empty(2 * n, np.int64), heap.used)
        for i in range(n):
            larger.priority[i], larger.pattern[i] = heap.priority[i], heap.pattern[i]
        heap = larger
    _push(heap, (_value(nodes, weights, pattern, count) << _TIE_BITS) | tie, pattern)
    return heap


@_helper
def _value(nodes: Nodes, weights: Weights, pattern: int, count: int) -> int:
    """What extracting a pattern saves."""
    scale = 64
    if weights.noise:
        # The value of a pattern may only fall with its count, so chance must not depend on anything else.
        mixed = (pattern ^ weights.seed) * _MIXER
        mixed = (mixed ^ (mixed >> 29)) * _MIXER
        scale += weights.noise * ((mixed >> 40) & 15)
    if pattern >> 60:
        return (count - 1) * weights.column * scale
    a, b, relative, _ = _lines(pattern)
    overlap: int = min(nodes.high[a], nodes.high[b] + relative) - max(_ZERO, relative)
    return (count - 1) * (weights.row + weights.overlap * max(_ZERO, overlap)) * scale


@_helper
def _put(lists: Lists, side: int, line: int, digit: int) -> None:
    lists.items[side, lists.start[side, line] + lists.length[side, line]] = digit
    lists.length[side, line] += 1


@_helper
def _drop(lists: Lists, table: Table, side: int, line: int, digit: int, counted: int) -> None:
    """Takes a digit out of one of its two lists and, if ``counted``, uncounts its patterns there."""
    first, last = lists.start[side, line], lists.start[side, line] + lists.length[side, line] - 1
    at = last
    for i in range(first, last + 1):
        other = lists.items[side, i]
        if other == digit:
            at = i
            if not counted:
                break
            continue
        if not counted:
            continue
        slot = _slot(table.keys, _pattern(side, digit, other))
        if table.keys[slot] != _EMPTY:
            table.counts[slot] -= 1
            if table.counts[slot] < 2 + side:
                _delete(table, slot)
    lists.items[side, at] = lists.items[side, last]
    lists.length[side, line] -= 1


@_helper
def _counted(lists: Lists, nodes: Nodes, weights: Weights) -> Table:
    """The table of all patterns that occur often enough to be worth an extraction."""
    table = _new_table(_SMALL)
    for side in range(2 if weights.column else 1):
        for line in range(nodes.size[side]):
            first = lists.start[side, line]
            for p in range(first, first + lists.length[side, line]):
                if 2 * (table.used[0] + p - first) > len(table.keys):
                    table = _resized(table, 2 * (table.used[0] + p - first), _ONE)
                for q in range(first, p):
                    _add(table, _pattern(side, lists.items[side, p], lists.items[side, q]), _ONE)
    return _resized(table, table.used[0], _TWO)


@_helper
def _occurrences(lists: Lists, pattern: int, mark: Int8Array, found: IntArray) -> int:
    """Writes the pattern's disjoint occurrences, as digits of its first line; returns their number."""
    across = 1 - (pattern >> 60)
    a, b, relative, flip = _lines(pattern)
    second = lists.items[across, lists.start[across, b] : lists.start[across, b] + lists.length[across, b]]
    for digit in second:
        mark[digit >> 1] = 1 + (digit & 1)
    n = 0
    for i in range(lists.start[across, a], lists.start[across, a] + lists.length[across, a]):
        digit = lists.items[across, i]
        shift = ((digit >> 1) & 63) + relative
        # Within one line a digit that already serves one occurrence cannot serve another.
        if shift < 0 or shift > MAX_SHIFT or (a == b and mark[digit >> 1] == 0):
            continue
        partner = (digit >> 7 << 6) | shift
        if mark[partner] == 1 + ((digit & 1) ^ flip):
            mark[partner] = 0
            if a == b:
                mark[digit >> 1] = 0
            found[n] = digit
            n += 1
    for digit in second:
        mark[digit >> 1] = 0
    return n


@_helper
def _afford_row(nodes: Nodes, pattern: int, found: IntArray, n: int) -> int:
    """Keeps the occurrences of a row pattern that their columns' depth budgets allow."""
    a, b, _, _ = _lines(pattern)
    price = (1 << max(nodes.depth[a], nodes.depth[b])) - (1 << min(nodes.depth[a], nodes.depth[b]))
    kept = 0
    for i in range(n):
        column = found[i] >> 7
        if nodes.kraft[column] + price <= nodes.limit[column]:
            nodes.kraft[column] += price
            found[kept] = found[i]
            kept += 1
    for i in range(kept):  # the price is charged only when the pattern is extracted
        nodes.kraft[found[i] >> 7] -= price
    return kept


@_helper
def _afford_column(nodes: Nodes, pattern: int, found: IntArray, n: int) -> tuple[int, int, int]:
    """Shrinks the shared part of a column pattern until both columns' depth budgets allow it."""
    a, b, _, _ = _lines(pattern)
    times = 2 if a == b else 1
    room = min(nodes.limit[a] - nodes.kraft[a], nodes.limit[b] - nodes.kraft[b])
    total = _ZERO
    for i in range(n):
        total += 1 << nodes.depth[found[i] >> 7]
    bound = _ONE
    while bound < total:
        bound *= 2
    while n > 2 and times * (bound - total) > room:
        bound //= 2
        total = _ZERO
        kept = 0
        for i in range(n):
            part = 1 << nodes.depth[found[i] >> 7]
            if total + part <= bound:
                total += part
                found[kept] = found[i]
                kept += 1
        n = kept
    return n, total, bound


@_helper
def _new_line(lists: Lists, table: Table, weights: Weights, pattern: int, found: IntArray, n: int) -> int:
    """Counts and lists the digits of the new line; before the old ones go, so that no count dips."""
    side = pattern >> 60
    across = 1 - side
    _, _, relative, _ = _lines(pattern)
    first: int = lists.end[across]
    lists.end[across] += n
    for f in range(n):
        shift = (found[f] >> 1) & 63
        mine = (found[f] >> 7 << 7) | (min(shift, shift + relative) << 1) | (found[f] & 1)
        if weights.column:
            for i in range(first, first + f):
                slot = _slot(table.keys, _pattern(across, mine, lists.items[across, i]))
                if table.keys[slot] != _EMPTY:
                    table.counts[slot] += 1
        lists.items[across, first + f] = mine
    return first


@_helper
def _replace(
    lists: Lists, table: Table, weights: Weights, pattern: int, new: int, found: IntArray, n: int
) -> None:
    """Takes the occurrences' digits out and puts the new line's digits into the crossing lines."""
    side = pattern >> 60
    a, b, relative, flip = _lines(pattern)
    for f in range(n):
        line, shift, sign = found[f] >> 7, (found[f] >> 1) & 63, found[f] & 1
        low = ((shift + relative) << 1) | (sign ^ flip)
        _drop(lists, table, side, line, (a << 7) | (found[f] & 127), _ONE)
        _drop(lists, table, side, line, (b << 7) | low, _ONE)
        _drop(lists, table, 1 - side, a, found[f], weights.column)
        _drop(lists, table, 1 - side, b, (line << 7) | low, weights.column)
        _put(lists, side, line, (new << 7) | (min(shift, shift + relative) << 1) | sign)


@_helper
def _count_new(
    lists: Lists,
    scratch: Table,
    slots: IntArray,
    mark: Int8Array,
    pattern: int,
    new: int,
    found: IntArray,
    n: int,
) -> None:
    """Counts the patterns that the new line forms with others in ``scratch``, and lists their slots."""
    side = pattern >> 60
    for f in range(n):
        line = found[f] >> 7
        if mark[line] == 1:
            continue
        mark[line] = 1
        first, last = lists.start[side, line], lists.start[side, line] + lists.length[side, line]
        for t in range(first, last):
            mine = lists.items[side, t]
            if mine >> 7 != new:
                continue
            for u in range(first, last):
                other = lists.items[side, u]
                if other >> 7 == new and u >= t:
                    continue
                before = scratch.used[0]
                at = _add(scratch, _pattern(side, mine, other), _ONE)
                if scratch.used[0] != before:
                    slots[before] = at
    for f in range(n):
        mark[found[f] >> 7] = 0


@_helper
def _define_row(nodes: Nodes, pattern: int, weights: Weights, found: IntArray, n: int) -> int:
    """Makes the row a + b of a row pattern and charges its price; returns its number."""
    a, b, relative, flip = _lines(pattern)
    new: int = nodes.size[1]
    nodes.size[1] += 1
    made = nodes.made[new]
    made[0], made[1], made[2], made[3], made[4] = PAIR, a, b, relative, flip
    nodes.high[new] = 1 + max(nodes.high[a] + max(-relative, 0), nodes.high[b] + max(relative, 0))
    if weights.limited:
        deep, flat = max(nodes.depth[a], nodes.depth[b]), min(nodes.depth[a], nodes.depth[b])
        nodes.depth[new] = deep + 1
        for f in range(n):
            nodes.kraft[found[f] >> 7] += (1 << deep) - (1 << flat)
    return new


@_helper
def _define_column(nodes: Nodes, pattern: int, weights: Weights, total: int, bound: int) -> int:
    """Makes the column that two columns share; returns its number.  Its row comes later."""
    a, b, _, _ = _lines(pattern)
    new: int = nodes.size[0]
    nodes.size[0] += 1
    if weights.limited:
        nodes.kraft[new], nodes.limit[new] = total, bound
        nodes.kraft[a] += bound - total
        nodes.kraft[b] += bound - total
    return new


@_helper
def _use_column(
    lists: Lists, nodes: Nodes, pattern: int, new: int, found: IntArray, n: int, bound: int
) -> None:
    """Makes the row that is the value of the shared column and puts it into both columns.

    No pattern can hold it twice: its two columns share nothing more at this shift.  So it is not counted.
    """
    a, b, relative, flip = _lines(pattern)
    row = nodes.size[1]
    nodes.size[1] += 1
    nodes.made[row, 0], nodes.made[row, 1] = COLUMN, new
    lists.start[1, row] = lists.end[1]
    lists.end[1] += 2
    while bound > 1:
        bound >>= 1
        nodes.depth[row] += 1
    for f in range(n):
        nodes.high[row] = max(nodes.high[row], nodes.high[found[f] >> 7] + ((found[f] >> 1) & 63))
    low_a, low_b = max(-relative, 0) << 1, (max(relative, 0) << 1) | flip
    _put(lists, _ZERO, a, (row << 7) | low_a)
    _put(lists, _ZERO, b, (row << 7) | low_b)
    _put(lists, _ONE, row, (a << 7) | low_a)
    _put(lists, _ONE, row, (b << 7) | low_b)


@_helper
def _first_heap(table: Table, nodes: Nodes, weights: Weights) -> Heap:
    """The heap of the matrix's own patterns; among equals columns go first, then high numbers."""
    heap = Heap(np.empty(1024, np.int64), np.empty(1024, np.int64), np.zeros(1, np.int64))
    for at in range(len(table.keys)):
        key = table.keys[at]
        if key != _EMPTY and table.counts[at] >= 2 + (key >> 60):
            a, b, _, _ = _lines(key)
            rank = ((a * len(nodes.high) + b) << 8 | (key & 0xFF)) & (_TIE_MASK >> 2)
            tie = (key >> 60) << (_TIE_BITS - 2) | rank
            heap = _offer(heap, nodes, weights, key, table.counts[at], tie)
    return heap


@_helper
def _extractable(
    lists: Lists, nodes: Nodes, weights: Weights, pattern: int, mark: Int8Array, found: IntArray
) -> tuple[int, int, int]:
    """Occurrences that fit the depth budgets, and of a column pattern its Kraft sum and bound."""
    n = _occurrences(lists, pattern, mark, found)
    if weights.limited == 0:
        return n, _ZERO, _ONE
    if pattern >> 60:
        return _afford_column(nodes, pattern, found, n)
    return _afford_row(nodes, pattern, found, n), _ZERO, _ONE


@_helper
def _extract(
    lists: Lists,
    table: Table,
    nodes: Nodes,
    weights: Weights,
    pattern: int,
    found: IntArray,
    n: int,
    total: int,
    bound: int,
) -> int:
    """Replaces the occurrences by a new line; returns its number."""
    across = 1 - (pattern >> 60)
    if across:
        new = _define_row(nodes, pattern, weights, found, n)
    else:
        new = _define_column(nodes, pattern, weights, total, bound)
    lists.start[across, new] = _new_line(lists, table, weights, pattern, found, n)
    lists.length[across, new] = n
    _replace(lists, table, weights, pattern, new, found, n)
    return new


@_helper
def _enter(
    table: Table, heap: Heap, nodes: Nodes, weights: Weights, scratch: Table, slots: IntArray, tie: int
) -> tuple[Table, Heap]:
    """Moves the frequent ones of the new patterns from ``scratch`` into table and heap; empties it."""
    for t in range(scratch.used[0]):
        key, count = scratch.keys[slots[t]], scratch.counts[slots[t]]
        scratch.keys[slots[t]] = _EMPTY
        if count >= 2 + (key >> 60):
            if 2 * (table.used[0] + 1) > len(table.keys):
                table = _resized(table, 2 * table.used[0], _ONE)
            _add(table, key, count)
            heap = _offer(heap, nodes, weights, key, count, tie + t)
    scratch.used[0] = 0
    return table, heap


@_helper
def _renumbered(pattern: int, rows: IntArray, columns: IntArray) -> int:
    """A pattern of another run in this run's numbers, or -1 where a line of it does not exist."""
    side = pattern >> 60
    numbers = columns if side else rows
    first, second, relative, flip = _lines(pattern)
    a, b = numbers[first], numbers[second]
    if a < 0 or b < 0:
        return -1
    if a > b:
        a, b, relative = b, a, -relative
    renumbered: int = (side << 60) | (a << 32) | (b << 8) | ((relative + 64) << 1) | flip
    return renumbered


@_helper
def _next_scripted(history: History, at: int, rows: IntArray, columns: IntArray) -> tuple[int, int]:
    """The next extraction of the script that this run can make, and its place there; -1 at the end."""
    while at < len(history.script):
        if not history.skip[at]:
            pattern = _renumbered(history.script[at, 0], rows, columns)
            if pattern >= 0:
                return pattern, at
        at += 1
    return -1, at


@_helper
def _surface(
    lists: Lists, table: Table, nodes: Nodes, weights: Weights, heap: Heap, mark: Int8Array, found: IntArray
) -> tuple[int, int, int, int]:
    """Takes the top of the heap: its pattern, or -1 where it was outdated, and as `_extractable`."""
    priority, pattern = heap.priority[0], heap.pattern[0]
    _pop(heap)
    slot = _slot(table.keys, pattern)
    if table.keys[slot] == _EMPTY:
        return -1, _ZERO, _ZERO, _ONE
    n, total, bound = table.counts[slot], _ZERO, _ONE
    if _value(nodes, weights, pattern, n) >= priority >> _TIE_BITS:
        n, total, bound = _extractable(lists, nodes, weights, pattern, mark, found)
    if n < 2 + (pattern >> 60):
        return -1, _ZERO, _ZERO, _ONE
    value = _value(nodes, weights, pattern, n)
    if value < priority >> _TIE_BITS:
        _push(heap, (value << _TIE_BITS) | (priority & _TIE_MASK), pattern)
        return -1, _ZERO, _ZERO, _ONE
    return pattern, n, total, bound


@njit(cache=True)
def eliminate(
    lists: Lists, nodes: Nodes, weights: Weights, mark: Int8Array, found: IntArray, history: History
) -> None:
    """Extracts patterns, best first, until none is worth it.  Changes ``lists`` and ``nodes`` in place.

    For D digits, ``items`` needs room for 6 * D digits a side and every array over lines room for D new
    ones.  ``mark`` is int8[64 * lines] of zeros, ``found`` is int64[D]; both are scratch.
    """
    table = _counted(lists, nodes, weights)
    heap = _first_heap(table, nodes, weights)
    tie = _ONE << (_TIE_BITS - 1)
    scratch = _new_table(_SMALL)
    slots = np.zeros(_SMALL, np.int64)
    rows, columns = np.full((2, len(nodes.high)), -1, np.int64)
    for line in range(len(rows)):
        rows[line] = line if line < nodes.size[1] else -1
        columns[line] = line if line < nodes.size[0] else -1
    at = 0
    while True:
        pattern, at = _next_scripted(history, at, rows, columns)
        if pattern >= 0:
            n, total, bound = _extractable(lists, nodes, weights, pattern, mark, found)
            if n < 2 + (pattern >> 60):
                at += 1
                continue
        elif heap.used[0] > 0:
            pattern, n, total, bound = _surface(lists, table, nodes, weights, heap, mark, found)
            if pattern < 0:
                continue
        else:
            break
        side = pattern >> 60
        new = _extract(lists, table, nodes, weights, pattern, found, n, total, bound)
        room = _ZERO
        for f in range(n):
            room += lists.length[side, found[f] >> 7]
        if 2 * room > len(scratch.keys):
            scratch = _resized(scratch, room, _ONE)
            slots = np.zeros(len(scratch.keys), np.int64)
        _count_new(lists, scratch, slots, mark, pattern, new, found, n)
        fresh = scratch.used[0]
        table, heap = _enter(table, heap, nodes, weights, scratch, slots, tie)
        tie += fresh
        if side == 1:
            _use_column(lists, nodes, pattern, new, found, n, bound)
        made = history.made[history.used[0]]
        history.used[0] += 1
        made[0], made[1], made[2] = pattern, nodes.size[1] - 1, new if side else -1
        if at < len(history.script):
            rows[history.script[at, 1]] = nodes.size[1] - 1
            if side:
                columns[history.script[at, 2]] = new
            at += 1
