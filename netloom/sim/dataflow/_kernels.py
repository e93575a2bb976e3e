"""Compiled cycle loop of the dataflow simulator.  Importing it imports numba: do so only when simulating.

One function per kind of actor is the rule in the docstring of its class in `core.dataflow`; it reads the
state at the beginning of the cycle and writes the actor's own registers.  The counts of the FIFOs change only
after all actors have been asked.

An actor in which nothing moved cannot move before a FIFO of its own changes from empty or full, so it sleeps
until then; a stage whose beats are under way, and an edge that waits for the outside, also set an alarm.
Cycles in which all sleep are skipped.  Asking an actor that could have slept on changes nothing.

A node is a row of ``nodes`` int64[N, 32], a FIFO a row of ``fifos`` int64[F, 8]; their columns are named
below.  Everything is in one file: numba does not notice when a function changes that compiled code of another
file calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

STAGE, WIRES, WINDOW, REDUCE, COLLECT, SPREAD, RESAMPLE, WEIGHTED, CONSTANT, SOURCE, SINK = range(11)

# What an actor did or suffered in a cycle.
FIRE, PUSH, MOVED, BLOCKED, STARVED = 1, 2, 4, 8, 16

# Columns of a node that every kind has: its kind; cycle for which it wants an alarm; flags of the last cycle
# in which it was asked, and that cycle; whether it is awake; cycle of its alarm; cycles in which it took a
# beat (source: gave one), was blocked, was starved; beats that left it (sink: came), cycles of the first one
# and of the last one of frame 0; beats of a frame; where its inputs and outputs begin in links, and where
# they end.
KIND = 0
WAKE, DID, ASKED, AWAKE, ALARM, FIRED, HELD, LACKED, PUSHED, FIRST, END, BEATS = range(16, 28)
INPUTS, OUTPUTS, LINKS_END = range(28, 31)
# Parameters are columns 1 to 8, registers 9 to 15.
FIRST_REGISTER = 9
# Stage.  Instead of shifting v, a queue holds the enabled cycles in which beats will stand in v[L].
LATENCY, INTERVAL, QUEUE, PLACES = range(1, 5)
FROZEN, HEAD, INSIDE, FREE = range(9, 13)  # cycles without ce; first in the queue, beats in it; end of busy
# Weighted stage: the same columns, but FROZEN counts the cycles with ce.  The rest is in a table; its numbers
# are first, words, parts, beats, burst, memory_latency.  The registers of the reader are behind the places in
# the queue: whether a request stands, its length, where the next one begins, beats asked for that have not
# come and the first of them in the ring, beats held, n and w; then the ring: cycles from which they can come.
WEIGHTS, RING = 7, 8  # place of the table; depth
ASKS, LENGTH, PLACE, ASKED_FOR, OLDEST, STORED, PART, WORD, READER = range(9)
# Window and Resample.  PHASE is (k - first) mod steps; LEFT is a, and 2 if its column completes a window.
WIDTH, BANKS, STEPS, TAIL, ROWS, START, ROW_TABLE, COLUMN_TABLE = range(1, 9)
AHEAD, X, ROW, COLUMN, PHASE, LEFT, VALID = range(9, 16)
SHORT = 31  # a window is complete as soon as its last column leaves the memory: a and v are one register
# Reduce, Collect, Spread; v is VALID.
GROUP, N = 1, 9
# Source, Sink, Constant: number among the sinks; pattern of the outside in tables; beats that are left.
SINK_NUMBER, PATTERN, PATTERN_CYCLES = 2, 5, 6
REMAINING = 11

# Columns of a FIFO: state, ends, largest count, depth that was needed, largest count in the record's row.
COUNT, DEPTH, SOURCE_NODE, TARGET_NODE, HIGHEST, ROOM, IN_ROW = range(7)

# Places in clock: the cycle, entries of the heap, nodes awake, frames complete; of the record: rows in use,
# cycles in a row, cycle at which the row ends; the first cycle from which on no beat has moved.
TIME, ALARMS, LISTED, FRAMES, RECORDED, PERIOD, ROW_END, STILL = range(8)

# Why `run` returned.
SLICE, FRAME, STUCK = 0, 1, 2

NEVER = 1 << 61
_NEAR = 4  # cycles for which staying awake is cheaper than an alarm

# Nothing is allocated here, so no references are counted: that took most of the time.
_ENTRY: dict[str, Any] = {"cache": True, "_nrt": False}
_Function = TypeVar("_Function", bound=Callable[..., object])


def _helper(function: _Function) -> _Function:
    """A function that becomes part of the compiled functions that call it: a call costs more than it does."""
    return cast(_Function, njit(**_ENTRY, inline="always")(function))


def _entry(function: _Function) -> _Function:
    """A compiled function."""
    return cast(_Function, njit(**_ENTRY)(function))


@_helper
def _stage(s: IntArray, queue: IntArray, t: int, avail: bool, space: bool) -> int:
    now = t - s[FROZEN]
    did = 0
    if s[INSIDE] > 0 and queue[s[QUEUE] + s[HEAD]] == now:
        if not space:
            s[FROZEN] += 1
            s[WAKE] = NEVER
            return BLOCKED
        did = PUSH
        s[HEAD] = s[HEAD] + 1 if s[HEAD] + 1 < s[PLACES] else 0
        s[INSIDE] -= 1
    if now >= s[FREE]:
        if avail:
            did |= FIRE
            at = s[HEAD] + s[INSIDE]
            queue[s[QUEUE] + (at if at < s[PLACES] else at - s[PLACES])] = now + s[LATENCY]
            s[INSIDE] += 1
            s[FREE] = now + s[INTERVAL]
        else:
            did |= STARVED
    wake = s[FREE] if avail else NEVER
    if s[INSIDE] > 0:
        wake = min(wake, queue[s[QUEUE] + s[HEAD]])
    s[WAKE] = min(wake + s[FROZEN], NEVER)
    return did


@_helper
def _reader(s: IntArray, tables: IntArray, queue: IntArray, t: int, take: bool) -> int:
    """The reader of a weighted stage; ``take``: the stage takes a word."""
    table, r = s[WEIGHTS], s[QUEUE] + s[PLACES]
    parts, beats, burst, depth = tables[table + 2], tables[table + 3], tables[table + 4], s[RING]
    wait = tables[s[PATTERN] + t % s[PATTERN_CYCLES]] if s[PATTERN_CYCLES] > 0 else 0
    asks, place, asked, held = queue[r + ASKS], queue[r + PLACE], queue[r + ASKED_FOR], queue[r + STORED]
    taken = asks != 0 and wait == 0
    moved = 0
    # Beats of the ring that the memory knows of; the request that stands is asked for, too.
    known = asked - queue[r + LENGTH] * asks
    if wait == 0 and known > 0 and queue[r + READER + queue[r + OLDEST]] <= t:
        queue[r + OLDEST] = (queue[r + OLDEST] + 1) % depth
        queue[r + ASKED_FOR] -= 1
        queue[r + STORED] += 1
        known -= 1
    if taken:
        for k in range(queue[r + LENGTH]):
            queue[r + READER + (queue[r + OLDEST] + known + k) % depth] = t + tables[table + 5]
    length = min(burst, beats - place)
    if (asks == 0 or taken) and asked + held + length <= depth:
        queue[r + ASKS], queue[r + LENGTH] = 1, length
        queue[r + PLACE] = (place + length) % beats
        queue[r + ASKED_FOR] += length
        moved = MOVED
    elif taken:
        queue[r + ASKS] = 0
    if asked > 0 and wait < NEVER:
        moved = MOVED
    used = take
    if parts > 1:
        used = held > 0 and (queue[r + WORD] == 0 or take)
        if take:
            queue[r + WORD] = 0
        if used:
            moved = MOVED
            queue[r + PART] += 1
            if queue[r + PART] == parts:
                queue[r + PART] = 0
                queue[r + WORD] = 1
    if used:
        queue[r + STORED] -= 1
    return moved


@_helper
def _weighted(s: IntArray, tables: IntArray, queue: IntArray, t: int, avail: bool, space: bool) -> int:
    first, words = tables[s[WEIGHTS]], tables[s[WEIGHTS] + 1]
    r, now = s[QUEUE] + s[PLACES], s[FROZEN]
    need = False
    for k in range(s[INSIDE]):
        passed = now - queue[s[QUEUE] + (s[HEAD] + k) % s[PLACES]] + s[LATENCY]
        if first <= passed < first + words:
            need = True
    word = queue[r + WORD] != 0 if tables[s[WEIGHTS] + 2] > 1 else queue[r + STORED] > 0
    leaves = s[INSIDE] > 0 and queue[s[QUEUE] + s[HEAD]] == now
    ready = word or not need
    if not ready or (leaves and not space):
        return _reader(s, tables, queue, t, False) | (STARVED if not ready else BLOCKED)
    did = _reader(s, tables, queue, t, need)
    if s[INSIDE] > 0 or now < s[FREE]:
        did |= MOVED
    if leaves:
        did |= PUSH
        s[HEAD] = s[HEAD] + 1 if s[HEAD] + 1 < s[PLACES] else 0
        s[INSIDE] -= 1
    if now >= s[FREE]:
        if avail:
            did |= FIRE
            queue[s[QUEUE] + (s[HEAD] + s[INSIDE]) % s[PLACES]] = now + s[LATENCY]
            s[INSIDE] += 1
            s[FREE] = now + s[INTERVAL]
        else:
            did |= STARVED
    s[FROZEN] += 1
    return did


@_helper
def _wires(avail: bool, space: bool) -> int:
    if not avail:
        return STARVED
    return FIRE | PUSH if space else BLOCKED


@_helper
def _step_window(s: IntArray, tables: IntArray, advance: int) -> None:
    """The reader goes to the next column, maybe of the next group."""
    s[LEFT] = 1 + (tables[s[COLUMN_TABLE] + s[PHASE]] if s[PHASE] >= 0 else 0)
    s[PHASE] = s[PHASE] + 1 if s[PHASE] + 1 < s[STEPS] else 0
    s[COLUMN] += 1
    last = s[ROW] == s[ROWS] - 1
    if s[COLUMN] == s[STEPS] + (s[TAIL] if last else 0):
        s[COLUMN] = 0
        s[ROW] = 0 if last else s[ROW] + 1
        s[AHEAD] -= advance
        if last:
            s[PHASE] = -s[START]


@_helper
def _window(s: IntArray, tables: IntArray, avail: bool, space: bool) -> int:
    ahead, x, j = s[AHEAD], s[X], s[COLUMN]
    need, advance = tables[s[ROW_TABLE] + s[ROW]], tables[s[ROW_TABLE] + s[ROWS] + s[ROW]]
    did = 0
    if s[VALID] == 0 or space:
        if s[VALID] != 0:
            did |= PUSH
        if s[LEFT] != 0:
            did |= MOVED
        s[VALID] = 1 if s[LEFT] == 2 else 0
        s[LEFT] = 0
        if j >= s[WIDTH] or ahead > need or (ahead == need and x > j):
            did |= MOVED
            _step_window(s, tables, advance)
            if s[SHORT] != 0:
                s[VALID] = 1 if s[LEFT] == 2 else 0
                s[LEFT] = 0
    else:
        did |= BLOCKED
    if ahead < s[BANKS] or (ahead < s[BANKS] + advance and j > x):
        did |= _write(s, avail)
    return did


@_helper
def _write(s: IntArray, avail: bool) -> int:
    """The writer of a window or resampler has room for a pixel."""
    if not avail:
        return STARVED
    s[X] += 1
    if s[X] == s[WIDTH]:
        s[X] = 0
        s[AHEAD] += 1
    return FIRE


@_helper
def _resample(s: IntArray, tables: IntArray, avail: bool, space: bool) -> int:
    ahead, x = s[AHEAD], s[X]
    advance, column = tables[s[ROW_TABLE] + s[ROW]], tables[s[COLUMN_TABLE] + s[COLUMN]]
    did = 0
    if s[VALID] == 0 or space:
        if s[VALID] != 0:
            did |= PUSH
        s[VALID] = 0
        if ahead > 0 or (ahead == 0 and x > column):
            did |= MOVED
            s[VALID] = 1
            s[COLUMN] += 1
            if s[COLUMN] == s[STEPS]:
                s[COLUMN] = 0
                s[ROW] = s[ROW] + 1 if s[ROW] + 1 < s[ROWS] else 0
                s[AHEAD] -= advance
    else:
        did |= BLOCKED
    if ahead < 1 or (ahead < 1 + advance and column > x):
        did |= _write(s, avail)
    return did


@_helper
def _gather(s: IntArray, avail: bool, space: bool, early: bool) -> int:
    """Collect, and Reduce, which takes all beats but the last while its result waits (``early``)."""
    did = 0
    ready = s[VALID] == 0 or space or (early and s[N] < s[GROUP] - 1)
    if s[VALID] != 0:
        if space:
            did |= PUSH
            s[VALID] = 0
        else:
            did |= BLOCKED
    if ready:
        if avail:
            did |= FIRE
            s[N] += 1
            if s[N] == s[GROUP]:
                s[N] = 0
                s[VALID] = 1
        else:
            did |= STARVED
    return did


@_helper
def _spread(s: IntArray, avail: bool, space: bool) -> int:
    did = 0
    if s[VALID] != 0:
        if not space:
            return BLOCKED
        did = PUSH
        s[N] += 1
        if s[N] < s[GROUP]:
            return did
        s[N] = 0
        s[VALID] = 0
    if not avail:
        return did | STARVED
    s[VALID] = 1
    return did | FIRE


@_helper
def _edge(s: IntArray, tables: IntArray, t: int, ready: bool, source: bool) -> int:
    """Source or Constant, and Sink.  ``ready``: the FIFO has room (source), or a beat (sink)."""
    s[WAKE] = NEVER
    if s[REMAINING] == 0:
        return 0
    if not ready:
        return BLOCKED if source else STARVED
    if s[PATTERN_CYCLES] > 0:
        wait = tables[s[PATTERN] + t % s[PATTERN_CYCLES]]
        if wait > 0:
            s[WAKE] = min(t + wait, NEVER)
            return STARVED if source else BLOCKED
    s[REMAINING] -= 1
    return FIRE | PUSH if source else FIRE


@_helper
def _ask(s: IntArray, tables: IntArray, queue: IntArray, t: int, avail: bool, space: bool) -> int:
    """What a node does in cycle t."""
    kind = s[KIND]
    if kind == STAGE:
        return _stage(s, queue, t, avail, space)
    if kind == WIRES:
        return _wires(avail, space)
    if kind == WINDOW:
        return _window(s, tables, avail, space)
    if REDUCE <= kind <= COLLECT:
        return _gather(s, avail, space, kind == REDUCE)
    if kind == SPREAD:
        return _spread(s, avail, space)
    if kind == RESAMPLE:
        return _resample(s, tables, avail, space)
    if kind == WEIGHTED:
        return _weighted(s, tables, queue, t, avail, space)
    if kind == SINK:
        return _edge(s, tables, t, avail, False)
    return _edge(s, tables, t, space, True)


@_helper
def _account(s: IntArray, t: int) -> None:
    """Counts the cycles before t that a node slept through: each is as the last one in which it was asked."""
    gap = t - s[ASKED] - 1
    if gap <= 0:
        return
    if s[DID] & BLOCKED:
        s[HELD] += gap
        if s[KIND] == STAGE:
            s[FROZEN] += gap
            return
    if s[DID] & STARVED:
        s[LACKED] += gap
    elif s[KIND] == STAGE:
        # It may have become idle meanwhile.  (With a beat at hand it would have been woken then.)
        s[LACKED] += max(0, t - max(t - gap, s[FREE] + s[FROZEN]))


@_helper
def _push_alarm(heap: IntArray, clock: IntArray, key: int) -> None:
    at = clock[ALARMS]
    clock[ALARMS] += 1
    while at > 0 and heap[(at - 1) >> 1] > key:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = key


@_helper
def _pop_alarm(heap: IntArray, clock: IntArray) -> None:
    clock[ALARMS] -= 1
    size = clock[ALARMS]
    key, at = heap[size], 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = key


@_helper
def _sleeps(s: IntArray, heap: IntArray, clock: IntArray, t: int, key: int, nodes: int) -> bool:
    """Whether a node need not be asked in the next cycle; sets its alarm.  ``key`` is its number."""
    kind = s[KIND]
    if kind != STAGE:
        if s[DID] & (FIRE | PUSH | MOVED):
            return False
        if kind < CONSTANT:
            return True
    wake = s[WAKE]
    if wake >= NEVER:
        return not s[DID] & (FIRE | PUSH)
    if wake - t <= _NEAR or clock[ALARMS] >= len(heap):
        return False
    if s[ALARM] <= t or s[ALARM] > wake:
        s[ALARM] = wake
        _push_alarm(heap, clock, wake * nodes + key)
    return True


@_helper
def _note(s: IntArray, ends: IntArray, complete: IntArray, clock: IntArray, t: int) -> None:
    """Counts what a node did in cycle t; for a sink, notes the end of a frame."""
    did, sink = s[DID], s[KIND] == SINK
    s[FIRED] += did & FIRE
    s[HELD] += (did // BLOCKED) & 1
    s[LACKED] += (did // STARVED) & 1
    if did & PUSH or (sink and did & FIRE):
        if s[PUSHED] == 0:
            s[FIRST] = t
        s[PUSHED] += 1
        if s[PUSHED] == s[BEATS]:
            s[END] = t
        if sink and s[PUSHED] % s[BEATS] == 0:
            frame = s[PUSHED] // s[BEATS] - 1
            if frame < len(complete):
                ends[s[SINK_NUMBER], frame] = t
                complete[frame] += 1
                if complete[frame] == len(ends):
                    clock[FRAMES] += 1


@_helper
def _wake(s: IntArray, lists: IntArray, i: int, size: int) -> int:
    """Puts node i with row s on the list of the next cycle, which has ``size`` entries."""
    if s[AWAKE] != 0:
        return size
    s[AWAKE] = 1
    lists[1, size] = i
    return size + 1


@_helper
def _move(nodes: IntArray, fifos: IntArray, links: IntArray, lists: IntArray, moves: int, size: int) -> int:
    """The clock edge: beats leave FIFOs, then beats enter them; wakes whom that concerns."""
    for m in range(moves):
        s = nodes[lists[2, m]]
        if s[DID] & FIRE:
            for k in range(s[INPUTS], s[OUTPUTS]):
                fifo = fifos[links[k]]
                if fifo[COUNT] == fifo[DEPTH]:
                    size = _wake(nodes[fifo[SOURCE_NODE]], lists, fifo[SOURCE_NODE], size)
                fifo[COUNT] -= 1
    for m in range(moves):
        s = nodes[lists[2, m]]
        if s[DID] & PUSH:
            for k in range(s[OUTPUTS], s[LINKS_END]):
                fifo = fifos[links[k]]
                if fifo[COUNT] == 0:
                    size = _wake(nodes[fifo[TARGET_NODE]], lists, fifo[TARGET_NODE], size)
                fifo[COUNT] += 1
                fifo[HIGHEST] = max(fifo[HIGHEST], fifo[COUNT])
                fifo[IN_ROW] = max(fifo[IN_ROW], fifo[COUNT])
    return size


@_helper
def _record(fifos: IntArray, record: IntArray, clock: IntArray, t: int) -> None:
    """Finishes the rows of the record that end before cycle t; when all are used, merges pairs of rows."""
    while t >= clock[ROW_END]:
        for f in range(len(fifos)):
            record[clock[RECORDED], f] = fifos[f, IN_ROW]
            fifos[f, IN_ROW] = fifos[f, COUNT]
        clock[RECORDED] += 1
        if clock[RECORDED] == len(record):
            clock[RECORDED] = len(record) // 2
            clock[PERIOD] *= 2
            for r in range(clock[RECORDED]):
                for f in range(len(fifos)):
                    record[r, f] = max(record[2 * r, f], record[2 * r + 1, f])
        clock[ROW_END] += clock[PERIOD]


@_helper
def _ring(nodes: IntArray, lists: IntArray, heap: IntArray, clock: IntArray) -> None:
    """Wakes those whose alarm is due."""
    while clock[ALARMS] > 0 and heap[0] < (clock[TIME] + 1) * len(nodes):
        i = heap[0] % len(nodes)
        _pop_alarm(heap, clock)
        if nodes[i, AWAKE] == 0:
            nodes[i, AWAKE] = 1
            lists[0, clock[LISTED]] = i
            clock[LISTED] += 1


@_helper
def _able(s: IntArray, fifos: IntArray, links: IntArray) -> tuple[bool, bool]:
    """avail and space of a node."""
    avail, space = True, True
    for k in range(s[INPUTS], s[OUTPUTS]):
        if fifos[links[k], COUNT] == 0:
            avail = False
    for k in range(s[OUTPUTS], s[LINKS_END]):
        if fifos[links[k], COUNT] >= fifos[links[k], DEPTH]:
            space = False
    return avail, space


@_helper
def _need_room(s: IntArray, fifos: IntArray, links: IntArray) -> None:
    for k in range(s[OUTPUTS], s[LINKS_END]):
        fifos[links[k], ROOM] = max(fifos[links[k], ROOM], fifos[links[k], COUNT] + 1)


@_entry
def run(
    nodes: IntArray,
    fifos: IntArray,
    links: IntArray,
    tables: IntArray,
    queue: IntArray,
    lists: IntArray,
    heap: IntArray,
    clock: IntArray,
    ends: IntArray,
    complete: IntArray,
    record: IntArray,
    until: int,
) -> int:
    """Runs to cycle ``until`` (SLICE), the end of the next frame (FRAME) or a standstill (STUCK).

    ``links``: FIFOs of the inputs and then outputs of each node; ``tables``: see `layout.py`; ``queue``: of
    all stages; ``lists`` int64[3, N]: nodes awake now, those in the next cycle, and those that move;
    ``heap``: alarms, cycle * N + node; ``clock`` int64[8]; ``ends`` int64[sinks, frames]; ``complete``
    int64[frames]: sinks that have the frame; ``record`` int64[rows, F].
    """
    frames, result = clock[FRAMES], SLICE
    while clock[TIME] < until and clock[FRAMES] == frames:
        t = clock[TIME]
        if len(record) > 0:
            _record(fifos, record, clock, t)
        _ring(nodes, lists, heap, clock)
        if clock[LISTED] == 0:
            if clock[ALARMS] == 0:
                result = STUCK
                break
            clock[TIME] = min(heap[0] // len(nodes), until)
            continue
        moves, size = 0, 0
        for a in range(clock[LISTED]):
            i = lists[0, a]
            s = nodes[i]
            avail, space = _able(s, fifos, links)
            _account(s, t)
            did = _ask(s, tables, queue, t, avail, space)
            s[DID] = did
            s[ASKED] = t
            _note(s, ends, complete, clock, t)
            if did & PUSH:
                _need_room(s, fifos, links)
            if did & (FIRE | PUSH):
                lists[2, moves] = i
                moves += 1
            if _sleeps(s, heap, clock, t, i, len(nodes)):
                s[AWAKE] = 0
            else:
                lists[1, size] = i
                size += 1
        if moves > 0:
            clock[STILL] = t + 1
        size = _move(nodes, fifos, links, lists, moves, size)
        for a in range(size):
            lists[0, a] = lists[1, a]
        clock[LISTED] = size
        clock[TIME] = t + 1
    for i in range(len(nodes)):
        _account(nodes[i], clock[TIME])
        nodes[i, ASKED] = clock[TIME] - 1
    return FRAME if clock[FRAMES] != frames else result


@_helper
def _weighted_snapshot(s: IntArray, queue: IntArray, t: int, out: IntArray, at: int) -> int:
    """Writes the state of a weighted stage; returns the place after it."""
    r, now = s[QUEUE] + s[PLACES], s[FROZEN]
    out[at] = t % s[PATTERN_CYCLES] if s[PATTERN_CYCLES] > 0 else 0
    out[at + 1], out[at + 2] = s[INSIDE], max(s[FREE] - now, 0)
    at += 3
    for k in range(s[INSIDE]):
        out[at] = queue[s[QUEUE] + (s[HEAD] + k) % s[PLACES]] - now
        at += 1
    for k in range(READER):
        if k != OLDEST:
            out[at] = queue[r + k]
            at += 1
    for k in range(queue[r + ASKED_FOR] - queue[r + LENGTH] * queue[r + ASKS]):
        out[at] = max(queue[r + READER + (queue[r + OLDEST] + k) % s[RING]] - t, 0)
        at += 1
    return at


@_entry
def snapshot(nodes: IntArray, fifos: IntArray, queue: IntArray, clock: IntArray, out: IntArray) -> None:
    """Writes into ``out`` all on which the future depends, counted from now.

    ``out`` is int64[8 * N + F + queue].  Two equal snapshots: the run repeats what it did between them.
    """
    at = 0
    for i in range(len(nodes)):
        s = nodes[i]
        if s[KIND] == STAGE:
            now = clock[TIME] - s[FROZEN]
            out[at] = s[INSIDE]
            out[at + 1] = max(s[FREE] - now, 0)
            at += 2
            for k in range(s[INSIDE]):
                out[at] = queue[s[QUEUE] + (s[HEAD] + k) % s[PLACES]] - now
                at += 1
        elif s[KIND] == WEIGHTED:
            at = _weighted_snapshot(s, queue, clock[TIME], out, at)
        elif s[KIND] >= CONSTANT:
            out[at] = clock[TIME] % s[PATTERN_CYCLES] if s[PATTERN_CYCLES] > 0 else 0
            out[at + 1] = s[PUSHED] - clock[FRAMES] * s[BEATS] if s[KIND] == SINK else 0
            at += 2
        else:
            for k in range(FIRST_REGISTER, VALID + 1):
                out[at] = s[k]
                at += 1
    for f in range(len(fifos)):
        out[at] = fifos[f, COUNT]
        at += 1
    for k in range(at, len(out)):
        out[k] = 0
