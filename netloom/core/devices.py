"""Devices: part numbers for the vendors' tools and delays for planning.

The delays are planning figures. They say how much logic to put between two registers before any
vendor tool has run, and are rounded from public material: switching characteristics in the
families' data sheets for logic, carry and multiplier delays, with an allowance for routing of about
the size of the logic delay. Those of ECP5 are fitted to results of nextpnr. The vendor's timing report
is the authority.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netloom.core.device import Device
from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.hooks import hookimpl
from netloom.core.plugins import registry

__all__ = ["DEFAULT_DEVICE", "DEVICES", "Device", "find_device"]

DEFAULT_DEVICE = "xcvu9p"


def _ultrascale(name: str, part: str) -> Device:
    """Speed grade -2 of 16 nm UltraScale+ (data sheets DS923, DS926)."""
    return Device(name, "UltraScale+", part, "amd", 0.12, 0.28, 0.012, 0.25, 2.0, (27, 18), 0.60)


def _series7(name: str, family: str, part: str, slower: float) -> Device:
    """28 nm 7 series (data sheets DS181, DS183, DS187); `slower` scales to family and grade."""

    def scaled(delay_ns: float) -> float:
        return round(slower * delay_ns, 3)

    return Device(
        name,
        family,
        part,
        "amd",
        lut_delay_ns=scaled(0.15),
        net_delay_ns=scaled(0.45),
        carry_ns_per_bit=scaled(0.025),
        clock_overhead_ns=scaled(0.45),
        multiplier_ns=scaled(3.3),
        multiplier_bits=(25, 18),
        rom_ns=scaled(1.0),
    )


DEVICES: Mapping[str, Device] = {
    device.name: device
    for device in (
        _ultrascale("xcvu9p", "xcvu9p-flga2104-2-e"),
        _ultrascale("xcvu13p", "xcvu13p-flga2577-2-e"),
        _ultrascale("xcku5p", "xcku5p-ffvb676-2-e"),
        _ultrascale("xczu9eg", "xczu9eg-ffvb1156-2-e"),
        _series7("xc7vx690t", "Virtex-7", "xc7vx690tffg1927-2", 1.0),
        _series7("pynq-z2", "Zynq-7000", "xc7z020clg400-1", 1.35),
        _series7("xc7a100t", "Artix-7", "xc7a100tcsg324-1", 1.35),
        # Lattice FPGA-DS-02012: 40 nm, four-input tables, carry over pairs of bits. Delays of cells are
        # those of nextpnr's database; route, crowding and overhead are fitted to what it routed
        # (benchmarks/frequency.py).
        Device(
            "ecp5-85k",
            "ECP5",
            "LFE5U-85F-6BG381C",
            "lattice",
            lut_delay_ns=0.24,
            net_delay_ns=0.88,
            carry_ns_per_bit=0.036,
            clock_overhead_ns=3.47,
            multiplier_ns=4.9,
            multiplier_bits=(18, 18),
            rom_ns=0.6,
            lut_inputs=4,
            carry_ends_ns=0.85,
            crowding=0.15,
        ),
        # Device handbooks and data sheets of the families; speed grades as in the part numbers.
        Device(
            "cyclone-v", "Cyclone V", "5CSEMA5F31C6", "altera", 0.35, 0.60, 0.030, 0.55, 3.9, (27, 27), 1.6
        ),
        Device(
            "cyclone-10-gx",
            "Cyclone 10 GX",
            "10CX220YF780I5G",
            "altera",
            0.22,
            0.40,
            0.018,
            0.40,
            2.9,
            (27, 27),
            1.0,
        ),
        Device(
            "arria-10", "Arria 10", "10AX115N2F45E1SG", "altera", 0.20, 0.38, 0.016, 0.38, 2.7, (27, 27), 0.95
        ),
        Device(
            "agilex-7", "Agilex 7", "AGFB014R24B2E2V", "altera", 0.11, 0.28, 0.010, 0.25, 1.9, (27, 27), 0.60
        ),
    )
}


@hookimpl
def netloom_devices() -> Sequence[Device]:
    """The devices of the package, registered through the same hook as anybody's."""
    return list(DEVICES.values())


def find_device(name: str) -> Device:
    """The device of a short name, from whichever plugin has it.

    Raises:
        CompileError: NL206 when there is none.
    """
    known = registry().devices
    if name in known:
        device: Device = known[name].value
        return device
    raise CompileError(
        "NL206",
        f"unknown device '{name}'",
        origin="device",
        supported=", ".join(known),
        hint=suggestion(name, known),
    )
