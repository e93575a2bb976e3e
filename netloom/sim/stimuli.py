"""Inputs for a project's own test bench: random and extreme ones, the same every time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import BlockArgument

from netloom.ir.attributes import shape_of
from netloom.ir.fx import QuantizeOp
from netloom.ir.program import main

ELEMENTS = 1 << 16
"""About this many input elements in all, in 4 to 32 samples."""


def stimuli(module: ModuleOp, count: int | None = None) -> list[NDArray[np.float32]]:
    """float32 [n, *shape] for each input: its smallest and largest values, alternating, and random.

    An input whose quantizer is not its first op gets normally distributed values. `count` is n; by default it
    depends on the size of the inputs.
    """
    arguments = main(module).body.block.args
    widest = max((math.prod(shape_of(argument.type)) for argument in arguments), default=1)
    samples = min(32, max(4, ELEMENTS // max(widest, 1)))
    generator = np.random.default_rng(0)
    if count is not None:
        return [for_input(argument, max(count, 3), generator)[:count] for argument in arguments]
    return [for_input(argument, samples, generator) for argument in arguments]


def for_input(
    argument: BlockArgument[Any], samples: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Values over what the input's quantizer distinguishes."""
    shape = shape_of(argument.type)
    quantizers = [use.operation for use in argument.uses if isinstance(use.operation, QuantizeOp)]
    if not quantizers:
        return generator.normal(size=(samples, *shape)).astype(np.float32)
    scale, zero = quantizers[0].scale.reals(), quantizers[0].zero_point.reals()
    low = np.broadcast_to((quantizers[0].low.reals() - zero) * scale, shape)
    high = np.broadcast_to((quantizers[0].high.reals() - zero) * scale, shape)
    values = generator.uniform(low, high, size=(samples, *shape))
    flags = np.arange(math.prod(shape)).reshape(shape) % 2 == 0
    values[0], values[1], values[2] = low, high, np.where(flags, low, high)
    return values.astype(np.float32)
