"""The pass manager: pipelines as text, and the instruments around every pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.core.plugins import Provided, registry
from netloom.ir.attributes import ArrayAttr, fixed_tensor, real_tensor
from netloom.ir.fx import ConstantOp
from netloom.ir.nn import AddOp, FunctionOp, MulOp, ReluOp, SoftmaxOp
from netloom.ir.program import main, program_ops
from netloom.ir.text import print_module
from netloom.passes import manager
from netloom.passes.manager import PassManager, options_of, parse, render
from netloom.passes.semantics import Snapshot, check_same, largest_difference, same, sample_inputs
from tests.passes.programs import Program, after, axis, ops_of

SAMPLES = [np.linspace(-4, 4, 12).reshape(6, 2)]


def refusal(text: str) -> str:
    with pytest.raises(CompileError) as caught:
        parse(text)
    return str(caught.value)


def small() -> ModuleOp:
    """(relu(x * 2) + 1) / 3 on two numbers, every op with a name."""
    p = Program(x=(2,))
    y = p.op(MulOp, p.inputs[0], p.real([2.0]), origin="double")
    y = p.op(ReluOp, y, origin="act")
    y = p.op(AddOp, y, p.real([1.0]), origin="shift")
    return p.returns(p.op(MulOp, y, p.real([1 / 3]), origin="third"))


# --- pipelines as text


@pytest.mark.parametrize("pipeline", [*registry().pipelines, *registry().passes])
def test_pipelines_round_trip(pipeline: str) -> None:
    passes = parse(pipeline)
    assert parse(render(passes)) == passes


def test_names_of_pipelines_stand_for_their_passes() -> None:
    assert [each.name for each in parse("optimize,clean")] == [
        "canonicalize",
        "cse",
        "dce",
        "simplify-trees",
        "narrow",
        "fold-constants",
        "channels-last",
        "fuse-batch-norm",
        "fuse-tree-inputs",
        "decompose-functions",
    ]


def test_options_are_fields_with_defaults() -> None:
    absorb = registry().passes["absorb-quantizers"].value
    assert options_of(absorb) == {"requantize": "thresholds", "max_levels": 1024, "multiplier_bits": 16}
    assert parse("absorb-quantizers{max-levels=7}") == [absorb(max_levels=7)]
    assert parse("absorb-quantizers{max_levels=7}") == [absorb(max_levels=7)]


def test_text_that_is_no_pipeline() -> None:
    assert refusal("a,{b") == (
        "[NL205] at 'a,{b': cannot parse the pipeline: Expected pass name here\n  supported: a,b{option=1},c"
    )


@given(st.text("ab-,{}=\"' 1", max_size=12))
def test_any_text_is_a_pipeline_or_refused(text: str) -> None:
    try:
        assert parse(render(parse(text))) == parse(text)
    except CompileError as error:
        assert error.code in ("NL201", "NL203", "NL205")


def test_unknown_pass() -> None:
    message = refusal("cse,canonicalise")
    assert message.startswith(
        "[NL205] at 'canonicalise': unknown pass 'canonicalise'\n  supported: absorb-quantizers, "
    )
    assert message.endswith("\n  to do: did you mean 'canonicalize'?")


def test_unknown_option() -> None:
    assert refusal("absorb-quantizers{max-level=3}") == (
        "[NL201] at 'absorb-quantizers': pass 'absorb-quantizers' has no option 'max_level'\n"
        "  supported: requantize, max_levels, multiplier_bits\n"
        "  to do: did you mean 'max_levels'?"
    )
    assert refusal("cse{fast=true}") == (
        "[NL201] at 'cse': pass 'cse' has no option 'fast'\n  supported: no options"
    )


def test_option_of_the_wrong_type() -> None:
    message = refusal('absorb-quantizers{max-levels="many"}')
    assert message.startswith("[NL203] at 'absorb-quantizers': an option has a value of the wrong type: ")
    assert message.endswith("\n  supported: requantize (str), max_levels (int), multiplier_bits (int)")


def test_pipelines_have_no_options() -> None:
    assert refusal("clean{fast=true}") == (
        "[NL201] at 'clean': pipeline 'clean' has no options\n"
        "  supported: options of its passes: fold-constants,channels-last,fuse-batch-norm,"
        "fuse-tree-inputs,decompose-functions\n"
        "  to do: write the passes themselves, with their options"
    )


def test_pipeline_that_contains_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    looping = replace(registry(), pipelines={"loop": Provided("loop", "cse,loop", "test")})
    monkeypatch.setattr(manager, "registry", lambda: looping)
    assert refusal("loop") == "[NL205] at 'loop': pipeline 'loop' contains itself"


# --- verify-each


@dataclass(frozen=True)
class Shrink(ModulePass):
    """A defect: gives the first sum a shape that it does not have."""

    name: ClassVar[str] = "shrink"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        Rewriter.replace_value_with_new_type(ops_of(op, AddOp)[0].result, real_tensor((1,)))


def test_verify_each_names_the_pass_that_broke_the_module() -> None:
    with pytest.raises(CompileError) as caught:
        PassManager([*parse("cse"), Shrink(), *parse("dce")]).run(small())
    assert str(caught.value) == (
        "[NL701] at 'shrink': after pass 'shrink' the module is not valid:"
        " nn.add: result shape (1,), rule (2,)\n"
        "  to do: this is a defect of the pass"
    )


def test_verify_each_can_be_left_out() -> None:
    module = small()
    PassManager([Shrink()], verify_each=False).run(module)
    assert ops_of(module, AddOp)[0].result.type == real_tensor((1,))


# --- print-ir, progress, timing


def test_print_ir_sees_the_module_before_and_after_each_pass() -> None:
    seen: list[tuple[str, str, str]] = []
    module = small()
    texts = [print_module(module), print_module(after(module, "fuse-batch-norm"))]
    PassManager(
        parse("fuse-batch-norm,cse"),
        print_ir=lambda moment, name, m: seen.append((moment, name, print_module(m))),
    ).run(module)
    assert seen == [
        ("before", "fuse-batch-norm", texts[0]),
        ("after", "fuse-batch-norm", texts[1]),
        ("before", "cse", texts[1]),
        ("after", "cse", print_module(module)),
    ]


def test_progress_and_timing_name_every_pass_in_order() -> None:
    started: list[str] = []
    watched = PassManager(parse("optimize"), progress=started.append)
    watched.run(small())
    assert (
        started
        == [timing.name for timing in watched.timings]
        == [
            "canonicalize",
            "cse",
            "dce",
            "simplify-trees",
            "narrow",
        ]
    )
    assert all(timing.seconds >= 0 for timing in watched.timings)


# --- check-semantics


@dataclass(frozen=True)
class Nudge(ModulePass):
    """Adds to the constants of the op with a given origin; `rounds` says that this is wanted."""

    name: ClassVar[str] = "nudge"
    where: str = "shift"
    by: float = 0.5
    rounds: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for each in program_ops(main(op)):
            if each.origin_name == self.where:
                for operand in each.operands:
                    if isinstance(operand.owner, ConstantOp):
                        value = operand.owner.value.reals() + self.by
                        operand.owner.properties["value"] = ArrayAttr.of(value)


def test_check_semantics_names_the_first_op_whose_value_changed() -> None:
    with pytest.raises(CompileError) as caught:
        PassManager([*parse("clean"), Nudge("shift")], samples=SAMPLES).run(small())
    assert str(caught.value) == (
        "[NL702] at 'shift': pass 'nudge' changed output 'y0' by up to 0.166667\n"
        "  to do: netloom-opt --print-ir-after-all shows the module around the pass"
    )


def test_the_first_change_may_be_far_from_the_output() -> None:
    with pytest.raises(CompileError) as caught:
        PassManager([Nudge("double")], samples=SAMPLES).run(small())
    assert caught.value.origin == "double"


def test_changes_that_no_output_sees_are_none() -> None:
    p = Program(x=(2,))
    hidden = p.op(
        MulOp, p.op(AddOp, p.inputs[0], p.real([1.0]), origin="shift"), p.real([0.0]), origin="zero"
    )
    module = p.returns(p.op(AddOp, p.inputs[0], hidden, origin="out"))
    PassManager([Nudge("shift")], samples=SAMPLES).run(module)


def test_float64_rounding_is_no_change() -> None:
    PassManager([Nudge(by=1e-12)], samples=SAMPLES).run(small())


def test_passes_that_round_by_choice_are_not_compared_but_what_follows_is() -> None:
    with pytest.raises(CompileError) as caught:
        PassManager([Nudge(rounds=True), *parse("cse"), Nudge("third")], samples=SAMPLES).run(small())
    assert (caught.value.code, caught.value.origin) == ("NL702", "third")


def test_a_whole_compilation_of_a_float_model_is_watched() -> None:
    text = (
        'clean,quantize-inputs{precision="fixed<8,4>"},absorb-quantizers,'
        'assign-precision{precision="fixed<12,6>"},lower-functions,optimize,unroll'
    )
    PassManager(parse(text), samples=SAMPLES).run(small())


def test_cutting_the_softmax_is_a_choice() -> None:
    p = Program(x=(2,))
    module = p.returns(p.op(SoftmaxOp, p.inputs[0], axis=axis(-1)))
    PassManager(parse("decompose-functions{cut-final-softmax=true}"), samples=SAMPLES).run(module)
    assert not ops_of(module, SoftmaxOp) and not ops_of(module, FunctionOp)


def test_fixed_point_outputs_are_compared_bit_for_bit() -> None:
    p = Program(x=(2,))
    y = p.op(AddOp, p.port(p.inputs[0], "fixed<8,4>"), p.fixed([1], 4), origin="shift")
    module = p.returns(y)

    @dataclass(frozen=True)
    class Flip(ModulePass):
        name: ClassVar[str] = "flip"

        def apply(self, ctx: Context, op: ModuleOp) -> None:
            constant = ops_of(op, ConstantOp)[0]
            constant.properties["value"] = ArrayAttr.of(np.array([0]))
            Rewriter.replace_value_with_new_type(constant.result, fixed_tensor((1,), constant.result_format))

    with pytest.raises(CompileError) as caught:
        PassManager([Flip()], samples=SAMPLES).run(module)
    assert str(caught.value).startswith("[NL702] at 'shift': pass 'flip' changed output 'y0' by up to 1\n")


# --- samples that nobody gave


def test_generated_inputs_are_the_same_for_the_same_seed_and_exact_in_float32() -> None:
    first, again, other = (sample_inputs(small(), seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert np.array_equal(first, first.astype(np.float32))
    assert first.shape == (40, 2) and first.dtype == np.float64
    assert np.abs(first).max() > 64 and np.any(np.all(first == 0, axis=1))


def test_generated_mantissas_cover_the_format() -> None:
    p = Program(x=fixed_tensor((300,), Format.parse("fixed<3,1>")))
    (values,) = sample_inputs(p.returns(p.inputs[0]))
    assert values.dtype == np.int64
    assert set(values.ravel()) == set(range(-4, 4))


def test_large_inputs_get_fewer_samples() -> None:
    p = Program(x=(200, 200), y=(1,))
    assert [len(array) for array in sample_inputs(p.returns(p.inputs[0]))] == [10, 10]


# --- what is compared


def test_poles_are_not_compared_but_numbers_that_become_none_are() -> None:
    old = np.array([[1.0, np.inf, np.nan]])
    assert same(old, np.array([[1.0, np.nan, 3.0]]))
    assert not same(old, np.array([[np.nan, np.inf, np.nan]]))
    assert largest_difference(old, np.array([[np.nan, 0.0, 0.0]])) == float("inf")
    assert largest_difference(old, np.array([[1.5, 0.0, 0.0]])) == 0.5


def test_an_output_that_a_pass_removed() -> None:
    x = {"x": np.zeros((1, 2))}
    with pytest.raises(CompileError) as caught:
        check_same("cut", Snapshot({**x, "y": np.ones((1, 2))}, {}), Snapshot(x, {}))
    assert str(caught.value) == (
        "[NL702] at 'y': pass 'cut' removed output 'y'\n"
        "  supported: the outputs that the module had before the pass"
    )
