"""Logic, registers, multipliers and memory of a scheduled program, op by op.

The formulas count what an op is made of; they know nothing of what a synthesis tool merges or
removes, so they are for comparing designs and finding the large layers:

* an adder or subtractor takes one LUT for each bit that both operands have, a comparator one and a half;
* a two-way selector takes half a LUT per bit;
* a table of n entries of w bits takes n * w / 2**k LUTs with k LUT inputs, or block memories of
  36 kbit, one copy for two elements, when it has 4096 bits or more;
* a product takes ceil(a / A) * ceil(b / B) multipliers of A x B bits; with at most 6 bits on
  the narrow side it is made of LUTs, about a * b / 2 of them;
* a layer with shared multipliers has as many as it needs in one cycle, adders and accumulators for
  their products, a load selector of half a LUT for each bit of its inputs, and its weights in tables of
  2**k words or in block memories of 512 words of 72 bits;
* a comparison of trees takes a chain of LUTs, its selectors half of one each, a table of leaves one for each
  bit, and none where an adder follows;
* a register takes one flip-flop per bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import SSAValue

from netloom.core.devices import DEFAULT_DEVICE, Device, find_device
from netloom.core.fixed import Format
from netloom.ir.attributes import format_of, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp
from netloom.ir.fx import CastOp, ConstantOp, LookupOp, ThresholdOp
from netloom.ir.interval import Interval
from netloom.ir.nn import (
    AddOp,
    ArgMaxOp,
    DenseOp,
    HardmaxOp,
    MatMulOp,
    MaxOp,
    MinOp,
    MulOp,
    PReluOp,
    ReduceOp,
    ReluOp,
    SubOp,
)
from netloom.ir.program import main
from netloom.ir.tree import EnsembleOp
from netloom.passes.analysis.hardware import Hardware, hardware
from netloom.passes.analysis.kernel_timing import kernel_nodes, row_interval
from netloom.passes.analysis.network import is_streaming
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.analysis.reuse import delay_registers, reuse_factor, sharing
from netloom.passes.analysis.scheduled import latency_cycles, program_timing, stages, start_cycle
from netloom.passes.analysis.timing import steps, tree_levels, wire_bits
from netloom.passes.analysis.tree_plan import plan_of, range_bits, table_luts

BLOCK_MEMORY_BITS = 36 * 1024
TABLE_IN_MEMORY_BITS = 4096
LUT_PRODUCT_BITS = 6

Intervals = Mapping[SSAValue, Interval]


@dataclass(frozen=True)
class LayerEstimate:
    """What one op, or the delays between ops, needs.

    Attributes:
        origin: node of the model; `(delays)` for registers that hold early operands and outputs.
        op: name of the op.
        latency_cycles: registers from its input to its output.
        lut: lookup tables.
        ff: flip-flops.
        dsp: hard multipliers.
        bram36: block memories of 36 kbit.
    """

    origin: str
    op: str
    latency_cycles: int
    lut: int
    ff: int = 0
    dsp: int = 0
    bram36: int = 0


def estimate(module: ModuleOp) -> list[LayerEstimate]:
    """One row per hardware op in order, then one for the delays between them; of a stream, actors and FIFOs.

    Raises:
        CompileError: NL308 for a program that cannot be hardware.
    """
    if is_streaming(module):
        from netloom.estimate.streams import estimate_actors, estimate_fifos  # they ask here for stages

        return [*estimate_actors(module), *estimate_fifos(module)]
    program = hardware(module)
    intervals = value_intervals(module)
    attribute = main(module).attributes.get("device")
    device = find_device(attribute.data if isinstance(attribute, StringAttr) else DEFAULT_DEVICE)
    rows = [_row(op, intervals, device) for op in program.ops]
    timing = program_timing(module)
    cycles = (timing.latency_cycles, timing.interval_cycles) if timing else (0, 0)
    rows.append(LayerEstimate("(delays)", "delay", 0, 0, _delay_bits(program, *cycles)))
    return rows


def _count(value: SSAValue) -> int:
    return math.prod(shape_of(value.type))


def _width(value: SSAValue) -> int:
    number_format = format_of(value.type)
    assert number_format is not None
    return wire_bits(number_format)


def _delay_bits(program: Hardware, latency: int, interval: int) -> int:
    """Registers of the top level: each value is kept until its last use."""
    ready: dict[SSAValue, int] = {value: 0 for value, _ in program.inputs}
    for op in program.ops:
        ready[op.results[0]] = start_cycle(op) + latency_cycles(op)
    last = dict(ready)
    for op in program.ops:
        for operand in op.operands:
            if operand in last:
                last[operand] = max(last[operand], start_cycle(op))
    for value, _ in program.outputs:
        if value in last:
            last[value] = latency
    held = sum(
        delay_registers(last[value] - start, interval) * _count(value) * _width(value)
        for value, start in ready.items()
    )
    return held + latency


def _row(op: NetloomOp, intervals: Intervals, device: Device) -> LayerEstimate:
    rule = _RULES.get(type(op))
    lut, dsp, bram36 = rule(op, intervals, device) if rule is not None else (0, 0, 0)
    ff = _kernel_registers(op, intervals) if isinstance(op, KernelOp) else _step_registers(op, device)
    latency = latency_cycles(op)
    return LayerEstimate(op.origin_name, op.name, latency, lut, ff, dsp, bram36)


def _step_registers(op: NetloomOp, device: Device) -> int:
    """Bits of the registers between an op's steps."""
    planned = stages(op)
    if not planned:
        return 0
    planned.append(latency_cycles(op) - (reuse_factor(op) - 1))
    return sum(
        step.bits * (planned[i + 1] - planned[i]) for i, step in enumerate(steps(op, device))
    )


def _kernel_registers(op: KernelOp, intervals: Intervals) -> int:
    """Bits that cross each stage boundary, for all rows."""
    planned = stages(op, "node") + stages(op, "output")
    if not planned:
        return 0
    nodes = kernel_nodes(op, intervals[op.input], find_device(DEFAULT_DEVICE))
    latency = latency_cycles(op)
    last = [*planned[: nodes.n_values], *([latency] * (len(planned) - nodes.n_values))]
    for node, operands in enumerate(nodes.operands):
        for operand in operands:
            last[operand] = max(last[operand], planned[node])
    bits = sum((end - start) * width for start, end, width in zip(planned, last, nodes.bits, strict=True))
    return _kernel_rows(op) * bits


def _kernel_rows(op: KernelOp) -> int:
    return math.prod(shape_of(op.input.type)[:-1])


_Need = tuple[int, int, int]
"""LUTs, multipliers, block memories."""


def _kernel(op: NetloomOp, intervals: Intervals, device: Device) -> _Need:
    assert isinstance(op, KernelOp)
    # A bias and a negation take the carry chain alone: each bit of it passes, or passes inverted.
    return _kernel_rows(op) * op.graph.adder_tables(*row_interval(op, intervals[op.input])), 0, 0


def _cast(op: NetloomOp, intervals: Intervals, device: Device) -> _Need:
    assert isinstance(op, CastOp)
    source, target = op.operand_formats[0], op.result_format
    dropped = source.fraction - target.fraction
    lut = 0.0
    if dropped > 0 and op.rounding.data != "TRN":
        lut += target.width + dropped / device.lut_inputs
    lost = source.integer - target.integer
    if op.overflow.data != "WRAP" and (lost > 0 or source.signed != target.signed):
        lut += target.width / 2 + max(lost, 1) / device.lut_inputs
    return _count(op.result) * math.ceil(lut), 0, 0


def _adder(op: NetloomOp, intervals: Intervals, device: Device) -> _Need:
    # A bit that one operand has alone passes; a sign goes on to the top, a subtraction has one bit more.
    fraction = op.fraction_rule()
    shifts = [fraction - number_format.fraction for number_format in op.operand_formats]
    ends = [f.width + shift for f, shift in zip(op.operand_formats, shifts, strict=True)]
    top = max(ends)
    for number_format, end in zip(op.operand_formats, ends, strict=True):
        top = top if number_format.signed else min(top, end)
    return _count(op.results[0]) * (max(top - max(shifts), 0) + isinstance(op, SubOp)), 0, 0


def _compare(op: NetloomOp, intervals: Intervals, device: Device) -> _Need:
    width = max(wire_bits(number_format) for number_format in op.operand_formats)
    return _count(op.results[0]) * math.ceil(1.5 * width), 0, 0


def _relu(op: NetloomOp, intervals: Intervals, device: Device) -> _Need:
    # Two bits share a lookup table: both are gated by the same sign.
    signed = op.operand_formats[0].signed
    return _count(op.results[0]) * (math.ceil(wire_bits(op.result_format) / 2) if signed else 0), 0, 0


def product_need(left: Format, right: Format, device: Device) -> tuple[int, int]:
    """LUTs and multipliers of one product."""
    wide, narrow = max(left.width, right.width), min(left.width, right.width)
    if narrow <= LUT_PRODUCT_BITS:
        return math.ceil(wide * narrow / 2) if narrow > 1 else math.ceil(wide / 2), 0
    large, small = device.multiplier_bits
    tiles = math.ceil(wide / large) * math.ceil(narrow / small)
    return (tiles - 1) * (wide + narrow), tiles


def _multiply(op: NetloomOp, intervals: Intervals, device: Device) -> _Need:
    lut, dsp = product_need(op.operand_formats[0], op.operand_formats[1], device)
    count = _count(op.results[0])
    if any(isinstance(operand.owner, ConstantOp) for operand in op.operands):
        # A constant factor is a few adders: on average one per three bits of the constant.
        wide, narrow = (number_format.width for number_format in op.operand_formats)
        return count * max(1, min(wide, narrow) // 3) * wire_bits(op.result_format), 0, 0
    select = wire_bits(op.result_format) // 2 if isinstance(op, PReluOp) else 0
    return count * (lut + select), count * dsp, 0


def _lookup(op: NetloomOp, intervals: Intervals, device: Device) -> _Need:
    assert isinstance(op, LookupOp)
    width, entries, count = wire_bits(op.result_format), len(op.table.values), _count(op.result)
    address = op.operand_formats[0].width if op.mantissa_bits is None else 0
    if op.mantissa_bits is not None:
        address = op.operand_formats[0].width * max(op.operand_formats[0].width.bit_length() // 2, 1)
    if entries * width < TABLE_IN_MEMORY_BITS:
        table = math.ceil(entries / 2**device.lut_inputs) * width
        return count * (address + table), 0, 0
    blocks = math.ceil(entries * width / BLOCK_MEMORY_BITS)
    return count * address, 0, math.ceil(count / 2) * blocks


def _threshold(op: NetloomOp, intervals: Intervals, device: Device) -> _Need:
    assert isinstance(op, ThresholdOp)
    levels, width = op.thresholds.values.shape[-1], op.operand_formats[0].width
    # A comparison with a constant is a chain of LUTs; the count hides in what they share.
    lut = levels * max(math.ceil((width - 1) / (device.lut_inputs - 1)), 1)
    if np.any(op.base.values):
        lut += wire_bits(op.result_format)
    return _count(op.result) * lut, 0, 0


def _reduce(op: NetloomOp, intervals: Intervals, device: Device) -> _Need:
    assert isinstance(op, ReduceOp)
    width = wire_bits(op.operand_formats[0])
    if op.kind.data == "sum":
        width += tree_levels(op.count) // 2
    else:
        width = math.ceil(1.5 * width)
    return _count(op.result) * (op.count - 1) * width, 0, 0


def _arg(op: NetloomOp, intervals: Intervals, device: Device) -> _Need:
    assert isinstance(op, ArgMaxOp | HardmaxOp)
    size = op.operand_shapes[0][op.positive_axis]
    index = max((size - 1).bit_length(), 1)
    rows = _count(op.input) // size
    each = math.ceil(1.5 * wire_bits(op.operand_formats[0]) + index / 2)
    return rows * (size - 1) * each, 0, 0


def _shared(op: DenseOp, device: Device) -> _Need:
    """Multipliers and what feeds them, by `netloom.passes.analysis.reuse`."""
    use = sharing(op)
    count = use.rows * use.multipliers
    left, right = op.operand_formats[:2]
    each, dsp = product_need(left, right, device)
    lut = count * each + count * use.result_bits  # the adders of each product: tree and accumulator
    lut += math.ceil(use.rows * use.inputs * use.input_bits / 2)
    depth = math.ceil(use.groups / 2**device.lut_inputs)
    if op.bias is not None and use.groups > 1:
        lut += depth * use.together * use.result_bits
    if use.outside:
        return lut, count * dsp, 0
    if use.in_block_memory:
        wide, deep = math.ceil(use.word_bits / 72), math.ceil(use.reuse_factor / 512)
        return lut, count * dsp, wide * deep
    if use.reuse_factor > 1:
        lut += math.ceil(use.reuse_factor / 2**device.lut_inputs) * use.word_bits
    return lut, count * dsp, 0


def _products(op: NetloomOp, intervals: Intervals, device: Device) -> _Need:
    assert isinstance(op, MatMulOp | DenseOp)
    if isinstance(op, DenseOp) and op.strategy.data == "resource":
        return _shared(op, device)
    terms, results = op.operand_shapes[0][-1], _count(op.result)
    products = results * terms
    if isinstance(op, DenseOp) and isinstance(op.weight.owner, ConstantOp):
        nonzero = np.count_nonzero(op.weight.owner.value.values, axis=0)
        products = int(nonzero.sum()) * (results // max(len(nonzero), 1))
    lut, dsp = product_need(op.operand_formats[0], op.operand_formats[1], device)
    sums = max(products - results, 0) * wire_bits(op.result_format)
    return products * lut + sums, products * dsp, 0


def _trees(op: NetloomOp, intervals: Intervals, device: Device) -> _Need:
    """Comparisons by groups of bits, two selectors a table, tables and adders by their bits."""
    assert isinstance(op, EnsembleOp)
    plan, width = plan_of(op), op.operand_formats[0].width
    compared = (width - _trailing_zeros(each.threshold) for each in plan.comparisons)
    # The first table looks at all its inputs, each further one at all but the result of the one before.
    lut = sum(1 + math.ceil(max(bits - device.lut_inputs, 0) / (device.lut_inputs - 1)) for bits in compared)
    lut += math.ceil(len(plan.selectors) / 2)
    for each in plan.sums:
        if each is not None:
            # Every other table is part of the adder behind it.
            lut += sum(table_luts(term) * range_bits(term.range) for term in each.terms[::2])
            lut += sum(range_bits(r) for level in each.levels[1:] for r in level)
    return op.rows * lut, 0, 0


def _trailing_zeros(value: int) -> int:
    return (value & -value).bit_length() - 1 if value else 0


_RULES: Mapping[type[NetloomOp], Callable[[NetloomOp, Intervals, Device], _Need]] = {
    KernelOp: _kernel,
    CastOp: _cast,
    AddOp: _adder,
    SubOp: _adder,
    MinOp: _compare,
    MaxOp: _compare,
    ReluOp: _relu,
    MulOp: _multiply,
    PReluOp: _multiply,
    LookupOp: _lookup,
    ThresholdOp: _threshold,
    ReduceOp: _reduce,
    ArgMaxOp: _arg,
    HardmaxOp: _arg,
    MatMulOp: _products,
    DenseOp: _products,
    EnsembleOp: _trees,
}
