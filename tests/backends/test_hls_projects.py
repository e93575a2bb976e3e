"""The projects of the HLS backends: scripts that the tools' interpreters take, Makefiles that run."""

from __future__ import annotations

import configparser
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import netloom
from netloom.api import Design
from netloom.backends.hls.options import HlsOptions
from netloom.core.diagnostics import CompileError
from netloom.core.headers import find_headers
from netloom.core.plan import BuildPlan
from netloom.core.plugins import registry
from netloom.core.tools import TOOLS
from netloom.ir.nn import ReluOp
from tests.backends.designs import Program, signed
from tests.backends.tcl import command, run_tcl
from tests.shared import EXAMPLE

BACKENDS = ("vivado", "vitis", "quartus", "catapult")
TYPES = {"vivado": "ap", "vitis": "ap", "quartus": "ac", "catapult": "ac"}
SCRIPTS = {
    "vivado": {"scripts/build.tcl", "scripts/vivado_synth.tcl", "constraints/clock.xdc"},
    "vitis": {"scripts/build.tcl", "scripts/vivado_synth.tcl", "constraints/clock.xdc", "hls_config.cfg"},
    "quartus": set[str](),
    "catapult": {"scripts/build.tcl"},
}
TARGETS = {
    "vivado": ("csim", "synth", "cosim", "export", "vivado", "clean"),
    "vitis": ("csim", "synth", "cosim", "export", "vivado", "clean"),
    "quartus": ("csim", "synth", "cosim", "export", "quartus", "clean"),
    "catapult": ("csim", "synth", "cosim", "export", "vivado", "clean"),
}

HLS_COMMANDS = {
    # UG902 and UG1399, Command Reference.
    "open_project": command("-reset", (1, 1)),
    "set_top": command("", (1, 1)),
    "add_files": command("-tb -cflags= -csimflags= -blackbox", (1, 1)),
    "open_solution": command("-reset -flow_target=", (1, 1)),
    "set_part": command("", (1, 1)),
    "create_clock": command("-period= -name=", (0, 0)),
    "set_clock_uncertainty": command("", (1, 2)),
    "config_array_partition": command("-maximum_size=", (0, 0)),
    "csim_design": command("-O -argv= -clean -ldflags= -setup", (0, 0)),
    "csynth_design": command("", (0, 0)),
    "cosim_design": command("-O -argv= -rtl= -tool= -trace_level= -setup", (0, 0)),
    "export_design": command("-rtl= -format= -flow= -version= -vendor= -library=", (0, 0)),
}
VIVADO_COMMANDS = {
    # UG835.
    "create_project": command("-in_memory -part=", (0, 1)),
    "add_files": command("", (1, 1)),
    "read_xdc": command("", (1, 1)),
    "synth_design": command("-top= -part= -mode=", (0, 0)),
    "opt_design": command(),
    "report_utilization": command("-file= -hierarchical", (0, 0)),
    "report_timing_summary": command("-file=", (0, 0)),
}
LIBRARY = "/CONFIG/PARAMETERS/" + "/PARAMETERS/".join(
    ["Vivado", "Xilinx", "VIRTEX-uplus", "-2", "xcvu9p/LIBRARIES/some/NAME"]
)
CATAPULT_COMMANDS = {
    "options set": command("", (2, 2)),
    "project new": command("-name=", (0, 0)),
    "project save": command(),
    "flow package require": command("", (1, 1)),
    "flow package option": command("", (3, 3)),
    "flow run": command("-shell", (2, 5)),
    "solution file add": command("-type= -exclude=", (1, 1)),
    "solution library add": command("-rtlsyntool= -vendor= -manufacturer= -family= -speed= -part=", (1, 2)),
    "library get": command(
        "-match= -ret=", (1, 1), f'return [expr {{[lindex $args end] eq "v" ? "some_lib_beh" : "{LIBRARY}"}}]'
    ),
    "directive get": command(
        "-match= -checkpath= -ret=", (1, 1), "return [string map {* x} [lindex $args end]]"
    ),
    "directive set": command(
        "-DESIGN_HIERARCHY= -CLOCKS= -MEM_MAP_THRESHOLD= -ROM_THRESHOLD= -match=", (0, 2)
    ),
    "logfile message": command("", (2, 2)),
    **{f"go {state}": command() for state in ("analyze", "compile", "libraries", "assembly", "architect")},
    **{f"go {state}": command() for state in ("allocate", "extract")},
}
INTEL_OPTIONS = re.compile(
    r"-march=\S+|--clock \d+\.\d+ns|--simulator none|-ghdl|--quartus-compile|-o \w+|(src|tb)/\w+\.cpp"
)
"""Options of i++ (MNL-1083, i++ Command-Line Arguments) in the projects."""

CONFIG_KEYS = {
    # UG1399, HLS Config File Commands.
    "flow_target",
    "clock",
    "clock_uncertainty",
    "syn.top",
    "syn.file",
    "syn.cflags",
    "tb.file",
    "tb.cflags",
    "csim.argv",
    "cosim.argv",
    "cosim.rtl",
    "package.output.format",
}


@pytest.fixture(scope="module")
def designs() -> Mapping[str, Design]:
    """The jet tagger with shared multipliers, for each backend."""
    return {
        name: netloom.compile(
            EXAMPLE / "model.onnx", backend=name, strategy="resource", reuse_factor=4, clock_period_ns=4.0
        )
        for name in BACKENDS
    }


@pytest.fixture(scope="module")
def projects(designs: Mapping[str, Design], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    parent = tmp_path_factory.mktemp("projects")
    return {name: design.write(parent / name) for name, design in designs.items()}


def emit(backend: str, **options: Any) -> BuildPlan:
    """The plan of a small program."""
    program = Program([((2, 3), signed(6, 3))], name="small")
    program.output(program.add(ReluOp, program.inputs[0]))
    chosen = registry().backends[backend].value
    plan: BuildPlan = chosen.emit(program.finish(), chosen.options(**options))
    return plan


def words(calls: list[list[str]]) -> list[str]:
    return [" ".join(call) for call in calls]


def make(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-C", str(directory), *arguments], capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_project_has_the_vendors_scripts_and_the_same_bytes_every_time(backend: str) -> None:
    plan = emit(backend)
    others = {path for path in plan.files if not path.startswith(("src/", "tb/"))}
    assert others == {"Makefile", "scripts/csim.mk"} | SCRIPTS[backend]
    again = emit(backend)
    assert dict(again.files) == dict(plan.files)
    assert again.steps == plan.steps


@pytest.mark.parametrize("backend", BACKENDS)
def test_scripts_are_readable(backend: str) -> None:
    for path, text in emit(backend).files.items():
        if path.startswith(("src/", "tb/")):
            continue
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
        for line in text.splitlines():
            assert line == line.rstrip(), path
            assert len(line) <= 170, (path, line)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_step_calls_a_known_tool_on_files_of_the_project(
    backend: str, projects: Mapping[str, Path], designs: Mapping[str, Design]
) -> None:
    steps = designs[backend].plan.steps
    assert "synth" in [step.name for step in steps]
    for step in steps:
        assert step.arguments[0] in TOOLS
        for word in step.arguments[1:]:
            if word.endswith((".cpp", ".tcl", ".cfg")):
                assert (projects[backend] / word).is_file(), step


@pytest.mark.parametrize(
    ("backend", "option"), [("vivado", []), ("vitis", ["-flow_target", "vivado"])], ids=["vivado", "vitis"]
)
def test_the_build_script_runs_from_sources_to_synthesis(
    backend: str, option: list[str], projects: Mapping[str, Path]
) -> None:
    directory = projects[backend]
    vectors = str(directory / "sim" / "vectors")
    standard = "c++11" if backend == "vivado" else "c++14"
    calls = run_tcl(directory, "scripts/build.tcl", HLS_COMMANDS)
    assert calls == [
        ["open_project", "-reset", "main_graph_prj"],
        ["set_top", "main_graph"],
        ["add_files", "src/main_graph.cpp", "-cflags", f"-std={standard}"],
        ["add_files", "-tb", "tb/testbench.cpp", "-cflags", f"-std={standard}"],
        ["add_files", "-tb", "sim/vectors"],
        ["open_solution", *option, "solution1"],
        ["set_part", "xcvu9p-flga2104-2-e"],
        ["create_clock", "-period", "4.000", "-name", "default"],
        ["set_clock_uncertainty", "12.5%", "default"],
        ["csim_design", "-argv", vectors],
        ["csynth_design"],
    ]
    for call in calls:
        if call[0] == "add_files":
            assert (directory / next(word for word in call[1:] if not word.startswith("-"))).exists()


@pytest.mark.parametrize("backend", ["vivado", "vitis"])
def test_steps_are_chosen_by_arguments_or_by_the_environment(
    backend: str, projects: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = projects[backend]
    chosen = ["-f", "scripts/build.tcl", "csim=0 synth=0", "cosim=1", "export=1"]
    by_arguments = run_tcl(directory, "scripts/build.tcl", HLS_COMMANDS, chosen)
    monkeypatch.setenv("STEPS", "cosim export")
    assert run_tcl(directory, "scripts/build.tcl", HLS_COMMANDS) == by_arguments
    assert by_arguments[0] == ["open_project", "main_graph_prj"]
    vectors = str(directory / "sim" / "vectors")
    assert by_arguments[-2:] == [
        ["cosim_design", "-rtl", "verilog", "-argv", vectors],
        ["export_design", "-rtl", "verilog", "-format", "ip_catalog"],
    ]


@pytest.mark.parametrize("backend", ["vivado", "vitis", "catapult"])
def test_a_misspelled_step_is_refused(
    backend: str, projects: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = CATAPULT_COMMANDS if backend == "catapult" else HLS_COMMANDS
    with pytest.raises(CompileError, match="unknown step 'syth'"):
        run_tcl(projects[backend], "scripts/build.tcl", commands, ["syth=1"])
    monkeypatch.setenv("STEPS", "synth cossim")
    with pytest.raises(CompileError, match="unknown step 'cossim'"):
        run_tcl(projects[backend], "scripts/build.tcl", commands)


def test_wrong_options_and_commands_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "option.tcl").write_text("set_top a -reset\n")
    with pytest.raises(AssertionError, match="-reset"):
        run_tcl(tmp_path, "option.tcl", HLS_COMMANDS)
    (tmp_path / "many.tcl").write_text("csynth_design now\n")
    with pytest.raises(AssertionError, match="now"):
        run_tcl(tmp_path, "many.tcl", HLS_COMMANDS)
    (tmp_path / "name.tcl").write_text("cosim_desing\n")
    with pytest.raises(CompileError, match="unknown command: cosim_desing"):
        run_tcl(tmp_path, "name.tcl", HLS_COMMANDS)
    (tmp_path / "part.tcl").write_text("go anywhere\n")
    with pytest.raises(AssertionError, match="no such command: go anywhere"):
        run_tcl(tmp_path, "part.tcl", CATAPULT_COMMANDS)


@pytest.mark.parametrize("backend", ["vivado", "vitis"])
def test_logic_synthesis_reads_the_exported_rtl(backend: str, tmp_path: Path) -> None:
    directory = emit(backend).write(tmp_path / "project")
    with pytest.raises(CompileError, match="run the step 'synth' first"):
        run_tcl(directory, "scripts/vivado_synth.tcl", VIVADO_COMMANDS)
    (directory / "small_prj/solution1/syn/verilog").mkdir(parents=True)
    called = words(run_tcl(directory, "scripts/vivado_synth.tcl", VIVADO_COMMANDS))
    assert "add_files small_prj/solution1/syn/verilog" in called
    assert "read_xdc constraints/clock.xdc" in called
    assert "synth_design -top small -part xcvu9p-flga2104-2-e -mode out_of_context" in called
    assert called[-2:] == [
        "report_utilization -file reports/vivado_synth.rpt",
        "report_timing_summary -file reports/vivado_timing.rpt",
    ]
    assert (
        "create_clock -name ap_clk -period 5.000 [get_ports ap_clk]"
        in (directory / "constraints/clock.xdc").read_text()
    )


def test_vivado_hls_is_told_of_arrays_beyond_its_limit(tmp_path: Path) -> None:
    def calls(elements: int) -> list[str]:
        program = Program([((elements,), signed(6, 3))])
        program.output(program.add(ReluOp, program.inputs[0]))
        chosen = registry().backends["vivado"].value
        plan = chosen.emit(program.finish(), chosen.options())
        return words(run_tcl(plan.write(tmp_path / str(elements)), "scripts/build.tcl", HLS_COMMANDS))

    assert "config_array_partition -maximum_size 1025" in calls(1025)
    assert not any("config_array_partition" in call for call in calls(1024))


def test_the_configuration_of_the_unified_tools_names_files_of_the_project(
    projects: Mapping[str, Path],
) -> None:
    text = (projects["vitis"] / "hls_config.cfg").read_text()
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read_string("[general]\n" + text)
    assert dict(parsed["general"]) == {"part": "xcvu9p-flga2104-2-e"}
    settings = parsed["hls"]
    assert set(settings) == CONFIG_KEYS
    assert settings["clock"] == "4.000ns"
    assert settings["clock_uncertainty"] == "12.5%"
    for key in ("syn.file", "tb.file"):
        assert (projects["vitis"] / settings[key]).is_file()
    work = projects["vitis"] / "main_graph_component/hls/csim/build"
    assert (work / settings["csim.argv"]).resolve() == projects["vitis"] / "sim/vectors"


def test_the_catapult_script_runs_from_sources_to_rtl(projects: Mapping[str, Path]) -> None:
    directory = projects["catapult"]
    calls = words(run_tcl(directory, "scripts/build.tcl", CATAPULT_COMMANDS))
    states = [call.removeprefix("go ") for call in calls if call.startswith("go ")]
    assert states == ["analyze", "compile", "libraries", "assembly", "architect", "allocate", "extract"]
    assert f"solution file add {directory}/src/main_graph.cpp -type C++" in calls
    assert f"solution file add {directory}/tb/testbench.cpp -type C++ -exclude true" in calls
    assert f"flow package option set /SCVerify/INVOKE_ARGS {directory}/sim/vectors" in calls
    assert "directive set -DESIGN_HIERARCHY main_graph" in calls
    part = "xcvu9p-flga2104-2-e"
    tool = "-rtlsyntool Vivado -manufacturer Xilinx -family VIRTEX-uplus -speed -2"
    assert f"solution library add some_lib_beh -- {tool} -part {part}" in calls
    assert "solution library add Xilinx_ROMS" in calls
    clock = next(call for call in calls if call.startswith("directive set -CLOCKS"))
    assert "-CLOCK_PERIOD 4.000 -CLOCK_UNCERTAINTY 0.500 " in clock
    # 16 x 64 weights, bytes, in four words.
    assert "directive set -match glob /x/node_linear_weightx/WORD_WIDTH 2048" in calls
    assert not any(call.startswith("flow run") for call in calls)
    assert calls.index("go assembly") < calls.index("go architect")


def test_catapult_simulates_and_verifies_when_asked(
    projects: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPS", "csim")
    calls = words(run_tcl(projects["catapult"], "scripts/build.tcl", CATAPULT_COMMANDS))
    scripts = "/SCVerify/launch_make ./scverify"
    assert calls[-2:] == [f"flow run {scripts}/Verify_orig_cxx_osci.mk  SIMTOOL=osci sim", "project save"]
    monkeypatch.setenv("STEPS", "synth cosim vivado")
    calls = words(run_tcl(projects["catapult"], "scripts/build.tcl", CATAPULT_COMMANDS))
    assert calls[-2:] == [
        f"flow run {scripts}/Verify_rtl_v_msim.mk  SIMTOOL=msim sim",
        "flow run /Vivado/synthesize -shell vivado_concat_v/concat_rtl.v.xv",
    ]


def test_catapult_takes_a_library_by_name(tmp_path: Path) -> None:
    plan = emit("catapult", technology="nangate-45nm_beh -- -rtlsyntool OasysRTL -vendor Nangate")
    calls = words(run_tcl(plan.write(tmp_path / "project"), "scripts/build.tcl", CATAPULT_COMMANDS))
    assert "solution library add nangate-45nm_beh -- -rtlsyntool OasysRTL -vendor Nangate" in calls
    assert not any(call.startswith("library get") for call in calls)


def test_the_catapult_test_bench_can_be_verified() -> None:
    text = emit("catapult").files["tb/testbench.cpp"]
    assert "CCS_MAIN(int argc, char **argv) {" in text
    assert "CCS_RETURN(samples && !differences ? 0 : 1);" in text
    assert "return 2" not in text


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_target_of_a_makefile_has_a_recipe(backend: str, projects: Mapping[str, Path]) -> None:
    for target in (*TARGETS[backend], "csim-gxx"):
        done = make(projects[backend], "-n", target, "HEADERS=headers")
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip(), target
    assert make(projects[backend], "-n", "symth").returncode == 2


def test_makefiles_call_the_vendors_tools(projects: Mapping[str, Path]) -> None:
    def recipe(backend: str, *arguments: str) -> str:
        return make(projects[backend], "-n", "--no-print-directory", *arguments).stdout.strip()

    assert recipe("vivado", "cosim") == 'STEPS="cosim" vivado_hls -f scripts/build.tcl'
    assert recipe("vitis", "synth") == 'STEPS="synth" vitis-run --mode hls --tcl scripts/build.tcl'
    old = recipe("vitis", "synth", "HLS=vitis_hls -f")
    assert old == 'STEPS="synth" vitis_hls -f scripts/build.tcl'
    assert recipe("catapult", "cosim") == 'STEPS="synth cosim" catapult -shell -file scripts/build.tcl'
    for target in ("csim", "synth", "cosim"):
        line = next(line for line in recipe("quartus", target).splitlines() if line.startswith("i++"))
        assert INTEL_OPTIONS.sub("", line.replace('"', "")).split() == ["i++"], line
    # 4 ns less 12.5 %.
    assert "-march=AGFB014R24B2E2V --clock 3.500ns" in recipe("quartus", "synth").replace('"', "")


@pytest.mark.parametrize("backend", BACKENDS)
def test_make_compiles_the_design_and_all_vectors_pass(backend: str, projects: Mapping[str, Path]) -> None:
    headers = f"HEADERS={find_headers(TYPES[backend])}"
    directory = projects[backend]
    done = make(directory, "csim-gxx", headers, "CXXFLAGS=-O0 -w")
    assert done.returncode == 0, done.stderr
    assert re.search(r"netloom: PASS samples=\d+ differences=0", done.stdout)

    expected = directory / "sim/vectors/out_linear_3.txt"
    text = expected.read_text()
    first, rest = text.split(" ", 1)
    expected.write_text(f"{int(first) + 1} {rest}")
    try:
        failed = make(directory, "csim-gxx", headers)
    finally:
        expected.write_text(text)
    assert failed.returncode == 2
    assert "differences=1" in failed.stdout
    assert f"expected {int(first) + 1}, got {first}" in failed.stderr


def test_make_says_which_headers_are_missing(
    projects: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("NETLOOM_AP_TYPES", "XILINX_HLS", "XILINX_VITIS", "XILINX_VIVADO"):
        monkeypatch.delenv(variable, raising=False)
    done = make(projects["vivado"], "csim-gxx", "-B")
    assert done.returncode == 2
    assert "name the directory of ap_fixed.h: make csim-gxx HEADERS=..." in done.stdout
    monkeypatch.setenv("XILINX_HLS", "/opt/hls")
    assert "-isystem /opt/hls/include" in make(projects["vivado"], "-n", "-B", "csim-gxx").stdout


@pytest.mark.parametrize(
    ("backend", "option", "value", "message"),
    [
        (
            "vivado",
            "export_format",
            "ip_catalogue",
            "[NL203] at 'export_format': the export format 'ip_catalogue'\n"
            "  supported: ip_catalog, syn_dcp, sysgen\n  to do: did you mean 'ip_catalog'?",
        ),
        (
            "vitis",
            "export_format",
            "xo",
            "[NL203] at 'export_format': the export format 'xo'\n  supported: ip_catalog, syn_dcp, sysgen",
        ),
        (
            "quartus",
            "family",
            "Virtex",
            "[NL203] at 'family': the family 'Virtex'\n"
            "  supported: Arria10, Cyclone10GX, CycloneV, Stratix10\n"
            "  to do: name a part with the option 'part'",
        ),
        (
            "catapult",
            "technology",
            "a; exec rm",
            "[NL203] at 'technology': the technology library 'a; exec rm'\n"
            "  supported: a library's name, or a name with settings: 'name -- -setting value ...'",
        ),
    ],
)
def test_values_of_options_are_checked(backend: str, option: str, value: str, message: str) -> None:
    options: type[HlsOptions] = registry().backends[backend].value.options
    with pytest.raises(CompileError) as error:
        options.from_mapping({option: value})
    assert str(error.value) == message


def test_options_of_one_vendor_are_none_of_another() -> None:
    options: type[HlsOptions] = registry().backends["vivado"].value.options
    with pytest.raises(CompileError, match="NL201"):
        options.from_mapping({"technology": "nangate-45nm_beh"})


@pytest.mark.parametrize(
    ("backend", "options", "text"),
    [
        ("vivado", {"part": "xcku115-flvb2104-2-i"}, "set part    xcku115-flvb2104-2-i"),
        ("vitis", {"clock_uncertainty_percent": 27}, "set_clock_uncertainty 27% default"),
        ("vitis", {"export_format": "syn_dcp"}, "export_design -rtl verilog -format syn_dcp"),
        ("quartus", {"family": "Arria10"}, "MARCH ?= Arria10"),
        ("quartus", {"clock_uncertainty_percent": 0}, "CLOCK ?= 5.000ns"),
    ],
)
def test_options_reach_the_scripts(backend: str, options: dict[str, Any], text: str) -> None:
    files = emit(backend, **options).files
    assert text in files["Makefile"] + files.get("scripts/build.tcl", "")
