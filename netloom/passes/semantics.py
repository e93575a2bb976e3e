"""check-semantics: the values of a program before and after a pass, and where they first differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import ArrayAttr, format_of, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp
from netloom.ir.interpreter import run_all
from netloom.ir.program import main, output_names, program_ops, terminator

Values = NDArray[Any]

TOLERANCE = 1e-9
"""Real values may differ by float64 rounding: this part of the largest value."""

MAGNITUDES = (0.0, 0.25, 1.0, 4.0, 64.0)
"""Standard deviations of generated inputs: around zero, usual, and beyond what formats hold."""

ELEMENTS = 1 << 16
"""About this many elements of generated inputs in all."""


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


def sample_inputs(module: ModuleOp, seed: int = 0) -> list[Values]:
    """Inputs for check-semantics when the user gives none, for each argument of the module.

    float64 [n, *shape] for real arguments: multiples of 2^-10, which are the same numbers in float32, of
    magnitudes that grow and start again. int64 mantissas over the whole range for fixed-point ones. There
    are 10 to 40 samples.
    """
    types = [argument.type for argument in main(module).body.block.args]
    widest = max((math.prod(shape_of(each)) for each in types), default=1)
    count = min(40, max(2 * len(MAGNITUDES), ELEMENTS // max(widest, 1)))
    generator = np.random.default_rng(seed)
    return [random_values(each, count, generator) for each in types]


def random_values(type_: Attribute, count: int, generator: np.random.Generator) -> Values:
    """`count` values of one type."""
    shape, number_format = (count, *shape_of(type_)), format_of(type_)
    if number_format is not None:
        low, high = number_format.min_mantissa, number_format.max_mantissa
        return generator.integers(low, high, size=shape, endpoint=True)
    scales = np.resize(MAGNITUDES, count).reshape(-1, *[1] * (len(shape) - 1))
    return np.asarray(np.round(generator.normal(size=shape) * scales * 1024) / 1024)


def snapshot(module: ModuleOp, samples: Sequence[Values]) -> Snapshot:
    """Run the interpreter on inputs of shape [n, *shape]."""
    function = main(module)
    with np.errstate(all="ignore"):  # poles, which are not compared
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
        new = after.outputs.get(output)
        if new is None:
            raise CompileError(
                "NL702",
                f"pass '{name}' removed output '{output}'",
                origin=output,
                supported="the outputs that the module had before the pass",
            )
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
    """Equal mantissas; real values may differ by float64 rounding (`TOLERANCE`), and at poles."""
    if old.shape[1:] != new.shape[1:]:
        return False
    if old.dtype.kind == "i" and new.dtype.kind == "i":
        return bool(np.all(old == new))
    number = np.isfinite(old)
    limit = TOLERANCE * max(1.0, float(np.abs(old[number]).max(initial=0.0)))
    return bool(np.all(np.isclose(new, old, rtol=0.0, atol=limit) | ~number))


def largest_difference(old: Values, new: Values) -> float:
    """Largest absolute difference; infinite for different shapes and where a number became none."""
    if old.shape[1:] != new.shape[1:]:
        return float("inf")
    with np.errstate(invalid="ignore"):
        difference = np.abs(new.astype(np.float64) - old)
    worst = float(np.where(np.isfinite(old), difference, 0.0).max(initial=0.0))
    return worst if np.isfinite(worst) else float("inf")
