"""The emulator's kernels for windows give what the ops mean, in every value of the program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import BoolAttr, ModuleOp, StringAttr
from xdsl.ir import SSAValue

import netloom
from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr, fixed_tensor, shape_of
from netloom.ir.base import make
from netloom.ir.fx import constant_mantissas
from netloom.ir.interpreter import run_all
from netloom.ir.nn import MatMulOp, ReduceOp, ReshapeOp, TransposeOp, WindowOp
from netloom.ir.program import finish_function, main, new_function
from netloom.sim.emulator import Emulator
from tests.backends.test_parallel_images import network
from tests.ir.test_window import fits, windows

FORMATS = st.sampled_from([Format(4, 2), Format(5, 1, signed=False), Format(16, 4), Format(28, 8)])
CHANNELS = 4


class Program:
    """One fixed-point image, and ops on it."""

    def __init__(self, size: list[int], number_format: Format) -> None:
        shape = (1, *size, CHANNELS)
        self.module, self.function = new_function([("x", fixed_tensor(shape, number_format))], batched=True)
        self.x: SSAValue = self.function.body.block.args[0]

    def op(self, op_type: Any, *operands: SSAValue, **properties: Any) -> SSAValue:
        made = make(op_type, operands, **properties)
        self.function.body.block.add_op(made)
        return made.results[0]

    def constant(self, values: Any) -> SSAValue:
        low, high = int(values.min()), int(values.max())
        made = constant_mantissas(values, Format.for_range(low, high, 2), "w")
        self.function.body.block.add_op(made)
        return made.results[0]

    def window(self, given_: dict[str, list[int]], fill: str) -> SSAValue:
        names = ("kernel", "strides", "dilations", "padding")
        arrays = {name: ArrayAttr.of(given_[name]) for name in names}
        return self.op(WindowOp, self.x, fill=StringAttr(fill), **arrays)

    def reshape(self, x: SSAValue, *shape: int) -> SSAValue:
        return self.op(ReshapeOp, x, shape=ArrayAttr.of(list(shape)))

    def finished(self, y: SSAValue) -> ModuleOp:
        finish_function(self.function, [("y", y)])
        self.module.verify()
        return self.module


def check(module: ModuleOp, number_format: Format, seed: int) -> None:
    """Outputs by the fused plan and every value by the whole one, on random and extreme images."""
    random = np.random.default_rng(seed)
    low, high = number_format.min_mantissa, number_format.max_mantissa
    shape = shape_of(main(module).body.block.args[0].type)
    x = random.integers(low, high, size=(7, *shape), endpoint=True)
    x[0], x[1] = low, high
    emulator, expected = Emulator(module), run_all(module, [x])
    assert emulator.hidden
    for value, got in emulator.run_all([x]).items():
        assert np.array_equal(np.broadcast_to(expected[value], got.shape), got)
    assert np.array_equal(emulator.run([x])[0], expected[emulator.outputs[0]])


@given(windows().filter(fits), FORMATS, st.integers(1, 5), st.integers(0, 99))
@settings(max_examples=25)
def test_convolution(given_: dict[str, list[int]], source: Format, outputs: int, seed: int) -> None:
    program = Program(given_["size"], source)
    taps = program.window(given_, "zero")
    *rows, down, across, channels = shape_of(taps.type)
    flat = program.reshape(taps, *rows, down * across * channels)
    matrix = np.random.default_rng(seed).integers(-7, 8, size=(down * across * channels, outputs))
    check(program.finished(program.op(MatMulOp, flat, program.constant(matrix))), source, seed)


@given(windows().filter(fits), FORMATS, st.sampled_from([2, 4]), st.integers(1, 2), st.integers(0, 99))
@settings(max_examples=25)
def test_convolution_by_groups(
    given_: dict[str, list[int]], source: Format, groups: int, outputs: int, seed: int
) -> None:
    program = Program(given_["size"], source)
    taps = program.window(given_, "zero")
    *rows, down, across, channels = shape_of(taps.type)
    inputs = down * across * channels // groups
    split = program.reshape(taps, *rows, down * across, groups, channels // groups)
    turned = program.op(TransposeOp, split, permutation=ArrayAttr.of([0, 1, 2, 4, 3, 5]))
    apart = program.reshape(turned, *rows, groups, 1, inputs)
    weights = np.random.default_rng(seed).integers(-7, 8, size=(groups, inputs, outputs))
    check(program.finished(program.op(MatMulOp, apart, program.constant(weights))), source, seed)


@given(
    windows().filter(fits),
    FORMATS,
    st.sampled_from([("max", "lowest"), ("max", "zero"), ("sum", "zero")]),
    st.integers(0, 99),
)
@settings(max_examples=25)
def test_pool(given_: dict[str, list[int]], source: Format, kind: tuple[str, str], seed: int) -> None:
    program = Program(given_["size"], source)
    taps = program.window(given_, kind[1])
    options = {"kind": StringAttr(kind[0]), "keep_axes": BoolAttr.from_bool(False)}
    check(program.finished(program.op(ReduceOp, taps, axes=ArrayAttr.of([3, 4]), **options)), source, seed)


@pytest.mark.parametrize("group", [1, 4])
def test_stages_that_read_line_buffers(group: int) -> None:
    options = {"input_precision": "fixed<5,2>", "precision": "fixed<8,4>", "strategy": "latency"}
    design = netloom.compile(network(group), io="stream", **options)
    x = np.random.default_rng(0).uniform(-3, 3, size=(5, 2, 4, 4))
    inputs = design.interface.inputs_from(x)
    assert design.emulator.hidden
    expected = run_all(design.module, inputs)
    for value, got in design.emulator.run_all(inputs).items():
        assert np.array_equal(np.broadcast_to(expected[value], got.shape), got)
    for value, got in zip(design.emulator.outputs, design.emulator.run(inputs), strict=True):
        assert np.array_equal(got, expected[value])


def test_windows_that_two_ops_read_are_made() -> None:
    program = Program([4, 4], Format(4, 2))
    plain = {"kernel": [2, 2], "strides": [2, 2], "dilations": [1, 1], "padding": [0, 0, 0, 0]}
    taps = program.window(plain, "zero")
    options = {"keep_axes": BoolAttr.from_bool(False), "axes": ArrayAttr.of([3, 4])}
    largest = program.op(ReduceOp, taps, kind=StringAttr("max"), **options)
    total = program.op(ReduceOp, taps, kind=StringAttr("sum"), **options)
    finish_function(program.function, [("a", largest), ("b", total)])
    emulator = Emulator(program.module)
    x = np.arange(-8, 8).repeat(4).reshape(1, 1, 4, 4, CHANNELS)
    assert not emulator.hidden
    expected = run_all(program.module, [x])
    for got, value in zip(emulator.run([x]), emulator.outputs, strict=True):
        assert np.array_equal(got, expected[value])
