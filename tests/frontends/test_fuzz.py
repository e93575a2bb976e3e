"""Damaged models are refused with a `CompileError`, or are still models: nothing else comes out."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from netloom.core.diagnostics import CompileError
from tests.frontends.graphs import imported
from tests.shared import model_file, present

Damage = Callable[[onnx.GraphProto, Random], None]

MODELS = [
    onnx.load(model_file(folder, file))
    for folder, file in (
        ("t_jet_mlp_6b_qonnx", "model.onnx"),
        ("t_jet_transformer_float", "model.onnx"),
        ("transformer_btag_keras", "model_tf2onnx.onnx"),
        ("bnn_tfc_1w2a_qonnx", "model.onnx"),
    )
    if present([folder])
]
SHAPES: list[tuple[int, ...]] = [(), (0,), (1,), (3,), (1, 1), (2, 0), (5, 7), (2, 3, 4)]
VALUES = [-(2**63), -5, -1, 0, 1, 3, 2**40, 1.5, -0.0, "text", b"\xff", [], [1, 2], [0.5]]


def some_node(graph: onnx.GraphProto, random: Random) -> onnx.NodeProto:
    return random.choice(graph.node)


def delete_node(graph: onnx.GraphProto, random: Random) -> None:
    del graph.node[random.randrange(len(graph.node))]


def reorder_nodes(graph: onnx.GraphProto, random: Random) -> None:
    nodes = list(graph.node)
    random.shuffle(nodes)
    del graph.node[:]
    graph.node.extend(nodes)


def rename_operator(graph: onnx.GraphProto, random: Random) -> None:
    from netloom.frontends.onnx.ops import CONVERTERS

    some_node(graph, random).op_type = random.choice(sorted(CONVERTERS))


def drop_initializer(graph: onnx.GraphProto, random: Random) -> None:
    if graph.initializer:
        del graph.initializer[random.randrange(len(graph.initializer))]


def replace_initializer(graph: onnx.GraphProto, random: Random) -> None:
    if graph.initializer:
        tensor = random.choice(graph.initializer)
        kind = random.choice([np.float32, np.int64, np.int8, np.bool_, np.float64])
        values = np.asarray(random.choice([0, 1, 3, -2]), kind)
        tensor.CopyFrom(numpy_helper.from_array(np.full(random.choice(SHAPES), values), tensor.name))


def drop_input(graph: onnx.GraphProto, random: Random) -> None:
    node = some_node(graph, random)
    if node.input:
        del node.input[random.randrange(len(node.input))]


def blank_input(graph: onnx.GraphProto, random: Random) -> None:
    node = some_node(graph, random)
    if node.input:
        node.input[random.randrange(len(node.input))] = ""


def rewire_input(graph: onnx.GraphProto, random: Random) -> None:
    names = [name for node in graph.node for name in (*node.input, *node.output)]
    node = some_node(graph, random)
    node.input.insert(random.randint(0, len(node.input)), random.choice(names))


def drop_output(graph: onnx.GraphProto, random: Random) -> None:
    node = some_node(graph, random)
    if node.output:
        del node.output[random.randrange(len(node.output))]


def add_output(graph: onnx.GraphProto, random: Random) -> None:
    some_node(graph, random).output.append(random.choice(["", "more", graph.output[0].name]))


def change_attribute(graph: onnx.GraphProto, random: Random) -> None:
    nodes = [node for node in graph.node if node.attribute]
    if nodes:
        attribute = random.choice(random.choice(nodes).attribute)
        value = random.choice(VALUES)
        kind = onnx.AttributeProto.INTS if value == [] else None
        attribute.CopyFrom(helper.make_attribute(attribute.name, value, attr_type=kind))


def drop_attribute(graph: onnx.GraphProto, random: Random) -> None:
    nodes = [node for node in graph.node if node.attribute]
    if nodes:
        node = random.choice(nodes)
        del node.attribute[random.randrange(len(node.attribute))]


def change_input_shape(graph: onnx.GraphProto, random: Random) -> None:
    info = random.choice(graph.input)
    shape = random.choice(SHAPES)
    kind = random.choice([1, 1, 3, 11])
    info.CopyFrom(helper.make_tensor_value_info(info.name, kind, shape))


DAMAGES: list[Damage] = [
    delete_node,
    reorder_nodes,
    rename_operator,
    drop_initializer,
    replace_initializer,
    drop_input,
    blank_input,
    rewire_input,
    drop_output,
    add_output,
    change_attribute,
    drop_attribute,
    change_input_shape,
]


def damaged(model: onnx.ModelProto, damages: list[Damage], seed: int) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    random = Random(seed)
    for damage in damages:
        if copy.graph.node:
            damage(copy.graph, random)
    return copy


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=400)
@given(
    st.sampled_from(MODELS), st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=3), st.integers(0, 2**32)
)
def test_a_damaged_model_is_refused_or_is_a_model(
    model: onnx.ModelProto, damages: list[Damage], seed: int
) -> None:
    try:
        imported(damaged(model, damages, seed)).verify()
    except CompileError as error:
        assert error.code in {f"NL{number}" for number in range(102, 111)}
        assert error.found


def test_reordered_nodes_are_the_same_model() -> None:
    for model in MODELS:
        shuffled = damaged(model, [reorder_nodes], seed=1)
        assert str(imported(shuffled)).count("nn.") == str(imported(model)).count("nn.")
