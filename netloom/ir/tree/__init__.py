"""Dialect `tree`: what an ensemble of decision trees computes, as arrays in one op."""

from xdsl.ir import Dialect

from netloom.ir.tree.ensemble import EXACT_SCALE, EnsembleOp, ensemble_op, feature_bounds

Tree = Dialect("tree", [EnsembleOp], [])

__all__ = ["EXACT_SCALE", "EnsembleOp", "Tree", "ensemble_op", "feature_bounds"]
