"""The command line on the shipped jet tagger."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from netloom.cli.main import app
from netloom.cli.opt import app as opt_app
from tests.shared import EXAMPLE

MODEL = str(EXAMPLE / "model.onnx")
runner = CliRunner()


def test_compile_writes_a_project(tmp_path: Path) -> None:
    done = runner.invoke(app, ["compile", MODEL, "-d", str(tmp_path / "p"), "-v"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "p" / "netloom.manifest").exists()
    assert "build-adder-graphs" in done.output


def test_simulate_compares_bits(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", x=np.load(EXAMPLE / "jets.npz")["x"])
    done = runner.invoke(app, ["simulate", MODEL, "-i", str(tmp_path / "in.npz"), "-n", "5"])
    assert done.exit_code == 0, done.output
    assert "5 samples, bits equal" in done.output


def test_report_as_a_table_and_as_json() -> None:
    assert "latency" in runner.invoke(app, ["report", MODEL]).output
    done = runner.invoke(app, ["report", MODEL, "--json", "-o", "clock_period_ns=10"])
    data = json.loads(done.stdout)
    assert data["clock_period_ns"] == 10.0
    assert data["interval_cycles"] == 1


@pytest.mark.parametrize("command", ["passes", "backends", "frontends"])
def test_listings(command: str) -> None:
    done = runner.invoke(app, [command])
    assert done.exit_code == 0, done.output
    assert {"passes": "canonicalize", "backends": "vhdl", "frontends": "MatMul"}[command] in done.output


def test_explain_a_code() -> None:
    assert "precision" in runner.invoke(app, ["explain", "NL301"]).output
    assert runner.invoke(app, ["explain", "NL999"]).exit_code == 1


def test_errors_are_messages_without_a_stack_trace(tmp_path: Path) -> None:
    done = runner.invoke(app, ["compile", MODEL, "-d", str(tmp_path / "p"), "-o", "clok=3"])
    assert done.exit_code == 1
    assert "NL201" in done.output and "Traceback" not in done.output
    assert not (tmp_path / "p").exists()


def test_opt_prints_a_module_that_it_reads_again(tmp_path: Path) -> None:
    first = tmp_path / "a.mlir"
    done = runner.invoke(opt_app, [MODEL, "--passes", "clean,quantize", "-o", str(first), "--timing"])
    assert done.exit_code == 0, done.output
    assert "absorb-quantizers" in done.output
    again = runner.invoke(opt_app, [str(first), "--passes", "optimize", "--no-data"])
    assert again.exit_code == 0, again.output
    assert '"fx.cast"' in again.stdout and "dialect_resources" not in again.stdout


def test_opt_external_data_and_check_semantics(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", x=np.load(EXAMPLE / "jets.npz")["x"][:4])
    target = tmp_path / "a.mlir"
    arguments = [MODEL, "--passes", "clean,quantize,optimize", "-o", str(target), "--external-data"]
    done = runner.invoke(opt_app, [*arguments, "--check-semantics", "-i", str(tmp_path / "in.npz")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "a.mlir.npz").exists()
    assert runner.invoke(opt_app, [str(target)]).exit_code == 0


def test_opt_names_an_unknown_pass() -> None:
    done = runner.invoke(opt_app, [MODEL, "--passes", "fold-constant"])
    assert done.exit_code == 1
    assert "did you mean 'fold-constants'?" in done.output


def test_arguments_with_their_own_flags_are_not_options() -> None:
    done = runner.invoke(app, ["report", MODEL, "-o", "backend=vhdl"])
    assert done.exit_code == 1
    assert "use --backend" in done.output and "Traceback" not in done.output
