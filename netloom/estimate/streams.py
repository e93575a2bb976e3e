"""Logic, registers and memory of a streaming program: its actors and its FIFOs.

A stage is the sum of its body's ops, as in a parallel design, and a register for each beat under way. The
others follow the hand-written entities in `backends/vhdl/lib`, with these rules beside those of `resources`:

* a counter takes a register and one and a half LUTs per bit, with what compares it;
* a selector of n to one takes (n - 1) / 2 LUTs per bit, but at least one, and a gate one;
* a memory of up to 64 words is made of LUTs: with six inputs, eight of them for 14 bits of 32 words or 7
  of 64 (AMD UG574, RAM32M16 and RAM64M8), with fewer one and a half for each bit of 2**k words;
* a larger one of block memories of 36 kbit, in the best of their shapes (AMD UG573).

They were fitted to what Yosys 0.70 counts for the entities (`synth_xilinx -family xcup`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp, StringAttr

from netloom.core import dataflow
from netloom.core.devices import DEFAULT_DEVICE, Device, find_device
from netloom.estimate.resources import TABLE_IN_MEMORY_BITS, LayerEstimate, estimate
from netloom.ir.attributes import format_of
from netloom.ir.flow import FlowOp, StageOp, StreamReduceOp, StreamWindowOp
from netloom.ir.program import main
from netloom.passes.analysis.network import actors, beat_bits, network
from netloom.passes.analysis.scheduled import program_timing
from netloom.passes.analysis.stages import stage_module
from netloom.passes.analysis.timing import wire_bits

LUT_MEMORY_WORDS = 64
"""Words up to which a memory is made of LUTs; also `SMALL_DEPTH` of the entity netloom_fifo."""
ADDRESS_BITS = 64
"""Of memories outside, as in the entity netloom_axi_reader."""
BLOCK_SHAPES = ((512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1))
"""Words and bits of a block memory of 36 kbit."""


@dataclass(frozen=True)
class Need:
    """What an actor or a FIFO is made of; sums are sums of each."""

    lut: float = 0
    ff: int = 0
    dsp: int = 0
    bram36: int = 0

    def __add__(self, other: Need) -> Need:
        return Need(
            self.lut + other.lut, self.ff + other.ff, self.dsp + other.dsp, self.bram36 + other.bram36
        )

    def row(self, origin: str, op: str, latency: int) -> LayerEstimate:
        """As a row of a report."""
        return LayerEstimate(origin, op, latency, math.ceil(self.lut), self.ff, self.dsp, self.bram36)


def counter(values: int) -> Need:
    """A counter that runs through so many values."""
    bits = (values - 1).bit_length()
    return Need(1.5 * bits, bits)


def memory(words: int, bits: int, device: Device) -> Need:
    """A memory of `words` x `bits` with a port to write and one to read, without its output register."""
    if words <= LUT_MEMORY_WORDS and device.lut_inputs >= 6:
        return Need(8 * math.ceil(bits / (14 if words <= 32 else 7)))
    if words <= LUT_MEMORY_WORDS:
        return Need(1.5 * bits * math.ceil(words / 2**device.lut_inputs))
    blocks = min(math.ceil(words / deep) * math.ceil(bits / wide) for deep, wide in BLOCK_SHAPES)
    return Need(bram36=blocks)


def output_register(words: int, bits: int) -> Need:
    """The register that a memory is read into; block memories have their own."""
    return Need(ff=bits if words <= LUT_MEMORY_WORDS else 0)


def fifo_need(fifo: dataflow.Fifo, device: Device) -> Need:
    """A FIFO: registers for two beats, else a memory, with its counters."""
    depth, bits = fifo.depth, fifo.bits
    count = counter(depth + 1)
    if depth <= 2:
        return count + Need(bits if depth == 2 else 0, depth * bits)
    if depth <= LUT_MEMORY_WORDS:
        pointers = counter(depth - 1) + counter(depth - 1)
        return count + pointers + memory(depth - 1, bits, device) + Need(bits, bits)
    pointers = counter(depth) + counter(depth)
    return count + pointers + memory(depth, bits, device) + Need(bits, bits + 1)


def window_need(actor: dataflow.Window, bits: int, device: Device) -> Need:
    """A line buffer: a memory for each row, a selector for each row of the kernel, a column shift register.

    Args:
        actor: the window.
        bits: of a pixel.
        device: target.
    """
    rows, columns = actor.kernel
    need = counter(actor.width) + counter(actor.steps + actor.tail) + counter(actor.width)
    need += counter(actor.out_height) + counter(actor.out_height) + counter(actor.out_width)
    for _ in range(5 + rows):  # the distance of writer and reader, banks, and the bank of each kernel row
        need += counter(actor.banks)
    for _ in range(actor.banks):
        need += memory(actor.width, bits, device) + output_register(actor.width, bits)
    flags = rows + 2 * columns + 2
    select = rows * bits * max(1, (actor.banks - 1) / 2)
    return need + Need(select + rows * columns * bits, actor.span * rows * bits + flags)


def resample_need(actor: dataflow.Resample, bits: int, device: Device) -> Need:
    """A memory of one row, its counters, and a selector of the parts of a beat of `bits`."""
    need = memory(actor.width, bits, device) + output_register(actor.width, bits)
    for values in (actor.width, actor.width, len(actor.rows), len(actor.columns), actor.parts):
        need += counter(values)
    return need + Need((actor.parts - 1) / 2 * (bits // actor.parts))


def rom_need(actor: dataflow.Constant, bits: int, device: Device) -> Need:
    """A memory of constants: LUTs, or block memories from 4096 bits on."""
    if actor.words * bits >= TABLE_IN_MEMORY_BITS and actor.words > LUT_MEMORY_WORDS:
        return counter(actor.words) + memory(actor.words, bits, device)
    return counter(actor.words) + Need(math.ceil(actor.words / 2**device.lut_inputs) * bits, bits)


def reduce_need(op: StreamReduceOp, actor: dataflow.Reduce) -> Need:
    """For each element of a beat an adder or a comparison with its selector, the value so far, the result."""
    elements = op.stream.elements
    result = format_of(op.result.type)
    assert result is not None
    width = wire_bits(result)
    each = width if op.kind.data == "sum" else math.ceil(1.5 * width)
    return counter(actor.beats) + Need(elements * each, 2 * elements * width)


def stage_need(stage: StageOp, clock_period_ns: float, device: Device) -> Need:
    """The body as a design of its own, a flag for each register on the way, a counter of the interval."""
    alone = stage_module(stage, clock_period_ns)
    main(alone).attributes["device"] = StringAttr(device.name)
    need = counter(stage.interval_cycles.value.data if stage.interval_cycles else 1)
    for row in estimate(alone):
        need += Need(row.lut, row.ff, row.dsp, row.bram36)
    return need + (reader_need(stage.reader.weight_port, device) if stage.reader else Need())


def reader_need(port: dataflow.WeightPort | None, device: Device) -> Need:
    """What asks for weights outside: address, three counters, buffer, a register for a word in parts."""
    if port is None:
        return Need()
    need = Need(ADDRESS_BITS, ADDRESS_BITS + 9) + counter(port.beats) + counter(port.depth + 1)
    bits = min(port.data_bits, port.word_bits)
    need += fifo_need(dataflow.Fifo("buffer", 0, 0, port.depth, bits, port.beats), device)
    if port.parts > 1:
        need += counter(port.parts) + Need(1, port.parts * port.data_bits + 1)
    return need


def actor_need(op: FlowOp, clock_period_ns: float, device: Device) -> Need:
    """What an actor is made of."""
    actor = op.actor()
    match actor:
        case dataflow.Stage() if isinstance(op, StageOp):
            return stage_need(op, clock_period_ns, device)
        case dataflow.Window() if isinstance(op, StreamWindowOp):
            return window_need(actor, beat_bits(op.input), device)
        case dataflow.Reduce() if isinstance(op, StreamReduceOp):
            return reduce_need(op, actor)
        case dataflow.Collect():
            return counter(actor.beats) + Need(1, beat_bits(op.results[0]) + 1)
        case dataflow.Spread():
            bits = beat_bits(op.operands[0])
            return counter(actor.beats) + Need(bits * (actor.beats - 1) // actor.beats, bits + 1)
        case dataflow.Resample():
            return resample_need(actor, beat_bits(op.operands[0]), device)
        case dataflow.Constant():
            return rom_need(actor, beat_bits(op.results[0]), device)
        case _:
            return Need()  # the edge of the chip, and wires


def estimate_actors(module: ModuleOp) -> list[LayerEstimate]:
    """One row per actor, in the order and by the names of the network; latency is that of stages."""
    timing = program_timing(module)
    device = target(module)
    rows = []
    for op, node in zip(actors(module), network(module).nodes, strict=True):
        latency = node.actor.latency if isinstance(node.actor, dataflow.Stage) else 0
        need = actor_need(op, timing.clock_period_ns if timing else 0.0, device)
        rows.append(need.row(node.name, op.name, latency))
    return rows


def estimate_fifos(module: ModuleOp) -> list[LayerEstimate]:
    """One row per FIFO, in the order of the network."""
    device = target(module)
    return [fifo_need(fifo, device).row(fifo.name, "flow.fifo", 0) for fifo in network(module).fifos]


def target(module: ModuleOp) -> Device:
    """The device that the program names."""
    attribute = main(module).attributes.get("device")
    return find_device(attribute.data if isinstance(attribute, StringAttr) else DEFAULT_DEVICE)
