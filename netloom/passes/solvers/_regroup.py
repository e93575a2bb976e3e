"""Compiled inner loop of `regroup`.  Importing it imports numba: do so only when solving.

A step takes one sum apart in its readers, or writes two of its digits otherwise, and then lets the sums that
it has changed share with others whatever they have in common.  It is taken back unless it pays.  What a sum
is worth never changes, only what it is made of; so its interval stays, and only new sums need one.

Every sum has a level by which it is there.  A sum of leaves at levels d can be there at level D exactly if
``sum(2**d) <= 2**D`` (Kraft's inequality), and then D is above each d: there are no cycles to look for.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from netloom.passes.solvers._sums import (
    NEVER,
    SUM,
    Room,
    Saved,
    Sums,
    below,
    change,
    define,
    drop_unread,
    fits,
    helper,
    new_room,
    new_saved,
    priced,
    put,
    read,
    save,
    take_back,
    unused,
)

IntArray = NDArray[np.int64]

# Readers of a sum that is taken apart, rounds of sharing after that, and sums that then look for partners.
_MOST_READERS, _ROUNDS, _MOST_ACTIVE = 8, 8, 16
# Pairs of sums looked at for one sum, and how many of them are priced.
_MOST_PAIRS, _PRICED = 96, 4
# A step that has become so much dearer is given up: about ten adders.
_HOPELESS = 500
# Of sixteen steps, how many write digits otherwise, only share, and take apart in all readers.
_RECODE, _SHARE, _WHOLE = 3, 5, 12
_ZERO = cast(int, np.int64(0))
_ONE = cast(int, np.int64(1))


class Match(NamedTuple):
    """Leaves of ``t``, shifted by ``relative`` and negated by ``flip``, that are leaves of ``p``."""

    p: int
    t: int
    relative: int
    flip: int


class Common(NamedTuple):
    """Positions of what two sums have in common, int64[C] in either."""

    mine: IntArray
    theirs: IntArray


class Plan(NamedTuple):
    """Lengths of the new leaves of ``p``, of ``t`` and of the new sum, which stand in ``Room.three``.

    ``first`` 0 means that there is nothing to gain, ``made`` 0 that ``t`` becomes a leaf of ``p``, and
    ``second`` 0 that ``t`` stays as it is.
    """

    first: int
    second: int
    made: int
    new: int


@helper
def _in(positions: IntArray, n: int, position: int) -> bool:
    found = False
    for k in range(n):
        found = found or positions[k] == position
    return found


@helper
def _common(sums: Sums, match: Match, common: Common) -> int:
    """Writes what two sums have in common; within one sum disjoint.  Returns how many leaves that are."""
    n = 0
    inside = match.p == match.t
    for j in range(sums.n_leaves[match.t]):
        node, shift, negated = sums.leaves[match.t, j]
        if inside and _in(common.mine, n, j):
            continue
        for i in range(sums.n_leaves[match.p]):
            other = sums.leaves[match.p, i]
            if other[0] != node or other[1] != shift + match.relative or other[2] != negated ^ match.flip:
                continue
            if not inside or (i != j and not _in(common.mine, n, i) and not _in(common.theirs, n, i)):
                common.mine[n], common.theirs[n] = i, j
                n += 1
            break
    return n


@helper
def _rest(sums: Sums, node: int, positions: IntArray, n: int, into: IntArray, kept: int) -> int:
    """Leaves of a node but those at some positions, after ``kept`` others."""
    for i in range(sums.n_leaves[node]):
        if not _in(positions, n, i):
            into[kept, :] = sums.leaves[node, i, :]
            kept += 1
    return kept


@helper
def _made(sums: Sums, room: Room, match: Match, common: Common, n: int) -> int:
    """Leaves of a new sum of what is common, from shift 0 up; returns by how much they were shifted."""
    least: int = sums.leaves[match.t, common.theirs[0], 1]
    for k in range(n):
        least = min(least, sums.leaves[match.t, common.theirs[k], 1])
    for k in range(n):
        room.three[2, k, :] = sums.leaves[match.t, common.theirs[k], :]
        room.three[2, k, 1] -= least
    return least


@helper
def _planned(
    sums: Sums, saved: Saved, room: Room, match: Match, common: Common, n: int, step: int, tabu: IntArray
) -> Plan:
    """What becomes of two sums that share what they have in common, but not as the sum ``tabu``."""
    nothing = Plan(_ZERO, _ZERO, _ZERO, -_ONE)
    p, t, relative, flip = match
    first, second = room.three[0], room.three[1]
    if n == sums.n_leaves[p]:
        return nothing
    if n == sums.n_leaves[t] and p != t:
        if relative < 0 or sums.due[t] >= sums.due[p]:
            return nothing
        left = put(first, _rest(sums, p, common.mine, n, first, 0), t, relative, flip)
        return Plan(left, _ZERO, _ZERO, -_ONE) if left > 1 else nothing
    new = unused(sums, saved, step)
    least = _made(sums, room, match, common, n)
    if new < 0 or not define(sums, new, room.three[2], n):
        return nothing
    low, high = sums.low[new], sums.high[new]
    if (low == tabu[0] and high == tabu[1]) or (low == -tabu[1] and high == -tabu[0]):
        return nothing
    left = _rest(sums, p, common.mine, n, first, 0)
    if p == t:
        both = np.concatenate((common.mine[:n], common.theirs[:n]))
        left = put(first, _rest(sums, p, both, 2 * n, first, 0), new, least, 0)
        left = put(first, left, new, least + relative, flip)
        return Plan(left, _ZERO, n, new) if left > 1 else nothing
    left = put(first, left, new, least + relative, flip)
    right = put(second, _rest(sums, t, common.theirs, n, second, 0), new, least, 0)
    return Plan(left, right, n, new) if left > 1 and right > 1 else nothing


@helper
def _price(sums: Sums, room: Room, match: Match, plan: Plan) -> int:
    """The change in cost that a plan would bring."""
    total: int = _ZERO
    if plan.made:
        new = plan.new
        total += priced(sums, room, room.three[2], plan.made, sums.due[new], sums.place[new])
        if total >= NEVER:
            return NEVER
    cost = priced(sums, room, room.three[0], plan.first, sums.due[match.p], room.place)
    if cost >= NEVER:
        return NEVER
    total += cost - sums.cost[match.p]
    if plan.second:
        cost = priced(sums, room, room.three[1], plan.second, sums.due[match.t], room.place)
        if cost >= NEVER:
            return NEVER
        total += cost - sums.cost[match.t]
    return total


@helper
def _carry_out(sums: Sums, saved: Saved, room: Room, match: Match, plan: Plan, step: int) -> int:
    """Makes a plan true; the change in cost, or ``NEVER`` half way."""
    total = _ZERO
    if plan.made:
        new, leaves = plan.new, room.three[2]
        if not fits(sums, leaves, plan.made) or not save(sums, saved, new, step):
            return NEVER
        sums.kind[new] = SUM
        sums.cost[new] = priced(sums, room, leaves, plan.made, sums.due[new], sums.place[new])
        read(sums, new, leaves, plan.made)
        total += sums.cost[new]
    more = change(sums, saved, room, match.p, room.three[0], plan.first, step)
    if more >= NEVER:
        return NEVER
    total += more
    if plan.second:
        more = change(sums, saved, room, match.t, room.three[1], plan.second, step)
        if more >= NEVER:
            return NEVER
        total += more
    return total


@helper
def _keep_best(found: IntArray, n_found: int, value: int, match: Match) -> int:
    """Puts a match among the most valuable ones; returns how many there are."""
    least = 0
    for k in range(n_found):
        if found[k, 1] == match.t and found[k, 2] == match.relative and found[k, 3] == match.flip:
            return n_found
        if found[k, 0] < found[least, 0]:
            least = k
    if n_found < len(found):
        least = n_found
        n_found += 1
    elif found[least, 0] >= value:
        return n_found
    found[least, 0], found[least, 1] = value, match.t
    found[least, 2], found[least, 3] = match.relative, match.flip
    return n_found


@helper
def _matches_at(sums: Sums, p: int, i: int, t: int, common: Common, found: IntArray, n_found: int) -> int:
    """Matches of two sums that hold one leaf of the first."""
    node, shift, negated = sums.leaves[p, i]
    for j in range(sums.n_leaves[t]):
        if sums.leaves[t, j, 0] != node or (t == p and j == i):
            continue
        match = Match(p, t, shift - sums.leaves[t, j, 1], negated ^ sums.leaves[t, j, 2])
        if p == t and match.relative == 0:
            continue
        n = _common(sums, match, common)
        if n > 1:
            value = 2 * n + (1 if n == sums.n_leaves[t] and p != t else 0)
            n_found = _keep_best(found, n_found, value, match)
    return n_found


@helper
def _matches(sums: Sums, room: Room, p: int, common: Common, found: IntArray) -> int:
    """The matches of a sum with others that have most leaves; looks at some, beginning anywhere."""
    n_found, looked, start = 0, 0, below(room, sums.n_leaves[p])
    for turn in range(sums.n_leaves[p]):
        i = (start + turn) % sums.n_leaves[p]
        node = sums.leaves[p, i, 0]
        n_readers = sums.n_readers[node]
        skipped = below(room, n_readers)
        for r in range(n_readers):
            if looked < _MOST_PAIRS:
                looked += 1
                t = sums.readers[node, (r + skipped) % n_readers]
                n_found = _matches_at(sums, p, i, t, common, found, n_found)
    return n_found


@helper
def _best_match(
    sums: Sums, saved: Saved, room: Room, p: int, common: Common, step: int, tabu: IntArray
) -> tuple[int, Match]:
    """The sharing of a sum with any other that saves most: the change in cost, and what it is."""
    found = np.zeros((_PRICED, 4), np.int64)
    least, best = _ZERO, Match(p, p, _ZERO, _ZERO)
    for k in range(_matches(sums, room, p, common, found)):
        match = Match(p, found[k, 1], found[k, 2], found[k, 3])
        n = _common(sums, match, common)
        plan = _planned(sums, saved, room, match, common, n, step, tabu)
        if plan.first:
            cost = _price(sums, room, match, plan)
            if cost < least:
                least, best = cost, match
    return least, best


@helper
def _inlined(sums: Sums, node: int, reader: int, into: IntArray) -> int:
    """Leaves of a reader with those of a node in place of the node; -1 when they are too many."""
    n = 0
    for i in range(sums.n_leaves[reader]):
        leaf, shift, negated = sums.leaves[reader, i]
        if n + sums.n_leaves[node] >= sums.leaves.shape[1]:
            return -1
        if leaf != node:
            n = put(into, n, leaf, shift, negated)
            continue
        for j in range(sums.n_leaves[node]):
            inner = sums.leaves[node, j]
            n = put(into, n, inner[0], inner[1] + shift, inner[2] ^ negated)
    return n


@helper
def _take_apart(
    sums: Sums, saved: Saved, room: Room, node: int, whole: bool, active: IntArray, step: int
) -> tuple[int, int]:
    """Takes a sum apart in all its readers or in one: the change in cost, and how many are ``active``."""
    n_active, total, n_readers = 0, _ZERO, sums.n_readers[node]
    if n_readers == 0 or n_readers > _MOST_READERS or not save(sums, saved, node, step):
        return NEVER, 0
    for r in range(n_readers):
        reader = sums.readers[node, r]
        if not _in(active, n_active, reader):
            active[n_active] = reader
            n_active += 1
    if not whole:
        active[0] = active[below(room, n_active)]
        n_active = 1
    for k in range(n_active):
        n = _inlined(sums, node, active[k], room.three[0])
        more = change(sums, saved, room, active[k], room.three[0], n, step) if n > 1 else NEVER
        if more >= NEVER:
            return NEVER, 0
        total += more
    return total, n_active


@helper
def _recoded(sums: Sums, room: Room, node: int, into: IntArray) -> int:
    """Leaves with two digits of one leaf written otherwise (1 + 2 is 4 - 1); how many, 0 for no change."""
    n = sums.n_leaves[node]
    start = below(room, n)
    for turn in range(n):
        i = (start + turn) % n
        leaf, shift, negated = sums.leaves[node, i]
        for j in range(n):
            apart, opposite = sums.leaves[node, j, 1] - shift, sums.leaves[node, j, 2] ^ negated
            if sums.leaves[node, j, 0] != leaf or apart - opposite != 1:
                continue
            kept = 0
            for k in range(n):
                if k != i and k != j:
                    into[kept, :] = sums.leaves[node, k, :]
                    kept += 1
            kept = put(into, kept, leaf, shift, 1 - negated)
            if opposite:
                return put(into, kept, leaf, shift + 1, 1 - negated)
            return put(into, kept, leaf, shift + 2, negated)
    return 0


@helper
def _disturb(
    sums: Sums, saved: Saved, room: Room, node: int, active: IntArray, tabu: IntArray, step: int
) -> tuple[int, int]:
    """The first change of a step: its change in cost, and how many sums are ``active`` then."""
    draw = below(room, 16)
    active[0] = node
    if draw < _RECODE:
        n = _recoded(sums, room, node, room.three[0])
        if n < 2:
            return NEVER, 0
        return change(sums, saved, room, node, room.three[0], n, step), 1
    if draw < _SHARE:
        return _ZERO, 1
    if draw & 1:
        tabu[0], tabu[1] = sums.low[node], sums.high[node]
    whole = sums.kind[node] == SUM and draw < _WHOLE
    return _take_apart(sums, saved, room, node, whole, active, step)


@helper
def _step(
    sums: Sums, saved: Saved, room: Room, node: int, active: IntArray, common: Common, step: int
) -> int:
    """One change of the network and what follows from it; the change in cost, ``NEVER`` when it failed."""
    # No interval is like this one: nothing is ruled out.
    tabu = np.array([_ONE, _ZERO])
    total, n_active = _disturb(sums, saved, room, node, active, tabu, step)
    for turn in range(_ROUNDS + 1):
        removed = drop_unread(sums, saved, step) if total < NEVER else NEVER
        if removed >= NEVER:
            return NEVER
        total += removed
        if turn == _ROUNDS or total > _HOPELESS:
            break
        least, best = _ZERO, Match(_ZERO, _ZERO, _ZERO, _ZERO)
        for k in range(n_active):
            if sums.kind[active[k]] >= SUM:
                cost, match = _best_match(sums, saved, room, active[k], common, step, tabu)
                if cost < least:
                    least, best = cost, match
        if least == 0:
            break
        n = _common(sums, best, common)
        plan = _planned(sums, saved, room, best, common, n, step, tabu)
        more = _carry_out(sums, saved, room, best, plan, step)
        total = total + more if more < NEVER else NEVER
        if plan.made and n_active < len(active):
            active[n_active] = plan.new
            n_active += 1
    return total


@njit(cache=True)
def search(sums: Sums, work: int, hot: float, cold: float, seed: int) -> None:
    """Changes the network step by step for so much work (squares of leaves added up, some 10 M a second).

    A step that costs ``c`` more is kept with probability ``exp(-c / heat)``; heat falls from ``hot`` to
    ``cold``.  Costs must be known (`refresh`); that an adder has come to hold its negative is not seen by
    those that read it.
    """
    n_nodes, capacity = sums.leaves.shape[0], sums.leaves.shape[1]
    saved, room = new_saved(n_nodes, capacity), new_room(capacity, seed)
    active = np.zeros(_MOST_ACTIVE, np.int64)
    common = Common(np.zeros(capacity + 1, np.int64), np.zeros(capacity + 1, np.int64))
    step = 0
    while room.work[0] < work:
        step += 1
        room.work[0] += 1
        node = below(room, n_nodes)
        if sums.kind[node] < SUM:
            continue
        saved.used[0] = 0
        dearer = _step(sums, saved, room, node, active, common, step)
        heat = hot + (cold - hot) * min(1.0, room.work[0] / work)
        kept = dearer <= 0
        if not kept and dearer < _HOPELESS:
            kept = below(room, 1 << 20) < np.exp(-dearer / heat) * (1 << 20)
        if not kept:
            take_back(sums, saved)
