"""The passes of the simulators, registered through the same hooks as anybody's."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.passes import ModulePass

from netloom.core.hooks import hookimpl
from netloom.sim.passes.balance_branches import BalanceBranches
from netloom.sim.passes.optimize_fifos import OptimizeFifos
from netloom.sim.passes.predict_timing import PredictTiming


@hookimpl
def netloom_passes() -> Sequence[type[ModulePass]]:
    """All passes of the simulators."""
    return [BalanceBranches, OptimizeFifos, PredictTiming]
