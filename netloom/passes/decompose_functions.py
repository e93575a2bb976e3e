"""decompose-functions: softmax, layer normalisation and others as compositions of simple ops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr as ListAttr
from xdsl.dialects.builtin import BoolAttr, FloatAttr, IntegerAttr, ModuleOp, StringAttr, UnitAttr, f64
from xdsl.dialects.func import ReturnOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from netloom.ir.attributes import ArrayAttr
from netloom.ir.base import NetloomOp
from netloom.ir.functions import NEAR_RECTIFIERS
from netloom.ir.nn import (
    AddOp,
    ConcatOp,
    DivOp,
    FunctionOp,
    LayerNormOp,
    MulOp,
    QuantOp,
    ReduceOp,
    ReluOp,
    SliceOp,
    SoftmaxOp,
    SubOp,
    UnaryWiringOp,
)
from netloom.ir.program import add_note, main, program_ops, replace
from netloom.ir.tree import EnsembleOp
from netloom.passes.analysis.chains import constant_value, ends_in_quantizer, is_constant
from netloom.passes.rewriting import Builder
from netloom.passes.tree_links import KEEPS_ORDER

SOFTMAX_PRECISION = "ufixed<18,1,RND_CONV,SAT>"
"""What a softmax hands on when nothing was chosen: 17 fraction bits, and 1 itself."""


@dataclass(frozen=True)
class DecomposeFunctions(ModulePass):
    """Compositions whose every part has an exact meaning once formats are chosen.

    softmax(x) = e * (1 / sum(e)) with e = exp(-(max - x)); layer normalisation through the
    reciprocal square root of the variance; GELU and its kin as max(x, 0) plus a bounded function;
    x / y as x * (1 / y).

    Options:
        cut_final_softmax: hand the softmax's input to the output instead (same largest class).
    """

    name: ClassVar[str] = "decompose-functions"
    cut_final_softmax: bool = False

    @property
    def rounds(self) -> bool:
        """Cutting the softmax changes the output by the user's choice."""
        return self.cut_final_softmax

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite in program order."""
        for candidate in program_ops(main(op)):
            if isinstance(candidate, SoftmaxOp):
                if self.cut_final_softmax and feeds_output(candidate.result):
                    add_note(op, candidate.origin_name, "final softmax cut: outputs are its inputs")
                    replace(candidate, candidate.input)
                elif is_two_class(candidate):
                    two_classes(candidate)
                else:
                    softmax(candidate)
            elif is_link(candidate):
                if self.cut_final_softmax and feeds_output(candidate.results[0]):
                    add_note(op, candidate.origin_name, "final function cut: outputs are scores")
                    replace(candidate, candidate.operands[0])
                else:
                    in_order(candidate.results[0])
            elif isinstance(candidate, LayerNormOp):
                layer_norm(candidate)
            elif isinstance(candidate, DivOp) and not is_parameter(candidate.rhs):
                quotient(candidate)
            elif isinstance(candidate, FunctionOp) and is_split(candidate):
                near_rectifier(candidate)


def is_score(value: SSAValue) -> bool:
    """Whether a value is the result of an ensemble of trees, perhaps times a constant."""
    source = value.owner
    if isinstance(source, MulOp) and is_parameter(source.rhs):
        source = source.lhs.owner
    return isinstance(source, EnsembleOp)


def is_link(op: NetloomOp) -> bool:
    """Whether an op takes the scores of an ensemble of trees to predictions."""
    return isinstance(op, FunctionOp) and is_score(op.input)


def in_order(value: SSAValue) -> SSAValue:
    """Mark a function whose table must keep the order of scores (see `netloom.passes.tree_links`)."""
    owner = value.owner
    if isinstance(owner, NetloomOp):
        owner.attributes[KEEPS_ORDER] = UnitAttr()
    return value


def is_two_class(op: SoftmaxOp) -> bool:
    """Whether the first of two scores of an ensemble of trees is zero."""
    trees = op.input.owner
    if not isinstance(trees, EnsembleOp) or trees.ensemble.n_outputs != 2:
        return False
    first = trees.ensemble.leaves[:, 0], trees.ensemble.base[0]
    return op.positive_axis == len(op.result_shape) - 1 and not np.any(first[0]) and not first[1]


def two_classes(op: SoftmaxOp) -> None:
    """softmax(0, s) = (1 - p, p) with p = sigmoid(s): one table instead of two."""
    build = Builder(op)
    shape, axis = op.result_shape, op.positive_axis
    starts, sizes = np.zeros(len(shape), dtype=np.int64), np.array(shape)
    starts[axis], sizes[axis] = 1, 1
    part = {"starts": starts, "sizes": sizes, "steps": np.ones(len(shape), dtype=np.int64)}
    score = build.op(SliceOp, [op.input], **{name: ArrayAttr.of(values) for name, values in part.items()})
    share = in_order(function(build, score, "sigmoid"))
    other = build.op(SubOp, [build.real(np.array(1.0)), share])
    build.finish(build.op(ConcatOp, [other, share], axis=IntegerAttr(axis, 64)))


def is_split(op: FunctionOp) -> bool:
    """A rectifier is taken out, but not in front of a quantizer: there the function is exact."""
    return op.function.data in NEAR_RECTIFIERS and not ends_in_quantizer(op.result)


def is_parameter(value: SSAValue) -> bool:
    """Whether a value is a constant, quantized or not."""
    owner = value.owner
    return constant_value(value) is not None or (isinstance(owner, QuantOp) and is_constant(owner.input))


def feeds_output(value: SSAValue) -> bool:
    """Whether a value only goes to the return, through ops that move elements at most."""
    for use in value.uses:
        user = use.operation
        if isinstance(user, ReturnOp):
            continue
        if not isinstance(user, UnaryWiringOp) or not feeds_output(user.result):
            return False
    return True


def reduced(build: Builder, x: SSAValue, kind: str, axes: tuple[int, ...]) -> SSAValue:
    """A reduction that keeps its axes."""
    return build.op(
        ReduceOp,
        [x],
        kind=StringAttr(kind),
        axes=ArrayAttr.of(np.array(axes, dtype=np.int64)),
        keep_axes=BoolAttr.from_bool(True),
    )


def function(build: Builder, x: SSAValue, name: str, *parameters: float) -> SSAValue:
    """A function of one variable."""
    given = ListAttr([FloatAttr(value, f64) for value in parameters]) if parameters else None
    return build.op(FunctionOp, [x], function=StringAttr(name), parameters=given)


def with_default(value: SSAValue, precision: str) -> SSAValue:
    """Mark an op with the precision that it takes when nothing else was chosen."""
    owner = value.owner
    if isinstance(owner, NetloomOp):
        owner.attributes["default_precision"] = StringAttr(precision)
    return value


def softmax(op: SoftmaxOp) -> None:
    """Largest, difference, exponential, sum, reciprocal, product."""
    build = Builder(op)
    axes = (op.positive_axis,)
    difference = build.op(SubOp, [reduced(build, op.input, "max", axes), op.input])
    distance = build.op(ReluOp, [difference])  # never negative anyway; the format now says so
    powers = with_default(function(build, distance, "exp_negative"), SOFTMAX_PRECISION)
    if is_score(op.input):
        in_order(powers)
    total = reduced(build, powers, "sum", axes)
    inverse = with_default(function(build, total, "reciprocal"), SOFTMAX_PRECISION)
    build.finish(with_default(build.op(MulOp, [powers, inverse]), SOFTMAX_PRECISION))


def layer_norm(op: LayerNormOp) -> None:
    """Mean, difference, variance, reciprocal square root, product, slope and offset."""
    build = Builder(op)
    centred = build.op(SubOp, [op.input, reduced(build, op.input, "mean", op.axes)])
    variance = reduced(build, build.op(MulOp, [centred, centred]), "mean", op.axes)
    inverse = function(build, variance, "rsqrt", float(op.epsilon.value.data))
    result = build.op(MulOp, [centred, inverse])
    if np.any(op.scale.values != 1):
        result = build.op(MulOp, [result, build.real(op.scale.values)])
    if np.any(op.bias.values != 0):
        result = build.op(AddOp, [result, build.real(op.bias.values)])
    build.finish(result)


def quotient(op: DivOp) -> None:
    """x * (1 / y)."""
    build = Builder(op)
    build.finish(build.op(MulOp, [op.lhs, function(build, op.rhs, "reciprocal")]))


def near_rectifier(op: FunctionOp) -> None:
    """max(x, 0) + a bounded rest."""
    build = Builder(op)
    observed = op.attributes.get("observed")
    rest = build.op(
        FunctionOp,
        [op.input],
        function=StringAttr(f"{op.function.data}_minus_relu"),
        parameters=op.parameters,
    )
    total = build.op(AddOp, [build.op(ReluOp, [op.input]), rest])
    if observed is not None and isinstance(total.owner, NetloomOp):
        total.owner.attributes["observed"] = observed
    build.finish(total)
