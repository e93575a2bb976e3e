"""Yosys: synthesis for a family, counts of cells, and netlists as and-inverter graphs."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from netloom.build.report import Utilisation
from netloom.build.synthesizable import VERILOG
from netloom.build.targets import Target
from netloom.build.toolchain import Bench, text_file
from netloom.core.diagnostics import CompileError

NETLIST = "netlist.json"
"""The netlist of a family's cells that `synthesize` writes."""

AIGER = "netlist.aig"
"""The netlist as an and-inverter graph that `to_aiger` writes."""

_PASS = re.compile(r"^(\d+(?:\.\d+)+)\. Executing (\w+)")


def run(bench: Bench, commands: Sequence[str], name: str, what: str = "") -> None:
    """Run a script of Yosys, kept as `name`.ys, with the log `name`.log.

    Raises:
        CompileError: NL601 or NL602.
    """
    (bench.directory / f"{name}.ys").write_text("\n".join(commands) + "\n", encoding="utf-8")
    title = what or name

    def listen(line: str) -> None:
        found = _PASS.match(line)
        if found and found[1].count(".") == 1:
            bench.progress(f"Yosys: {title}, {found[2].lower()}")

    bench.progress(f"Yosys: {title}")
    bench.run("yosys", ["-s", f"{name}.ys"], f"{name}.log", on_line=listen)


def synthesize(target: Target, top: str, bench: Bench, verilog: str = f"../{VERILOG}") -> Utilisation:
    """Synthesize for a family; the netlist is in the bench's directory then.

    Args:
        target: the family.
        top: name of the top module.
        bench: its directory is where the files go.
        verilog: the source, relative to that directory.

    Raises:
        CompileError: NL601 or NL602.
    """
    run(
        bench,
        [
            f"read_verilog {verilog}",
            *(command.format(top=top) for command in target.synthesis),
            "check -assert",
            f"write_json {NETLIST}",
            "tee -q -o stat.json stat -json",
        ],
        "synthesis",
        f"synthesis for {target.title}",
    )
    if not target.rewrites:
        return read_stat(target, bench.directory / "stat.json")
    bench.progress(f"netlist for {target.title}")
    return _rewritten(target, top, bench.directory / NETLIST)


def _rewritten(target: Target, top: str, path: Path) -> Utilisation:
    """Counts of the netlist after the target's changes to it."""
    try:
        netlist = json.loads(text_file(path))
        module = netlist["modules"][top]
    except (ValueError, KeyError, TypeError) as error:
        raise CompileError("NL605", "it is no netlist of Yosys", origin=path.name) from error
    for rewrite in target.rewrites:
        rewrite(module)
    path.write_text(json.dumps(netlist, separators=(",", ":")), encoding="utf-8", newline="\n")
    return Utilisation.of(
        target.name, _without_internal(Counter(cell["type"] for cell in module["cells"].values()))
    )


def _without_internal(cells: Mapping[str, int]) -> Mapping[str, int]:
    """Cells of a family; those of Yosys itself are no hardware."""
    return {kind: count for kind, count in cells.items() if not kind.startswith("$")}


def read_stat(target: Target, path: Path) -> Utilisation:
    """The counts of a file that `stat -json` wrote.

    Raises:
        CompileError: NL605 for a file that is no such report.
    """
    text = text_file(path)
    try:
        data = json.loads(text[text.index("{") : text.rindex("}") + 1])
        cells = {str(name): int(count) for name, count in data["design"]["num_cells_by_type"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CompileError(
            "NL605", "it is no report of Yosys's command 'stat -json'", origin=path.name
        ) from error
    return Utilisation.of(target.name, _without_internal(cells))


def to_aiger(target: Target, top: str, bench: Bench) -> Path:
    """The synthesized netlist as an and-inverter graph, each cell as its maker's model says.

    Raises:
        CompileError: NL606 for cells without a model, NL601 or NL602.
    """
    commands = [*read_netlist(target, top), *logic_of()]
    run(bench, commands, "model", f"model of the netlist for {target.title}")
    return bench.directory / AIGER


def read_netlist(target: Target, top: str) -> list[str]:
    """Commands that read what `synthesize` wrote as one flat module of plain logic."""
    return [
        f"read_json {NETLIST}",
        # Boxes of cells come with the netlist; what follows reads the models in their place.
        f"delete =* {top} %d",
        *(f"read_verilog -overwrite {path}" for path in target.models),
        f"hierarchy -top {top}",
        "proc",
        # Models of cells are white boxes.
        "flatten -wb",
        "opt_clean",
    ]


def logic_of(*simplify: str) -> list[str]:
    """Commands from a flat module to its and-inverter graph; a cell that is no logic is an error.

    Args:
        simplify: further commands, on a graph of gates and simple flip-flops.
    """
    return [
        "opt -fast -nodffe -nosdff",
        "memory -nomap",
        "memory_map",
        "async2sync",
        "dffunmap",
        "techmap",
        "opt -fast -nodffe -nosdff",
        # A register's first value has no meaning for a pipeline; the graph's is zero.
        "setundef -undriven -zero",
        "setattr -unset init",
        *simplify,
        "aigmap",
        "opt_clean",
        f"write_aiger -symbols {AIGER}",
    ]
