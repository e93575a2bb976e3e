"""lower-dense: products with constant matrices become layers with a strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.fixed import Format
from netloom.core.precision import check_pattern, entries, matches
from netloom.ir.attributes import ArrayAttr, fixed_tensor, shape_of
from netloom.ir.fx import ConstantOp
from netloom.ir.nn import AddOp, ConcatOp, DenseOp, GatherOp, MatMulOp, ReshapeOp, TransposeOp
from netloom.ir.program import erase_unused, main, program_ops
from netloom.passes.requantize import fixed_constant
from netloom.passes.rewriting import Builder

STRATEGIES = ("adder_graph", "latency", "resource", "auto")


@dataclass(frozen=True)
class LowerDense(ModulePass):
    """x @ W (+ b) with constant W becomes nn.dense; W @ x becomes its transposed form.

    Products of groups of channels become one layer with a block-diagonal matrix (`adder_graph`, where zeros
    cost nothing), a layer for each group (`resource`), or stay a product, which is a multiplier for each
    weight (`latency`).

    Options:
        strategy: `adder_graph` (shifts and additions), `latency` (multipliers) or `resource` (shared
            multipliers, see set-reuse-factors), for all layers, or `adder_graph; fc1*=latency`: later
            entries win.
    """

    name: ClassVar[str] = "lower-dense"
    strategy: str = "adder_graph"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Products first, then the bias that follows each."""
        function = main(op)
        products = [c for c in program_ops(function) if isinstance(c, MatMulOp) and c.is_fixed]
        layers = [c for c in products if constant_matrix(c.rhs) or constant_matrix(c.lhs)]
        groups = [c for c in products if c not in layers and is_grouped(c)]
        choose = self.chooser([layer.origin_name for layer in (*layers, *groups)])
        for layer in layers:
            lower_product(layer, choose(layer.origin_name))
        for layer in groups:
            lower_groups(layer, choose(layer.origin_name))
        for candidate in program_ops(function):
            if isinstance(candidate, AddOp) and candidate.is_fixed:
                lower_bias(candidate)
        erase_unused(function)

    def chooser(self, names: list[str]) -> Chooser:
        """The strategy of each layer.

        Raises:
            CompileError: NL203 for an unknown strategy, NL202 for a pattern that matches nothing.
        """
        found: list[tuple[str, str]] = []
        for pattern, strategy in entries(self.strategy):
            if strategy not in STRATEGIES:
                raise CompileError(
                    "NL203",
                    f"unknown strategy '{strategy}'",
                    origin=pattern or "strategy",
                    supported=", ".join(STRATEGIES),
                    hint=suggestion(strategy, (*STRATEGIES, "memory")),  # that of trees
                )
            if pattern is not None:
                check_pattern(pattern, sorted(set(names)))
            found.append(("*" if pattern is None else pattern, strategy))
        return Chooser(tuple(found))


@dataclass(frozen=True)
class Chooser:
    """Strategy by layer name; the last matching entry wins."""

    entries: tuple[tuple[str, str], ...]

    def __call__(self, name: str) -> str:
        """The strategy of the layer `name`."""
        matching = [strategy for pattern, strategy in self.entries if matches(name, pattern)]
        return matching[-1] if matching else STRATEGIES[0]


def constant_matrix(value: SSAValue) -> bool:
    """Whether a value is one constant matrix (leading axes of size 1 allowed)."""
    shape = shape_of(value.type)
    return isinstance(value.owner, ConstantOp) and int(np.prod(shape[:-2])) == 1


def lower_product(op: MatMulOp, strategy: str) -> None:
    """x @ W directly; W @ x as transpose(transpose(x) @ transpose(W))."""
    build = Builder(op)
    if constant_matrix(op.rhs):
        result = dense(build, op.lhs, op.rhs, strategy, op.result_format)
        build.finish(reshape(build, result, op.result_shape))
        return
    weight = op.lhs.owner
    assert isinstance(weight, ConstantOp)
    matrix = weight.value.ints().reshape(shape_of(op.lhs.type)[-2:])
    flipped = build.fixed(matrix.T.copy(), weight.result_format)
    result = dense(build, swapped(build, op.rhs), flipped, strategy, op.result_format)
    build.finish(reshape(build, swapped(build, result), op.result_shape))


def dense(build: Builder, x: SSAValue, weight: SSAValue, strategy: str, number_format: Format) -> SSAValue:
    """The layer without a bias; `number_format` may be narrower than the rule's."""
    owner = weight.owner
    assert isinstance(owner, ConstantOp)
    if len(shape_of(weight.type)) > 2:
        matrix = owner.value.ints().reshape(shape_of(weight.type)[-2:])
        weight = build.fixed(matrix, owner.result_format)
    shape = (*shape_of(x.type)[:-1], shape_of(weight.type)[-1])
    result = fixed_tensor(shape, number_format)
    return build.op(DenseOp, [x, weight], strategy=StringAttr(strategy), result=result)


def reshape(build: Builder, value: SSAValue, shape: tuple[int, ...]) -> SSAValue:
    """`value` in another shape."""
    if shape_of(value.type) == shape:
        return value
    return build.op(ReshapeOp, [value], shape=ArrayAttr.of(np.array(shape, dtype=np.int64)))


def swapped(build: Builder, value: SSAValue) -> SSAValue:
    """The last two axes exchanged."""
    rank = len(shape_of(value.type))
    order = np.array([*range(rank - 2), rank - 1, rank - 2])
    return build.op(TransposeOp, [value], permutation=ArrayAttr.of(order))


def is_grouped(op: MatMulOp) -> bool:
    """Whether a product is one row of each of several groups times a constant matrix for each group."""
    left, right = op.operand_shapes
    constant = isinstance(op.rhs.owner, ConstantOp) and len(right) == 3 and len(left) > 3
    return constant and right[0] > 1 and left[-3:-1] == (right[0], 1)


def lower_groups(op: MatMulOp, strategy: str) -> None:
    """[..., G, 1, K] @ [G, K, N]: a matrix with the groups along its diagonal, or a layer for each group.

    Shift-add networks pay nothing for zeros, so they get the one matrix. Shared multipliers would spend
    cycles on zeros, so there each group is a layer. Of strategy `latency` the product stays as it is: that is
    a multiplier for each weight.
    """
    if strategy == "latency":
        return
    build = Builder(op)
    result = separate_groups(build, op) if strategy == "resource" else diagonal_groups(build, op)
    build.finish(reshape(build, result, op.result_shape))


def diagonal_groups(build: Builder, op: MatMulOp) -> SSAValue:
    """One layer [..., G * K] to [..., G * N], its rows in the order that the elements have already."""
    weight = op.rhs.owner
    assert isinstance(weight, ConstantOp)
    groups, inputs, outputs = shape_of(op.rhs.type)
    matrix = np.zeros((groups * inputs, groups * outputs), dtype=np.int64)
    for group, block in enumerate(weight.value.ints()):
        rows, columns = (
            slice(group * inputs, (group + 1) * inputs),
            slice(group * outputs, (group + 1) * outputs),
        )
        matrix[rows, columns] = block
    axes = len(op.result_shape) - 3
    source, places = unmoved(op.lhs, axes)
    rearranged = np.zeros_like(matrix)
    rearranged[places] = matrix
    x = reshape(build, source, (*shape_of(source.type)[:axes], groups * inputs))
    constant = build.fixed(rearranged, weight.result_format)
    return dense(build, x, constant, "adder_graph", op.result_format)


def unmoved(value: SSAValue, axes: int) -> tuple[SSAValue, NDArray[np.int64]]:
    """What a value was before wiring within its rows, and where each element of a row comes from.

    Rows are the first `axes` axes.
    """
    chain: list[ReshapeOp | TransposeOp] = []
    rows = shape_of(value.type)[:axes]
    while isinstance(value.owner, ReshapeOp | TransposeOp):
        op = value.owner
        turned = isinstance(op, TransposeOp) and op.order[:axes] != tuple(range(axes))
        if turned or op.operand_shapes[0][:axes] != rows:
            break
        chain.append(op)
        value = op.input
    rest = shape_of(value.type)[axes:]
    places = np.arange(int(np.prod(rest)), dtype=np.int64).reshape(rest)
    for op in reversed(chain):
        if isinstance(op, TransposeOp):
            places = places.transpose([axis - axes for axis in op.order[axes:]])
        else:
            places = places.reshape(op.result_shape[axes:])
    return value, places.reshape(-1)


def separate_groups(build: Builder, op: MatMulOp) -> SSAValue:
    """A layer for each group, side by side."""
    weight = op.rhs.owner
    assert isinstance(weight, ConstantOp)
    shape, results = shape_of(op.lhs.type), []
    for group, matrix in enumerate(weight.value.ints()):
        index = IntegerAttr(len(shape) - 3, 64)
        x = build.op(GatherOp, [op.lhs], indices=ArrayAttr.of(np.array([group])), axis=index)
        rows = reshape(build, x, (*shape[:-3], shape[-1]))
        results.append(
            dense(build, rows, build.fixed(matrix, weight.result_format), "resource", op.result_format)
        )
    return build.op(ConcatOp, results, axis=IntegerAttr(len(shape) - 3, 64))


def lower_bias(op: AddOp) -> None:
    """dense(x) + b becomes dense(x, b) when b is one number per output, exact at the product."""
    for value, other in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
        layer, constant = value.owner, other.owner
        if not isinstance(layer, DenseOp) or not isinstance(constant, ConstantOp):
            continue
        outputs = layer.result_shape[-1]
        shift = layer.fraction_rule() - constant.result_format.fraction
        shape = shape_of(other.type)
        per_output = int(np.prod(shape)) in (1, shape[-1] if shape else 1)
        fits = per_output and op.result_shape == layer.result_shape
        if layer.bias is None and value.has_one_use() and shift >= 0 and fits:
            bias = np.broadcast_to(constant.value.ints().reshape(-1) << shift, (outputs,))
            fuse(op, layer, bias.copy())
            return


def fuse(op: AddOp, layer: DenseOp, bias: NDArray[np.int64]) -> None:
    """Put the layer with its bias in place of the sum, under the layer's name."""
    constant = fixed_constant(Builder(op), bias, layer.fraction_rule())
    build = Builder(op, layer)
    operands = [layer.input, layer.weight, constant]
    build.finish(build.op(DenseOp, operands, strategy=layer.strategy, result=op.result.type))
