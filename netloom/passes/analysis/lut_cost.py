"""How many LUTs a network of lookup tables takes after synthesis.

Yosys maps for the fewest levels first: a function of up to three inputs more than a table has is one level,
of tables with multiplexers (F7 to F9; PFUMX and L6MUX21) behind them, however few tables more levels would
take. Where registers stand between the levels, and for functions of more inputs, what is there is mapped.
"""

from __future__ import annotations

import itertools

import numpy as np

from netloom.core.lut_network import IntArray, LutNetwork, every_combination
from netloom.passes.analysis.lut_mapping import rearranged, without_idle_inputs

SELECTED_INPUTS = 3
"""Inputs that multiplexers behind the tables select by."""
DEEPER = 1.35
"""Tables that Yosys spends for each of a function that it cannot have in one level, to have fewer levels;
measured from 1.0 to 1.65, for functions of ten to twelve inputs and one or two bits."""


def network_luts(
    network: LutNetwork, lut_inputs: int, bits: IntArray | None = None, registered: bool = False
) -> float:
    """LUTs of the tables that bits of results depend on.

    Args:
        network: the tables.
        lut_inputs: inputs of a lookup table of the device.
        bits: int64[B, 2], row and bit of the results that are read; None for all.
        registered: whether registers stand between the levels.
    """
    reached = network.reaching(bits)
    if registered:
        free = network.selectors()
        return sum(1 << max(int(network.fan_in[t]) - lut_inputs, 0) for t in reached if t not in free)
    chosen = network.outputs if bits is None else network.outputs[tuple(bits.T)]
    found, deep = 0, set[int]()
    for signal in sorted({int(each) for each in chosen.reshape(-1) if each >= network.n_inputs}):
        alone = LutNetwork(network.n_inputs, network.address, network.truth, np.array([[signal]]))
        part, inputs = alone.part(0)
        if len(inputs) > lut_inputs + SELECTED_INPUTS:
            deep |= alone.reaching()
            continue
        function = part.bits(every_combination(len(inputs)))[0, 0].astype(np.int64)
        function, own = without_idle_inputs(function, tuple(inputs))
        found += flat_luts(function, len(own), lut_inputs)
    return found + DEEPER * len(deep)


def flat_luts(function: IntArray, inputs: int, lut_inputs: int) -> int:
    """Tables of one function behind multiplexers: the mean over the inputs that the tool may select by."""
    more = max(inputs - lut_inputs, 0)
    places = range(inputs)
    costs: list[int] = []
    for select in itertools.combinations(places, more):
        rest = [place for place in places if place not in select]
        costs.append(_different(rearranged(function, [*rest, *select]).reshape(1 << more, -1)))
    return round(sum(costs) / len(costs))


def _different(rows: IntArray) -> int:
    """Different functions among rows that are no constant."""
    varying = rows[(rows != rows[:, :1]).any(axis=1)]
    return len({row.tobytes() for row in varying})
