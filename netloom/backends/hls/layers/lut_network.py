"""`da.lut_network`: one bit of a constant for each table."""

from __future__ import annotations

import math

from netloom.backends.hls.layers.layer import Context, Layer, Operand, describe
from netloom.backends.hls.text import indented, integer, loop
from netloom.core.lut_network import ONE, ZERO
from netloom.ir.da import LutNetworkOp

INT_BITS = 31
"""Bits of a result that are put together as a number of type int."""


def lut_network(op: LutNetworkOp, context: Context) -> Layer:
    """The function of a network of lookup tables."""
    network = op.network
    rows = math.prod(op.result_shape[:-1])
    source, result = (
        f"row * {count} + " if rows > 1 else "" for count in (op.operand_shapes[0][-1], op.result_shape[-1])
    )
    lines = [*_inputs(op, source), *_tables(op), *_results(op, result, context.result)]
    body = loop(context.vendor, "row", rows, lines) if rows > 1 else indented(lines, 0)
    return Layer(
        (
            f"{len(network.truth)} lookup tables in {network.levels} levels on {describe(op.input)}.",
            f"Gives {describe(op.result)}.",
        ),
        (Operand("x", 0),) if (network.outputs >= 0).any() else (),
        tuple(body),
    )


def _used(op: LutNetworkOp) -> list[int]:
    """The input bits that are read."""
    read = {*op.network.address.reshape(-1).tolist(), *op.network.outputs.reshape(-1).tolist()}
    return sorted(signal for signal in read if 0 <= signal < op.network.n_inputs)


def _inputs(op: LutNetworkOp, row: str) -> list[str]:
    """The mantissas that are read, and their bits."""
    bits = [divmod(signal, op.bits_per_input) for signal in _used(op)]
    lines = [
        f"const long long x{number} = mantissa(x[{row}{number}]).to_int64();"
        for number in sorted({number for number, _ in bits})
    ]
    lines += [f"const bool x{number}_{bit} = (x{number} >> {bit}) & 1;" for number, bit in bits]
    return lines


def _name(op: LutNetworkOp, signal: int) -> str:
    """The variable of a signal."""
    if signal in (ZERO, ONE):
        return "1" if signal == ONE else "0"
    if signal >= op.network.n_inputs:
        return f"t{signal - op.network.n_inputs}"
    number, bit = divmod(signal, op.bits_per_input)
    return f"x{number}_{bit}"


def _tables(op: LutNetworkOp) -> list[str]:
    """One statement per table."""
    network, lines = op.network, []
    for table, truth in enumerate(network.truth.tolist()):
        entries = 1 << int(network.fan_in[table])
        places = [
            _name(op, signal) if not place else f"{_name(op, signal)} << {place}"
            for place, signal in enumerate(network.inputs_of(table))
        ]
        lines.append(
            f"const bool t{table} = (0x{truth % (1 << entries):X}ULL >> ({' | '.join(places)})) & 1;"
        )
    return lines


def _results(op: LutNetworkOp, row: str, result: str) -> list[str]:
    """The results, put together from their bits; the highest one counts negative where there is a sign."""
    lines = []
    for number, row_bits in enumerate(op.network.outputs.tolist()):
        wide = "(long long)" if len(row_bits) > INT_BITS else ""
        terms = [
            f"{wide}{_name(op, signal)} * {integer(1 << bit)}" if bit else f"{wide}{_name(op, signal)}"
            for bit, signal in enumerate(row_bits)
            if signal != ZERO
        ]
        if op.is_signed and row_bits[-1] != ZERO:
            terms[-1] = f"-{_name(op, row_bits[-1])} * {integer(1 << (len(row_bits) - 1))}"
        lines.append(f"y[{row}{number}] = number<{result}>({' + '.join(terms) or '0'});")
    return lines
