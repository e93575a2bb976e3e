"""A program: its interface, dataflow graph, notes, and what the interpreter runs."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr

from netloom.core.diagnostics import CompileError, Note
from netloom.core.fixed import Format
from netloom.ir.arrays import Interface, interface_of
from netloom.ir.attributes import ArrayAttr, fixed_tensor, real_tensor
from netloom.ir.base import make, remake
from netloom.ir.fx import CastOp, ConstantOp, DequantizeOp, QuantizeOp
from netloom.ir.graph import dataflow_graph
from netloom.ir.interpreter import run, run_all
from netloom.ir.nn import AddOp, MatMulOp, MulOp, ReluOp
from netloom.ir.program import (
    add_note,
    erase_unused,
    finish_function,
    input_names,
    insert_before,
    is_batched,
    main,
    model_name,
    new_function,
    notes,
    output_names,
    program_ops,
    replace,
)
from tests.ir.values import array, flag, word


def diamond() -> ModuleOp:
    """relu(x) + relu(x) * w, and relu(x), for x of shape [1, 2]."""
    module, function = new_function([("x", real_tensor((1, 2)))], batched=True, source_name="diamond")
    constant = make(ConstantOp, [], origin="w", value=array([2.0, 3.0]))
    relu = make(ReluOp, [function.body.block.args[0]], origin="act")
    product = make(MulOp, [relu.results[0], constant.results[0]], origin="scale")
    total = make(AddOp, [relu.results[0], product.results[0]], origin="join")
    function.body.block.add_ops([constant, relu, product, total])
    finish_function(function, [("y", total.results[0]), ("h", relu.results[0])])
    module.verify()
    return module


def test_names() -> None:
    function = main(diamond())
    assert (input_names(function), output_names(function)) == (["x"], ["y", "h"])
    assert (is_batched(function), model_name(function)) == (True, "diamond")
    assert [op.origin_name for op in program_ops(function)] == ["w", "act", "scale", "join"]


def test_module_without_a_program() -> None:
    with pytest.raises(CompileError) as caught:
        main(ModuleOp([]))
    assert str(caught.value) == (
        "[NL112]: the module has no function named main\n  to do: write the program as func @main"
    )


def test_dataflow_graph_has_inputs_ops_and_outputs_and_tensors_as_edges() -> None:
    graph = dataflow_graph(diamond())
    kinds = networkx.get_node_attributes(graph, "kind")
    assert sorted(kinds.values()) == ["input", "nn.add", "nn.mul", "nn.relu", "output", "output"]
    assert networkx.is_directed_acyclic_graph(graph)
    assert networkx.dag_longest_path_length(networkx.DiGraph(graph)) == 4
    relu = next(node for node, kind in kinds.items() if kind == "nn.relu")
    assert graph.nodes[relu]["origin"] == "act"
    assert sorted(kinds[successor] for successor in graph.successors(relu)) == ["nn.add", "nn.mul", "output"]
    assert {data["shape"] for _, _, data in graph.edges(data=True)} == {(1, 2)}
    assert {data["format"] for _, _, data in graph.edges(data=True)} == {None}


def test_dataflow_graph_with_constants() -> None:
    kinds = networkx.get_node_attributes(dataflow_graph(diamond(), constants=True), "kind").values()
    assert "fx.constant" in kinds


def test_interpreter_runs_every_sample_by_itself() -> None:
    module = diamond()
    x = np.array([[[-1.0, 2.0]], [[4.0, 5.0]]])
    y, h = run(module, [x])
    assert y.dtype == np.float32
    assert np.array_equal(h[:, 0], [[0, 2], [4, 5]])
    assert np.array_equal(y[:, 0], [[0, 8], [12, 20]])
    for i in range(2):
        assert all(
            np.array_equal(a[i : i + 1], b) for a, b in zip((y, h), run(module, [x[i : i + 1]]), strict=True)
        )


def test_interpreter_computes_in_the_wanted_precision() -> None:
    x = np.array([[[1 / 3, 0.1]]])
    single, double = run(diamond(), [x])[0], run(diamond(), [x], np.float64)[0]
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    assert not np.array_equal(single, double)
    assert np.array_equal(double[0, 0], x[0, 0] + x[0, 0] * [2.0, 3.0])


def test_interpreter_gives_every_value() -> None:
    module = diamond()
    values = run_all(module, [np.ones((3, 1, 2))])
    assert set(values) == {
        *main(module).body.block.args,
        *(op.results[0] for op in program_ops(main(module))),
    }


def test_a_constant_output_is_repeated_for_each_sample() -> None:
    module, function = new_function([("x", real_tensor((1, 2)))], batched=True)
    constant = make(ConstantOp, [], value=array([[7.0, 8.0]]))
    function.body.block.add_op(constant)
    finish_function(function, [("y", constant.results[0])])
    assert np.array_equal(run(module, [np.zeros((3, 1, 2))])[0], np.full((3, 1, 2), [7.0, 8.0]))


def test_fixed_point_program_from_quantizer_to_decoder() -> None:
    byte = Format(8, 4)
    module, function = new_function([("x", real_tensor((1, 2)))], batched=True)
    uniform = {"scale": 2.0**-4, "zero_point": 0.0, "low": -128.0, "high": 127.0}
    quantized = make(
        QuantizeOp,
        [function.body.block.args[0]],
        result=fixed_tensor((1, 2), byte),
        rounding=word("RND"),
        overflow=word("SAT"),
        round_first=flag(False),
        **{key: array(value) for key, value in uniform.items()},
    )
    weight = make(ConstantOp, [], result=fixed_tensor((2, 1), Format(4, 2)), value=array([[3], [-8]]))
    product = make(MatMulOp, [quantized.results[0], weight.results[0]])
    narrow = make(
        CastOp,
        [product.results[0]],
        result=fixed_tensor((1, 1), byte),
        rounding=word("TRN"),
        overflow=word("SAT"),
    )
    decoded = make(DequantizeOp, [narrow.results[0]], scale=array(10.0), offset=array(1.0))
    function.body.block.add_ops([quantized, weight, product, narrow, decoded])
    finish_function(function, [("m", narrow.results[0]), ("y", decoded.results[0])])
    module.verify()
    x = np.array([[[1.03, 0.5]], [[100.0, -100.0]]])
    mantissas, reals = run(module, [x])
    assert mantissas.dtype == np.int64
    # 16 * 3 - 8 * 8 at 6 fraction bits is -16; the second saturates on both conversions.
    assert mantissas.ravel().tolist() == [-16 >> 2, 127]
    assert reals.ravel().tolist() == [10 * (-4 / 16) + 1, 10 * (127 / 16) + 1]


def test_replace_keeps_what_is_known_about_the_value() -> None:
    module = diamond()
    relu = program_ops(main(module))[1]
    relu.attributes["real_scale"] = StringAttr("kept")
    value = insert_before(relu, remake(relu, relu.operands))
    replace(relu, value)
    module.verify()
    assert [op.name for op in program_ops(main(module))] == ["fx.constant", "nn.relu", "nn.mul", "nn.add"]
    assert program_ops(main(module))[1].attributes["real_scale"] == StringAttr("kept")


def test_unused_ops_are_erased_with_what_only_they_used() -> None:
    module = diamond()
    function = main(module)
    join = program_ops(function)[3]
    join.results[0].replace_all_uses_with(program_ops(function)[1].results[0])
    erase_unused(function)
    assert [op.name for op in program_ops(function)] == ["nn.relu"]


def test_notes() -> None:
    module = diamond()
    add_note(module, "act", "a table of 64 entries")
    add_note(module, "join", "9 bits")
    assert notes(module) == [Note("act", "a table of 64 entries"), Note("join", "9 bits")]


def test_remake_keeps_origin_and_properties_and_follows_the_rules() -> None:
    module = diamond()
    wide = make(ConstantOp, [], value=ArrayAttr.of(np.zeros((5, 1, 2))))
    add = program_ops(main(module))[3]
    again = remake(add, [wide.results[0], add.operands[1]])
    assert (again.origin_name, again.result_shape) == ("join", (5, 1, 2))


# Between users' arrays and the program

BATCHED = Interface({"x": (1, 2), "z": (1, 3)}, {"y": (1, 2), "h": (1, 1, 4)}, batched=True)
WHOLE = Interface({"x": (2, 3)}, {"y": (2,)}, batched=False)


def refusal(interface: Interface, x: object) -> str:
    with pytest.raises(CompileError) as caught:
        interface.inputs_from(x)
    return str(caught.value)


def test_arrays_of_a_batched_program() -> None:
    given = {"z": np.ones((4, 3)), "x": np.zeros((4, 2), np.int8)}
    arrays = BATCHED.inputs_from(given)
    assert [a.shape for a in arrays] == [(4, 1, 2), (4, 1, 3)]
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}
    arranged = BATCHED.arrange([np.zeros((4, 1, 2)), np.zeros((4, 1, 1, 4))], given)
    assert isinstance(arranged, dict)
    assert {name: a.shape for name, a in arranged.items()} == {"y": (4, 2), "h": (4, 1, 4)}


def test_arrays_of_a_program_without_a_batch_axis() -> None:
    one, many = np.ones((2, 3)), np.ones((5, 2, 3))
    assert WHOLE.inputs_from(one)[0].shape == (1, 2, 3)
    assert WHOLE.inputs_from(many)[0].shape == (5, 2, 3)
    single, several = WHOLE.arrange([np.zeros((1, 2))], one), WHOLE.arrange([np.zeros((5, 2))], many)
    assert isinstance(single, np.ndarray)
    assert isinstance(several, np.ndarray)
    assert (single.shape, several.shape) == ((2,), (5, 2))


def test_interface_of_a_module() -> None:
    interface = interface_of(diamond())
    assert interface == Interface({"x": (1, 2)}, {"y": (1, 2), "h": (1, 2)}, batched=True)


REFUSED = [
    (
        BATCHED,
        {"x": np.zeros((4, 2)), "z": np.zeros((5, 3))},
        "[NL401] at 'x, z': inputs have different numbers of samples: [4, 5]\n"
        "  to do: give every input the same number of samples",
    ),
    (
        BATCHED,
        {"x": np.zeros((4, 7)), "z": np.zeros((4, 3))},
        "[NL401] at 'x': array of shape (4, 7)\n  supported: [n, 2]\n  to do: the first axis counts samples",
    ),
    (
        WHOLE,
        np.zeros((2, 4)),
        "[NL401] at 'x': array of shape (2, 4)\n  supported: [n, 2, 3]\n"
        "  to do: the first axis counts samples",
    ),
    (
        BATCHED,
        np.zeros((4, 2)),
        "[NL402] at 'x, z': one array for a model with 2 inputs\n  supported: a dict of arrays by input name",
    ),
    (
        BATCHED,
        {"x": np.zeros((4, 2)), "zz": np.zeros((4, 3))},
        "[NL402] at 'zz': the model has no input 'zz'\n  supported: x, z\n  to do: did you mean 'z'?",
    ),
    (BATCHED, {"x": np.zeros((4, 2))}, "[NL402] at 'z': input 'z' is missing\n  supported: x, z"),
    (
        WHOLE,
        np.full((2, 3), np.nan),
        "[NL403] at 'x': array has NaN or infinite elements\n  supported: finite numbers",
    ),
    (WHOLE, np.full((2, 3), "a"), "[NL403] at 'x': array of <U1\n  supported: numbers"),
]


@pytest.mark.parametrize(
    ("interface", "x", "message"), REFUSED, ids=[row[2].split("\n")[0] for row in REFUSED]
)
def test_arrays_that_do_not_fit(interface: Interface, x: object, message: str) -> None:
    assert refusal(interface, x) == message
