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
    for pair in ((a, a), (a, b), (a, c)):
        program.output(program.add(MulOp, *pair))
    rows = estimate(scheduled(program.finish()))
    assert [row.dsp for row in rows] == [2 * 1, 2 * 2, 0, 0]
    assert rows[2].lut == 2 * 16 * 4 // 2


def test_zero_weights_take_no_multipliers() -> None:
    program = Program([((2, 3), signed(12, 3))])
    weight = program.constant(np.array([[1, 0], [0, 0], [300, 5]]), signed(10, 1))
    program.output(program.add(DenseOp, program.inputs[0], weight, strategy=StringAttr("latency")))
    assert estimate(scheduled(program.finish()))[0].dsp == 2 * 3


def test_large_tables_go_to_memory_and_small_ones_do_not() -> None:
    program = Program([((3,), signed(10, 3)), ((3,), signed(5, 3))])
    for x, entries in zip(program.inputs, (1024, 32), strict=True):
        table = {"table": array(np.arange(entries) % 200), "function": StringAttr("exp")}
        result = fixed_tensor((3,), unsigned(8, 1))
        program.output(program.add(LookupOp, x, result=result, low=integer(-entries // 2), **table))
    large, small, _ = estimate(scheduled(program.finish()))
    assert (large.bram36, small.bram36) == (2, 0)
    assert small.lut == 3 * (5 + 8)


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
