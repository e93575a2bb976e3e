"""From a legal module to the C++ program: names, types, calls."""

from __future__ import annotations

import re

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.backends.hls.copies import connect_outputs, give_each_reader_its_own
from netloom.backends.hls.layers.layer import Context, describe, elements, number_format
from netloom.backends.hls.layers.registry import layer_for
from netloom.backends.hls.names import RESERVED, USED
from netloom.backends.hls.program import Call, Program, TypeDefinition, Variable
from netloom.backends.hls.text import Table, numbers
from netloom.backends.hls.vendor import Vendor
from netloom.backends.names import Names, identifier
from netloom.core.diagnostics import CompileError
from netloom.ir.base import NetloomOp
from netloom.ir.fx import CastOp, ConstantOp
from netloom.ir.program import main, model_name
from netloom.passes.analysis.hardware import Hardware, PortInfo, hardware
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.analysis.reuse import reuse_factor

_DERIVED = re.compile(
    r"^copy_|_(copy|t|type|y|a|b|x|x\d+|weight|bias|entry|threshold|channel|base|sign|leaf|first|element|to|from|tree\d+)$"
)
"""Parts of names that the printer derives from a layer's name, or that POSIX has for types."""

_VENDORS = re.compile(r"(ac|ap|hls|ccs|mgc|sc|ihc)(_|$)")
"""Beginnings of the names in the vendors' headers: types, namespaces, attributes."""


def program_of(module: ModuleOp, vendor: Vendor) -> Program:
    """The C++ program of a legal module.

    Raises:
        CompileError: NL308 when the program has no hardware, or an op has no C++.
    """
    found = hardware(module)
    if not found.inputs or not found.outputs:
        raise CompileError(
            "NL308", "the program has no hardware between its inputs and outputs", hint="quantize its inputs"
        )
    program = Builder(module, found, vendor, Names(reserved=RESERVED | USED)).build()
    if program.interval > 1 and vendor.one_reader:
        give_each_reader_its_own(program, vendor)
    return program.with_locals()


def fresh_name(names: Names, text: str) -> str:
    """A name for something of the model: none that the printer or the vendors' headers may need."""
    base = identifier(text)
    if _VENDORS.match(base):
        base = f"n_{base}"
    return names.fresh(f"{base}_layer" if _DERIVED.search(base) else base)


class Builder:
    """Names, types and calls of a module's hardware.

    Args:
        module: the module.
        found: its hardware.
        vendor: number types and pragmas.
        names: those that are taken; the new ones are added.
    """

    def __init__(self, module: ModuleOp, found: Hardware, vendor: Vendor, names: Names) -> None:
        self.hardware, self.vendor, self.names = found, vendor, names
        self.intervals = value_intervals(module)
        self.variables: dict[SSAValue, Variable] = {}
        interval = max(map(reuse_factor, found.ops), default=1)
        self.program = Program(self._name(model_name(main(module))), interval)

    def _name(self, text: str) -> str:
        return fresh_name(self.names, text)

    def port_name(self, info: PortInfo) -> str:
        """What a port's name is made from."""
        return info.name

    def build(self) -> Program:
        """Ports, layers in order, outputs; without local variables."""
        for value, info in self.hardware.inputs:
            self.variables[value] = self._port(value, info)
        outputs = [self._port(value, info) for value, info in self.hardware.outputs]
        for op in self.hardware.ops:
            self._call(op)
        sources = [self._variable(value, "") for value, _ in self.hardware.outputs]
        connect_outputs(self.program, sources, outputs, self.vendor)
        return self.program

    def _port(self, value: SSAValue, info: PortInfo) -> Variable:
        name = self._name(self.port_name(info))
        variable = self._define(value, name, name)
        self.program.ports.append((info, variable))
        return variable

    def _define(self, value: SSAValue, name: str, base: str) -> Variable:
        """A variable for a value, and the type of its elements."""
        cast = value.owner if isinstance(value.owner, CastOp) else None
        modes = (cast.rounding.data, cast.overflow.data) if cast else ()
        kind = self.vendor.number(number_format(value), *modes)
        self.program.types.append(TypeDefinition(f"{base}_type", kind, describe(value)))
        return Variable(name, f"{base}_type", elements(value), describe(value))

    def _variable(self, value: SSAValue, reader: str) -> Variable:
        """The variable that holds a value; constants become arrays."""
        if value not in self.variables:
            owner = value.owner
            assert isinstance(owner, ConstantOp)
            name = self._name(f"{reader or owner.origin_name}_constant")
            kind = self.vendor.number(number_format(value))
            entries = numbers(owner.value.ints(), kind)
            self.program.constants.append(Table(name, kind, entries, f"constant {describe(value)}"))
            self.variables[value] = Variable(name, kind, elements(value), describe(value))
        return self.variables[value]

    def _call(self, op: NetloomOp) -> None:
        name = self._name(op.origin_name or op.name.split(".")[1])
        types = tuple(
            self.vendor.number(number_format(operand))
            if isinstance(operand.owner, ConstantOp)
            else self.variables[operand].type
            for operand in op.operands
        )
        layer = layer_for(op, Context(self.vendor, name, f"{name}_type", types, self.intervals))
        if layer is None:
            self.variables[op.results[0]] = self._variable(op.operands[0], name)
            return
        arguments = tuple(self._variable(op.operands[o.index], name) for o in layer.operands)
        parameters = tuple(
            Variable(operand.port, argument.type, argument.count, argument.comment)
            for operand, argument in zip(layer.operands, arguments, strict=True)
        )
        result = self._define(op.results[0], f"{name}_y", name)
        self.variables[op.results[0]] = result
        self.program.calls.append(
            Call(name, op.name, " ".join(op.origin_name.split()), layer, parameters, arguments, (result,))
        )
