"""Pipeline stages of a shift-add network: when each adder works, and what is registered.

Stage s is the logic behind s registers. Every adder is first put as early as its operands allow.
Then, from the outputs back, each adder may move to a later stage where that saves registers: a sum
is often narrower than its operands together, or its operands are kept for others anyway.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from netloom.core.adder_graph import bit_width
from netloom.core.devices import Device
from netloom.ir.attributes import shape_of
from netloom.ir.da import KernelOp
from netloom.ir.interval import Interval, Ints

Time = tuple[int, float]
"""Stage, and nanoseconds since the stage began."""


@dataclass(frozen=True, eq=False)
class KernelNodes:
    """One row of a `da.kernel` as nodes: inputs, adders, then outputs.

    Attributes:
        low, high: exact interval of each input and adder, int64[K + A].
        bits: width of every node, the outputs included; 0 for an adder that no output needs.
        delay_ns: of every node.
        operands: the nodes that each node reads; none for a constant output or an unneeded adder.
        n_inputs: number of inputs K.
        n_values: number of inputs and adders K + A.
    """

    low: Ints
    high: Ints
    bits: list[int]
    delay_ns: list[float]
    operands: list[tuple[int, ...]]
    n_inputs: int
    n_values: int


@dataclass(frozen=True, eq=False)
class KernelStages:
    """Stages of one row of a kernel.

    Attributes:
        stages: stage of each node, in the order of `KernelNodes`.
        last_use: last stage in which a node's value is read.
        latency_cycles: registers from input to output.
        finish_ns: when the outputs are ready within the last stage.
        register_bits: bits of all registers.
    """

    stages: list[int]
    last_use: list[int]
    latency_cycles: int
    finish_ns: float
    register_bits: int

    @property
    def end(self) -> Time:
        """Latency and time of arrival within the last stage."""
        return self.latency_cycles, self.finish_ns


def rows_of(op: KernelOp) -> int:
    """Copies of a kernel's network, one for each row of its operand."""
    return math.prod(shape_of(op.input.type)[:-1])


def row_interval(op: KernelOp, interval: Interval) -> tuple[Ints, Ints]:
    """Bounds of the kernel's K inputs over all rows that share it."""
    low = interval.low.reshape(-1, interval.low.shape[-1]).min(axis=0)
    high = interval.high.reshape(-1, interval.high.shape[-1]).max(axis=0)
    return low, high


def kernel_nodes(op: KernelOp, interval: Interval, device: Device) -> KernelNodes:
    """Widths, delays and connections for inputs within `interval` (of the operand's shape)."""
    graph = op.graph
    low, high = graph.intervals(*row_interval(op, interval))
    bits = bit_width(low, high).tolist()
    delays = [0.0] * graph.n_inputs + [device.adder_ns(width) for width in bits[graph.n_inputs :]]
    operands: list[tuple[int, ...]] = [()] * graph.n_inputs
    operands += [tuple(pair) for pair in zip(graph.lhs.tolist(), graph.rhs.tolist(), strict=True)]
    width = op.result_format.width
    for node, negate, bias in zip(
        graph.out_node.tolist(), graph.out_negate.tolist(), op.bias_mantissas.tolist(), strict=True
    ):
        bits.append(width)
        operands.append((node,) if node >= 0 else ())
        delays.append(device.adder_ns(width) if node >= 0 and (negate or bias) else 0.0)
    _silence_unused(bits, operands, graph.n_nodes)
    return KernelNodes(low, high, bits, delays, operands, graph.n_inputs, graph.n_nodes)


def _silence_unused(bits: list[int], operands: list[tuple[int, ...]], n_values: int) -> None:
    """Nodes that no output needs read nothing and have no bits, so that they delay nothing."""
    needed = [False] * n_values + [True] * (len(bits) - n_values)
    for node in range(len(bits) - 1, -1, -1):
        if needed[node]:
            for operand in operands[node]:
                needed[operand] = True
        else:
            bits[node], operands[node] = 0, ()


def kernel_stages(nodes: KernelNodes, start_ns: float, budget_ns: float) -> KernelStages:
    """Stages for inputs that arrive `start_ns` into stage 0, with `budget_ns` in each stage."""
    times = _earliest(nodes, start_ns, budget_ns)
    outputs = [n for n in range(nodes.n_values, len(nodes.bits)) if nodes.operands[n]]
    end = max((times[n] for n in outputs), default=(0, 0.0))
    early = registers(nodes, [stage for stage, _ in times], end)
    late = registers(nodes, _saving(nodes, times, end, budget_ns), end)
    return late if late.register_bits < early.register_bits else early


def _earliest(nodes: KernelNodes, start_ns: float, budget_ns: float) -> list[Time]:
    times: list[Time] = []
    for node, operands in enumerate(nodes.operands):
        if not operands:
            times.append((0, start_ns if node < nodes.n_inputs else 0.0))
            continue
        stage, since = max(times[operand] for operand in operands)
        delay = nodes.delay_ns[node]
        if since > 0.0 and delay > 0.0 and since + delay > budget_ns:
            stage, since = stage + 1, 0.0
        times.append((stage, since + delay))
    return times


def _saving(nodes: KernelNodes, times: list[Time], end: Time, budget_ns: float) -> list[int]:
    """Stages after moving each node to where registers are fewest, outputs first."""
    stages = [stage for stage, _ in times]
    last_use = _last_use(nodes, stages, end[0])
    latest: list[Time] = [(-1, 0.0)] * nodes.n_values + [end] * (len(times) - nodes.n_values)
    for node in range(len(times) - 1, nodes.n_inputs - 1, -1):
        operands, delay = nodes.operands[node], nodes.delay_ns[node]
        if not operands or latest[node][0] < 0:
            continue
        bound, by_ns = latest[node]
        last = bound if bound == stages[node] or by_ns >= delay else bound - 1
        stage = _cheapest_stage(nodes, node, range(stages[node], max(last, stages[node]) + 1), last_use)
        stages[node] = stage
        finish = by_ns if stage == bound else max(budget_ns, delay)
        for operand in operands:
            last_use[operand] = max(last_use[operand], stage)
            required = (stage, finish - delay)
            known = latest[operand]
            latest[operand] = required if known[0] < 0 else min(known, required)
    return stages


def _cheapest_stage(nodes: KernelNodes, node: int, stages: range, last_use: list[int]) -> int:
    def cost(stage: int) -> int:
        kept = sum(nodes.bits[o] * max(0, stage - last_use[o]) for o in set(nodes.operands[node]))
        return kept - nodes.bits[node] * (stage - stages.start)

    return min(stages, key=cost)


def _last_use(nodes: KernelNodes, stages: list[int], latency: int) -> list[int]:
    last = list(stages)
    for node, operands in enumerate(nodes.operands):
        for operand in operands:
            last[operand] = max(last[operand], stages[node])
    for node in range(nodes.n_values, len(stages)):
        last[node] = latency
    return last


def registers(nodes: KernelNodes, stages: list[int], end: Time) -> KernelStages:
    """What stages cost, with outputs that are wanted at the end."""
    # A constant output needs no register: it is made where it is wanted.
    stages = [
        end[0] if node >= nodes.n_values and not nodes.operands[node] else stage
        for node, stage in enumerate(stages)
    ]
    last_use = _last_use(nodes, stages, end[0])
    spans = np.array(last_use) - np.array(stages)
    bits = int((spans * np.array(nodes.bits)).sum())
    return KernelStages(stages, last_use, end[0], end[1], bits)
