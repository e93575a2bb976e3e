"""Elementwise ops: the same logic for each element, without registers."""

from __future__ import annotations

from collections.abc import Callable

from netloom.ir.fx import CastOp
from netloom.ir.nn import MaxOp, SubOp
from netloom_circt.circuit import Bits, Circuit, literal
from netloom_circt.layers.body import Body


def elementwise(body: Body, rule: Callable[..., Bits]) -> list[Bits]:
    """The rule on each element; operands broadcast."""
    places = [body.broadcast(index) for index in range(len(body.op.operands))]
    return [
        rule(body, *(body.aligned(index, place) for index, place in enumerate(row)))
        for row in zip(*places, strict=True)
    ]


Operand = tuple[Bits, int]
"""An element, and the shift to the result's fraction."""


def add(body: Body) -> list[Bits]:
    """Sum or difference."""
    circuit = body.circuit
    rule = circuit.subtract if isinstance(body.op, SubOp) else circuit.add
    return elementwise(body, lambda body, a, b: rule(a[0], b[0], body.width, (a[1], b[1])))


def multiply(body: Body) -> list[Bits]:
    """Product."""
    return elementwise(body, lambda body, a, b: body.circuit.multiply(a[0], b[0], body.width))


def extreme(body: Body) -> list[Bits]:
    """Larger or smaller of two."""
    predicate = ">" if isinstance(body.op, MaxOp) else "<"

    def rule(body: Body, a: Operand, b: Operand) -> Bits:
        circuit = body.circuit
        common = max(x.signed_width + shift for x, shift in (a, b))
        left, right = (circuit.resize(x, common, shift) for x, shift in (a, b))
        return circuit.choose(
            circuit.compare(left, predicate, right),
            circuit.resize(left, body.width),
            circuit.resize(right, body.width),
        )

    return elementwise(body, rule)


def relu(body: Body) -> list[Bits]:
    """max(x, 0)."""

    def rule(body: Body, x: Operand) -> Bits:
        circuit = body.circuit
        zero = circuit.resize(literal(0), body.width)
        return circuit.choose(circuit.is_negative(x[0]), zero, circuit.resize(x[0], body.width))

    return elementwise(body, rule)


def prelu(body: Body) -> list[Bits]:
    """x where x >= 0, else slope * x."""
    fraction = body.op.operand_formats[1].fraction

    def rule(body: Body, x: Operand, slope: Operand) -> Bits:
        circuit = body.circuit
        bent = circuit.multiply(x[0], slope[0], body.width)
        straight = circuit.resize(x[0], body.width, fraction)
        return circuit.choose(circuit.is_negative(x[0]), bent, straight)

    return elementwise(body, rule)


def cast(body: Body) -> list[Bits]:
    """Rounding, then overflow."""
    op = body.op
    assert isinstance(op, CastOp)
    dropped = op.operand_formats[0].fraction - op.result_format.fraction
    rounding, overflow = op.rounding.data, op.overflow.data

    def rule(body: Body, x: Operand) -> Bits:
        value = rounded(body.circuit, x[0], dropped, rounding)
        return clipped(body.circuit, value, body.width, op.result_format.signed, overflow)

    return elementwise(body, rule)


def rounded(circuit: Circuit, x: Bits, dropped: int, mode: str) -> Bits:
    """x / 2**dropped as a whole number, rounded; exact when nothing is dropped."""
    if dropped <= 0:
        return circuit.resize(x, x.signed_width - dropped, -dropped)
    # One bit is left above the quotient for the carry.
    length = max(x.signed_width, dropped + 1) + 1
    value = circuit.resize(x, length)
    floor = circuit.part(value, dropped, length - dropped, signed=True)
    half = circuit.part(value, dropped - 1, 1)
    rest = circuit.invert(circuit.is_zero(circuit.part(value, 0, dropped - 1))) if dropped > 1 else literal(0)
    negative = circuit.is_negative(value)
    up = {
        "TRN": lambda: literal(0),
        "TRN_ZERO": lambda: circuit.all_of(negative, circuit.any_of(half, rest)),
        "RND": lambda: half,
        "RND_ZERO": lambda: circuit.all_of(half, circuit.any_of(rest, negative)),
        "RND_INF": lambda: circuit.all_of(half, circuit.any_of(rest, circuit.invert(negative))),
        "RND_MIN_INF": lambda: circuit.all_of(half, rest),
        "RND_CONV": lambda: circuit.all_of(half, circuit.any_of(rest, circuit.part(floor, 0, 1))),
    }[mode]()
    return circuit.add(floor, up, floor.width)


def clipped(circuit: Circuit, x: Bits, width: int, signed: bool, mode: str) -> Bits:
    """A signed number in `width` bits, by the rule for numbers that do not fit."""
    low = circuit.resize(x, width)
    if mode == "WRAP":
        return low
    value = circuit.resize(x, max(x.width, width) + 1)
    negative = circuit.is_negative(value)
    above = circuit.part(value, width - signed, value.width - width + signed, signed=True)
    fits = circuit.is_zero(above)
    smallest, largest = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
    if signed:
        fits = circuit.any_of(fits, circuit.compare(above, "==", literal(-1)))
    if mode == "SAT_SYM" and signed:
        # In one bit the lowest mantissa is the only one below zero, and stays.
        lowest = circuit.compare(low, "==", literal(smallest))
        smallest |= 1
        low = circuit.choose(lowest, circuit.resize(literal(smallest), width), low)
    ends = [0, 0] if mode == "SAT_ZERO" else [smallest, largest]
    end = circuit.choose(negative, *(circuit.resize(literal(number), width) for number in ends))
    return circuit.choose(fits, low, end)
