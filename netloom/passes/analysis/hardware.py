"""What of a program becomes hardware: its ports, and the ops between them.

Real numbers never enter a chip. An `fx.quantize` of host values is an input port, the operand of an
`fx.dequantize` that leads to a result is an output port; a fixed-point argument or result is a port
itself. Hardware is what the output ports need, back to the input ports.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.ir.attributes import format_of, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp, DequantizeOp, QuantizeOp
from netloom.ir.program import input_names, main, output_names, program_ops, terminator


@dataclass(frozen=True)
class PortInfo:
    """One tensor at the edge of the chip.

    Attributes:
        name: name of the model's input or output, numbered when it has several ports.
        direction: `in` or `out`.
        shape: sizes of the tensor, as in the program (with the batch axis of size 1, if any).
        format: number format of its elements; ports carry mantissas.
    """

    name: str
    direction: str
    shape: tuple[int, ...]
    format: Format

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def element_bits(self) -> int:
        """Bits of one element on the wire; a format of no bits still has a wire, which is zero."""
        return max(self.format.width, 1)

    @property
    def bits(self) -> int:
        """Bits of the whole port; element 0 is the least significant."""
        return self.elements * self.element_bits

    @staticmethod
    def to_json(ports: Sequence[PortInfo]) -> str:
        """Ports as text, for a build plan's properties."""
        return json.dumps(
            [
                {
                    "name": port.name,
                    "direction": port.direction,
                    "shape": list(port.shape),
                    "width": port.format.width,
                    "integer": port.format.integer,
                    "signed": port.format.signed,
                }
                for port in ports
            ]
        )

    @staticmethod
    def from_json(text: str) -> list[PortInfo]:
        """Ports from what `to_json` wrote."""
        return [
            PortInfo(
                entry["name"],
                entry["direction"],
                tuple(entry["shape"]),
                Format(entry["width"], entry["integer"], entry["signed"]),
            )
            for entry in json.loads(text)
        ]


@dataclass(frozen=True)
class Hardware:
    """The hardware part of a program.

    Attributes:
        inputs: value and description of each input port.
        ops: the ops that become hardware, in order; constants and quantizers are not among them.
        outputs: value and description of each output port.
    """

    inputs: tuple[tuple[SSAValue, PortInfo], ...]
    ops: tuple[NetloomOp, ...]
    outputs: tuple[tuple[SSAValue, PortInfo], ...]

    @property
    def ports(self) -> list[PortInfo]:
        """All ports, inputs first."""
        return [info for _, info in (*self.inputs, *self.outputs)]


def hardware(module: ModuleOp) -> Hardware:
    """The ports and hardware ops of a program.

    Raises:
        CompileError: NL308 when a value is empty, or the host would have to compute in the middle.
    """
    function = main(module)
    outputs = _outputs(module)
    needed: set[Operation] = set()
    sources: set[SSAValue] = set()
    pending = [value for value, _ in outputs]
    while pending:
        value = pending.pop()
        owner = value.owner
        if isinstance(value, BlockArgument) or isinstance(owner, QuantizeOp):
            sources.add(value)
        elif isinstance(owner, NetloomOp) and not isinstance(owner, ConstantOp) and owner not in needed:
            needed.add(owner)
            pending.extend(owner.operands)
    ops = tuple(op for op in program_ops(function) if op in needed)
    _check_legal(ops, [value.owner for value in sources if isinstance(value.owner, QuantizeOp)])
    return Hardware(tuple(_inputs(module, sources)), ops, tuple(outputs))


def _inputs(module: ModuleOp, sources: set[SSAValue]) -> Iterator[tuple[SSAValue, PortInfo]]:
    """Ports in order of the arguments they come from, then in order of the program."""
    function = main(module)
    names = dict(zip(function.body.block.args, input_names(function), strict=True))
    quantized = [op.results[0] for op in program_ops(function) if isinstance(op, QuantizeOp)]
    candidates = [*function.body.block.args, *quantized]
    for argument, name in names.items():
        found = [v for v in candidates if v in sources and _argument(v) is argument]
        for index, value in enumerate(found):
            yield value, _port(value, f"{name}_{index}" if index else name, "in")


def _argument(value: SSAValue) -> SSAValue | None:
    """The first function argument that a value depends on."""
    while isinstance(value.owner, Operation):
        varying = [o for o in value.owner.operands if not isinstance(o.owner, ConstantOp)]
        if not varying:
            return None
        value = varying[0]
    return value


def _outputs(module: ModuleOp) -> list[tuple[SSAValue, PortInfo]]:
    function = main(module)
    found: list[tuple[SSAValue, PortInfo]] = []
    for returned, name in zip(terminator(function).operands, output_names(function), strict=True):
        encoded = [returned] if format_of(returned.type) is not None else list(_decoded(returned))
        for index, value in enumerate(encoded):
            found.append((value, _port(value, f"{name}_{index}" if index else name, "out")))
    return found


def _decoded(value: SSAValue) -> Iterator[SSAValue]:
    """The fixed-point values that a real value is decoded from, each once."""
    seen: dict[SSAValue, None] = {}
    pending = [value]
    while pending:
        owner = pending.pop(0).owner
        if isinstance(owner, DequantizeOp):
            seen[owner.input] = None
        elif isinstance(owner, Operation):
            pending.extend(owner.operands)
    yield from seen


def _port(value: SSAValue, name: str, direction: str) -> PortInfo:
    number_format = format_of(value.type)
    if number_format is None:
        raise CompileError("NL308", "a real value cannot be a port", origin=name)
    return PortInfo(name, direction, shape_of(value.type), number_format)


def _check_legal(ops: Sequence[NetloomOp], quantizers: Sequence[object]) -> None:
    for op in ops:
        if not op.is_fixed or any(format_of(operand.type) is None for operand in op.operands):
            raise _illegal(op, "computes on real numbers", "quantize its inputs")
        if math.prod(op.result_shape) == 0:
            raise _illegal(op, f"has an empty result of shape {op.result_shape}", "remove it")
    chip = set(ops)
    for quantizer in quantizers:
        pending = [quantizer]
        while pending:
            owner = pending.pop()
            if owner in chip:
                assert isinstance(quantizer, QuantizeOp)
                raise _illegal(
                    quantizer,
                    "quantizes a real number that the hardware computed",
                    "make it an fx.cast or fx.threshold",
                )
            if isinstance(owner, Operation):
                pending.extend(operand.owner for operand in owner.operands)


def _illegal(op: NetloomOp, found: str, hint: str) -> CompileError:
    return CompileError(
        "NL308",
        f"{op.name} {found}",
        origin=op.origin_name,
        supported="fixed-point values between quantizers of inputs and decoders of outputs",
        hint=hint,
    )
