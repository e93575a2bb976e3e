"""The published energy table, to the printed digit."""

from __future__ import annotations

import itertools

import pytest

from netloom.estimate.energy import GATES, Activation, Memory, Product, add_pj, energies_pj, multiply_pj

SIZES = (16, 64, 32, 32, 5)


def network(bits: int) -> list[Product | Activation]:
    """The jet tagger of arXiv:2006.10159: inputs of 16 bits, all else of `bits`, softmax of 32 bits."""
    layers: list[Product | Activation] = []
    for index, (inputs, outputs) in enumerate(itertools.pairwise(SIZES)):
        layers.append(Product.dense(inputs, outputs, 16 if index == 0 else bits, bits, bits))
        layers.append(Activation(outputs, 32 if outputs == SIZES[-1] else bits))
    return layers


# Recorded from the original program (its paper prints them as whole numbers).
TABLE = {
    14: ((1735.42, 53.25, 3239.97, 26.63, 1630.11, 26.63, 280.62, 11.41), 7004, 61446),
    6: ((794.46, 22.82, 1119.76, 11.41, 562.39, 11.41, 99.52, 11.41), 2633, 26334),
}


@pytest.mark.parametrize("bits", list(TABLE))
def test_the_published_table(bits: int) -> None:
    energies, total, weight_bits = TABLE[bits]
    layers = network(bits)
    found = energies_pj(layers)
    assert [f"{energy:.2f}" for energy in found] == [f"{energy:.2f}" for energy in energies]
    assert round(sum(found)) == total
    assert sum(layer.weight_storage_bits for layer in layers if isinstance(layer, Product)) == weight_bits


def test_operations_of_the_process() -> None:
    # M. Horowitz, ISSCC 2014: 32-bit integer addition 0.1 pJ, multiplication 3.1 pJ; 8 bits: 0.03 and 0.2.
    assert [round(add_pj(bits), 2) for bits in (8, 32)] == [0.03, 0.1]
    assert [round(multiply_pj(bits), 1) for bits in (8, 32)] == [0.2, 3.1]


def test_a_larger_memory_costs_more_to_read() -> None:
    small, large = Memory(1 << 18), Memory(1 << 27)
    assert small.access_pj(6144) < large.access_pj(6144)
    assert large.access_pj(65) == 2 * large.access_pj(64)
    assert f"{large.access_pj(64):.5f}" == "3.80379"


def test_a_gate_of_binary_weights_costs_less_than_a_multiplier() -> None:
    dense = Product.dense(64, 32, 6, 1, 6)
    binary = Product(**{**vars(dense), "gate": "xor"})
    assert binary.operations_pj < dense.operations_pj
    assert GATES["multiply"] == 1.0


def test_bit_operations() -> None:
    # 16 x 64 products of 16 x 6 bits, sums of 16 + 6 + 4 bits.
    assert Product.dense(16, 64, 16, 6, 6).bops == 1024 * (96 + 26)
