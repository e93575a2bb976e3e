"""Figures of the vendors' reports, by their common names; what cannot be read is named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from netloom.backends.base import ToolReport
from netloom.backends.catapult.report import SOURCES as CATAPULT
from netloom.backends.catapult.report import read_catapult_report
from netloom.backends.hls.reports import Source, number
from netloom.backends.quartus.report import SOURCES as QUARTUS
from netloom.backends.quartus.report import read_quartus_report, variables
from netloom.backends.vivado.report import SOURCES as VIVADO
from netloom.backends.vivado.report import read_vitis_report, read_vivado_report
from netloom.core.diagnostics import CompileError
from netloom.core.plugins import registry
from tests.shared import DATA

from hypothesis import given  # isort: skip
from hypothesis import strategies as st  # isort: skip

REPORTS = DATA / "reports"
READERS: dict[str, Callable[[Path], ToolReport | None]] = {
    "vivado": read_vivado_report,
    "vitis": read_vitis_report,
    "quartus": read_quartus_report,
    "catapult": read_catapult_report,
}
SYNTHESIZED = {
    "synth_lut": 21034,
    "synth_ff": 9981,
    # One and a half tiles of two blocks each.
    "synth_bram18": 3,
    "synth_uram": 0,
    "synth_dsp": 95,
    "synth_slack_ns": -0.137,
}


def figures(kind: str, folder: str = "") -> dict[str, float]:
    report = READERS[kind](REPORTS / (folder or kind))
    assert report is not None
    return dict(report.figures)


def test_vivado_hls() -> None:
    assert figures("vivado") == {
        "clock_target_ns": 5.0,
        "clock_ns": 4.318,
        "latency_min_cycles": 13,
        "latency_average_cycles": 13,
        "latency_cycles": 14,
        "interval_min_cycles": 1,
        "interval_cycles": 2,
        "bram18": 4,
        "dsp": 97,
        "ff": 11210,
        "lut": 38455,
        "uram": 0,
        "bram18_available": 4320,
        "dsp_available": 6840,
        "ff_available": 2364480,
        "lut_available": 1182240,
        "uram_available": 960,
        "cosim_latency_min_cycles": 13,
        "cosim_latency_average_cycles": 13,
        "cosim_latency_cycles": 14,
        "cosim_interval_min_cycles": 1,
        "cosim_interval_average_cycles": 1,
        "cosim_interval_cycles": 2,
        "cosim_passed": 1,
        **SYNTHESIZED,
    }


def test_vitis_hls_of_a_design_whose_latency_depends_on_data_and_whose_cosimulation_failed() -> None:
    found = figures("vitis")
    assert found["latency_min_cycles"] == 13
    assert "latency_cycles" not in found
    assert "interval_cycles" not in found
    assert (found["dsp"], found["dsp_available"]) == (97, 6840)
    assert found["cosim_passed"] == 0
    assert (found["cosim_latency_cycles"], found["cosim_interval_cycles"]) == (23, 4)
    assert not any(name.startswith("synth") for name in found)


def test_intel_hls() -> None:
    assert figures("quartus") == {
        "alut": 5400,
        "ff": 7312,
        "ram": 3,
        "dsp": 64,
        "mlab": 11,
        "alut_available": 974400,
        "ff_available": 1948800,
        "ram_available": 7110,
        "dsp_available": 4510,
        "mlab_available": 0,
        "cosim_latency_min_cycles": 9,
        "cosim_latency_cycles": 12,
        "cosim_latency_average_cycles": 10,
        "cosim_interval_min_cycles": 1,
        "cosim_interval_cycles": 2,
        "cosim_interval_average_cycles": 1,
        "synth_fmax_mhz": 312.5,
        "synth_alm": 3015,
        "synth_ff": 6250,
        "synth_ram": 3,
        "synth_dsp": 64,
        "synth_mlab": 11,
    }


def test_intel_hls_before_simulation_and_place_and_route() -> None:
    assert figures("quartus", "quartus_emulated") == {"alut": 5400, "ff": 7312, "ram": 3, "dsp": 64}


def test_intel_hls_with_single_files() -> None:
    found = figures("quartus", "quartus_json")
    assert (found["alut"], found["alut_available"]) == (100, 1000)
    assert found["synth_fmax_mhz"] == 305.25
    assert (found["synth_alm"], found["synth_ff"], found["synth_dsp"]) == (1033, 2118, 4)


def test_catapult() -> None:
    assert figures("catapult") == {
        "latency_cycles": 11,
        "interval_cycles": 4,
        "reset_cycles": 1,
        "clock_target_ns": 5.0,
        "area_score": 5862.1,
        "errors": 1,
        "warnings": 2,
        **SYNTHESIZED,
    }


def test_a_latency_that_catapult_does_not_know_is_no_figure(tmp_path: Path) -> None:
    (tmp_path / "cycle.rpt").write_text("  Design Total:   256   -1   1   352120  0\n")
    report = read_catapult_report(tmp_path)
    assert report is not None
    assert dict(report.figures) == {"interval_cycles": 1, "reset_cycles": 352120}


@pytest.mark.parametrize("kind", READERS)
def test_backends_read_their_reports(kind: str, tmp_path: Path) -> None:
    backend = registry().backends[kind].value
    report = backend.read_report(REPORTS / kind)
    assert dict(report.figures) == figures(kind)
    assert backend.read_report(tmp_path) is None
    assert backend.read_report(tmp_path / "nothing") is None


def test_of_two_runs_the_later_one_counts(tmp_path: Path) -> None:
    original = REPORTS / "vivado/top_prj/solution1/syn/report/csynth.xml"
    for age, (solution, lut) in enumerate([("solution1", 1), ("solution2", 2), ("solution0", 3)]):
        file = tmp_path / solution / "syn/report/csynth.xml"
        file.parent.mkdir(parents=True)
        file.write_text(original.read_text().replace("38455", str(lut)))
        os.utime(file, (1000 + age, 1000 + age))
    report = read_vivado_report(tmp_path)
    assert report is not None
    assert report.figures["lut"] == 3


BROKEN = {
    ("vivado", "top_prj/solution1/syn/report/csynth.xml"): "it is no XML",
    ("vivado", "top_prj/solution1/sim/report/top_cosim.rpt"): "it has no row of a language",
    ("vivado", "reports/vivado_synth.rpt"): "it has no synth_dsp",
    ("vivado", "reports/vivado_timing.rpt"): "it has no worst negative slack",
    ("quartus", "fpga.prj/reports/lib/report_data.js"): "it has no areaJSON",
    ("quartus", "fpga.prj/reports/lib/verification_data.js"): "Expecting value",
    ("quartus", "fpga.prj/reports/lib/quartus_data.js"): "Expecting",
    ("catapult", "top_prj/top.v1/cycle.rpt"): "it has no line 'Design Total:'",
    ("catapult", "top_prj/top.v1/rtl.rpt"): "it has no line 'Total Area Score:'",
}
CUT = {"fpga.prj/reports/lib/report_data.js": 88, "fpga.prj/reports/lib/verification_data.js": 60}
"""Characters that are left of a file, where a third of it would not do."""


@pytest.mark.parametrize(("kind", "file"), BROKEN)
def test_a_truncated_report_is_named(kind: str, file: str, tmp_path: Path) -> None:
    shutil.copytree(REPORTS / kind, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text[: CUT.get(file, len(text) // 3)])
    with pytest.raises(CompileError) as error:
        READERS[kind](tmp_path)
    assert error.value.code == "NL605"
    assert error.value.origin == file
    assert BROKEN[kind, file] in error.value.found


def test_the_whole_message(tmp_path: Path) -> None:
    (tmp_path / "cycle.rpt").write_text("")
    with pytest.raises(CompileError) as error:
        read_catapult_report(tmp_path)
    assert str(error.value) == (
        "[NL605] at 'cycle.rpt': the report cannot be read: it has no line 'Design Total:' with its figures\n"
        "  to do: run the tool's step again; a run that was ended leaves incomplete reports"
    )


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "cycle.rpt").write_bytes(b"Design Total: \xff\xfe 1 2 3")
    with pytest.raises(CompileError, match=r"\[NL605\] at 'cycle.rpt'"):
        read_catapult_report(tmp_path)


ALL = [
    (source, text)
    for kind, sources in (("vivado", VIVADO), ("quartus", QUARTUS), ("catapult", CATAPULT))
    for folder in sorted(REPORTS.glob(f"{kind}*"))
    for source in sources
    for text in [file.read_text() for file in sorted(folder.rglob(source.pattern))]
]


@given(st.sampled_from(ALL), st.data())
def test_a_damaged_report_gives_finite_figures_or_a_reason(
    case: tuple[Source, str], data: st.DataObject
) -> None:
    source, text = case
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    noise = data.draw(st.text(alphabet='0123456789-.,|<>/{}[]":;naNinf \n\\', max_size=12))
    try:
        found = source.read(text[:start] + noise + text[end:])
    except (ValueError, RecursionError):
        return
    assert all(isinstance(name, str) and abs(value) < float("inf") for name, value in found.items())


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,234", 1234), ("<0.01", 0.01), ("4.3 ns", 4.3), ("305.2 MHz", 305.2), ("-0.5", -0.5), ("NA", None)],
)
def test_figures_as_tools_write_them(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["twelve", "nan", "inf", "1e999", "1 2"])
def test_what_is_no_figure_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        number(text)


def test_variables_of_javascript_are_not_looked_for_in_listings_of_sources() -> None:
    text = 'var aJSON={"code":"var bJSON={"};\nvar bJSON=[1, 2];\n'
    assert variables(text) == {"a": {"code": "var bJSON={"}, "b": [1, 2]}
