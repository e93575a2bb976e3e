"""compile() and Design on the jet tagger that the repository ships."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import netloom
from netloom import CompileError
from netloom.backends.vhdl.options import VhdlOptions
from netloom.ir.text import parse_module, print_module
from tests.shared import EXAMPLE


@pytest.fixture(scope="module")
def jets() -> dict[str, Any]:
    return dict(np.load(EXAMPLE / "jets.npz"))


@pytest.fixture(scope="module")
def design() -> netloom.Design:
    return netloom.compile(EXAMPLE / "model.onnx")


def test_prediction_equals_the_reference_framework(design: netloom.Design, jets: dict[str, Any]) -> None:
    assert np.array_equal(design.predict(jets["x"]), jets["expected"])


def test_raw_outputs_are_mantissas_of_the_output_format(design: netloom.Design, jets: dict[str, Any]) -> None:
    raw = design.predict(jets["x"], raw=True)
    port = next(port for port in design.report().ports if port.direction == "out")
    assert raw.dtype == np.int64
    assert np.array_equal(np.ldexp(raw.astype(float), -port.format.fraction), jets["expected"])


def test_simulation_gives_equal_bits_and_the_predicted_latency(
    design: netloom.Design, jets: dict[str, Any]
) -> None:
    x = jets["x"][:32]
    assert np.array_equal(design.simulate(x), design.predict(x))
    assert design.last_simulation is not None
    assert design.last_simulation.latency_cycles == design.report().latency_cycles
    assert design.last_simulation.interval == 1


def test_a_path_a_model_and_a_module_compile_to_the_same_project(design: netloom.Design) -> None:
    path = EXAMPLE / "model.onnx"
    from_string = netloom.compile(str(path))
    from_model = netloom.compile(onnx.load(path))
    assert design.source is not None
    from_module = netloom.compile(design.source)
    digests = {d.plan.digest for d in (design, from_string, from_model)}
    assert len(digests) == 1
    assert print_module(from_module.module) == print_module(design.module)


def test_a_dict_by_input_name_is_the_same_as_an_array(design: netloom.Design, jets: dict[str, Any]) -> None:
    assert np.array_equal(design.predict({"x": jets["x"]}), design.predict(jets["x"]))


def test_an_empty_batch_gives_an_empty_result(design: netloom.Design) -> None:
    empty = np.zeros((0, 16), dtype=np.float32)
    assert design.predict(empty).shape == (0, 5)
    assert design.simulate(empty).shape == (0, 5)


def test_the_written_project_is_complete_and_identical_when_written_twice(
    design: netloom.Design, tmp_path: Path
) -> None:
    design.write(tmp_path / "a")
    netloom.compile(EXAMPLE / "model.onnx").write(tmp_path / "b")
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert {Path("netloom/design.mlir"), Path("netloom/pipeline.txt"), Path("netloom/options.json")} <= set(
        files
    )
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)
    text = "".join((tmp_path / "a" / f).read_text() for f in files)
    assert str(tmp_path) not in text


def test_the_written_ir_reads_back_as_the_design(design: netloom.Design, jets: dict[str, Any]) -> None:
    module = parse_module(design.plan.files["netloom/design.mlir"])
    assert print_module(module) == print_module(design.module)


def test_the_trace_has_every_layer_and_ends_in_the_prediction(
    design: netloom.Design, jets: dict[str, Any]
) -> None:
    trace = design.trace(jets["x"][:8])
    assert np.array_equal(trace["node_linear_3"].reshape(8, 5), design.predict(jets["x"][:8]))


def test_a_quantized_model_does_not_depart_from_its_source(
    design: netloom.Design, jets: dict[str, Any]
) -> None:
    comparison = design.compare(jets["x"])
    assert len(comparison.layers) >= 8
    assert all(layer.largest == 0.0 for layer in comparison.layers)


def test_compare_with_given_values_finds_the_layer_that_differs(
    design: netloom.Design, jets: dict[str, Any], tmp_path: Path
) -> None:
    reference = design.trace(jets["x"])
    reference["node_linear_1"] = reference["node_linear_1"] + 0.5
    comparison = design.compare(jets["x"], reference)
    assert {row.origin: row.largest for row in comparison.layers if row.largest} == {"node_linear_1": 0.5}
    assert comparison.plot(tmp_path / "errors.png").stat().st_size > 1000


def test_check_semantics_watches_a_whole_compilation(jets: dict[str, Any]) -> None:
    design = netloom.compile(EXAMPLE / "model.onnx", check_semantics=jets["x"][:16])
    assert np.array_equal(design.predict(jets["x"]), jets["expected"])


def test_print_ir_sees_the_module_around_every_pass() -> None:
    seen: list[tuple[str, str]] = []
    design = netloom.compile(
        EXAMPLE / "model.onnx",
        print_ir=lambda moment, name, module: seen.append((moment, name.split("{")[0])),
    )
    names = [timing.name for timing in design.timings]
    assert seen == [(moment, name) for name in names for moment in ("before", "after")]


def test_strategy_latency_gives_the_same_bits(design: netloom.Design, jets: dict[str, Any]) -> None:
    other = netloom.compile(EXAMPLE / "model.onnx", strategy={"node_linear": "latency"})
    x = jets["x"][:16]
    assert np.array_equal(other.simulate(x), design.predict(x))
    assert [layer.op for layer in other.report().layers].count("nn.dense") == 1


def test_a_slower_clock_needs_fewer_cycles(design: netloom.Design) -> None:
    slow = netloom.compile(EXAMPLE / "model.onnx", clock_period_ns=20.0)
    assert slow.report().latency_cycles < design.report().latency_cycles


def test_the_graph_is_a_path_from_input_to_output(design: netloom.Design) -> None:
    import networkx

    graph = design.graph()
    assert networkx.has_path(graph, "input:x", "output:linear_3")


def test_importing_netloom_does_not_load_the_compiler() -> None:
    code = "import netloom, sys; print('onnx' in sys.modules, 'xdsl' in sys.modules, 'numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"backend": "vhd"},
            "[NL204] at 'backend': unknown backend 'vhd'\n"
            "  supported: catapult, quartus, vhdl, vitis, vivado\n"
            "  to do: did you mean 'vhdl'?",
        ),
        (
            {"io": "streem"},
            "[NL203] at 'io': backend 'vhdl' has no io='streem'\n  supported: parallel, stream\n"
            "  to do: did you mean 'stream'?",
        ),
        (
            {"requantize": "treshold"},
            "[NL203] at 'requantize': requantize is 'treshold'\n  supported: thresholds, multiplier\n"
            "  to do: did you mean 'thresholds'?",
        ),
        (
            {"table_bits": 40},
            "[NL203] at 'table_bits': table_bits is 40\n  supported: 2 to 16",
        ),
        (
            {"precision": {"layer": {}}},
            "[NL201] at 'precision': unknown key 'layer' in precision\n  supported: model, layers\n"
            "  to do: did you mean 'layers'?",
        ),
        (
            {"device": "xcvu9"},
            None,
        ),
    ],
)
def test_wrong_options_are_refused_with_what_is_allowed(options: dict[str, Any], message: str | None) -> None:
    with pytest.raises(CompileError) as caught:
        netloom.compile(EXAMPLE / "model.onnx", **options)
    if message is None:
        assert caught.value.code == "NL206"
        assert "did you mean 'xcvu9p'?" in str(caught.value)
    else:
        assert str(caught.value) == message


def test_an_unknown_option_is_refused_with_a_suggestion() -> None:
    with pytest.raises(CompileError) as caught:
        netloom.compile(EXAMPLE / "model.onnx", clock_perod_ns=3)
    assert str(caught.value).startswith("[NL201] at 'clock_perod_ns': unknown option 'clock_perod_ns'\n")
    assert str(caught.value).endswith("did you mean 'clock_period_ns'?")


def test_a_file_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"x")
    with pytest.raises(CompileError) as caught:
        netloom.compile(path)
    assert caught.value.code == "NL111"
    assert "no frontend reads 'model.bin'" in str(caught.value)


def test_a_written_project_simulates_itself(design: netloom.Design, tmp_path: Path) -> None:
    project = design.write(tmp_path / "project")
    done = subprocess.run(["sh", "scripts/ghdl.sh"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "netloom: PASS" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [("clock_period_ns", "abc"), ("depth_slack", "x"), ("register_inputs", "no"), ("device", 7)],
)
def test_option_values_of_the_wrong_type_are_refused(option: str, value: object) -> None:
    with pytest.raises(CompileError) as caught:
        netloom.compile(EXAMPLE / "model.onnx", **{option: value})
    assert (caught.value.code, caught.value.origin) == ("NL203", option)


def test_symmetric_saturation_at_one_bit_is_that_of_the_vendors() -> None:
    design = netloom.compile(EXAMPLE / "model.onnx", input_precision="fixed<1,1,RND,SAT_SYM>")
    low, high = np.full((1, 16), -1.0), np.full((1, 16), -9.0)
    assert np.array_equal(design.predict(low), design.predict(high))
    assert not np.array_equal(design.predict(low), design.predict(np.zeros((1, 16))))


def test_wide_inputs_saturate_at_the_last_bit() -> None:
    design = netloom.compile(EXAMPLE / "model.onnx", input_precision="fixed<32,12>")
    beyond, inside = np.full((1, 16), 1e9), np.full((1, 16), 2047.0)
    assert np.array_equal(design.simulate(beyond), design.predict(beyond))
    assert np.array_equal(design.predict(beyond), design.predict(inside))


def test_extra_passes_run_on_the_real_network_before_formats_are_chosen() -> None:
    other = netloom.compile(EXAMPLE / "model.onnx", extra_passes="canonicalize,cse")
    assert other.pipeline.split(",")[3:8] == [
        "fuse-tree-inputs",
        "decompose-functions",
        "canonicalize",
        "cse",
        "quantize-inputs",
    ]


def test_extra_passes_beside_a_pipeline_are_refused() -> None:
    with pytest.raises(CompileError, match=r"\[NL203\].*: extra_passes is 'cse' beside a pipeline"):
        netloom.compile(EXAMPLE / "model.onnx", pipeline="clean", extra_passes="cse")
    with pytest.raises(CompileError, match=r"\[NL203\] at 'extra_passes'"):
        netloom.compile(EXAMPLE / "model.onnx", extra_passes={"a": "b"})


def test_figures_of_a_vendors_reports_are_read_from_a_written_project(tmp_path: Path) -> None:
    project = netloom.compile(EXAMPLE / "model.onnx", backend="vitis").write(tmp_path / "project")
    assert netloom.api.read_tool_report(project) is None
    with pytest.raises(CompileError, match=r"\[NL605\]"):
        netloom.api.read_tool_report(tmp_path)


def test_a_backend_without_a_simulator_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    other = netloom.compile(EXAMPLE / "model.onnx", backend="catapult")
    monkeypatch.setattr(type(other.backend), "simulator", lambda self, plan: None)
    with pytest.raises(
        CompileError, match=r"\[NL601\] at 'simulate': the backend 'catapult' has no simulator"
    ):
        other.simulate(np.zeros((1, 16)))


@pytest.mark.parametrize(("word", "effort"), [("low", 0.0), ("default", 0.03), (0.5, 0.5), ("0.5", 0.5)])
def test_effort_is_a_word_or_a_number(word: float | str, effort: float) -> None:
    assert VhdlOptions(effort=word).effort == effort


@pytest.mark.parametrize("word", ["hgih", -1, "nan"])
def test_an_effort_that_is_none_is_refused(word: object) -> None:
    with pytest.raises(CompileError, match="effort is") as raised:
        netloom.compile(EXAMPLE / "model.onnx", effort=word)
    assert raised.value.code == "NL203"
