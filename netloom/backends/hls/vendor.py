"""What differs between the vendors of HLS tools, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from netloom.core.fixed import Format, Overflow, Rounding

Place = Literal["before", "inside"]


@dataclass(frozen=True)
class Pragma:
    """One pragma or attribute of a vendor's compiler.

    Attributes:
        text: template for `str.format`.
        manual: manual and section that list it.
        place: whether it stands before the loop or declaration it is about, or inside its block.
    """

    text: str
    manual: str
    place: Place = "inside"


@dataclass(frozen=True)
class Streams:
    """How a vendor's tool moves beats from function to function. Texts are templates for `str.format`.

    Attributes:
        manual: manual and section that list the classes.
        header: name of the template that makes them known.
        design: how functions reach FIFOs: as parameters of `calls`, or by name, as `tasks`.
        edge: what the design's ports are: `axis` words, `channel`s of beats, or `packets` of beats.
        channel: declaration of a FIFO `{name}` of `{depth}` beats of type `{beat}`.
        parameter: parameter or reference by which a function reaches a FIFO.
        port_in, port_out: the same for a port `{name}`; its words have type `{name}_word`.
        take: expression that takes a beat from a port.
        give: statement that gives a beat `{value}` to a port; `{first}` and `{last}` say whether it is a
            frame's first or last.
        word: type of a word of a port with `{bits}` bits of data, where words are no beats.
        cleared: fields of a word that are not used.
    """

    manual: str
    header: str
    design: Literal["calls", "tasks"]
    edge: Literal["axis", "channel", "packets"]
    channel: str
    parameter: str
    port_in: str
    port_out: str
    take: str
    give: str
    word: str = ""
    cleared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vendor:
    """Number types, pragmas and headers of one vendor.

    Attributes:
        title: name of the tool.
        types: kind of header in `netloom.core.headers`: `ap` or `ac`.
        pragmas: by purpose; a purpose without an entry needs no pragma in this tool. Purposes are the
            constants of `netloom.backends.hls.pragmas`.
        interface: how the design's function takes its tensors: `arrays`, or a `struct` by value.
        one_reader: whether layers that work side by side need arrays of their own to read.
        defined: template for the name of the design's function where it is defined.
        called: the same where a test bench calls it.
        main: head of a test bench's main function.
        leave: template for the statement that ends it with a `{status}`.
        streams: of designs that take their tensors beat by beat; None where there are none.
    """

    title: str
    types: str
    interface: str
    pragmas: Mapping[str, tuple[Pragma, ...]] = field(default_factory=dict)
    one_reader: bool = False
    defined: str = "{name}"
    called: str = "{name}"
    main: str = "int main(int argc, char **argv)"
    leave: str = "return {status};"
    streams: Streams | None = None

    def number(self, number_format: Format, rounding: str = "TRN", overflow: str = "WRAP") -> str:
        """The type of a fixed-point number; the modes are those of conversions into it."""
        return NUMBERS[self.types](number_format, Rounding[rounding], Overflow[overflow])

    def integer(self, width: int, *, signed: bool) -> str:
        """The type of an integer of `width` bits."""
        return INTEGERS[self.types](max(width, 1), signed)

    def pragma(self, purpose: str, place: Place, **values: Any) -> list[str]:
        """The lines of a purpose that stand in a place."""
        chosen = self.pragmas.get(purpose, ())
        return [pragma.text.format(**values) for pragma in chosen if pragma.place == place]


def _ap_number(number_format: Format, rounding: Rounding, overflow: Overflow) -> str:
    kind = "ap_fixed" if number_format.signed and number_format.width else "ap_ufixed"
    modes = f", AP_{rounding.value}, AP_{overflow.value}"
    plain = rounding is Rounding.TRN and overflow is Overflow.WRAP
    return f"{kind}<{_sizes(number_format)}{'' if plain else modes}>"


def _ac_number(number_format: Format, rounding: Rounding, overflow: Overflow) -> str:
    signed = str(number_format.signed and number_format.width > 0).lower()
    modes = f", AC_{rounding.value}, AC_{overflow.value}"
    plain = rounding is Rounding.TRN and overflow is Overflow.WRAP
    return f"ac_fixed<{_sizes(number_format)}, {signed}{'' if plain else modes}>"


def _sizes(number_format: Format) -> str:
    """Width and integer bits; a number of no bits is one bit that is zero."""
    width = max(number_format.width, 1)
    return f"{width}, {width - number_format.fraction}"


NUMBERS = {"ap": _ap_number, "ac": _ac_number}
INTEGERS = {
    "ap": lambda width, signed: f"ap_{'' if signed else 'u'}int<{width}>",
    "ac": lambda width, signed: f"ac_int<{width}, {str(signed).lower()}>",
}
