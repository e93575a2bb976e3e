"""Projects of streaming designs: scripts, FIFO depths, and what the tools' co-simulation says of them."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from netloom.backends.vivado.report import read_vitis_report, read_vivado_report
from netloom.core.diagnostics import CompileError
from netloom.core.headers import find_headers
from netloom.core.plan import BuildPlan
from netloom.sim.vectors import with_vectors
from tests.backends.flow_designs import KINDS, design_of, frames, small_cnn
from tests.backends.tcl import command, run_tcl
from tests.backends.test_hls_pragmas import VENDORS, texts
from tests.backends.test_hls_pragmas import emitted as pragmas_in
from tests.backends.test_hls_projects import CATAPULT_COMMANDS, CONFIG_KEYS, HLS_COMMANDS, make
from tests.backends.test_hls_stream import emitted

WITH_PROFILING = {
    **HLS_COMMANDS,
    "cosim_design": command("-O -argv= -rtl= -tool= -trace_level= -setup -enable_dataflow_profiling", (0, 0)),
}
WITH_DEPTHS = {
    **CATAPULT_COMMANDS,
    "directive set": command(
        "-DESIGN_HIERARCHY= -CLOCKS= -MEM_MAP_THRESHOLD= -ROM_THRESHOLD= -FIFO_DEPTH= -match=", (0, 2)
    ),
}


@pytest.fixture(scope="module")
def plans() -> Mapping[str, BuildPlan]:
    """The same small network for every tool."""
    module = small_cnn()
    return {name: emitted(module, name) for name in VENDORS}


def fifos_of(plan: BuildPlan) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(plan.properties["fifos"])
    return found


@pytest.mark.parametrize("name", VENDORS)
def test_emission_gives_the_same_bytes_every_time_in_readable_lines(
    name: str, plans: Mapping[str, BuildPlan]
) -> None:
    plan = plans[name]
    assert emitted(small_cnn(), name).digest == plan.digest
    for path, text in plan.files.items():
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
        for line in text.splitlines():
            assert line == line.rstrip(), (path, line)
            assert len(line) <= 170, (path, line)


@pytest.mark.parametrize("name", VENDORS)
def test_every_pragma_is_an_entry_of_the_vendors_table(name: str) -> None:
    rng = np.random.default_rng(3)
    known = texts(VENDORS[name])
    for module in (small_cnn(), small_cnn(reuse_factor=9), design_of([kind(rng) for kind in KINDS])):
        found = pragmas_in(emitted(module, name))
        lines = [line for line in found if line != "hls_stream"]  # a header
        assert lines
        assert [line for line in lines if not any(p.fullmatch(line) for p in known.values())] == []


def test_every_fifo_has_the_depth_of_the_program(plans: Mapping[str, BuildPlan]) -> None:
    texts_of = {
        "vivado": "#pragma HLS STREAM variable={signal} depth={depth} dim=1",
        "vitis": "#pragma HLS STREAM variable={signal} depth={depth}\n",
        "quartus": "_beat, ihc::buffer<{depth}>> {signal};",
    }
    for name, text in texts_of.items():
        top = plans[name].files["src/tiny.cpp"]
        fifos = fifos_of(plans[name])
        assert len({fifo["depth"] for fifo in fifos}) > 1
        for fifo in fifos:
            assert text.format(**fifo) in top
    for fifo in fifos_of(plans["catapult"]):
        line = "directive set /$top/{signal}:cns -FIFO_DEPTH {depth}\n".format(**fifo)
        assert line in plans["catapult"].files["scripts/build.tcl"]


def test_amd_ports_are_axi4_streams_of_whole_bytes(plans: Mapping[str, BuildPlan]) -> None:
    for name, sides, port in (("vivado", "1, 1, 1", "axis"), ("vitis", "0, 0, 0", "mode=axis")):
        files = plans[name].files
        # 3 x 8 bits and 5 x 8 bits.
        assert f"typedef ap_axiu<24, {sides}> x_word;" in files["src/types.h"]
        assert f"typedef ap_axiu<40, {sides}> y_word;" in files["src/types.h"]
        for signal in ("x", "y"):
            assert f"#pragma HLS INTERFACE {port} port={signal}\n" in files["src/tiny.cpp"]


def test_words_beyond_the_headers_limit_are_announced_to_them() -> None:
    rng = np.random.default_rng(0)
    case = next(case for case in iter(lambda: KINDS[0](rng), None) if case.takes and case.takes.beats > 1)
    small = emitted(design_of([case]), "vitis").files["src/types.h"]
    assert "AP_INT_MAX_W" not in small
    wide = emitted(small_cnn(width=90, height=3, channels=129), "vitis").files["src/types.h"]
    assert "#define AP_INT_MAX_W 1032\n" in wide
    assert wide.index("AP_INT_MAX_W") < wide.index("ap_fixed.h")


@pytest.mark.parametrize("name", VENDORS)
def test_a_window_keeps_rows_and_no_frame(name: str, plans: Mapping[str, BuildPlan]) -> None:
    text = plans[name].files["src/actors/conv1_window.h"]
    assert "static x_beat lines[2][8];" in text
    assert "static x_beat columns[3][3];" in text
    arrays = re.findall(r"static \w+ \w+((?:\[\d+\])+);", text)
    assert arrays == ["[2][8]", "[3][3]"]


def test_stages_with_shared_multipliers_take_a_beat_in_as_many_cycles() -> None:
    module = small_cnn(reuse_factor=9)
    stage = emitted(module, "vitis").files["src/actors/conv1.h"]
    assert "#pragma HLS PIPELINE II=9 style=flp" in stage
    assert re.search(r"#pragma HLS ALLOCATION operation instances=mul limit=12\n", stage)
    # Their tools run the loop of the steps inside.
    for name in ("quartus", "catapult"):
        before = emitted(module, name).files["src/actors/conv1.h"].split("for (int n")[0].splitlines()
        assert not any("ii" in line or "interval" in line for line in before[-2:])


@pytest.mark.parametrize("name", ["vivado", "vitis"])
def test_amd_scripts_ask_for_the_occupancy_of_fifos_where_the_tool_tracks_it(
    name: str, plans: Mapping[str, BuildPlan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = plans[name].write(tmp_path / name)
    monkeypatch.setenv("STEPS", "cosim")
    calls = run_tcl(directory, "scripts/build.tcl", WITH_PROFILING)
    asked = ["-enable_dataflow_profiling"] if name == "vitis" else []
    assert calls[-1] == ["cosim_design", "-rtl", "verilog", "-argv", str(directory / "sim/vectors"), *asked]


def test_the_configuration_of_the_unified_tools_asks_for_it_too(plans: Mapping[str, BuildPlan]) -> None:
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read_string("[general]\n" + plans["vitis"].files["hls_config.cfg"])
    assert set(parsed["hls"]) == CONFIG_KEYS | {"cosim.enable_dataflow_profiling"}
    assert parsed["hls"]["cosim.enable_dataflow_profiling"] == "true"


def test_catapult_makes_a_block_of_every_actor(plans: Mapping[str, BuildPlan], tmp_path: Path) -> None:
    plan = plans["catapult"]
    calls = run_tcl(plan.write(tmp_path / "project"), "scripts/build.tcl", WITH_DEPTHS)
    (hierarchy,) = [
        call[3].split() for call in calls if call[:3] == ["directive", "set", "-DESIGN_HIERARCHY"]
    ]
    called = re.findall(r"^    (\w+)\(", plan.files["src/tiny.cpp"], re.MULTILINE)
    assert hierarchy == ["tiny", *called]
    for name in called:
        assert f"#pragma hls_design block\nvoid {name}(" in plan.files[f"src/actors/{name}.h"]
    depths = [call[2:] for call in calls if "-FIFO_DEPTH" in call]
    assert depths == [
        [f"/tiny/{fifo['signal']}:cns", "-FIFO_DEPTH", str(fifo["depth"])] for fifo in fifos_of(plan)
    ]


@pytest.mark.parametrize("name", ["vivado", "quartus", "catapult"])
def test_the_test_bench_compares_beats_and_the_marks_of_frames(
    name: str, tmp_path: Path, plans: Mapping[str, BuildPlan]
) -> None:
    plan = plans[name]
    inputs, expected = frames(small_cnn(), 6)
    directory = with_vectors(plan, inputs, expected).write(tmp_path / "project")
    strict = "-O0 -Wall -Wextra -Werror -Wno-unknown-pragmas -pedantic"
    headers = f"HEADERS={find_headers(plan.properties['headers'])}"
    done = make(directory, "csim-gxx", headers, f"CXXFLAGS={strict}")
    assert done.returncode == 0, done.stderr
    assert "netloom: PASS samples=6 differences=0" in done.stdout
    assert "WARNING" not in done.stdout

    expected_file = directory / "sim/vectors/out_y.txt"
    lines = expected_file.read_text().splitlines()
    first, _, rest = lines[3].partition(" ")
    lines[3] = f"{int(first) ^ 1} {rest}"
    expected_file.write_text("\n".join(lines) + "\n")
    failed = subprocess.run(["build/testbench"], cwd=directory, capture_output=True, text=True)
    assert (failed.returncode, failed.stdout) == (1, "netloom: FAIL samples=6 differences=1\n")


def profiled(directory: Path, index: str, files: Mapping[str, str]) -> Path:
    """What a co-simulation leaves."""
    database = directory / "tiny_component/hls/.autopilot/db"
    (database / "channel_depth_info").mkdir(parents=True)
    (database / "channel_info.csv").write_text(index)
    with zipfile.ZipFile(database / "channel_depth_info/channel.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return directory


def test_occupancy_of_fifos_is_read(tmp_path: Path) -> None:
    index = "1,f_conv1_in_U,tiny,chan_status1.csv\n2,f_conv2_in2_U,tiny,chan_status2.csv\n"
    files = {"chan_status1.csv": "0\n2\n1\n1\n", "chan_status2.csv": "0\n15\n3\n12\n"}
    report = read_vitis_report(profiled(tmp_path, index, files))
    assert report is not None
    assert dict(report.figures) == {"cosim_f_conv1_in_beats": 1, "cosim_f_conv2_in2_beats": 12}
    # Vivado HLS has no such files.
    assert read_vivado_report(tmp_path) is None
    assert read_vitis_report(tmp_path / "elsewhere") is None


@pytest.mark.parametrize(
    ("index", "text"),
    [
        ("1,f_in_U,tiny,missing.csv\n", "1\n"),
        ("1,f_in_U\n", "1\n"),
        ("1,f_in_U,tiny,a.csv\n", "many\n"),
        ("1,f_in_U,tiny,a.csv\n", "\n"),
    ],
)
def test_occupancy_that_makes_no_sense_is_an_error(index: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"\[NL605\] at 'tiny_component/.*the occupancy of the FIFOs"):
        read_vitis_report(profiled(tmp_path, index, {"a.csv": text}))
