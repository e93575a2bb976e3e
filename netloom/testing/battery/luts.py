"""Networks of lookup tables as no pass makes them: any addresses, constants, levels, signs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from xdsl.ir import SSAValue

from netloom.core.fixed import Format
from netloom.core.lut_network import NONE, ONE, LutNetwork
from netloom.ir.attributes import fixed_tensor, shape_of
from netloom.ir.da import lut_network_op
from netloom.testing.battery.formats import signed, unsigned
from netloom.testing.cases import Case
from netloom.testing.program import Port, Program


def random_network(inputs: int, tables: int, outputs: int, width: int, seed: int) -> LutNetwork:
    """Tables of one to six inputs, some of them the same signal; bits that are signals or constant."""
    rng = np.random.default_rng(seed)
    address = np.full((tables, 6), NONE, dtype=np.int64)
    truth = np.zeros(tables, dtype=np.int64)
    for table in range(tables):
        count = int(rng.integers(1, 7))
        address[table, :count] = rng.integers(max(0, table - 9), inputs + table, count)
        entries = rng.integers(0, 2, 1 << count).astype(np.uint64)
        truth[table] = np.bitwise_or.reduce(entries << np.arange(1 << count, dtype=np.uint64)).astype(
            np.int64
        )
    bits = rng.integers(ONE, inputs + tables, (outputs, width))
    return LutNetwork(inputs, address, truth, bits)


def _build(network: LutNetwork, bits: int, target: Format, program: Program, x: SSAValue) -> SSAValue:
    result = fixed_tensor((*shape_of(x.type)[:-1], len(network.outputs)), target)
    return program.insert(lut_network_op(x, network, bits, result, program.origin))


def luts() -> Sequence[Case]:
    """Networks without and with levels, on numbers with more and with fewer bits than are read."""
    found: list[Case] = []
    for source, bits in ((signed(1, 1), 1), (unsigned(3, 1), 3), (signed(6, 2), 4), (signed(3, 4), 5)):
        for number, (tables, rows, target) in enumerate(
            (
                (0, (), signed(3, 2)),
                (4, (2, 3), unsigned(1, 1)),
                (12, (), signed(5, -2)),
                (40, (2,), unsigned(40, 9)),
                (9, (), signed(1, 1)),
            )
        ):
            port = Port((*rows, 4), source)
            network = random_network(4 * bits, tables, 5, target.width, number)
            name = f"da.lut_network {port}, {tables} tables on {bits} bits, {target}"
            found.append(Case(name, "da.lut_network", (port,), partial(_build, network, bits, target)))
    return found
