"""Products that hard multipliers can take out of a constant matrix, and what is left for shared adders.

A weight is an odd number, times a power of two and a sign, which cost nothing. A multiplier makes the product
of one input and one odd number; every weight of that input with that odd number then is a single digit of the
product, whatever its own digits were. The sums stay with the adders, where they are shared as before: on
UltraScale+ Yosys uses no adder of a multiplier's block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netloom.core.adder_graph import bit_width
from netloom.core.devices import Device
from netloom.core.fixed import Format
from netloom.ir.interval import Ints
from netloom.passes.analysis.arithmetic import SMALLEST_PRODUCT_BITS, constant_product, signed_bits
from netloom.passes.solvers.csd import csd_counts

FEWEST = 2
"""Products that are tried at least."""


@dataclass(frozen=True)
class Factor:
    """One input times an odd number.

    Attributes:
        row: number of the input.
        value: the odd number, 3 or more.
        lut: tables around the multipliers.
        dsp: multipliers.
    """

    row: int
    value: int
    lut: int
    dsp: int


@dataclass(frozen=True, eq=False)
class HardProducts:
    """A matrix int64[K, N] with the products that can leave it, in several orders.

    Attributes:
        matrix: the weights.
        low: least value of each input, int64[K].
        high: greatest value of each input, int64[K].
        factors: the products.
        members: bool[factors, N], which columns have each.
        worth: float64[factors], what each may save, in bits of adders; only for comparison.
    """

    matrix: Ints
    low: Ints
    high: Ints
    factors: Sequence[Factor]
    members: NDArray[np.bool_]
    worth: NDArray[np.float64]

    @classmethod
    def of(cls, matrix: Ints, low: Ints, high: Ints, source: Format, device: Device) -> HardProducts:
        """All products that become multipliers.

        Args:
            matrix: the weights, int64[K, N].
            low: least value of each input.
            high: greatest value of each input.
            source: format of the inputs, which a multiplier gets.
            device: target.
        """
        odd = odd_parts(matrix)
        found: list[Factor] = []
        members: list[NDArray[np.bool_]] = []
        for row, values in enumerate(odd):
            for value in np.unique(values[values > 1]).tolist():
                lut, dsp, *_ = constant_product(value, source.width, signed_bits(value), device)
                # Of inputs without a sign Yosys sees that the product has none either.
                if dsp and source.width + value.bit_length() >= SMALLEST_PRODUCT_BITS:
                    found.append(Factor(row, value, lut, dsp))
                    members.append(values == value)
        bits = bit_width(low, high)
        worth = np.array([_worth(f, int(m.sum()), bits) for f, m in zip(found, members, strict=True)])
        stacked = np.array(members, dtype=np.bool_).reshape(len(found), matrix.shape[1])
        return cls(matrix, low, high, found, stacked, worth)

    def orders(self) -> Iterator[list[int]]:
        """Numbers of the factors: whole inputs one after another, or whole outputs.

        The last products of an input or an output save most, since adders share what is left of it. Inputs
        suit narrow weights, of which many columns have the same; outputs wide ones.
        """
        if self.factors:
            yield self._by_input()
            yield self._by_output()

    def _by_input(self) -> list[int]:
        rows = np.array([factor.row for factor in self.factors])
        sums = np.bincount(rows, self.worth) / np.maximum(np.bincount(rows), 1)
        return sorted(range(len(rows)), key=lambda f: (-sums[rows[f]], rows[f], -self.worth[f]))

    def _by_output(self) -> list[int]:
        """The output first that is worth most for each product that it does not share with those before."""
        total = self.worth @ self.members
        missing = self.members.sum(axis=0)
        left, new = np.ones(len(total), dtype=np.bool_), np.ones(len(self.factors), dtype=np.bool_)
        order: list[int] = []
        while left.any():
            column = int(np.argmax(np.where(left, total / np.maximum(missing, 0.5), -1.0)))
            left[column] = False
            added = np.flatnonzero(new & self.members[:, column])
            new[added] = False
            missing = missing - self.members[added].sum(axis=0)
            order.extend(added[np.argsort(-self.worth[added], kind="stable")].tolist())
        return order

    def without(self, taken: Sequence[Factor]) -> tuple[Ints, Ints, Ints]:
        """The matrix int64[K + taken, N] that reads the products behind the inputs, and all bounds."""
        matrix, odd = self.matrix.copy(), odd_parts(self.matrix)
        rows = np.zeros((len(taken), matrix.shape[1]), dtype=np.int64)
        for new, factor in zip(rows, taken, strict=True):
            here = odd[factor.row] == factor.value
            new[here] = matrix[factor.row, here] // factor.value
            matrix[factor.row, here] = 0
        values = np.array([factor.value for factor in taken], dtype=np.int64)
        inputs = np.array([factor.row for factor in taken], dtype=np.int64)
        low, high = (np.concatenate([ends, values * ends[inputs]]) for ends in (self.low, self.high))
        return np.concatenate([matrix, rows]), low, high


def _worth(factor: Factor, uses: int, bits: Ints) -> float:
    """Adders for the digits behind the first, less than one for each use since they are shared."""
    digits = int(csd_counts(np.array([factor.value], dtype=np.int64))[0])
    width = int(bits[factor.row]) + factor.value.bit_length()
    return float((digits - 1) * uses**0.5 * width / factor.dsp)


def odd_parts(matrix: Ints) -> Ints:
    """The odd number that each weight is a power of two of, without its sign; 0 for 0."""
    magnitude = np.abs(matrix)
    odd: Ints = magnitude // np.maximum(magnitude & -magnitude, 1)
    return odd


def trial_sizes(count: int) -> list[int]:
    """How many of `count` products are tried, most first: three quarters, a half, three eighths, ..."""
    sizes: set[int] = set()
    for size in (count // 2, 3 * count // 4):
        while size >= FEWEST:
            sizes.add(size)
            size //= 2
    return sorted(sizes, reverse=True)
