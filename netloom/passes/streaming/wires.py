"""What moving elements means for streams: wires within a beat, picking beats again, or a whole frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import IntegerAttr

from netloom.ir.attributes import ArrayAttr
from netloom.ir.base import NetloomOp, Shape
from netloom.passes.streaming.plan import Ints, Plan, Token, Wires, axes_for, beats_of


def repacked(plan: Plan, token: Token, shape: Shape, axes: int, op: NetloomOp) -> Token:
    """The same elements in row-major order, in the beats of `shape` with `axes` axes."""
    if token.shape == shape and token.axes == axes:
        return token
    before, after = token.beats, beats_of(shape, axes)
    result = Token(shape, token.format, axes)
    if before == after:
        return plan.add("wires", [token], result, op)
    if max(before, after) % min(before, after):
        whole = axes_for(token.shape, 1)
        collected = Token(token.shape, token.format, 0 if whole is None else whole)
        token = plan.add("flow.repack", [token], collected, op)
    return plan.add("flow.repack", [token], result, op)


def whole(plan: Plan, token: Token, op: NetloomOp) -> Token:
    """The token with the frame in one beat."""
    axes = axes_for(token.shape, 1)
    return repacked(plan, token, token.shape, 0 if axes is None else axes, op)


def materialised(plan: Plan, wires: Wires) -> Token:
    """A token for moved elements: the cheapest way that the movement allows."""
    return (
        _within_beats(plan, wires)
        or _counted_again(plan, wires)
        or _picked_beats(plan, wires)
        or _within_frame(plan, wires)
    )


def _counted_again(plan: Plan, wires: Wires) -> Token | None:
    """The same elements in the same order, in beats of the last axis."""
    beats = beats_of(wires.shape, last := max(len(wires.shape) - 1, 0))
    if not wires.keeps_order or max(beats, wires.root.beats) % min(beats, wires.root.beats):
        return None
    return repacked(plan, wires.root, wires.shape, last, wires.op)


def _within_beats(plan: Plan, wires: Wires) -> Token | None:
    """Every beat is made of the beat of the same number, always in the same way."""
    root = wires.root
    axes = axes_for(wires.shape, root.beats)
    if axes is None:
        return None
    if wires.moved is None:
        return _wired(plan, root, wires, axes, np.arange(root.elements))
    source = wires.moved.reshape(root.beats, -1)
    picked = source - np.arange(root.beats)[:, None] * root.elements
    if np.any(picked != picked[0]) or picked[0].min() < 0 or picked[0].max() >= root.elements:
        return None
    return _wired(plan, root, wires, axes, picked[0])


def _wired(plan: Plan, token: Token, wires: Wires, axes: int, picked: Ints) -> Token:
    same = len(picked) == token.elements and np.array_equal(picked, np.arange(len(picked)))
    if same and token.shape == wires.shape and token.axes == axes and token.format == wires.format:
        return token
    result = Token(wires.shape, wires.format, axes)
    return plan.add("wires", [token], result, wires.op, picked=None if same else picked)


@dataclass(frozen=True)
class Grid:
    """A table over output rows and columns as the sum of one over rows and one over columns."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @staticmethod
    def split(table: Ints) -> Grid | None:
        """From a table [rows, columns], when it is such a sum."""
        columns = table[0] - table[0, 0]
        rows = table[:, 0]
        if not np.array_equal(table, np.add.outer(rows, columns)):
            return None
        low = int(columns.min())
        return Grid(tuple((rows + low).tolist()), tuple((columns - low).tolist()))

    @property
    def rises(self) -> bool:
        """Whether neither table ever decreases."""
        return list(self.rows) == sorted(self.rows) and list(self.columns) == sorted(self.columns)


def image_of(shape: Shape, axes: int) -> tuple[int, int]:
    """Rows and columns of the beats."""
    beats = beats_of(shape, axes)
    columns = shape[axes - 1] if axes > 1 else 1
    return beats // columns, columns


def _picked_beats(plan: Plan, wires: Wires) -> Token | None:
    """Every beat is one beat of the root, or one of its equal parts, and they come in order."""
    root, last = wires.root, len(wires.shape) - 1
    if last < 1:
        return None
    count = beats_of(wires.shape, last)
    source = wires.source.reshape(count, -1)
    beat, within = source // root.elements, source % root.elements
    if np.any(beat != beat[:, :1]):
        return None
    patterns, part = np.unique(within, axis=0, return_inverse=True)
    arranged = _arranged(root, patterns, part.reshape(-1))
    if arranged is None:
        return None
    picked, parts = arranged
    shape = image_of(wires.shape, last)
    height, width = image_of(root.shape, root.axes)
    rows = Grid.split((beat[:, 0] // width).reshape(shape))
    columns = Grid.split((beat[:, 0] % width).reshape(shape))
    offsets = Grid.split(part.reshape(shape).astype(np.int64))
    if rows is None or columns is None or offsets is None:
        return None
    if any(rows.columns) or len(set(columns.rows)) > 1 or not Grid(rows.rows, columns.columns).rises:
        return None
    wide = tuple(column + columns.rows[0] for column in columns.columns)
    ready = root
    if picked is not None:
        ready = Token((*root.shape[: root.axes], len(picked)), root.format, root.axes)
        plan.add("wires", [root], ready, wires.op, picked=picked)
    properties = {
        "height": IntegerAttr(height, 64),
        "rows": ArrayAttr.of(np.array(rows.rows)),
        "columns": ArrayAttr.of(np.array(wide)),
        "parts": IntegerAttr(parts, 64),
        "row_parts": ArrayAttr.of(np.array(offsets.rows)),
        "column_parts": ArrayAttr.of(np.array(offsets.columns)),
    }
    result = Token(wires.shape, root.format, last)
    plan.add("flow.resample", [ready], result, wires.op, properties=properties)
    return _wired(plan, result, wires, last, np.arange(result.elements))


def _arranged(root: Token, patterns: Ints, part: Ints) -> tuple[Ints | None, int] | None:
    """How a beat is rearranged so that the wanted patterns are its equal parts, in order of first use.

    `part` is renumbered in place.
    """
    order = list(dict.fromkeys(part.tolist()))
    number = np.empty(len(order), dtype=part.dtype)
    number[order] = np.arange(len(order))
    part[:] = number[part]
    picked = patterns[order].reshape(-1)
    if len(picked) == root.elements and np.array_equal(picked, np.arange(len(picked))):
        return None, len(order)
    if len(picked) > root.elements:
        return None
    return picked, len(order)


def _within_frame(plan: Plan, wires: Wires) -> Token:
    """Anything: the frame is collected into one beat."""
    token = whole(plan, wires.root, wires.op)
    axes = axes_for(wires.shape, 1)
    return _wired(plan, token, wires, 0 if axes is None else axes, wires.source)


def repeated(plan: Plan, token: Token, shape: Shape, axes: int, op: NetloomOp) -> Token:
    """A single beat, once for every beat of `shape`."""
    rows, columns = image_of(shape, axes)
    properties = {
        "height": IntegerAttr(1, 64),
        "rows": ArrayAttr.of(np.zeros(rows, dtype=np.int64)),
        "columns": ArrayAttr.of(np.zeros(columns, dtype=np.int64)),
        "parts": IntegerAttr(1, 64),
        "row_parts": ArrayAttr.of(np.zeros(rows, dtype=np.int64)),
        "column_parts": ArrayAttr.of(np.zeros(columns, dtype=np.int64)),
    }
    assert math.prod(shape[axes:]) == token.elements
    result = Token(shape, token.format, axes)
    return plan.add("flow.resample", [token], result, op, properties=properties)
