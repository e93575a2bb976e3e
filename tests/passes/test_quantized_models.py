"""Random quantized networks: what is compiled equals what QONNX computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import is_real_tensor
from netloom.ir.fx import ConstantOp, DequantizeOp
from netloom.ir.interpreter import run
from netloom.ir.program import main, notes, program_ops
from netloom.passes.host import is_host_value
from tests.passes.quantized_models import Graph, compiled, imported, random_inputs, random_mlp, reference

seeds = st.integers(0, 2**32 - 2)


def outputs(module: Any, x: Any) -> Any:
    """One output [batch, ...] with reals in float64, one sample a row."""
    return run(module, [x[:, None, :]], np.float64)[0].reshape(len(x), -1)


def is_fixed_throughout(module: Any) -> bool:
    """Whether everything between the inputs' quantizers and the outputs' dequantizers is fixed-point."""
    return not any(
        is_real_tensor(op.results[0].type) and not is_host_value(op.results[0])
        for op in program_ops(main(module))
        if not isinstance(op, ConstantOp | DequantizeOp)
    )


@given(seeds)
@settings(max_examples=40)
def test_with_power_of_two_scales_equals_the_qonnx_executor(seed: int) -> None:
    model = random_mlp(seed, exact=True)
    x = random_inputs(seed, model)
    module = imported(model)
    done = compiled(module, samples=[x[:, None, :]])
    assert is_fixed_throughout(done)
    assert np.array_equal(outputs(done, x), outputs(module, x))
    assert np.array_equal(outputs(done, x), reference(model, {"x": x}))


@given(seeds)
@settings(max_examples=40)
def test_with_other_scales_has_the_levels_of_the_model_in_float64(seed: int) -> None:
    model = random_mlp(seed, exact=False)
    x = random_inputs(seed, model)
    module = imported(model)
    done = compiled(module, samples=[x[:, None, :]])
    assert is_fixed_throughout(done)
    # One level is at least 0.03 * 0.03 in the output; float64 rounding is 1e-15 of it.
    assert np.allclose(outputs(done, x), outputs(module, x), rtol=0, atol=1e-9)


@given(seeds, st.sampled_from([np.int8, np.uint8]), st.booleans())
@settings(max_examples=25)
def test_quantize_and_dequantize_linear(seed: int, kind: Any, power_of_two: bool) -> None:
    model = linear_model(np.random.default_rng(seed), kind, power_of_two)
    x = random_inputs(seed, model)
    module = imported(model)
    done = compiled(module, samples=[x[:, None, :]])
    assert is_fixed_throughout(done)
    assert np.allclose(outputs(done, x), outputs(module, x), rtol=0, atol=0 if power_of_two else 1e-9)


def linear_model(random: np.random.Generator, kind: Any, power_of_two: bool) -> onnx.ModelProto:
    """QuantizeLinear and DequantizeLinear around inputs, stored weights and outputs of a layer."""
    limits = np.iinfo(kind)

    def scale() -> Any:
        return np.float32(2.0 ** random.integers(-5, 0) if power_of_two else random.uniform(0.03, 0.3))

    arrays: dict[str, Any] = {f"s{index}": scale() for index in range(3)}
    arrays |= {f"z{index}": kind(random.integers(limits.min, limits.max + 1)) for index in (0, 2)}
    arrays |= {
        "z1": np.int8(0),
        "w": random.integers(-127, 128, size=(4, 3)).astype(np.int8),
        "b": (random.integers(-64, 64, size=3) / 32).astype(np.float32),
    }
    steps = [
        ("QuantizeLinear", ["x", "s0", "z0"], "q"),
        ("DequantizeLinear", ["q", "s0", "z0"], "d"),
        ("DequantizeLinear", ["w", "s1", "z1"], "wd"),
        ("MatMul", ["d", "wd"], "m"),
        ("Add", ["m", "b"], "a"),
        ("Relu", ["a"], "r"),
        ("QuantizeLinear", ["r", "s2", "z2"], "p"),
        ("DequantizeLinear", ["p", "s2", "z2"], "y"),
    ]
    graph = helper.make_graph(
        [helper.make_node(op, inputs, [output], name=output) for op, inputs, output in steps],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [6, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [6, 3])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def residual(left: float, right: float) -> onnx.ModelProto:
    """The sum of two branches that were quantized with different scales."""
    graph = Graph()
    x = graph.quant("x", 0.25, 6)
    a, b = (graph.quant(x, scale, 6, name=name) for scale, name in ((left, "a"), (right, "b")))
    return graph.model({"x": 4}, graph.quant(graph.node("Add", [a, b], name="join"), 0.3, 5, name="out"), 4)


@pytest.mark.parametrize(("left", "right"), [(0.3, 0.3), (0.15, 0.6), (0.75, 0.25), (0.25, 0.875)])
def test_residual_sum_of_scales_a_short_factor_apart_is_exact(left: float, right: float) -> None:
    model = residual(left, right)
    x = random_inputs(0, model)
    assert np.array_equal(outputs(compiled(imported(model)), x), outputs(imported(model), x))


def test_residual_sum_of_unrelated_scales_is_refused() -> None:
    with pytest.raises(CompileError) as caught:
        compiled(imported(residual(0.1, 0.13)))
    assert str(caught.value) == (
        "[NL307] at 'join': nn.add combines values with the scales 0.100000001 and 0.129999995\n"
        "  supported: scales that are a power of two or a short factor apart; or precision='fixed<16,6>'"
        " for the model, precision={'layers': {...}} per layer, or calibration=data\n"
        "  to do: train both quantizers with one scale, or choose a precision: its error is then stated"
    )


def test_residual_sum_of_unrelated_scales_with_a_precision_states_its_error() -> None:
    model = residual(0.1, 0.13)
    x = random_inputs(0, model)
    module = imported(model)
    assign = 'assign-precision{precision="join: result=fixed<16,6>"}'
    pipeline = f"clean,quantize-inputs,absorb-quantizers,{assign},optimize"
    done = compiled(module, pipeline)
    stated = [float(note.text.split("at most ")[1]) for note in notes(done) if note.origin == "join"]
    assert len(stated) == 2 and sum(stated) < 0.01
    assert np.mean(outputs(done, x) != outputs(module, x)) < 0.1
    assert np.abs(outputs(done, x) - outputs(module, x)).max() <= 0.3 * 1.001


def test_rectifier_of_negative_slopes_in_front_of_wiring_is_exact() -> None:
    graph = Graph()
    x = graph.quant("x", 0.25, 6)
    norm = [graph.constant(values) for values in ([-1.0, 0.5, -0.25, 1.0], [0.5] * 4, [0.0] * 4, [1.0] * 4)]
    y = graph.node("Relu", [graph.node("BatchNormalization", [x, *norm], epsilon=0.0)])
    y = graph.node(
        "Slice",
        [
            y,
            *(
                graph.node("Cast", [graph.constant([value])], to=TensorProto.INT64)
                for value in (1.0, 4.0, 1.0)
            ),
        ],
    )
    model = graph.model({"x": 4}, graph.quant(y, 0.125, 5), 3)
    inputs = random_inputs(0, model)
    assert np.array_equal(outputs(compiled(imported(model)), inputs), outputs(imported(model), inputs))


def test_function_between_quantizers_is_a_table_of_the_function_itself() -> None:
    graph = Graph()
    y = graph.node("Gelu", [graph.quant("x", 0.11, 8)], name="act")
    model = graph.model({"x": 4}, graph.quant(y, 0.09, 6), 4, opset=20)
    inputs = random_inputs(0, model)
    done = compiled(imported(model), samples=[inputs[:, None, :]])
    assert [op.name for op in program_ops(main(done))] == ["fx.quantize", "fx.lookup", "fx.dequantize"]
    assert np.array_equal(outputs(done, inputs), outputs(imported(model), inputs))


def test_softmax_of_a_quantized_value_keeps_its_range() -> None:
    graph = Graph()
    y = graph.node("Softmax", [graph.quant("x", 0.37, 6, name="logits")], name="soft")
    model = graph.model({"x": 4}, y, 4)
    inputs = random_inputs(0, model)
    done, module = compiled(imported(model)), imported(model)
    assert np.abs(outputs(done, inputs) - outputs(module, inputs)).max() < 2e-3
