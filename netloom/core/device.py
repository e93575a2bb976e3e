"""What a device is: a part number for the vendors' tools and delays for planning."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

UNCROWDED_TABLES = 1000
"""Lookup tables of a design up to which wires are short."""


@dataclass(frozen=True)
class Device:
    """One device, and what a signal needs to pass through its parts (nanoseconds).

    Attributes:
        name: short name by which users choose it.
        family: the vendor's family name.
        part: full part number for the vendor's tool.
        vendor: `amd`, `altera` or `lattice`.
        lut_delay_ns: through one lookup table.
        net_delay_ns: allowance for the route to the next table.
        carry_ns_per_bit: along one bit of a carry chain.
        clock_overhead_ns: clock to output of a register plus setup of the next, plus jitter.
        multiplier_ns: through an unregistered hard multiplier, its routes included.
        multiplier_bits: signed operand widths that one hard multiplier takes.
        rom_ns: through a small table of constants in lookup tables.
        lut_inputs: inputs of a lookup table.
        carry_ends_ns: into a carry chain and out of it, in place of the lookup table.
        crowding: part by which routes get longer for each doubling of the design from 1000 tables on.
    """

    name: str
    family: str
    part: str
    vendor: str
    lut_delay_ns: float
    net_delay_ns: float
    carry_ns_per_bit: float
    clock_overhead_ns: float
    multiplier_ns: float
    multiplier_bits: tuple[int, int]
    rom_ns: float
    lut_inputs: int = 6
    carry_ends_ns: float = 0.0
    crowding: float = 0.0

    @property
    def level_ns(self) -> float:
        """One level of logic: a lookup table and a route."""
        return self.lut_delay_ns + self.net_delay_ns

    def crowded(self, tables: int) -> Device:
        """The same device as a design of so many lookup tables finds it: wires get longer."""
        longer = 1 + self.crowding * max(math.log2(max(tables, 1) / UNCROWDED_TABLES), 0.0)
        return replace(self, net_delay_ns=longer * self.net_delay_ns)

    def adder_ns(self, width_bits: int) -> float:
        """An adder or comparator: a route, and a lookup table or the ends of a carry chain, and the chain."""
        entered = self.net_delay_ns + max(self.lut_delay_ns, self.carry_ends_ns)
        return entered + self.carry_ns_per_bit * max(width_bits, 0)
