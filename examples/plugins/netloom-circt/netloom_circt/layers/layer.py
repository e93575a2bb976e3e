"""One layer as a hardware module of CIRCT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from circt.dialects import hw, seq
from circt.ir import ArrayAttr, FlatSymbolRefAttr, IntegerType, StringAttr

from netloom.core.diagnostics import CompileError
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp
from netloom.ir.nn import WiringOp
from netloom.passes.analysis.scheduled import latency_cycles
from netloom_circt.circuit import Bits, Circuit, literal
from netloom_circt.layers.body import Body, Intervals, describe, elements, is_constant, tensor_bits
from netloom_circt.layers.registry import WRITERS
from netloom_circt.layers.wiring import only_shape


@dataclass(frozen=True)
class Port:
    """An input of a layer: its name, the op's operand that it takes, and its bits in one lane."""

    name: str
    operand: int
    bits: int


@dataclass(frozen=True, eq=False)
class Layer:
    """The module of one op.

    Attributes:
        op: the op.
        name: of the module.
        ports: its inputs.
        y_bits: bits of its output.
        latency_cycles: registers from input to output; without any there is no clock.
        lanes: how many copies stand side by side, each on its part of the tensors.
    """

    op: NetloomOp
    name: str
    ports: tuple[Port, ...]
    y_bits: int
    latency_cycles: int
    lanes: int

    def write(self, intervals: Intervals) -> None:
        """Add the module at CIRCT's insertion point."""
        inputs = [(port.name, IntegerType.get_signless(port.bits)) for port in self.ports]
        if self.latency_cycles:
            inputs = [("clk", seq.ClockType.get()), ("ce", IntegerType.get_signless(1)), *inputs]

        def build(module: Any) -> dict[str, Any]:
            given = module.inputs()
            circuit = Circuit(given.get("clk"), given.get("ce"))
            ports = {port.operand: Bits(port.bits, False, 0, given[port.name]) for port in self.ports}
            return {"y": circuit.raw(self._result(Body(self.op, circuit, ports, intervals)))}

        y = ("y", IntegerType.get_signless(self.y_bits))
        comment = {"comment": StringAttr.get(self._comment())}
        hw.HWModuleOp(self.name, inputs, [y], attributes=comment, body_builder=build)

    def _result(self, body: Body) -> Bits:
        """The whole output, behind all registers of the layer."""
        if self.op.result_format.width:
            found = WRITERS[type(self.op)](body)
        else:
            found = [literal(0)] * elements(self.op.results[0])
        circuit = body.circuit
        late = [circuit.at(circuit.resize(x, body.width), self.latency_cycles) for x in found]
        return circuit.join(late)

    def _comment(self) -> str:
        origin = " ".join(self.op.origin_name.split())
        operands = ", ".join(describe(o) for o in self.op.operands if not is_constant(o.owner))
        lines = [f"{origin}: {self.op.name} of {operands or 'constants'}"]
        lines.append(f"gives {describe(self.op.results[0])}")
        if isinstance(self.op, KernelOp):
            lines.append(f"{self.op.graph.n_adders} adders")
        if self.lanes > 1:
            lines.append(f"one of {self.lanes} equal rows")
        return "; ".join(lines) + f". Latency: {self.latency_cycles} cycles."

    def instantiate(self, circuit: Circuit, label: str, inputs: Sequence[Any], clock: Sequence[Any]) -> Any:
        """An instance; its output as CIRCT's value."""
        names = [port.name for port in self.ports]
        if self.latency_cycles:
            names, inputs = ["clk", "ce", *names], [*clock, *inputs]
        op = hw.InstanceOp(
            [IntegerType.get_signless(self.y_bits)],
            StringAttr.get(label),
            FlatSymbolRefAttr.get(self.name),
            inputs,
            ArrayAttr.get([StringAttr.get(name) for name in names]),
            ArrayAttr.get([StringAttr.get("y")]),
            ArrayAttr.get([]),
        )
        return op.results[0]


def layer_of(op: NetloomOp, name: str) -> Layer | None:
    """The layer of an op; None when its result is its operand in another shape.

    Raises:
        CompileError: NL308 for an op that has no hardware.
    """
    if type(op) not in WRITERS:
        raise CompileError(
            "NL308",
            f"{op.name} has no SystemVerilog",
            origin=op.origin_name,
            supported=", ".join(sorted(known.name for known in WRITERS)),
            hint="a pass must lower it first",
        )
    if isinstance(op, WiringOp) and only_shape(op):
        return None
    lanes = int(np.prod(op.operand_shapes[0][:-1], dtype=np.int64)) if isinstance(op, KernelOp) else 1
    varying = [n for n, operand in enumerate(op.operands) if not is_constant(operand.owner)]
    if not op.result_format.width:
        varying = []
    names = ["x"] if len(varying) == 1 else [f"x{n}" for n in varying]
    ports = tuple(
        Port(port, n, tensor_bits(op.operands[n]) // lanes) for port, n in zip(names, varying, strict=True)
    )
    y_bits = tensor_bits(op.results[0]) // lanes
    return Layer(op, name, ports, y_bits, latency_cycles(op), lanes)
