"""How long each op's logic takes on a device, step by step.

A step is a piece of an op that no register divides. The names and the number of an op's steps are
what its hardware is built from, so the schedule, the estimate and the backend all ask here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from netloom.core.devices import Device
from netloom.core.fixed import Format
from netloom.ir.attributes import format_of, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.da import LutNetworkOp
from netloom.ir.fx import CastOp, LookupOp, ThresholdOp
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
from netloom.ir.tree import EnsembleOp
from netloom.passes.analysis.reuse import sharing
from netloom.passes.analysis.tree_memory import compare_ns, memory_of, select_ns
from netloom.passes.analysis.tree_plan import plan_of


@dataclass(frozen=True)
class Step:
    """One piece of an op.

    Attributes:
        name: what it does.
        delay_ns: from its operands to its results.
        bits: number of bits that it produces, over the whole tensor.
        registered: whether a register follows in any case.
    """

    name: str
    delay_ns: float
    bits: int
    registered: bool = False


def tree_levels(count: int) -> int:
    """Levels of a balanced tree of two-input operations over `count` leaves."""
    return max(count - 1, 0).bit_length()


def wire_bits(number_format: Format) -> int:
    """Bits of a value on a wire: at least one, so that no vector is empty."""
    return max(number_format.width, 1)


def tensor_bits(value: SSAValue) -> int:
    """Bits of a whole fixed-point tensor on wires."""
    number_format = format_of(value.type)
    assert number_format is not None
    return math.prod(shape_of(value.type)) * wire_bits(number_format)


def value_bits(op: NetloomOp) -> int:
    """Bits of an op's whole result."""
    return tensor_bits(op.results[0])


def steps(op: NetloomOp, device: Device) -> list[Step]:
    """The steps of an op, in order; none for an op that is only wires (and for `da.kernel`)."""
    rule = _RULES.get(type(op))
    return [] if rule is None else rule(op, device)


def multiplier_ns(left: Format, right: Format, device: Device) -> float:
    """A product: hard multipliers, and adders when one multiplier is too narrow."""
    wide, narrow = max(left.width, right.width), min(left.width, right.width)
    if narrow <= 1:
        return device.level_ns
    tiles = math.ceil(wide / device.multiplier_bits[0]) * math.ceil(narrow / device.multiplier_bits[1])
    return device.multiplier_ns + tree_levels(tiles) * device.adder_ns(wide + narrow)


def _cast(op: NetloomOp, device: Device) -> list[Step]:
    assert isinstance(op, CastOp)
    source, target = op.operand_formats[0], op.result_format
    dropped = source.fraction - target.fraction
    rounds = dropped > 0 and op.rounding.data != "TRN"
    # A value that fits before and after rounding needs no check.
    headroom = target.integer - source.integer - (1 if rounds else 0)
    fits = headroom >= 0 and (target.signed or not source.signed)
    delay = device.adder_ns(max(source.width - dropped, 1)) if rounds else 0.0
    if op.overflow.data == "SAT_SYM" or (op.overflow.data != "WRAP" and not fits):
        delay += 2 * device.level_ns
    return [Step("cast", delay, value_bits(op))]


def _one_adder(op: NetloomOp, device: Device) -> list[Step]:
    return [Step("add", device.adder_ns(op.result_format.width), value_bits(op))]


def _compare(op: NetloomOp, device: Device) -> list[Step]:
    width = max(number_format.width for number_format in op.operand_formats) + 1
    return [Step("compare", device.adder_ns(width) + device.level_ns, value_bits(op))]


def _relu(op: NetloomOp, device: Device) -> list[Step]:
    delay = device.level_ns if op.operand_formats[0].signed else 0.0
    return [Step("select", delay, value_bits(op))]


def _multiply(op: NetloomOp, device: Device) -> list[Step]:
    left, right = op.operand_formats
    delay = multiplier_ns(left, right, device)
    if isinstance(op, PReluOp):
        delay += device.level_ns
    return [Step("multiply", delay, value_bits(op))]


def index_bits(op: LookupOp) -> int:
    """Bits of a table's address."""
    return max((len(op.table.values) - 1).bit_length(), 1)


def _lookup(op: NetloomOp, device: Device) -> list[Step]:
    assert isinstance(op, LookupOp)
    width, entries = op.operand_formats[0].width, len(op.table.values)
    if op.mantissa_bits is None:
        source = op.operand_formats[0]
        low = op.low.value.data
        covers = low <= source.min_mantissa and source.max_mantissa < low + entries
        index = device.adder_ns(width) + (0.0 if covers else 2 * device.level_ns)
    else:
        # Find the leading one, then shift: a tree of selectors each.
        index = 2 * max(width - 1, 1).bit_length() * device.level_ns
    # Tables deeper than one lookup table are trees of selectors.
    deeper = max(index_bits(op) - device.lut_inputs, 0)
    read = device.rom_ns + math.ceil(deeper / 2) * device.level_ns
    count = math.prod(op.result_shape)
    return [Step("index", index, count * index_bits(op)), Step("read", read, value_bits(op))]


def _threshold(op: NetloomOp, device: Device) -> list[Step]:
    assert isinstance(op, ThresholdOp)
    levels = op.thresholds.values.shape[-1]
    count = math.prod(op.result_shape)
    encode = math.ceil(math.log(max(levels, 2), device.lut_inputs)) * device.level_ns
    if np.any(op.base.values) or np.any(op.sign.values != 1):
        encode += device.adder_ns(op.result_format.width)
    compare = Step("compare", device.adder_ns(op.operand_formats[0].width), count * levels)
    return [*([compare] if levels else []), Step("count", encode, value_bits(op))]


def _lut_network(op: NetloomOp, device: Device) -> list[Step]:
    """A step for each level of tables; what later levels read goes on beside them."""
    assert isinstance(op, LutNetworkOp)
    network, rows = op.network, math.prod(op.result_shape[:-1])
    found: list[Step] = []
    for level in range(1, network.levels + 1):
        tables = np.flatnonzero(network.depth[network.n_inputs :] == level)
        wider = max(int(network.fan_in[tables].max()) - device.lut_inputs, 0)
        delay = device.level_ns + math.ceil(wider / 2) * device.lut_delay_ns
        found.append(Step(f"level_{level}", delay, rows * len(network.alive(level))))
    return found or [Step("wires", 0.0, value_bits(op))]


def _reduce(op: NetloomOp, device: Device) -> list[Step]:
    assert isinstance(op, ReduceOp)
    width, results = op.operand_formats[0].width, math.prod(op.result_shape)
    found: list[Step] = []
    left = op.count
    for level in range(1, tree_levels(op.count) + 1):
        left = (left + 1) // 2
        grown = width + level if op.kind.data == "sum" else width
        delay = device.adder_ns(grown) + (0.0 if op.kind.data == "sum" else device.level_ns)
        found.append(Step(f"level_{level}", delay, results * left * grown))
    return found


def _arg(op: NetloomOp, device: Device) -> list[Step]:
    assert isinstance(op, ArgMaxOp | HardmaxOp)
    size = op.operand_shapes[0][op.positive_axis]
    rows = math.prod(op.operand_shapes[0]) // size
    width, index = wire_bits(op.operand_formats[0]), max((size - 1).bit_length(), 1)
    found: list[Step] = []
    left = size
    for level in range(1, tree_levels(size) + 1):
        left = (left + 1) // 2
        delay = device.adder_ns(width) + device.level_ns
        found.append(Step(f"level_{level}", delay, rows * left * (width + index)))
    if isinstance(op, HardmaxOp):
        found.append(Step("select", device.level_ns, value_bits(op)))
    return found


def _products(op: NetloomOp, device: Device) -> list[Step]:
    """Multiply, then add in a tree; `nn.dense` adds its bias last."""
    assert isinstance(op, MatMulOp | DenseOp)
    if isinstance(op, DenseOp) and op.strategy.data == "resource":
        return _shared(op, device)
    left, right = op.operand_formats[:2]
    terms, results = op.operand_shapes[0][-1], math.prod(op.result_shape)
    width = left.width + right.width
    found = [Step("multiply", multiplier_ns(left, right, device), results * terms * width)]
    count = terms
    for level in range(1, tree_levels(terms) + 1):
        count = (count + 1) // 2
        grown = min(width + level, op.result_format.width)
        found.append(Step(f"level_{level}", device.adder_ns(grown), results * count * grown))
    if isinstance(op, DenseOp) and op.bias is not None:
        found.append(Step("bias", device.adder_ns(op.result_format.width), value_bits(op)))
    return found


def _shared(op: DenseOp, device: Device) -> list[Step]:
    """The way of one cycle's products through `netloom_mac`: see `netloom.passes.analysis.reuse`.

    Registers stand around the multipliers, where hard ones have them inside, and around the memory.
    """
    use = sharing(op)
    sums, width = use.rows * use.together, use.result_bits
    operands = use.rows * use.terms * use.input_bits
    deeper = max((use.reuse_factor - 1).bit_length() - device.lut_inputs, 0)
    table = device.rom_ns + math.ceil(deeper / 2) * device.level_ns
    read = device.rom_ns if use.in_block_memory or use.outside else table
    found = [
        Step("load", 0.0, use.rows * use.inputs * use.input_bits, True),
        Step("read", read, use.word_bits + operands, True),
    ]
    if use.in_block_memory:
        found.append(Step("operands", device.rom_ns, use.word_bits + operands, True))
    left, right = op.operand_formats[:2]
    product = multiplier_ns(left, right, device)
    narrow = min(use.input_bits + use.weight_bits, width)
    found.append(Step("multiply", product, sums * use.terms * narrow, True))
    count = use.terms
    for level in range(1, tree_levels(use.terms) + 1):
        count = (count + 1) // 2
        grown = min(narrow + level, width)
        found.append(Step(f"level_{level}", device.adder_ns(grown), sums * count * grown))
    collected = use.rows * use.outputs if use.groups > 1 else 0
    found.append(Step("accumulate", device.adder_ns(width), (sums + collected) * width, True))
    return found


def _trees(op: NetloomOp, device: Device) -> list[Step]:
    """Comparisons, selectors, then tables and adders: see `netloom.passes.analysis.tree_plan`."""
    assert isinstance(op, EnsembleOp)
    if op.memory is not None:
        return _forest(op, device)
    plan, rows, width = plan_of(op), op.rows, op.operand_formats[0].width
    if not plan.terms:
        return [Step("constant", 0.0, value_bits(op))]
    compare = device.adder_ns(width) + device.level_ns
    found = [Step("compare", compare, rows * len(plan.alive(0)))]
    for step in range(1, plan.select_steps + 1):
        found.append(Step(f"select_{step}", 2 * device.level_ns, rows * len(plan.alive(step))))
    deeper = max((len(term.address) for term in plan.terms), default=0) - device.lut_inputs
    table = (1 + math.ceil(max(deeper, 0) / 2)) * device.level_ns
    for level in range(1, max(plan.sum_levels, 1) + 1):
        bits = plan.level_bits(level)
        delay = device.adder_ns(max(bits, default=1)) if plan.sum_levels else 0.0
        found.append(Step(f"sum_{level}", delay + (table if level == 1 else 0.0), rows * sum(bits)))
    if plan.has_constants:
        found.append(Step("offset", device.adder_ns(op.result_format.width), value_bits(op)))
    return found


def _forest(op: EnsembleOp, device: Device) -> list[Step]:
    """The way of a leaf through `netloom_forest`, but for what is in the interval: the walk to it."""
    memory = memory_of(op)
    engines, sums = op.rows * memory.engines, memory.outputs * memory.result_bits
    select, compare = select_ns(memory, device), compare_ns(memory, device)
    held = op.rows * memory.features * memory.input_bits
    # Block memories have their first register inside.
    walk = memory.node_word_bits + memory.step_cycles * memory.reference_bits
    found = [Step("read", 0.0, held + engines * walk, True)]
    if memory.select_register:
        decided = 2 * memory.input_bits + 2 * memory.reference_bits
        found.append(Step("select", select, engines * decided, True))
        select = 0.0
    read = 0 if memory.block_leaves else engines * memory.leaf_word_bits
    found.append(Step("compare", select + compare, read, True))
    if memory.block_leaves:
        found.append(Step("leaf", device.rom_ns, engines * memory.leaf_word_bits, True))
    add = device.adder_ns(memory.result_bits)
    pick = tree_levels(memory.outputs) * device.level_ns if memory.one_class else 0.0
    base = op.rows * sums
    found.append(Step("accumulate", add + pick + device.level_ns, engines * sums + base, True))
    left = memory.engines
    for level in range(1, tree_levels(left) + 1):
        left = (left + 1) // 2
        found.append(Step(f"sum_{level}", add, op.rows * left * sums))
    return found


_RULES: Mapping[type[NetloomOp], Callable[[NetloomOp, Device], list[Step]]] = {
    CastOp: _cast,
    AddOp: _one_adder,
    SubOp: _one_adder,
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
