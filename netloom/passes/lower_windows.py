"""lower-windows: the windows of images become wires of parallel hardware."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import ArrayAttr
from netloom.ir.base import Values
from netloom.ir.interval import Ints
from netloom.ir.nn import ConcatOp, GatherOp, ReshapeOp, WindowOp
from netloom.ir.program import erase_unused, main, program_ops
from netloom.passes.requantize import fixed_constant
from netloom.passes.rewriting import Builder

MOST_ELEMENTS = 1 << 20
"""Elements that the windows of one layer may have: each is a wire, with arithmetic of its own behind it."""


@dataclass(frozen=True)
class LowerWindows(ModulePass):
    """nn.window becomes nn.concat with one pixel of fill, where there is padding, and nn.gather."""

    name: ClassVar[str] = "lower-windows"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Each op by itself.

        Raises:
            CompileError: NL308 for windows that are too many to be computed at once.
        """
        function = main(op)
        for candidate in program_ops(function):
            if isinstance(candidate, WindowOp) and candidate.is_fixed:
                check_size(candidate)
                lower(candidate)
        erase_unused(function)


def check_size(op: WindowOp) -> None:
    """Refuse what no chip holds."""
    elements = math.prod(op.result_shape)
    if elements > MOST_ELEMENTS:
        raise CompileError(
            "NL308",
            f"its windows have {elements} elements",
            origin=op.origin_name,
            supported=f"up to {MOST_ELEMENTS} in a parallel design",
            hint="use io='stream', which computes one pixel after another",
        )


def lower(op: WindowOp) -> None:
    """Pixels in a row, with one of fill at the end; each tap picks one."""
    build, shape = Builder(op), op.operand_shapes[0]
    *leading, height, width, channels = shape
    flat = ArrayAttr.of(np.array([*leading, height * width, channels]))
    pixels = build.op(ReshapeOp, [op.input], shape=flat)
    axis = IntegerAttr(len(leading), 64)
    if op.geometry.is_padded:
        mantissas: Values = np.full((*leading, 1, channels), int(op.fill_value))
        fill = fixed_constant(build, mantissas, op.operand_formats[0].fraction)
        pixels = build.op(ConcatOp, [pixels, fill], axis=axis)
    indices = ArrayAttr.of(pixel_map(op))
    build.finish(build.op(GatherOp, [pixels], result=op.result.type, indices=indices, axis=axis))


def pixel_map(op: WindowOp) -> Ints:
    """The pixel [OH, OW, KH, KW] that each tap of each window reads; outside the image the one after all."""
    height, width = op.operand_shapes[0][-3:-1]
    pixels = np.arange(height * width, dtype=np.int64).reshape(height, width, 1)
    return np.asarray(op.windows_of(pixels, height * width)[..., 0])
