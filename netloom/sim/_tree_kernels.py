"""Compiled inner loops of the emulation of trees.  Importing this imports numba: do so only to emulate.

Samples are taken in blocks, which are transposed so that one feature of a block is contiguous.  Each tree
takes all samples of a block one level down at a time: the steps of different samples do not wait for each
other, whereas those of one sample would.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

BLOCK = 64
Values = NDArray[Any]
Words = NDArray[np.uint32]

# Unsigned indices: for signed ones numba tests whether they count from the end.
_ONE, _TWO = np.uint32(1), np.uint32(2)


@njit(cache=True)
def complete(
    x: Values,
    feature: Words,
    threshold: Values,
    depth: NDArray[np.int64],
    column: NDArray[np.int64],
    leaves: Values,
    out: Values,
) -> None:
    """Complete trees: node i has children 2 i (taken where x < threshold) and 2 i + 1; the root is 1.

    Args:
        x: samples [S, F].
        feature: [T, 2**D], times `BLOCK`.
        threshold: [T, 2**D].
        depth: levels of each tree [T].
        column: the result that a tree adds to, or -1 for all of them.
        leaves: [T, 2**(D + 1), K], or with one column where every tree adds to one.
        out: results [S, K], added to.
    """
    samples, features = x.shape
    index = np.zeros(BLOCK, np.uint32)
    block = np.zeros(features * BLOCK, x.dtype)
    total = np.zeros((out.shape[1], BLOCK), out.dtype)
    for start in range(0, samples, BLOCK):
        size = min(BLOCK, samples - start)
        for r in range(size):
            for k in range(features):
                block[k * BLOCK + r] = x[start + r, k]
        total[:] = 0
        for t in range(len(depth)):
            nodes, bounds, values = feature[t], threshold[t], leaves[t]
            index[:] = _ONE
            for _ in range(depth[t]):
                for r in range(BLOCK):
                    i = index[r]
                    index[r] = i + i + np.uint32(block[nodes[i] + np.uint32(r)] >= bounds[i])
            _add(total, values, index, column[t])
        for r in range(size):
            for k in range(out.shape[1]):
                out[start + r, k] += total[k, r]


@njit(cache=True)
def linked(
    x: Values,
    feature: Words,
    threshold: Values,
    child: Words,
    roots: Words,
    depth: NDArray[np.int64],
    column: NDArray[np.int64],
    leaves: Values,
    out: Values,
) -> None:
    """Trees of any form: node i has children child[2 i] (where x < threshold) and child[2 i + 1].

    Leaves are nodes too, each its own child. `leaves` is [nodes, K], or with one column where every tree adds
    to one; everything else is as for `complete`.
    """
    samples, features = x.shape
    index = np.zeros(BLOCK, np.uint32)
    block = np.zeros(features * BLOCK, x.dtype)
    total = np.zeros((out.shape[1], BLOCK), out.dtype)
    for start in range(0, samples, BLOCK):
        size = min(BLOCK, samples - start)
        for r in range(size):
            for k in range(features):
                block[k * BLOCK + r] = x[start + r, k]
        total[:] = 0
        for t in range(len(depth)):
            index[:] = roots[t]
            for _ in range(depth[t]):
                for r in range(BLOCK):
                    i = index[r]
                    taken = np.uint32(block[feature[i] + np.uint32(r)] >= threshold[i])
                    index[r] = child[_TWO * i + taken]
            _add(total, leaves, index, column[t])
        for r in range(size):
            for k in range(out.shape[1]):
                out[start + r, k] += total[k, r]


@njit(cache=True)
def _add(total: Values, values: Values, index: Words, column: int) -> None:
    """Add a leaf of each sample to its column, or to all."""
    if column >= 0:
        row = total[column]
        for r in range(BLOCK):
            row[r] += values[index[r], 0]
    else:
        for r in range(BLOCK):
            for k in range(total.shape[0]):
                total[k, r] += values[index[r], k]
