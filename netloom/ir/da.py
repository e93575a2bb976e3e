"""Dialect `da`: unrolled arithmetic. A shift-add network is arrays in one op, not an op per adder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np
from xdsl.dialects.builtin import BoolAttr, IntegerAttr
from xdsl.ir import Attribute, Dialect, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from netloom.core.adder_graph import AdderGraph
from netloom.core.lut_network import LutNetwork, every_combination, numbers
from netloom.ir.attributes import ArrayAttr, format_of
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
_NETWORKS: WeakKeyDictionary[NetloomOp, LutNetwork] = WeakKeyDictionary()
_BOUNDS: WeakKeyDictionary[NetloomOp, Interval] = WeakKeyDictionary()

ENUMERATED_BITS = 16
"""A result of so many input bits has its exact range; of more, that of its own bits."""


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


@irdl_op_definition
class LutNetworkOp(NetloomOp):
    """Functions of few input bits over the last axis, as a network of lookup tables.

    Input bit e * `input_bits` + b is bit b of mantissa e, whose sign repeats above the operand's own width.
    Table k is signal K * `input_bits` + k: of the signals in row k of `address` (-1 behind the last one) it
    gives a bit of `truth`, the first signal being the lowest bit of that bit's number. Row j of `output` has
    the signals of result j, lowest bit first (-1 for zero, -2 for one); its highest bit counts negative if
    `signed` (see `netloom.core.lut_network.LutNetwork`). `fraction` is the result's number of fraction bits.
    Leading axes of the operand are rows that go through the same network. Fixed-point only.

    This is how a neuron with few input bits is one Boolean function: LogicNets, arXiv:2004.03021.
    """

    name = "da.lut_network"
    input = operand_def()
    address = prop_def(ArrayAttr)
    truth = prop_def(ArrayAttr)
    output = prop_def(ArrayAttr)
    input_bits = prop_def(IntegerAttr)
    signed = prop_def(BoolAttr)
    fraction = prop_def(IntegerAttr)
    result = result_def()

    @property
    def network(self) -> LutNetwork:
        """The tables, built once per op."""
        if self not in _NETWORKS:
            inputs = self.operand_shapes[0][-1] * self.bits_per_input
            arrays = (self.address.ints(), self.truth.ints(), self.output.ints())
            _NETWORKS[self] = LutNetwork(inputs, *arrays)
        return _NETWORKS[self]

    @property
    def bits_per_input(self) -> int:
        """Bits of an input element that the tables are numbered by."""
        return int(self.input_bits.value.data)

    @property
    def is_signed(self) -> bool:
        """Whether the highest bit of a result counts negative."""
        return bool(self.signed.value.data)

    def shape_rule(self) -> Shape:
        """[..., K] to [..., N]."""
        if not self.operand_shapes[0]:
            raise VerifyException("da.lut_network: the operand has no axis to read from")
        return (*self.operand_shapes[0][:-1], len(self.output.values))

    def fraction_rule(self) -> int:
        """As declared: the tables hold mantissas."""
        return int(self.fraction.value.data)

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """The least and the greatest value of each result's tables."""
        if self not in _BOUNDS:
            bounds = [self._bounds(output) for output in range(len(self.output.values))]
            low, high = np.array(bounds, dtype=np.int64).reshape(-1, 2).T
            _BOUNDS[self] = Interval(low, high)
        return _BOUNDS[self].spread(self.shape_rule())

    def _bounds(self, output: int) -> tuple[int, int]:
        part, inputs = self.network.part(output)
        width = self.output.values.shape[1]
        if len(inputs) > ENUMERATED_BITS:
            below = 1 << (width - 1) if self.is_signed else 0
            return -below, (1 << width) - below - 1
        values = numbers(part.bits(every_combination(len(inputs))), self.is_signed)
        return int(values.min()), int(values.max())

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Fixed-point only; the arrays describe a network."""
        super().verify_elements(operand_kinds)
        if not self.is_fixed:
            raise VerifyException("da.lut_network is defined on fixed-point numbers only")
        if not 0 < self.bits_per_input < 64 or self.output.values.ndim != 2:
            raise VerifyException("da.lut_network: 1 to 63 input bits, and a list of bits for each result")
        if not 0 < self.output.values.shape[1] < 64:
            raise VerifyException("da.lut_network: results have 1 to 63 bits")
        try:
            _ = self.network
        except ValueError as error:
            raise VerifyException(f"da.lut_network: {error}") from error

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Read the tables, level by level."""
        x = operands[0]
        rows = x.reshape(-1, x.shape[-1]).astype(np.int64, copy=False)
        values = self.network.evaluate(rows, self.bits_per_input, self.is_signed)
        return values.reshape(*x.shape[:-1], values.shape[-1])


def lut_network_op(
    value: SSAValue, network: LutNetwork, input_bits: int, result: Attribute, origin: str
) -> LutNetworkOp:
    """The op for a network on the last axis of `value`; results have the format of `result`, in its bits."""
    number_format = format_of(result)
    assert number_format is not None
    return make(
        LutNetworkOp,
        [value],
        origin=origin,
        result=result,
        address=ArrayAttr.of(network.address),
        truth=ArrayAttr.of(network.truth),
        output=ArrayAttr.of(network.outputs),
        input_bits=IntegerAttr(input_bits, 64),
        signed=BoolAttr.from_bool(number_format.signed),
        fraction=IntegerAttr(number_format.fraction, 64),
    )


Da = Dialect("da", [KernelOp, LutNetworkOp], [])
