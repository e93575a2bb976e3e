"""A network as sums of leaves, for `_regroup`: how they are stored, priced, changed and taken back.

Importing it imports numba: do so only when solving.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from netloom.passes.solvers._trees import DEPTH, FIELDS, NEGATED, RANKINGS, SHIFT, next_random, set_leaf, tree

IntArray = NDArray[np.int64]

# Kinds of nodes.
FREE, INPUT, SUM, OUTPUT = 0, 1, 2, 3
# Levels stay below this, so that sums of 2**level fit.
MOST_LEVELS = 40
# Sums that one step may change.
_MOST_SAVED = 48
NEVER = cast(int, np.int64(1) << 60)
_ONE = cast(int, np.int64(1))
_ZERO = cast(int, np.int64(0))

_OPTIONS: dict[str, Any] = {"cache": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_Function = TypeVar("_Function", bound=Callable[..., object])


def helper(function: _Function) -> _Function:
    """A compiled function that only compiled functions call."""
    return cast(_Function, njit(**_OPTIONS)(function))


class Sums(NamedTuple):
    """All nodes, N of them; inputs first, and room for new sums.

    ``kind`` int64[N]; ``leaves`` int64[N, C, 3]: node, shift, negated, and ``n_leaves``
    int64[N]; ``cost``,
    ``due`` (level), ``low``, ``high`` int64[N]; ``place`` int64[N, 3]: the term that is the node's value;
    ``weight`` int64[N, K]: coefficients; ``readers`` int64[N, R], an entry for each leaf, and ``n_readers``
    int64[N]; ``bounds`` int64[2, K]: of the inputs.
    """

    kind: IntArray
    leaves: IntArray
    n_leaves: IntArray
    cost: IntArray
    due: IntArray
    low: IntArray
    high: IntArray
    place: IntArray
    weight: IntArray
    readers: IntArray
    n_readers: IntArray
    bounds: IntArray


class Saved(NamedTuple):
    """What a step has changed, to take it back: ``used`` int64[1] nodes; ``step`` int64[N], the last one."""

    node: IntArray
    leaves: IntArray
    fields: IntArray
    used: IntArray
    step: IntArray


class Room(NamedTuple):
    """Scratch: for trees, for leaves of three sums; ``state`` of chance; ``work`` int64[1] done so far."""

    terms: IntArray
    pairs: IntArray
    live: IntArray
    three: IntArray
    place: IntArray
    state: IntArray
    work: IntArray


@helper
def new_saved(n_nodes: int, capacity: int) -> Saved:
    """Room for one step."""
    return Saved(
        np.zeros(_MOST_SAVED, np.int64),
        np.zeros((_MOST_SAVED, capacity, 3), np.int64),
        np.zeros((_MOST_SAVED, 6), np.int64),
        np.zeros(1, np.int64),
        np.full(n_nodes, -1, np.int64),
    )


@helper
def new_room(capacity: int, seed: int) -> Room:
    """Scratch for sums of up to ``capacity`` leaves."""
    return Room(
        np.zeros((2 * capacity + 2, FIELDS), np.int64),
        np.zeros((capacity + 1, 2), np.int64),
        np.zeros(capacity + 2, np.int64),
        np.zeros((3, 2 * capacity + 2, 3), np.int64),
        np.zeros(3, np.int64),
        np.full(1, seed, np.int64),
        np.zeros(1, np.int64),
    )


@helper
def below(room: Room, bound: int) -> int:
    """A random number from 0 to below ``bound``."""
    drawn: int = next_random(room.state) % bound
    return drawn


@helper
def load(sums: Sums, leaves: IntArray, n: int) -> int:
    """Sum of ``2**level`` of leaves."""
    total = _ZERO
    for i in range(n):
        total += _ONE << sums.due[leaves[i, 0]]
    return total


@helper
def priced(sums: Sums, room: Room, leaves: IntArray, n: int, due: int, place: IntArray) -> int:
    """Cost of adding leaves up by a level; writes the term that results.  ``NEVER`` when it is impossible."""
    if load(sums, leaves, n) > _ONE << due:
        return NEVER
    least = NEVER
    for ranking in range(1 if n < 3 else RANKINGS):
        for i in range(n):
            node, shift, negated = leaves[i]
            low, high, depth = sums.low[node], sums.high[node], sums.due[node]
            set_leaf(room.terms[i], sums.place[node], shift, negated, low, high, depth)
        cost = tree(room.terms, room.live, room.pairs, n, due, ranking, 0, room.state)
        room.work[0] += n * n
        if room.terms[2 * n - 2, DEPTH] <= due and cost < least:
            least = cost
            place[1], place[2] = room.terms[2 * n - 2, SHIFT], room.terms[2 * n - 2, NEGATED]
    return least


@helper
def save(sums: Sums, saved: Saved, node: int, step: int) -> bool:
    """Remembers a node before its first change in a step; false when there is no room."""
    if saved.step[node] == step:
        return True
    at = saved.used[0]
    if at == len(saved.node):
        return False
    saved.step[node] = step
    saved.used[0] += 1
    saved.node[at] = node
    saved.leaves[at, : sums.n_leaves[node]] = sums.leaves[node, : sums.n_leaves[node]]
    fields = saved.fields[at]
    fields[0], fields[1], fields[2] = sums.kind[node], sums.n_leaves[node], sums.cost[node]
    fields[3], fields[4], fields[5] = sums.due[node], sums.place[node, 1], sums.place[node, 2]
    return True


@helper
def unread(sums: Sums, node: int) -> None:
    """Takes all leaves from a node."""
    for i in range(sums.n_leaves[node]):
        leaf = sums.leaves[node, i, 0]
        last = sums.n_readers[leaf] - 1
        for r in range(last + 1):
            if sums.readers[leaf, r] == node:
                sums.readers[leaf, r] = sums.readers[leaf, last]
                break
        sums.n_readers[leaf] = last
    sums.n_leaves[node] = 0


@helper
def read(sums: Sums, node: int, leaves: IntArray, n: int) -> None:
    """Gives a node without leaves some."""
    for i in range(n):
        leaf = leaves[i, 0]
        sums.leaves[node, i, :] = leaves[i, :]
        sums.readers[leaf, sums.n_readers[leaf]] = node
        sums.n_readers[leaf] += 1
    sums.n_leaves[node] = n


@helper
def take_back(sums: Sums, saved: Saved) -> None:
    """Undoes a step."""
    for at in range(saved.used[0]):
        unread(sums, saved.node[at])
    for at in range(saved.used[0]):
        node, fields = saved.node[at], saved.fields[at]
        read(sums, node, saved.leaves[at], fields[1])
        sums.kind[node], sums.cost[node], sums.due[node] = fields[0], fields[2], fields[3]
        sums.place[node, 1], sums.place[node, 2] = fields[4], fields[5]
    saved.used[0] = 0


@helper
def fits(sums: Sums, leaves: IntArray, n: int) -> bool:
    """Whether there is room for leaves, and for a reader more of each."""
    most = _ZERO
    for i in range(n):
        most = max(most, sums.n_readers[leaves[i, 0]])
    enough: bool = n <= sums.leaves.shape[1] and most + n < sums.readers.shape[1]
    return enough


@helper
def change(sums: Sums, saved: Saved, room: Room, node: int, leaves: IntArray, n: int, step: int) -> int:
    """Gives a sum other leaves of the same value; the change in cost, or ``NEVER`` and nothing done."""
    if not fits(sums, leaves, n) or not save(sums, saved, node, step):
        return NEVER
    cost = priced(sums, room, leaves, n, sums.due[node], room.place)
    if cost >= NEVER:
        return NEVER
    unread(sums, node)
    read(sums, node, leaves, n)
    sums.place[node, 1:] = room.place[1:]
    more: int = cost - sums.cost[node]
    sums.cost[node] = cost
    return more


@helper
def put(leaves: IntArray, n: int, node: int, shift: int, negated: int) -> int:
    """Adds a leaf to a list: equal ones double, opposite ones vanish.  Returns the new length."""
    while True:
        at = -1
        for i in range(n):
            if leaves[i, 0] == node and leaves[i, 1] == shift:
                at = i
        if at < 0:
            leaves[n, 0], leaves[n, 1], leaves[n, 2] = node, shift, negated
            return n + 1
        same = leaves[at, 2] == negated
        n -= 1
        leaves[at, :] = leaves[n, :]
        if not same:
            return n
        shift += 1


@helper
def define(sums: Sums, node: int, leaves: IntArray, n: int) -> bool:
    """Level, coefficients and interval of a new sum; false when it would be too deep."""
    total = load(sums, leaves, n)
    due = _ZERO
    while _ONE << due < total:
        due += 1
    if due >= MOST_LEVELS:
        return False
    low = high = _ZERO
    for k in range(sums.weight.shape[1]):
        factor = _ZERO
        for i in range(n):
            part = sums.weight[leaves[i, 0], k] << leaves[i, 1]
            factor += -part if leaves[i, 2] else part
        sums.weight[node, k] = factor
        one, other = factor * sums.bounds[0, k], factor * sums.bounds[1, k]
        low += min(one, other)
        high += max(one, other)
    sums.due[node], sums.low[node], sums.high[node], sums.place[node, 0] = due, low, high, node
    return True


@helper
def unused(sums: Sums, saved: Saved, step: int) -> int:
    """A node that is free and was when the step began, or -1."""
    for node in range(len(sums.kind) - 1, -1, -1):
        if sums.kind[node] == FREE and saved.step[node] != step:
            return node
    return -1


@helper
def drop_unread(sums: Sums, saved: Saved, step: int) -> int:
    """Removes sums without readers among those that the step has changed; the change in cost."""
    gained = _ZERO
    at = 0
    while at < saved.used[0]:
        node = saved.node[at]
        at += 1
        if sums.kind[node] != SUM or sums.n_readers[node] > 0:
            continue
        for i in range(sums.n_leaves[node]):
            leaf = sums.leaves[node, i, 0]
            if sums.kind[leaf] == SUM and not save(sums, saved, leaf, step):
                return NEVER
        unread(sums, node)
        gained -= sums.cost[node]
        sums.kind[node], sums.cost[node] = FREE, 0
        at = 0
    return gained


@njit(cache=True)
def refresh(sums: Sums, order: IntArray) -> int:
    """Costs, signs and shifts of sums in the given order; returns the total cost."""
    room = new_room(sums.leaves.shape[1], 1)
    total = _ZERO
    for node in order:
        leaves, n, due = sums.leaves[node], sums.n_leaves[node], sums.due[node]
        sums.cost[node] = priced(sums, room, leaves, n, due, sums.place[node])
        total += sums.cost[node]
    return total
