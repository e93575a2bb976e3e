"""Local search on a finished network: sums are taken apart and share anew what they have in common.

Elimination decides greedily, by a guess of what sharing is worth.  Here each change is judged by the cost of
all adders that it changes, trees included.  Changes that cost a little are kept at first and less and less
often later (simulated annealing: S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, 1983).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netloom.core.adder_graph import AdderGraph
from netloom.passes.solvers.trees import bounds_fit, collapsed, deadlines, with_adders

if TYPE_CHECKING:
    from netloom.passes.solvers._sums import Sums

IntArray = NDArray[np.int64]

# Heat at the beginning and at the end, in units of cost: an adder of nine bits costs 45.
_HOT, _COLD = 50.0, 2.0
# Between rounds the trees of the whole network are built anew, and the best network is remembered.
_ROUNDS = 24
# Networks with more nodes or levels are left alone.
_MOST_NODES, _MOST_LEVELS = 12_000, 32
# Values have room for what the search adds to them on the way.
_SPARE_BITS = 8


def annealed(
    graph: AdderGraph,
    lo: IntArray,
    hi: IntArray,
    *,
    input_depth: IntArray,
    out_depth: IntArray | None,
    work: int,
    improved: Callable[[AdderGraph], AdderGraph],
    cost: Callable[[AdderGraph], float],
) -> AdderGraph:
    """The cheapest network that is found with so much work (some 10 M a second); never a dearer one.

    Bounds and depths as in :func:`rebuilt_trees`; no output gets deeper than it may be there.  ``improved``
    is done to the network between rounds, and by ``cost`` networks are compared.
    """
    best = current = graph
    least = cost(graph)
    heat = _HOT * (_COLD / _HOT) ** (np.arange(_ROUNDS + 1) / _ROUNDS)
    for step in range(_ROUNDS):
        depths = current.depths(input_depth)
        late = deadlines(current, depths, out_depth)
        if not _is_suitable(current, lo, hi, late):
            break
        system = System.of(current, lo, hi, depths, late)
        system.search(work // _ROUNDS, float(heat[step]), float(heat[step + 1]), step)
        current = improved(system.graph(current, depths))
        if (found := cost(current)) < least:
            best, least = current, found
    return best


def _is_suitable(graph: AdderGraph, lo: IntArray, hi: IntArray, late: IntArray) -> bool:
    """Whether a network has adders, and not too many or too deep or too wide ones."""
    levels = int(late[graph.out_node[graph.out_node >= 0]].max(initial=0))
    fits = graph.n_nodes <= _MOST_NODES and levels <= _MOST_LEVELS
    return graph.n_adders > 0 and fits and bounds_fit(graph, lo, hi, _SPARE_BITS)


@dataclass(frozen=True, eq=False)
class System:
    """A network as sums; ``number`` int64[K + A] are the rows of the old nodes, -1 for those taken apart."""

    sums: Sums
    number: IntArray

    @classmethod
    def of(cls, graph: AdderGraph, lo: IntArray, hi: IntArray, depths: IntArray, late: IntArray) -> System:
        """The sums of a network, each due half way between its own level and its deadline."""
        from netloom.passes.solvers import _sums

        parts = collapsed(graph)
        k, n_sums = graph.n_inputs, len(parts.kept)
        order = np.concatenate([np.arange(k), parts.kept])
        number = np.full(graph.n_nodes, -1, dtype=np.int64)
        number[order] = np.arange(len(order))
        n_nodes = len(order) + n_sums // 4 + 64
        count = np.zeros(n_nodes, dtype=np.int64)
        count[k : len(order)] = [len(leaves) for leaves in parts.leaves]
        leaves = np.zeros((n_nodes, max(24, 2 * int(count.max()) + 8), 3), dtype=np.int64)
        for node, terms in enumerate(parts.leaves, start=k):
            leaves[node, : len(terms)] = terms
            leaves[node, : len(terms), 0] = number[leaves[node, : len(terms), 0]]
        kind = np.zeros(n_nodes, dtype=np.int64)
        kind[:k], kind[k : len(order)] = _sums.INPUT, _sums.SUM
        kind[number[graph.out_node[graph.out_node >= k]]] = _sums.OUTPUT
        ends = np.zeros((2, n_nodes), dtype=np.int64)
        ends[:, : len(order)] = np.stack(graph.intervals(lo, hi))[:, order]
        due = np.zeros(n_nodes, dtype=np.int64)
        # Levels half way are possible all at once: an adder's are both at least one above its operands'.
        due[: len(order)] = (depths + np.where(np.arange(graph.n_nodes) < k, 0, (late - depths) // 2))[order]
        weight = np.zeros((n_nodes, k), dtype=np.int64)
        weight[: len(order)] = _coefficients(graph)[order]
        place = np.zeros((n_nodes, 3), dtype=np.int64)
        place[:, 0] = np.arange(n_nodes)
        cost = np.zeros(n_nodes, dtype=np.int64)
        readers, n_readers = _readers(leaves, count)
        fields = (
            kind,
            leaves,
            count,
            cost,
            due,
            *ends,
            place,
            weight,
            readers,
            n_readers,
            np.stack([lo, hi]),
        )
        return cls(_sums.Sums(*fields), number)

    def search(self, work: int, hot: float, cold: float, seed: int) -> None:
        """One round, in place."""
        from netloom.passes.solvers import _regroup, _sums

        _sums.refresh(self.sums, self._alive())
        _regroup.search(self.sums, work, hot, cold, seed)

    def _alive(self) -> IntArray:
        """All sums, each after those that it reads: these are due before."""
        alive = np.flatnonzero(self.sums.n_leaves)
        return alive[np.argsort(self.sums.due[alive], kind="stable")]

    def graph(self, graph: AdderGraph, depths: IntArray) -> AdderGraph:
        """The sums as adders again; ``graph`` is the network that they were made of."""
        from netloom.passes.solvers import _trees

        sums, alive, k = self.sums, self._alive(), graph.n_inputs
        nodes = np.concatenate([np.arange(k), alive])
        number = np.full(len(sums.n_leaves), -1, dtype=np.int64)
        number[nodes] = np.arange(len(nodes))
        leaves = np.concatenate([sums.leaves[node, : sums.n_leaves[node]] for node in alive])
        leaves[:, 0] = number[leaves[:, 0]]
        place = np.zeros((len(nodes), 3), dtype=np.int64)
        place[:k, 0] = np.arange(k)
        depth = np.zeros(len(nodes), dtype=np.int64)
        depth[:k] = depths[:k]
        start = np.concatenate([[0], np.cumsum(sums.n_leaves[alive])])
        ends = (sums.low[nodes], sums.high[nodes])
        adders = _trees.build_trees(start, leaves, sums.due[alive], *ends, place, depth, 0)
        outputs = np.where(graph.out_node < 0, -1, number[self.number[graph.out_node]])
        return with_adders(graph, adders, outputs, place)


def _coefficients(graph: AdderGraph) -> IntArray:
    """What each node is worth in terms of the inputs, int64[K + A, K]."""
    zeros, nodes = np.zeros(graph.n_nodes, dtype=np.int64), np.arange(graph.n_nodes)
    everything = replace(graph, out_node=nodes, out_shift=zeros, out_negate=zeros != 0)
    return everything.matrix().T


def _readers(leaves: IntArray, count: IntArray) -> tuple[IntArray, IntArray]:
    """Who reads each node, an entry for each leaf, with room for more; and how many entries there are."""
    node = np.repeat(np.arange(len(count)), count)
    leaf = leaves[np.arange(leaves.shape[1]) < count[:, None], 0]
    n_readers = np.bincount(leaf, minlength=len(count)).astype(np.int64)
    order = np.argsort(leaf, kind="stable")
    place = np.arange(len(leaf)) - np.repeat(np.cumsum(n_readers) - n_readers, n_readers)
    readers = np.zeros((len(count), 2 * int(n_readers.max(initial=0)) + 64), dtype=np.int64)
    readers[leaf[order], place] = node[order]
    return readers, n_readers
