"""Random fixed-point programs on small images: what a streaming design may be asked for."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import SSAValue

from netloom.core.fixed import Format, Overflow, Rounding
from netloom.ir.attributes import format_of, shape_of
from netloom.ir.nn import (
    AddOp,
    ArgMaxOp,
    BroadcastOp,
    ConcatOp,
    DenseOp,
    GatherOp,
    MatMulOp,
    MaxOp,
    MulOp,
    ReduceOp,
    ReluOp,
    ReshapeOp,
    SliceOp,
    TransposeOp,
    WindowOp,
)
from netloom.ir.program import erase_unused, main, program_ops
from netloom.testing.program import Port, Program

WEIGHTS = Format(4, 2)
ACTIVATIONS = Format(6, 3)


class Images:
    """Builds a random program on images [1, H, W, C]; the drawing decides everything."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        size = tuple(int(n) for n in self.draw.integers(1, 7, 2))
        channels = int(self.draw.integers(1, 4))
        self.program = Program([("x", Port((1, *size, channels), Format(5, 2, bool(self.draw.integers(2)))))])
        self.values: list[SSAValue] = list(self.program.inputs)

    def build(self, ops: int, *, grouped: bool) -> ModuleOp:
        """A program of `ops` drawn ops whose last values are outputs; products of groups only if wanted."""
        rules = (self.conv, self.conv, self.pool, self.add, self.constant, self.scale, self.concat)
        rules += (self.reduce, self.upsample, self.crop, self.blocks, self.gate, self.turn, self.argmax)
        rules += (self.depthwise,) if grouped else ()
        for number in range(ops):
            self.program.origin = f"layer{number}"
            self.values.append(rules[int(self.draw.integers(len(rules)))]())
        self.program.output(self.values[-1], "y")
        if self.draw.integers(3) == 0:
            self.program.output(self.pick(), "z")
        return self.program.finish()

    def pick(self) -> SSAValue:
        """An image drawn from those there are."""
        return self.values[int(self.draw.integers(max(0, len(self.values) - 3), len(self.values)))]

    def narrow(self, x: SSAValue) -> SSAValue:
        """The value as an activation, rectified or not."""
        x = self.program.cast(x, ACTIVATIONS, Rounding.RND, Overflow.SAT)
        return self.program.add(ReluOp, x) if self.draw.integers(2) else x

    def window(self, x: SSAValue, fill: str) -> SSAValue:
        """Windows of a drawn geometry that fits."""
        height, width = shape_of(x.type)[1:3]
        kernel = [int(self.draw.integers(1, 4)) for _ in range(2)]
        dilations = [int(self.draw.integers(1, 3)) for _ in range(2)]
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        top, left = (int(self.draw.integers(0, span)) for span in spans)
        bottom = max(int(self.draw.integers(0, spans[0])), spans[0] - height - top)
        right = max(int(self.draw.integers(0, spans[1])), spans[1] - width - left)
        strides = self.draw.integers(1, 4, 2)
        geometry = {"kernel": kernel, "strides": strides, "dilations": dilations}
        return self.program.add(WindowOp, x, padding=[top, left, bottom, right], fill=fill, **geometry)

    def conv(self) -> SSAValue:
        """A convolution with a bias, and what follows it."""
        x = self.window(self.pick(), "zero")
        shape = shape_of(x.type)
        taps, channels = int(np.prod(shape[3:])), int(self.draw.integers(1, 5))
        flat = self.program.add(ReshapeOp, x, shape=[*shape[:3], taps])
        weight = self.program.constant(self.draw.integers(-8, 8, (taps, channels)), WEIGHTS)
        number_format = format_of(x.type)
        assert number_format is not None
        fraction = number_format.fraction + WEIGHTS.fraction
        bias = self.program.constant(self.draw.integers(-8, 8, channels), Format(4, 4 - fraction))
        return self.narrow(self.program.add(DenseOp, flat, weight, bias, strategy="latency"))

    def depthwise(self) -> SSAValue:
        """A convolution by groups of channels."""
        x = self.window(self.pick(), "zero")
        _, down, across, high, wide, channels = shape_of(x.type)
        inner = 2 if channels % 2 == 0 and self.draw.integers(2) else 1
        groups, taps, outputs = channels // inner, high * wide, int(self.draw.integers(1, 3))
        x = self.program.add(ReshapeOp, x, shape=[1, down, across, taps, groups, inner])
        x = self.program.add(TransposeOp, x, permutation=[0, 1, 2, 4, 3, 5])
        x = self.program.add(ReshapeOp, x, shape=[1, down, across, groups, 1, taps * inner])
        weight = self.program.constant(self.draw.integers(-8, 8, (groups, taps * inner, outputs)), WEIGHTS)
        x = self.narrow(self.program.add(MatMulOp, x, weight))
        return self.program.add(ReshapeOp, x, shape=[1, down, across, groups * outputs])

    def pool(self) -> SSAValue:
        """The largest or the sum of each window."""
        kind = ("max", "sum", "min")[int(self.draw.integers(3))]
        x = self.window(self.pick(), "lowest" if kind == "max" else "zero")
        return self.narrow(self.program.add(ReduceOp, x, kind=kind, axes=[3, 4], keep_axes=False))

    def same(self, x: SSAValue) -> SSAValue:
        """Another image of that size, or itself."""
        sizes = [y for y in self.values if shape_of(y.type)[:3] == shape_of(x.type)[:3]]
        return sizes[int(self.draw.integers(len(sizes)))]

    def add(self) -> SSAValue:
        """A skip connection."""
        x = self.pick()
        y = self.same(x)
        if shape_of(y.type) != shape_of(x.type):
            y = x
        return self.program.add((AddOp, MaxOp)[int(self.draw.integers(2))], x, y)

    def constant(self) -> SSAValue:
        """A constant for each channel, each position, or both."""
        x = self.pick()
        shape = [n if self.draw.integers(2) else 1 for n in shape_of(x.type)]
        return self.program.add(AddOp, x, self.program.constant(self.draw.integers(-8, 8, shape), WEIGHTS))

    def scale(self) -> SSAValue:
        """A factor for each channel."""
        x = self.pick()
        factors = self.program.constant(self.draw.integers(-8, 8, shape_of(x.type)[-1:]), WEIGHTS)
        return self.narrow(self.program.add(MulOp, x, factors))

    def concat(self) -> SSAValue:
        """Channels side by side; now and then rows below each other."""
        x = self.pick()
        axis = 1 if self.draw.integers(4) == 0 else 3
        y = x if axis == 1 else self.same(x)
        return self.program.add(ConcatOp, x, y, axis=axis)

    def reduce(self) -> SSAValue:
        """Over the whole image, over rows, over channels."""
        axes = ([1, 2], [2], [3], [1], [1, 2, 3])[int(self.draw.integers(5))]
        kind = ("max", "sum")[int(self.draw.integers(2))]
        return self.narrow(self.program.add(ReduceOp, self.pick(), kind=kind, axes=axes, keep_axes=True))

    def argmax(self) -> SSAValue:
        """The best channel of each pixel."""
        return self.program.add(ArgMaxOp, self.pick(), axis=3, keep_axes=True)

    def upsample(self) -> SSAValue:
        """Nearest neighbours along both axes."""
        x = self.pick()
        for axis in (1, 2):
            size = shape_of(x.type)[axis]
            if size < 9:
                indices = np.sort(self.draw.integers(0, size, int(self.draw.integers(1, 2 * size + 1))))
                x = self.program.add(GatherOp, x, indices=indices, axis=axis)
        return x

    def crop(self) -> SSAValue:
        """Part of the image, in steps."""
        x = self.pick()
        shape = shape_of(x.type)
        starts = [int(self.draw.integers(0, n)) for n in shape]
        steps = [int(self.draw.integers(1, 3)) for _ in shape]
        sizes = [
            int(self.draw.integers(1, (n - 1 - start) // step + 2))
            for n, start, step in zip(shape, starts, steps, strict=True)
        ]
        return self.program.add(SliceOp, x, starts=starts, sizes=sizes, steps=steps)

    def blocks(self) -> SSAValue:
        """Depth to space."""
        x = self.pick()
        _, height, width, channels = shape_of(x.type)
        if channels % 2 or height * width > 30:
            return x
        rows = channels % 4 == 0
        parts = [1, height, width, 2 if rows else 1, 2, channels // (4 if rows else 2)]
        x = self.program.add(ReshapeOp, x, shape=parts)
        x = self.program.add(TransposeOp, x, permutation=[0, 1, 3, 2, 4, 5])
        return self.program.add(ReshapeOp, x, shape=[1, height * parts[3], width * 2, parts[5]])

    def gate(self) -> SSAValue:
        """A number for each channel from the whole image, times the image."""
        x = self.pick()
        most = self.program.add(ReduceOp, x, kind="max", axes=[1, 2], keep_axes=True)
        if self.draw.integers(2):
            most = self.program.add(BroadcastOp, most, shape=list(shape_of(x.type)))
        return self.narrow(self.program.add(MulOp, x, most))

    def turn(self) -> SSAValue:
        """Rows become columns."""
        return self.program.add(TransposeOp, self.pick(), permutation=[0, 2, 1, 3])


def folding(module: ModuleOp, seed: int) -> str:
    """Passes that give the layers with windows drawn numbers of pixels or of channels in a beat."""
    erase_unused(main(module))
    draw = np.random.default_rng([seed, 1])
    pixels, channels = [], []
    for name in sorted({op.origin_name for op in program_ops(main(module)) if isinstance(op, WindowOp)}):
        kind = int(draw.integers(3))
        if kind == 1:
            pixels.append(f"{name}={draw.integers(2, 7)}")
        elif kind == 2:
            channels.append(f"{name}={draw.integers(1, 4)}")
    texts = "; ".join(["0", *channels]), "; ".join(["1", *pixels])
    return f'parallel-channels{{channels="{texts[0]}"}},parallel-pixels{{pixels="{texts[1]}"}}'


def image_program(seed: int, *, grouped: bool = False) -> ModuleOp:
    """A random program; its inputs are drawn with `sample_inputs`."""
    module = Images(seed).build(1 + seed % 6, grouped=grouped)
    module.attributes["seed"] = StringAttr(str(seed))
    return module
