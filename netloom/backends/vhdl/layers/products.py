"""`nn.matmul` and `nn.dense`: multipliers and adder trees.

All of a pipelined product is one clocked process. Its stages stand last first, so that a variable
still holds what the previous cycle left in it: such variables are the pipeline's registers. A
simulator needs far less memory for them than for signals, and sizes here go to a million terms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netloom.backends.vhdl.layers.elementwise import SYNTHESIZED_CONSTANT_BITS
from netloom.backends.vhdl.layers.layer import Intervals, Layer, Operand, bits, describe, elements
from netloom.backends.vhdl.text import (
    element,
    index_expression,
    is_signed,
    literal,
    loop,
    process,
    table,
    table_bits,
    target,
    wire_bits,
)
from netloom.ir.fx import ConstantOp
from netloom.ir.interval import Ints
from netloom.ir.nn import DenseOp, MatMulOp
from netloom.passes.analysis.scheduled import stages
from netloom.passes.analysis.timing import tree_levels


@dataclass(frozen=True)
class _Factor:
    """Access to one operand: its term k for result o as signed, its width, and what that needs."""

    text: str
    width: int
    declarations: list[str]
    constant: bool = False


def _factor(op: MatMulOp | DenseOp, index: int, port: str, starts: Ints, stride: int) -> _Factor:
    """Operand `index`: its term k for result o is element starts[o] + k * stride."""
    value, number_format = op.operands[index], op.operand_formats[index]
    first, declarations = index_expression(starts, "o", f"{port.upper()}_FIRST")
    step = "k" if stride == 1 else f"k * {stride}"
    where = step if first == "0" else f"{first} + {step}"
    if isinstance(value.owner, ConstantOp):
        name = f"{port.upper()}_VALUE"
        values = value.owner.value.ints()
        entries = [*table(name, values), *declarations]
        return _Factor(f"{name}({where})", table_bits(values), entries, constant=True)
    text = element(port, where, number_format)
    width = wire_bits(number_format)
    if is_signed(number_format):
        return _Factor(text, width, declarations)
    return _Factor(f"ext({text}, {width + 1})", width + 1, declarations)


def _starts(op: MatMulOp | DenseOp) -> tuple[Ints, Ints]:
    """Element numbers, for every result, of each operand's first term."""
    left_shape, right_shape = op.operand_shapes[:2]
    left = np.arange(int(np.prod(left_shape)), dtype=np.int64).reshape(left_shape)[..., :1]
    right = np.arange(int(np.prod(right_shape)), dtype=np.int64).reshape(right_shape)[..., :1, :]
    if isinstance(op, DenseOp):
        right = right[0]
    shape = op.result_shape
    return (
        np.broadcast_to(left, shape).reshape(-1).astype(np.int64),
        np.broadcast_to(right, shape).reshape(-1).astype(np.int64),
    )


def products(op: MatMulOp | DenseOp, intervals: Intervals) -> Layer:
    """The layer of a matrix product with multipliers."""
    del intervals
    left_starts, right_starts = _starts(op)
    left = _factor(op, 0, "a", left_starts, 1)
    right = _factor(op, 1, "b", right_starts, op.operand_shapes[1][-1])
    terms, width = op.operand_shapes[0][-1], wire_bits(op.result_format)
    declarations = [
        f"type terms_t is array (natural range <>) of signed({width - 1} downto 0);",
        *left.declarations,
        *right.declarations,
    ]
    bias, bias_table = _bias(op, width)
    declarations += bias_table
    writer = _Writer(op, left, right, bias)
    ports = [Operand(port, n, bits(op.operands[n])) for n, port in enumerate("ab") if _is_port(op, n)]
    return Layer(
        type(op).name.split(".")[1],
        (f"Products of {terms} terms each, added in a tree.", f"Gives {describe(op.result)}."),
        tuple(ports),
        bits(op.result),
        writer.latency,
        declarations,
        writer.statements(),
    )


def _is_port(op: MatMulOp | DenseOp, index: int) -> bool:
    return not isinstance(op.operands[index].owner, ConstantOp)


def _bias(op: MatMulOp | DenseOp, width: int) -> tuple[str, list[str]]:
    """The bias of result o, or nothing."""
    if not isinstance(op, DenseOp) or op.bias is None:
        return "", []
    owner = op.bias.owner
    assert isinstance(owner, ConstantOp)
    values = owner.value.ints().reshape(-1)
    if np.all(values == values[0]):
        return literal(int(values[0]), width), []
    return f"ext(BIAS(o mod {len(values)}), {width})", table("BIAS", values)


class _Writer:
    """The process of one product."""

    def __init__(self, op: MatMulOp | DenseOp, left: _Factor, right: _Factor, bias: str) -> None:
        self.results = elements(op.result)
        self.left, self.right, self.bias = left, right, bias
        self.terms, self.width = op.operand_shapes[0][-1], wire_bits(op.result_format)
        self.stages = stages(op)
        # A pipelined product ends in a register; see the schedule.
        self.latency = self.stages[-1] + 1 if self.stages[-1] else 0
        counts = [self.terms]
        for _ in range(tree_levels(self.terms)):
            counts.append((counts[-1] + 1) // 2)
        self.counts = counts

    def statements(self) -> list[str]:
        """The whole process."""
        variables = [
            f"variable left : signed({self.left.width - 1} downto 0);",
            f"variable right : signed({self.right.width - 1} downto 0);",
            f"variable term : terms_t(0 to {self.terms - 1});",
        ]
        for stage in range(1, self.stages[-1] + 1):
            size = self.results * self._kept(stage)
            variables.append(f"variable register_{stage} : terms_t(0 to {size - 1});")
        body: list[str] = []
        for stage in range(self.stages[-1], -1, -1):
            body += [f"-- stage {stage}", *loop("o", self.results, self._stage(stage))]
        return process("multiply_and_add", variables, body, clocked=self.latency > 0)

    @property
    def _product(self) -> str:
        """The product of one term; a wide constant comes last, in pieces."""
        for factor, text in ((self.left, "right, left"), (self.right, "left, right")):
            if factor.constant and factor.width > SYNTHESIZED_CONSTANT_BITS:
                return f"product_in_pieces({text})"
        return "product(left, right)"

    def _kept(self, stage: int) -> int:
        """Partial sums of one result that pass into a stage."""
        last = max(index for index, at in enumerate(self.stages) if at < stage)
        return self.counts[min(last, len(self.counts) - 1)]

    def _stage(self, stage: int) -> list[str]:
        """The steps of one stage for result o: load, work, store."""
        lines: list[str] = []
        if stage:
            kept = self._kept(stage)
            lines += loop("k", kept, [f"term(k) := register_{stage}(o * {kept} + k);"])
        for index, at in enumerate(self.stages):
            if at == stage:
                lines += self._step(index)
        if stage == self.stages[-1]:
            y = target("y", "o", self.width)
            return [*lines, f"{y} <= std_logic_vector(term(0));"]
        kept = self._kept(stage + 1)
        return [*lines, *loop("k", kept, [f"register_{stage + 1}(o * {kept} + k) := term(k);"])]

    def _step(self, index: int) -> list[str]:
        if index == 0:
            body = [
                f"left := {self.left.text};",
                f"right := {self.right.text};",
                f"term(k) := ext({self._product}, {self.width});",
            ]
            return loop("k", self.terms, body)
        if index >= len(self.counts):
            return [f"term(0) := term(0) + {self.bias};"]
        before = self.counts[index - 1]
        lines = loop("k", before // 2, ["term(k) := term(2 * k) + term(2 * k + 1);"])
        if before % 2:
            lines.append(f"term({before // 2}) := term({before - 1});")
        return lines
