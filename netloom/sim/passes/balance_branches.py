"""balance-branches: FIFOs in front of joins hold what arrives before the slowest branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.passes import ModulePass

from netloom.passes.analysis.network import fifos, network


@dataclass(frozen=True)
class BalanceBranches(ModulePass):
    """Depths for the FIFOs of actors that wait for several streams, from one run at the pace of the slowest.

    Enough for branches of unequal delay to meet without a deadlock and at full speed. Other FIFOs stay as
    they are. `optimize-fifos` chooses all depths, and smaller ones; this pass is for designs on which it
    takes long.
    """

    name: ClassVar[str] = "balance-branches"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Make FIFOs in front of joins as deep as the run filled them; never shallower than they are.

        Raises:
            CompileError: NL308 for a program without FIFOs, NL309 when the network cannot run at any depths.
        """
        from netloom.sim.dataflow.depths import quick

        found = network(op)
        joins = {node for node in range(len(found.nodes)) if len(found.inputs(node)) > 1}
        if not joins:
            return
        wanted = {
            fifo.name: int(depth)
            for fifo, depth in zip(found.fifos, quick(found).depths, strict=True)
            if fifo.target in joins
        }
        for fifo in fifos(op):
            depth = max(fifo.depth.value.data, wanted.get(fifo.label.data, 0))
            fifo.depth = IntegerAttr(depth, 64)
