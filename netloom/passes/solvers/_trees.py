"""Compiled inner loop of `trees`.  Importing it imports numba: do so only when solving.

A term is one row of int64[6]: node, shift, negated, the interval of the node's value, and its depth.  A
merge takes two terms and gives a new one at the end of the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

NODE, SHIFT, NEGATED, LOW, HIGH, DEPTH = range(6)
FIELDS = 6
# How pairs are ranked; every sum is tried with each.
RANKINGS = 4
# Pairs are looked for among this many terms, those that end lowest.
WINDOW = 24
# Depths span at most this many levels inside Kraft sums.
_MAX_SPAN = 40
# A tick of cost: a bit that needs a table is worth four, a bit of carry chain one.
_TABLE, _CARRY = 4, 1
_NEVER = cast(int, np.int64(1) << 60)
_ONE = cast(int, np.int64(1))

_OPTIONS: dict[str, Any] = {"cache": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_Function = TypeVar("_Function", bound=Callable[..., object])


def _helper(function: _Function) -> _Function:
    """A compiled function that only compiled functions call."""
    return cast(_Function, njit(**_OPTIONS)(function))


@_helper
def _width(low: int, high: int) -> int:
    """Bits of the smallest format for an interval."""
    size = max(high, ~low) if low < 0 else high
    bits = 1 if low < 0 else 0
    while size > 0:
        size >>= 1
        bits += 1
    return bits


@_helper
def _adder(a: IntArray, b: IntArray, a_shift: int, b_shift: int, subtract: int) -> tuple[int, int, int, int]:
    """Cost, width and interval of ``(a << a_shift) +- (b << b_shift)``, signs of the terms left alone."""
    a_low, a_high = a[LOW] << a_shift, a[HIGH] << a_shift
    b_low, b_high = b[LOW] << b_shift, b[HIGH] << b_shift
    if subtract:
        low, high = a_low - b_high, a_high - b_low
    else:
        low, high = a_low + b_low, a_high + b_high
    width = _width(low, high)
    a_top, b_top = _width(a_low, a_high), _width(b_low, b_high)
    top = min(width, max(a_top, b_top))
    # Where an operand has no bits the other one passes, but a subtracted one never does.
    first = b_shift if subtract else max(a_shift, b_shift)
    last = top if b_low < 0 else min(b_top, top)
    if not subtract and a_low >= 0:
        last = min(last, a_top)
    passed = a_shift if a_shift < b_shift else b_shift
    if a_shift <= b_shift or not subtract:
        passed = max(a_shift, b_shift)
    cost = _TABLE * max(last - first, 0) + _CARRY * max(width - passed, 0)
    return cost, width, low, high


@_helper
def _merge(terms: IntArray, i: int, j: int, into: int) -> tuple[int, int, int]:
    """Writes the cheapest sum of two terms to row ``into``; its cost, width and first operand."""
    a, b, new = terms[i], terms[j], terms[into]
    shift = min(a[SHIFT], b[SHIFT])
    a_shift, b_shift = a[SHIFT] - shift, b[SHIFT] - shift
    new[SHIFT], new[DEPTH] = shift, 1 + max(a[DEPTH], b[DEPTH])
    if a[NEGATED] == b[NEGATED]:
        cost, width, low, high = _adder(a, b, a_shift, b_shift, 0)
        new[NEGATED], new[LOW], new[HIGH] = a[NEGATED], low, high
        return cost, width, i
    cost, width, low, high = _adder(a, b, a_shift, b_shift, 1)
    turned, other_width, other_low, other_high = _adder(b, a, b_shift, a_shift, 1)
    # Of equal ones the difference that keeps its sign.
    if turned < cost or (turned == cost and a[NEGATED]):
        new[NEGATED], new[LOW], new[HIGH] = b[NEGATED], other_low, other_high
        return turned, other_width, j
    new[NEGATED], new[LOW], new[HIGH] = a[NEGATED], low, high
    return cost, width, i


@_helper
def _rank(ranking: int, cost: int, width: int, end: int) -> int:
    if ranking == 0:
        return cost << 8 | end
    if ranking == 1:
        return end << 16 | cost
    if ranking == 2:
        return width << 16 | cost
    return (2 * cost + (_TABLE + _CARRY) * width) << 8 | end


@_helper
def next_random(state: IntArray) -> int:
    """Thirty-one pseudo-random bits (D. E. Knuth's MMIX generator)."""
    state[0] = state[0] * 6364136223846793005 + 1442695040888963407
    bits: int = (state[0] >> 33) & 0x7FFFFFFF
    return bits


@_helper
def _shallowest(terms: IntArray, live: IntArray, n: int) -> tuple[int, int]:
    """Positions of the two shallowest live terms."""
    first, second = 0, 1
    if terms[live[1], DEPTH] < terms[live[0], DEPTH]:
        first, second = 1, 0
    for p in range(2, n):
        depth = terms[live[p], DEPTH]
        if depth < terms[live[first], DEPTH]:
            first, second = p, first
        elif depth < terms[live[second], DEPTH]:
            second = p
    return first, second


@_helper
def _choose(
    terms: IntArray,
    live: IntArray,
    n: int,
    into: int,
    ranking: int,
    room: int,
    floor: int,
    noise: int,
    state: IntArray,
) -> tuple[int, int, int]:
    """The best affordable pair of positions and its price in Kraft's sum; (-1, -1, 0) for none."""
    best, first, second, paid = _NEVER, -1, -1, 0
    for p in range(1, min(n, WINDOW)):
        a = terms[live[p], DEPTH] - floor
        for q in range(p):
            b = terms[live[q], DEPTH] - floor
            a_depth, b_depth = max(a, 0), max(b, 0)
            price = (2 << max(a_depth, b_depth)) - (1 << a_depth) - (1 << b_depth)
            if price > room:
                continue
            cost, width, _ = _merge(terms, live[p], live[q], into)
            rank = _rank(ranking, cost, width, width + terms[into, SHIFT])
            if noise:
                rank += ((rank >> 4) * (next_random(state) & 63) * noise) >> 6
            if rank < best:
                best, first, second, paid = rank, p, q, price
    return first, second, paid


@_helper
def _place(terms: IntArray, live: IntArray, n: int, row: int) -> None:
    """Puts a row among the ``n`` live ones, which stand in the order of where their values end."""
    end = terms[row, SHIFT] + _width(terms[row, LOW], terms[row, HIGH])
    at = n
    while at > 0:
        other = live[at - 1]
        if terms[other, SHIFT] + _width(terms[other, LOW], terms[other, HIGH]) <= end:
            break
        live[at] = other
        at -= 1
    live[at] = row


@_helper
def tree(
    terms: IntArray,
    live: IntArray,
    pairs: IntArray,
    n: int,
    deadline: int,
    ranking: int,
    noise: int,
    state: IntArray,
) -> int:
    """Sums ``n`` terms; writes the operands of each merge (rows of ``terms``) and returns the cost."""
    floor = max(deadline - _MAX_SPAN, 0)
    room = _ONE << max(deadline - floor, 0)
    for row in range(n):
        _place(terms, live, row, row)
        room -= _ONE << max(terms[row, DEPTH] - floor, 0)
    total = 0
    for into in range(n, 2 * n - 1):
        count = 2 * n - into
        p, q, price = _choose(terms, live, count, into, ranking, room, floor, noise, state)
        if p < 0:
            p, q = _shallowest(terms, live, count)
        room -= price
        a, b = live[p], live[q]
        cost, _, first = _merge(terms, a, b, into)
        pairs[into - n, 0], pairs[into - n, 1] = first, b if first == a else a
        total += cost
        kept = 0
        for position in range(count):
            if position != p and position != q:
                live[kept] = live[position]
                kept += 1
        _place(terms, live, kept, into)
    return total


@_helper
def set_leaf(
    term: IntArray, place: IntArray, shift: int, negated: int, low: int, high: int, depth: int
) -> None:
    """A node's value, shifted and signed, as a term of the node that holds it."""
    term[NODE], term[SHIFT], term[NEGATED] = place[0], shift + place[1], negated ^ place[2]
    term[LOW], term[HIGH], term[DEPTH] = low >> place[1], high >> place[1], depth
    if place[2]:
        term[LOW], term[HIGH] = -(high >> place[1]), -(low >> place[1])


@_helper
def _emit(adder: IntArray, a: IntArray, b: IntArray) -> None:
    """Writes an adder: operands, shifts and whether it subtracts."""
    shift = min(a[SHIFT], b[SHIFT])
    adder[0], adder[1] = a[NODE], b[NODE]
    adder[2], adder[3] = a[SHIFT] - shift, b[SHIFT] - shift
    adder[4] = a[NEGATED] ^ b[NEGATED]


@njit(cache=True)
def build_trees(
    start: IntArray,
    leaves: IntArray,
    deadline: IntArray,
    low: IntArray,
    high: IntArray,
    place: IntArray,
    depth: IntArray,
    tries: int,
) -> IntArray:
    """Builds every sum as the cheapest of several trees; adders int64[A, 5] in order.

    Sum ``s`` has the leaves ``start[s] .. start[s + 1]``: rows (node, shift, negated), where a node is an
    input or ``K + s`` for an earlier sum.  ``deadline`` int64[S] bounds its depth.  ``low`` and ``high``
    int64[K + S] are exact intervals.  ``place`` int64[K + S, 3] receives the term (node, shift, negated) that
    is each node's value; the inputs are filled in already, as are their ``depth`` int64[K + S].
    """
    n_sums = len(start) - 1
    n_inputs = len(low) - n_sums
    longest = 2
    for s in range(n_sums):
        longest = max(longest, start[s + 1] - start[s])
    terms, best_terms = np.zeros((2, 2 * longest, FIELDS), np.int64)
    pairs, best_pairs = np.zeros((2, longest, 2), np.int64)
    live = np.zeros(longest + 1, np.int64)
    adders = np.zeros((max(len(leaves) - n_sums, 0), 5), np.int64)
    state = np.ones(1, np.int64)
    made = 0
    for s in range(n_sums):
        n = start[s + 1] - start[s]
        for t in range(n):
            node, shift, negated = leaves[start[s] + t]
            set_leaf(terms[t], place[node], shift, negated, low[node], high[node], depth[node])
        least = _NEVER
        attempts = 1 if n < 3 else RANKINGS + (tries if n > 3 else 0)
        for attempt in range(attempts):
            noise = 0 if attempt < RANKINGS else 1 + (attempt & 1)
            cost = tree(terms, live, pairs, n, deadline[s], attempt % RANKINGS, noise, state)
            if terms[2 * n - 2, DEPTH] > deadline[s]:
                cost += _NEVER >> 1
            if cost < least:
                least = cost
                best_terms[: 2 * n - 1] = terms[: 2 * n - 1]
                best_pairs[: n - 1] = pairs[: n - 1]
        for k in range(n - 1):
            _emit(adders[made], best_terms[best_pairs[k, 0]], best_terms[best_pairs[k, 1]])
            best_terms[n + k, NODE] = n_inputs + made
            made += 1
        result = best_terms[2 * n - 2]
        place[n_inputs + s, :] = result[:3]
        depth[n_inputs + s] = result[DEPTH]
    return adders[:made]
