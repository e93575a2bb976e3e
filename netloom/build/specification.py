"""The integer meaning of a small program as Verilog without any structure: what a netlist is proved against.

It is written from the definitions of the ops alone (`docs/reference/dialects.md`): sums of products with the
constant matrix, rounding and clipping by case. Nothing is shared with the printer of the hardware.
All values are signed numbers of one width, which holds every intermediate value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.core.lut_network import ONE, ZERO
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp, LutNetworkOp
from netloom.ir.fx import CastOp, ConstantOp, ThresholdOp
from netloom.ir.interval import Ints
from netloom.ir.nn import AddOp, DenseOp, MatMulOp, MaxOp, MinOp, MulOp, ReduceOp, ReluOp, SubOp
from netloom.ir.nn.shape import WiringOp, element_map
from netloom.passes.analysis.hardware import hardware

WIDTH = 48
"""Bits of every value; a program whose values could need more has no specification here."""

Names = list[str]


class Specification:
    """The text of a module `netloom_specification` with the ports of the program, by their signals.

    Args:
        module: a fixed-point program.
        signals: names of its ports, inputs first.

    Raises:
        CompileError: NL609 for an op that is not specified here.
    """

    def __init__(self, module: ModuleOp, signals: Sequence[str]) -> None:
        self.lines: list[str] = []
        self._count = 0
        self._values: dict[SSAValue, Names] = {}
        program = hardware(module)
        count = len(program.inputs)
        self.inputs = [(name, info) for name, (_, info) in zip(signals[:count], program.inputs, strict=True)]
        self.outputs = [
            (name, info) for name, (_, info) in zip(signals[count:], program.outputs, strict=True)
        ]
        for (name, info), (value, _) in zip(self.inputs, program.inputs, strict=True):
            kind = "" if info.format.signed else "1'b0, "
            elements = range(info.elements)
            bits = info.element_bits
            self._values[value] = [
                self._wire(f"$signed({{{kind}{name}[{i * bits}+:{bits}]}})" if info.format.width else "0")
                for i in elements
            ]
        for op in program.ops:
            self._values[op.results[0]] = self._op(op)
        for (name, info), (value, _) in zip(self.outputs, program.outputs, strict=True):
            for i, element in enumerate(self._elements(value)):
                bits = info.element_bits
                self.lines.append(f"  assign {name}[{i * bits}+:{bits}] = {element}[{bits - 1}:0];")

    def text(self) -> str:
        """The module."""
        ports = [f"input [{info.bits - 1}:0] {name}" for name, info in self.inputs]
        ports += [f"output [{info.bits - 1}:0] {name}" for name, info in self.outputs]
        return "\n".join([f"module netloom_specification({', '.join(ports)});", *self.lines, "endmodule", ""])

    def _wire(self, expression: str) -> str:
        name = f"v{self._count}"
        self._count += 1
        self.lines.append(f"  wire signed [{WIDTH - 1}:0] {name} = {expression};")
        return name

    def _elements(self, value: SSAValue) -> Names:
        if isinstance(value.owner, ConstantOp) and value not in self._values:
            self._values[value] = [_number(int(v)) for v in value.owner.value.ints().reshape(-1)]
        return self._values[value]

    def _op(self, op: NetloomOp) -> Names:
        if isinstance(op, WiringOp):
            flat = [
                self._shifted(name, op.fraction_rule() - f.fraction)
                for operand, f in self._operands(op)
                for name in self._elements(operand)
            ]
            return [flat[int(index)] for index in element_map(op)]
        rule = _RULES.get(type(op))
        if rule is None:
            raise CompileError(
                "NL609",
                f"{op.name} has no specification for a proof by SAT",
                origin=op.origin_name,
                supported=", ".join(sorted({kind.name for kind in _RULES} | {"wiring"})),
            )
        return [self._wire(expression) for expression in rule(self, op)]

    def _operands(self, op: NetloomOp) -> Iterator[tuple[SSAValue, Format]]:
        yield from zip(op.operands, op.operand_formats, strict=True)

    def _shifted(self, name: str, places: int) -> str:
        return f"({name} <<< {places})" if places else name

    def spread(self, op: NetloomOp, index: int, fraction: int | None = None) -> Names:
        """Operand `index`, broadcast to the result's shape, at a number of fraction bits."""
        names = self._elements(op.operands[index])
        positions = np.arange(len(names)).reshape(op.operand_shapes[index])
        places = 0 if fraction is None else fraction - op.operand_formats[index].fraction
        return [
            self._shifted(names[int(at)], places)
            for at in np.broadcast_to(positions, op.result_shape).reshape(-1)
        ]

    def elements(self, op: NetloomOp, index: int = 0) -> Names:
        """Operand `index`, row-major."""
        return self._elements(op.operands[index])


def _number(value: int) -> str:
    return f"{'-' if value < 0 else ''}{WIDTH}'sd{abs(value)}"


def _dot(names: Sequence[str], weights: Sequence[int], bias: int) -> str:
    terms = [f"{name} * {_number(w)}" for name, w in zip(names, weights, strict=True) if w]
    return " + ".join([*terms, _number(bias)])


def _kernel(spec: Specification, op: NetloomOp) -> Iterator[str]:
    assert isinstance(op, KernelOp)
    matrix, bias = op.graph.matrix(), op.bias_mantissas
    names = spec.elements(op)
    for row in range(len(names) // matrix.shape[0]):
        inputs = names[row * matrix.shape[0] : (row + 1) * matrix.shape[0]]
        for j in range(matrix.shape[1]):
            yield _dot(inputs, [int(w) for w in matrix[:, j]], int(bias[j]))


def _lut_network(spec: Specification, op: NetloomOp) -> Iterator[str]:
    """Results as sums of the bits that the tables give."""
    assert isinstance(op, LutNetworkOp)
    network, names, inputs = op.network, spec.elements(op), op.operand_shapes[0][-1]
    for row in range(len(names) // inputs):
        places = (divmod(signal, op.bits_per_input) for signal in range(network.n_inputs))
        bits = [spec._wire(f"({names[row * inputs + e]} >>> {bit}) & {_number(1)}") for e, bit in places]
        for table in range(len(network.truth)):
            entries = 1 << int(network.fan_in[table])
            entry = " + ".join(f"({bits[s]} <<< {place})" for place, s in enumerate(network.inputs_of(table)))
            truth = f"{entries}'h{int(network.truth[table]) % (1 << entries):x}"
            bits.append(spec._wire(f"({truth} >> ({entry})) & 1'b1 ? {_number(1)} : {_number(0)}"))
        for found in network.outputs.tolist():
            weights = [1 << bit for bit in range(len(found))]
            weights[-1] *= -1 if op.is_signed else 1
            used = [(s, _number(w)) for s, w in zip(found, weights, strict=True) if s != ZERO]
            yield " + ".join(w if s == ONE else f"{bits[s]} * {w}" for s, w in used) or _number(0)


def _product(spec: Specification, op: NetloomOp) -> Iterator[str]:
    assert isinstance(op, DenseOp | MatMulOp)
    terms = op.operand_shapes[0][-1]
    left = _positions(op.operand_shapes[0])
    right = _positions(op.operand_shapes[1])
    if isinstance(op, MatMulOp):
        batch = op.result_shape[:-2]
        left = np.broadcast_to(left, (*batch, *left.shape[-2:]))
        right = np.broadcast_to(right, (*batch, *right.shape[-2:]))
    a, b = spec.elements(op, 0), spec.elements(op, 1)
    bias = spec.elements(op, 2) if len(op.operands) > 2 else None
    for at in np.ndindex(*op.result_shape):
        row = left[at[:-1]]
        column = right[(*at[:-2], slice(None), at[-1])] if isinstance(op, MatMulOp) else right[:, at[-1]]
        products = [f"{a[int(row[k])]} * {b[int(column[k])]}" for k in range(terms)]
        yield " + ".join(products + ([bias[at[-1]]] if bias is not None else []))


def _positions(shape: Sequence[int]) -> Ints:
    return np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)


def _aligned(sign: str) -> Callable[[Specification, NetloomOp], Iterator[str]]:
    def rule(spec: Specification, op: NetloomOp) -> Iterator[str]:
        fraction = op.fraction_rule()
        for a, b in zip(spec.spread(op, 0, fraction), spec.spread(op, 1, fraction), strict=True):
            yield f"{a} {sign} {b}"

    return rule


def _extreme(order: str) -> Callable[[Specification, NetloomOp], Iterator[str]]:
    def rule(spec: Specification, op: NetloomOp) -> Iterator[str]:
        fraction = op.fraction_rule()
        for a, b in zip(spec.spread(op, 0, fraction), spec.spread(op, 1, fraction), strict=True):
            yield f"{a} {order} {b} ? {a} : {b}"

    return rule


def _multiply(spec: Specification, op: NetloomOp) -> Iterator[str]:
    for a, b in zip(spec.spread(op, 0), spec.spread(op, 1), strict=True):
        yield f"{a} * {b}"


def _relu(spec: Specification, op: NetloomOp) -> Iterator[str]:
    for x in spec.elements(op):
        yield f"{x} < 0 ? 0 : {x}"


def _threshold(spec: Specification, op: NetloomOp) -> Iterator[str]:
    assert isinstance(op, ThresholdOp)
    shape = op.result_shape
    levels = op.thresholds.ints()
    levels = np.broadcast_to(levels, (*shape, levels.shape[-1])).reshape(-1, levels.shape[-1])
    base, sign = (np.broadcast_to(p.ints(), shape).reshape(-1) for p in (op.base, op.sign))
    for index, x in enumerate(spec.elements(op)):
        steps = [f"({x} >= {_number(int(t))} ? {_number(int(sign[index]))} : 0)" for t in levels[index]]
        yield " + ".join([_number(int(base[index])), *steps])


def _reduce(spec: Specification, op: NetloomOp) -> Iterator[str]:
    assert isinstance(op, ReduceOp)
    names = spec.elements(op)
    axes = op.positive_axes
    moved = np.moveaxis(_positions(op.operand_shapes[0]), axes, range(-len(axes), 0))
    for group in moved.reshape(-1, op.count):
        members = [names[int(at)] for at in group]
        if op.kind.data == "sum":
            yield " + ".join(members)
            continue
        order = ">" if op.kind.data == "max" else "<"
        best = members[0]
        for member in members[1:]:
            best = spec._wire(f"{best} {order} {member} ? {best} : {member}")
        yield best


UP: Mapping[str, str] = {
    "TRN": "0",
    "TRN_ZERO": "{negative} && {rest} != 0",
    "RND": "{rest} >= {half}",
    "RND_ZERO": "{rest} > {half} || ({rest} == {half} && {negative})",
    "RND_INF": "{rest} > {half} || ({rest} == {half} && !{negative})",
    "RND_MIN_INF": "{rest} > {half}",
    "RND_CONV": "{rest} > {half} || ({rest} == {half} && {odd})",
}
"""When the quotient that was rounded down goes up by one; `rest` is what was dropped (AMD UG1399)."""


def _cast(spec: Specification, op: NetloomOp) -> Iterator[str]:
    assert isinstance(op, CastOp)
    target = op.result_format
    dropped = op.operand_formats[0].fraction - target.fraction
    for x in spec.elements(op):
        value = _rounded(spec, x, dropped, op.rounding.data) if dropped > 0 else f"({x} <<< {-dropped})"
        yield _clipped(spec._wire(value), target, op.overflow.data)


def _rounded(spec: Specification, x: str, dropped: int, mode: str) -> str:
    floor = spec._wire(f"{x} >>> {dropped}")
    rest = spec._wire(f"{x} - ({floor} <<< {dropped})")
    up = UP[mode].format(
        negative=f"({x} < 0)", rest=rest, half=_number(1 << (dropped - 1)), odd=f"{floor}[0]"
    )
    return f"{floor} + (({up}) ? {_number(1)} : {_number(0)})"


def _clipped(x: str, target: Format, mode: str) -> str:
    low, high, width = target.min_mantissa, target.max_mantissa, target.width
    wrapped = f"$signed({{{'' if target.signed else chr(49) + chr(39) + 'b0, '}{x}[{width - 1}:0]}})"
    if mode == "WRAP":
        return wrapped
    if mode == "SAT_ZERO":
        return f"{x} > {_number(high)} || {x} < {_number(low)} ? {_number(0)} : {x}"
    if mode == "SAT_SYM" and target.signed:
        low = -high
    return f"{x} > {_number(high)} ? {_number(high)} : {x} < {_number(low)} ? {_number(low)} : {x}"


_RULES: Mapping[type[NetloomOp], Callable[[Specification, NetloomOp], Iterator[str]]] = {
    KernelOp: _kernel,
    LutNetworkOp: _lut_network,
    DenseOp: _product,
    MatMulOp: _product,
    AddOp: _aligned("+"),
    SubOp: _aligned("-"),
    MulOp: _multiply,
    MinOp: _extreme("<"),
    MaxOp: _extreme(">"),
    ReluOp: _relu,
    CastOp: _cast,
    ThresholdOp: _threshold,
    ReduceOp: _reduce,
}
