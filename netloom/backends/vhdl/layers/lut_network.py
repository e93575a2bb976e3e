"""`da.lut_network`: an entry of a constant for each table, one process a level."""

from __future__ import annotations

import math

from netloom.backends.vhdl.layers.layer import Intervals, Layer, Operand, describe
from netloom.backends.vhdl.layers.pipeline import StepText, pipeline
from netloom.backends.vhdl.text import is_signed, target, wire_bits
from netloom.core.lut_network import ONE, ZERO
from netloom.ir.da import LutNetworkOp
from netloom.passes.analysis.scheduled import latency_cycles, stages

GHDL_WORD = 32
"""GHDL 2.0 synthesizes a constant of more bits as zero when the rightmost 32 of them are."""
READ = (
    "-- The leftmost bit of a truth table is entry 0; the rightmost bit of an address is its lowest.",
    "function read(truth, address : std_logic_vector) return std_logic is",
    "begin",
    "  return truth(to_integer(unsigned(address)));",
    "end function read;",
)


def lut_network(op: LutNetworkOp, intervals: Intervals) -> Layer:
    """The layer of lookup tables, for one row of its operand."""
    del intervals
    network, rows = op.network, math.prod(op.result_shape[:-1])
    signals, statements = pipeline(_steps(op), stages(op))
    summary: tuple[str, ...] = (
        f"{len(network.truth)} lookup tables in {network.levels} levels on {describe(op.input)}.",
        f"Gives {describe(op.result)}.",
    )
    if rows > 1:
        summary = (*summary, f"This is one of {rows} equal rows.")
    inputs = op.operand_shapes[0][-1] * wire_bits(op.operand_formats[0])
    return Layer(
        "tables",
        summary,
        (Operand("x", 0, inputs),) if (network.outputs >= 0).any() else (),
        op.result_shape[-1] * wire_bits(op.result_format),
        latency_cycles(op),
        [*READ, *signals] if len(network.truth) else signals,
        statements,
        rows,
    )


def _steps(op: LutNetworkOp) -> list[StepText]:
    """A step for each level of tables, as the timing analysis has them."""
    network = op.network
    known = {signal: _input_bit(op, signal) for signal in range(network.n_inputs)}
    if not network.levels:
        return [StepText("wires", 0, [], _results(op, known))]
    found: list[StepText] = []
    for level in range(1, network.levels + 1):
        variables: list[str] = []
        body: list[str] = []
        alive = network.alive(level)
        for signal in alive:
            if network.depth[signal] == level:
                table = signal - network.n_inputs
                truth = "".join(map(str, network.entries(table)))
                bits = [known[each] for each in reversed(network.inputs_of(table))]
                address = " & ".join(bits) if len(bits) > 1 else f"(0 => {bits[0]})"
                variables.append(f"variable t{table} : std_logic;")
                body.append(f"t{table} := {_entry(truth, address)};")
                known[signal] = f"t{table}"
        name = f"level_{level}"
        if level == network.levels:
            body += _results(op, known)
        else:
            body += [f"{name}({place}) <= {known[signal]};" for place, signal in enumerate(alive)]
            known |= {signal: f"{name}({place})" for place, signal in enumerate(alive)}
        found.append(StepText(name, len(alive), variables, body))
    return found


def _entry(truth: str, address: str) -> str:
    """The bit of a truth table at an address."""
    if len(truth) > GHDL_WORD and "1" not in truth[-GHDL_WORD:]:
        inverted = truth.translate(str.maketrans("01", "10"))
        return f'not read("{inverted}", {address})'
    return f'read("{truth}", {address})'


def _input_bit(op: LutNetworkOp, signal: int) -> str:
    """A bit of the port; above an element's width, its sign."""
    source = op.operand_formats[0]
    element, bit = divmod(signal, op.bits_per_input)
    if bit >= wire_bits(source):
        if not is_signed(source):
            return "'0'"
        bit = wire_bits(source) - 1
    return f"x({element * wire_bits(source) + bit})"


def _results(op: LutNetworkOp, known: dict[int, str]) -> list[str]:
    """The output port, bit by bit; above the bits of a result, its sign."""
    width = wire_bits(op.result_format)
    texts = known | {ZERO: "'0'", ONE: "'1'"}
    body: list[str] = []
    for number, row in enumerate(op.network.outputs.tolist()):
        bits = [texts[signal] for signal in row[:width]]
        bits += [bits[-1] if op.is_signed else "'0'"] * (width - len(bits))
        y = target("y", str(number), width) if width > 1 else f"y({number})"
        body.append(f"{y} <= {' & '.join(reversed(bits))};")
    return body
