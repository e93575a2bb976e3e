"""`nn.matmul` and `nn.dense`: a multiplier for each product, and adder trees."""

from __future__ import annotations

import numpy as np

from netloom.core.diagnostics import CompileError
from netloom.ir.interval import Ints
from netloom.ir.nn import DenseOp, MatMulOp
from netloom_circt.circuit import Bits
from netloom_circt.layers.body import Body, elements
from netloom_circt.layers.trees import tree

MAX_PRODUCTS = 1 << 17
"""Every product is logic of its own in the text: beyond this, Verilator and synthesis take hours."""


def first_terms(op: MatMulOp | DenseOp) -> tuple[Ints, Ints]:
    """Element numbers, for every result, of each operand's first term."""
    left_shape, right_shape = op.operand_shapes[:2]
    left = np.arange(elements(op.operands[0]), dtype=np.int64).reshape(left_shape)[..., :1]
    right = np.arange(elements(op.operands[1]), dtype=np.int64).reshape(right_shape)[..., :1, :]
    if isinstance(op, DenseOp):
        right = right[0]
    shape = op.result_shape
    return np.broadcast_to(left, shape).reshape(-1), np.broadcast_to(right, shape).reshape(-1)


def products(body: Body) -> list[Bits]:
    """Multiply, add in a tree, add the bias; registers stand where the schedule puts them."""
    op, circuit, stages = body.op, body.circuit, body.stages
    assert isinstance(op, MatMulOp | DenseOp)
    terms, stride = op.operand_shapes[0][-1], op.operand_shapes[1][-1]
    left, right = (starts.tolist() for starts in first_terms(op))
    if len(left) * terms > MAX_PRODUCTS:
        raise CompileError(
            "NL308",
            f"{op.name} has {len(left) * terms} products",
            origin=op.origin_name,
            supported=f"up to {MAX_PRODUCTS} products in one layer",
            hint="use the backend vhdl, whose text has loops",
        )

    def merge(a: Bits, b: Bits, level: int) -> Bits:
        a, b = (circuit.at(x, stages[level + 1], f"sum_{level}") for x in (a, b))
        return circuit.add(a, b, min(max(a.signed_width, b.signed_width) + 1, body.width))

    def result(number: int) -> Bits:
        found: list[Bits] = []
        for k in range(terms):
            a, b = body.element(0, left[number] + k), body.element(1, right[number] + k * stride)
            found.append(circuit.multiply(a, b, min(a.signed_width + b.signed_width, body.width)))
        total = tree(found, merge)
        if len(op.operands) < 3:
            return total
        bias = body.element(2, number % stride)
        return circuit.add(circuit.at(total, stages[-1], "total"), bias, body.width)

    return [result(number) for number in range(len(left))]
