"""AXI4 ports through which stages read their weights, and what has to stand in the memory behind them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from netloom.backends.vhdl.layers.shared import words
from netloom.backends.vhdl.names import Names
from netloom.core.dataflow import WeightPort
from netloom.ir.flow import FlowOp, StageOp
from netloom.ir.fx import ConstantOp
from netloom.passes.analysis.reuse import sharing

READER, COLLECT = "netloom_axi_reader", "netloom_collect"
"""The entity, and one that it contains."""

PAGE = 1 << 12
"""Base addresses are multiples of this many bytes; no burst crosses a border between two."""


@dataclass(frozen=True)
class MemoryPort:
    """The AXI4 read port of a stage.

    Attributes:
        stage: whose weights these are.
        node: its name in the network, which is also that of the memory in simulations.
        signal: in the names of its ports.
        port: words and beats.
    """

    stage: StageOp
    node: str
    signal: str
    port: WeightPort

    @property
    def axis(self) -> str:
        """What the names of its ports begin with."""
        return f"m_axi_{self.signal}"

    @property
    def base(self) -> str:
        """The generic for the address of the first word."""
        return f"{self.signal.upper()}_BASE"

    @property
    def layer(self) -> str:
        """The layer's name in the model."""
        return "" if self.stage.reader is None else self.stage.reader.origin_name

    @property
    def file(self) -> str:
        """Path of the memory's contents."""
        return f"weights/{self.signal}.hex"

    @property
    def contents(self) -> str:
        """A line for each beat in hexadecimal, as the memory has them at ascending addresses."""
        layer = self.stage.reader
        assert layer is not None and isinstance(layer.weight.owner, ConstantOp)
        digits, mask = self.port.data_bits // 4, (1 << self.port.data_bits) - 1
        numbers = words(sharing(layer), layer.weight.owner.value.ints())
        beats = (
            number >> part * self.port.data_bits & mask
            for number in numbers
            for part in range(self.port.parts)
        )
        return "".join(f"{beat:0{digits}X}\n" for beat in beats)


def memory_ports(ops: Sequence[FlowOp], nodes: Sequence[str]) -> list[MemoryPort]:
    """The ports of a program's stages; `nodes` are the names of all actors."""
    names = Names()
    found: list[MemoryPort] = []
    for op, node in zip(ops, nodes, strict=True):
        layer = op.reader if isinstance(op, StageOp) else None
        if isinstance(op, StageOp) and layer is not None and layer.weight_port is not None:
            found.append(MemoryPort(op, node, names.fresh(node), layer.weight_port))
    return found


def weights_property(ports: Sequence[MemoryPort]) -> str:
    """The ports as JSON: what places the files in memory, and what simulators need."""
    found = [
        {
            "node": each.node,
            "layer": each.layer,
            "port": each.axis,
            "base_generic": each.base,
            "file": each.file,
            "beats": each.port.beats,
            "beat_bits": each.port.data_bits,
            "beats_per_word": each.port.parts,
            "word_bits": each.port.word_bits,
        }
        for each in ports
    ]
    return json.dumps(found)
