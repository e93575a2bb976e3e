"""Tensor ports of top entities, with their names in VHDL."""

from __future__ import annotations

import re
from dataclasses import dataclass

from netloom.backends.vhdl.names import Names, identifier
from netloom.passes.analysis.hardware import Hardware, PortInfo


@dataclass(frozen=True)
class TopPort:
    """A tensor port of the top entity, as templates need it."""

    info: PortInfo
    signal: str

    @property
    def name(self) -> str:
        """Name in the model."""
        return self.info.name

    @property
    def direction(self) -> str:
        """`in` or `out`."""
        return self.info.direction

    @property
    def bits(self) -> int:
        """Bits of the port."""
        return self.info.bits

    @property
    def digits(self) -> int:
        """Hexadecimal digits of the port."""
        return -(-self.info.bits // 4)

    @property
    def text(self) -> str:
        """Shape and format."""
        shape = " x ".join(map(str, self.info.shape)) or "scalar"
        return f"{shape} of {self.info.format}"


def top_ports(program: Hardware) -> list[TopPort]:
    """Ports with their VHDL names, which stay clear of those of delayed signals and of labels."""
    names = Names()
    ports: list[TopPort] = []
    for info in program.ports:
        reserved = re.search(r"_d\d+$|^delay_|^u_", identifier(info.name))
        ports.append(TopPort(info, names.fresh(f"{info.name}_port" if reserved else info.name)))
    return ports
