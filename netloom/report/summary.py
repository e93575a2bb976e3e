"""The report of a design: latency, interval and resources per layer, and what was chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from xdsl.dialects.builtin import ModuleOp

from netloom.core.diagnostics import Note
from netloom.ir.program import notes
from netloom.passes.analysis.hardware import PortInfo, hardware
from netloom.passes.analysis.network import is_streaming
from netloom.passes.analysis.scheduled import ProgramTiming, program_timing, start_cycle

if TYPE_CHECKING:
    from netloom.estimate.frequency import CriticalPath
    from netloom.estimate.resources import LayerEstimate

RESOURCES = ("lut", "ff", "dsp", "bram36")
COLUMNS = ("layer", "op", "latency", *RESOURCES)


@dataclass(frozen=True)
class Report:
    """What a design costs, before synthesis.

    Attributes:
        latency_cycles: from valid input to valid output.
        interval_cycles: between two inputs.
        clock_period_ns: the target.
        layers: one row for each hardware op.
        ports: inputs and outputs.
        notes: what passes chose, with stated errors.
        starts: of a parallel design, the cycle in which each layer begins.
        path: of a parallel design, the longest way between two registers, as estimated.
    """

    name: str
    backend: str
    io: str
    latency_cycles: int
    interval_cycles: int
    clock_period_ns: float
    layers: Sequence[LayerEstimate]
    ports: Sequence[PortInfo]
    notes: Sequence[Note]
    starts: Sequence[int] = field(default=(), kw_only=True)
    path: CriticalPath | None = field(default=None, kw_only=True)

    @property
    def latency_ns(self) -> float:
        """Latency at the target clock."""
        return self.latency_cycles * self.clock_period_ns

    def total(self, resource: str) -> int:
        """Sum of a resource (lut, ff, dsp, bram36) over the layers."""
        return int(sum(getattr(layer, resource) for layer in self.layers))

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data, for JSON."""
        return {
            "name": self.name,
            "backend": self.backend,
            "io": self.io,
            "latency_cycles": self.latency_cycles,
            "interval_cycles": self.interval_cycles,
            "clock_period_ns": self.clock_period_ns,
            "latency_ns": self.latency_ns,
            **({"critical_path": self.path.to_dict()} if self.path else {}),
            "total": {name: self.total(name) for name in RESOURCES},
            "layers": [
                {
                    "layer": layer.origin,
                    "op": layer.op,
                    "latency_cycles": layer.latency_cycles,
                    **{name: getattr(layer, name) for name in RESOURCES},
                }
                for layer in self.layers
            ],
            "ports": [
                {"name": p.name, "direction": p.direction, "shape": list(p.shape), "format": str(p.format)}
                for p in self.ports
            ],
            "notes": [{"layer": note.origin, "text": note.text} for note in self.notes],
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table(title=f"{self.name}: {self.backend}, io={self.io} (estimates before synthesis)")
        for column in COLUMNS:
            table.add_column(column, justify="left" if column in ("layer", "op") else "right")
        for layer in self.layers:
            cells = [getattr(layer, name) for name in RESOURCES]
            table.add_row(layer.origin, layer.op, str(layer.latency_cycles), *map(str, cells))
        table.add_section()
        totals = [str(self.total(name)) for name in RESOURCES]
        table.add_row("total", "", str(self.latency_cycles), *totals, style="bold")
        yield table
        yield (
            f"latency {self.latency_cycles} cycles = {self.latency_ns:g} ns at {self.clock_period_ns:g} ns,"
            f" interval {self.interval_cycles}"
        )
        if self.path is not None:
            yield f"longest way between registers, estimated: {self.path}"
        yield from self.remainder()

    def remarks(self) -> Iterator[str]:
        """What the figures mean, one sentence each; nothing for a parallel design."""
        yield from ()

    def remainder(self) -> Iterator[str]:
        """Lines about ports and what passes chose."""
        for port in self.ports:
            shape = "x".join(map(str, port.shape))
            yield f"port {port.name} ({port.direction}put): {shape} of {port.format}, {port.bits} bits"
        for note in self.notes:
            yield f"note: {note.origin}: {note.text}"

    def __str__(self) -> str:
        console = Console(width=110, record=True, file=StringIO())
        console.print(self, highlight=False)
        return console.export_text()

    def html(self) -> str:
        """One page with tables and drawings that needs nothing else; the same report gives the same bytes."""
        from netloom.report.page import page

        return page(self)

    def write_html(self, path: str | Path) -> Path:
        """Write `html` to a file.

        Raises:
            CompileError: NL501 when it cannot be written.
        """
        from netloom.report.page import write

        return write(self, Path(path))


def make_report(module: ModuleOp, name: str, backend: str, io: str) -> Report:
    """The report of a scheduled module.

    Raises:
        CompileError: for a streaming module, what `make_stream_report` raises.
    """
    from netloom.estimate.frequency import critical_path
    from netloom.estimate.resources import estimate

    if is_streaming(module):
        from netloom.report.stream import make_stream_report

        return make_stream_report(module, name, backend, io)
    timing = program_timing(module) or ProgramTiming(0, 0, 0.0)
    program = hardware(module)
    layers = estimate(module)
    return Report(
        name=name,
        backend=backend,
        io=io,
        latency_cycles=timing.latency_cycles,
        interval_cycles=timing.interval_cycles,
        clock_period_ns=timing.clock_period_ns,
        layers=layers,
        ports=program.ports,
        notes=notes(module),
        starts=[start_cycle(op) for op in program.ops],
        path=critical_path(module, sum(layer.lut for layer in layers)),
    )
