"""The families that the open flow synthesizes for, as data: Yosys's commands and what each cell is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from netloom.build import carries

Classes = Mapping[str, tuple[str, float]]
"""Pattern of cell names to a class of resource and how many of it one cell is."""


@dataclass(frozen=True)
class Target:
    """A family.

    Attributes:
        name: name by which users choose it.
        title: name by which its makers call it.
        synthesis: Yosys commands, with the name of the top module as `{top}`.
        cells: what cells count as.
        models: simulation models of the cells, in Yosys's share directory.
        routed: whether place and route and a bitstream follow.
        rewrites: what is changed in the synthesized module, given as Yosys's JSON describes it.
    """

    name: str
    title: str
    synthesis: tuple[str, ...]
    cells: Classes
    models: tuple[str, ...]
    routed: bool = False
    rewrites: tuple[Callable[[Mapping[str, Any]], object], ...] = ()

    def classify(self, cell: str) -> tuple[str, float] | None:
        """Class and amount of a cell; None for what takes no logic."""
        for pattern, meaning in self.cells.items():
            if re.fullmatch(pattern, cell):
                return meaning
        return None


TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        target.name: target
        for target in (
            Target(
                "xcup",
                "AMD UltraScale+",
                # The pads would hide what the design itself needs; its carry chains come as CARRY4.
                ("synth_xilinx -family xcup -flatten -noiopad -noclkbuf -top {top}",),
                {
                    r"LUT[1-6]|LUT6_2": ("lut", 1),
                    # Tables used as shift registers and as small memories.
                    r"SRL16E?|SRLC32E|RAM(32|64)X1[SD]": ("lut", 1),
                    r"RAM(32M|64M)": ("lut", 4),
                    r"RAM(32M16|64M8|64X8SW)": ("lut", 8),
                    r"FD[RSCP]E(_1)?": ("ff", 1),
                    r"CARRY[48]": ("carry", 1),
                    r"DSP48E[12]": ("dsp", 1),
                    r"RAMB36E[12]": ("bram", 1),
                    r"RAMB18E[12]": ("bram", 0.5),
                },
                ("+/xilinx/cells_sim.v",),
            ),
            Target(
                "ecp5",
                "Lattice ECP5",
                # Without the last part, which takes a third of the time to name wires after cells.
                ("synth_ecp5 -top {top} -run begin:check", "blackbox =A:whitebox"),
                {
                    r"LUT4": ("lut", 1),
                    r"TRELLIS_DPR16X4": ("lut", 6),
                    r"TRELLIS_FF": ("ff", 1),
                    r"CCU2C": ("carry", 1),
                    r"MULT18X18D|ALU54B": ("dsp", 1),
                    r"DP16KD|PDPW16KD": ("bram", 1),
                },
                ("+/ecp5/cells_sim.v",),
                routed=True,
                rewrites=(carries.shorten, carries.spread),
            ),
        )
    }
)

RESOURCES = ("lut", "ff", "carry", "dsp", "bram")
"""Classes of resources, in the order of reports."""


@dataclass(frozen=True)
class Ecp5:
    """A device of the family ECP5 (Lattice FPGA-DS-02012).

    Attributes:
        name: flag of nextpnr.
        luts: four-input tables; two adder bits take two of them.
        dsp: multipliers of 18 x 18 bits.
        bram: block memories of 18 kbit.
    """

    name: str
    luts: int
    dsp: int
    bram: int


ECP5_DEVICES: tuple[Ecp5, ...] = (
    Ecp5("12k", 12096, 28, 32),
    Ecp5("25k", 24288, 28, 56),
    Ecp5("45k", 43848, 72, 108),
    Ecp5("85k", 83640, 156, 208),
)
"""Smallest first. nextpnr gives the 12k all tables of the 25k, which is the same die."""
