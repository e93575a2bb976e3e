"""absorb-quantizers: every form of a quantizer equals the quantizer on every integer that comes in.

The reference is the interpreter in float64 on the module before the pass. Where all scales are powers
of two its arithmetic is exact; for other scales it is the definition of the levels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp, StringAttr

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr
from netloom.ir.fx import CastOp, LookupOp, ThresholdOp
from netloom.ir.nn import AddOp, MulOp, PReluOp, ReluOp, TruncOp
from netloom.ir.program import notes
from netloom.ir.quantizer import ROUNDINGS
from tests.passes.programs import Program, after, names, ops_of, values_of

ABSORB = "absorb-quantizers"
CHANNELS = 3
FORMAT = Format(7, 7)

roundings = st.sampled_from(sorted(set(ROUNDINGS) - {"BIPOLAR"}))
powers = st.integers(-3, 3).map(lambda exponent: 2.0**exponent)
others = st.floats(0.0625, 3.0, width=32)
signs = st.sampled_from([1.0, -1.0])


def all_inputs() -> Any:
    """Every mantissa of FORMAT, in every channel."""
    column = np.arange(FORMAT.min_mantissa, FORMAT.max_mantissa + 1)
    return np.repeat(column[:, None], CHANNELS, axis=1)


def per_channel(values: st.SearchStrategy[float]) -> st.SearchStrategy[Any]:
    """One number, or one for each channel, in float64."""
    several = st.lists(values, min_size=CHANNELS, max_size=CHANNELS)
    return (values | several).map(lambda drawn: np.asarray(drawn, dtype=np.float64))


@st.composite
def quantizers(draw: st.DrawFn, scales: st.SearchStrategy[float]) -> dict[str, Any]:
    bits = draw(st.integers(1, 5))
    low = draw(st.sampled_from([0, -(2 ** (bits - 1)), -(2 ** (bits - 1)) + 1]))
    high = low + 2**bits - draw(st.integers(1, 2))
    return {
        "scale": draw(per_channel(scales)),
        "low": low,
        "high": max(high, low),
        "zero": draw(st.integers(-3, 3)),
        "rounding": draw(roundings),
        "round_first": draw(st.booleans()),
        "output": draw(st.sampled_from(["value", "level"])),
    }


def program(source_scale: Any, offset: Any, quantizer: dict[str, Any], *links: tuple[Any, ...]) -> ModuleOp:
    p = Program(x=(CHANNELS,))
    x = p.port(p.inputs[0], str(FORMAT))
    value = p.dequantize(x, source_scale, offset)
    for kind, *constants in links:
        value = p.op(kind, value, *(p.real(constant) for constant in constants), origin="link")
    return p.returns(p.quant(value, origin="q", **quantizer))


def check(module: ModuleOp, pipeline: str = ABSORB) -> ModuleOp:
    done = after(module, pipeline)
    expected, got = values_of(module, all_inputs())[0], values_of(done, all_inputs())[0]
    assert np.array_equal(got, expected)
    assert "nn.quant" not in names(done)
    optimized = after(done, "canonicalize,cse,dce,narrow")
    assert np.array_equal(values_of(optimized, all_inputs())[0], expected)
    return done


@given(per_channel(powers), st.integers(-8, 8).map(lambda n: n / 4), quantizers(powers))
def test_powers_of_two_become_casts(scale: Any, offset: float, quantizer: dict[str, Any]) -> None:
    done = check(program(scale, offset, quantizer))
    assert not ops_of(done, ThresholdOp) and not ops_of(done, LookupOp)


@given(per_channel(others), st.floats(-2, 2, width=32), quantizers(others))
def test_other_scales_become_thresholds(scale: Any, offset: float, quantizer: dict[str, Any]) -> None:
    check(program(scale, offset, quantizer))


@given(
    per_channel(st.tuples(others, signs).map(lambda pair: pair[0] * pair[1])),
    per_channel(st.floats(-2, 2, width=32)),
    quantizers(others),
    st.lists(
        st.sampled_from(
            [(ReluOp,), (PReluOp, 0.3), (PReluOp, [0.0, 0.1, 2.0]), (MulOp, [0.7, -1.3, 0.0]), (AddOp, 0.37)]
        ),
        max_size=3,
    ),
)
def test_chains_of_monotone_functions_become_thresholds(
    scale: Any, offset: Any, quantizer: dict[str, Any], links: list[Any]
) -> None:
    check(program(scale, offset, quantizer, *links))


@given(per_channel(others), per_channel(st.floats(-2, 2, width=32)), others, st.integers(-2, 2))
def test_bipolar_quantizers_are_the_sign(scale: Any, offset: Any, step: float, zero: int) -> None:
    quantizer = {"scale": step, "low": -1, "high": 1, "zero": zero, "rounding": "BIPOLAR"}
    check(program(scale, offset, quantizer))


@given(others, others, st.integers(0, 6), roundings)
def test_functions_that_are_not_monotone_become_tables(
    scale: float, step: float, bits: int, rounding: str
) -> None:
    p = Program(x=(CHANNELS,))
    x = p.port(p.inputs[0], str(FORMAT))
    value = p.function_of(p.dequantize(x, scale), "gelu", origin="act")
    done = check(p.returns(p.quant(value, step, -(2**bits), 2**bits - 1, rounding=rounding)))
    assert len(ops_of(done, LookupOp)) == 1


@given(st.floats(0.1, 1.0), st.floats(-1, 1), st.floats(0.1, 1.0) | powers, st.integers(8, 20), st.booleans())
def test_multiplier_is_off_by_one_level_where_its_stated_error_allows_it(
    scale: float, offset: float, step: float, bits: int, rectified: bool
) -> None:
    quantizer = {
        "scale": step,
        "low": 0 if rectified else -8,
        "high": 15,
        "rounding": "RND_CONV",
        "output": "level",
    }
    links = [(ReluOp,)] if rectified else []
    module = program(scale, offset, quantizer, *links)
    done = after(module, f'{ABSORB}{{requantize="multiplier" multiplier-bits={bits}}}')
    stated = [float(note.text.split("at most ")[1].split()[0]) for note in notes(done)]
    exact = np.clip((np.ldexp(all_inputs() * scale, 0) + offset) / step, quantizer["low"], 15)
    levels = values_of(done, all_inputs())[0]
    assert np.all(np.abs(levels - exact) <= 0.5 + sum(stated) * 1.01 + 1e-9)


def test_multiplier_of_a_power_of_two_quantizer_keeps_the_binary_point() -> None:
    module = program(0.3, 0.0, {"scale": 0.25, "low": -8, "high": 7, "rounding": "RND_CONV"})
    done = after(module, f'{ABSORB}{{requantize="multiplier"}}')
    assert np.array_equal(values_of(done, all_inputs())[0], values_of(module, all_inputs())[0])
    assert not ops_of(done, ThresholdOp)


@given(
    st.integers(-3, 3),
    st.integers(0, 3),
    st.integers(1, 5),
    st.integers(-3, 3),
    roundings,
    st.sampled_from([(-8, 7), (-7, 7), (0, 15), (0, 14), (-(2.0**52), 2.0**52)]),
)
def test_trunc_is_a_cast(
    point: int, finer: int, places: int, zero: int, rounding: str, bounds: tuple[float, float]
) -> None:
    def array(value: float) -> ArrayAttr:
        return ArrayAttr.of(np.asarray(float(value)))

    p = Program(x=(CHANNELS,))
    x = p.port(p.inputs[0], str(FORMAT))
    step = 2.0**point
    value = p.dequantize(x, 2.0 ** (point - finer))
    done = p.op(
        TruncOp,
        value,
        origin="cut",
        scale=array(step),
        zero_point=array(zero),
        output_scale=array(step * 2**places),
        low=array(bounds[0]),
        high=array(bounds[1]),
        rounding=StringAttr(rounding),
    )
    module = p.returns(done)
    expected, got = values_of(module, all_inputs())[0], values_of(after(module, ABSORB), all_inputs())[0]
    assert np.array_equal(got, expected)


def test_narrow_signed_is_one_symmetric_cast() -> None:
    module = program(0.25, 0.0, {"scale": 0.5, "low": -7, "high": 7, "rounding": "RND_CONV"})
    casts = ops_of(after(module, ABSORB), CastOp)
    assert [(op.overflow.data, op.result_format) for op in casts] == [("SAT_SYM", Format(4, 3))]


def refusal(module: ModuleOp, pipeline: str = ABSORB) -> str:
    with pytest.raises(CompileError) as caught:
        after(module, pipeline)
    return str(caught.value)


def test_too_many_levels() -> None:
    module = program(0.3, 0.0, {"scale": 0.7, "low": 0, "high": 63})
    assert refusal(module, f"{ABSORB}{{max-levels=63}}") == (
        "[NL305] at 'q': the quantizer has 64 levels and a scale that is no power of two\n"
        "  supported: up to 63 levels as thresholds\n"
        "  to do: use requantize='multiplier', a larger max_levels, or a power-of-two scale"
    )
    assert check(module, f"{ABSORB}{{max-levels=64}}")


def test_function_that_is_not_monotone_on_many_bits() -> None:
    p = Program(x=(2,))
    x = p.port(p.inputs[0], "fixed<15,15>")
    module = p.returns(p.quant(p.function_of(p.dequantize(x), "sin"), 0.3, origin="q"))
    assert refusal(module) == (
        "[NL306] at 'q': the functions before the quantizer are not monotone\n"
        "  supported: monotone functions, or any function of one input of up to 14 bits\n"
        "  to do: quantize the function's input too"
    )


def test_function_without_a_value() -> None:
    p = Program(x=(2,))
    x = p.port(p.inputs[0], str(FORMAT))
    module = p.returns(p.quant(p.function_of(p.dequantize(x), "log"), 0.3, origin="q"))
    assert refusal(module) == (
        "[NL306] at 'q': a function before the quantizer has no value on some inputs\n"
        "  supported: functions that are defined on all inputs that can occur\n"
        "  to do: clip the function's input to its domain"
    )


def test_trunc_of_what_is_no_integer() -> None:
    one = ArrayAttr.of(np.asarray(1.0))
    p = Program(x=(2,))
    x = p.port(p.inputs[0], str(FORMAT))
    value = p.op(
        TruncOp,
        p.dequantize(x, 0.3),
        origin="cut",
        scale=one,
        zero_point=ArrayAttr.of(np.asarray(0.0)),
        output_scale=one,
        low=ArrayAttr.of(np.asarray(-8.0)),
        high=ArrayAttr.of(np.asarray(7.0)),
        rounding=StringAttr("TRN"),
    )
    assert refusal(p.returns(value)) == (
        "[NL306] at 'cut': the input of Trunc is not an integer at Trunc's scale\n"
        "  supported: an input quantized at that scale, or apart from it by a power of two\n"
        "  to do: check the scale that Trunc was exported with"
    )


def test_unknown_way_to_requantize() -> None:
    module = program(0.3, 0.0, {"scale": 0.7})
    assert refusal(module, f'{ABSORB}{{requantize="multipliers"}}') == (
        "[NL203] at 'absorb-quantizers': requantize is 'multipliers'\n"
        "  supported: thresholds, multiplier\n"
        "  to do: did you mean 'multiplier'?"
    )
