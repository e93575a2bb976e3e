"""When each bit of a shift-add network is there: what one arrival time for a whole sum would overstate.

The carries of adders in a row run beside each other: the second begins with the lowest bit of the first.
Such a row takes one carry chain, not one for each adder, and besides a table and a route for each adder.
Importing this imports numba: do so only to estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from netloom.core.adder_graph import AdderGraph
from netloom.core.device import Device
from netloom.passes.analysis.kernel_timing import KernelNodes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NEVER = -1e9
"""Arrival of a constant bit."""


@dataclass(frozen=True, eq=False)
class KernelArrivals:
    """Arrival of the last bit of each node, within its stage and before the route behind it (nanoseconds).

    Attributes:
        adders: of each input and adder.
        outputs: of each output; one that negates or adds a bias is a carry chain more.
    """

    adders: Floats
    outputs: Floats


def kernel_arrivals(
    graph: AdderGraph, nodes: KernelNodes, stages: Sequence[int], arrival_ns: float, device: Device
) -> KernelArrivals:
    """Arrivals in a network whose inputs are there `arrival_ns` into their stage.

    Args:
        graph: the network.
        nodes: widths and connections.
        stages: stage of each node.
        arrival_ns: of the inputs, before the routes behind them.
        device: delays.
    """
    bits = np.array(nodes.bits, dtype=np.int64)
    at = np.concatenate([[0], np.cumsum(bits)])
    delays = (device.net_delay_ns, device.lut_delay_ns, device.carry_ns_per_bit, device.carry_ends_ns)
    arrival, planned = np.zeros(int(at[-1])), np.array(stages, dtype=np.int64)
    arrival[: at[graph.n_inputs]] = arrival_ns
    shifts = (graph.lhs_shift, graph.rhs_shift, graph.subtract)
    _add(arrival, at, planned, nodes.low < 0, graph.lhs, graph.rhs, *shifts, *delays)
    outputs = [operands[0] if operands else -1 for operands in nodes.operands[nodes.n_values :]]
    chained = np.array(nodes.delay_ns[nodes.n_values :]) > 0.0
    _give(arrival, at, planned, np.array(outputs, dtype=np.int64), chained, *delays)
    last = np.zeros(len(bits))
    some = np.flatnonzero(bits)
    last[some] = np.maximum.reduceat(arrival, at[some]) if len(some) else 0.0
    return KernelArrivals(last[: nodes.n_values], last[nodes.n_values :])


@numba.njit(cache=True)
def _bit(arrival: Floats, at: Ints, same: bool, route: float, signed: bool, node: int, place: int) -> float:
    """Arrival of a bit of an operand; a sign goes on to the top."""
    bits = at[node + 1] - at[node]
    if place < 0 or bits == 0 or (place >= bits and not signed):
        return NEVER
    if not same:
        return route
    return float(arrival[at[node] + min(place, bits - 1)] + route)


@numba.njit(cache=True)
def _add(
    arrival: Floats,
    at: Ints,
    stages: Ints,
    signed: NDArray[np.bool_],
    lhs: Ints,
    rhs: Ints,
    lhs_shift: Ints,
    rhs_shift: Ints,
    subtract: NDArray[np.bool_],
    route: float,
    lut: float,
    carry: float,
    ends: float,
) -> None:
    """Adders in their order: a low bit of one operand alone passes, others take a table and a carry."""
    first_adder = len(signed) - len(lhs)
    for k in range(len(lhs)):
        node, a, b = first_adder + k, lhs[k], rhs[k]
        passing = rhs_shift[k] if subtract[k] else max(lhs_shift[k], rhs_shift[k])
        carried = NEVER
        same_a, same_b = stages[a] == stages[node], stages[b] == stages[node]
        for place in range(at[node + 1] - at[node]):
            entered = max(
                _bit(arrival, at, same_a, route, signed[a], a, place - lhs_shift[k]),
                _bit(arrival, at, same_b, route, signed[b], b, place - rhs_shift[k]),
            )
            if place < passing:
                arrival[at[node] + place] = max(entered, 0.0)
                continue
            arrival[at[node] + place] = max(entered + lut, carried + ends / 2, 0.0)
            carried = max(carried, entered + ends / 2) + carry


@numba.njit(cache=True)
def _give(
    arrival: Floats,
    at: Ints,
    stages: Ints,
    sources: Ints,
    chained: NDArray[np.bool_],
    route: float,
    lut: float,
    carry: float,
    ends: float,
) -> None:
    """Outputs: nodes as they are, or through one more carry chain."""
    first = len(stages) - len(sources)
    for k in range(len(sources)):
        node, source, carried = first + k, sources[k], NEVER
        for place in range(at[node + 1] - at[node]):
            if source < 0:
                continue
            same = stages[source] == stages[node]
            entered = _bit(arrival, at, same, route, True, source, place)
            if chained[k]:
                arrival[at[node] + place] = max(entered + lut, carried + ends / 2, 0.0)
                carried = max(carried, entered + ends / 2) + carry
            else:
                arrival[at[node] + place] = max(entered - route, 0.0)
