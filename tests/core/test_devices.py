"""Devices are chosen by name; what their figures must satisfy."""

from __future__ import annotations

import pytest

from netloom.core.devices import DEFAULT_DEVICE, DEVICES, Device, find_device
from netloom.core.diagnostics import CompileError


def test_an_unknown_device_is_refused_with_a_suggestion() -> None:
    with pytest.raises(CompileError) as error:
        find_device("xcvu9")
    assert str(error.value) == (
        "[NL206] at 'device': unknown device 'xcvu9'\n"
        f"  supported: {', '.join(sorted(DEVICES))}\n"
        "  to do: did you mean 'xcvu9p'?"
    )


def test_the_default_exists() -> None:
    assert find_device(DEFAULT_DEVICE).part == "xcvu9p-flga2104-2-e"


@pytest.mark.parametrize("device", DEVICES.values(), ids=lambda device: device.name)
def test_wider_adders_are_slower_and_all_delays_are_positive(device: Device) -> None:
    assert 0 < device.lut_delay_ns < device.level_ns < device.adder_ns(8) < device.adder_ns(9)
    assert 0 < device.clock_overhead_ns < device.multiplier_ns
    assert device.vendor in ("amd", "altera", "lattice")
