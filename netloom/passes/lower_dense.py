"""lower-dense: products with constant matrices become layers with a strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.fixed import Format
from netloom.core.precision import check_pattern, matches
from netloom.ir.attributes import ArrayAttr, fixed_tensor, shape_of
from netloom.ir.fx import ConstantOp
from netloom.ir.nn import AddOp, DenseOp, MatMulOp, ReshapeOp, TransposeOp
from netloom.ir.program import erase_unused, main, program_ops
from netloom.passes.requantize import fixed_constant
from netloom.passes.rewriting import Builder

STRATEGIES = ("adder_graph", "latency", "resource", "auto")


@dataclass(frozen=True)
class LowerDense(ModulePass):
    """x @ W (+ b) with constant W becomes nn.dense; W @ x becomes its transposed form.

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
        choose = self.chooser([layer.origin_name for layer in layers])
        for layer in layers:
            lower_product(layer, choose(layer.origin_name))
        for candidate in program_ops(function):
            if isinstance(candidate, AddOp) and candidate.is_fixed:
                lower_bias(candidate)
        erase_unused(function)

    def chooser(self, names: list[str]) -> Chooser:
        """The strategy of each layer.

        Raises:
            CompileError: NL203 for an unknown strategy, NL202 for a pattern that matches nothing.
        """
        entries: list[tuple[str, str]] = []
        for part in filter(None, (text.strip() for text in self.strategy.split(";"))):
            pattern, equals, strategy = part.rpartition("=")
            if strategy not in STRATEGIES:
                raise CompileError(
                    "NL203",
                    f"unknown strategy '{strategy}'",
                    origin=pattern or "strategy",
                    supported=", ".join(STRATEGIES),
                    hint=suggestion(strategy, STRATEGIES),
                )
            if equals:
                check_pattern(pattern, sorted(set(names)))
            entries.append((pattern if equals else "*", strategy))
        return Chooser(tuple(entries))


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


def dense(
    build: Builder, x: SSAValue, weight: SSAValue, strategy: str, number_format: Format
) -> SSAValue:
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
