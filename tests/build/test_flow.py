"""The open flow on real tools: netlists that compute the same, a bitstream, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from netloom.build import ecp5, synthesizable, yosys
from netloom.build.flow import DIRECTORY, REPORT, Vectors, build, read_report, verify
from netloom.build.netlist import NetlistSimulator
from netloom.build.options import OpenOptions
from netloom.build.targets import ECP5_DEVICES, TARGETS
from netloom.build.toolchain import Bench
from netloom.cli.main import app
from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan
from netloom.passes.analysis.hardware import hardware
from netloom.testing.battery import TOPICS, layers
from netloom.testing.cases import Case, one_of, program_of
from netloom.testing.reference import outputs_from_ports
from netloom.testing.target import Target
from netloom.testing.values import mantissas as extreme_mantissas
from tests.build.designs import layer, mantissas, rectifier


def vectors(samples: int = 200) -> Vectors:
    design = layer()
    inputs = mantissas(design, samples)
    expected = outputs_from_ports(design.module, {"x": inputs[0]})
    return Vectors(inputs, list(expected.values()))


def with_file(plan: BuildPlan, text: str) -> BuildPlan:
    path = synthesizable.sources(plan)[-1]
    return plan.with_files({path: plan.files[path] + text})


# -- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("constant PI : real := 3.14;", "a constant of real numbers"),
        ("file results : text;", "a file"),
        ("process begin wait for 5 ns; end process;", "a process that waits"),
        (f'constant c : bits := "{"01" * 16}{"0" * 32}";', "a constant of 64 bits whose lower half is zero"),
        ('constant c : bits := x"0000000A00000000";', "a constant of 64 bits whose lower half is zero"),
        (
            "case N generate when 1 => process (all) begin end process; end generate;",
            "a process over all signals in a generate",
        ),
    ],
)
def test_a_construct_that_ghdl_does_not_synthesize_is_refused(tmp_path: Path, text: str, what: str) -> None:
    plan = with_file(rectifier().plan, f"\n{text}\n")
    with pytest.raises(CompileError) as error:
        build(plan, tmp_path)
    assert (error.value.code, error.value.found) == ("NL606", f"it has {what}")
    assert not (tmp_path / DIRECTORY).exists()


def test_a_comment_about_such_a_construct_is_not() -> None:
    assert not list(synthesizable.constructs(with_file(rectifier().plan, "\n-- wait for the clock\n")))


def test_a_backend_without_vhdl_is_refused(tmp_path: Path) -> None:
    plan = replace(rectifier().plan, properties={**rectifier().plan.properties, "backend": "vitis"})
    with pytest.raises(CompileError, match=r"NL606.*'vitis' writes no register-transfer code"):
        build(plan, tmp_path)


def test_an_unknown_flow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"NL203.*flow is 'vendor'"):
        rectifier().build(tmp_path / "project", "vendor")
    assert not (tmp_path / "project").exists()


def test_a_netlist_that_lost_a_module_is_refused() -> None:
    netlist = "module top\n  (input a);\n  child u_0 (\n    .a(a));\n  lost u_1 (\n    .a(a));\nendmodule\n"
    child = "module child\n  (input a);\nendmodule\n"
    with pytest.raises(CompileError, match=r"NL602.*GHDL's netlist has no module lost"):
        synthesizable.complete(netlist + child, "top")
    with pytest.raises(CompileError, match="has no module top"):
        synthesizable.complete(child, "top")


def test_wide_constants_of_ghdl_are_no_texts() -> None:
    """Yosys would read "01" as two characters: sixteen bits that nobody wrote."""
    line = "assign y = x + " + '"' + "0" * 38 + 'U1";'
    assert synthesizable.with_binary_constants(line) == f"assign y = x + 40'b{'0' * 38}x1;"
    assert synthesizable.with_binary_constants("assign z = 4'b0101;") == "assign z = 4'b0101;"


def test_a_tool_that_fails_shows_the_end_of_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "yosys"
    script.write_text("#!/bin/sh\necho 'ERROR: out of memory'\nexit 3\n")
    script.chmod(0o755)
    monkeypatch.setenv("NETLOOM_YOSYS", str(script))
    with pytest.raises(CompileError) as error:
        rectifier().build(tmp_path / "project", targets="xcup")
    assert error.value.code == "NL602"
    assert error.value.found == "Yosys failed with status 3; its last lines:\n    ERROR: out of memory"
    work = tmp_path / "project" / DIRECTORY
    assert (work / "xcup" / "synthesis.log").read_text() == "ERROR: out of memory\n"
    assert not (work / REPORT).exists(), "only a run that came to its end leaves a report"


def test_hard_multipliers_have_no_model_to_simulate(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (tmp_path / yosys.NETLIST).write_text('{"cells": {"u": {"type": "DSP48E2"}, "v": {"type": "LUT2"}}}')
    with pytest.raises(CompileError, match=r"NL606.*the netlist has DSP48E2"):
        verify(TARGETS["xcup"], rectifier().plan, vectors(), bench)


def test_the_harness_shifts_every_port_through_one_pin() -> None:
    text = ecp5.harness("top", {"ce": 1, "x": 3}, {"y": 2})
    assert text.count("take_") == 4
    assert text.count("give_") == text.count("choose_") == 2
    assert ".ce(a[1:1])" in text
    assert ".x(a[4:2])" in text
    assert ".y(y[1:0])" in text
    assert ".clk(clk)" in text
    assert ".clk(clk)" not in ecp5.harness("top", {"x": 3}, {"y": 2}, clocked=False)


@pytest.mark.parametrize(
    ("placer", "tried"), [("auto", ["static", "heap"]), ("static", ["static"]), ("heap", ["heap"])]
)
def test_another_placer_follows_one_that_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, placer: str, tried: list[str]
) -> None:
    asked: list[str] = []

    def run(self: Bench, key: str, arguments: Sequence[str], log: str, **_: object) -> None:
        asked.append(arguments[arguments.index("--placer") + 1])
        if asked[-1] == "static":
            raise CompileError("NL602", "nextpnr-ecp5 failed with status -6", origin=key)

    monkeypatch.setattr(Bench, "run", run)
    options = OpenOptions.from_user({"placer": placer})
    failed = pytest.raises(CompileError, match="NL602") if tried[-1] == "static" else nullcontext()
    with failed:
        ecp5.place_and_route(ECP5_DEVICES[0], options, 100.0, Bench(tmp_path))
    assert asked == tried


# -- what it gives ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_vhdl_becomes_counts_fmax_and_a_bitstream(tmp_path: Path) -> None:
    steps: list[str] = []
    plan = layer().plan
    report = build(plan, tmp_path, vectors=vectors(), progress=steps.append)
    work = tmp_path / DIRECTORY
    assert (work / "ecp5" / "design.bit").stat().st_size > 10_000
    routing = report.targets["ecp5"].routing
    assert routing is not None
    assert routing.device == "LFE5U-12F-6 CABGA381"
    assert 50 < routing.fmax_mhz < 1000
    for target in report.targets.values():
        # Every bit of every register that the schedule has, unless synthesis found it constant or equal.
        assert 0 < target.utilisation.ff <= layer().report().total("ff")
        assert target.utilisation.lut > 0
        assert target.verified_samples == 200
    harness_bits = sum(port.bits for port in layer().report().ports) + 4
    assert routing.used["TRELLIS_FF"][0] == report.targets["ecp5"].utilisation.ff + harness_bits
    assert report.latency_cycles == layer().report().latency_cycles
    assert read_report(tmp_path) == report
    assert str(tmp_path) not in report.to_json()
    for word in ("GHDL: synthesis", "synthesis for AMD UltraScale+", "nextpnr: routing", "ecppack"):
        assert any(word in step for step in steps), word


@pytest.mark.slow
def test_a_netlist_that_computes_something_else_is_refused(tmp_path: Path) -> None:
    good = vectors(100)
    wrong = [np.where(np.arange(100)[:, None, None] == 70, 1 - good.expected[0], good.expected[0])]
    options = OpenOptions(targets="ecp5", route=False)
    with pytest.raises(CompileError) as error:
        build(layer().plan, tmp_path, options, vectors=Vectors(good.inputs, wrong))
    assert error.value.code == "NL608"
    assert "output 'y', sample 70, element (0, 0)" in error.value.found


@pytest.mark.slow
def test_results_at_another_cycle_than_scheduled_are_refused(tmp_path: Path) -> None:
    plan = layer().plan
    late = str(int(plan.properties["latency_cycles"]) + 1)
    changed = replace(plan, properties={**plan.properties, "latency_cycles": late})
    with pytest.raises(CompileError, match=r"NL608.*out_valid is wrong in cycle"):
        build(changed, tmp_path, OpenOptions(targets="ecp5", route=False), vectors=vectors())


def differing_outputs(cases: Sequence[Case], directory: Path, **options: Any) -> list[str]:
    """Outputs of GHDL's netlist that are not what the ops say."""
    module = program_of(cases)
    design = Target("vhdl", "parallel", options).compile(module)
    plan = design.backend.emit(design.module, design.backend_options)
    bench = Bench(directory)
    synthesizable.to_verilog(plan, bench)
    top = plan.properties["top"]
    flat = [f"read_verilog {synthesizable.VERILOG}", f"hierarchy -top {top}", "proc", "flatten", "opt_clean"]
    yosys.run(bench, [*flat, *yosys.logic_of()], "graph")
    ports = {info.name: extreme_mantissas(info, 96) for _, info in hardware(module).inputs}
    chip = hardware(design.module)
    result = NetlistSimulator(plan, directory / yosys.AIGER).run([ports[i.name] for _, i in chip.inputs])
    expected = outputs_from_ports(module, ports)
    found = zip(chip.outputs, result.outputs, strict=True)
    return [info.name for (_, info), got in found if not np.array_equal(got, expected[info.name])]


@pytest.mark.slow
@pytest.mark.parametrize("topic", list(TOPICS))
def test_what_the_backend_prints_is_synthesized_bit_for_bit(topic: str, tmp_path: Path) -> None:
    """GHDL synthesizes the ops of the battery, and its netlist computes what the ops say."""
    cases = one_of(TOPICS[topic](), 48 if topic == "casts" else 12)
    assert not differing_outputs(cases, tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::netloom.core.diagnostics.NetloomWarning")
@pytest.mark.parametrize("factor", [2, 6])
def test_shared_multipliers_are_synthesized_bit_for_bit(factor: int, tmp_path: Path) -> None:
    cases = one_of(layers(), 12)
    assert not differing_outputs(cases, tmp_path, strategy="resource", reuse_factor=factor)


# -- the command line -------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_builds_and_prints_the_report(tmp_path: Path) -> None:
    model = tmp_path / "tiny.mlir"
    model.write_text(layer().plan.files["netloom/design.mlir"])
    arguments = ["build", str(model), "-d", str(tmp_path / "out"), "--targets", "ecp5", "--json"]
    arguments += ["--flow-option", "route=false", "--verify", "50"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["targets"]["ecp5"]["verified_samples"] == 50
    assert report["targets"]["ecp5"]["routing"] is None
