"""Einsum of two operands, as one matrix product between transposes and reshapes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from netloom.frontends.onnx.importer import Converter, NodeContext
from netloom.frontends.onnx.ops.linear import reduced, reshaped
from netloom.ir.attributes import ArrayAttr, shape_of
from netloom.ir.nn import MatMulOp, TransposeOp

SUPPORTED = "equations of two operands, without ellipsis and without an index twice in one operand"


def einsum(node: NodeContext) -> list[SSAValue]:
    """The product over all indices, summed over those that the result does not have."""
    left, right, result = parsed(node)
    sizes = index_sizes(node, (left, right))
    a, left = summed(node, node.operand(0), left, right + result)
    b, right = summed(node, node.operand(1), right, left + result)
    shared = [index for index in left if index in right]
    batch = [index for index in result if index in shared]
    inner = [index for index in shared if index not in result]
    rows = [index for index in left if index not in shared]
    columns = [index for index in right if index not in shared]
    leading = [sizes[index] for index in batch]
    m, k, n = (math.prod(sizes[index] for index in part) for part in (rows, inner, columns))
    a = reshaped(node, ordered(node, a, left, [*batch, *rows, *inner]), (*leading, m, k))
    b = reshaped(node, ordered(node, b, right, [*batch, *inner, *columns]), (*leading, k, n))
    found = [*batch, *rows, *columns]
    y = reshaped(node, node.emit(MatMulOp, [a, b]), tuple(sizes[index] for index in found))
    return [ordered(node, y, found, result)]


def parsed(node: NodeContext) -> tuple[str, str, str]:
    """The indices of both operands and of the result.

    Raises:
        CompileError: NL104 for an equation that is not supported.
    """
    equation = "".join(str(node.attribute("equation", "")).split())
    terms, arrow, result = equation.partition("->")
    operands = terms.split(",")
    if not arrow:
        once = [index for index in sorted(set(terms)) if terms.count(index) == 1]
        result = "".join(index for index in once if index != ",")
    indices = "".join(operands)
    supported = (
        len(operands) == len(node.node.input) == 2
        and (indices.isalpha() or not indices)
        and all(len(set(part)) == len(part) for part in (*operands, result))
        and set(result) <= set(indices)
    )
    if not supported:
        raise node.refuse(f"equation '{equation}'", SUPPORTED)
    return operands[0], operands[1], result


def index_sizes(node: NodeContext, operands: Sequence[str]) -> dict[str, int]:
    """Size of each index.

    Raises:
        CompileError: NL104 when the operands' shapes do not fit the equation.
    """
    sizes: dict[str, int] = {}
    for position, indices in enumerate(operands):
        shape = node.shape(position)
        fits = len(shape) == len(indices)
        if not fits or any(sizes.setdefault(i, size) != size for i, size in zip(indices, shape, strict=True)):
            raise node.refuse(f"operand '{indices}' of shape {shape}", "shapes that fit the equation")
    return sizes


def summed(node: NodeContext, x: SSAValue, indices: str, needed: str) -> tuple[SSAValue, str]:
    """The operand summed over indices that nothing else has, and the indices that remain."""
    alone = [axis for axis, index in enumerate(indices) if index not in needed]
    if not alone:
        return x, indices
    rest = "".join(index for index in indices if index in needed)
    return reduced(node, x, "sum", alone, keep=False), rest


def ordered(node: NodeContext, x: SSAValue, indices: Sequence[str], wanted: Sequence[str]) -> SSAValue:
    """x with its axes in another order; x itself when they are in order."""
    order = [list(indices).index(index) for index in wanted]
    if order == sorted(order) or not shape_of(x.type):
        return x
    return node.emit(TransposeOp, [x], permutation=ArrayAttr.of(np.array(order, dtype=np.int64)))


CONVERTERS: dict[str, Converter] = {"Einsum": Converter(einsum, frozenset({"equation"}))}
