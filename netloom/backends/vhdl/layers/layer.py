"""What every layer has: ports, declarations and statements of one entity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from netloom.backends.vhdl.text import wire_bits
from netloom.ir.attributes import format_of, shape_of
from netloom.ir.interval import Interval

Intervals = Mapping[SSAValue, Interval]


@dataclass(frozen=True)
class Operand:
    """An input port of a layer: its name, the op's operand it takes, and its bits in one lane."""

    port: str
    index: int
    bits: int


@dataclass(frozen=True)
class WritePort:
    """The bits of the ports `tree_address` and `tree_data`, beside `tree_write`."""

    address_bits: int
    data_bits: int

    @property
    def signals(self) -> list[dict[str, str]]:
        """The ports, as templates need them."""
        types = {
            "tree_write": "std_logic",
            "tree_address": f"std_logic_vector({self.address_bits - 1} downto 0)",
            "tree_data": f"std_logic_vector({self.data_bits - 1} downto 0)",
        }
        return [{"name": each, "mode": "in", "type": type_} for each, type_ in types.items()]


@dataclass(frozen=True)
class Layer:
    """One entity.

    Attributes:
        kind: last part of the entity's name.
        summary: comment lines that say what it computes.
        operands: input ports.
        y_bits: bits of the output port.
        latency_cycles: registers from input to output; without any there is no clock port.
        declarations: lines of the architecture's declarative part.
        statements: lines of the architecture's body.
        lanes: how many copies stand side by side, each on its part of the tensors.
        word_bits: of a word of weights from outside, when it takes them from the port `word` and says with
            the port `reading` when it needs one.
        started: whether it has ports `rst` and `start`, because it works on one sample for several cycles.
        writes: through which its memories are written at run time.
    """

    kind: str
    summary: tuple[str, ...]
    operands: tuple[Operand, ...]
    y_bits: int
    latency_cycles: int
    declarations: Sequence[str]
    statements: Sequence[str]
    lanes: int = 1
    started: bool = False
    word_bits: int = 0
    writes: WritePort | None = None


def elements(value: SSAValue) -> int:
    """Number of elements of a tensor."""
    count = 1
    for size in shape_of(value.type):
        count *= size
    return count


def bits(value: SSAValue) -> int:
    """Bits of a tensor on wires."""
    number_format = format_of(value.type)
    assert number_format is not None
    return elements(value) * wire_bits(number_format)


def describe(value: SSAValue) -> str:
    """Shape and format of a tensor, for a comment."""
    shape = " x ".join(map(str, shape_of(value.type))) or "scalar"
    return f"{shape} of {format_of(value.type)}"
