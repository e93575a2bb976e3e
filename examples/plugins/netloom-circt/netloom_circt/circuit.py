"""Logic and registers of one hardware module, in CIRCT's comb, hw, seq and, for tables, sv dialects.

Everything here is a bit vector that knows three things CIRCT's signless integers do not: whether it is
read as signed, the pipeline stage in which it is there, and its value where it is constant. Operations
take their operands in one stage: an operand that is there earlier gets registers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from circt.dialects import comb, hw, seq, sv
from circt.ir import ArrayAttr, IntegerAttr, IntegerType, OpResult, StringAttr, Type

from netloom.core.fixed import Format

ANY_STAGE = -1
"""Stage of a constant, which is there at all times."""

PREDICATES = {"==": 0, "<": 2, ">": 4, ">=": 5}
"""Numbers of comb.icmp's predicates; the ordered ones are the signed ones."""


@dataclass(frozen=True, eq=False)
class Bits:
    """A bit vector.

    Attributes:
        width: bits; at least one.
        signed: whether the highest bit counts negative.
        stage: number of registers between the module's inputs and it.
        value: CIRCT's SSA value; None for a constant, which is made where it is used.
        constant: the number that a constant is.
    """

    width: int
    signed: bool
    stage: int
    value: Any = None
    constant: int | None = None

    @property
    def signed_width(self) -> int:
        """Bits that hold it as a signed number."""
        return self.width if self.signed else self.width + 1

    def read_as(self, *, signed: bool) -> Bits:
        """The same bits as a number of the other kind."""
        if self.constant is None or signed == self.signed:
            return replace(self, signed=signed)
        number = self.constant % (1 << self.width)
        return replace(self, signed=signed, constant=wrapped(number, self.width) if signed else number)


def wrapped(number: int, width: int) -> int:
    """The low `width` bits of a number, read as signed."""
    low = number % (1 << width)
    return low - (1 << width) if low >> width - 1 else low


def number_attribute(number: int, width: int) -> Any:
    """The low `width` bits of a number as CIRCT's attribute."""
    if width <= 64:
        return IntegerAttr.get(IntegerType.get_signless(width), wrapped(number, width))
    # The constructor takes 64 bits, the parser any number.
    return IntegerAttr.parse(f"{wrapped(number, width)} : i{width}")


def literal(number: int) -> Bits:
    """A constant of as many bits as it needs."""
    signed = number < 0
    width = (~number if signed else number).bit_length() + signed
    return Bits(max(width, 1), signed, ANY_STAGE, None, number)


def constant(number: int, width: int) -> Bits:
    """A constant of `width` bits, not negative."""
    return Bits(width, False, ANY_STAGE, None, number)


def wire_bits(number_format: Format) -> int:
    """Bits of a number on a wire: at least one, so that no vector is empty."""
    return max(number_format.width, 1)


class Circuit:
    """The body of a hardware module under construction; ops go to CIRCT's current insertion point.

    Args:
        clock: the module's clock (`!seq.clock`), absent in a module without registers.
        enable: the clock enable.
    """

    def __init__(self, clock: Any = None, enable: Any = None) -> None:
        self._clock, self._enable = clock, enable
        self._constants: dict[tuple[int, int], Any] = {}
        self._chains: dict[Any, list[Any]] = {}
        self._parts: dict[tuple[Any, int, int], Any] = {}
        self._wholes: dict[Any, tuple[Any, int]] = {}

    def raw(self, x: Bits) -> Any:
        """CIRCT's value of a bit vector."""
        if x.constant is None:
            return x.value
        key = (x.constant % (1 << x.width), x.width)
        if key not in self._constants:
            self._constants[key] = hw.ConstantOp(number_attribute(*key)).result
        return self._constants[key]

    def _logic(self, op: Any, width: int, *operands: Bits, signed: bool = False) -> Bits:
        """The result of an op whose operands are in one stage."""
        (stage,) = {x.stage for x in operands if x.stage != ANY_STAGE} or {ANY_STAGE}
        return Bits(width, signed, stage, op.result)

    def named(self, x: Bits, name: str) -> Bits:
        """The same vector; the name is kept where the text has a signal for it."""
        if isinstance(x.value, OpResult):
            x.value.owner.attributes["sv.namehint"] = StringAttr.get(name)
        return x

    # Registers

    def at(self, x: Bits, stage: int, name: str = "") -> Bits:
        """A bit vector in a later stage: behind registers, which all of its readers share."""
        if x.constant is not None or x.stage in (ANY_STAGE, stage):
            return x
        if stage < x.stage:
            raise ValueError(f"a value of stage {x.stage} is wanted in stage {stage}")
        chain = self._chains.setdefault(x.value, [x.value])
        while len(chain) <= stage - x.stage:
            label = f"{name}_r{x.stage + len(chain)}" if name else None
            chain.append(
                seq.CompRegClockEnabledOp(
                    chain[-1].type, chain[-1], self._clock, self._enable, name=label
                ).result
            )
        return replace(x, stage=stage, value=chain[stage - x.stage])

    def together(self, *operands: Bits) -> tuple[Bits, ...]:
        """The operands in the stage of the last of them."""
        stage = max(x.stage for x in operands)
        return tuple(self.at(x, stage) for x in operands)

    # Wires

    def part(self, x: Bits, low: int, width: int, *, signed: bool = False) -> Bits:
        """`width` bits from bit `low` on."""
        if x.constant is not None:
            found = x.constant >> low & (1 << width) - 1
            return Bits(width, signed, ANY_STAGE, None, wrapped(found, width) if signed else found)
        if low == 0 and width == x.width:
            return x.read_as(signed=signed)
        # A part of a part is a part of the whole.
        whole, start = self._wholes.get(x.value, (x.value, 0))
        key = (whole, start + low, width)
        if key not in self._parts:
            place = IntegerAttr.get(IntegerType.get_signless(32), start + low)
            self._parts[key] = comb.ExtractOp(IntegerType.get_signless(width), whole, place).result
            self._wholes[self._parts[key]] = (whole, start + low)
        return Bits(width, signed, x.stage, self._parts[key])

    def join(self, elements: Sequence[Bits]) -> Bits:
        """Bit vectors end to end, the first one lowest."""
        elements = self.together(*elements)
        if len(elements) == 1:
            return elements[0]
        op = comb.ConcatOp([self.raw(x) for x in reversed(elements)])
        return self._logic(op, sum(x.width for x in elements), *elements)

    def resize(self, x: Bits, width: int, shift: int = 0) -> Bits:
        """x * 2**shift as a signed number modulo 2**width."""
        if x.constant is not None or shift >= width:
            number = 0 if x.constant is None else wrapped(x.constant << shift, width)
            return Bits(width, True, ANY_STAGE, None, number)
        parts = [constant(0, shift)] if shift else []
        rest = width - shift
        parts.append(self.part(x, 0, min(rest, x.width)))
        if rest > x.width:
            parts.append(self._fill(x, rest - x.width))
        return self.join(parts).read_as(signed=True)

    def _fill(self, x: Bits, count: int) -> Bits:
        """What stands above the highest bit: its copies, or zeros."""
        if not x.signed:
            return constant(0, count)
        sign = self.part(x, x.width - 1, 1)
        if count == 1:
            return sign
        return self._logic(comb.ReplicateOp(IntegerType.get_signless(count), sign.value), count, sign)

    # Arithmetic

    def add(self, a: Bits, b: Bits, width: int, shifts: tuple[int, int] = (0, 0)) -> Bits:
        """a * 2**shifts[0] + b * 2**shifts[1], signed, modulo 2**width."""
        if 0 in (a.constant, b.constant):
            x, shift = (b, shifts[1]) if a.constant == 0 else (a, shifts[0])
            return self.resize(x, width, shift)
        left, right = self._aligned(a, b, width, shifts)
        op = comb.AddOp([self.raw(left), self.raw(right)])
        return self._logic(op, width, left, right, signed=True)

    def subtract(self, a: Bits, b: Bits, width: int, shifts: tuple[int, int] = (0, 0)) -> Bits:
        """a * 2**shifts[0] - b * 2**shifts[1], signed, modulo 2**width."""
        if b.constant == 0:
            return self.resize(a, width, shifts[0])
        left, right = self._aligned(a, b, width, shifts)
        op = comb.SubOp(self.raw(left), self.raw(right))
        return self._logic(op, width, left, right, signed=True)

    def multiply(self, a: Bits, b: Bits, width: int) -> Bits:
        """a * b, signed, modulo 2**width."""
        for x, y in ((a, b), (b, a)):
            if x.constant == 0:
                return self.resize(x, width)
            if x.constant == 1:
                return self.resize(y, width)
        left, right = self._aligned(a, b, width, (0, 0))
        op = comb.MulOp([self.raw(left), self.raw(right)])
        return self._logic(op, width, left, right, signed=True)

    def _aligned(self, a: Bits, b: Bits, width: int, shifts: tuple[int, int]) -> tuple[Bits, Bits]:
        a, b = self.together(a, b)
        return self.resize(a, width, shifts[0]), self.resize(b, width, shifts[1])

    # Decisions; a flag is one bit

    def compare(self, a: Bits, predicate: str, b: Bits) -> Bits:
        """A flag: whether a < b, a > b, a >= b or a == b, as numbers."""
        return self._compared(*self._aligned(a, b, max(a.signed_width, b.signed_width), (0, 0)), predicate)

    def _compared(self, left: Bits, right: Bits, predicate: str) -> Bits:
        number = IntegerAttr.get(IntegerType.get_signless(64), PREDICATES[predicate])
        return self._logic(comb.ICmpOp(number, self.raw(left), self.raw(right)), 1, left, right)

    def is_negative(self, x: Bits) -> Bits:
        """A flag: the sign."""
        return self.part(x, x.width - 1, 1) if x.signed else literal(0)

    def is_zero(self, x: Bits) -> Bits:
        """A flag: whether no bit is set."""
        return self._compared(x, self.resize(literal(0), x.width), "==")

    def choose(self, condition: Bits, yes: Bits, no: Bits) -> Bits:
        """One of two vectors of equal width."""
        if condition.constant is not None:
            return yes if condition.constant else no
        condition, yes, no = self.together(condition, yes, no)
        op = comb.MuxOp(condition.value, self.raw(yes), self.raw(no))
        return self._logic(op, yes.width, condition, yes, no, signed=yes.signed)

    def any_of(self, *flags: Bits) -> Bits:
        """A flag: whether any flag is set."""
        return self._combined(comb.OrOp, flags, neutral=0)

    def all_of(self, *flags: Bits) -> Bits:
        """A flag: whether all flags are set."""
        return self._combined(comb.AndOp, flags, neutral=1)

    def parity(self, *flags: Bits) -> Bits:
        """A flag: whether an odd number of flags is set."""
        return self._combined(comb.XorOp, flags, neutral=0)

    def invert(self, flag: Bits) -> Bits:
        """A flag: its opposite."""
        return literal(1 - flag.constant) if flag.constant is not None else self.parity(flag, literal(1))

    def _combined(self, op_type: Any, flags: Sequence[Bits], neutral: int) -> Bits:
        used = [flag for flag in flags if flag.constant != neutral]
        if len(used) < 2:
            return used[0] if used else literal(neutral)
        used = list(self.together(*used))
        return self._logic(op_type([self.raw(flag) for flag in used]), 1, *used)

    # Tables

    def table(self, entries: Sequence[int], width: int) -> Any:
        """A constant array of two and more entries for `read`.

        It is a signal with unpacked dimensions: Verilator's time over a packed array grows with the square
        of its length.
        """
        kind = Type.parse(f"!hw.uarray<{len(entries)}xi{width}>")
        values = ArrayAttr.get([number_attribute(entry, width) for entry in entries])
        table = sv.WireOp(hw.InOutType.get(kind), "entries").result
        sv.AssignOp(table, hw.AggregateConstantOp(kind, values).result)
        return table

    def read(self, table: Any, address: Bits, width: int) -> Bits:
        """The entry at an address, which has exactly as many bits as the table needs."""
        place = sv.ArrayIndexInOutOp(table, self.raw(address)).result
        return self._logic(sv.ReadInOutOp(place), width, address, signed=True)
