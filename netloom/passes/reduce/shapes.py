"""The step that makes tensors smaller: one size is halved wherever it occurs in the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute
from xdsl.rewriter import Rewriter

from netloom.ir.attributes import ArrayAttr, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp
from netloom.ir.program import main, program_ops, refresh_type
from netloom.passes.reduce.case import Case

BATCH = 1
"""A size that is never changed."""


def sizes(case: Case) -> list[int]:
    """All sizes of axes that can become smaller, the largest first."""
    return sorted({size for shape in case.shapes for size in shape if size > BATCH}, reverse=True)


def halving_sizes(case: Case, start: int, stop: int, values: Mapping[int, NDArray[Any]]) -> Case | None:
    """Halve one size; the verifiers say whether every op allows it."""
    if stop - start != 1:
        return None
    old = sizes(case)[start]
    candidate = replace(case, module=case.module.clone())
    function = main(candidate.module)
    for argument in function.body.block.args:
        Rewriter.replace_value_with_new_type(argument, halved_type(argument.type, old))
    for op in program_ops(function):
        halve_op(op, old)
    refresh_type(function)
    if case.samples is None:
        return candidate
    # Axis 0 counts samples.
    samples = {name: halved(array, old, first_axis=1) for name, array in case.samples.items()}
    return replace(candidate, samples=samples)


def halve_op(op: NetloomOp, old: int) -> None:
    """Cut the arrays of an op, and give its result the shape that follows."""
    for name, value in op.properties.items():
        if isinstance(value, ArrayAttr):
            op.properties[name] = ArrayAttr.of(halved(value.values, old))
    result = op.results[0]
    if isinstance(op, ConstantOp):
        Rewriter.replace_value_with_new_type(result, halved_type(result.type, old))
    else:
        Rewriter.replace_value_with_new_type(result, with_shape(result.type, op.shape_rule()))


def halved(array: NDArray[Any], old: int, first_axis: int = 0) -> NDArray[Any]:
    """The first half along every axis of one size."""
    cut = [
        slice(old // 2 if axis >= first_axis and size == old else None)
        for axis, size in enumerate(array.shape)
    ]
    return array[tuple(cut)]


def halved_type(type_: Attribute, old: int) -> Attribute:
    """A tensor type with one size halved."""
    return with_shape(type_, tuple(old // 2 if size == old else size for size in shape_of(type_)))


def with_shape(type_: Attribute, shape: tuple[int, ...]) -> Attribute:
    """A tensor type of the same elements in another shape."""
    assert isinstance(type_, TensorType)
    return TensorType(type_.element_type, shape)
