"""parallel_pixels and parallel_channels: how much comes in a beat, what follows it, and what is refused."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper
from sklearn.ensemble import RandomForestClassifier

import netloom
from netloom.core.dataflow import Collect, Constant, Reduce, Sink, Source, Spread, Window
from netloom.core.diagnostics import CompileError, NetloomWarning
from netloom.passes.analysis.scheduled import required_timing

Nodes = list[Any]


def model() -> ModelProto:
    """8 x 8 x 4 pixels: a convolution, a depthwise one in steps of two, a pointwise one, a pool, a layer."""
    draw = np.random.default_rng(3)
    weights: Nodes = []

    def conv(name: str, x: str, y: str, shape: tuple[int, ...], **attributes: Any) -> Any:
        values = (draw.integers(-3, 4, shape) / 4).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"{name}_w"))
        return helper.make_node("Conv", [x, f"{name}_w"], [y], name=name, **attributes)

    weights.append(numpy_helper.from_array((draw.integers(-3, 4, (6, 3)) / 4).astype(np.float32), "fc_w"))
    nodes = [
        conv("first", "x", "a", (4, 4, 3, 3), pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["a_relu"], name="first_relu"),
        conv("depthwise", "a_relu", "b", (4, 1, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2], group=4),
        helper.make_node("Relu", ["b"], ["b_relu"], name="depthwise_relu"),
        conv("pointwise", "b_relu", "c", (6, 4, 1, 1)),
        helper.make_node("MaxPool", ["c"], ["d"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["d"], ["e"], name="mean"),
        helper.make_node("Flatten", ["e"], ["f"], name="flat"),
        helper.make_node("MatMul", ["f", "fc_w"], ["y"], name="fc"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def compiled(**options: Any) -> netloom.Design:
    return netloom.compile(model(), io="stream", precision="fixed<8,3>", **options)


def images() -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).uniform(-3, 3, (4, 4, 8, 8)).astype(np.float32)


def actors(design: netloom.Design, kind: type) -> dict[str, Any]:
    """Actors of a kind, by name."""
    return {node.name: node.actor for node in design.dataflow().nodes if isinstance(node.actor, kind)}


OPTIONS: tuple[dict[str, Any], ...] = (
    {"parallel_pixels": 2},
    {"parallel_pixels": {"first": 4, "depthwise": 2}},
    {"parallel_channels": 2},
    {"parallel_channels": 1, "strategy": "resource", "reuse_factor": 4},
    {"parallel_channels": "0; depthwise=2", "parallel_pixels": "1; first=2"},
)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_ghdl_gives_the_bits_of_the_plain_design(options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NetloomWarning)  # a reuse factor that does not divide
        design = compiled(**options, check_semantics=images())
    expected = compiled().predict(images())
    assert np.array_equal(design.predict(images()), expected)
    assert np.array_equal(design.simulate(images()), expected)


def test_two_pixels_at_a_time_take_half_the_cycles() -> None:
    plain, double = (required_timing(compiled(parallel_pixels=n).module) for n in (1, 2))
    # 64 pixels, and one cycle until the last window is complete.
    assert (plain.interval_cycles, double.interval_cycles) == (65, 33)


def test_steps_of_a_sequence_are_pixels_of_a_row() -> None:
    values = np.random.default_rng(2).integers(-3, 4, (3, 2, 3)) / 4
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["a"], name="conv", pads=[1, 1], strides=[1]),
            helper.make_node("Relu", ["a"], ["b"], name="relu"),
            helper.make_node("MaxPool", ["b"], ["c"], name="pool", kernel_shape=[2], strides=[2]),
            helper.make_node("GlobalAveragePool", ["c"], ["y"], name="mean"),
        ],
        "sequence",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 1])],
        [numpy_helper.from_array(values.astype(np.float32), "w")],
    )
    onnx_model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    x = np.random.default_rng(1).uniform(-3, 3, (4, 2, 12)).astype(np.float32)
    designs = [
        netloom.compile(onnx_model, io="stream", precision="fixed<8,3>", parallel_pixels=n) for n in (1, 4)
    ]
    assert [next(iter(actors(design, Source).values())).beats for design in designs] == [12, 3]
    assert np.array_equal(designs[1].simulate(x), designs[0].predict(x))


def test_ports_are_as_wide_as_their_beats() -> None:
    for options, beats in (({}, 64), ({"parallel_pixels": 2}, 32), ({"parallel_channels": 2}, 128)):
        (source,) = actors(compiled(**options), Source).values()
        assert source.beats == beats
    (sink,) = actors(compiled(parallel_pixels=2), Sink).values()
    assert sink.beats == 1


def test_a_depthwise_convolution_has_other_weights_for_each_part_of_the_channels() -> None:
    design = compiled(parallel_channels="0; depthwise=2")
    (weights,) = actors(design, Constant).values()
    assert (weights.beats, weights.words) == (4 * 4 * 2, 2)
    slices = {name: window.slices for name, window in actors(design, Window).items()}
    assert sorted(slices.values()) == [1, 1, 2]


def test_the_stream_is_as_narrow_as_a_layer_wants_it_and_no_longer() -> None:
    design = compiled(parallel_channels="0; pool=3")
    assert [spread.beats for spread in actors(design, Spread).values()] == [2]
    assert [collect.beats for collect in actors(design, Collect).values()] == [2]
    assert [reduce.beats for reduce in actors(design, Reduce).values()] == [4]


def test_trees_take_one_feature_at_a_time() -> None:
    x = np.random.default_rng(0).normal(0, 1, (300, 6)).round(3)
    trees = RandomForestClassifier(5, max_depth=3, random_state=0).fit(x, x[:, 0] * x[:, 3] > 0)
    design = netloom.compile(trees, io="stream", input_precision="fixed<10,4>", parallel_channels=1)
    (source,) = actors(design, Source).values()
    assert source.beats == 6
    assert np.array_equal(design.simulate(x[:20], raw=True), design.predict(x[:20], raw=True))


REFUSED: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"parallel_pixels": 0}, "NL203", "'0' is not a number of pixels"),
    ({"parallel_channels": "two"}, "NL203", "'two' is not a number of channels"),
    ({"parallel_pixels": 3, "strict": True}, "NL207", "3 pixels at a time do not divide rows of 8 pixels"),
    ({"parallel_channels": 3, "strict": True}, "NL207", "3 channels at a time do not divide 4 channels"),
    ({"parallel_pixels": {"frist": 2}}, "NL202", "'frist' matches no layer"),
    ({"parallel_channels": "0; relu*=2"}, "NL202", "'relu*' matches no layer"),
    ({"parallel_pixels": 2, "parallel_channels": 2}, "NL203", "each comes in 2 parts"),
    ({"parallel_pixels": 10**9, "strict": True}, "NL207", "1000000000 pixels at a time do not divide"),
    ({"parallel_channels": {'a"b': 2}}, "NL203", "parallel_channels has a quotation mark"),
)


@pytest.mark.parametrize(("options", "code", "found"), REFUSED, ids=lambda case: str(case))
def test_what_a_layer_cannot_have_is_refused(options: dict[str, Any], code: str, found: str) -> None:
    with pytest.raises(CompileError, match=re.escape(found)) as raised:
        compiled(**options)
    assert raised.value.code == code
    assert raised.value.hint or raised.value.supported


def test_a_parallel_design_has_no_beats() -> None:
    with pytest.raises(CompileError, match="parallel_pixels is '2' with io='parallel'") as raised:
        netloom.compile(model(), precision="fixed<8,3>", parallel_pixels=2)
    assert raised.value.code == "NL203"


def test_a_number_that_does_not_divide_is_replaced_by_the_next_below() -> None:
    with pytest.warns(NetloomWarning, match="layer 'first': 3 pixels at a time .* 2 is taken"):
        design = compiled(parallel_pixels="1; first=3")
    assert any("2 is taken" in note.text for note in design.notes)
    with pytest.warns(NetloomWarning, match="layer 'depthwise': 3 channels at a time .* 2 is taken"):
        compiled(parallel_channels="0; depthwise=3")


def test_a_layer_that_parts_would_not_change_says_so() -> None:
    with pytest.warns(NetloomWarning, match="layer 'fc': its operand comes whole"):
        design = compiled(parallel_channels="0; fc=2")
    assert np.array_equal(design.predict(images()), compiled().predict(images()))


@pytest.mark.parametrize(("kernel", "pads"), [(1, [1, 1, 1, 1]), (2, [0, 2, 0, 0])])
def test_windows_that_end_left_of_the_image_need_no_line_buffer(kernel: int, pads: list[int]) -> None:
    values = np.random.default_rng(0).integers(-3, 4, (2, 3, kernel, kernel)) / 4
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], name="conv", pads=pads)],
        "padded",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 5, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(values.astype(np.float32), "w")],
    )
    padded = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    design = netloom.compile(padded, io="stream", precision="fixed<8,3>")
    x = np.random.default_rng(1).uniform(-3, 3, (3, 3, 5, 5)).astype(np.float32)
    assert np.array_equal(design.simulate(x), netloom.compile(padded, precision="fixed<8,3>").predict(x))
