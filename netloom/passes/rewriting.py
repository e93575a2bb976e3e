"""Helpers for passes: insert ops with the origin of the op that they replace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute, SSAValue

from netloom.core.fixed import Format, Overflow, Precision
from netloom.ir.attributes import ArrayAttr, fixed_tensor, format_of, shape_of
from netloom.ir.base import NetloomOp, Op, Values, make
from netloom.ir.fx import CastOp, ConstantOp, DequantizeOp, constant_mantissas
from netloom.ir.nn import BroadcastOp, MulOp
from netloom.ir.program import insert_before, replace
from netloom.passes.analysis.scaled import Scaled, compact


class Builder:
    """Inserts ops before an anchor, with the anchor's origin or that of another op."""

    def __init__(self, anchor: NetloomOp, origin: NetloomOp | None = None) -> None:
        named = origin if origin is not None else anchor
        self.anchor = anchor
        self.origin = named.origin.data if named.origin is not None else ""

    def op(
        self,
        op_type: type[Op],
        operands: Sequence[SSAValue],
        *,
        result: Attribute | None = None,
        **properties: Attribute | None,
    ) -> SSAValue:
        """A new op before the anchor."""
        return insert_before(
            self.anchor,
            make(op_type, operands, origin=self.origin, result=result, **properties),
        )

    def real(self, values: Values) -> SSAValue:
        """A real constant."""
        return self.op(ConstantOp, [], value=ArrayAttr.of(values))

    def fixed(self, mantissas: Values, number_format: Format) -> SSAValue:
        """A fixed-point constant."""
        return insert_before(self.anchor, constant_mantissas(mantissas, number_format, self.origin))

    def cast(self, value: SSAValue, precision: Precision) -> SSAValue:
        """`value` in another format; nothing when it has it already.

        Symmetric saturation to the same format still drops the lowest value.
        """
        clips = precision.overflow is Overflow.SAT_SYM and precision.format.signed
        if format_of(value.type) == precision.format and not clips:
            return value
        return self.op(
            CastOp,
            [value],
            result=fixed_tensor(shape_of(value.type), precision.format),
            rounding=StringAttr(precision.rounding.value),
            overflow=StringAttr(precision.overflow.value),
        )

    def times_power_of_two(self, value: SSAValue, exponent: int) -> SSAValue:
        """value * 2^exponent: a relabelling of the binary point, no hardware."""
        if exponent == 0:
            return value
        unit = self.fixed(np.array(1, dtype=np.int64), Format(1, 1 + exponent, signed=False))
        return self.op(MulOp, [value, unit])

    def broadcast(self, value: SSAValue, shape: tuple[int, ...]) -> SSAValue:
        """`value` repeated to `shape`; nothing when it has it already."""
        if shape_of(value.type) == shape:
            return value
        wanted = ArrayAttr.of(np.array(shape, dtype=np.int64))
        return self.op(BroadcastOp, [value], shape=wanted)

    def dequantize(self, view: Scaled) -> SSAValue:
        """The real value that a scaled fixed-point value stands for.

        An op of the same source node remembers its scale, for traces; the scale that a later node
        gives to the value is not its own.
        """
        owner = view.value.owner
        own = isinstance(owner, NetloomOp) and owner.origin == self.anchor.origin
        if isinstance(owner, NetloomOp) and own and not isinstance(owner, ConstantOp):
            owner.attributes["real_scale"] = ArrayAttr.of(compact(view.scale))
            owner.attributes["real_offset"] = ArrayAttr.of(compact(view.offset))
        return self.op(
            DequantizeOp,
            [view.value],
            scale=ArrayAttr.of(compact(view.scale)),
            offset=ArrayAttr.of(compact(view.offset)),
        )

    def finish(self, value: SSAValue) -> None:
        """Put `value` in place of the anchor."""
        replace(self.anchor, value)
