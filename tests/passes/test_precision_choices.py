"""quantize-inputs and assign-precision: which format every value takes, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import BoolAttr, ModuleOp, StringAttr

from netloom.core.diagnostics import CompileError, NetloomWarning
from netloom.core.fixed import Format
from netloom.ir.fx import CastOp, ConstantOp, DequantizeOp, LookupOp, QuantizeOp
from netloom.ir.nn import (
    AddOp,
    DivOp,
    MatMulOp,
    MaxOp,
    MulOp,
    PReluOp,
    ReduceOp,
    ReluOp,
    SoftmaxOp,
    SubOp,
)
from netloom.ir.program import add_note, main, notes, program_ops
from netloom.passes.calibrate import observe
from netloom.passes.formats import holds, observed_precision
from tests.passes.programs import Program, after, axis, ints, ops_of, values_of

WEIGHTS = [[0.7, -1.3], [0.2, 0.9]]
SAMPLES = np.random.default_rng(1).normal(scale=1.5, size=(64, 1, 2)).astype(np.float32)


def two_layers() -> ModuleOp:
    """fc1 with a bias of its own name, relu, fc2; all real."""
    p = Program(x=(1, 2))
    y = p.op(MatMulOp, p.inputs[0], p.real(WEIGHTS), origin="fc1")
    y = p.op(AddOp, y, p.real([0.3, -0.1]), origin="fc1_bias")
    y = p.op(ReluOp, y, origin="act")
    return p.returns(p.op(MatMulOp, y, p.real(WEIGHTS), origin="fc2"))


def with_input(module: ModuleOp, precision: str = "fixed<8,3>") -> ModuleOp:
    return after(module, f'quantize-inputs{{precision="{precision}"}},absorb-quantizers')


def assigned(module: ModuleOp, precision: str = "", **options: int) -> ModuleOp:
    given = " ".join(f"{name}={value}" for name, value in options.items())
    return after(with_input(module), f'assign-precision{{precision="{precision}" {given}}}')


def refusal(module: ModuleOp, pipeline: str) -> str:
    with pytest.raises(CompileError) as caught:
        after(module, pipeline)
    return str(caught.value)


def formats_of(module: ModuleOp, origin: str, kind: type[Any]) -> list[Format]:
    return [op.result_format for op in ops_of(module, kind) if op.origin_name == origin]


# --- inputs


def test_input_without_any_choice() -> None:
    assert refusal(two_layers(), "quantize-inputs") == (
        "[NL302] at 'x': input 'x' has no quantizer and no precision was chosen for it\n"
        "  supported: input_precision='fixed<W,I>', precision=..., or calibration=data\n"
        "  to do: for example input_precision={'x': 'fixed<16,6>'}"
    )


def test_input_that_does_not_exist() -> None:
    assert refusal(two_layers(), 'quantize-inputs{precision="xx=fixed<8,3>"}') == (
        "[NL402] at 'input_precision': the model has no input 'xx'\n"
        "  supported: x\n"
        "  to do: did you mean 'x'?"
    )


@given(
    st.sampled_from(
        ["fixed<6,2>", "ufixed<5,3>", "fixed<4,6>", "fixed<6,2,TRN,WRAP>", "fixed<6,2,RND_INF,SAT_SYM>"]
    ),
    st.lists(st.floats(-40, 40, width=32), min_size=2, max_size=2),
)
def test_an_input_is_cast_to_its_format(precision: str, row: list[float]) -> None:
    from netloom.core import fixed

    p = Program(x=(2,))
    module = after(p.returns(p.op(ReluOp, p.inputs[0])), f'quantize-inputs{{precision="{precision}"}}')
    x = np.array([row], dtype=np.float64)
    target = fixed.Precision.parse(precision)
    mantissas = fixed.quantize(x, target.format, target.rounding, target.overflow)
    real = np.maximum(fixed.to_real(mantissas, target.format), 0)
    assert np.array_equal(values_of(module, x)[0], real)


def test_precedence_named_then_the_models_then_observed() -> None:
    p = Program(a=(2,), b=(2,), c=(2,))
    a, b, c = p.inputs
    module = p.returns(p.op(AddOp, p.op(AddOp, a, b), p.quant(c, 0.5, origin="own")))
    observe(module, {name: np.full((3, 2), 2.5) for name in "abc"})
    chosen = after(module, 'quantize-inputs{precision="a=fixed<9,2>" bits=10}')
    assert {op.origin_name: op.result_format for op in ops_of(chosen, QuantizeOp)} == {
        "a": Format(9, 2),
        "b": Format(10, 2, signed=False),
    }
    fallback = after(module, 'quantize-inputs{fallback="fixed<7,3>"}')
    assert [op.result_format for op in ops_of(fallback, QuantizeOp)] == [Format(7, 3)] * 2


def test_a_named_precision_puts_the_models_own_quantizer_into_hardware() -> None:
    p = Program(x=(2,))
    module = p.returns(p.quant(p.inputs[0], 0.5, origin="own"))
    done = after(module, 'quantize-inputs{precision="x=fixed<8,3>"},absorb-quantizers')
    assert [op.origin_name for op in ops_of(done, QuantizeOp)] == ["x"]
    assert [op.origin_name for op in ops_of(done, CastOp)] == ["own"]


# --- layers


def test_float_model_without_any_choice() -> None:
    assert refusal(with_input(two_layers()), "assign-precision") == (
        "[NL301] at 'fc1': nn.matmul computes with real numbers and no precision was chosen for it\n"
        "  supported: precision='fixed<16,6>' for the model, precision={'layers': {...}} per layer,"
        " or calibration=data\n"
        "  to do: choose one of the three; netloom does not guess formats"
    )


def test_model_precision_rounds_weights_biases_and_results() -> None:
    done = assigned(two_layers(), "fixed<9,4>")
    assert formats_of(done, "fc1_bias", CastOp) == formats_of(done, "fc2", CastOp) == [Format(9, 4)]
    weights = [op for op in ops_of(done, ConstantOp) if op.origin_name == "fc1"]
    assert [op.value.values.tolist() for op in weights] == [np.rint(np.array(WEIGHTS) * 32).tolist()]


def test_the_cast_waits_for_the_bias_unless_the_product_is_named() -> None:
    assert formats_of(assigned(two_layers(), "fixed<9,4>"), "fc1", CastOp) == []
    named = assigned(two_layers(), "fixed<8,4>; fc1: result=fixed<7,2>")
    assert formats_of(named, "fc1", CastOp) == [Format(7, 2)]
    assert formats_of(named, "fc1_bias", CastOp) == [Format(8, 4)]
    both = assigned(two_layers(), "fixed<9,4>; fc1*: result=fixed<7,3>")
    assert (formats_of(both, "fc1", CastOp), formats_of(both, "fc1_bias", CastOp)) == ([], [Format(7, 3)])


def test_layers_by_name_and_by_glob() -> None:
    done = assigned(two_layers(), "fixed<9,4>; fc?: weight=fixed<5,2>; fc2: result=fixed<12,6>")
    fractions = {op.origin_name: op.result_format.fraction for op in ops_of(done, ConstantOp)}
    assert fractions == {"fc1": 3, "fc1_bias": 5, "fc2": 3}
    assert formats_of(done, "fc2", CastOp) == [Format(12, 6)]


def test_pattern_that_matches_nothing() -> None:
    assert refusal(with_input(two_layers()), 'assign-precision{precision="fixed<9,4>; fc3: fixed<5,2>"}') == (
        "[NL202] at 'fc3': 'fc3' matches no layer\n"
        "  supported: the layers act, fc1, fc1_bias, fc2, x\n"
        "  to do: did you mean 'fc2'?"
    )


def test_pattern_that_only_matches_what_the_model_quantized() -> None:
    p = Program(x=(2,))
    module = after(p.returns(p.quant(p.inputs[0], 0.5, origin="own")), "absorb-quantizers")
    assert refusal(module, 'assign-precision{precision="own: fixed<5,2>"}') == (
        "[NL202] at 'own': 'own' has no effect: "
        "the formats of weight and bias and result are the model's own\n"
        "  supported: layers on real numbers\n"
        "  to do: leave the entry out; what the model quantizes stays as it was trained"
    )


def test_weights_that_do_not_fit_are_clipped_with_a_warning() -> None:
    with pytest.warns(
        NetloomWarning, match="^fc1: 1 of 4 constants are outside fixed<8,1> and were clipped$"
    ):
        done = assigned(two_layers(), "fixed<9,4>; fc1: weight=fixed<8,1>")
    assert [note.text for note in notes(done)] == ["1 of 4 constants are outside fixed<8,1> and were clipped"]


def test_accumulator_of_more_bits_than_arithmetic_holds() -> None:
    module = after(two_layers(), 'quantize-inputs{precision="fixed<20,4>"},absorb-quantizers')
    assert refusal(module, 'assign-precision{precision="fixed<60,10>"}') == (
        "[NL303] at 'fc1': the exact result needs about 72 bits\n"
        "  supported: values of up to 63 bits\n"
        "  to do: choose a narrower precision for this layer's inputs or weights"
    )


def test_table_with_too_many_entries() -> None:
    p = Program(x=(2,))
    module = p.returns(p.function_of(p.inputs[0], "exp", origin="act"))
    assert refusal(
        with_input(module, "fixed<24,4>"),
        'assign-precision{precision="fixed<16,6>" table-bits=18},lower-functions',
    ) == (
        "[NL304] at 'act': a table over fixed<18,4> needs 262144 entries\n"
        "  supported: up to 131072 entries\n"
        "  to do: lower 'table_bits', or cast the input to a narrower format"
    )


def test_divisor_that_may_be_negative() -> None:
    p = Program(x=(1, 2))
    module = p.returns(
        p.op(DivOp, p.inputs[0], p.op(SubOp, p.inputs[0], p.real([1.0]), origin="d"), origin="ratio")
    )
    text = (
        'decompose-functions,quantize-inputs{precision="fixed<8,3>"},absorb-quantizers,'
        'assign-precision{precision="fixed<9,4>"}'
    )
    assert refusal(module, text) == (
        "[NL306] at 'ratio': the divisor may be negative or zero\n"
        "  supported: divisors that are never negative\n"
        "  to do: divide by a sum of squares, of exponentials or of absolute values"
    )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda p, x: p.op(SoftmaxOp, x, origin="s", axis=axis(-1)),
            "[NL308] at 's': nn.softmax has no fixed-point form\n"
            "  to do: run the pipeline 'clean' first, or rewrite the layer",
        ),
        (
            lambda p, x: p.op(
                ReduceOp,
                x,
                origin="s",
                kind=StringAttr("prod"),
                axes=ints(1),
                keep_axes=BoolAttr.from_bool(True),
            ),
            "[NL308] at 's': reduction 'prod' has no fixed-point form\n  supported: sum, mean, max, min",
        ),
        (
            lambda p, x: p.op(DivOp, x, p.real([1.0, 0.0]), origin="s"),
            "[NL308] at 's': nn.div by something else than a constant without zeros has no fixed-point form\n"
            "  to do: run the pipeline 'clean' first, which divides through a reciprocal",
        ),
    ],
)
def test_ops_without_a_fixed_point_form(build: Any, message: str) -> None:
    p = Program(x=(1, 2))
    module = p.returns(build(p, p.inputs[0]))
    assert refusal(with_input(module), 'assign-precision{precision="fixed<9,4>"}') == message


@pytest.mark.parametrize("kind", [AddOp, SubOp, MaxOp])
def test_joining_unrelated_scales_names_the_options(kind: type[Any]) -> None:
    p = Program(x=(1, 2))
    a, b = (p.quant(p.inputs[0], scale) for scale in (0.1, 0.7))
    module = after(p.returns(p.op(kind, a, b, origin="join")), "absorb-quantizers")
    message = refusal(module, "assign-precision")
    found = f"[NL307] at 'join': {kind.name} combines values with the scales 0.1 and 0.7"
    assert message.splitlines()[0] == found
    assert "precision={'layers': {...}}" in message and "calibration=data" in message


# --- calibration


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.integers(2, 40))
def test_observed_format_holds_the_range_with_the_fewest_integer_bits(
    low: float, span: float, bits: int
) -> None:
    precision = observed_precision(low, low + span, bits)
    chosen = precision.format
    assert holds(chosen, low, low + span)
    assert chosen.signed == (low < 0) and chosen.width == bits
    if max(abs(low), abs(low + span)) >= 2.0 ** (1 - bits):
        assert not holds(Format(bits, chosen.integer - 1, chosen.signed), low, low + span)


def test_calibrated_formats_hold_what_was_observed() -> None:
    module = two_layers()
    observe(module, SAMPLES)
    done = after(module, "quantize-inputs{bits=14},absorb-quantizers,assign-precision{bits=14}")
    error = np.abs(values_of(done, SAMPLES)[0] - values_of(module, SAMPLES)[0])
    assert error.max() < 0.01
    largest = {op.origin_name: float(op.attributes["observed"].reals()[1]) for op in ops_of(module, AddOp)}
    cast = next(op for op in ops_of(done, CastOp) if op.origin_name == "fc1_bias")
    assert largest["fc1_bias"] <= cast.result_format.max_value < 2 * largest["fc1_bias"]


def test_calibration_range_is_written_on_ops_and_function() -> None:
    p = Program(x=(2,))
    module = p.returns(p.op(MulOp, p.inputs[0], p.real([2.0]), origin="double"))
    observe(module, np.array([[1.0, -3.0], [0.5, 2.0]]))
    assert ops_of(module, MulOp)[0].attributes["observed"].reals().tolist() == [-6.0, 4.0]
    assert main(module).attributes["observed_inputs"].data["x"].reals().tolist() == [-3.0, 2.0]


def test_a_chosen_format_wins_over_an_observed_one() -> None:
    module = two_layers()
    observe(module, SAMPLES)
    done = after(
        module, 'quantize-inputs,absorb-quantizers,assign-precision{precision="fc2: result=fixed<9,7>"}'
    )
    assert formats_of(done, "fc2", CastOp) == [Format(9, 7)]


# --- functions, means and scales that become constants


def test_bounded_functions_have_a_default_and_state_their_error() -> None:
    p = Program(x=(1, 2))
    module = p.returns(p.function_of(p.inputs[0], "tanh", origin="act"))
    done = after(with_input(module), "assign-precision,lower-functions")
    assert notes(done)[0].text == "tanh: table of 256 entries, error at most 7.61e-06"
    assert "fx.lookup" in [op.name for op in program_ops(main(done))]
    stated = float(ops_of(done, LookupOp)[0].max_error.reals()[0])
    x = np.rint(np.clip(SAMPLES.astype(np.float64) * 32, -128, 127)) / 32
    assert np.abs(values_of(done, SAMPLES)[0] - np.tanh(x)).max() <= stated <= 2.0**-17


@given(st.floats(0.01, 0.4), st.floats(-1, 1), st.sampled_from(["tanh", "sigmoid", "erf"]))
def test_a_function_of_scaled_levels_is_a_table_of_the_function_at_each(
    scale: float, offset: float, name: str
) -> None:
    p = Program(x=(1, 2))
    shifted = p.op(AddOp, p.quant(p.inputs[0], scale, -32, 31), p.real([offset]))
    module = p.returns(p.function_of(shifted, name, origin="act"))
    done = after(module, "absorb-quantizers,assign-precision,lower-functions")
    assert len(ops_of(done, LookupOp)) == 1
    stated = float(ops_of(done, LookupOp)[0].max_error.reals()[0])
    assert (
        np.abs(values_of(done, SAMPLES)[0] - values_of(module, SAMPLES)[0]).max()
        <= stated + 1e-12
        <= 2.0**-17 + 1e-12
    )


@pytest.mark.parametrize(("count", "products"), [(4, 0), (3, 1)])
def test_means_of_a_power_of_two_are_exact(count: int, products: int) -> None:
    p = Program(x=(1, count))
    x = p.op(MulOp, p.inputs[0], p.real([0.3] * count), origin="pre")
    mean = p.op(
        ReduceOp, x, origin="mean", kind=StringAttr("mean"), axes=ints(1), keep_axes=BoolAttr.from_bool(False)
    )
    text = 'assign-precision{precision="fixed<12,4>; mean: result=fixed<40,8>"}'
    done = after(after(p.returns(mean), 'quantize-inputs{precision="fixed<8,3>"}'), text)
    rounded = [note.text for note in notes(done) if note.origin == "mean"]
    assert rounded == ["a mean of 3 is a product with a constant of 18 bits"] * products


def test_wide_computed_operands_are_narrowed_with_a_note() -> None:
    p = Program(x=(1, 2))
    x = p.inputs[0]
    module = p.returns(
        p.op(MulOp, p.function_of(x, "exp", origin="e"), p.function_of(x, "exp", origin="f"), origin="square")
    )
    done = after(with_input(module), 'assign-precision{precision="fixed<40,20>"}')
    assert [note.text for note in notes(done) if note.origin == "square"] == []
    done = after(
        with_input(module, "fixed<12,8>"), 'assign-precision{precision="fixed<50,20>; square: fixed<20,10>"}'
    )
    texts = [note.text for note in notes(done) if note.origin == "square"]
    assert len(texts) == 1 and texts[0].endswith("bits lose their lowest bits before the product")


def test_leaky_rectifiers_take_the_weight_format() -> None:
    p = Program(x=(1, 2))
    module = p.returns(p.op(PReluOp, p.inputs[0], p.real([0.123456]), origin="act"))
    done = assigned(module, "fixed<12,6>; act: weight=fixed<6,0>")
    assert [op.value.values.tolist() for op in ops_of(done, ConstantOp)] == [[8]]


def test_nothing_is_left_real_between_the_borders() -> None:
    done = assigned(two_layers(), "fixed<9,4>")
    inner = [op for op in program_ops(main(done)) if not isinstance(op, DequantizeOp | QuantizeOp)]
    assert all(op.is_fixed for op in inner)


def test_notes_keep_their_order() -> None:
    module = two_layers()
    add_note(module, "a", "first")
    add_note(module, "b", "second")
    assert [(note.origin, note.text) for note in notes(module)] == [("a", "first"), ("b", "second")]
