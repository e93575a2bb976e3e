"""The top module: layers connected, early operands delayed, the valid flag carried along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from circt import ir
from circt.dialects import hw, seq
from xdsl.ir import SSAValue

from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp
from netloom.passes.analysis.hardware import Hardware
from netloom.passes.analysis.scheduled import start_cycle
from netloom_circt.circuit import Bits, Circuit, constant
from netloom_circt.layers.body import tensor_bits
from netloom_circt.layers.layer import Layer


@dataclass
class Top:
    """The top module under construction.

    Attributes:
        program: ports and ops.
        layers: module of each op that has one.
        latency: cycles from input to output.
        values: bits of each tensor, in the cycle in which they appear.
        labels: name of each tensor, for its registers.
    """

    program: Hardware
    layers: Mapping[NetloomOp, Layer]
    latency: int
    values: dict[SSAValue, Bits] = field(default_factory=dict)
    labels: dict[SSAValue, str] = field(default_factory=dict)

    def write(self, name: str, model: str, signals: list[str]) -> None:
        """Add the module at CIRCT's insertion point."""
        wire = ir.IntegerType.get_signless
        ports = list(zip(self.program.ports, signals, strict=True))
        inputs = [(signal, wire(info.bits)) for info, signal in ports if info.direction == "in"]
        outputs = [(signal, wire(info.bits)) for info, signal in ports if info.direction == "out"]
        control = [(each, wire(1)) for each in ("clk", "rst", "ce", "in_valid")]
        model = " ".join(model.split())
        comment = f"{model}: takes an input in every clock cycle. Latency: {self.latency} cycles."

        def build(module: Any) -> dict[str, Any]:
            return self._body(module, signals)

        hw.HWModuleOp(
            name,
            [*control, *inputs],
            [("out_valid", wire(1)), *outputs],
            attributes={"comment": ir.StringAttr.get(comment)},
            body_builder=build,
        )

    def _body(self, module: Any, signals: list[str]) -> dict[str, Any]:
        given = module.inputs()
        clock = [seq.ToClockOp(given["clk"]).result, given["ce"]]
        circuit = Circuit(*clock)
        for (value, info), signal in zip(self.program.inputs, signals, strict=False):
            self.values[value] = Bits(info.bits, False, 0, given[signal])
            self.labels[value] = signal
        for op in self.program.ops:
            if op in self.layers:
                self._instances(circuit, self.layers[op], clock)
            else:
                # Only the shape changes, so both tensors are one signal.
                self.values[op.results[0]] = self._value(op.operands[0])
                self.labels[op.results[0]] = self.labels.get(op.operands[0], "")
        results = {"out_valid": self._valid(circuit, clock, given["rst"], given["in_valid"])}
        for (value, _), signal in zip(self.program.outputs, signals[len(self.program.inputs) :], strict=True):
            results[signal] = circuit.raw(self._late(circuit, value, self.latency))
        return results

    def _value(self, value: SSAValue) -> Bits:
        if value not in self.values:
            assert isinstance(value.owner, ConstantOp)
            mantissas = value.owner.value.ints().reshape(-1).tolist()
            size = tensor_bits(value) // max(len(mantissas), 1)
            number = sum((m % (1 << size)) << size * n for n, m in enumerate(mantissas))
            total = size * len(mantissas)
            self.values[value] = constant(number, total)
        return self.values[value]

    def _late(self, circuit: Circuit, value: SSAValue, cycle: int) -> Bits:
        """A value in a cycle."""
        return circuit.at(self._value(value), cycle, self.labels.get(value, ""))

    def _instances(self, circuit: Circuit, layer: Layer, clock: list[Any]) -> None:
        """The layer's instances, one for each lane, and its result."""
        start = start_cycle(layer.op)
        sources = [self._late(circuit, layer.op.operands[port.operand], start) for port in layer.ports]
        found: list[Bits] = []
        for lane in range(layer.lanes):
            taken = zip(sources, layer.ports, strict=True)
            parts = [circuit.part(x, lane * port.bits, port.bits) for x, port in taken]
            label = f"u_{layer.name}" if layer.lanes == 1 else f"u_{layer.name}_{lane}"
            y = layer.instantiate(circuit, label, [circuit.raw(x) for x in parts], clock)
            found.append(Bits(layer.y_bits, False, start + layer.latency_cycles, y))
        self.values[layer.op.results[0]] = circuit.join(found)
        self.labels[layer.op.results[0]] = layer.name

    def _valid(self, circuit: Circuit, clock: list[Any], reset: Any, in_valid: Any) -> Any:
        """The flag of each input, as late as its result; `rst` forgets all of them."""
        flag = Bits(1, False, 0, in_valid)
        zero = circuit.raw(constant(0, 1))
        for cycle in range(1, self.latency + 1):
            op = seq.CompRegClockEnabledOp(
                flag.value.type, flag.value, *clock, reset=reset, reset_value=zero, name=f"valid_{cycle}"
            )
            flag = Bits(1, False, cycle, op.result)
        return flag.value
