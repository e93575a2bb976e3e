"""What the battery covers: ops, formats, modes and values; and that its reference is the interpreter."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import netloom
from netloom.core.fixed import Format, Overflow, Rounding
from netloom.ir import interpreter
from netloom.ir.base import RealOp
from netloom.ir.da import Da
from netloom.ir.fx import CastOp, ConstantOp, DequantizeOp, Fx, QuantizeOp
from netloom.ir.nn import FunctionOp, Nn, QuantOp, TruncOp, WindowOp
from netloom.ir.program import main, program_ops
from netloom.ir.tree import Tree
from netloom.passes.analysis.hardware import PortInfo, hardware
from netloom.testing import Case, Port, Program, program_of
from netloom.testing.battery import TOPICS, layers
from netloom.testing.cases import one_of, packs
from netloom.testing.models import MODELS, Model, host_inputs
from netloom.testing.reference import outputs_from_ports
from netloom.testing.values import mantissas

ON_THE_HOST = {QuantizeOp, DequantizeOp}
LOWERED = {QuantOp, TruncOp, FunctionOp, WindowOp}
"""Ops that have a fixed-point form but never reach a backend."""

EVERY_CASE = [case for cases in TOPICS.values() for case in cases()]


def sources() -> set[Format]:
    return {port.format for case in EVERY_CASE for port in case.ports}


def test_every_op_that_hardware_has_is_in_a_case() -> None:
    wanted = {
        op.name
        for dialect in (Fx, Nn, Tree, Da)
        for op in dialect.operations
        if not issubclass(op, RealOp) and op not in ON_THE_HOST | LOWERED
    }
    assert {case.op for case in EVERY_CASE if case.op} == wanted


def test_names_of_cases_are_their_own() -> None:
    names = [case.name for case in (*EVERY_CASE, *layers())]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("signed", [True, False])
def test_every_width_from_1_to_32_with_points_inside_and_outside(signed: bool) -> None:
    formats = [f for f in sources() if f.signed == signed]
    assert {f.width for f in formats} >= set(range(1, 33))
    assert any(f.integer < 0 for f in formats)
    assert any(f.integer > f.width for f in formats)


def test_every_pair_of_modes_loses_bits_at_both_ends() -> None:
    found: dict[tuple[str, str], int] = {}
    for case in TOPICS["casts"]():
        for op in program_ops(main(program_of([case]))):
            if isinstance(op, CastOp):
                source, target = op.operand_formats[0], op.result_format
                if source.fraction > target.fraction and source.integer > target.integer:
                    pair = (op.rounding.data, op.overflow.data)
                    found[pair] = found.get(pair, 0) + 1
    assert set(found) == set(itertools.product(Rounding.__members__, Overflow.__members__))
    assert min(found.values()) >= 3


def test_values_reach_63_bits() -> None:
    widths = {op.result_format.width for op in program_ops(main(program_of(EVERY_CASE))) if op.is_fixed}
    assert {0, 33, 40, 48, 53, 54, 60, 62, 63} <= widths


formats = st.builds(Format, st.integers(1, 53), st.integers(-9, 60), st.booleans())


@given(formats, st.text(max_size=5))
def test_values_of_a_port(number_format: Format, name: str) -> None:
    port = PortInfo(name, "in", (4, 4), number_format)
    low, high = number_format.min_mantissa, number_format.max_mantissa
    values = mantissas(port, 32)
    assert values.shape == (32, 4, 4)
    assert low <= values.min() and values.max() <= high
    assert np.all(values[0] == low) and np.all(values[1] == high)
    assert set(values[2].flat) == {low, high}
    if number_format.width <= 7:
        assert set(values.flat) == set(range(low, high + 1))
    assert np.array_equal(values, mantissas(port, 32))


def test_the_reference_is_the_interpreter() -> None:
    cases = [case for case in EVERY_CASE if all(port.format.width <= 24 for port in case.ports)]
    module = program_of(one_of(cases, 3))
    ports = {info.name: mantissas(info, 16) for _, info in hardware(module).inputs}
    formats = {info.name: info.format for _, info in hardware(module).inputs}
    function = main(module)
    inputs = [
        np.zeros((16, *shape)) for shape in netloom.compile(module, pipeline="").interface.inputs.values()
    ]
    for index, name in enumerate(netloom.compile(module, pipeline="").interface.inputs):
        if name in ports:
            inputs[index] = np.ldexp(ports[name].astype(np.float64), -formats[name].fraction)
    assert len(inputs) == len(function.body.block.args)
    expected = interpreter.run(module, inputs, np.float64)
    for got, want in zip(outputs_from_ports(module, ports).values(), expected, strict=True):
        assert np.array_equal(got, np.broadcast_to(want, got.shape))


def test_some_of_the_cases_are_the_same_ones_every_time() -> None:
    some = one_of(EVERY_CASE, 4)
    assert len(EVERY_CASE) / 5 < len(some) < len(EVERY_CASE) / 3
    assert set(some) == set(one_of(EVERY_CASE[::-1], 4))
    assert one_of(EVERY_CASE, 1) == EVERY_CASE
    assert one_of(EVERY_CASE[:1], 10**9) == EVERY_CASE[:1]


def test_packs_hold_every_case_once() -> None:
    groups = list(packs(EVERY_CASE, 100))
    assert max(map(len, groups)) <= 100
    assert sorted(case.name for group in groups for case in group) == sorted(c.name for c in EVERY_CASE)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_outputs_of_the_models_depend_on_their_inputs(model: Model) -> None:
    design = netloom.compile(model.path, **model.options)
    outputs = design.predict(host_inputs(design.interface, 32), raw=True)
    for values in outputs.values() if isinstance(outputs, dict) else [outputs]:
        assert len(np.unique(values, axis=0)) > 2


def test_a_port_that_is_too_wide() -> None:
    with pytest.raises(ValueError, match="an input port has at most 53 bits, not 54"):
        Program([("x", Port((1,), Format(54, 54)))])


def test_constants_are_no_ports() -> None:
    constant = next(case for case in EVERY_CASE if case.op == ConstantOp.name)
    assert isinstance(constant, Case)
    assert hardware(program_of([constant])).inputs == ()
