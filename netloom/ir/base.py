"""What every op of netloom is: a declaration, type rules, a verifier and an exact meaning.

Rules and meaning sit beside the declaration in each op's class:

* `shape_rule` gives the result shape from operand shapes and properties;
* `fraction_rule` and `interval_rule` give the fixed-point result (mantissa intervals);
* `evaluate` is the meaning: int64 mantissas for fixed-point tensors, floating point for real ones.

Arrays handed to `evaluate` carry one leading axis for the batch (of size 1 for constants).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import IRDLOperation, opt_prop_def, traits_def
from xdsl.rewriter import Rewriter
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr, fixed_tensor, format_of, real_tensor, shape_of
from netloom.ir.interval import Interval

Values = NDArray[Any]
Shape = tuple[int, ...]


class NetloomOp(IRDLOperation, ABC):
    """Base of all ops: one result unless said otherwise, and the name of the node it came from."""

    origin = opt_prop_def(StringAttr)
    traits = traits_def(Pure())
    ELEMENTWISE: ClassVar[bool] = False
    """Whether an element of the result depends on the same element of each operand only (broadcast)."""

    @property
    def origin_name(self) -> str:
        """The source node's name, or the op's own name."""
        return self.origin.data if self.origin is not None else self.name

    @property
    def operand_shapes(self) -> list[Shape]:
        """Static shapes of the operands."""
        return [shape_of(operand.type) for operand in self.operands]

    @property
    def operand_formats(self) -> list[Format]:
        """Number formats of the operands, which must all be fixed-point."""
        formats = [format_of(operand.type) for operand in self.operands]
        if any(number_format is None for number_format in formats):
            raise VerifyException(f"{self.name} has a real operand where fixed-point is needed")
        return [number_format for number_format in formats if number_format is not None]

    @property
    def is_fixed(self) -> bool:
        """Whether the first result is fixed-point."""
        return format_of(self.results[0].type) is not None

    @property
    def result_format(self) -> Format:
        """Number format of the first result."""
        number_format = format_of(self.results[0].type)
        if number_format is None:
            raise VerifyException(f"{self.name} has a real result where fixed-point is needed")
        return number_format

    @property
    def result_shape(self) -> Shape:
        """Static shape of the first result."""
        return shape_of(self.results[0].type)

    @abstractmethod
    def shape_rule(self) -> Shape:
        """Shape of the result."""

    def fraction_rule(self) -> int:
        """Fraction bits of a fixed-point result: the most of any operand."""
        return max(number_format.fraction for number_format in self.operand_formats)

    @abstractmethod
    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Interval of the result's mantissas at `fraction_rule()` fraction bits."""

    @abstractmethod
    def evaluate(self, operands: Sequence[Values]) -> Values:
        """The exact meaning, on arrays with a leading batch axis."""

    def result_rule(self) -> Attribute:
        """Type of the result: real when any operand is, else wide enough for every value."""
        shape = self.shape_rule()
        if any(format_of(operand.type) is None for operand in self.operands):
            return real_tensor(shape)
        interval = result_interval(self, [interval_of(operand) for operand in self.operands])
        return fixed_tensor(shape, interval.format(self.fraction_rule()))

    def verify_(self) -> None:
        """The declared result agrees with the rules (its width may be narrower by analysis)."""
        if len(self.results) != 1:
            return
        expected = self.shape_rule()
        if self.result_shape != expected:
            raise VerifyException(f"{self.name}: result shape {self.result_shape}, rule {expected}")
        kinds = {format_of(operand.type) is None for operand in self.operands}
        self.verify_elements(kinds)

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Operands are all real or all fixed-point; so is the result, at the rule's fraction."""
        if len(operand_kinds) > 1:
            raise VerifyException(f"{self.name} mixes real and fixed-point operands")
        if self.is_fixed in operand_kinds:
            raise VerifyException(f"{self.name}: result and operands differ in kind")
        if self.is_fixed and self.result_format.fraction != self.fraction_rule():
            raise VerifyException(
                f"{self.name}: result has {self.result_format.fraction} fraction bits,"
                f" the rule gives {self.fraction_rule()}"
            )

    def align(self, values: Values, index: int, rank: int) -> Values:
        """Insert axes after the batch axis, so that operand `index` broadcasts at `rank`."""
        missing = rank - len(self.operand_shapes[index])
        if missing <= 0:
            return values
        return values.reshape(values.shape[0], *([1] * missing), *values.shape[1:])

    def scaled(self, values: Values, index: int) -> Values:
        """Operand `index` brought to `fraction_rule()` (fixed-point only; an exact left shift)."""
        if not self.is_fixed:
            return values
        shift = self.fraction_rule() - self.operand_formats[index].fraction
        return values << shift if shift else values


def result_interval(op: NetloomOp, operands: Sequence[Interval]) -> Interval:
    """`interval_rule`, on intervals that are stored once along an axis where they are equal."""
    if not op.ELEMENTWISE:
        return op.interval_rule(operands).collapsed()
    return op.interval_rule([operand.thin() for operand in operands]).spread(op.shape_rule()).collapsed()


class RealOp(NetloomOp):
    """Base of ops that have a meaning on real numbers only."""

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """Real in, real out."""
        if operand_kinds != {True} or self.is_fixed:
            raise VerifyException(f"{self.name} is defined on real numbers only")

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """Real numbers have no mantissas."""
        raise VerifyException(f"{self.name} is defined on real numbers only")


def broadcasts_into(shape: Shape, target: Shape) -> bool:
    """Whether a tensor of `shape` spreads over `target` without making it larger."""
    try:
        return tuple(np.broadcast_shapes(shape, target)) == target
    except ValueError:
        return False


def check_parameters(op: NetloomOp, parameters: Sequence[ArrayAttr]) -> None:
    """Refuse parameters that do not broadcast into the first operand."""
    check_shapes(op, [parameter.values.shape for parameter in parameters])


def check_shapes(op: NetloomOp, shapes: Sequence[Shape]) -> None:
    """Refuse shapes that do not broadcast into the first operand's."""
    shape = op.operand_shapes[0]
    for given in shapes:
        if not broadcasts_into(given, shape):
            raise VerifyException(f"{op.name}: a parameter of shape {given} does not broadcast into {shape}")


def check_scales(op: NetloomOp, scales: Sequence[ArrayAttr]) -> None:
    """Refuse scales that are not positive."""
    if any(bool(np.any(scale.values <= 0)) for scale in scales):
        raise VerifyException(f"{op.name}: scales are positive")


def axis_of(op: NetloomOp, axis: int) -> int:
    """An axis of the first operand, counted from the front.

    Raises:
        VerifyException: the operand has no such axis.
    """
    rank = len(op.operand_shapes[0])
    if not -rank <= axis < rank:
        raise VerifyException(f"{op.name}: no axis {axis} in a tensor of {rank} axes")
    return axis % rank


Op = TypeVar("Op", bound=NetloomOp)


def interval_of(value: SSAValue) -> Interval:
    """Interval of a value from its definition alone: exact for constants, else its format's."""
    owner = value.owner
    shape = shape_of(value.type)
    number_format = format_of(value.type)
    if number_format is None:
        raise VerifyException("a real value has no mantissas")
    constant = owner.properties.get("value") if isinstance(owner, Operation) else None
    if isinstance(owner, Operation) and owner.name == "fx.constant" and constant is not None:
        return Interval.point(constant.ints())  # type: ignore[attr-defined]  # an ArrayAttr
    return Interval.of_format(number_format, shape)


def make(
    op_type: type[Op],
    operands: Sequence[SSAValue],
    *,
    origin: str = "",
    result: Attribute | None = None,
    **properties: Attribute | None,
) -> Op:
    """Create an op; its result type comes from its own rules unless `result` is given."""
    present: dict[str, Attribute] = {k: v for k, v in properties.items() if v is not None}
    if origin:
        present["origin"] = StringAttr(origin)
    op = op_type.create(operands=list(operands), result_types=[result or real_tensor(())], properties=present)
    if result is None:
        Rewriter.replace_value_with_new_type(op.results[0], op.result_rule())
    return op


def remake(op: Op, operands: Sequence[SSAValue], **changes: Attribute) -> Op:
    """The same op on other operands; keeps properties and origin, types follow the rules."""
    properties: Mapping[str, Attribute] = {**op.properties, **changes}
    new = type(op).create(
        operands=list(operands), result_types=[real_tensor(())], properties=dict(properties)
    )
    Rewriter.replace_value_with_new_type(new.results[0], new.result_rule())
    return new


def as_batch(values: NDArray[Any]) -> Values:
    """A constant as an array with a batch axis of size 1."""
    return np.asarray(values)[None]
