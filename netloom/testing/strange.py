"""An op that no backend can know: what is not known must be refused, not passed over."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, result_def

from netloom.core.fixed import Format
from netloom.ir.base import NetloomOp, Shape, Values
from netloom.ir.interval import Interval
from netloom.testing.cases import Case
from netloom.testing.program import Port, Program


@irdl_op_definition
class StrangeOp(NetloomOp):
    """The operand itself; only its name is unknown."""

    name = "conformance.strange"
    input = operand_def()
    result = result_def()

    def shape_rule(self) -> Shape:
        """Elementwise."""
        return self.operand_shapes[0]

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """The operand's."""
        return operands[0]

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """The operand."""
        return operands[0]


def _build(program: Program, x: SSAValue) -> SSAValue:
    return program.add(StrangeOp, x)


STRANGE = Case("an unknown op", StrangeOp.name, (Port((4,), Format(6, 2)),), _build)
