"""Carry chains of ECP5 compute the same after their rewriting, in fewer cells and at all pins."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from netloom.build.carries import name_every_pin, shorten, spread

ADDER = 0b1001011010101010
"""Yosys's table of a bit: A + (B xor C), with D at 1."""

Module = dict[str, Any]
INPUTS = 32
FIRST_SUM, FIRST_CARRY = 100, 200


def cell(kind: str, parameters: dict[str, str], outputs: str, **pins: int | str) -> dict[str, Any]:
    outs = outputs.split()
    return {
        "type": kind,
        "parameters": parameters,
        "port_directions": {pin: "output" if pin in outs else "input" for pin in pins},
        "connections": {pin: [bit] for pin, bit in pins.items()},
    }


def adder(width: int, carry: str, read: int, *, constants: bool = False, seed: int = 0) -> Module:
    """One chain of `width` bits, of whose sums the module gives the first `read`."""
    rng = np.random.default_rng(seed)
    operands: list[int | str] = [int(net) for net in rng.integers(2, 2 + INPUTS, 2 * width)]
    if constants:
        operands = [
            bit if keep else carry for bit, keep in zip(operands, rng.random(2 * width) < 0.7, strict=True)
        ]
    pins = {"C": carry, "D": "1"}
    cells = {}
    for low in range(0, width, 2):
        halves: dict[str, int | str] = {}
        for which in (0, 1):
            place = low + which
            at = (
                {"A": operands[2 * place], "B": operands[2 * place + 1]}
                if place < width
                else {"A": carry, "B": carry}
            )
            halves |= {f"{pin}{which}": bit for pin, bit in (at | pins).items()}
            halves[f"S{which}"] = FIRST_SUM + place
        halves["CIN"] = carry if low == 0 else FIRST_CARRY + low
        halves["COUT"] = FIRST_CARRY + low + 2
        parameters = {
            "INJECT1_0": "NO",
            "INJECT1_1": "NO",
            "INIT0": f"{ADDER:016b}",
            "INIT1": f"{ADDER:016b}",
        }
        cells[f"add{low}"] = cell("CCU2C", parameters, "S0 S1 COUT", **halves)
    ports = {
        "x": {"direction": "input", "bits": list(range(2, 2 + INPUTS))},
        "y": {"direction": "output", "bits": list(range(FIRST_SUM, FIRST_SUM + read))},
    }
    return {"ports": ports, "cells": cells}


def run(module: Module, inputs: dict[int | str, int]) -> list[int | None]:
    """The module's outputs, by Yosys's model of the cells; None for what nothing determines."""
    values: dict[int | str, int | None] = {"0": 0, "1": 1, "x": None, **inputs}
    for entry in module["cells"].values():
        wires = defaultdict(lambda: "x", {pin: bits[0] for pin, bits in entry["connections"].items()})
        if entry["type"] == "LUT4":
            values[wires["Z"]] = table(entry["parameters"]["INIT"], [values[wires[pin]] for pin in "ABCD"])
            continue
        carry = values[wires["CIN"]]
        for which in "01":
            content = entry["parameters"][f"INIT{which}"]
            bits = [values[wires[pin + which]] for pin in "ABCD"]
            passes = table(content, bits)
            values[wires[f"S{which}"]] = None if carry is None else passes ^ carry
            carry = carry if passes else table(content, [*bits[:2], 0, 0])
            values["x"] = None
        values[wires["COUT"]] = carry
        values["x"] = None
    return [values[bit] for bit in module["ports"]["y"]["bits"]]


def table(content: str, bits: list[int | None]) -> int:
    assert None not in bits, "a table reads what nothing determines"
    return int(content, 2) >> sum(int(bit or 0) << place for place, bit in enumerate(bits)) & 1


def assert_same(before: Module, after: Module) -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        inputs: dict[int | str, int] = {net: int(rng.integers(2)) for net in range(2, 2 + INPUTS)}
        wanted = run(before, inputs)
        assert None not in wanted
        assert run(after, inputs) == wanted


@pytest.mark.parametrize("constants", [False, True])
@pytest.mark.parametrize("carry", ["0", "1"])
@pytest.mark.parametrize(("width", "read"), [(5, 5), (6, 6), (7, 8), (8, 6), (2, 2), (1, 1)])
def test_a_chain_computes_the_same(width: int, read: int, carry: str, constants: bool) -> None:
    for seed in range(6):
        module = adder(width, carry, read, constants=constants, seed=seed)
        before = copy.deepcopy(module)
        assert shorten(module) == 1
        assert_same(before, module)
        shorter = copy.deepcopy(module)
        spread(module)
        assert_same(shorter, module)


def test_neither_end_of_a_chain_needs_a_cell() -> None:
    for width in (5, 6):
        module = adder(width, "1", width)
        shorten(module)
        assert "CIN" not in module["cells"]["add0"]["connections"]
        assert "COUT" not in module["cells"]["add4"]["connections"]
        name_every_pin(module)
        assert module["cells"]["add0"]["connections"]["CIN"] == ["x"]
        assert module["cells"]["add4"]["connections"]["COUT"] == ["x"]
        # An idle half at the top gives room for the constant; else bit 0 has its sum from a table.
        assert [entry["type"] for entry in module["cells"].values()].count("LUT4") == (width == 6)


def test_an_unread_first_sum_needs_no_table() -> None:
    module = adder(6, "0", 6)
    module["ports"]["y"]["bits"].pop(0)
    shorten(module)
    assert len(module["cells"]) == 3


def test_a_carry_that_something_reads_stays_where_it_is() -> None:
    module = adder(5, "0", 5)
    module["ports"]["y"]["bits"].append(FIRST_CARRY + 2)
    before = copy.deepcopy(module)
    shorten(module)
    assert_same(before, module)
    read = adder(6, "0", 6)
    read["ports"]["y"]["bits"].append(FIRST_CARRY + 6)
    before = copy.deepcopy(read)
    shorten(read)
    assert read["cells"]["add4"]["connections"]["COUT"] == [FIRST_CARRY + 6]
    assert_same(before, read)


@pytest.mark.parametrize("change", ["injects", "net", "operation"])
def test_another_chain_stays_as_it_is(change: str) -> None:
    module = adder(6, "0", 6)
    first = module["cells"]["add0"]
    if change == "injects":
        first["parameters"]["INJECT1_0"] = "YES"
    else:
        first["connections"]["CIN" if change == "net" else "C0"] = [2]
    assert shorten(module) == 0
    if change == "operation":
        assert spread(module) == 5, "the half whose pin C has a net stays"


def test_operands_are_at_all_pins() -> None:
    module = adder(40, "0", 40)
    spread(module)
    pins = [
        pin
        for entry in module["cells"].values()
        for pin, bits in entry["connections"].items()
        if pin[1:] in ("0", "1") and pin[0] != "S" and isinstance(bits[0], int)
    ]
    found = {pin: sum(name[0] == pin for name in pins) for pin in "ABCD"}
    assert found["A"] + found["B"] == found["C"] + found["D"] == 40
    assert min(found.values()) >= 15
