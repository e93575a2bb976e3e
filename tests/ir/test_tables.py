"""Tables of functions: entries are the rounded function, and the stated error bounds every input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.dialects.builtin import ArrayAttr as ListAttr
from xdsl.dialects.builtin import FloatAttr, f64

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format, to_real
from netloom.ir.attributes import fixed_tensor
from netloom.ir.base import make
from netloom.ir.functions import BASE, FUNCTIONS, NEAR_RECTIFIERS
from netloom.ir.nn import FunctionOp
from netloom.ir.tables import MAX_ENTRIES, float_index, function_table, worst_error
from tests.ir.values import fixed, whole, word

POSITIVE = ("sqrt", "log", "reciprocal", "rsqrt")
SOURCE, TARGET = Format(8, 4), Format(12, 5)
POSITIVE_SOURCE = Format(10, 4, signed=False)
WIDE_TARGET = Format(24, 8)


def defaults(name: str) -> dict[str, float]:
    return dict(FUNCTIONS[name].parameters)


def nearest(values: NDArray[np.float64], target: Format) -> NDArray[np.int64]:
    """Half to even by numpy's own rounding, saturated."""
    scaled = np.rint(np.ldexp(values, target.fraction))
    return np.clip(scaled, target.min_mantissa, target.max_mantissa).astype(np.int64)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - set(POSITIVE)))
def test_each_entry_is_the_rounded_function(name: str) -> None:
    table = function_table(name, defaults(name), SOURCE, TARGET, None)
    inputs = to_real(np.arange(SOURCE.min_mantissa, SOURCE.max_mantissa + 1), SOURCE)
    assert table.low == SOURCE.min_mantissa
    assert np.array_equal(table.entries, nearest(FUNCTIONS[name].apply(inputs, **defaults(name)), TARGET))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize("as_table", [True, False])
def test_the_op_on_mantissas_reads_its_table(name: str, as_table: bool) -> None:
    source = POSITIVE_SOURCE if name in POSITIVE else SOURCE
    bits = 3 if name in POSITIVE and as_table else None
    parameters = ListAttr([FloatAttr(value, f64) for value in defaults(name).values()])
    op = make(
        FunctionOp,
        [fixed((4,), source)],
        result=fixed_tensor((4,), TARGET),
        function=word(name),
        parameters=parameters,
        mantissa_bits=None if bits is None else whole(bits),
    )
    op.verify()
    x = np.array([[1, 5, 9, source.max_mantissa]])
    table = function_table(name, defaults(name), source, TARGET, bits)
    index = x - table.low if bits is None else float_index(x, bits)
    assert np.array_equal(op.evaluate([x]), table.entries[index])


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {*POSITIVE, "sign"}))
@given(seed=st.integers(0, 2**32), step_bits=st.integers(0, 3))
def test_stated_error_of_a_linear_table_bounds_the_error_at_every_real_input(
    name: str, seed: int, step_bits: int
) -> None:
    table = function_table(name, defaults(name), SOURCE, TARGET, None)
    step = SOURCE.step / 2**step_bits
    stated = worst_error(name, defaults(name), table, SOURCE, TARGET, None, step)
    random = np.random.default_rng(seed)
    mantissas = random.integers(SOURCE.min_mantissa, SOURCE.max_mantissa, 2000, endpoint=True)
    x = to_real(mantissas, SOURCE) + step * random.uniform(-0.5, 0.5, 2000)
    exact = np.clip(FUNCTIONS[name].apply(x, **defaults(name)), TARGET.min_value, TARGET.max_value)
    assert np.abs(to_real(table.entries[mantissas - table.low], TARGET) - exact).max() <= stated


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("bits", [1, 4, 7])
def test_stated_error_of_a_table_by_leading_one_bounds_the_relative_error(name: str, bits: int) -> None:
    table = function_table(name, defaults(name), POSITIVE_SOURCE, WIDE_TARGET, bits)
    stated = worst_error(name, defaults(name), table, POSITIVE_SOURCE, WIDE_TARGET, bits, 0.0)
    mantissas = np.arange(1, POSITIVE_SOURCE.max_mantissa + 1)
    exact = FUNCTIONS[name].apply(to_real(mantissas, POSITIVE_SOURCE), **defaults(name))
    got = to_real(table.entries[float_index(mantissas, bits)], WIDE_TARGET)
    counted = np.abs(exact) > WIDE_TARGET.step
    assert (np.abs(got - exact)[counted] / np.abs(exact)[counted]).max() <= stated


@pytest.mark.parametrize("name", ["reciprocal", "sqrt", "rsqrt"])
def test_one_more_index_bit_halves_the_relative_error(name: str) -> None:
    errors = []
    for bits in range(2, 7):
        table = function_table(name, defaults(name), POSITIVE_SOURCE, WIDE_TARGET, bits)
        errors.append(worst_error(name, defaults(name), table, POSITIVE_SOURCE, WIDE_TARGET, bits, 0.0))
    ratios = np.array(errors[1:]) / np.array(errors[:-1])
    assert np.all(ratios < 0.65)


@given(st.integers(-(2**62), 2**62), st.integers(0, 12))
def test_index_is_exponent_and_leading_fraction_bits(mantissa: int, bits: int) -> None:
    index = int(float_index(np.array(mantissa, dtype=np.int64), bits))
    if mantissa <= 0:
        assert index == 0
        return
    exponent = mantissa.bit_length() - 1
    fraction = ((mantissa << bits) >> exponent) - (1 << bits)
    assert index == (exponent << bits) + fraction


@given(st.integers(1, 2**40), st.integers(1, 2**40), st.integers(0, 12))
def test_index_is_monotone(a: int, b: int, bits: int) -> None:
    low, high = sorted((a, b))
    assert float_index(np.array(low), bits) <= float_index(np.array(high), bits)


def test_table_that_is_too_large() -> None:
    assert MAX_ENTRIES == 2**17
    with pytest.raises(CompileError) as caught:
        function_table("tanh", {}, Format(18, 4), TARGET, None, "act")
    assert str(caught.value) == (
        "[NL304] at 'act': a table over fixed<18,4> needs 262144 entries\n"
        "  supported: up to 131072 entries\n"
        "  to do: lower 'table_bits', or cast the input to a narrower format"
    )


def test_values_outside_a_functions_domain_become_zero_or_an_end_of_the_range() -> None:
    table = function_table("log", {}, Format(3, 3), Format(8, 4), None)
    assert table.entries[4] == Format(8, 4).min_mantissa
    assert np.all(table.entries[:4] == 0)


@pytest.mark.parametrize("name", sorted(BASE))
def test_declared_direction_is_the_functions(name: str) -> None:
    function = FUNCTIONS[name]
    x = np.linspace(0.01 if name in POSITIVE else -8, 8, 4001)
    steps = np.diff(function.apply(x, **defaults(name)))
    if function.direction:
        assert np.all(function.direction * steps >= 0)


@pytest.mark.parametrize("name", sorted(set(NEAR_RECTIFIERS)))
def test_what_remains_after_the_rectifier_is_bounded_and_settles(name: str) -> None:
    function = FUNCTIONS[f"{name}_minus_relu"]
    arguments = defaults(name)
    far = np.array([-function.saturates, function.saturates])
    beyond = function.apply(far * 4, **arguments)
    assert np.all(np.abs(function.apply(far, **arguments) - beyond) <= 2.0**-12)
    assert math.isfinite(float(np.abs(function.apply(np.linspace(-50, 50, 999), **arguments)).max()))
