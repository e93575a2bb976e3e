"""Layers made of products: with constants, of two inputs, and with multipliers that are shared.

The sum of one output is compressed or added two by two, see `netloom.passes.analysis.arithmetic`.
"""

from __future__ import annotations

import math

import numpy as np

from netloom.core.devices import Device
from netloom.core.fixed import Format
from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp
from netloom.ir.interval import Ints
from netloom.ir.nn import DenseOp, MatMulOp, MulOp, PReluOp
from netloom.passes.analysis.arithmetic import (
    Parts,
    columns,
    compressed,
    constant_product,
    product,
    signed_bits,
)
from netloom.passes.analysis.reuse import sharing
from netloom.passes.analysis.scheduled import stages
from netloom.passes.analysis.timing import wire_bits

CONTROL_LUTS = 20
"""Of a layer with shared multipliers: its counters and flags; measured, 15 to 25 for up to 16 cycles."""
TABLE_DIGIT_BITS = 4
"""The backend writes tables of constants in hexadecimal digits."""


def multiplied(op: MulOp | PReluOp, device: Device) -> Parts:
    """Products element by element; of a leaky rectifier with the selector behind them."""
    formats, count = op.operand_formats, math.prod(op.result_shape)
    select = wire_bits(op.result_format) if isinstance(op, PReluOp) else 0
    for operand, other in ((op.operands[0], formats[1]), (op.operands[1], formats[0])):
        if isinstance(operand.owner, ConstantOp):
            values, times = np.unique(operand.owner.value.ints(), return_counts=True)
            each = [_constant_factor(int(value), values, other, device) for value in values]
            copies = count // int(times.sum())
            lut, dsp = (
                copies * sum(n * int(t) for n, t in zip(row, times, strict=True))
                for row in zip(*each, strict=True)
            )
            return lut + count * select, dsp, 0
    lut, dsp = product(formats[0], formats[1], device)
    return count * (lut + select), count * dsp, 0


def _constant_factor(value: int, values: Ints, other: Format, device: Device) -> tuple[int, int]:
    """LUTs and multipliers of a number times one of the constants of a table."""
    lut, dsp, table, _ = constant_product(value, other.width, _digits(values), device)
    return lut + table, dsp


def _digits(values: Ints) -> int:
    """Bits that the backend gives to each constant: see `netloom.backends.vhdl.text.table_bits`."""
    largest = max(signed_bits(int(values.min(initial=0))), signed_bits(int(values.max(initial=0))))
    return -(-largest // TABLE_DIGIT_BITS) * TABLE_DIGIT_BITS


def _shared(op: DenseOp, device: Device) -> Parts:
    """Multipliers and what feeds them, by `netloom.passes.analysis.reuse`."""
    use = sharing(op)
    count = use.rows * use.multipliers
    each, dsp = product(Format(use.input_bits, 0), Format(use.weight_bits, 0), device)
    narrow = use.input_bits + use.weight_bits
    # The products of a cycle and the sum so far, which its first cycle replaces by the bias.
    line = max(use.terms * use.result_bits, compressed(use.terms * narrow + use.result_bits, use.result_bits))
    lut = count * each + use.rows * use.together * (line if use.terms > 1 else use.result_bits)
    if use.reuse_factor > 1:
        lut += use.rows * use.inputs * use.input_bits + CONTROL_LUTS
    if op.bias is not None and isinstance(op.bias.owner, ConstantOp):
        words = np.resize(op.bias.owner.value.ints(), (use.groups, use.together))
        lut += math.ceil(use.groups / 2**device.lut_inputs) * columns(words, use.result_bits)[1]
    if use.outside:
        return lut, count * dsp, 0
    if use.in_block_memory:
        wide, deep = math.ceil(use.word_bits / 72), math.ceil(use.reuse_factor / 512)
        return lut, count * dsp, wide * deep
    if weights_in_tables(op):
        lut += math.ceil(use.reuse_factor / 2**device.lut_inputs) * weight_bits(op)[1]
    return lut, count * dsp, 0


def product_parts(op: NetloomOp, device: Device) -> Parts:
    """What an op is made of when it multiplies; nothing for other ops."""
    if isinstance(op, MulOp | PReluOp):
        return multiplied(op, device)
    if isinstance(op, MatMulOp) or (isinstance(op, DenseOp) and op.strategy.data != "adder_graph"):
        return products(op, device)
    return 0, 0, 0


def weights_in_tables(op: DenseOp) -> bool:
    """Whether a layer reads its weights from lookup tables; one word alone is no table, and constant."""
    if op.strategy.data != "resource" or op.reuse_factor is None:
        return False
    use = sharing(op)
    return not use.outside and not use.in_block_memory


def weight_bits(op: DenseOp) -> tuple[int, int]:
    """Bits of a memory's words that differ from each other, and tables for them."""
    use = sharing(op)
    assert isinstance(op.weight.owner, ConstantOp)
    blocks = op.weight.owner.value.ints().reshape(use.turns, use.terms, use.groups, use.together)
    words = blocks.transpose(2, 0, 3, 1).reshape(use.reuse_factor, use.multipliers)
    return columns(words, use.weight_bits)


def products(op: MatMulOp | DenseOp, device: Device) -> Parts:
    """A matrix product in any of its strategies but adder graphs."""
    if isinstance(op, DenseOp) and op.strategy.data == "resource":
        return _shared(op, device)
    if isinstance(op, DenseOp) and isinstance(op.weight.owner, ConstantOp):
        return _weighted(op, device)
    left, right = op.operand_formats[:2]
    terms, results = op.operand_shapes[0][-1], math.prod(op.result_shape)
    lut, dsp = product(left, right, device)
    adder = left.width + right.width if dsp else wire_bits(op.result_format)
    return results * (terms * lut + (terms - 1) * adder), results * terms * dsp, 0


def _weighted(op: DenseOp, device: Device) -> Parts:
    """Products with constants; equal weights of one input are one product."""
    assert isinstance(op.weight.owner, ConstantOp)
    weights, width = op.weight.owner.value.ints(), op.operand_formats[0].width
    values, where = np.unique(weights, return_inverse=True)
    factors = [constant_product(int(v), width, _digits(weights), device) for v in values]
    lut, dsp, table, rows = np.array(factors).T
    where = where.reshape(weights.shape)
    once = np.unique(where + len(values) * np.arange(len(weights))[:, None]) % len(values)
    result, biased = wire_bits(op.result_format), _bias_bits(op)
    own = np.array([width + signed_bits(int(value)) if value else 0 for value in values])
    each = int(own.max(initial=0))
    sums = 0
    for column, bias in zip(where.T, biased, strict=True):
        hard, terms = bool(dsp[column].any()), int(np.count_nonzero(rows[column]))
        pairs = max(terms - 1, 0) * each + (result if bias and (terms > 1 or not hard) else 0)
        if len(set(stages(op))) > 1 or terms <= 1:
            # The adder behind one multiplier is a part of it.
            sums += pairs + int(table[column].sum())
        elif hard:
            # Some pairs are compressed; then signs are inverted, which leaves a constant to add.
            pairs += int(table[column].sum())
            whole = int(own[column].sum()) + bias
            sums += max(pairs, min(pairs + result, compressed(whole, result)))
        else:
            sums += max(pairs, compressed(int(rows[column].sum()) * width + bias, result))
    copies = math.prod(op.result_shape) // weights.shape[1]
    return copies * (int(lut[once].sum()) + sums), copies * int(dsp[once].sum()), 0


def _bias_bits(op: DenseOp) -> list[int]:
    """Ones of each output's bias."""
    outputs, width = op.operand_shapes[1][1], wire_bits(op.result_format)
    if op.bias is None or not isinstance(op.bias.owner, ConstantOp):
        return [0] * outputs
    shift = max(op.result_format.fraction - op.operand_formats[2].fraction, 0)
    values = np.resize(op.bias.owner.value.ints(), outputs)
    return [((int(value) << shift) % (1 << width)).bit_count() for value in values]
