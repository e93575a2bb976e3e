"""check-semantics: the values of a program before and after a pass, and where they first differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import ArrayAttr, format_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp
from netloom.ir.interpreter import run_all
from netloom.ir.program import main, output_names, program_ops, terminator

Values = NDArray[Any]

TOLERANCE = 1e-9
"""Real values may differ by float64 rounding: this part of the largest value."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a program computes on samples, reals in float64.

    Attributes:
        outputs: by output name; int64 mantissas for fixed-point outputs.
        trace: real value of every source node, by its name, in program order. Where one node became
            several ops, its last value is the node's.
    """

    outputs: Mapping[str, Values]
    trace: Mapping[str, Values]


def snapshot(module: ModuleOp, samples: Sequence[Values]) -> Snapshot:
    """Run the interpreter on inputs of shape [n, *shape]."""
    function = main(module)
    values = run_all(module, samples, np.float64)
    returned = terminator(function).operands
    trace: dict[str, Values] = {}
    for op in program_ops(function):
        if not isinstance(op, ConstantOp) and op.origin is not None:
            trace.pop(op.origin_name, None)
            trace[op.origin_name] = real_value(op, values[op.results[0]])
    outputs = zip(output_names(function), (values[value] for value in returned), strict=True)
    return Snapshot(dict(outputs), trace)


def real_value(op: NetloomOp, values: Values) -> Values:
    """What a result stands for: mantissas scaled, and the scale that a quantizer left behind."""
    number_format = format_of(op.results[0].type)
    if number_format is None:
        return np.asarray(values, dtype=np.float64)
    real = np.ldexp(values.astype(np.float64), -number_format.fraction)
    scale, offset = op.attributes.get("real_scale"), op.attributes.get("real_offset")
    if isinstance(scale, ArrayAttr) and isinstance(offset, ArrayAttr):
        return np.asarray(real * scale.reals() + offset.reals())
    return np.asarray(real)


def check_same(name: str, before: Snapshot, after: Snapshot) -> None:
    """Outputs are equal; else name the first node whose value changed.

    Args:
        name: the pass that ran in between.
        before: the program's values before it.
        after: and after it.

    Raises:
        CompileError: NL702.
    """
    for output, old in before.outputs.items():
        new = after.outputs[output]
        if same(old, new):
            continue
        first = next(changed(before.trace, after.trace), output)
        raise CompileError(
            "NL702",
            f"pass '{name}' changed output '{output}' by up to {largest_difference(old, new):.6g}",
            origin=first,
            hint="netloom-opt --print-ir-after-all shows the module around the pass",
        )


def changed(before: Mapping[str, Values], after: Mapping[str, Values]) -> Iterator[str]:
    """Names of the nodes in both traces whose values differ, in program order."""
    for name, old in before.items():
        if name in after and not same(old, after[name]):
            yield name


def same(old: Values, new: Values) -> bool:
    """Equal mantissas; real values may differ by float64 rounding (`TOLERANCE`)."""
    if old.shape[1:] != new.shape[1:]:
        return False
    if old.dtype.kind == "i" and new.dtype.kind == "i":
        return bool(np.all(old == new))
    limit = TOLERANCE * max(1.0, float(np.abs(old[np.isfinite(old)]).max(initial=0.0)))
    return bool(np.all(np.isclose(new, old, rtol=0.0, atol=limit, equal_nan=True)))


def largest_difference(old: Values, new: Values) -> float:
    """Largest absolute difference; infinite for different shapes and for NaN."""
    if old.shape[1:] != new.shape[1:]:
        return float("inf")
    worst = float(np.abs(new.astype(np.float64) - old).max(initial=0.0))
    return worst if np.isfinite(worst) else float("inf")
