"""Depths of FIFOs as reports, and the commands that print reports."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from typer.testing import CliRunner

import netloom
from netloom.cli.main import app
from netloom.core.diagnostics import CompileError
from tests.report.designs import OPTIONS, parallel, skip_model, skipping
from tests.shared import EXAMPLE

runner = CliRunner()
JET = str(EXAMPLE / "model.onnx")
FLAGS = ["-p", "fixed<8,4>", "--input-precision", "fixed<8,3>", "-o", "strategy=latency"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model") / "skip.onnx"
    onnx.save(skip_model(), path)
    return str(path)


def test_depths_come_with_what_one_beat_less_does() -> None:
    found = skipping().fifo_depths("fast")
    data = {row["name"]: row for row in found.to_dict()["fifos"]}
    skip = data["conv2_in2"]
    assert skip["one_less"]["interval_cycles"] > found.found.outcome.interval
    assert data["y_sink_in"]["depth"] == 1 and data["y_sink_in"]["one_less"] is None
    assert f"latency {skip['one_less']['latency_cycles']}, interval" in str(found)


def test_the_least_depths_deadlock_with_one_beat_less() -> None:
    found = skipping().fifo_depths("small", "conv2*")
    rows = {row["name"]: row for row in found.to_dict()["fifos"]}
    assert list(rows) == ["conv2_window_in", "conv2_in", "conv2_in2"]
    assert "conv2_in2" in rows["conv2_in2"]["one_less"]["deadlock"]
    assert "deadlock: " in str(found)


def test_points_of_the_trade_can_be_compiled() -> None:
    trade = skipping().fifo_trade(2)
    bits = [point.bits for point in trade.points]
    intervals = [point.interval for point in trade.points]
    assert bits == sorted(bits) and intervals == sorted(intervals, reverse=True)
    assert trade.option(trade.points[-1]) == "fast"
    point = trade.to_dict()["points"][0]
    options = {**OPTIONS, "strategy": "latency"}
    for depths in (point["fifo_depth"], point["depths"]):
        design = netloom.compile(skip_model(), backend="vhdl", io="stream", fifo_depth=depths, **options)
        report = design.report().to_dict()
        assert report["fifo_bits"] == point["bits"]
        assert report["interval_cycles"] == point["interval_cycles"]
        assert report["latency_cycles"] == point["latency_cycles"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: skipping().fifo_depths("smal"),
            "[NL203] at 'goal': 'smal' is no goal\n  supported: fast, interval, small\n"
            "  to do: did you mean 'small'?",
        ),
        (
            lambda: skipping().fifo_trade(0),
            "[NL203] at 'pareto': 0 bounds are asked for\n  supported: 1, 2, 3, ...",
        ),
        (
            lambda: parallel().dataflow(),
            "[NL203] at 'io': a parallel design has no FIFOs\n  supported: stream\n"
            "  to do: compile with io=stream",
        ),
    ],
)
def test_what_cannot_be_asked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(CompileError) as caught:
        call()
    assert str(caught.value) == message


def test_an_unknown_fifo_is_an_error() -> None:
    with pytest.raises(CompileError) as caught:
        skipping().fifo_depths("fast", "conv9_in")
    assert caught.value.code == "NL202"
    assert caught.value.found == "'conv9_in' matches no FIFO"
    assert caught.value.supported.startswith("the FIFOs conv1_window_in, conv1_in, ")
    assert caught.value.hint.startswith("did you mean 'conv")


def test_netloom_report_prints_and_writes_a_page(model: str, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = runner.invoke(app, ["report", model, "--io", "stream", *FLAGS, "--html", str(page), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["bottleneck"]["layer"] == "conv1_window"
    assert "<h1>small</h1>" in page.read_text()
    done = runner.invoke(app, ["report", JET, "--html", str(page)])
    assert done.exit_code == 0 and "report in" in done.output
    assert "io=parallel" in page.read_text()


def test_netloom_fifos_lists_depths_and_points(model: str) -> None:
    done = runner.invoke(app, ["fifos", model, *FLAGS, "--goal", "small", "--fifo", "conv2_in2", "--json"])
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)["fifos"]
    assert row["name"] == "conv2_in2" and row["one_less"]["deadlock"]
    done = runner.invoke(app, ["fifos", model, *FLAGS, "--pareto", "1"])
    assert done.exit_code == 0, done.output
    assert "fast" in done.output and "frames/s" in done.output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--io", "parallel"], "NL203"),
        (["--pareto", "2", "--goal", "fast"], "NL203"),
        (["--fifo", "q"], "NL202"),
    ],
)
def test_netloom_fifos_refuses(model: str, arguments: list[str], code: str) -> None:
    done = runner.invoke(app, ["fifos", model, *FLAGS, *arguments])
    assert done.exit_code == 1
    assert code in done.output and "Traceback" not in done.output
