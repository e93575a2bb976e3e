"""Estimates: one row an op, formulas as documented, registers as scheduled."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import StringAttr

from netloom.estimate.resources import LayerEstimate, estimate
from netloom.ir.attributes import fixed_tensor
from netloom.ir.fx import LookupOp
from netloom.ir.nn import AddOp, DenseOp, MatMulOp, MulOp, ReluOp
from netloom.passes.analysis.ranges import value_intervals
from tests.backends.designs import Program, array, integer, random_graph, scheduled, signed, unsigned


def test_an_adder_takes_a_table_per_common_bit_and_outputs_are_registered() -> None:
    program = Program([((3,), signed(8, 3))])
    program.output(program.add(AddOp, program.inputs[0], program.inputs[0]))
    rows = estimate(scheduled(program.finish()))
    assert rows == [
        LayerEstimate("add_0", "nn.add", 0, lut=3 * 8),
        # Three results of nine bits, and the valid flag.
        LayerEstimate("(delays)", "delay", 0, lut=0, ff=3 * 9 + 1),
    ]


def test_products_take_multipliers_by_their_widths() -> None:
    program = Program([((2,), signed(16, 3)), ((2,), signed(30, 3)), ((2,), unsigned(4, 3))])
    a, b, c = program.inputs
    for pair in ((a, a), (a, b), (a, c), (c, c)):
        program.output(program.add(MulOp, *pair))
    rows = estimate(scheduled(program.finish()))
    # The last product has eight bits: three rows of and-gates are added, with two tables a bit.
    assert [row.dsp for row in rows] == [2 * 1, 2 * 2, 2 * 1, 0, 0]
    # 30 bits are cut into 17 and 13; the upper product has 13 + 16 bits.
    assert [row.lut for row in rows] == [0, 2 * 29, 0, 2 * 4 * 2 * 3, 0]


def test_weights_that_are_zero_or_powers_of_two_take_no_multipliers() -> None:
    program = Program([((2, 3), signed(12, 3))])
    weight = program.constant(np.array([[1, 0, 5], [0, 64, 0], [300, 5, 5]]), signed(10, 1))
    program.output(program.add(DenseOp, program.inputs[0], weight, strategy=StringAttr("latency")))
    # The last input's two products with 5 are one.
    assert estimate(scheduled(program.finish()))[0].dsp == 2 * 3


def test_large_tables_go_to_memory_and_small_ones_do_not() -> None:
    program = Program([((3,), signed(11, 3)), ((3,), signed(6, 3))])
    for x, entries in zip(program.inputs, (2048, 64), strict=True):
        table = {"table": array(np.arange(entries) ** 3 % 200), "function": StringAttr("exp")}
        result = fixed_tensor((3,), unsigned(8, 1))
        program.output(program.add(LookupOp, x, result=result, low=integer(-entries // 2), **table))
    large, small, delays = estimate(scheduled(program.finish()))
    # Half a block memory for each element; it has the result's register inside.
    assert (large.lut, large.bram36, small.bram36) == (0, 2, 0)
    assert delays.ff == 3 * 8 + 1
    # The lowest bit of a cube is that of the number.
    assert small.lut == 3 * 7


def test_a_kernel_counts_its_adders_tables_for_every_row_and_its_stage_registers() -> None:
    program = Program([((5, 4), signed(6, 3))])
    graph = random_graph(4, 12, 3, 2)
    program.output(program.kernel(program.inputs[0], graph, 2, None))
    module = program.finish()
    x = program.inputs[0]
    slow = estimate(scheduled(module, clock_period_ns=50.0))[0]
    low, high = (bound[0] for bound in (value_intervals(module)[x].low, value_intervals(module)[x].high))
    assert slow.ff == 0
    assert slow.lut == 5 * graph.adder_tables(low, high)
    fast = estimate(scheduled(module, clock_period_ns=0.8))[0]
    assert fast.lut == slow.lut
    assert fast.latency_cycles > 0
    assert fast.ff > 0
    assert fast.ff % 5 == 0


def test_registers_between_steps_are_counted() -> None:
    program = Program([((1, 4), signed(6, 3)), ((4, 1), signed(6, 3))])
    program.output(program.add(ReluOp, program.add(MatMulOp, *program.inputs)))
    product, _, _ = estimate(scheduled(program.finish(), clock_period_ns=2.5))
    # Four products of 12 bits, two sums of 13, then the result of 14 in its own register.
    stages = product.latency_cycles
    assert stages in (2, 3)
    assert product.ff in (4 * 12 + 14, 2 * 13 + 14, 4 * 12 + 2 * 13 + 14)


def test_a_rectifier_is_the_reset_of_the_register_behind_it() -> None:
    program = Program([((3,), signed(8, 3))])
    program.output(program.add(ReluOp, program.inputs[0]))
    assert estimate(scheduled(program.finish()))[0].lut == 3


def test_a_rectifier_in_front_of_an_adder_is_a_part_of_it() -> None:
    program = Program([((3,), signed(8, 3)), ((3,), signed(8, 3))])
    rectified = program.add(ReluOp, program.inputs[0])
    program.output(program.add(AddOp, rectified, program.inputs[1]))
    relu, add, _ = estimate(scheduled(program.finish(), clock_period_ns=20.0))
    assert (relu.lut, add.lut) == (0, 3 * 7)


def test_a_rectifier_in_front_of_a_multiplier_takes_a_table_per_bit() -> None:
    program = Program([((3,), signed(8, 3)), ((3,), signed(8, 3))])
    rectified = program.add(ReluOp, program.inputs[0])
    program.output(program.add(MulOp, rectified, program.inputs[1]))
    relu, product, _ = estimate(scheduled(program.finish(), clock_period_ns=20.0))
    assert (relu.lut, product.lut, product.dsp) == (3 * 7, 0, 3)
