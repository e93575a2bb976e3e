"""Text: read back by xDSL and by real MLIR, with data inline, in resources, beside the file, or left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from circt import ir
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import helper
from xdsl.dialects.builtin import ModuleOp

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.ir.attributes import INLINE_ELEMENTS, Array, ArrayAttr, fixed_tensor
from netloom.ir.base import make
from netloom.ir.fx import ConstantOp
from netloom.ir.interpreter import run
from netloom.ir.nn import AddOp, MatMulOp
from netloom.ir.program import finish_function, main, new_function, program_ops
from netloom.ir.text import data_path, large_arrays, load_module, parse_module, print_module, save_module
from tests.frontends.graphs import imported, model_of, real

TEN_MILLION = 10_000_000


def module_with(values: Any, name: str = "w") -> ModuleOp:
    """x + values."""
    array = np.asarray(values)
    constant = make(ConstantOp, [], origin=name, value=ArrayAttr.of(array))
    module, function = new_function([("x", constant.results[0].type)], batched=False, source_name="m")
    block = function.body.block
    total = make(AddOp, [block.args[0], constant.results[0]], origin="sum")
    block.add_ops([constant, total])
    finish_function(function, [("y", total.results[0])])
    return module


def constant_in(module: ModuleOp) -> Array:
    return next(op for op in program_ops(main(module)) if isinstance(op, ConstantOp)).value.data


def network() -> ModuleOp:
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node("BatchNormalization", ["h", "s", "s", "s", "s"], ["n"]),
        helper.make_node("Softmax", ["n"], ["p"]),
        helper.make_node("Elu", ["p"], ["e"], alpha=0.3),
        helper.make_node("Concat", ["e", "x"], ["y"], axis=1),
        helper.make_node("Split", ["y"], ["a", "b2"], axis=1),
    ]
    stored = {"w": real(6, 4), "b": real(4), "s": np.abs(real(4))}
    return imported(model_of(nodes, {"x": real(1, 6)}, stored, ["a", "b2"]))


def through_mlir(text: str) -> str:
    with ir.Context() as context:
        context.allow_unregistered_dialects = True
        return str(ir.Module.parse(text).operation.get_asm(print_generic_op_form=True))


def error_of(text: str) -> str:
    with pytest.raises(CompileError) as caught:
        parse_module(text, file="net.mlir")
    return str(caught.value)


def test_text_reads_back_to_the_same_module() -> None:
    module = network()
    text = print_module(module)
    again = parse_module(text)
    assert again.is_structurally_equivalent(module)
    assert print_module(again) == text


def test_real_mlir_reads_the_text_and_prints_the_same_module() -> None:
    module = network()
    printed = through_mlir(print_module(module))
    # MLIR drops resources that no attribute of its own names, so the data come from the side.
    assert parse_module(printed, data=large_arrays(module)).is_structurally_equivalent(module)


def test_every_kind_of_type_and_property_passes_through_real_mlir() -> None:
    from tests.ir.test_verify import kernel, lookup, quant, quantize, threshold, trunc

    for build in (kernel, lookup, quant, quantize, threshold, trunc):
        op = build()
        module, function = new_function([("x", op.operands[0].type)], batched=True)
        op.operands[0] = function.body.block.args[0]
        function.body.block.add_op(op)
        finish_function(function, [("y", op.results[0])])
        text = print_module(module)
        assert parse_module(text).is_structurally_equivalent(module)
        assert parse_module(through_mlir(text)).is_structurally_equivalent(module)


NAMES = st.text(st.characters(codec="utf-8"), min_size=1)


@given(NAMES)
def test_any_node_name_reads_back(name: str) -> None:
    module = module_with([1.0], name)
    again = parse_module(print_module(module))
    assert program_ops(main(again))[0].origin_name == name


@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64]),
        arrays.array_shapes(min_dims=0, max_side=4),
        elements=st.floats(width=32),
    )
)
def test_any_real_constant_reads_back_bit_for_bit(values: np.ndarray[Any, Any]) -> None:
    again = constant_in(parse_module(print_module(module_with(values)))).values
    assert again.dtype == values.dtype
    assert again.tobytes() == values.tobytes()


@given(arrays.arrays(np.int64, arrays.array_shapes(min_dims=0, max_side=4)))
def test_any_mantissas_read_back(values: np.ndarray[Any, Any]) -> None:
    module, function = new_function([], batched=False)
    widest = Format(63, 63)
    inside = np.clip(values, widest.min_mantissa, widest.max_mantissa)
    constant = make(ConstantOp, [], result=fixed_tensor(values.shape, widest), value=ArrayAttr.of(inside))
    function.body.block.add_op(constant)
    finish_function(function, [("y", constant.results[0])])
    assert np.array_equal(constant_in(parse_module(print_module(module))).values, inside)


def test_small_arrays_print_their_elements_and_large_ones_their_hash() -> None:
    small, large = np.arange(INLINE_ELEMENTS) / 4, np.arange(INLINE_ELEMENTS + 1) / 4
    assert "dialect_resources" not in print_module(module_with(small))
    text = print_module(module_with(large))
    digest = Array(large).digest
    assert f'#fx.array<"f64", [{INLINE_ELEMENTS + 1}], "{digest}">' in text
    assert f'fx_f64_{INLINE_ELEMENTS + 1}_{digest}: "0x08000000' in text
    assert np.array_equal(constant_in(parse_module(text)).values, large)


def test_an_array_used_twice_is_stored_once() -> None:
    values = real(5, 5)
    nodes = [helper.make_node("MatMul", ["x", "a"], ["h"]), helper.make_node("MatMul", ["h", "b"], ["y"])]
    module = imported(model_of(nodes, {"x": real(1, 5)}, {"a": values, "b": values}, ["y"]))
    assert print_module(module).count("0x08000000") == 1
    assert list(large_arrays(module)) == [Array(values).digest]


def test_text_without_data_cannot_be_read_alone() -> None:
    module = network()
    text = print_module(module, data=False)
    assert "dialect_resources" not in text
    digest = next(iter(large_arrays(module)))
    message = error_of(text)
    assert message.startswith("[NL112] at 'net.mlir': ")
    assert f"the file does not contain the data of array {digest}" in message
    assert message.endswith("\n  to do: check the text, or print it again with its data")
    assert parse_module(text, data=large_arrays(module)).is_structurally_equivalent(module)


def test_damaged_data_are_refused() -> None:
    module = network()
    text = print_module(module)
    digest = next(iter(large_arrays(module)))
    start = text.index(f'{digest}: "0x08000000') + len(f'{digest}: "0x08000000')
    flipped = text[:start] + ("0" if text[start] != "0" else "1") + text[start + 1 :]
    expected = (
        f"[NL112] at 'net.mlir': the data of array {digest} is damaged or truncated\n"
        "  to do: print the module again with its data"
    )
    assert error_of(flipped) == expected
    assert error_of(text[:start] + text[start + 2 :]) == expected


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda t: "", "Could not parse entire input!"),
        (lambda t: t.replace('"main"', '"other"'), "the module has no function named main"),
        (lambda t: t[: len(t) // 2], ""),
        (lambda t: t.replace("nn.add", "nn.plus"), ""),
        (lambda t: t.replace("tensor<2xf32>", "tensor<3xf32>"), "fx.constant: result shape (3,), rule (2,)"),
        (lambda t: t.replace('"f32", [2]', '"f16", [2]'), "array element type f16 is not one of"),
        (lambda t: t.replace('"f32", [2]', '"f32", [3]'), "array of shape [3] has 2 elements"),
        (lambda t: t.replace('"sum"', '"sum'), "line 5: a string is not closed, or has an unknown escape"),
        (lambda t: t.replace('"sum"', '"s\\um"'), "line 5: a string is not closed, or has an unknown escape"),
        (lambda t: t.replace("[1.5, 2.5]", f"[1.5, {10**400}]"), ""),
    ],
)
def test_text_that_is_not_a_module_is_refused(damage: Any, found: str) -> None:
    text = print_module(module_with(np.array([1.5, 2.5], np.float32)))
    changed = damage(text)
    assert changed != text
    with pytest.raises(CompileError) as caught:
        main(parse_module(changed, file="net.mlir"))
    assert caught.value.code == "NL112"
    assert found in str(caught.value)


def test_files(tmp_path: Path) -> None:
    module, x = network(), real(3, 1, 6)
    path = tmp_path / "net.mlir"
    save_module(module, path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["net.mlir"]
    again = load_module(path)
    assert again.is_structurally_equivalent(module)
    assert all(np.array_equal(a, b) for a, b in zip(run(again, [x]), run(module, [x]), strict=True))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        load_module(tmp_path / "none.mlir")
    assert str(caught.value) == "[NL101] at 'none.mlir': No such file or directory"


def test_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "net.mlir").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(CompileError) as caught:
        load_module(tmp_path / "net.mlir")
    assert str(caught.value).startswith("[NL101] at 'net.mlir': unreadable: 'utf-8' codec")


def test_damaged_external_data(tmp_path: Path) -> None:
    path = tmp_path / "net.mlir"
    save_module(network(), path, external=True)
    data_path(path).write_bytes(data_path(path).read_bytes()[:200])
    with pytest.raises(CompileError) as caught:
        load_module(path)
    assert str(caught.value) == "[NL101] at 'net.mlir': unreadable: File is not a zip file"


def test_external_data_of_another_module(tmp_path: Path) -> None:
    path = tmp_path / "net.mlir"
    module = module_with(real(5, 5))
    save_module(module, path, external=True)
    digest = next(iter(large_arrays(module)))
    np.savez(data_path(path), **{digest: np.zeros((5, 5), np.float32)})
    with pytest.raises(CompileError) as caught:
        load_module(path)
    assert str(caught.value).startswith(
        f"[NL112] at 'net.mlir.npz': the data of array {digest} is damaged or truncated"
    )


@pytest.mark.slow
def test_a_module_of_ten_million_weights(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).integers(-128, 128, (2000, TEN_MILLION // 2000)).astype(np.int8)
    module, function = new_function([("x", fixed_tensor((1, 2000), Format(8, 4)))], batched=True)
    constant = make(
        ConstantOp, [], result=fixed_tensor(weights.shape, Format(8, 1)), value=ArrayAttr.of(weights)
    )
    product = make(
        MatMulOp,
        [function.body.block.args[0], constant.results[0]],
        result=fixed_tensor((1, weights.shape[1]), Format(27, 16)),
    )
    function.body.block.add_ops([constant, product])
    finish_function(function, [("y", product.results[0])])
    assert len(print_module(module, data=False)) < 1000
    path = tmp_path / "big.mlir"
    save_module(module, path, external=True)
    assert path.stat().st_size < 1000
    assert TEN_MILLION <= data_path(path).stat().st_size < TEN_MILLION + 1000
    again = load_module(path)
    assert again.is_structurally_equivalent(module)
    assert np.array_equal(constant_in(again).values, weights)
    whole = print_module(module)
    assert 2 * TEN_MILLION < len(whole) < 2 * TEN_MILLION + 2000
    assert np.array_equal(constant_in(parse_module(whole)).values, weights)
