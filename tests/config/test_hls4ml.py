"""from_hls4ml: each entry of an hls4ml configuration is mapped, implied or dropped with a reason."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import netloom
from netloom.config import FromHls4ml, from_hls4ml
from netloom.config.hls4ml_types import TypeWithoutCounterpart, precision_of
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format, Overflow, Precision, Rounding
from netloom.ir.nn import DenseOp
from netloom.ir.program import main, program_ops


def mlp() -> onnx.ModelProto:
    """Two layers and a softmax, with product and sum as nodes of their own, as hls4ml reads them."""
    generator = np.random.default_rng(0)
    shapes = {"w1": (8, 6), "b1": (6,), "w2": (6, 4), "b2": (4,)}
    constants = [
        numpy_helper.from_array(generator.normal(size=shape).astype(np.float32) / 4, name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["m1"], name="fc1"),
        helper.make_node("Add", ["m1", "b1"], ["a1"], name="fc1_bias"),
        helper.make_node("Relu", ["a1"], ["r1"], name="act1"),
        helper.make_node("MatMul", ["r1", "w2"], ["m2"], name="fc2"),
        helper.make_node("Add", ["m2", "b2"], ["a2"], name="fc2_bias"),
        helper.make_node("Softmax", ["a2"], ["y"], name="prob", axis=-1),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 8]), ("y", [1, 4]))
    ]
    graph = helper.make_graph(nodes, "mlp", ports[:1], ports[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=10)


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """The paths of everything in a configuration that is not a section with contents."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}" if path else str(key))
    else:
        yield path


def read(**layers: Any) -> FromHls4ml:
    return from_hls4ml({"LayerName": layers}, model=mlp())


def reason(found: FromHls4ml) -> str:
    (entry,) = found.dropped
    return entry.text


# --- precision strings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ap_fixed<16,6>", "fixed<16,6,TRN,WRAP>"),
        ("fixed<16,6>", "fixed<16,6,TRN,WRAP>"),
        ("ufixed<8, 0>", "ufixed<8,0,TRN,WRAP>"),
        ("ap_fixed<16,6,AP_RND,AP_SAT>", "fixed<16,6>"),
        ("ap_ufixed<8,2,AP_RND_CONV,AP_SAT_SYM,0>", "ufixed<8,2,RND_CONV,SAT_SYM>"),
        ("fixed<18,8,RND,SAT,0>", "fixed<18,8>"),
        ("ac_fixed<16,6,true,AC_RND,AC_SAT>", "fixed<16,6>"),
        ("ac_fixed<16,6,false>", "ufixed<16,6,TRN,WRAP>"),
        ("ac_fixed<16,6>", "fixed<16,6,TRN,WRAP>"),
        ("ap_int<8>", "fixed<8,8,TRN,WRAP>"),
        ("uint<3>", "ufixed<3,3,TRN,WRAP>"),
        ("ac_int<5,false>", "ufixed<5,5,TRN,WRAP>"),
        ("ap_fixed<8,-2>", "fixed<8,-2,TRN,WRAP>"),
    ],
)
def test_a_precision_keeps_its_meaning(text: str, expected: str) -> None:
    assert precision_of(text) == Precision.parse(expected)


@pytest.mark.parametrize("text", ["auto", " Auto "])
def test_auto_is_no_precision(text: str) -> None:
    assert precision_of(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("float", "netloom computes in fixed point"),
        ("ac_float<16,2,8>", "netloom computes in fixed point"),
        ("fixd<3,4>", "not a type that hls4ml reads"),
        ("ap_fixed<16>", "its arguments are not those of a fixed-point type"),
        ("ap_fixed<16,6,ROUND>", "its arguments are not those of a fixed-point type"),
        ("ap_fixed<16,6,RND,SAT,2>", "saturation bits (the fifth argument) have no counterpart"),
        ("ap_fixed<80,40>", "formats have up to 63 bits"),
    ],
)
def test_types_without_counterpart_say_why(text: str, why: str) -> None:
    with pytest.raises(TypeWithoutCounterpart) as caught:
        precision_of(text)
    assert str(caught.value) == why
    found = read(fc1={"Precision": {"weight": text}})
    assert (reason(found), found.options) == (why, {})


HLS4ML_ROUNDING = st.sampled_from(list(Rounding))
HLS4ML_OVERFLOW = st.sampled_from(list(Overflow))


@given(
    st.integers(1, 63), st.integers(-20, 70), st.booleans(), HLS4ML_ROUNDING, HLS4ML_OVERFLOW, st.booleans()
)
def test_a_precision_is_read_as_hls4ml_itself_reads_it(
    width: int, integer: int, signed: bool, rounding: Rounding, overflow: Overflow, catapult: bool
) -> None:
    from hls4ml.backends.fpga.fpga_backend import FPGABackend

    modes = f"{rounding.value},{overflow.value}"
    if catapult:
        text = f"ac_fixed<{width},{integer},{str(signed).lower()},AC_{modes.replace(',', ',AC_')}>"
    else:
        text = f"ap_{'' if signed else 'u'}fixed<{width},{integer},AP_{modes.replace(',', ',AP_')}>"
    theirs = FPGABackend.convert_precision_string(text)
    assert (
        precision_of(text)
        == precision_of(str(theirs))
        == Precision(Format(width, integer, signed), rounding, overflow)
    )
    assert (theirs.width, theirs.integer, theirs.signed) == (width, integer, signed)
    assert (str(theirs.rounding_mode), str(theirs.saturation_mode)) == (rounding.value, overflow.value)


# --- configurations that hls4ml makes


@pytest.fixture(scope="module")
def cleaned() -> Any:
    """The model as hls4ml's users prepare it."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    return cleanup_model(ModelWrapper(mlp()))


def generated(model: Any, granularity: str) -> dict[str, Any]:
    from hls4ml.utils import config_from_onnx_model

    return dict(
        config_from_onnx_model(model, granularity=granularity, backend="Vitis", max_precision="fixed<40,20>")
    )


@pytest.mark.parametrize("granularity", ["model", "type", "name"])
@pytest.mark.parametrize("named", [False, True], ids=["without the model", "with the model"])
def test_every_entry_of_a_generated_configuration_has_one_outcome(
    cleaned: Any, granularity: str, named: bool
) -> None:
    config = generated(cleaned, granularity)
    found = from_hls4ml(config, model=cleaned if named else None)
    assert sorted(entry.path for entry in found.entries) == sorted(leaves(config))
    assert all(entry.text for entry in found.entries)


def test_the_yaml_file_of_a_converted_model(cleaned: Any, tmp_path: Path) -> None:
    import yaml
    from hls4ml.converters import convert_from_onnx_model

    config = generated(cleaned, "name")
    convert_from_onnx_model(
        cleaned, hls_config=config, backend="Vitis", output_dir=str(tmp_path), clock_period=4
    ).write()
    found = from_hls4ml(tmp_path / "hls4ml_config.yml", model=cleaned)
    assert found.options == {
        "backend": "vitis",
        "clock_period_ns": 4.0,
        "clock_uncertainty_percent": 27.0,
        "device": "xcvu13p",
        "io": "parallel",
        "precision": "fixed<16,6,TRN,WRAP>",
        "strategy": "latency",
        "table_bits": 10,
    }
    text = (tmp_path / "hls4ml_config.yml").read_text()
    tree = yaml.compose(text)
    assert {entry.path.split(".")[0] for entry in found.entries} == {key.value for key, _ in tree.value}


@pytest.mark.parametrize("backend", ["Vivado", "Vitis", "Quartus", "Catapult", "VivadoAccelerator", "oneAPI"])
def test_every_entry_of_an_initial_configuration_has_one_outcome(backend: str) -> None:
    from hls4ml.utils.config import create_config

    config = create_config(backend=backend)
    found = from_hls4ml(config)
    assert sorted(entry.path for entry in found.entries) == sorted(leaves(config))
    assert found.options.get("backend") == {"VivadoAccelerator": "vivado", "oneAPI": None}.get(
        backend, backend.lower()
    )
    assert not any("hls4ml reads no such entry" in entry.text for entry in found.dropped)


def test_its_options_compile(cleaned: Any, tmp_path: Path) -> None:
    cleaned.save(str(tmp_path / "model.onnx"))
    options = dict(from_hls4ml(generated(cleaned, "name"), model=tmp_path / "model.onnx").options)
    design = netloom.compile(tmp_path / "model.onnx", **options)
    layers = [op for op in program_ops(main(design.module)) if isinstance(op, DenseOp)]
    assert [layer.strategy.data for layer in layers] == ["latency", "latency"]


PARTS = {
    "global_in": {"result": "ap_fixed<12,5>"},
    "MatMul_0": {"weight": "ap_fixed<9,2,AP_RND,AP_SAT>", "bias": "ap_fixed<8,2>"},
    "MatMul_1": {"weight": "ap_fixed<7,1>", "bias": "ap_fixed<8,1,AP_RND_CONV>"},
}
ROUNDED = {
    "MatMul_0": {"weight": "ap_fixed<7,1,AP_RND_ZERO>", "result": "ap_fixed<12,5,AP_RND_CONV,AP_SAT>"},
    "MatMul_1": {"weight": "ap_fixed<7,1>", "result": "ap_fixed<10,3,AP_TRN_ZERO>"},
    "Add_0": {"bias": "ap_fixed<8,2,AP_RND>", "result": "ap_fixed<13,5>"},
    "Add_1": {"bias": "ap_fixed<8,2>", "result": "ap_fixed<9,3,AP_RND_INF,AP_SAT_SYM>"},
}


@pytest.mark.slow
@pytest.mark.parametrize("formats", [PARTS, ROUNDED], ids=["inferred results", "rounded everywhere"])
def test_the_formats_give_the_bits_that_hls4ml_computes(
    formats: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    from hls4ml.converters import convert_from_onnx_model
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    logits = mlp()
    del logits.graph.node[-1]
    logits.graph.output[0].name = "a2"
    model = cleanup_model(ModelWrapper(logits))
    config = generated(model, "name")
    for layer, types in formats.items():
        config["LayerName"][layer]["Precision"].update(types)
    found = from_hls4ml(config, model=model)
    theirs = convert_from_onnx_model(model, hls_config=config, backend="Vitis", output_dir=str(tmp_path))
    theirs.compile()
    x = np.round(np.random.default_rng(1).normal(size=(400, 8)) * 256).astype(np.float32) / 128
    model.save(str(tmp_path / "model.onnx"))
    ours = netloom.compile(tmp_path / "model.onnx", **found.options).predict(x)
    expected = theirs.predict(x).reshape(ours.shape).astype(np.float64)
    if formats is PARTS:  # the last result, which hls4ml infers, has the model's format here: fixed<16,6>
        expected = np.floor(expected * 1024) / 1024
    assert np.array_equal(ours, expected)


# --- what entries become


def test_formats_of_layers_by_role() -> None:
    found = read(
        fc1={"Precision": {"weight": "ap_fixed<8,2>", "bias": "ap_fixed<9,3>", "result": "ap_fixed<10,4>"}},
        w2={"Precision": {"result": "ap_fixed<6,1>"}},
        x={"Precision": {"result": "ap_fixed<12,5>"}},
    )
    assert found.options == {
        "input_precision": {"x": "fixed<12,5,TRN,WRAP>"},
        "precision": {
            "layers": {
                "fc1": {"weight": "fixed<8,2,TRN,WRAP>", "result": "fixed<10,4,TRN,WRAP>"},
                # The constant of the sum behind a product is the bias of hls4ml's layer.
                "fc1_bias": {"bias": "fixed<9,3,TRN,WRAP>"},
                "fc2": {"weight": "fixed<6,1,TRN,WRAP>"},
            }
        },
    }


@pytest.mark.parametrize("names", [("fc1", "fc1_bias"), ("fc1_bias", "fc1")])
def test_a_format_that_the_sum_itself_has_wins(names: tuple[str, str]) -> None:
    formats = {"fc1": "ap_fixed<9,3>", "fc1_bias": "ap_fixed<7,3>"}
    found = read(**{name: {"Precision": {"bias": formats[name]}} for name in names})
    assert found.options["precision"]["layers"]["fc1_bias"] == {"bias": "fixed<7,3,TRN,WRAP>"}
    assert len(found.entries) == 2


def test_one_precision_for_a_whole_layer_and_for_a_class() -> None:
    found = from_hls4ml(
        {
            "Model": {"Precision": "ap_fixed<16,6>"},
            "LayerType": {"Dense": {"Precision": {"weight": "ap_fixed<8,2>"}}},
            "LayerName": {"fc2": {"Precision": "ap_fixed<5,1>"}},
        },
        model=mlp(),
    )
    five = "fixed<5,1,TRN,WRAP>"
    assert found.options["precision"] == {
        "model": "fixed<16,6,TRN,WRAP>",
        "layers": {
            "fc1": {"weight": "fixed<8,2,TRN,WRAP>"},
            "fc2": {"weight": five, "result": five},
        },
    }
    netloom.compile(mlp(), precision=found.options["precision"])


def test_formats_of_a_role_in_the_whole_model() -> None:
    found = from_hls4ml({"Model": {"Precision": {"default": "fixed<16,6>", "weight": "fixed<8,2>"}}})
    assert found.options["precision"] == {
        "model": "fixed<16,6,TRN,WRAP>",
        "layers": {"*": {"weight": "fixed<8,2,TRN,WRAP>"}},
    }


def test_strategies_and_reuse_factors_reach_the_layers_that_have_them() -> None:
    found = from_hls4ml(
        {
            "Model": {"Strategy": "Latency", "ReuseFactor": 1},
            "LayerName": {"fc1": {"Strategy": "Resource", "ReuseFactor": 4}, "act1": {"ReuseFactor": 1}},
        },
        model=mlp(),
    )
    assert found.options == {
        "strategy": {"*": "latency", "fc1": "resource"},
        "reuse_factor": {"*": 1, "fc1": 4},
    }
    assert found.dropped == ()
    design = netloom.compile(mlp(), precision="fixed<16,6>", **found.options)
    layers = [op for op in program_ops(main(design.module)) if isinstance(op, DenseOp)]
    assert [(layer.origin_name, layer.strategy.data) for layer in layers] == [
        ("fc1", "resource"),
        ("fc2", "latency"),
    ]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Latency", "latency"),
        ("Resource", "resource"),
        ("resource", "resource"),
        ("ResourceUnrolled", "resource"),
        ("resource_unrolled", "resource"),
        ("distributed_arithmetic", "adder_graph"),
        ("DA", None),
        ("da", "adder_graph"),
        ("Magic", None),
    ],
)
def test_strategies(theirs: str, ours: str | None) -> None:
    found = from_hls4ml({"Model": {"Strategy": theirs}})
    assert found.options.get("strategy") == ours
    assert len(found.dropped) == (ours is None)


def test_table_sizes_must_agree() -> None:
    assert read(prob={"TableSize": 2048}).options == {"table_bits": 11}
    assert read(prob={"table_size": 1000}).options == {}
    mixed = read(prob={"TableSize": 2048}, act1={"TableSize": 1024})
    assert (mixed.options, len(mixed.dropped)) == ({}, 2)


def test_a_softmax_that_is_skipped() -> None:
    assert read(prob={"Skip": True}).options == {"cut_softmax": True}
    assert read(prob={"Skip": False}).options == {}


@pytest.mark.parametrize(
    ("uncertainty", "percent"), [("12.5%", 12.5), ("27%", 27.0), (0.5, 12.5), ("0.5", 12.5), ("many", None)]
)
def test_clock_uncertainty_is_a_percentage_or_nanoseconds(uncertainty: object, percent: float | None) -> None:
    found = from_hls4ml({"ClockUncertainty": uncertainty, "ClockPeriod": "4", "Backend": "Vivado"})
    assert found.options.get("clock_uncertainty_percent") == percent


@pytest.mark.parametrize(
    ("part", "backend", "options"),
    [
        ("xcvu13p-flga2577-2-e", "Vivado", {"device": "xcvu13p"}),
        ("Arria10", "Quartus", {"device": "arria-10"}),
        ("xc7z100ffg1156-2", "Vitis", {"part": "xc7z100ffg1156-2"}),
        ("Arria10", "oneAPI", {"device": "arria-10"}),
        ("unknown", "oneAPI", {}),
    ],
)
def test_a_part_is_a_known_device_or_goes_to_the_vendors_tool(
    part: str, backend: str, options: dict[str, str]
) -> None:
    found = from_hls4ml({"Part": part, "Backend": backend}).options
    assert {key: value for key, value in found.items() if key in ("device", "part")} == options


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ({"fc1": {"ReuseFactr": 4}}, "hls4ml reads no such entry; did you mean 'reuse_factor'?"),
        ({"fc9": {"ReuseFactor": 4}}, "the model has no layer of this name"),
        ({"fc1": {"ReuseFactor": 4}}, "only layers of strategy 'resource' share multipliers"),
        ({"fc1": {"ReuseFactor": 0}}, "not a positive whole number"),
        ({"fc1": {"Precision": {"kernel": "fixed<8,2>"}}}, "no layer of netloom has a type 'kernel'"),
        ({"act1": {"Precision": "ufixed<8,2>"}}, "the operation is exact: its result has a format"),
        ({"prob": {"Precision": {"result": "ufixed<8,0>"}}}, "a softmax is several operations here"),
        ({"prob": {"exp_table_t": "ap_fixed<18,8>"}}, "tables have the format of the layer's result"),
        ({"prob": {"Implementation": "legacy"}}, "a softmax subtracts the largest input"),
        ({"fc1": {"Precision": {"accum": "ap_fixed<24,8>"}}}, "accumulators hold every sum exactly;"),
        ({"fc1": {"Precision": {"result": "auto"}}}, "formats are not inferred"),
        ({"w1": {"Precision": {"weight": "fixed<8,2>"}}}, "a constant has no type 'weight'"),
    ],
)
def test_layer_entries_without_counterpart_say_why(layers: dict[str, Any], why: str) -> None:
    assert reason(read(**layers)).startswith(why)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"IOType": "io_stream"}, "netloom's backends have io='parallel'"),
        ({"Backend": "oneAPI"}, "netloom has the backends catapult, quartus, vitis, vivado"),
        ({"ClockPeriod": "fast"}, "not a positive number of nanoseconds"),
        ({"IoType": "io_parallel"}, "hls4ml reads no such entry; did you mean 'IOType'?"),
        ({"KerasModel": "model.h5"}, "netloom reads ONNX and QONNX: export the model and compile that"),
        ({"HLSConfig": {"SkipOptimizers": ["fuse"]}}, "hls4ml's passes are not netloom's"),
        (
            {"LayerType": {"Dense": {"ReuseFactor": 2}}},
            "which layers are of this class is known with model= only",
        ),
        ({"Model": {"Precision": {"maximum": "fixed<32,16>"}}}, "formats are not inferred, so that"),
    ],
)
def test_other_entries_without_counterpart_say_why(config: dict[str, Any], why: str) -> None:
    assert reason(from_hls4ml(config)).startswith(why)


def test_names_that_optimizers_made_and_other_letters_are_found() -> None:
    found = read(
        Dense_fc1={"Precision": {"weight": "ap_fixed<8,2>"}}, FC2={"Precision": {"weight": "ap_fixed<7,2>"}}
    )
    assert {name: roles["weight"] for name, roles in found.options["precision"]["layers"].items()} == {
        "fc1": "fixed<8,2,TRN,WRAP>",
        "fc2": "fixed<7,2,TRN,WRAP>",
    }


def test_the_model_in_the_configuration_is_used() -> None:
    found = from_hls4ml({"OnnxModel": mlp(), "LayerName": {"act1": {"Precision": "fixed<8,2>"}}})
    assert reason(found).startswith("the operation is exact")


def test_quantizers_of_a_model_keep_the_formats() -> None:
    from tests.shared import EXAMPLE

    found = from_hls4ml(
        {"LayerName": {"node__symbolic_1": {"Precision": "fixed<8,2>"}}}, model=EXAMPLE / "model.onnx"
    )
    assert reason(found) == "the model's own quantizer gives this tensor its format"


# --- refusals


def refusal(config: Any, **options: Any) -> str:
    with pytest.raises(CompileError) as caught:
        from_hls4ml(config, **options)
    return str(caught.value)


def test_strict_refuses_what_is_dropped() -> None:
    config = {"IOType": "io_stream", "Backend": "Vitis", "ProjectName": "jet"}
    assert refusal(config, strict=True) == (
        "[NL208] at 'IOType': no counterpart for 'io_stream': netloom's backends have io='parallel'\n"
        "  to do: leave out this entry and 1 others; without strict they are listed in 'dropped'"
    )
    assert from_hls4ml({"Backend": "Vitis"}, strict=True).options == {"backend": "vitis"}


@pytest.mark.parametrize("config", [[], "", {"Model": "Latency"}, {"HLSConfig": {"LayerName": ["fc1"]}}])
def test_what_is_no_configuration(config: Any, tmp_path: Path) -> None:
    if config == "":
        (tmp_path / "config.yml").write_text("- a\n- b\n")
        config = tmp_path / "config.yml"
    assert refusal(config).startswith("[NL203] at 'hls4ml configuration': ")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.yml").startswith("[NL101] at 'none.yml': No such file")
    (tmp_path / "broken.yml").write_text("a: [")
    assert refusal(tmp_path / "broken.yml").startswith("[NL101] at 'broken.yml': ")
    (tmp_path / "model.onnx").write_text("no model")
    assert refusal({}, model=tmp_path / "model.onnx").startswith("[NL101] at 'model.onnx': ")
    assert refusal({}, model=3).startswith("[NL111] at 'model': no layers can be read from a int")


def test_yaml_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yml").write_text("Model: {}\n")
    original = builtins.__import__

    def without_yaml(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_yaml)
    assert refusal(tmp_path / "config.yml") == (
        "[NL603] at 'pyyaml': PyYAML is not installed\n"
        "  to do: pip install 'netloom[hls4ml]', or pass the configuration as a dict"
    )


def test_the_outcomes_print_as_a_list() -> None:
    text = str(from_hls4ml({"Backend": "Vitis", "IOType": "io_stream", "OutputDir": "prj"}))
    assert text == (
        "mapped: Backend = 'Vitis': backend\n"
        "implied: OutputDir = 'prj': Design.write takes the directory\n"
        "dropped: IOType = 'io_stream': netloom's backends have io='parallel'"
    )
