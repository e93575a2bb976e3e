"""`netloom plugins`: what is loaded and from where."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from netloom.cli import main
from netloom.core import plugins
from netloom.core.plugins import registry

RUN = CliRunner()
KINDS = {"backend", "frontend", "pass", "pipeline", "device", "solver"}


def test_the_table() -> None:
    shown = RUN.invoke(main.app, ["plugins"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    (line,) = (line for line in shown.output.splitlines() if "│ vhdl" in line)
    assert [cell.strip() for cell in line.strip("│").split("│")][:2] == ["backend", "vhdl"]


def test_plain_data() -> None:
    rows = json.loads(RUN.invoke(main.app, ["plugins", "--json"]).output)
    assert {row["kind"] for row in rows} == KINDS
    own = [row for row in rows if row["distribution"] == "netloom"]
    assert {row["kind"] for row in own} == KINDS
    assert {row["version"] for row in own} == {version("netloom")}
    assert {
        "kind": "device",
        "name": "pynq-z2",
        "description": "Zynq-7000, xc7z020clg400-1",
        "distribution": "netloom",
        "version": version("netloom"),
        "module": "netloom.core.devices",
    } in rows
    assert all(row["description"] and row["module"] for row in rows)


def test_a_plugin_that_does_not_load_is_an_error_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = plugins.EntryPoint("mine", "no_such_module_anywhere", "netloom")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [entry])
    registry.cache_clear()
    try:
        assert RUN.invoke(main.app, ["plugins"]).exit_code == 1
    finally:
        registry.cache_clear()
