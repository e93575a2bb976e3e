"""Every pass keeps the meaning: random programs before and after, on mantissas or in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import BoolAttr, FloatAttr, ModuleOp, StringAttr, f64
from xdsl.ir import SSAValue

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr, fixed_tensor, format_of, shape_of
from netloom.ir.fx import ConstantOp, LookupOp
from netloom.ir.nn import (
    AddOp,
    ArgMaxOp,
    BroadcastOp,
    ConcatOp,
    DenseOp,
    DivOp,
    FunctionOp,
    GatherOp,
    HardmaxOp,
    LayerNormOp,
    MatMulOp,
    MaxOp,
    MinOp,
    MulOp,
    PReluOp,
    ReduceOp,
    ReluOp,
    ReshapeOp,
    SliceOp,
    SoftmaxOp,
    SubOp,
    TransposeOp,
)
from netloom.ir.program import main, program_ops
from netloom.ir.text import parse_module, print_module
from netloom.passes.manager import PassManager, parse
from tests.passes.programs import Program, after, axis, ints, names, ops_of, values_of

Draw = st.DrawFn
CAST_MODES = [
    ("RND", "SAT"),
    ("TRN", "WRAP"),
    ("RND_CONV", "SAT_SYM"),
    ("TRN_ZERO", "SAT_ZERO"),
    ("RND_INF", "SAT"),
]


# --- programs on fixed-point numbers


def constant(draw: Draw, p: Program, shape: tuple[int, ...]) -> SSAValue:
    size = int(np.prod(shape))
    values = draw(st.lists(st.integers(-7, 7), min_size=size, max_size=size))
    return p.fixed(np.reshape(values, shape), draw(st.integers(-1, 3)))


def unary(draw: Draw, p: Program, x: SSAValue, origin: str) -> SSAValue:
    """An op on one value of shape [2, 3], which keeps the shape."""
    rounding, overflow = draw(st.sampled_from(CAST_MODES))
    number_format = format_of(x.type)
    assert number_format is not None
    same = Format(number_format.width, number_format.integer, number_format.signed)
    narrow = draw(st.sampled_from([Format(6, 4), Format(5, 5, signed=False), Format(12, 7), same]))
    match draw(st.sampled_from(["relu", "cast", "times", "flip", "bent", "flat", "same"])):
        case "relu":
            return p.op(ReluOp, x, origin=origin)
        case "cast":
            return p.cast(x, str(narrow), rounding, overflow, origin=origin)
        case "times":
            return p.op(
                MulOp,
                x,
                p.fixed(draw(st.sampled_from([1, -1, 2, 3])), draw(st.integers(-2, 2))),
                origin=origin,
            )
        case "flip":
            return p.op(GatherOp, x, indices=ints(2, 0, 1), axis=axis(1), origin=origin)
        case "bent":
            return p.op(PReluOp, x, p.fixed([1], 3), origin=origin)
        case "flat":
            return p.op(
                ReshapeOp, p.op(ReshapeOp, x, shape=ints(6), origin=origin), shape=ints(2, 3), origin=origin
            )
        case _:
            turned = p.op(TransposeOp, x, permutation=ints(1, 0), origin=origin)
            return p.op(TransposeOp, turned, permutation=ints(1, 0), origin=origin)


def binary(draw: Draw, p: Program, a: SSAValue, b: SSAValue, origin: str) -> SSAValue:
    """An op on two values of shape [2, 3], which keeps the shape."""
    match draw(st.sampled_from(["add", "sub", "max", "min", "bias", "dense", "mix"])):
        case "bias":
            return p.op(AddOp, a, constant(draw, p, (3,)), origin=origin)
        case "dense":
            return p.op(MatMulOp, a, constant(draw, p, (3, 3)), origin=origin)
        case "mix":
            return p.op(MatMulOp, constant(draw, p, (2, 2)), a, origin=origin)
        case kind:
            return p.op({"add": AddOp, "sub": SubOp, "max": MaxOp, "min": MinOp}[kind], a, b, origin=origin)


@st.composite
def fixed_programs(draw: Draw) -> str:
    """A few ops on values of shape [2, 3], as text; casts keep the widths small."""
    p = Program(x=(2, 3))
    values = [p.port(p.inputs[0], "fixed<6,4>", origin="in")]
    for index in range(draw(st.integers(1, 7))):
        a, b = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        y = unary(draw, p, a, f"n{index}") if draw(st.booleans()) else binary(draw, p, a, b, f"n{index}")
        number_format = format_of(y.type)
        assert number_format is not None
        if number_format.width > 24:
            y = p.cast(y, "fixed<12,7>", "RND", "SAT", origin=f"n{index}")
        values.append(y)
    return print_module(p.returns(*values[-2:]))


FIXED_PASSES = [
    "canonicalize",
    "cse",
    "dce",
    "narrow",
    "infer-ranges",
    "lower-dense",
    "unroll",
    "optimize,unroll,optimize",
]


@pytest.mark.parametrize("pipeline", FIXED_PASSES)
@given(fixed_programs(), st.integers(0, 1000))
@settings(max_examples=30)
def test_passes_on_fixed_point_programs_keep_every_bit(pipeline: str, text: str, seed: int) -> None:
    module = parse_module(text)
    x = np.random.default_rng(seed).integers(-40, 40, size=(8, 2, 3)) / 4
    done = after(module, pipeline)
    for expected, got in zip(values_of(module, x), values_of(done, x), strict=True):
        assert np.array_equal(got, expected)
    assert all(op.origin is not None for op in program_ops(main(done)) if op.operands)
    assert main(done).properties["function_type"] == main(after(done, "dce")).properties["function_type"]


@given(fixed_programs())
@settings(max_examples=30)
def test_optimizing_twice_changes_nothing(text: str) -> None:
    once = after(parse_module(text), "optimize")
    assert str(after(once, "optimize")) == str(once)


@given(fixed_programs())
@settings(max_examples=30)
def test_narrow_only_narrows(text: str) -> None:
    module = parse_module(text)
    before, now = program_ops(main(module)), program_ops(main(after(module, "narrow")))
    for old, new in zip(before, now, strict=True):
        assert new.result_format.width <= old.result_format.width
        assert new.result_format.fraction == old.result_format.fraction


def test_narrow_keeps_tables_within_their_type() -> None:
    p = Program(x=(4,))
    x = p.op(MinOp, p.port(p.inputs[0], "ufixed<4,4>"), p.fixed([5]))
    table = ArrayAttr.of(np.arange(16) * 10)
    shape = fixed_tensor((4,), Format(8, 8, signed=False))
    module = p.returns(p.op(LookupOp, x, result=shape, table=table, low=axis(0), function=StringAttr("tens")))
    done = after(module, "narrow")
    assert ops_of(done, LookupOp)[0].result_format == Format(6, 6, signed=False)
    samples = np.arange(16.0).reshape(4, 4)
    assert np.array_equal(values_of(done, samples)[0], values_of(module, samples)[0])


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "exp", "gelu", "sqrt"])
def test_lower_functions_keeps_every_entry(name: str) -> None:
    p = Program(x=(64,))
    x = p.port(p.inputs[0], "fixed<6,3>")
    result = fixed_tensor((64,), Format(12, 4))
    module = p.returns(p.op(FunctionOp, x, function=StringAttr(name), result=result))
    samples = np.arange(-32, 32)[None] / 8
    done = after(module, "lower-functions")
    assert "nn.function" not in names(done)
    assert np.array_equal(values_of(done, samples)[0], values_of(module, samples)[0])


# --- layers


def test_layers_that_follow_each_other_directly_are_unrolled_both() -> None:
    p = Program(x=(1, 2))
    y = p.op(MatMulOp, p.port(p.inputs[0], "fixed<5,3>"), p.fixed([[1, 2], [3, -4]]), origin="fc1")
    module = p.returns(p.op(MatMulOp, y, p.fixed([[5, 2], [3, 7]]), origin="fc2"))
    done = after(module, "unroll", [np.random.default_rng(0).normal(size=(8, 1, 2))])
    assert names(done)[1:] == ["da.kernel", "da.kernel"]


@pytest.mark.parametrize("strategy", ["adder_graph", "latency"])
@pytest.mark.parametrize("leading", [(), (2,), (1, 2)])
def test_a_bias_per_output_joins_its_layer(strategy: str, leading: tuple[int, ...]) -> None:
    p = Program(x=(*leading, 4, 3))
    y = p.op(MatMulOp, p.port(p.inputs[0], "fixed<5,3>"), p.fixed([[1, 2], [3, -4], [0, 7]], 2), origin="fc")
    module = p.returns(p.op(AddOp, y, p.fixed([5, -3], 1), origin="bias"))
    done = after(module, f'lower-dense{{strategy="{strategy}"}}')
    layer = ops_of(done, DenseOp)[0]
    assert (layer.strategy.data, layer.origin_name, names(done)[-1]) == (strategy, "fc", "nn.dense")
    samples = np.random.default_rng(0).normal(size=(5, *leading, 4, 3))
    assert np.array_equal(values_of(done, samples)[0], values_of(module, samples)[0])


@pytest.mark.parametrize(("bias", "fraction"), [([[1], [2]], 0), ([1, 2, 3], 9), (np.ones((2, 2, 3)), 0)])
def test_other_sums_stay_sums(bias: Any, fraction: int) -> None:
    p = Program(x=(2, 4))
    y = p.op(MatMulOp, p.port(p.inputs[0], "fixed<5,3>"), p.fixed(np.ones((4, 3)), 2), origin="fc")
    module = p.returns(p.op(AddOp, y, p.fixed(bias, fraction), origin="bias"))
    done = after(module, "lower-dense")
    assert names(done)[-2:] == ["nn.dense", "nn.add"]
    samples = np.random.default_rng(0).normal(size=(5, 2, 4))
    assert np.array_equal(values_of(done, samples)[0], values_of(module, samples)[0])


def lowering_refusal(strategy: str) -> str:
    p = Program(x=(2, 2))
    module = p.returns(p.op(MatMulOp, p.port(p.inputs[0], "fixed<5,3>"), p.fixed(np.eye(2)), origin="fc1"))
    with pytest.raises(CompileError) as caught:
        after(module, f'lower-dense{{strategy="{strategy}"}}')
    return str(caught.value)


def test_unknown_strategy() -> None:
    assert lowering_refusal("fc1=latent") == (
        "[NL203] at 'fc1': unknown strategy 'latent'\n"
        "  supported: adder_graph, latency, resource, auto\n"
        "  to do: did you mean 'latency'?"
    )


def test_strategy_of_a_layer_that_does_not_exist() -> None:
    assert lowering_refusal("fc2=latency") == (
        "[NL202] at 'fc2': 'fc2' matches no layer\n  supported: the layers fc1\n  to do: did you mean 'fc1'?"
    )


# --- programs on real numbers


@pytest.mark.parametrize("seed", range(8))
def test_batch_normalisation_joins_the_layer_which_keeps_its_name(seed: int) -> None:
    random = np.random.default_rng(seed)
    p = Program(x=(1, 4))
    y = p.op(MatMulOp, p.inputs[0], p.real(random.normal(size=(4, 3))), origin="fc1")
    y = p.op(AddOp, y, p.real(random.normal(size=3)), origin="fc1_bias")
    y = p.batch_norm(y, *random.normal(size=(3, 3)), origin="bn")
    module = p.returns(p.op(ReluOp, y, origin="act"))
    done = after(module, "fuse-batch-norm", [random.normal(size=(16, 1, 4))])
    ops = [op for op in program_ops(main(done)) if not isinstance(op, ConstantOp)]
    assert [(op.name, op.origin_name) for op in ops] == [
        ("nn.matmul", "fc1"),
        ("nn.add", "fc1_bias"),
        ("nn.relu", "act"),
    ]


def test_batch_normalisation_of_a_layer_with_two_users_stays_behind_it() -> None:
    p = Program(x=(1, 2))
    y = p.op(MatMulOp, p.inputs[0], p.real(np.eye(2)), origin="fc1")
    module = p.returns(y, p.batch_norm(y, [2.0, 3.0], [0.0, 1.0], [0.5, 0.5], origin="bn"))
    done = after(module, "fuse-batch-norm", [np.ones((2, 1, 2))])
    assert names(done) == ["nn.matmul", "nn.mul", "nn.add"]


def test_batch_normalisation_over_other_axes_stays() -> None:
    p = Program(x=(1, 3, 2))
    y = p.op(MatMulOp, p.inputs[0], p.real(np.eye(2)), origin="fc1")
    module = p.returns(p.batch_norm(y, [2.0, 3.0, 4.0], [0.0, 1.0, 2.0], [0.5, 0.5, 0.5], origin="bn"))
    done = after(module, "fuse-batch-norm", [np.random.default_rng(0).normal(size=(4, 1, 3, 2))])
    assert "nn.mul" in names(done)


FUNCTIONS = ["gelu", "gelu_tanh", "silu", "mish", "softplus", "elu", "tanh"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_rectifier_plus_rest(name: str) -> None:
    p = Program(x=(1, 8))
    done = after(
        p.returns(p.function_of(p.inputs[0], name)),
        "decompose-functions",
        [np.linspace(-9, 9, 64).reshape(8, 1, 8)],
    )
    assert ("nn.relu" in names(done)) == (name != "tanh")


def test_softmax_normalisation_and_quotient_are_compositions() -> None:
    p = Program(x=(2, 4))
    x = p.inputs[0]
    soft = p.op(SoftmaxOp, x, axis=axis(-1), origin="soft")
    scale, bias = ArrayAttr.of(np.array([1.0, 2.0, 3.0, 4.0])), ArrayAttr.of(np.ones(4))
    norm = p.op(
        LayerNormOp, x, scale=scale, bias=bias, axis=axis(-1), epsilon=FloatAttr(0.25, f64), origin="norm"
    )
    ratio = p.op(DivOp, norm, p.op(AddOp, soft, p.real([1.0])), origin="ratio")
    module = p.returns(soft, norm, ratio)
    done = after(module, "decompose-functions", [np.random.default_rng(0).normal(size=(8, 2, 4))])
    assert not {"nn.softmax", "nn.layer_norm", "nn.div"} & set(names(done))


def test_division_by_a_constant_and_functions_before_quantizers_stay() -> None:
    p = Program(x=(1, 2))
    y = p.quant(p.function_of(p.inputs[0], "gelu"), 0.5)
    module = p.returns(p.op(DivOp, y, p.quant(p.real([2.0]), 0.5)))
    assert names(after(module, "decompose-functions")) == ["nn.function", "nn.quant", "nn.quant", "nn.div"]


@given(st.lists(st.floats(-4, 4, width=32), min_size=4, max_size=4))
def test_constants_fold_in_float64(values: list[float]) -> None:
    p = Program(x=(2, 2))
    a = p.real(np.reshape(values, (2, 2)))
    folded = p.op(SoftmaxOp, p.op(MulOp, a, p.op(AddOp, a, p.real([0.1]))), axis=axis(1))
    module = p.returns(p.op(AddOp, p.inputs[0], folded))
    done = after(module, "fold-constants", [np.zeros((1, 2, 2))])
    assert names(done) == ["nn.add"]


# --- scales on their way to the outputs


def scaled(p: Program, scale: Any, offset: Any = 0.0, x: int = 0) -> SSAValue:
    """offset + scale * level of a 5-bit quantizer on an input."""
    return p.dequantize(
        p.port(p.inputs[x], "fixed<5,5>"), np.asarray(scale, dtype=np.float64), np.asarray(offset)
    )


def check_moves(module: ModuleOp, *, moved: bool = True) -> None:
    """After absorb-quantizers nothing is real between the borders, and the values are the same."""
    function = main(module)
    random = np.random.default_rng(3)
    samples = [
        random.integers(-18, 18, size=(16, *shape_of(a.type))).astype(float) for a in function.body.block.args
    ]
    done = module.clone()
    PassManager(parse("absorb-quantizers,canonicalize,cse,dce,narrow"), samples=samples).run(done)
    inner = [op for op in program_ops(main(done)) if op.name not in ("fx.dequantize", "fx.quantize")]
    assert all(op.is_fixed for op in inner) == moved


NEGATIVE = [0.3, -0.6, 1.2]
VARYING = [0.3, 0.7, 1.1]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (0.3, 0.3),
        (0.3, 0.6),
        (0.75, 0.25),
        (0.25, -0.5),
        (VARYING, VARYING),
        (NEGATIVE, 0.3),
        ([1, 2, 4], [4, 2, 1]),
    ],
)
@pytest.mark.parametrize("kind", [AddOp, SubOp, MaxOp, MinOp])
def test_two_values_join_where_their_scales_are_a_short_factor_apart(
    kind: type[Any], left: Any, right: Any
) -> None:
    p = Program(x=(2, 3), z=(2, 3))
    ordered = kind in (MaxOp, MinOp)
    module = p.returns(p.op(kind, scaled(p, left), scaled(p, right, 0.0, 1), origin="join"))
    check_moves(module, moved=not (ordered and left is VARYING))


@pytest.mark.parametrize("kind", [AddOp, SubOp])
@pytest.mark.parametrize("swap", [False, True])
def test_constants_join_the_offset_even_when_they_make_the_tensor_larger(kind: type[Any], swap: bool) -> None:
    p = Program(x=(1, 3))
    operands = [scaled(p, NEGATIVE, 0.1), p.real(np.arange(6).reshape(2, 3) / 7)]
    check_moves(p.returns(p.op(kind, *(reversed(operands) if swap else operands))))


def test_quantized_constants_of_another_scale_join_the_offset() -> None:
    p = Program(x=(2, 3))
    bias = p.quant(p.real([0.5, -1.0, 2.0]), 0.17, origin="bias")
    check_moves(p.returns(p.op(AddOp, scaled(p, 0.3), bias), p.op(SubOp, bias, scaled(p, 0.3))))


@pytest.mark.parametrize("factor", [[0.7, -1.3, 0.0], 0.0, [[2.0], [0.5]], np.ones((4, 2, 3))])
def test_constant_factors_join_the_scale(factor: Any) -> None:
    p = Program(x=(2, 3))
    x = scaled(p, 0.3, 0.4)
    check_moves(p.returns(p.op(MulOp, x, p.real(factor)), p.op(DivOp, x, p.real(np.asarray(factor) + 2.5))))


def test_two_values_multiply_with_offsets_that_are_exact() -> None:
    p = Program(x=(2, 3), z=(2, 3))
    a, b = scaled(p, 0.25, 0.5), scaled(p, NEGATIVE, 0.0, 1)
    check_moves(p.returns(p.op(MulOp, a, b), p.op(MulOp, a, p.quant(p.real([0.5]), 0.3))))


def test_offsets_go_through_constant_weights() -> None:
    p = Program(x=(2, 3))
    weights = p.quant(
        p.real(np.random.default_rng(0).normal(size=(3, 4))), np.full((1, 4), 0.3) * [1, 2, 3, 4]
    )
    left = p.quant(p.real(np.random.default_rng(1).normal(size=(5, 2))), 0.2)
    x = scaled(p, 0.3, [0.1, 0.2, 0.3])
    check_moves(p.returns(p.op(MatMulOp, x, weights), p.op(MatMulOp, left, x)))


def test_exact_offsets_on_both_sides_of_a_product() -> None:
    p = Program(x=(2, 3), z=(3, 2))
    check_moves(p.returns(p.op(MatMulOp, scaled(p, 0.25, 0.5), scaled(p, 0.5, -0.25, 1))))


def test_powers_of_two_along_the_summed_axis() -> None:
    p = Program(x=(2, 3))
    weights = p.quant(p.real(np.random.default_rng(0).normal(size=(3, 4))), 0.1)
    check_moves(p.returns(p.op(MatMulOp, scaled(p, [0.3, 0.6, -1.2]), weights)))


@pytest.mark.parametrize("scale", [0.3, -0.3, NEGATIVE, [0.5, 0.25, -2.0]])
def test_rectifiers_of_scales_of_both_signs(scale: Any) -> None:
    p = Program(x=(2, 3))
    x = scaled(p, scale)
    bent = p.quant(p.real([0.25]), 0.25)
    check_moves(p.returns(p.op(ReluOp, x), p.op(PReluOp, x, p.real([0.125])), p.op(PReluOp, x, bent)))


@pytest.mark.parametrize(("limit", "moved"), [(1.5, True), (0.0, True), (0.1, False)])
def test_limits_that_are_exact_at_the_scale(limit: float, moved: bool) -> None:
    p = Program(x=(2, 3))
    x = scaled(p, [0.5, -0.25, 2.0])
    check_moves(p.returns(p.op(MaxOp, x, p.real(limit)), p.op(MinOp, p.real(limit), x)), moved=moved)


@pytest.mark.parametrize("scales", [(0.3, 0.3), (0.3, 0.6), (0.3, 0.7), (0.3, VARYING), (0.3, -0.3)])
def test_concatenation_at_one_scale_or_at_one_for_each_element(scales: tuple[Any, Any]) -> None:
    p = Program(x=(2, 3), z=(2, 3))
    a, b = scaled(p, scales[0], 0.5), scaled(p, scales[1], 0.0, 1)
    zeros = p.real(np.zeros((2, 1)))
    check_moves(p.returns(p.op(ConcatOp, a, zeros, b, axis=axis(1)), p.op(ConcatOp, b, b, axis=axis(0))))


def test_wiring_moves_scales_and_offsets_with_their_elements() -> None:
    p = Program(x=(2, 3))
    x = scaled(p, VARYING, [0.1, 0.2, 0.3])
    check_moves(
        p.returns(
            p.op(TransposeOp, x, permutation=ints(1, 0)),
            p.op(ReshapeOp, x, shape=ints(3, 2)),
            p.op(GatherOp, x, indices=ints(2, 0), axis=axis(1)),
            p.op(SliceOp, x, starts=ints(0, 2), sizes=ints(2, 2), steps=ints(1, -1)),
            p.op(BroadcastOp, x, shape=ints(4, 2, 3)),
        )
    )


@pytest.mark.parametrize("kind", ["sum", "mean", "max", "min"])
@pytest.mark.parametrize(
    ("scale", "offset"), [(0.3, 0.7), (-0.3, 0.1), ([0.5, 1.0, -2.0], 0.0), (0.25, [0.5, 0.0, 1.0])]
)
def test_reductions_of_one_scale(kind: str, scale: Any, offset: Any) -> None:
    p = Program(x=(2, 3))
    reduced = p.op(
        ReduceOp,
        scaled(p, scale, offset),
        kind=StringAttr(kind),
        axes=ints(1),
        keep_axes=BoolAttr.from_bool(False),
    )
    check_moves(p.returns(reduced))


@pytest.mark.parametrize(
    ("scale", "moved"), [(0.3, True), (-0.3, True), ([1.0, -0.5, 2.0], True), (VARYING, False)]
)
def test_the_position_of_the_largest(scale: Any, moved: bool) -> None:
    p = Program(x=(2, 3))
    x = scaled(p, scale, 0.25)
    best = p.op(ArgMaxOp, x, axis=axis(1), keep_axes=BoolAttr.from_bool(True))
    check_moves(p.returns(best, p.op(HardmaxOp, x, axis=axis(1))), moved=moved)
