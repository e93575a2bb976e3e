"""About how many LUTs a layer takes as shared adders with the ops behind it, to compare tables with.

The rules are those of `netloom.estimate`, without what depends on the schedule.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netloom.core.adder_graph import bit_width
from netloom.core.devices import Device
from netloom.ir.base import NetloomOp
from netloom.ir.fx import CastOp, ThresholdOp
from netloom.ir.interval import Ints
from netloom.ir.nn import ReluOp
from netloom.passes.analysis.arithmetic import clipped, constant_comparator, counted, rounded
from netloom.passes.analysis.lut_cost import SELECTED_INPUTS
from netloom.passes.analysis.lut_mapping import direct_luts
from netloom.passes.analysis.neurons import NeuronLayer
from netloom.passes.solvers import ConstantMatrixSolver, MatrixProblem


def adder_luts(layer: NeuronLayer, columns: Sequence[int], solver: ConstantMatrixSolver) -> int:
    """Of a shift-add network for some columns, found without a search."""
    if not len(columns):
        return 0
    low, high = layer.bounds
    graph = solver.solve(MatrixProblem(layer.weights[:, list(columns)], low, high, depth_slack=1, effort=0.0))
    return graph.adder_tables(low, high)


def column_luts(layer: NeuronLayer, columns: Sequence[int]) -> Ints:
    """Of each column alone, without sharing: an adder for each signed digit, as wide as its input."""
    low, high = layer.bounds
    digits = signed_digits(layer.weights[:, list(columns)])
    widths = np.where(low == high, 0, bit_width(low, high) + 1)
    return np.asarray(((digits * widths[:, None]).sum(axis=0) * (digits.sum(axis=0) > 1)).astype(np.int64))


def signed_digits(values: Ints) -> Ints:
    """Digits other than zero of numbers in canonical signed digits."""
    magnitude = np.abs(values)
    return np.bitwise_count((3 * magnitude) ^ magnitude).astype(np.int64)


def tail_luts(layer: NeuronLayer, columns: Sequence[int], device: Device) -> float:
    """Of the ops behind some columns."""
    return len(columns) * sum(op_luts(op, device) for op in layer.tail)


def op_luts(op: NetloomOp, device: Device) -> float:
    """Of one element of an op; a function of few bits is tables whatever it is written as."""
    source, width = op.operand_formats[0].width, op.result_format.width
    written = _written(op, device)
    flat = source <= device.lut_inputs + SELECTED_INPUTS
    return min(written, direct_luts(source, width, device.lut_inputs)) if flat else written


def _written(op: NetloomOp, device: Device) -> float:
    if isinstance(op, ThresholdOp):
        levels, source = op.thresholds.values.shape[-1], op.operand_formats[0]
        limits = (op.thresholds.ints() - source.min_mantissa).reshape(-1).tolist()
        compare = sum(constant_comparator(source.width, limit, device) for limit in limits)
        return float(levels * compare / max(len(limits), 1) + counted(levels, device))
    if isinstance(op, CastOp):
        return _cast(op, device)
    # A rectifier in front of a register is that register's reset.
    return 1 if isinstance(op, ReluOp) else op.result_format.width


def _cast(op: CastOp, device: Device) -> float:
    source, target = op.operand_formats[0], op.result_format
    dropped = max(source.fraction - target.fraction, 0)
    rounds = dropped > 0 and op.rounding.data != "TRN"
    lost = source.integer - target.integer + rounds
    clips = op.overflow.data != "WRAP" and (lost > 0 or (source.signed and not target.signed))
    luts = rounded(op.rounding.data, dropped, device)
    return luts + (clipped(target.width, max(lost, 1), target.signed, device) if clips else 0)
