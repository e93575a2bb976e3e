"""`nn.reduce`, `nn.argmax` and `nn.hardmax`: trees of two-input operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from netloom.ir.interval import Ints
from netloom.ir.nn import ArgMaxOp, HardmaxOp, ReduceOp
from netloom_circt.circuit import Bits, constant, literal
from netloom_circt.layers.body import Body

Node = TypeVar("Node")


def leaves(op: ReduceOp | ArgMaxOp | HardmaxOp, axes: Sequence[int]) -> Ints:
    """Element numbers [results, leaves]: the operand's elements that meet in each result."""
    shape = op.operand_shapes[0]
    positions = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    count = int(np.prod([shape[axis] for axis in axes], dtype=np.int64))
    return positions.transpose(*kept, *axes).reshape(-1, count)


def tree(nodes: list[Node], merge: Callable[[Node, Node, int], Node]) -> Node:
    """Neighbours meet, level by level; an odd last one goes on alone."""
    level = 0
    while len(nodes) > 1:
        pairs = zip(nodes[::2], nodes[1::2], strict=False)
        nodes = [merge(a, b, level) for a, b in pairs] + nodes[len(nodes) // 2 * 2 :]
        level += 1
    return nodes[0]


def reduce(body: Body) -> list[Bits]:
    """Sum, maximum or minimum over axes."""
    op, circuit = body.op, body.circuit
    assert isinstance(op, ReduceOp)

    def merge(a: Bits, b: Bits, level: int) -> Bits:
        stage = body.stages[level]
        a, b = (circuit.at(x, stage, f"level_{level}") for x in (a, b))
        if op.kind.data == "sum":
            return circuit.add(a, b, max(a.signed_width, b.signed_width) + 1)
        return circuit.choose(circuit.compare(a, ">" if op.kind.data == "max" else "<", b), a, b)

    return [tree([body.element(0, place) for place in row], merge) for row in leaves(op, op.positive_axes)]


Candidate = tuple[Bits, Bits]
"""A value and its index."""


def winners(body: Body, axis: int) -> tuple[Ints, list[Bits]]:
    """The leaves of every result, and the index of the first largest of them."""
    op, circuit = body.op, body.circuit
    assert isinstance(op, ArgMaxOp | HardmaxOp)
    rows = leaves(op, (axis,))
    size = max((rows.shape[1] - 1).bit_length(), 1)

    def merge(a: Candidate, b: Candidate, level: int) -> Candidate:
        stage = body.stages[level]
        a, b = (
            (circuit.at(x, stage, f"value_{level}"), circuit.at(index, stage, f"index_{level}"))
            for x, index in (a, b)
        )
        # The later one wins only when it is larger.
        later = circuit.compare(b[0], ">", a[0])
        return circuit.choose(later, b[0], a[0]), circuit.choose(later, b[1], a[1])

    indices = [constant(k, size) for k in range(rows.shape[1])]
    return rows, [
        tree(list(zip((body.element(0, place) for place in row), indices, strict=True)), merge)[1]
        for row in rows.tolist()
    ]


def argmax(body: Body) -> list[Bits]:
    """Index of the first largest element along an axis."""
    assert isinstance(body.op, ArgMaxOp)
    return winners(body, body.op.positive_axis)[1]


def hardmax(body: Body) -> list[Bits]:
    """One at the first largest element along an axis, zero elsewhere."""
    assert isinstance(body.op, HardmaxOp)
    rows, indices = winners(body, body.op.positive_axis)
    found = [literal(0)] * rows.size
    for row, index in zip(rows.tolist(), indices, strict=True):
        late = body.circuit.at(index, body.stages[-1], "winner")
        for k, place in enumerate(row):
            found[place] = body.circuit.compare(late, "==", literal(k))
    return found
