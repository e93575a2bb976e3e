"""Chooses which adders hold their value and which its negative, so that outputs need no negation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from netloom.core.adder_graph import AdderGraph

# Chains of adders looked at for each negated output: longest, and how many.
_LONGEST = 12
_MOST = 64


def without_negations(graph: AdderGraph) -> AdderGraph:
    """The same network with fewer negated outputs where turning ``a - b`` into ``b - a`` allows it.

    Adders, operands and depths stay as they are.  A negation remains where every way to move it would
    need an adder that computes ``-a - b``, or would negate another output instead.
    """
    if not graph.out_negate.any():
        return graph
    signs = _Signs.of(graph)
    for output in np.flatnonzero(graph.out_negate).tolist():
        if signs.out_negate[output]:
            signs.try_output(output)
    return signs.graph(graph)


@dataclass
class _Signs:
    """Adder ``k`` is ``sign[k][0] * lhs + sign[k][1] * rhs`` in terms of the stored operands."""

    n_inputs: int
    operands: list[tuple[int, int]]
    sign: list[tuple[int, int]]
    users: dict[int, list[int]]
    out_node: list[int]
    out_negate: list[bool]

    @classmethod
    def of(cls, graph: AdderGraph) -> _Signs:
        operands = list(zip(graph.lhs.tolist(), graph.rhs.tolist(), strict=True))
        users: dict[int, list[int]] = defaultdict(list)
        for k, pair in enumerate(operands):
            for node in set(pair):
                users[node].append(k)
        return cls(
            n_inputs=graph.n_inputs,
            operands=operands,
            sign=[(1, -1) if subtract else (1, 1) for subtract in graph.subtract.tolist()],
            users=users,
            out_node=graph.out_node.tolist(),
            out_negate=graph.out_negate.tolist(),
        )

    def try_output(self, output: int) -> None:
        """Turns the first chain below the output that is allowed and leaves fewer negations."""
        for count, chain in enumerate(self._chains(self.out_node[output], [])):
            if count == _MOST:
                return
            turned = frozenset(chain)
            touched = {node - self.n_inputs for node in chain}.union(*(self.users[node] for node in chain))
            after = {k: self._turned(k, turned) for k in touched}
            if (-1, -1) not in after.values() and self._gain(turned) > 0:
                for k, sign in after.items():
                    self.sign[k] = sign
                self.out_negate = [
                    negate != (node in turned)
                    for negate, node in zip(self.out_negate, self.out_node, strict=True)
                ]
                return

    def _chains(self, node: int, above: list[int]) -> Iterator[list[int]]:
        """Chains from a node through additions down to a subtraction, which can turn by itself."""
        if node < self.n_inputs or len(above) == _LONGEST:
            return
        chain = [*above, node]
        if self.sign[node - self.n_inputs] != (1, 1):
            yield chain
        else:
            for operand in self.operands[node - self.n_inputs]:
                yield from self._chains(operand, chain)

    def _turned(self, k: int, turned: frozenset[int]) -> tuple[int, int]:
        own = -1 if self.n_inputs + k in turned else 1
        left, right = (-own if node in turned else own for node in self.operands[k])
        return self.sign[k][0] * left, self.sign[k][1] * right

    def _gain(self, turned: frozenset[int]) -> int:
        pairs = zip(self.out_negate, self.out_node, strict=True)
        return sum(1 if negate else -1 for negate, node in pairs if node in turned)

    def graph(self, graph: AdderGraph) -> AdderGraph:
        swap = np.array([sign == (-1, 1) for sign in self.sign], dtype=np.bool_)
        return replace(
            graph,
            lhs=np.where(swap, graph.rhs, graph.lhs),
            rhs=np.where(swap, graph.lhs, graph.rhs),
            lhs_shift=np.where(swap, graph.rhs_shift, graph.lhs_shift),
            rhs_shift=np.where(swap, graph.lhs_shift, graph.rhs_shift),
            subtract=np.array([sign != (1, 1) for sign in self.sign], dtype=np.bool_),
            out_negate=np.array(self.out_negate, dtype=np.bool_),
        )
