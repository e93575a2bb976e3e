"""The synthesized netlist is run, and must give the emulator's bits at the predicted cycle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netloom.build import aiger
from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan
from netloom.passes.analysis.hardware import PortInfo
from netloom.passes.analysis.tree_image import TreeImage
from netloom.sim.result import SimulationResult
from netloom.sim.vectors import check

Ints = NDArray[np.int64]
Bits = NDArray[np.uint8]
Words = aiger.Words

RESET_CYCLES = 2


class NetlistSimulator:
    """Runs an and-inverter graph of a design that the backend `vhdl` emitted.

    The samples are dealt to 64 streams that run side by side; each stream brings a sample in every
    cycle in which the design is ready. Trees in memories are written through their port before: the graph
    knows nothing of first contents.

    Args:
        plan: what was synthesized.
        path: the graph, as `netloom.build.yosys.to_aiger` writes it.
    """

    def __init__(self, plan: BuildPlan, path: Path) -> None:
        self.plan = plan
        self.aig = aiger.read(path)
        self.ports = PortInfo.from_json(plan.properties["ports"])
        self.signals = plan.properties["signals"].split(",")
        self.interval = int(plan.properties["interval_cycles"])
        self.latency = int(plan.properties["latency_cycles"])
        file = plan.properties.get("trees", "")
        self.trees = TreeImage.parse(plan.files[file], file) if file else None
        self.first_cycle = RESET_CYCLES + (len(self.trees.words) if self.trees else 0)

    def run(self, inputs: Sequence[Ints]) -> SimulationResult:
        """Feed samples and return what comes out.

        Args:
            inputs: mantissas int64[N, *shape] for each input port, N at least 1.

        Raises:
            CompileError: NL401 or NL403 for inputs that do not fit, NL608 when results come at another
                cycle than predicted.
        """
        samples = len(inputs[0])
        each = -(-samples // aiger.LANES)
        cycles = self.first_cycle + each * self.interval + self.latency
        words = np.zeros((cycles, len(self.aig.inputs)), dtype=np.uint64)
        starts = self.first_cycle + self.interval * np.arange(each)
        self._drive(words, "rst", slice(0, RESET_CYCLES))
        self._drive(words, "ce", slice(None))
        self._drive(words, "in_valid", starts)
        self._write_trees(words)
        ports = [(port, name) for port, name in zip(self.ports, self.signals, strict=True)]
        for (port, name), tensor in zip([p for p in ports if p[0].direction == "in"], inputs, strict=True):
            check(port, tensor)
            lanes = _to_lanes(_to_bits(port, tensor), each)
            for bit in range(port.bits):
                self._set(words, _bit_name(name, bit, port.bits), starts, lanes[:, bit])
        found = aiger.run(self.aig, words)
        at = {name: index for index, name in enumerate(self.aig.outputs)}
        self._check_valid(found[:, at["out_valid"]], starts)
        outputs: list[Ints] = []
        for port, name in ports:
            if port.direction == "out":
                columns = [at[_bit_name(name, bit, port.bits)] for bit in range(port.bits)]
                results = _from_lanes(found[starts + self.latency][:, columns], samples)
                outputs.append(from_bits(port, results))
        return SimulationResult(outputs, self.latency, self.interval if samples > 1 else 0, cycles)

    def _write_trees(self, words: Words) -> None:
        """A word in each cycle after the reset."""
        if self.trees is None:
            return
        self._drive(words, "tree_write", slice(RESET_CYCLES, self.first_cycle))
        sides = (("tree_address", self.trees.address_bits), ("tree_data", self.trees.data_bits))
        for side, (name, bits) in enumerate(sides):
            for bit in range(bits):
                ones = [RESET_CYCLES + n for n, word in enumerate(self.trees.words) if word[side] >> bit & 1]
                self._drive(words, _bit_name(name, bit, bits), np.array(ones, dtype=np.int64))

    def _drive(self, words: Words, name: str, cycles: slice | Ints) -> None:
        self._set(words, name, cycles, np.uint64(2**64 - 1))

    def _set(self, words: Words, name: str, cycles: slice | Ints, value: Words | np.uint64) -> None:
        # An input that the design does not need may have gone.
        if name in self.aig.inputs:
            words[cycles, self.aig.inputs[name]] = value

    def _check_valid(self, valid: Words, starts: Ints) -> None:
        expected = np.zeros(len(valid), dtype=np.uint64)
        expected[starts + self.latency] = np.uint64(2**64 - 1)
        wrong = np.flatnonzero(valid[RESET_CYCLES:] != expected[RESET_CYCLES:])
        if len(wrong):
            raise CompileError(
                "NL608",
                f"out_valid is wrong in cycle {int(wrong[0])} after reset",
                origin=self.plan.properties["top"],
                supported=f"results {self.latency} cycles after their samples",
                hint="report this design: its netlist and its schedule disagree",
            )


def _bit_name(signal: str, bit: int, bits: int) -> str:
    return f"{signal}[{bit}]" if bits > 1 else signal


def _to_bits(port: PortInfo, mantissas: Ints) -> Bits:
    """uint8[N, port.bits], element 0 in the first bits."""
    flat = mantissas.reshape(len(mantissas), -1, 1)
    places = np.arange(port.element_bits, dtype=np.int64)
    found: Bits = ((flat >> places) & 1).astype(np.uint8).reshape(len(mantissas), port.bits)
    return found


def from_bits(port: PortInfo, bits: Bits) -> Ints:
    """Mantissas int64[N, *port.shape] from uint8[N, port.bits]."""
    weights = np.int64(1) << np.arange(port.element_bits, dtype=np.int64)
    if port.format.signed:
        weights[-1] = -weights[-1]
    values: Ints = bits.reshape(len(bits), port.elements, port.element_bits).astype(np.int64) @ weights
    return values.reshape(len(bits), *port.shape)


def _to_lanes(bits: Bits, each: int) -> Words:
    """uint64[each, bits]: sample n goes to turn n // 64, lane n % 64; the rest are zeros."""
    padded = np.zeros((each * aiger.LANES, bits.shape[1]), dtype=np.uint8)
    padded[: len(bits)] = bits
    lanes = padded.reshape(each, aiger.LANES, bits.shape[1]).transpose(0, 2, 1)
    packed = np.packbits(lanes, axis=-1, bitorder="little")
    return np.ascontiguousarray(packed).view("<u8")[..., 0].astype(np.uint64)


def _from_lanes(words: Words, samples: int) -> Bits:
    """uint8[samples, bits], the inverse."""
    packed = np.ascontiguousarray(words.astype("<u8"))[..., None].view(np.uint8)
    lanes = np.unpackbits(packed, axis=-1, bitorder="little")
    found: Bits = lanes.transpose(0, 2, 1).reshape(-1, words.shape[1])[:samples]
    return found


def compare(ports: Sequence[PortInfo], got: Sequence[Ints], expected: Sequence[Ints], origin: str) -> None:
    """Refuse outputs that are not the expected ones.

    Raises:
        CompileError: NL608 with the first difference.
    """
    for port, have, want in zip(ports, got, expected, strict=True):
        wrong = np.argwhere(have != want)
        if len(wrong):
            where = tuple(int(index) for index in wrong[0])
            raise CompileError(
                "NL608",
                f"{origin}: output '{port.name}', sample {where[0]}, element {where[1:]}:"
                f" {have[where]} instead of {want[where]}",
                origin=port.name,
                hint="report this design, with the versions of GHDL and Yosys",
            )
