"""Simulation of streaming designs cycle by cycle, and what follows from it: depths of FIFOs, explanations.

Importing this package imports numba; do so only when simulating.
"""

from netloom.sim.dataflow.deadlock import Deadlock, Wait
from netloom.sim.dataflow.depths import (
    Depth,
    Depths,
    Outcome,
    Point,
    deadlock_under_stalls,
    minimum,
    optimise,
    pareto,
    throttled,
)
from netloom.sim.dataflow.explain import Explanation, FifoFigures, NodeFigures, explain
from netloom.sim.dataflow.simulator import Stall, Trace, simulate, steady

__all__ = [
    "Deadlock",
    "Depth",
    "Depths",
    "Explanation",
    "FifoFigures",
    "NodeFigures",
    "Outcome",
    "Point",
    "Stall",
    "Trace",
    "Wait",
    "deadlock_under_stalls",
    "explain",
    "minimum",
    "optimise",
    "pareto",
    "simulate",
    "steady",
    "throttled",
]
