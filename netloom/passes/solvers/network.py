"""Builds an :class:`AdderGraph` adder by adder, sharing equal ones and moving signs out of the way."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netloom.core.adder_graph import AdderGraph

IntArray = NDArray[np.int64]


class Term(NamedTuple):
    """``(-1 if negate else 1) * (value[node] << shift)``."""

    node: int
    shift: int
    negate: bool


@dataclass
class NetworkBuilder:
    """Adders made so far.  ``depth`` and ``high`` (bits of the value, approximate) hold one entry a node."""

    n_inputs: int
    depth: list[int]
    high: list[int]
    adders: list[tuple[int, int, int, int, bool]] = field(default_factory=list)
    _known: dict[tuple[int, int, int, int, bool], int] = field(default_factory=dict)

    def add(self, a: Term, b: Term) -> Term:
        """The sum of two terms.  The common shift and a sign that both share stay outside the adder."""
        shift = min(a.shift, b.shift)
        if a.negate != b.negate:
            # x - y or y - x: the one that exists already, else the one that needs no negation.
            plus, minus = (b, a) if a.negate else (a, b)
            opposite = self._known.get(self._key(minus, plus, shift, True))
            if opposite is not None:
                return Term(opposite, shift, True)
            return Term(self._adder(plus, minus, shift, True), shift, False)
        first, second = sorted((a, b))
        return Term(self._adder(first, second, shift, False), shift, a.negate)

    @staticmethod
    def _key(a: Term, b: Term, shift: int, subtract: bool) -> tuple[int, int, int, int, bool]:
        return a.node, b.node, a.shift - shift, b.shift - shift, subtract

    def _adder(self, a: Term, b: Term, shift: int, subtract: bool) -> int:
        key = self._key(a, b, shift, subtract)
        node = self._known.get(key)
        if node is None:
            node = self.n_inputs + len(self.adders)
            self._known[key] = node
            self.adders.append(key)
            self.depth.append(1 + max(self.depth[a.node], self.depth[b.node]))
            self.high.append(1 + max(self.high[a.node] + key[2], self.high[b.node] + key[3]))
        return node

    def total(self, terms: list[Term]) -> Term | None:
        """The sum of all terms as a tree of the least depth that their arrival allows; None for none.

        Takes the two shallowest terms each time (Huffman's construction, with max + 1 in place of the
        sum: M. C. Golumbic, "Combinatorial merging", 1976) and, of equally deep ones, the narrowest.
        """
        heap = [(self.depth[t.node], self.high[t.node] + t.shift, t) for t in terms]
        heapq.heapify(heap)
        while len(heap) > 1:
            a = heapq.heappop(heap)[2]
            b = heap[0][2]
            both = self.add(a, b)
            heapq.heapreplace(heap, (self.depth[both.node], self.high[both.node] + both.shift, both))
        return heap[0][2] if heap else None

    def graph(self, outputs: list[Term | None]) -> AdderGraph:
        """The network with these outputs (None is zero), without adders that no output needs."""
        table = np.array([key[:4] for key in self.adders], dtype=np.int64).reshape(-1, 4)
        subtract = np.array([key[4] for key in self.adders], dtype=np.bool_)
        used = self._used(outputs)
        number = np.concatenate([np.arange(self.n_inputs), self.n_inputs + np.cumsum(used) - 1])
        kept = table[used]
        return AdderGraph(
            n_inputs=self.n_inputs,
            lhs=number[kept[:, 0]],
            rhs=number[kept[:, 1]],
            lhs_shift=kept[:, 2],
            rhs_shift=kept[:, 3],
            subtract=subtract[used],
            out_node=np.array([-1 if t is None else number[t.node] for t in outputs], dtype=np.int64),
            out_shift=np.array([0 if t is None else t.shift for t in outputs], dtype=np.int64),
            out_negate=np.array([t is not None and t.negate for t in outputs], dtype=np.bool_),
        )

    def _used(self, outputs: list[Term | None]) -> NDArray[np.bool_]:
        used = [False] * (self.n_inputs + len(self.adders))
        for term in outputs:
            if term is not None:
                used[term.node] = True
        for k in range(len(self.adders) - 1, -1, -1):
            if used[self.n_inputs + k]:
                used[self.adders[k][0]] = used[self.adders[k][1]] = True
        return np.array(used[self.n_inputs :], dtype=np.bool_)
