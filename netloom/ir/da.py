"""Dialect `da`: unrolled arithmetic. A shift-add network is arrays in one op, not an op per adder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Attribute, Dialect, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from netloom.core.adder_graph import AdderGraph
from netloom.ir.attributes import ArrayAttr
from netloom.ir.base import NetloomOp, Shape, Values, make
from netloom.ir.interval import Interval, check_width, total

GRAPH_ARRAYS = (
    "lhs",
    "rhs",
    "lhs_shift",
    "rhs_shift",
    "subtract",
    "out_node",
    "out_shift",
    "out_negate",
)

_GRAPHS: WeakKeyDictionary[NetloomOp, AdderGraph] = WeakKeyDictionary()


@irdl_op_definition
class KernelOp(NetloomOp):
    """A constant matrix product over the last axis as a network of shifts and adders, plus a bias.

    Adder k is node K + k and computes (v[`lhs`] << `lhs_shift`) +- (v[`rhs`] << `rhs_shift`), minus where
    `subtract`; output j is node `out_node` (-1 for zero) shifted left by `out_shift`, negated where
    `out_negate` (see `netloom.core.adder_graph.AdderGraph`). `fraction` is the number of fraction bits of
    the constant matrix; `bias` holds mantissas at the result's fraction. Leading axes of the operand are
    rows that go through the same network. Fixed-point only.
    """

    name = "da.kernel"
    input = operand_def()
    lhs = prop_def(ArrayAttr)
    rhs = prop_def(ArrayAttr)
    lhs_shift = prop_def(ArrayAttr)
    rhs_shift = prop_def(ArrayAttr)
    subtract = prop_def(ArrayAttr)
    out_node = prop_def(ArrayAttr)
    out_shift = prop_def(ArrayAttr)
    out_negate = prop_def(ArrayAttr)
    bias = opt_prop_def(ArrayAttr)
    fraction = prop_def(IntegerAttr)
    result = result_def()

    @property
    def graph(self) -> AdderGraph:
        """The shift-add network, built once per op."""
        if self not in _GRAPHS:
            arrays: dict[str, Any] = {}
            for name in GRAPH_ARRAYS:
                values = cast(ArrayAttr, self.properties[name]).ints()
                flag = name in ("subtract", "out_negate")
                arrays[name] = values.astype(np.bool_) if flag else values
            _GRAPHS[self] = AdderGraph(n_inputs=self.operand_shapes[0][-1], **arrays)
        return _GRAPHS[self]

    @property
    def bias_mantissas(self) -> Values:
        """The bias, zero where there is none."""
        if self.bias is None:
            return np.zeros(len(self.out_node.values), dtype=np.int64)
        return self.bias.ints()

    def shape_rule(self) -> Shape:
        """[..., K] to [..., N]."""
        if not self.operand_shapes[0]:
            raise VerifyException("da.kernel: the operand has no axis to multiply over")
        return (*self.operand_shapes[0][:-1], len(self.out_node.values))

    def fraction_rule(self) -> int:
        """Input and matrix fraction bits together."""
        return int(self.operand_formats[0].fraction + self.fraction.value.data)

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """From the matrix itself, which is exact; the network's nodes could only be wider."""
        matrix = self.graph.matrix()
        thin = operands[0].thin(keep=1)
        low, high = thin.low, thin.high
        magnitude = np.maximum(np.abs(low), np.abs(high)).astype(np.float64) @ np.abs(matrix)
        check_width(float(magnitude.max(initial=0.0)), self.origin_name)
        positive, negative = np.maximum(matrix, 0), np.minimum(matrix, 0)
        products = Interval(low @ positive + high @ negative, high @ positive + low @ negative)
        result = total(products, Interval.point(self.bias_mantissas), self.origin_name)
        return result.spread(self.shape_rule())

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Fixed-point only; the arrays describe a network."""
        super().verify_elements(operand_kinds)
        if not self.is_fixed:
            raise VerifyException("da.kernel is defined on fixed-point numbers only")
        if self.bias is not None and self.bias.values.shape != self.out_node.values.shape:
            raise VerifyException("da.kernel: the bias has one element for each output")
        try:
            _ = self.graph
        except ValueError as error:
            raise VerifyException(f"da.kernel: {error}") from error

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Run the network."""
        return np.asarray(self.graph.evaluate(operands[0]) + self.bias_mantissas)


def kernel_from_graph(
    value: SSAValue,
    graph: AdderGraph,
    fraction: int,
    bias: Values | None,
    origin: str,
    result: Attribute | None = None,
) -> KernelOp:
    """The op for a shift-add network; `bias` in mantissas at the result's fraction."""
    arrays = {name: ArrayAttr.of(getattr(graph, name)) for name in GRAPH_ARRAYS}
    return make(
        KernelOp,
        [value],
        origin=origin,
        result=result,
        bias=None if bias is None else ArrayAttr.of(bias),
        fraction=IntegerAttr(fraction, 64),
        **arrays,
    )


Da = Dialect("da", [KernelOp], [])
