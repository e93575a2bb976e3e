"""assign-precision: real ops get fixed-point formats: chosen by the user, or from observed ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError
from netloom.core.precision import PrecisionConfig
from netloom.ir.attributes import is_real_tensor, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.functions import FUNCTIONS
from netloom.ir.fx import ConstantOp, DequantizeOp, QuantizeOp
from netloom.ir.nn import AddOp, DivOp, FunctionOp, MatMulOp, MulOp, PReluOp, ReduceOp, SubOp
from netloom.ir.program import add_note, erase_unused, main, program_ops
from netloom.ir.tree import EXACT_SCALE, EnsembleOp
from netloom.passes.absorb_quantizers import AbsorbQuantizers, is_near_rectifier
from netloom.passes.analysis.chains import constant_of, is_constant
from netloom.passes.analysis.scaled import Scaled, exponents, scaled_view
from netloom.passes.decompose_functions import near_rectifier
from netloom.passes.formats import Formats, dynamic_pair, rounded_constant
from netloom.passes.host import is_host_value
from netloom.passes.rewriting import Builder
from netloom.passes.tabulate import table_of_levels, tabulated
from netloom.passes.tree_links import KEEPS_ORDER, ordered_table
from netloom.passes.tree_quantize import quantized_ensemble

BOUNDED_PRECISION = "fixed<20,4,RND_CONV,SAT>"
"""What tables of bounded functions hold when nothing was chosen."""

MEAN_BITS = 18
"""Width of the reciprocal of a count that is no power of two."""

UNIT = np.ones(())
ZERO = np.zeros(())


@dataclass(frozen=True)
class AssignPrecision(ModulePass):
    """Every op that is still real becomes exact arithmetic followed by a cast.

    Options:
        precision: the text form of `netloom.core.precision.PrecisionConfig`.
        bits: width of formats that come from observed ranges (calibration).
        table_bits: index width of lookup tables.
        requantize, max_levels, multiplier_bits: as of absorb-quantizers, for quantizers behind
            layers that become fixed-point here.
    """

    name: ClassVar[str] = "assign-precision"
    rounds: ClassVar[bool] = True
    precision: str = ""
    bits: int = 16
    table_bits: int = 12
    requantize: str = "thresholds"
    max_levels: int = 1024
    multiplier_bits: int = 16

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Walk the program once, in order.

        Raises:
            CompileError: NL301 and NL307 where nothing says how to round, NL202 for entries of
                `precision` without effect, and what arithmetic and tables refuse.
        """
        config = PrecisionConfig.parse(self.precision)
        function = main(op)
        config.check_patterns(
            c.origin_name for c in program_ops(function) if not isinstance(c, ConstantOp | QuantizeOp)
        )
        take_rectifiers_apart(function)
        absorb = AbsorbQuantizers(self.requantize, self.max_levels, self.multiplier_bits)
        assigner = Assigner(Formats(op, config, self.bits), self.table_bits, absorb)
        for candidate in program_ops(function):
            if not skipped(candidate):
                build = Builder(candidate)
                build.finish(build.dequantize(assigner.view(candidate, build)))
        erase_unused(function)
        config.check_used(assigner.formats.asked)


def skipped(op: NetloomOp) -> bool:
    """Constants, what is fixed-point already, what the host computes, and the borders between."""
    if isinstance(op, ConstantOp | DequantizeOp | QuantizeOp):
        return True
    return not is_real_tensor(op.results[0].type) or is_host_value(op.results[0])


def take_rectifiers_apart(function: FuncOp) -> None:
    """GELU and its kin, where no quantizer behind them has made them a table."""
    for op in program_ops(function):
        if isinstance(op, FunctionOp) and is_near_rectifier(op) and not skipped(op):
            near_rectifier(op)


@dataclass
class Assigner:
    """Makes the ops of one module fixed-point."""

    formats: Formats
    table_bits: int
    absorb: AbsorbQuantizers

    @property
    def module(self) -> ModuleOp:
        """The module, for notes."""
        return self.formats.module

    def view(self, op: NetloomOp, build: Builder) -> Scaled:
        """The op's result as a scaled fixed-point value."""
        handler = next((HANDLERS[kind] for kind in HANDLERS if isinstance(op, kind)), None)
        if handler is None or not self.formats.has_choice(op) or EXACT_SCALE in op.attributes:
            exact = self.absorb.step(op, build, self.module)
            if exact is not None:
                return exact
        if handler is None:
            return self.materialized(op, build)
        value = handler(self, op, build)
        if not isinstance(op, FunctionOp) and not self.deferred(op):
            value = build.cast(value, self.formats.chosen(op, "result"))
        return Scaled(value, UNIT, ZERO)

    def materialized(self, op: NetloomOp, build: Builder) -> Scaled:
        """An exact op whose operands first need formats of their own."""
        for index, value in enumerate(op.operands):
            if scaled_view(value) is not None or is_constant(value):
                operand = self.formats.operand(value, op)
                op.operands[index] = build.dequantize(Scaled(operand, UNIT, ZERO))
        view = self.absorb.step(op, build, self.module)
        if view is None:
            raise CompileError(
                "NL308",
                f"{op.name} has no fixed-point form",
                origin=op.origin_name,
                hint="run the pipeline 'clean' first, or rewrite the layer",
            )
        return view

    def deferred(self, op: NetloomOp) -> bool:
        """Whether the cast waits for the next op: a bias, or a table that takes any width."""
        if not op.results[0].has_one_use():
            return False
        user = next(iter(op.results[0].uses)).operation
        if not isinstance(user, NetloomOp) or self.formats.names_only(op, user):
            return False
        if not self.formats.has_choice(user):
            return False
        if isinstance(op, MatMulOp) and isinstance(user, AddOp):
            return is_constant(user.lhs) or is_constant(user.rhs)
        return isinstance(user, FunctionOp) and FUNCTIONS[user.function.data].relative


def sum_(assigner: Assigner, op: AddOp | SubOp, build: Builder) -> SSAValue:
    """Constants take the bias format."""
    formats = assigner.formats
    operands = [
        formats.constant(value, op, "bias", build) if is_constant(value) else formats.operand(value, op)
        for value in op.operands
    ]
    return build.op(type(op), operands)


def product(assigner: Assigner, op: MulOp, build: Builder) -> SSAValue:
    """Constants take the weight format; two computed operands are narrowed if they must be."""
    a, b = (assigner.formats.operand(value, op) for value in op.operands)
    if not (is_constant(op.lhs) or is_constant(op.rhs)):
        a, b = dynamic_pair(a, b, 1, build, assigner.module)
    return build.op(MulOp, [a, b])


def quotient(assigner: Assigner, op: DivOp, build: Builder) -> SSAValue:
    """By a constant: times its rounded reciprocal."""
    if not is_constant(op.rhs) or np.any(constant_of(op.rhs) == 0):
        raise CompileError(
            "NL308",
            "nn.div by something else than a constant without zeros has no fixed-point form",
            origin=op.origin_name,
            hint="run the pipeline 'clean' first, which divides through a reciprocal",
        )
    inverse = build.real(1.0 / constant_of(op.rhs))
    constant = assigner.formats.constant(inverse, op, "weight", build)
    return build.op(MulOp, [assigner.formats.operand(op.lhs, op), constant])


def matmul(assigner: Assigner, op: MatMulOp, build: Builder) -> SSAValue:
    """Weights take the weight format."""
    a, b = (assigner.formats.operand(value, op) for value in op.operands)
    if not (is_constant(op.lhs) or is_constant(op.rhs)):
        a, b = dynamic_pair(a, b, shape_of(op.lhs.type)[-1], build, assigner.module)
    return build.op(MatMulOp, [a, b])


def prelu(assigner: Assigner, op: PReluOp, build: Builder) -> SSAValue:
    """The slope takes the weight format."""
    slope = assigner.formats.operand(op.slope, op)
    return build.op(PReluOp, [assigner.formats.operand(op.input, op), slope])


def reduction(assigner: Assigner, op: ReduceOp, build: Builder) -> SSAValue:
    """A sum, largest or smallest; a mean is a sum times the reciprocal of the count."""
    if op.kind.data not in ("sum", "mean", "max", "min"):
        raise CompileError(
            "NL308",
            f"reduction '{op.kind.data}' has no fixed-point form",
            origin=op.origin_name,
            supported="sum, mean, max, min",
        )
    properties = {name: value for name, value in op.properties.items() if name != "origin"}
    if op.kind.data == "mean":
        properties["kind"] = StringAttr("sum")
    total = build.op(ReduceOp, [assigner.formats.operand(op.input, op)], **properties)
    if op.kind.data != "mean":
        return total
    places = exponents(np.asarray(float(op.count)))
    if places is not None:
        return build.times_power_of_two(total, -int(places))
    text = f"a mean of {op.count} is a product with a constant of {MEAN_BITS} bits"
    add_note(assigner.module, op.origin_name, text)
    return build.op(MulOp, [total, build.fixed(*rounded_constant(np.asarray(1.0 / op.count), MEAN_BITS))])


def function(assigner: Assigner, op: FunctionOp, build: Builder) -> SSAValue:
    """A table, over the integers of a narrow scaled value or over the input cast to an index."""
    ordered = ordered_table(assigner, op, build) if KEEPS_ORDER in op.attributes else None
    if ordered is not None:
        return ordered
    spec = FUNCTIONS[op.function.data]
    if np.isfinite(spec.saturates):
        op.attributes.setdefault("default_precision", StringAttr(BOUNDED_PRECISION))
    precision = assigner.formats.chosen(op, "result")
    view = scaled_view(op.input)
    scaled = view is not None and (view.fraction is None or view.has_offset)
    if view is not None and scaled and not spec.relative:
        value = table_of_levels(op, view, precision, build, assigner.module, assigner.table_bits)
        if value is not None:
            return value
    x = assigner.formats.operand(op.input, op)
    return tabulated(op, x, precision, build, assigner.module, assigner.table_bits)


HANDLERS: Mapping[type[NetloomOp], Callable[[Assigner, Any, Builder], SSAValue]] = {
    AddOp: sum_,
    SubOp: sum_,
    MulOp: product,
    DivOp: quotient,
    MatMulOp: matmul,
    PReluOp: prelu,
    ReduceOp: reduction,
    FunctionOp: function,
    EnsembleOp: quantized_ensemble,
}
