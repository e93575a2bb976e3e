"""Neurons of few input bits: what follows them element by element, and their tables.

A column of a constant product, with everything that follows it on its own result alone, is a function of the
inputs whose weights are not zero. All combinations of these that can occur are run through the ops' own
meaning; the others are as the nearest that can, which leaves fewer different values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from xdsl.ir import Attribute, SSAValue

from netloom.core.adder_graph import bit_width
from netloom.ir.attributes import ArrayAttr, fixed_tensor, format_of, shape_of
from netloom.ir.base import NetloomOp, Shape, Values
from netloom.ir.fx import ConstantOp, ThresholdOp
from netloom.ir.interval import Interval, Ints
from netloom.ir.nn import DenseOp
from netloom.passes.build_adder_graphs import per_input
from netloom.passes.rewriting import Builder

BLOCK_ELEMENTS = 1 << 21
"""Numbers of one evaluation at most."""


@dataclass(frozen=True)
class Neuron:
    """A column and the inputs that it depends on, with the bits that each has within its range."""

    column: int
    inputs: tuple[int, ...]
    widths: tuple[int, ...]

    @property
    def bits(self) -> int:
        """Input bits in all."""
        return sum(self.widths)

    def signals(self, input_bits: int) -> list[int]:
        """The numbers of its input bits, where each input has `input_bits`."""
        return [
            number * input_bits + bit
            for number, width in zip(self.inputs, self.widths, strict=True)
            for bit in range(width)
        ]


@dataclass(frozen=True, eq=False)
class NeuronLayer:
    """A layer with the ops that follow it element by element.

    Attributes:
        op: the product.
        tail: the ops, each the only reader of the one before.
        inputs: ranges of the product's input.
    """

    op: DenseOp
    tail: tuple[NetloomOp, ...]
    inputs: Interval

    @property
    def last(self) -> NetloomOp:
        """The op whose result the tables give."""
        return self.tail[-1] if self.tail else self.op

    def typed(self, columns: int) -> Attribute:
        """The type of the result with so many columns."""
        return _narrowed(self.last.results[0], columns)

    @cached_property
    def weights(self) -> Ints:
        """Mantissas int64[K, N]."""
        owner = self.op.weight.owner
        assert isinstance(owner, ConstantOp)
        return owner.value.ints()

    @cached_property
    def bias(self) -> Ints:
        """Mantissas int64[N] at the product's fraction."""
        owner = self.op.bias.owner if self.op.bias is not None else None
        if not isinstance(owner, ConstantOp):
            return np.zeros(self.weights.shape[1], dtype=np.int64)
        return owner.value.ints()

    @cached_property
    def bounds(self) -> tuple[Ints, Ints]:
        """Least and greatest mantissa of each input."""
        return per_input(self.inputs)

    def neurons(self, largest: int) -> list[Neuron]:
        """The columns of at most `largest` input bits."""
        low, high = self.bounds
        widths = np.where(low == high, 0, bit_width(low, high))
        found: list[Neuron] = []
        for column in np.flatnonzero(((self.weights != 0) * widths[:, None]).sum(axis=0) <= largest):
            used = np.flatnonzero((self.weights[:, column] != 0) & (widths > 0))
            found.append(Neuron(int(column), tuple(used.tolist()), tuple(widths[used].tolist())))
        return found

    def tables(self, neurons: Sequence[Neuron]) -> list[Ints]:
        """The results int64[2**bits] of each neuron, by the combination of its input bits."""
        found = [np.zeros(1 << neuron.bits, dtype=np.int64) for neuron in neurons]
        columns = self.weights.shape[1]
        largest = max((len(table) for table in found), default=0)
        step = max(1, BLOCK_ELEMENTS // columns)
        for first in range(0, largest, step):
            sums = np.zeros((min(step, largest - first), columns), dtype=np.int64)
            for neuron, table in zip(neurons, found, strict=True):
                count = min(max(len(table) - first, 0), len(sums))
                sums[:count, neuron.column] = self._sums(neuron, np.arange(first, first + count))
            results = self._results(sums)
            for neuron, table in zip(neurons, found, strict=True):
                part = table[first : first + step]
                part[:] = results[: len(part), neuron.column]
        return found

    def _sums(self, neuron: Neuron, codes: Ints) -> Ints:
        """The product and bias of one column for combinations of its input bits."""
        low, high = self.bounds
        weights = self.weights[:, neuron.column]
        constant = np.where(low == high, low, 0) @ weights + self.bias[neuron.column]
        total = np.full(codes.shape, constant, dtype=np.int64)
        place = 0
        for number, width in zip(neuron.inputs, neuron.widths, strict=True):
            code = codes >> place & ((1 << width) - 1)
            if low[number] < 0:
                code -= (code >> (width - 1)) << width
            total += np.clip(code, low[number], high[number]) * weights[number]
            place += width
        return total

    def _results(self, sums: Ints) -> Ints:
        """What the tail makes of sums int64[S, N]."""
        rank = len(self.op.result_shape)
        values: Values = sums.reshape(len(sums), *(1,) * (rank - 1), sums.shape[1])
        value: SSAValue = self.op.result
        for op in self.tail:
            values = op.evaluate([values if o is value else constant_of(o).evaluate([]) for o in op.operands])
            value = op.results[0]
        return np.broadcast_to(values, (len(sums), *(1,) * (rank - 1), sums.shape[1])).reshape(sums.shape)

    def rebuilt(self, columns: Sequence[int], build: Builder) -> SSAValue:
        """The layer and its tail for some columns only."""
        chosen = np.array(columns, dtype=np.int64)
        weight = constant_of(self.op.weight)
        operands = [self.op.input, build.fixed(self.weights[:, chosen], weight.result_format)]
        if self.op.bias is not None:
            operands.append(build.fixed(self.bias[chosen], constant_of(self.op.bias).result_format))
        own = {key: value for key, value in self.op.properties.items() if key != "origin"}
        value = build.op(DenseOp, operands, result=_narrowed(self.op.results[0], len(chosen)), **own)
        before: SSAValue = self.op.result
        for op in self.tail:
            operands = [value if o is before else _part_of(o, chosen, build) for o in op.operands]
            before, result = op.results[0], _narrowed(op.results[0], len(chosen))
            value = build.op(type(op), operands, result=result, **_parameters(op, chosen))
        return value


def neuron_layer(op: DenseOp, inputs: Interval) -> NeuronLayer:
    """The layer with the longest chain of ops that are functions of its result alone."""
    tail: list[NetloomOp] = []
    value: SSAValue = op.result
    while value.has_one_use():
        user = next(iter(value.uses)).operation
        if not isinstance(user, NetloomOp) or not _is_own_function(user, value):
            break
        tail.append(user)
        value = user.results[0]
    return NeuronLayer(op, tuple(tail), inputs)


def _is_own_function(op: NetloomOp, value: SSAValue) -> bool:
    """Whether an op is elementwise, and the same for all rows."""
    if not op.ELEMENTWISE or not op.is_fixed or op.result_shape != shape_of(value.type):
        return False
    others = [operand for operand in op.operands if operand is not value]
    if not all(isinstance(other.owner, ConstantOp) for other in others):
        return False
    shapes = [shape_of(other.type) for other in others]
    if isinstance(op, ThresholdOp):
        shapes += [op.thresholds.values.shape[:-1], op.base.values.shape, op.sign.values.shape]
    return all(math.prod(shape[:-1]) == 1 for shape in shapes)


def constant_of(value: SSAValue) -> ConstantOp:
    """The constant that a value is."""
    assert isinstance(value.owner, ConstantOp)
    return value.owner


def _narrowed(value: SSAValue, columns: int) -> Attribute:
    """A value's type with so many elements along the last axis."""
    number_format = format_of(value.type)
    assert number_format is not None
    return fixed_tensor((*shape_of(value.type)[:-1], columns), number_format)


def _part_of(value: SSAValue, columns: Ints, build: Builder) -> SSAValue:
    """Some columns of a constant; the constant where it is one number for all."""
    constant = constant_of(value)
    if not _by_column(constant.result_shape):
        return value
    return build.fixed(constant.value.ints()[..., columns], constant.result_format)


def _parameters(op: NetloomOp, columns: Ints) -> dict[str, Attribute]:
    """An op's properties for some columns."""
    found = {key: value for key, value in op.properties.items() if key != "origin"}
    if isinstance(op, ThresholdOp):
        levels = op.thresholds.values
        if _by_column(levels.shape[:-1]):
            found["thresholds"] = ArrayAttr.of(levels[..., columns, :])
        for name, parameter in (("base", op.base.values), ("sign", op.sign.values)):
            if _by_column(parameter.shape):
                found[name] = ArrayAttr.of(parameter[..., columns])
    return found


def _by_column(shape: Shape) -> bool:
    return bool(shape) and shape[-1] > 1
