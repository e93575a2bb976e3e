"""Energy of one inference by a published model, for comparing quantizations before any synthesis.

The model is that of QTools (C. N. Coelho Jr. et al., arXiv:2006.10159): operations in a 45 nm process after
M. Horowitz, "Computing's energy problem", ISSCC 2014, and memory accesses of 64 bits. It knows nothing of
adder graphs, pipelines or the routing of an FPGA. All energies are in picojoules, widths in bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ADD_PJ_PER_BIT = 0.003125
MULTIPLY_PJ = (0.002994791667, 0.001041666667)
"""Of b**2 and of b."""

SRAM_READ_PJ = (9.02427321e-4, -2.68847858e-2, 0.208900804)
"""Of x**3, x**2 and x, where x is the logarithm to base 2 of the memory's bits."""

SRAM_WORD_BITS = 64

GATES = {
    "multiply": 1.0,
    "multiplexer": 0.3,
    "ternary": 0.6,
    "xor": 0.3,
    "and": 0.1,
    "adder": 1.0,
    "shifter": 1.0,
}
"""Factor of what multiplies an input with a weight; all but the first count as adders."""


@dataclass(frozen=True)
class Memory:
    """Where tensors are.

    Attributes:
        smallest_bits: a memory is at least this large.
    """

    smallest_bits: int = 1 << 27

    def access_pj(self, bits: int) -> float:
        """Energy of reading or writing a tensor once."""
        x = math.log2(max(bits, self.smallest_bits))
        cubic, square, linear = SRAM_READ_PJ
        return math.ceil(bits / SRAM_WORD_BITS) * (cubic * x**3 + square * x**2 + linear * x)


@dataclass(frozen=True)
class Product:
    """A dense layer or a convolution.

    Attributes:
        inputs: elements of its input.
        outputs: elements of its output.
        weights: elements of its kernel.
        macs: multiplications.
        fan_in: products of one sum.
        input_bits: width of an input.
        weight_bits: width of a weight.
        bias_bits: width of a bias, of which there is one for each output channel.
        biases: number of biases.
        gate: what multiplies, a key of `GATES`.
    """

    inputs: int
    outputs: int
    weights: int
    macs: int
    fan_in: int
    input_bits: int
    weight_bits: int
    bias_bits: int
    biases: int
    gate: str = "multiply"

    @classmethod
    def dense(cls, inputs: int, outputs: int, input_bits: int, weight_bits: int, bias_bits: int) -> Product:
        """A dense layer with a bias."""
        macs = inputs * outputs
        return cls(inputs, outputs, macs, macs, inputs, input_bits, weight_bits, bias_bits, outputs)

    @property
    def weight_storage_bits(self) -> int:
        """Bits of kernel and bias."""
        return self.weights * self.weight_bits + self.biases * self.bias_bits

    @property
    def bops(self) -> int:
        """Bit operations: multiplications of every bit with every bit, and additions (arXiv:1804.10969).

        macs * (input_bits * weight_bits + input_bits + weight_bits + log2(fan_in)), the logarithm rounded up.
        """
        width = self.input_bits + self.weight_bits + math.ceil(math.log2(max(self.fan_in, 1)))
        return self.macs * (self.input_bits * self.weight_bits + width)

    @property
    def accumulator_bits(self) -> int:
        """Width of the sum; there is always room for a bias."""
        return self.input_bits + self.weight_bits + math.ceil(math.log2(self.fan_in + 1))

    @property
    def operations_pj(self) -> float:
        """Energy of the multiplications and additions."""
        gate_bits = math.sqrt(self.input_bits * self.weight_bits)
        one = multiply_pj(gate_bits) if self.gate == "multiply" else add_pj(gate_bits)
        return self.macs * (GATES[self.gate] * one + add_pj(self.accumulator_bits))

    def parts_pj(self, memory: Memory) -> tuple[float, ...]:
        """Reads of the input, reads of kernel and bias, operations."""
        parameters = (self.weights * self.weight_bits, self.biases * self.bias_bits)
        return (
            memory.access_pj(self.inputs * self.input_bits),
            sum(memory.access_pj(bits) for bits in parameters if bits),
            self.operations_pj,
        )


@dataclass(frozen=True)
class Activation:
    """An activation: its outputs are written."""

    outputs: int
    output_bits: int

    def parts_pj(self, memory: Memory) -> tuple[float, ...]:
        """Writes of the output."""
        return (memory.access_pj(self.outputs * self.output_bits),)


def add_pj(bits: float) -> float:
    """A fixed-point addition."""
    return ADD_PJ_PER_BIT * bits


def multiply_pj(bits: float) -> float:
    """A fixed-point multiplication of two numbers of as many bits."""
    square, linear = MULTIPLY_PJ
    return square * bits * bits + linear * bits


def energies_pj(layers: Sequence[Product | Activation], memory: Memory | None = None) -> list[float]:
    """Energy of each layer; every part of it is rounded to 0.01 pJ, as in the reports of QTools."""
    chosen = memory or Memory()
    return [sum(round(part, 2) for part in layer.parts_pj(chosen)) for layer in layers]
