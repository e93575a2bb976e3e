"""Shift-add networks held as arrays: exact meaning, intervals, depth and cost.

An :class:`AdderGraph` computes ``y = x @ M`` for an integer matrix ``M`` with adders, subtractors
and constant shifts only.  Nodes are numbered: ``0 .. n_inputs - 1`` are the inputs, ``n_inputs + k``
is adder ``k``, and an adder's operands always have smaller numbers than the adder itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Magnitudes from here on are refused: 62 bits and a sign, so one more addition cannot wrap int64.
_LIMIT_BITS = 62
# Elements (nodes x samples) that one propagation block may hold; 4 M int64 are 32 MB.
_BLOCK_ELEMENTS = 1 << 22


@dataclass(frozen=True)
class _Level:
    """The adders of one level, as parallel arrays ready for one vectorised step."""

    nodes: IntArray
    lhs: IntArray
    rhs: IntArray
    lhs_shift: IntArray
    rhs_shift: IntArray
    sign: IntArray


@dataclass(frozen=True, eq=False)
class AdderGraph:
    """Unrolled shift-add network for ``y = x @ M`` over integers.

    With ``v`` the node values and ``K = n_inputs``, ``A`` adders and ``N`` outputs:

    - adder ``k``: ``v[K+k] = (v[lhs] << lhs_shift) + (-1 if subtract else 1) * (v[rhs] << rhs_shift)``
    - output ``j``: ``y[j] = (-1 if out_negate else 1) * (v[out_node] << out_shift)``,
      or zero where ``out_node`` is -1.

    ``lhs``, ``rhs``, ``lhs_shift``, ``rhs_shift`` are int64[A], ``subtract`` is bool[A];
    ``out_node``, ``out_shift`` are int64[N], ``out_negate`` is bool[N].  Shifts are never negative.

    Raises ValueError on construction when the arrays do not describe such a network.
    """

    n_inputs: int
    lhs: IntArray
    rhs: IntArray
    lhs_shift: IntArray
    rhs_shift: IntArray
    subtract: BoolArray
    out_node: IntArray
    out_shift: IntArray
    out_negate: BoolArray

    def __post_init__(self) -> None:
        adders = [self.lhs, self.rhs, self.lhs_shift, self.rhs_shift, self.subtract]
        outputs = [self.out_node, self.out_shift, self.out_negate]
        for group in (adders, outputs):
            if any(array.ndim != 1 or array.shape != group[0].shape for array in group):
                raise ValueError("adder graph: the arrays of one group must be vectors of one length")
        own = self.n_inputs + np.arange(len(self.lhs))
        for operand in (self.lhs, self.rhs):
            if np.any(operand < 0) or np.any(operand >= own):
                raise ValueError("adder graph: an operand must be an input or an earlier adder")
        if any(np.any(shift < 0) for shift in (self.lhs_shift, self.rhs_shift, self.out_shift)):
            raise ValueError("adder graph: shifts must not be negative")
        if np.any(self.out_node < -1) or np.any(self.out_node >= self.n_nodes):
            raise ValueError("adder graph: an output must name a node, or -1 for zero")

    @property
    def n_adders(self) -> int:
        """Number of two-input adders and subtractors."""
        return len(self.lhs)

    @property
    def n_outputs(self) -> int:
        """Number of outputs N."""
        return len(self.out_node)

    @property
    def n_nodes(self) -> int:
        """Number of inputs plus adders."""
        return self.n_inputs + len(self.lhs)

    def depths(self, input_depth: IntArray | None = None) -> IntArray:
        """Adder levels int64[K+A] of all nodes; inputs arrive at ``input_depth`` int64[K] (default 0)."""
        start = np.zeros(self.n_inputs, dtype=np.int64) if input_depth is None else input_depth
        if start.shape != (self.n_inputs,):
            raise ValueError(f"input_depth must have shape ({self.n_inputs},), found {start.shape}")
        depth: list[int] = start.tolist()
        for lhs, rhs in zip(self.lhs.tolist(), self.rhs.tolist(), strict=True):
            depth.append(1 + max(depth[lhs], depth[rhs]))
        return np.array(depth, dtype=np.int64)

    @cached_property
    def _levels(self) -> list[_Level]:
        depth = self.depths()[self.n_inputs :]
        order = np.argsort(depth, kind="stable")
        bounds = np.flatnonzero(np.diff(depth[order], prepend=-1))
        return [self._level(part) for part in np.split(order, bounds[1:])] if len(order) else []

    def _level(self, adders: IntArray) -> _Level:
        column = (slice(None), None)
        sign = np.where(self.subtract[adders], np.int64(-1), np.int64(1))
        return _Level(
            nodes=adders + self.n_inputs,
            lhs=self.lhs[adders],
            rhs=self.rhs[adders],
            lhs_shift=self.lhs_shift[adders][column],
            rhs_shift=self.rhs_shift[adders][column],
            sign=sign[column],
        )

    def _propagate(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Values [K+A, S] of all nodes for ``inputs`` [K, S]; int64 or (for large values) object."""
        values = np.empty((self.n_nodes, inputs.shape[1]), dtype=inputs.dtype)
        values[: self.n_inputs] = inputs
        for level in self._levels:
            # Constants take the values' type: Python integers stay exact only among themselves.
            lhs_shift, rhs_shift, sign = (
                constant.astype(inputs.dtype, copy=False)
                for constant in (level.lhs_shift, level.rhs_shift, level.sign)
            )
            total = values[level.rhs] << rhs_shift
            total *= sign
            total += values[level.lhs] << lhs_shift
            values[level.nodes] = total
        return values

    def _outputs(self, values: NDArray[Any]) -> NDArray[Any]:
        """Outputs [N, S] from node values [K+A, S]."""
        if self.n_nodes == 0:
            return np.zeros((self.n_outputs, values.shape[1]), dtype=values.dtype)
        scale = np.where(self.out_negate, np.int64(-1), np.int64(1))
        scale[self.out_node < 0] = 0
        shift = self.out_shift[:, None].astype(values.dtype, copy=False)
        taken: NDArray[Any] = values[np.maximum(self.out_node, 0)] << shift
        taken *= scale[:, None].astype(values.dtype, copy=False)
        return taken

    def _magnitude_fits(self, largest_input: float) -> bool:
        """Whether a cheap upper bound shows that no node or output leaves the 62-bit range."""
        bound = [largest_input] * self.n_inputs
        operands = (self.lhs, self.rhs, self.lhs_shift, self.rhs_shift)
        for lhs, rhs, ls, rs in zip(*(array.tolist() for array in operands), strict=True):
            bound.append(bound[lhs] * 2.0**ls + bound[rhs] * 2.0**rs)
        out = [bound[n] * 2.0**s for n, s in zip(self.out_node, self.out_shift, strict=True) if n >= 0]
        # The margin of one bit covers the rounding of the float additions above.
        return max(bound + out, default=0.0) < 2.0 ** (_LIMIT_BITS - 1)

    def _coefficient_blocks(self) -> list[tuple[int, int]]:
        step = max(1, _BLOCK_ELEMENTS // max(1, self.n_nodes))
        return [(k, min(k + step, self.n_inputs)) for k in range(0, self.n_inputs, step)]

    def _coefficients(self, first: int, last: int, dtype: Any) -> NDArray[Any]:
        """Coefficients [K+A, last-first] of every node with respect to inputs first .. last-1."""
        unit = np.zeros((self.n_inputs, last - first), dtype=dtype)
        unit[np.arange(first, last), np.arange(last - first)] = 1
        return self._propagate(unit)

    def matrix(self) -> IntArray:
        """The matrix int64[K, N] that the network computes, exactly.

        Propagates the coefficient vector of every node from the unit vectors.  This is a proof, not
        a test on samples.  Raises OverflowError when an entry does not fit 62 bits.
        """
        dtype = np.int64 if self._magnitude_fits(1.0) else object
        result = np.zeros((self.n_inputs, self.n_outputs), dtype=np.int64)
        for first, last in self._coefficient_blocks():
            block = self._outputs(self._coefficients(first, last, dtype))
            _require_range(block, "a matrix entry")
            result[first:last] = block.T.astype(np.int64)
        return result

    def evaluate(self, x: IntArray) -> IntArray:
        """``x @ M`` for ``x`` int64[..., K], as int64[..., N], level by level over the whole batch.

        Raises ValueError on a wrong last dimension and OverflowError when a node could leave 62 bits.
        """
        if x.ndim == 0 or x.shape[-1] != self.n_inputs:
            raise ValueError(f"x must have {self.n_inputs} values in its last dimension, found {x.shape}")
        flat = x.reshape(math.prod(x.shape[:-1]), self.n_inputs).astype(np.int64, copy=False)
        largest = max(abs(int(flat.min())), abs(int(flat.max()))) if flat.size else 0
        if flat.size and not self._magnitude_fits(float(largest)):
            self.intervals(flat.min(axis=0), flat.max(axis=0))
        result = np.empty((flat.shape[0], self.n_outputs), dtype=np.int64)
        step = max(1, _BLOCK_ELEMENTS // max(1, self.n_nodes))
        for first in range(0, flat.shape[0], step):
            part = np.ascontiguousarray(flat[first : first + step].T)
            result[first : first + step] = self._outputs(self._propagate(part)).T
        return result.reshape(*x.shape[:-1], self.n_outputs)

    def intervals(self, lo: IntArray, hi: IntArray) -> tuple[IntArray, IntArray]:
        """Exact interval of every node: ``(lo[K+A], hi[K+A])``, both ends are attained.

        ``lo`` and ``hi`` int64[K] bound the inputs, ends included.  A node is linear in the inputs, so
        its extremes follow from its coefficients; sums of operand intervals would be too wide wherever
        both operands hold the same input.  Raises ValueError when ``lo > hi`` somewhere, OverflowError
        when a node or output leaves 62 bits.
        """
        if lo.shape != (self.n_inputs,) or hi.shape != (self.n_inputs,) or np.any(lo > hi):
            raise ValueError(f"lo and hi must have shape ({self.n_inputs},) and lo <= hi")
        largest = max((abs(int(v)) for v in (*lo, *hi)), default=1)
        dtype = np.int64 if self._magnitude_fits(float(max(1, largest))) else object
        low, high = np.zeros(self.n_nodes, dtype=dtype), np.zeros(self.n_nodes, dtype=dtype)
        for first, last in self._coefficient_blocks():
            coefficients = self._coefficients(first, last, dtype)
            positive, negative = np.maximum(coefficients, 0), np.minimum(coefficients, 0)
            below, above = lo[first:last].astype(dtype), hi[first:last].astype(dtype)
            low += positive @ below + negative @ above
            high += positive @ above + negative @ below
        for ends in (low, high):
            _require_range(ends, "a node")
            _require_range(self._outputs(ends[:, None].astype(object)), "an output")
        return low.astype(np.int64), high.astype(np.int64)

    def adder_bits(self, lo: IntArray, hi: IntArray) -> int:
        """Total adder width in bits for inputs within ``lo`` .. ``hi`` (int64[K], ends included).

        An adder costs ``width(result) - passed``: ``width`` is that of the smallest two's complement
        (or, for a non-negative interval, unsigned) format holding the node's exact interval; ``passed``
        counts the low bits that need no logic.  Those are the low bits below the larger operand shift,
        where only one operand has bits, unless that operand is subtracted (negation carries).  Bits that
        both operands lack (a common shift) always pass.
        """
        return self.adder_logic(lo, hi)[1]

    def adder_tables(self, lo: IntArray, hi: IntArray) -> int:
        """Look-up tables on FPGAs with a table before each carry bit, inputs within ``lo`` .. ``hi``.

        A bit of an adder takes one table where both operands have a bit, or where the subtracted one has:
        elsewhere the carry chain passes a bit on.  Beyond the top of both operands the last table serves the
        remaining bits.  This is what Yosys' ``synth_xilinx`` counts, within a few percent, as long as it does
        not merge adders into compressors; :meth:`adder_bits` is the length of the carry chains.
        """
        return self.adder_logic(lo, hi)[0]

    def adder_logic(self, lo: IntArray, hi: IntArray) -> tuple[int, int]:
        """:meth:`adder_tables` and :meth:`adder_bits` at once."""
        low, high = self.intervals(lo, hi)
        width, signed = bit_width(low, high), low < 0
        own, lhs_top, rhs_top = width[self.n_inputs :], width[self.lhs], width[self.rhs]
        lhs_top, rhs_top = lhs_top + self.lhs_shift, rhs_top + self.rhs_shift
        apart = np.maximum(self.lhs_shift, self.rhs_shift)
        top = np.minimum(own, np.maximum(lhs_top, rhs_top))
        first = np.where(self.subtract, self.rhs_shift, apart)
        last = np.where(signed[self.rhs], top, np.minimum(top, rhs_top))
        last = np.where(self.subtract | signed[self.lhs], last, np.minimum(last, lhs_top))
        common = np.minimum(self.lhs_shift, self.rhs_shift)
        passed = np.where((self.lhs_shift <= self.rhs_shift) | ~self.subtract, apart, common)
        return int(np.maximum(last - first, 0).sum()), int(np.maximum(own - passed, 0).sum())


def bit_width(lo: IntArray, hi: IntArray) -> IntArray:
    """Bits of the smallest integer format for each interval: unsigned when ``lo >= 0``, else signed.

    Exact for the whole int64 range; ``[0, 0]`` has width 0.
    """
    magnitude = np.maximum(hi, np.where(lo < 0, ~lo, np.int64(0)))
    width = np.zeros(magnitude.shape, dtype=np.int64)
    for step in (32, 16, 8, 4, 2, 1):
        large = magnitude >> step > 0
        width[large] += step
        magnitude = np.where(large, magnitude >> step, magnitude)
    return width + (magnitude > 0) + (lo < 0)


def _require_range(values: NDArray[Any], what: str) -> None:
    limit = 1 << _LIMIT_BITS
    if values.size and (values.max() >= limit or values.min() <= -limit):
        raise OverflowError(f"adder graph: {what} does not fit {_LIMIT_BITS} bits and a sign")
