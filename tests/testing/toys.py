"""A plugin of toy backends: a sound one, and one for each flaw that the conformance kit must notice.

A toy emits the program's own text and "simulates" by running the ops' meanings on it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import ModuleOp, StringAttr

from netloom.backends.base import BackendOptions, ToolReport
from netloom.core.diagnostics import CompileError
from netloom.core.hooks import hookimpl
from netloom.core.plan import BuildPlan
from netloom.ir.da import Da
from netloom.ir.fx import CastOp, Fx
from netloom.ir.nn import Nn
from netloom.ir.program import main, program_ops
from netloom.ir.text import parse_module, print_module
from netloom.ir.tree import Tree
from netloom.passes.analysis.hardware import PortInfo, hardware
from netloom.sim.result import SimulationResult
from netloom.testing.reference import outputs_from_ports

Outputs = list[Any]


@dataclass(frozen=True)
class ToyOptions(BackendOptions):
    backend: ClassVar[str] = "toy"


@dataclass(frozen=True)
class CarelessOptions(BackendOptions):
    def __post_init__(self) -> None:
        """Forgets the checks of its base."""


@dataclass(frozen=True)
class Flaw:
    """What one toy does wrong; by default nothing."""

    extra: Callable[[ModuleOp], str] = lambda module: ""
    before: Callable[[ModuleOp], object] = lambda module: None
    after: Callable[[Outputs], Outputs] = lambda outputs: outputs
    meaning: Callable[[ModuleOp], object] = lambda module: None
    accepts_all: bool = False
    latency: int = 3
    simulated: bool = True
    options: type[BackendOptions] = ToyOptions
    report: ToolReport | None = None
    refuses: frozenset[str] = frozenset()


def flip(outputs: Outputs) -> Outputs:
    """One bit of one element."""
    changed = outputs[-1].copy()
    changed[5].flat[1] ^= 1
    return [*outputs[:-1], changed]


def truncate(module: ModuleOp) -> None:
    """Casts forget how to round."""
    for op in program_ops(main(module)):
        if isinstance(op, CastOp):
            op.properties["rounding"] = StringAttr("TRN")


def crash(module: ModuleOp) -> None:
    """A defect that only one op meets."""
    if any(op.name == "nn.hardmax" for op in program_ops(main(module))):
        raise ZeroDivisionError("of all things")


def rename(module: ModuleOp) -> None:
    """Emission changes the program."""
    main(module).attributes["model"] = StringAttr("changed")


COUNTER = itertools.count()

FLAWS: Mapping[str, Flaw] = {
    "toy": Flaw(),
    "toy-flips": Flaw(after=flip),
    "toy-truncates": Flaw(meaning=truncate),
    "toy-crashes": Flaw(before=crash),
    "toy-drops": Flaw(after=lambda outputs: outputs[:-1]),
    "toy-reshapes": Flaw(after=lambda outputs: [array.reshape(len(array), -1) for array in outputs]),
    "toy-changes": Flaw(before=rename),
    "toy-identity": Flaw(extra=lambda module: str(next(COUNTER))),
    "toy-sets": Flaw(extra=lambda module: " ".join({str(op.name) for op in program_ops(main(module))})),
    "toy-dates": Flaw(extra=lambda module: time.strftime("%Y-%m-%d")),
    "toy-paths": Flaw(extra=lambda module: f"set root {Path.cwd()}/src"),
    "toy-writes": Flaw(before=lambda module: Path("left-behind.txt").write_text("")),
    "toy-accepts": Flaw(accepts_all=True),
    "toy-late": Flaw(latency=4),
    "toy-blind": Flaw(simulated=False),
    "toy-careless": Flaw(options=CarelessOptions),
    "toy-reports": Flaw(report=ToolReport({"luts": 1.0})),
    "toy-small": Flaw(refuses=frozenset({"nn.hardmax", "da.kernel"})),
}
KNOWN = frozenset(op for dialect in (Fx, Nn, Tree, Da) for op in dialect.operations)


@dataclass(frozen=True)
class Toy:
    name: str
    flaw: Flaw
    description: str = "the program itself"
    io: tuple[str, ...] = ("parallel",)

    @property
    def options(self) -> type[BackendOptions]:
        return self.flaw.options

    def pipeline(self, options: BackendOptions) -> str:
        return "dce"

    def emit(self, module: ModuleOp, options: BackendOptions) -> BuildPlan:
        program = hardware(module)
        for op in program.ops:
            if (type(op) not in KNOWN and not self.flaw.accepts_all) or op.name in self.flaw.refuses:
                raise CompileError("NL308", f"{op.name} is no toy", origin=op.origin_name)
        self.flaw.before(module)
        files = {"program.mlir": print_module(module), "notes.txt": f"{self.flaw.extra(module)}\n"}
        ports = program.ports
        properties = {
            "backend": self.name,
            "ports": PortInfo.to_json(ports),
            "signals": ",".join(f"p{index}" for index in range(len(ports))),
            "latency_cycles": "3",
        }
        return BuildPlan(files, properties=properties)

    def simulator(self, plan: BuildPlan) -> ToySimulator | None:
        return ToySimulator(plan, self.flaw) if self.flaw.simulated else None

    def read_report(self, directory: Path) -> ToolReport | None:
        return self.flaw.report


@dataclass(frozen=True)
class ToySimulator:
    plan: BuildPlan
    flaw: Flaw

    def run(self, inputs: Sequence[Any], *, progress: object = None) -> SimulationResult:
        module = parse_module(self.plan.files["program.mlir"])
        self.flaw.meaning(module)
        names = [info.name for _, info in hardware(module).inputs]
        outputs = outputs_from_ports(module, dict(zip(names, inputs, strict=True)))
        return SimulationResult(self.flaw.after([np.array(a) for a in outputs.values()]), self.flaw.latency)


@hookimpl
def netloom_backends() -> Sequence[Toy]:
    return [Toy(name, flaw) for name, flaw in FLAWS.items()]
