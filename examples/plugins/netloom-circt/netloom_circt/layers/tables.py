"""`fx.lookup` and `fx.threshold`: tables of constants, and comparisons with constants."""

from __future__ import annotations

from netloom.ir.fx import LookupOp, ThresholdOp
from netloom_circt.circuit import Bits, Circuit, constant, literal
from netloom_circt.layers.body import Body, spread


def lookup(body: Body) -> list[Bits]:
    """An exact table: find the entry's number, then read it; a register may stand between."""
    op, circuit = body.op, body.circuit
    assert isinstance(op, LookupOp)
    entries = op.table.ints().tolist()
    if len(entries) == 1:
        return [literal(entries[0])] * len(body.broadcast(0))
    size = (len(entries) - 1).bit_length()
    table = circuit.table(entries, body.width)
    found: list[Bits] = []
    for place in body.broadcast(0):
        x = body.element(0, place)
        if op.mantissa_bits is None:
            number = offset(circuit, x, op.low.value.data)
        else:
            number = float_index(circuit, x, op.mantissa_bits.value.data)
        address = circuit.part(clamped(circuit, number, len(entries) - 1), 0, size)
        found.append(circuit.read(table, circuit.at(address, body.stages[-1], "address"), body.width))
    return found


def offset(circuit: Circuit, x: Bits, low: int) -> Bits:
    """x - low, exactly."""
    return circuit.subtract(x, literal(low), max(x.signed_width, literal(low).signed_width) + 1)


def clamped(circuit: Circuit, x: Bits, last: int) -> Bits:
    """A signed number brought into 0 .. last."""
    width = max(x.signed_width, literal(last).signed_width)
    value = circuit.resize(x, width)
    largest = circuit.resize(literal(last), width)
    below = circuit.choose(circuit.compare(value, ">", largest), largest, value)
    return circuit.choose(circuit.is_negative(value), circuit.resize(literal(0), width), below)


def float_index(circuit: Circuit, x: Bits, bits: int) -> Bits:
    """For x = 2**e * (1 + f) the number e * 2**bits + floor(f * 2**bits); 0 for x <= 0.

    One choice for each place of the leading one, the highest last.
    """
    places = x.width - x.signed
    size = bits + max(places - 1, 1).bit_length()
    index = constant(0, size)
    for place in range(places):
        taken = min(bits, place)
        parts = [constant(0, bits - taken)] if bits > taken else []
        parts += [circuit.part(x, place - taken, taken)] if taken else []
        exponent = constant(place, size - bits)
        index = circuit.choose(circuit.part(x, place, 1), circuit.join([*parts, exponent]), index)
    zero = constant(0, size)
    return circuit.choose(circuit.is_negative(x), zero, index).read_as(signed=False)


def threshold(body: Body) -> list[Bits]:
    """base + sign * (thresholds reached): compare with all, then count; a register may stand between."""
    op = body.op
    assert isinstance(op, ThresholdOp)
    thresholds, shape = op.thresholds.ints(), op.result_shape
    levels = thresholds.shape[-1]
    rows = [spread(thresholds[..., level], shape) for level in range(levels)]
    found: list[Bits] = []
    for place, (base, sign) in enumerate(
        zip(spread(op.base.ints(), shape), spread(op.sign.ints(), shape), strict=True)
    ):
        count = reached(body, place, [row[place] for row in rows]) if sign else literal(0)
        rule = body.circuit.subtract if sign < 0 else body.circuit.add
        found.append(rule(literal(base), count, body.width))
    return found


def reached(body: Body, place: int, thresholds: list[int]) -> Bits:
    """How many ascending thresholds element `place` has reached.

    The flags are a thermometer, so bit b of their number is the parity of every 2**b-th flag.
    """
    circuit, source = body.circuit, body.op.operand_formats[0]
    x = body.element(0, place)
    flags: list[Bits] = []
    for level in thresholds:
        if level <= source.min_mantissa or level > source.max_mantissa:
            flags.append(literal(int(level <= source.min_mantissa)))
        else:
            flag = circuit.compare(x, ">=", literal(level))
            flags.append(circuit.at(flag, body.stages[-1], "reached"))
    steps = [1 << bit for bit in range(len(flags).bit_length())]
    if not steps:
        return literal(0)
    return circuit.join([circuit.parity(*flags[step - 1 :: step]) for step in steps])
