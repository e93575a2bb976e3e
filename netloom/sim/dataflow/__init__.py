"""Simulation of streaming designs cycle by cycle, and what follows from it: depths of FIFOs, explanations.

Importing this package imports numba; do so only when simulating.
"""

from netloom.sim.dataflow.deadlock import Deadlock, Wait
from netloom.sim.dataflow.simulator import Stall, Trace, simulate, steady

__all__ = ["Deadlock", "Stall", "Trace", "Wait", "simulate", "steady"]
