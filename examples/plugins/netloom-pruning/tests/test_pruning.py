"""What is pruned, what is refused, and what it saves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from netloom_pruning.magnitude_prune import MagnitudePrune, smallest_of
from netloom_pruning.weights import weights_of
from xdsl.dialects.builtin import BoolAttr, ModuleOp, StringAttr

import netloom
from netloom import CompileError
from netloom.api import load
from netloom.ir.attributes import ArrayAttr, real_tensor
from netloom.ir.base import make
from netloom.ir.da import KernelOp
from netloom.ir.fx import ConstantOp
from netloom.ir.nn import AddOp, MatMulOp, QuantOp
from netloom.ir.program import finish_function, main, new_function, notes, program_ops
from netloom.passes.manager import PassManager, parse

JETS = Path(__file__).parents[3] / "jet_tagger"


def pruned(passes: str) -> ModuleOp:
    """The jet tagger after some passes."""
    module = load(JETS / "model.onnx")
    PassManager(parse(passes)).run(module)
    return module


def compiled(options: str) -> netloom.Design:
    """The jet tagger, pruned on the way."""
    return netloom.compile(JETS / "model.onnx", extra_passes=f"magnitude-prune{{{options}}}")


def hardware(design: netloom.Design) -> dict[str, str]:
    """The files of a design without the record of how it was compiled."""
    return {path: text for path, text in design.plan.files.items() if not path.startswith("netloom/")}


def zeros(module: ModuleOp) -> list[float]:
    """The part of each layer's weights that is zero."""
    return [float(np.mean(weights.magnitudes == 0)) for weights in weights_of(module)]


def adders(design: netloom.Design) -> int:
    kernels = [op for op in program_ops(main(design.module)) if isinstance(op, KernelOp)]
    return sum(op.graph.n_adders for op in kernels)


@pytest.mark.parametrize("sparsity", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_every_layer_gets_the_sparsity(sparsity: float) -> None:
    found = zeros(pruned(f"clean,magnitude-prune{{sparsity={sparsity}}}"))
    assert len(found) == 4
    assert all(sparsity - 0.01 < part for part in found)


def test_one_threshold_for_the_model_gives_layers_different_sparsity() -> None:
    module = pruned('clean,magnitude-prune{sparsity=0.5 scope="model"}')
    found = list(weights_of(module))
    total = sum(weights.size for weights in found)
    assert sum(np.count_nonzero(weights.magnitudes == 0) for weights in found) >= total // 2
    assert len({round(part, 2) for part in zeros(module)}) > 1


def test_a_pattern_chooses_layers() -> None:
    before = zeros(pruned("clean"))
    after = zeros(pruned('clean,magnitude-prune{sparsity=0.9 layers="node_linear_1"}'))
    assert after[1] >= 0.89
    assert [after[n] for n in (0, 2, 3)] == [before[n] for n in (0, 2, 3)]


def test_what_was_pruned_is_in_the_report() -> None:
    texts = [note.text for note in compiled("sparsity=0.75").report().notes]
    texts = [text for text in texts if text.startswith("pruned")]
    assert texts[0] == "pruned: 768 of 1024 weights are zero"
    assert len(texts) == 4


def test_pruning_saves_adders_and_lookup_tables() -> None:
    dense, sparse = netloom.compile(JETS / "model.onnx"), compiled("sparsity=0.8")
    assert adders(sparse) < adders(dense) // 2
    assert sparse.report().total("lut") < dense.report().total("lut") // 2


def test_pruning_nothing_gives_the_unpruned_design() -> None:
    assert hardware(compiled("sparsity=0")) == hardware(netloom.compile(JETS / "model.onnx"))


@pytest.mark.parametrize("options", ["sparsity=0.4", 'sparsity=0.6 scope="model"', 'layers="node_linear"'])
def test_a_network_that_was_pruned_before_gives_the_same_hardware(options: str) -> None:
    before = netloom.compile(pruned(f"clean,magnitude-prune{{{options}}}"))
    assert hardware(compiled(options)) == hardware(before)


def test_the_pruned_network_predicts_with_its_zeros() -> None:
    x = np.load(JETS / "jets.npz")["x"][:64]
    assert not np.array_equal(
        compiled("sparsity=0.4").predict(x), netloom.compile(JETS / "model.onnx").predict(x)
    )
    assert len(np.unique(compiled("sparsity=1").predict(x), axis=0)) == 1


def test_mantissas_can_be_pruned_as_well() -> None:
    module = pruned("clean,quantize,optimize,magnitude-prune{sparsity=0.6},narrow")
    assert all(part >= 0.59 for part in zeros(module))


def run(command: str, *arguments: str) -> None:
    """A command of netloom in a process of its own."""
    subprocess.run([sys.executable, "-m", f"netloom.cli.{command}", *arguments], check=True)


def test_both_routes_of_the_command_line_give_the_same_hardware(tmp_path: Path) -> None:
    model, half = str(JETS / "model.onnx"), tmp_path / "half.mlir"
    run("main", "compile", model, "-o", "extra_passes=magnitude-prune", "-d", str(tmp_path / "project"))
    run("opt", model, "-p", "clean-and-prune", "-o", str(half))
    expected = hardware(netloom.compile(half))
    assert {path: (tmp_path / "project" / path).read_text() for path in expected} == expected


@given(
    arrays.arrays(np.float64, st.integers(0, 40), elements=st.floats(0, 10)),
    st.floats(0, 1),
)
def test_the_smallest_are_chosen_and_of_equal_ones_the_first(magnitudes: Any, sparsity: float) -> None:
    chosen = smallest_of(magnitudes, sparsity)
    rest = np.delete(np.arange(magnitudes.size), chosen)
    assert len(chosen) == int(sparsity * magnitudes.size + 1e-9)
    if len(chosen) and len(rest):
        worst = magnitudes[chosen].max()
        assert worst <= magnitudes[rest].min()
        ties = np.flatnonzero(magnitudes == worst)
        assert set(ties[: np.isin(ties, chosen).sum()]) <= set(chosen)


def test_the_text_of_the_pass_round_trips() -> None:
    given_pass = MagnitudePrune(0.25, "model", "fc*")
    assert parse(str(given_pass.spec())) == [given_pass]


@pytest.mark.parametrize(
    ("passes", "code"),
    [
        ("magnitude-prune{sparsity=1.5}", "NL203"),
        ('magnitude-prune{scope="modle"}', "NL203"),
        ("magnitude-prune{sparcity=0.5}", "NL201"),
        ('magnitude-prune{layers="fc9"}', "NL202"),
    ],
)
def test_wrong_options_are_refused(passes: str, code: str) -> None:
    with pytest.raises(CompileError) as caught:
        pruned(f"clean,{passes}")
    assert caught.value.code == code


def product(shared: bool) -> ModuleOp:
    """x @ W, and W again in a sum when `shared`."""
    module, function = new_function([("x", real_tensor((2, 2)))], batched=False)
    block = function.body.block
    constant = make(ConstantOp, [], origin="fc", value=ArrayAttr.of(np.array([[1.0, 2.0], [3.0, 4.0]])))
    layer = make(MatMulOp, [block.args[0], constant.result], origin="fc")
    total = make(AddOp, [layer.result, constant.result if shared else block.args[0]], origin="sum")
    block.add_ops([constant, layer, total])
    finish_function(function, [("y", total.result)])
    return module


@pytest.mark.parametrize("shared", [False, True])
def test_weights_that_something_else_reads_are_left_alone(shared: bool) -> None:
    module = product(shared)
    PassManager([MagnitudePrune(0.5)]).run(module)
    assert zeros(module) == [0.0 if shared else 0.5]
    assert [note.text.startswith("not pruned") for note in notes(module)] == [shared]


def test_weights_without_a_zero_are_refused() -> None:
    module, function = new_function([("x", real_tensor((2, 2)))], batched=False)
    block = function.body.block
    constant = make(ConstantOp, [], origin="fc", value=ArrayAttr.of(np.array([[1.0, 2.0], [3.0, 4.0]])))
    numbers = {"scale": 1.0, "zero_point": 0.0, "low": 1.0, "high": 7.0}
    quantizer = make(
        QuantOp,
        [constant.result],
        origin="fc",
        rounding=StringAttr("RND_CONV"),
        round_first=BoolAttr.from_bool(False),
        output=StringAttr("value"),
        **{name: ArrayAttr.of(np.array(number)) for name, number in numbers.items()},
    )
    layer = make(MatMulOp, [block.args[0], quantizer.result], origin="fc")
    block.add_ops([constant, quantizer, layer])
    finish_function(function, [("y", layer.result)])
    with pytest.raises(CompileError, match="has no zero") as caught:
        PassManager([MagnitudePrune(0.5)]).run(module)
    assert caught.value.code == "NL203"
    assert zeros(module) == [0.0]
