"""Carry chains of ECP5, in few cells and over all pins.

Yosys gives every chain a constant to carry in and a wire to carry out; nextpnr makes a cell for each of
the two, routes the constant to the first, and begins every chain in a new tile, which has four cells.
Of a network of constant products that is a fourth of all tables. `shorten` has the carry come from the
chain itself:

- where its last half cell is idle, all bits move up by one, and the first half gives the constant;
- else the first half gives the carry of bit 0 alone, and a table beside the chain gives its sum.

Yosys has the two operands at the pins A and B. A tile's wires of length 2 lead with odd numbers to A
and B, with even ones to C and D, so that half of them lead nowhere in a design of adders. `spread` moves
one operand to C or D.

Half a cell (Lattice FPGA-TN-02205; Yosys's model of CCU2C) has two tables of one content: with
S = LUT4(A, B, C, D) its sum is S xor CIN, and its carry is CIN where S is 1 and LUT2(A, B) where S is 0.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Bit = int | str
"""A net's number in Yosys's JSON, or the constant `0`, `1` or `x`."""

CELL = "CCU2C"
_PINS = "ABCD"
_HALVES = "01"
_CONSTANTS = ("0", "1")


@dataclass(frozen=True)
class Half:
    """Half a carry cell: one bit of a chain.

    Attributes:
        pins: bits at A, B, C and D.
        content: of its table, bit A + 2 B + 4 C + 8 D.
        sum: net of its sum; None when nothing reads it.
    """

    pins: tuple[Bit, ...]
    content: int
    sum: Bit | None


def shorten(module: Mapping[str, Any]) -> int:
    """Rewrite the chains of a module in place, as `write_json` of Yosys describes it; number of the chains.

    A chain that begins with a net, or whose cells inject a carry themselves, stays as it is.
    """
    cells: MutableMapping[str, Any] = module["cells"]
    readers = _readers(module)
    chains = 0
    for names in list(_chains(cells)):
        chain = [cells[name] for name in names]
        last = chain[-1]["connections"]
        if "COUT" in last and not readers[last["COUT"][0]]:
            del last["COUT"]
        halves = [_half(cell, which, readers) for cell in chain for which in _HALVES]
        if any(cell["parameters"][f"INJECT1_{half}"] != "NO" for cell in chain for half in _HALVES):
            continue
        if not all(pin in _CONSTANTS for pin in halves[0].pins[2:]):
            continue
        carry = int(chain[0]["connections"]["CIN"][0])
        carries = [cell["connections"]["COUT"][0] for cell in chain[:-1]]
        # A carry that something else reads is one of an odd bit, and stays so.
        inner = all(readers[net] == 1 for net in carries)
        if inner and "COUT" not in last and halves[-1].sum is None:
            halves = [Half(("1",) * 4, 0xF * carry, None), *halves[:-1]]
        else:
            if halves[0].sum is not None:
                cells[f"{names[0]}$sum"] = _table(halves[0], carry)
            halves[0] = _generator(halves[0], carry)
        for place, half in enumerate(halves):
            _write(chain[place // 2], _HALVES[place % 2], half)
        del chain[0]["connections"]["CIN"]
        chains += 1
    return chains


def name_every_pin(module: Mapping[str, Any]) -> None:
    """Tie open pins of carry cells to `x`, in place: nextpnr wants every pin and takes that for open."""
    for cell in module["cells"].values():
        if cell["type"] == CELL:
            for pin, way in _WAYS.items():
                cell["port_directions"].setdefault(pin, way)
                cell["connections"].setdefault(pin, ["x"])


_WAYS = {
    **{pin: "input" for pin in ("CIN", *(pin + which for pin in _PINS for which in _HALVES))},
    **{pin: "output" for pin in ("COUT", "S0", "S1")},
}


def _readers(module: Mapping[str, Any]) -> Counter[Bit]:
    """How many pins read each net."""
    found: Counter[Bit] = Counter()
    for cell in module["cells"].values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"].get(port) != "output":
                found.update(bits)
    for port in module["ports"].values():
        if port["direction"] != "input":
            found.update(port["bits"])
    return found


def _chains(cells: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """Names of the cells of each chain that begins with a constant."""
    after: dict[Bit, list[str]] = {}
    starts: list[str] = []
    for name, cell in cells.items():
        if cell["type"] == CELL:
            carry = cell["connections"].get("CIN", [None])[0]
            if carry in _CONSTANTS:
                starts.append(name)
            elif carry is not None:
                after.setdefault(carry, []).append(name)
    for start in starts:
        chain = [start]
        while len(following := after.get(cells[chain[-1]]["connections"].get("COUT", [None])[0], [])) == 1:
            chain += following
        yield chain


def _half(cell: Mapping[str, Any], which: str, readers: Mapping[Bit, int]) -> Half:
    pins = tuple(cell["connections"][pin + which][0] for pin in _PINS)
    content = int(cell["parameters"][f"INIT{which}"], 2)
    total = cell["connections"].get(f"S{which}", [None])[0]
    return Half(pins, content, total if total in readers else None)


def _generator(half: Half, carry: int) -> Half:
    """The half that gives the same carry without a carry in; its sum is of no use.

    D is 1 there, and the upper part of the table 0, so that its carry is LUT2 alone.
    """
    fixed = sum(int(pin) << place for place, pin in enumerate(half.pins) if place >= 2)
    content = 0
    for low in range(4):
        passes = half.content >> (fixed | low) & 1
        content |= (carry if passes else half.content >> low & 1) << low
    return replace(half, pins=(*half.pins[:2], "1", "1"), content=content, sum=None)


def _table(half: Half, carry: int) -> dict[str, Any]:
    """A table with the sum of a half."""
    ways = {pin: "input" for pin in _PINS} | {"Z": "output"}
    wires = {pin: [bit] for pin, bit in zip(_PINS, half.pins, strict=True)} | {"Z": [half.sum]}
    content = half.content ^ (0xFFFF * carry)
    return {
        "hide_name": 1,
        "type": "LUT4",
        "parameters": {"INIT": f"{content:016b}"},
        "attributes": {},
        "port_directions": ways,
        "connections": wires,
    }


def _write(cell: Mapping[str, Any], which: str, half: Half) -> None:
    for pin, bit in zip(_PINS, half.pins, strict=True):
        cell["connections"][pin + which] = [bit]
    cell["parameters"][f"INIT{which}"] = f"{half.content:016b}"
    cell["connections"].pop(f"S{which}", None)
    if half.sum is not None:
        cell["connections"][f"S{which}"] = [half.sum]


def spread(module: Mapping[str, Any]) -> int:
    """Move operands of carry cells in place, so that all four pins are in use; number of the halves moved.

    A net goes where most of its readers are already, for there its wires are; else to the pin that
    is used least.
    """
    readers = _readers(module)
    taken: Counter[tuple[Bit, int]] = Counter()
    total: Counter[int] = Counter()
    moved = 0
    for cell in module["cells"].values():
        if cell["type"] != CELL:
            continue
        for which in _HALVES:
            half = _half(cell, which, readers)
            choices = _arranged(half)
            if not choices:
                continue
            best = max(choices, key=lambda choice: _merit(choice, taken, total))
            _write(cell, which, best)
            for pin, bit in enumerate(best.pins):
                if isinstance(bit, int):
                    taken[bit, pin] += 1
                    total[pin] += 1
            moved += 1
    return moved


def _merit(half: Half, taken: Counter[tuple[Bit, int]], total: Counter[int]) -> tuple[int, int, int]:
    """How many of its nets are mostly at these pairs of pins, at these pins; how free the pins are."""
    pairs = pins = use = 0
    for pin, bit in enumerate(half.pins):
        if isinstance(bit, int):
            here, beside = taken[bit, pin], taken[bit, pin ^ 1]
            there = taken[bit, pin ^ 2] + taken[bit, pin ^ 3]
            pairs += (here + beside > there) - (here + beside < there)
            pins += here > beside
            use += total[pin]
    return pairs, pins, -use


def _arranged(half: Half) -> Sequence[Half]:
    """The half with its nets at other pins; none where that cannot be."""
    kinds = tuple("net" if isinstance(bit, int) else bit for bit in half.pins)
    return [
        Half(tuple("1" if old is None else half.pins[old] for old in sources), content, half.sum)
        for sources, content in _arrangements(kinds, half.content)
    ]


Sources = tuple[int | None, ...]
"""For each pin the former pin of its net; None for a constant 1."""


@functools.cache
def _arrangements(kinds: tuple[str, ...], content: int) -> Sequence[tuple[Sources, int]]:
    """Ways to give the nets of a half to its pins, one to A or B and one to C or D.

    Args:
        kinds: of each pin, `net` or a constant.
        content: of the table.
    """
    nets = [pin for pin, kind in enumerate(kinds) if kind == "net"]
    if not nets or any(kind not in _CONSTANTS for kind in (*kinds[2:], *set(kinds[:2]) - {"net"})):
        return ()
    found: list[tuple[Sources, int]] = []
    for low in (*nets, None):
        others = [pin for pin in nets if pin != low]
        if len(others) > 1:
            continue
        high = others[0] if others else None
        for a, b in itertools.product(
            (0, 1) if low is not None else (0,), (2, 3) if high is not None else (2,)
        ):
            sources: list[int | None] = [None] * 4
            sources[a], sources[b] = low, high
            changed = _rearranged(kinds, content, tuple(sources))
            if changed is not None:
                found.append((tuple(sources), changed))
    return tuple(found)


def _rearranged(kinds: tuple[str, ...], content: int, sources: Sources) -> int | None:
    """Content of the table with the nets at other pins; None where LUT2 would need both nets.

    One of C and D is 1, so the four bits with both at 0 belong to LUT2 alone; it matters where S is 0.
    """
    constants = sum(1 << pin for pin, kind in enumerate(kinds) if kind == "1")
    carries: dict[int, int] = {}
    result = 0
    for new in reversed(range(16)):
        old = constants | sum(
            (new >> pin & 1) << source for pin, source in enumerate(sources) if source is not None
        )
        total = content >> old & 1
        if new < 4:
            result |= carries.get(new & 3, 0) << new
            continue
        result |= total << new
        if not total and carries.setdefault(new & 3, content >> (old & 3) & 1) != content >> (old & 3) & 1:
            return None
    return result
