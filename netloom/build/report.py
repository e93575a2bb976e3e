"""What a run of the open flow gave, parsed and typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

from netloom.build.targets import RESOURCES, TARGETS


@dataclass(frozen=True)
class Utilisation:
    """What a netlist is made of.

    Attributes:
        lut: lookup tables, those used as shift registers or small memories too.
        ff: flip-flops.
        carry: carry cells (CARRY4 of four bits, CCU2C of two).
        dsp: hard multipliers.
        bram: block memories (36 kbit for AMD, 18 kbit for ECP5).
        cells: number of each cell of the family.
    """

    lut: int
    ff: int
    carry: int
    dsp: int
    bram: float
    cells: Mapping[str, int]

    @classmethod
    def of(cls, target: str, cells: Mapping[str, int]) -> Self:
        """Counts by class of the cells of a target."""
        found = dict.fromkeys(RESOURCES, 0.0)
        for cell, count in cells.items():
            meaning = TARGETS[target].classify(cell)
            if meaning is not None:
                found[meaning[0]] += meaning[1] * count
        whole = {name: int(value) for name, value in found.items() if name != "bram"}
        return cls(**whole, bram=found["bram"], cells=dict(sorted(cells.items())))


@dataclass(frozen=True)
class Routing:
    """What place and route gave.

    Attributes:
        device: the device, as nextpnr calls it.
        fmax_mhz: highest clock frequency after routing, between registers.
        wanted_mhz: the frequency that was asked for.
        used: number in use and number there, of each kind of site; with the harness around the design.
        bitstream: path of the bitstream in the directory of the run; empty when none was asked for.
    """

    device: str
    fmax_mhz: float
    wanted_mhz: float
    used: Mapping[str, tuple[int, int]]
    bitstream: str = ""


@dataclass(frozen=True)
class TargetReport:
    """What one family gave.

    Attributes:
        target: name of the family.
        utilisation: counts after synthesis, of the design alone.
        routing: after place and route; None without.
        verified_samples: samples on which the synthesized netlist gave the emulator's bits; 0 when not run.
    """

    target: str
    utilisation: Utilisation
    routing: Routing | None = None
    verified_samples: int = 0


@dataclass(frozen=True)
class BuildReport:
    """What one run of the open flow gave.

    Attributes:
        name: top entity.
        latency_cycles: from valid input to valid output.
        interval_cycles: between two inputs.
        targets: one report for each family.
        tools: version of each tool.
        seconds: wall-clock time of each step; not in the file, which is the same for the same design.
    """

    name: str
    latency_cycles: int
    interval_cycles: int
    targets: Mapping[str, TargetReport]
    tools: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, without times."""
        data = asdict(self)
        del data["seconds"]
        return data

    def to_json(self) -> str:
        """The text of the report's file."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """A report that `to_json` wrote."""
        data = json.loads(text)
        data["targets"] = {name: _target(values) for name, values in data["targets"].items()}
        return cls(**data)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table(title=f"{self.name}: open flow, {self.latency_cycles} cycles")
        for column in ("family", *RESOURCES, "device", "Fmax (MHz)", "netlist checked on"):
            table.add_column(column, justify="left" if column in ("family", "device") else "right")
        for name, report in self.targets.items():
            counts = [f"{getattr(report.utilisation, resource):g}" for resource in RESOURCES]
            counts = [count if "e" not in count else str(int(float(count))) for count in counts]
            routing = report.routing
            where = [routing.device, f"{routing.fmax_mhz:.1f}"] if routing else ["", ""]
            checked = f"{report.verified_samples} samples" if report.verified_samples else ""
            table.add_row(TARGETS[name].title, *counts, *where, checked)
        yield table
        for report in self.targets.values():
            if report.routing is not None:
                sites = ", ".join(f"{n} of {m} {kind}" for kind, (n, m) in report.routing.used.items() if n)
                yield f"{report.routing.device}: {sites}"
        yield ", ".join(f"{tool} {text}" for tool, text in self.tools.items())


def _target(values: Mapping[str, Any]) -> TargetReport:
    routing = values["routing"]
    if routing is not None:
        used = {kind: (int(n), int(m)) for kind, (n, m) in routing["used"].items()}
        routing = Routing(**{**routing, "used": used})
    return TargetReport(
        values["target"], Utilisation(**values["utilisation"]), routing, values["verified_samples"]
    )
