"""Logic, registers, multipliers and memory of a scheduled program, op by op.

The formulas count what an op is made of (`netloom.passes.analysis.arithmetic` says of what), and what its
place in the schedule does to it:

* an adder or subtractor takes one LUT for each bit that both operands have;
* a comparator of two numbers takes two LUTs for each three bits, a selector one for each bit;
* a rectifier in front of a register is that register's reset: one LUT for an element; in front of an adder
  it is in the adder's LUTs; else it takes one for each bit that is used;
* a cast takes the decision to round, and one LUT for each bit that it clips; what it only clears or sets
  (an unsigned number, saturation to zero) is a register's reset;
* a table of n entries takes LUTs for its different blocks, or in front of a register a half block memory of
  18 kbit and more, for each element, when it has more than 8192 bits;
* a network of lookup tables takes what Yosys maps it to (`netloom.passes.analysis.lut_cost`);
* products take multipliers and adders, or are compressed with their sum;
* a layer with shared multipliers has as many as it needs in one cycle, adders and accumulators for
  their products, a load selector of one LUT for each bit of its inputs, and its weights in tables of
  2**k words or in block memories of 512 words of 72 bits; bits of the weights that are equal in all words
  are one;
* a comparison of trees takes a chain of LUTs, its selectors half of one each, a table of leaves one for each
  bit, and none where an adder follows;
* an engine for trees in memories has a selector of its features, a comparator, three selectors of a
  reference, and an adder with a selector for each score (of one score a leaf, one adder behind selectors);
  its memories are block memories from 64 words on, 18 kbit at a time, else LUTs as for FIFOs;
* a register takes one flip-flop per bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation, SSAValue

from netloom.core.devices import DEFAULT_DEVICE, Device, find_device
from netloom.core.fixed import Format
from netloom.ir.attributes import format_of, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp, LutNetworkOp
from netloom.ir.fx import CastOp, LookupOp, ThresholdOp
from netloom.ir.interval import Interval, Ints
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
from netloom.passes.analysis.arithmetic import (
    Parts,
    clipped,
    comparator,
    cone,
    constant_comparator,
    counted,
    rounded,
    symmetric,
    table_blocks,
    trailing_zeros,
    tree_sums,
)
from netloom.passes.analysis.hardware import Hardware, hardware
from netloom.passes.analysis.kernel_timing import kernel_nodes, row_interval, rows_of
from netloom.passes.analysis.lut_cost import network_luts
from netloom.passes.analysis.network import is_streaming
from netloom.passes.analysis.products import multiplied, products, weight_bits, weights_in_tables
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.analysis.reuse import busy_cycles, delay_registers, sharing
from netloom.passes.analysis.scheduled import latency_cycles, program_timing, stages, start_cycle
from netloom.passes.analysis.timing import index_bits, steps, tree_levels, wire_bits
from netloom.passes.analysis.tree_memory import memory_of
from netloom.passes.analysis.tree_plan import plan_of, range_bits, table_luts

TABLE_IN_MEMORY_BITS = 4096
LOOKUP_IN_MEMORY_BITS = 8192
"""Bits of a table above which Yosys puts it in block memory; measured, between 8192 and 10240."""

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
    attribute = main(module).attributes.get("device")
    device = find_device(attribute.data if isinstance(attribute, StringAttr) else DEFAULT_DEVICE)
    timing = program_timing(module)
    cycles = (timing.latency_cycles, timing.interval_cycles) if timing else (0, 0)
    place = _Place(value_intervals(module), device, _registered(program, cycles[0], device))
    rows = [_row(op, place) for op in program.ops]
    rows.append(LayerEstimate("(delays)", "delay", 0, 0, _delay_bits(program, place, *cycles)))
    return rows


@dataclass(frozen=True)
class _Place:
    """What surrounds the ops: bounds of values, the device, and the values that only registers take."""

    intervals: Intervals
    device: Device
    registered: frozenset[SSAValue]

    def added(self, value: SSAValue) -> bool:
        """Whether adders alone take a value, in its own stage."""
        users = [use.operation for use in value.uses]
        adders = all(isinstance(user, AddOp | SubOp) for user in users)
        return adders and bool(users) and value not in self.registered

    def in_memory(self, op: NetloomOp) -> bool:
        """Whether a table is in block memory, whose own register takes the entry."""
        if not isinstance(op, LookupOp) or op.result not in self.registered:
            return False
        return len(op.table.values) * wire_bits(op.result_format) > LOOKUP_IN_MEMORY_BITS


def _count(value: SSAValue) -> int:
    return math.prod(shape_of(value.type))


def _width(value: SSAValue) -> int:
    number_format = format_of(value.type)
    assert number_format is not None
    return wire_bits(number_format)


def _uses(program: Hardware, latency: int) -> tuple[dict[SSAValue, int], dict[SSAValue, list[int]]]:
    """The cycle in which each value is there, and those in which it is needed."""
    ready: dict[SSAValue, int] = {value: 0 for value, _ in program.inputs}
    for op in program.ops:
        ready[op.results[0]] = start_cycle(op) + latency_cycles(op)
    needed: dict[SSAValue, list[int]] = {value: [] for value in ready}
    for op in program.ops:
        for operand in op.operands:
            if operand in needed:
                needed[operand].append(start_cycle(op))
    for value, _ in program.outputs:
        if value in needed:
            needed[value].append(latency)
    return ready, needed


def _registered(program: Hardware, latency: int, device: Device) -> frozenset[SSAValue]:
    """Values that only registers take, behind wires perhaps."""
    ready, needed = _uses(program, latency)
    found = {value for value, cycles in needed.items() if cycles and min(cycles) > ready[value]}
    outputs = {value for value, _ in program.outputs}
    for op in reversed(program.ops):
        value = op.results[0]
        users = [use.operation for use in value.uses]
        behind = (isinstance(user, NetloomOp) and user.results[0] in found for user in users)
        wires = (
            isinstance(u, NetloomOp) and not isinstance(u, KernelOp) and not steps(u, device) for u in users
        )
        if users and value not in outputs and all(wires) and all(behind):
            found.add(value)
    return frozenset(found)


def _delay_bits(program: Hardware, place: _Place, latency: int, interval: int) -> int:
    """Registers of the top level: each value is kept until its last use."""
    held = 0
    ready, needed = _uses(program, latency)
    for value, cycle in ready.items():
        registers = delay_registers(max(needed[value], default=cycle) - cycle, interval)
        if isinstance(value.owner, NetloomOp) and place.in_memory(value.owner):
            registers -= 1
        held += registers * _count(value) * _width(value)
    return held + latency


def _row(op: NetloomOp, place: _Place) -> LayerEstimate:
    rule = _RULES.get(type(op))
    lut, dsp, bram36 = rule(op, place) if rule is not None else (0, 0, 0)
    intervals, device = place.intervals, place.device
    ff = _kernel_registers(op, intervals) if isinstance(op, KernelOp) else _step_registers(op, device)
    if isinstance(op, DenseOp) and weights_in_tables(op):
        # Bits of the weights that are equal in every cycle are one register.
        ff -= sharing(op).word_bits - weight_bits(op)[0]
    latency = latency_cycles(op)
    return LayerEstimate(op.origin_name, op.name, latency, lut, ff, dsp, bram36)


def _step_registers(op: NetloomOp, device: Device) -> int:
    """Bits of the registers between an op's steps."""
    planned = stages(op)
    if not planned:
        return 0
    planned.append(latency_cycles(op) - (busy_cycles(op) - 1))
    return sum(step.bits * (planned[i + 1] - planned[i]) for i, step in enumerate(steps(op, device)))


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
    return rows_of(op) * bits


def _kernel(op: NetloomOp, place: _Place) -> Parts:
    assert isinstance(op, KernelOp)
    # A bias and a negation take the carry chain alone: each bit of it passes, or passes inverted.
    interval = row_interval(op, place.intervals[op.input])
    return rows_of(op) * op.graph.adder_tables(*interval), 0, 0


def _cast(op: NetloomOp, place: _Place) -> Parts:
    assert isinstance(op, CastOp)
    source, target, device = op.operand_formats[0], op.result_format, place.device
    mode, overflow = op.rounding.data, op.overflow.data
    dropped = max(source.fraction - target.fraction, 0)
    rounds = dropped > 0 and mode != "TRN"
    lut = rounded(mode, dropped, device)
    lost = source.integer - target.integer + rounds
    if overflow != "WRAP" and (lost > 0 or (source.signed and not target.signed)):
        # An unsigned number has no sign bit that another format could take for a part of the value.
        lost = max(lost + (target.signed and not source.signed), 1)
        lut += _clip(op, lost, place)
    if overflow == "SAT_SYM" and target.signed:
        lut += symmetric(target.width, lost > 0, device)
    return _count(op.result) * lut, 0, 0


def _clip(op: CastOp, lost: int, place: _Place) -> int:
    """LUTs that limit one element of which `lost` bits do not fit."""
    source, target, device = op.operand_formats[0], op.result_format, place.device
    if op.overflow.data == "SAT_ZERO" or not source.signed:
        return cone(lost + 1, device) if op.result in place.registered else target.width
    if place.added(op.result) and lost + 2 + target.signed <= device.lut_inputs:
        return 0
    return clipped(target.width, lost, target.signed, device)


def _adder(op: NetloomOp, place: _Place) -> Parts:
    # A bit that one operand has alone passes; a sign goes on to the top, a subtraction has one bit more.
    top, lowest = _aligned(op)
    return _count(op.results[0]) * (max(top - max(lowest), 0) + isinstance(op, SubOp)), 0, 0


def _aligned(op: NetloomOp) -> tuple[int, list[int]]:
    """Bits from the lowest one to where operands are only signs or zeros, and the operands' shifts."""
    fraction = op.fraction_rule()
    shifts = [fraction - number_format.fraction for number_format in op.operand_formats]
    ends = [f.width + shift for f, shift in zip(op.operand_formats, shifts, strict=True)]
    top = max(ends)
    for number_format, end in zip(op.operand_formats, ends, strict=True):
        top = top if number_format.signed else min(top, end)
    return top, shifts


def _compare(op: NetloomOp, place: _Place) -> Parts:
    # Signs above are compared and selected too; zeros below are a reset in front of a register.
    device, (_, shifts) = place.device, _aligned(op)
    ends = [f.width + shift for f, shift in zip(op.operand_formats, shifts, strict=True)]
    both = max(max(ends) - max(shifts), 0)
    alone = max(shifts) - min(shifts)
    lut = both + comparator(both, device) + cone(alone + 1, device)
    if alone:
        lut += 1 if op.results[0] in place.registered else alone
    return _count(op.results[0]) * lut, 0, 0


def _relu(op: NetloomOp, place: _Place) -> Parts:
    assert isinstance(op, ReluOp)
    source, result = op.operand_formats[0], op.results[0]
    if not source.signed or place.added(result):
        return 0, 0, 0
    if result in place.registered:
        return _count(result), 0, 0
    used = [_bits_of_interest(op.result_format, use.operation) for use in result.uses]
    return _count(result) * max(used, default=0), 0, 0


def _bits_of_interest(source: Format, user: Operation) -> int:
    """Bits of a number that its user adds, rounds or passes on."""
    if not isinstance(user, CastOp):
        return wire_bits(source)
    dropped = max(source.fraction - user.result_format.fraction, 0)
    kept = max(source.width - dropped, 1)
    # Without an adder, bits above the result only decide whether it is clipped.
    return kept if dropped and user.rounding.data != "TRN" else min(kept, user.result_format.width)


def _multiply(op: NetloomOp, place: _Place) -> Parts:
    assert isinstance(op, MulOp | PReluOp)
    return multiplied(op, place.device)


def _products(op: NetloomOp, place: _Place) -> Parts:
    assert isinstance(op, MatMulOp | DenseOp)
    return products(op, place.device)


def _lookup(op: NetloomOp, place: _Place) -> Parts:
    assert isinstance(op, LookupOp)
    values, width = op.table.ints(), wire_bits(op.result_format)
    source, entries, count = op.operand_formats[0], len(op.table.values), _count(op.result)
    if op.mantissa_bits is not None:
        address = source.width * max(source.width.bit_length() // 2, 1)
    else:
        low, bits = op.low.value.data, index_bits(op)
        # What is subtracted changes bits from its lowest one on, the top one alone without an adder; a table
        # for all inputs needs no limits.
        address = max(bits - 1 - trailing_zeros(low), 0) if low else 0
        covers = low <= source.min_mantissa and source.max_mantissa < low + entries
        address += 0 if covers else 2 * comparator(source.width, place.device) + bits
    if place.in_memory(op):
        halves = min(math.ceil(entries / w) * math.ceil(width / b) for w, b in HALF_BLOCK_SHAPES)
        return count * address, 0, math.ceil(count * halves / 2)
    return count * (address + table_blocks(values, width, place.device)), 0, 0


def _lut_network(op: NetloomOp, place: _Place) -> Parts:
    """What Yosys makes of the tables that reach a bit that is read."""
    assert isinstance(op, LutNetworkOp)
    registered, k = latency_cycles(op) > 0, place.device.lut_inputs
    luts = network_luts(op.network, k, _bits_read(op.result), registered)
    return round(math.prod(op.result_shape[:-1]) * luts), 0, 0


def _bits_read(value: SSAValue) -> Ints | None:
    """Which bits of the last axis' elements are read, where only tables do; None for all."""
    users = [use.operation for use in value.uses]
    if not users or not all(isinstance(user, LutNetworkOp) for user in users):
        return None
    read: set[tuple[int, int]] = set()
    for user in users:
        assert isinstance(user, LutNetworkOp)
        network, bits = user.network, user.bits_per_input
        tables = network.reaching(_bits_read(user.result))
        signals = {signal for table in tables for signal in network.inputs_of(table)}
        signals |= {int(signal) for signal in network.outputs.reshape(-1)}
        read |= {divmod(signal, bits) for signal in signals if 0 <= signal < network.n_inputs}
    return np.array(sorted(read), dtype=np.int64).reshape(-1, 2)


def _threshold(op: NetloomOp, place: _Place) -> Parts:
    assert isinstance(op, ThresholdOp)
    thresholds, source = op.thresholds.ints(), op.operand_formats[0]
    levels = thresholds.shape[-1]
    values, times = np.unique(thresholds - source.min_mantissa, return_counts=True)
    compare = sum(
        constant_comparator(source.width, int(value), place.device) * int(n)
        for value, n in zip(values, times, strict=True)
    )
    count = _count(op.result)
    lut = compare * (count // max(thresholds.size // max(levels, 1), 1))
    lut += count * counted(levels, place.device)
    if np.any(op.base.values):
        lut += count * wire_bits(op.result_format)
    return lut, 0, 0


def _reduce(op: NetloomOp, place: _Place) -> Parts:
    assert isinstance(op, ReduceOp)
    width, device = wire_bits(op.operand_formats[0]), place.device
    if op.kind.data != "sum":
        return _count(op.result) * (op.count - 1) * (width + comparator(width, device)), 0, 0
    # Levels of the tree in one stage are one sum.
    planned, left, lut = stages(op) or [0] * tree_levels(op.count), op.count, 0
    for stage in sorted(set(planned)):
        levels = planned.count(stage)
        after = math.ceil(left / 2**levels)
        lut += tree_sums(left, after, width)
        left, width = after, width + levels
    return _count(op.result) * lut, 0, 0


def _arg(op: NetloomOp, place: _Place) -> Parts:
    """Comparators, selectors of the values but the last, and of the part of an index that is known before."""
    assert isinstance(op, ArgMaxOp | HardmaxOp)
    size, width = op.operand_shapes[0][op.positive_axis], wire_bits(op.operand_formats[0])
    rows = _count(op.input) // size
    lut, left = (size - 1) * comparator(width, place.device) + max(size - 2, 0) * width, size
    for known in range(tree_levels(size)):
        lut += left // 2 * known
        left = (left + 1) // 2
    return rows * (lut + (size if isinstance(op, HardmaxOp) else 0)), 0, 0


def _trees(op: NetloomOp, place: _Place) -> Parts:
    """Comparisons by groups of bits, two selectors a table, tables and adders by their bits."""
    assert isinstance(op, EnsembleOp)
    device = place.device
    if op.memory is not None:
        return _forest(op, device)
    plan, width = plan_of(op), op.operand_formats[0].width
    compared = (width - trailing_zeros(each.threshold) for each in plan.comparisons)
    # The first table looks at all its inputs, each further one at all but the result of the one before.
    lut = sum(1 + math.ceil(max(bits - device.lut_inputs, 0) / (device.lut_inputs - 1)) for bits in compared)
    lut += math.ceil(len(plan.selectors) / 2)
    for each in plan.sums:
        if each is not None:
            # Every other table is part of the adder behind it.
            lut += sum(table_luts(term) * range_bits(term.range) for term in each.terms[::2])
            lut += sum(range_bits(r) for level in each.levels[1:] for r in level)
    return op.rows * lut, 0, 0


HALF_BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits of half a block memory (AMD UG573)."""


def _forest(op: EnsembleOp, device: Device) -> Parts:
    """Engines for trees in memories, and the adders of their sums: see `netloom.core.tree_memory`."""
    from netloom.estimate.streams import memory as small_memory  # they ask here for stages

    memory = memory_of(op)
    bits, outputs = memory.result_bits, memory.outputs
    lut = memory.input_bits * (memory.features - 1) / 2 + 1.5 * memory.input_bits
    lut += 1.5 * memory.reference_bits
    if memory.one_class:
        lut += bits + outputs * bits
    else:
        lut += 1.5 * outputs * bits
    halves = 0
    for in_block, words, width in (
        (memory.block_nodes, 1 << memory.node_bits, memory.node_word_bits),
        (memory.block_leaves, 1 << memory.leaf_bits, memory.leaf_word_bits),
    ):
        if in_block:
            shapes = (math.ceil(words / w) * math.ceil(width / b) for w, b in HALF_BLOCK_SHAPES)
            halves += min(shapes)
        else:
            lut += small_memory(words, width, device).lut
    sums = (memory.engines - 1) * outputs * bits
    blocks = math.ceil(memory.engines * halves / 2)
    return op.rows * math.ceil(memory.engines * lut + sums), 0, op.rows * blocks


_RULES: Mapping[type[NetloomOp], Callable[[NetloomOp, _Place], Parts]] = {
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
    LutNetworkOp: _lut_network,
    ReduceOp: _reduce,
    ArgMaxOp: _arg,
    HardmaxOp: _arg,
    MatMulOp: _products,
    DenseOp: _products,
    EnsembleOp: _trees,
}
