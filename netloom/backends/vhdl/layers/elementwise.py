"""Elementwise ops: one combinational process with a loop over the elements."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from netloom.backends.vhdl.layers.layer import Intervals, Layer, Operand, bits, describe, elements
from netloom.backends.vhdl.text import (
    choice,
    element,
    index_expression,
    is_signed,
    literal,
    loop,
    process,
    table,
    table_bits,
    target,
    wire_bits,
)
from netloom.ir.attributes import shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import CastOp, ConstantOp
from netloom.ir.interval import Ints
from netloom.ir.nn import AddOp, MaxOp, MinOp, MulOp, PReluOp, ReluOp, SubOp

_VARIABLES = {"x": "value", "a": "left", "b": "right"}
"""Variables that hold an element of each port."""

SYNTHESIZED_CONSTANT_BITS = 32
"""A constant factor wider than this is multiplied in pieces."""


class Side:
    """One operand of an elementwise op: a port, or a table when it is constant."""

    def __init__(self, op: NetloomOp, index: int, port: str) -> None:
        self.value: SSAValue = op.operands[index]
        self.format = op.operand_formats[index]
        self.index = index
        self.port = port
        self.text = _VARIABLES[port]
        owner = self.value.owner
        constant = owner.value.ints() if isinstance(owner, ConstantOp) else None
        positions = np.arange(elements(self.value)).reshape(shape_of(self.value.type))
        spread = np.broadcast_to(positions, op.result_shape)
        self.declarations: list[str] = []
        self.constant: int | None = None
        if constant is None:
            where, self.declarations = index_expression(spread, "i", f"{port.upper()}_ELEMENT")
            self.source = element(port, where, self.format)
            self.signed, self.width = is_signed(self.format), wire_bits(self.format)
        else:
            self._take_constant(constant, spread)

    def _take_constant(self, constant: Ints, spread: Ints) -> None:
        """Constants are signed, in whole hexadecimal digits; a single one is a literal."""
        flat = constant.reshape(-1)
        self.signed = True
        self.width = table_bits(constant)
        if np.all(flat == flat[0]):
            self.constant = int(flat[0])
            self.text = literal(self.constant, self.width)
            self.source = ""
            return
        name = self.port.upper()
        where, declarations = index_expression(spread, "i", f"{name}_ELEMENT")
        self.declarations = [*table(name, flat), *declarations]
        self.source = f"{name}({where})"

    @property
    def variable(self) -> list[str]:
        """Declaration of the variable that holds the element; a literal needs none."""
        kind = "signed" if self.signed else "unsigned"
        return [f"variable {self.text} : {kind}({self.width - 1} downto 0);"] if self.source else []

    @property
    def load(self) -> list[str]:
        """Statement that loads it."""
        return [f"{self.text} := {self.source};"] if self.source else []

    @property
    def is_port(self) -> bool:
        """Whether it is a port."""
        return not isinstance(self.value.owner, ConstantOp)

    @property
    def signed_width(self) -> int:
        """Bits that hold the operand as a signed number."""
        return self.width + (0 if self.signed else 1)

    def ext(self, width: int, shift: int = 0) -> str:
        """The operand's element times 2**shift, signed, modulo 2**width."""
        if self.constant is not None:
            return literal(self.constant << shift, width)
        places = f", {shift}" if shift else ""
        return f"ext({self.text}, {width}{places})"

    def operand(self) -> Operand:
        """The port."""
        return Operand(self.port, self.index, bits(self.value))


def sides(op: NetloomOp) -> list[Side]:
    """The operands of an op: `x`, or `a` and `b`."""
    ports = ["x"] if len(op.operands) == 1 else ["a", "b"]
    return [Side(op, index, port) for index, port in enumerate(ports)]


def shifts(op: NetloomOp) -> list[int]:
    """Left shifts that bring the operands to the result's fraction."""
    return [op.fraction_rule() - number_format.fraction for number_format in op.operand_formats]


def elementwise(op: NetloomOp, intervals: Intervals) -> Layer:
    """The layer of any elementwise op."""
    del intervals
    operands = sides(op)
    width = wire_bits(op.result_format)
    kind, what, body = _RULES[type(op)](op, operands, target("y", "i", width))
    declarations = [line for side in operands for line in side.declarations]
    variables = [line for side in operands for line in side.variable]
    body = [*(line for side in operands for line in side.load), *body]
    statements = process("elementwise", variables, loop("i", elements(op.results[0]), body), clocked=False)
    return Layer(
        kind,
        (what, f"Gives {describe(op.results[0])}."),
        tuple(side.operand() for side in operands if side.is_port),
        bits(op.results[0]),
        0,
        declarations,
        statements,
    )


_Body = tuple[str, str, list[str]]


def _cast(op: NetloomOp, operands: list[Side], y: str) -> _Body:
    assert isinstance(op, CastOp)
    result = op.result_format
    dropped = op.operand_formats[0].fraction - result.fraction
    modes = f"{op.rounding.data}, {op.overflow.data}"
    arguments = f"{dropped}, {result.width}, {str(result.signed).lower()}, {modes}"
    what = f"Conversion from {op.operand_formats[0]} with {op.rounding.data} and {op.overflow.data}."
    return "cast", what, [f"{y} <= cast({operands[0].text}, {arguments});"]


def _add(op: NetloomOp, operands: list[Side], y: str) -> _Body:
    width = wire_bits(op.result_format)
    sign, what = ("+", "Sum.") if isinstance(op, AddOp) else ("-", "Difference.")
    a, b = (side.ext(width, shift) for side, shift in zip(operands, shifts(op), strict=True))
    return type(op).name.split(".")[1], what, [f"{y} <= std_logic_vector({a} {sign} {b});"]


def _extreme(op: NetloomOp, operands: list[Side], y: str) -> _Body:
    width = wire_bits(op.result_format)
    places = shifts(op)
    common = max(side.signed_width + shift for side, shift in zip(operands, places, strict=True))
    a, b = (side.ext(common, shift) for side, shift in zip(operands, places, strict=True))
    order, what = (">", "Larger of two.") if isinstance(op, MaxOp) else ("<", "Smaller of two.")
    results = [
        f"{y} <= std_logic_vector({side.ext(width, shift)});"
        for side, shift in zip(operands, places, strict=True)
    ]
    return type(op).name.split(".")[1], what, choice(f"{a} {order} {b}", *results)


def _relu(op: NetloomOp, operands: list[Side], y: str) -> _Body:
    x = operands[0]
    copy = f"{y} <= std_logic_vector({x.ext(wire_bits(op.result_format))});"
    body = choice(f"{x.text} < 0", f"{y} <= (others => '0');", copy) if x.signed else [copy]
    if len(body) > 1 and wire_bits(op.result_format) == 1:
        body[1] = f'  {y} <= "0";'
    return "relu", "Rectifier: max(x, 0).", body


def _product(operands: list[Side], width: int) -> str:
    """Product of both elements as signed, modulo 2**width."""
    ordered = sorted(operands, key=lambda side: side.is_port, reverse=True)
    a, b = (side.text if side.signed else f"ext({side.text}, {side.signed_width})" for side in ordered)
    pieces = not ordered[1].is_port and ordered[1].width > SYNTHESIZED_CONSTANT_BITS
    return f"ext({'product_in_pieces' if pieces else 'product'}({a}, {b}), {width})"


def _multiply(op: NetloomOp, operands: list[Side], y: str) -> _Body:
    product = _product(operands, wire_bits(op.result_format))
    return "mul", "Product.", [f"{y} <= std_logic_vector({product});"]


def _prelu(op: NetloomOp, operands: list[Side], y: str) -> _Body:
    width = wire_bits(op.result_format)
    straight = operands[0].ext(width, op.operand_formats[1].fraction)
    body = choice(
        f"{operands[0].text} < 0",
        f"{y} <= std_logic_vector({_product(operands, width)});",
        f"{y} <= std_logic_vector({straight});",
    )
    what = "Leaky rectifier: x where x >= 0, else slope * x."
    return "prelu", what, body if operands[0].signed else [body[3].strip()]


_RULES = {
    CastOp: _cast,
    AddOp: _add,
    SubOp: _add,
    MinOp: _extreme,
    MaxOp: _extreme,
    ReluOp: _relu,
    MulOp: _multiply,
    PReluOp: _prelu,
}
