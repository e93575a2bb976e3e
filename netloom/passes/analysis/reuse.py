"""How a layer with shared multipliers is divided over its cycles.

`nn.dense` defines which products belong to which cycle. Schedule, estimate and backends ask here for what
follows from it: how many multipliers there are, what a memory word of weights holds, where it is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.ir.base import NetloomOp
from netloom.ir.nn import DenseOp
from netloom.ir.tree import EnsembleOp
from netloom.passes.analysis.tree_memory import memory_of

TABLE_DEPTH_WORDS = 64
"""Words that one level of lookup tables holds; deeper memories of weights go to block memory..."""
TABLE_BITS = 4096
"""...when they have so many bits in all."""


@dataclass(frozen=True)
class Sharing:
    """A layer of `inputs` x `outputs` weights whose multipliers work for `reuse_factor` cycles.

    Attributes:
        rows: inputs vectors of one sample; they share the weights, and each has multipliers of its own.
        inputs: K.
        outputs: N.
        reuse_factor: R, cycles for one sample.
        input_bits: width of an input as a signed number.
        weight_bits: width of a weight as a signed number.
        result_bits: width of a result.
        outside: whether the weights come from a memory outside the chip.
    """

    rows: int
    inputs: int
    outputs: int
    reuse_factor: int
    input_bits: int
    weight_bits: int
    result_bits: int
    outside: bool = False

    @property
    def terms(self) -> int:
        """Inputs that are worked on in one cycle."""
        return max(self.inputs // self.reuse_factor, 1)

    @property
    def groups(self) -> int:
        """Groups of outputs, one after another."""
        return max(self.reuse_factor // self.inputs, 1)

    @property
    def together(self) -> int:
        """Outputs of one group."""
        return self.outputs // self.groups

    @property
    def turns(self) -> int:
        """Cycles for one group."""
        return min(self.reuse_factor, self.inputs)

    @property
    def multipliers(self) -> int:
        """Multipliers of one row; also the weights of one memory word."""
        return self.terms * self.together

    @property
    def word_bits(self) -> int:
        """Bits of the weights of one cycle; there are `reuse_factor` such words."""
        return self.multipliers * self.weight_bits

    @property
    def in_block_memory(self) -> bool:
        """Whether the weights are kept in block memory instead of lookup tables."""
        deep = self.reuse_factor > TABLE_DEPTH_WORDS and not self.outside
        return deep and self.word_bits * self.reuse_factor >= TABLE_BITS


def sharing(op: DenseOp) -> Sharing:
    """How a layer of strategy `resource` shares its multipliers.

    Raises:
        CompileError: NL308 when it has no reuse factor yet.
    """
    if op.reuse_factor is None:
        raise CompileError(
            "NL308",
            "the layer shares multipliers and has no reuse factor",
            origin=op.origin_name,
            hint="run the pass 'set-reuse-factors' before",
        )
    inputs, outputs = op.operand_shapes[1]
    return Sharing(
        math.prod(op.operand_shapes[0][:-1]),
        inputs,
        outputs,
        op.reuse_factor.value.data,
        _signed_bits(op.operand_formats[0]),
        _signed_bits(op.operand_formats[1]),
        max(op.result_format.width, 1),
        op.weight_port is not None,
    )


def _signed_bits(number_format: Format) -> int:
    """Bits of a number as two's complement."""
    return max(number_format.width + (0 if number_format.signed else 1), 1)


def reuse_factor(op: NetloomOp) -> int:
    """How many products each multiplier of an op computes for one sample; 1 for other ops."""
    return op.reuse_factor.value.data if isinstance(op, DenseOp) and op.reuse_factor is not None else 1


def busy_cycles(op: NetloomOp) -> int:
    """Cycles that an op works on one sample before it can take the next: also those of trees in memories."""
    if isinstance(op, EnsembleOp) and op.memory is not None:
        return memory_of(op).interval_cycles
    return reuse_factor(op)


def delay_registers(delay_cycles: int, interval_cycles: int) -> int:
    """Registers that keep a value for some cycles when a new one comes once an interval at most."""
    return -(-delay_cycles // interval_cycles)
