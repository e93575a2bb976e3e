"""C-simulation: the emitted C++ compiled with the vendor's own number types, and called from Python."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netloom.core.diagnostics import CompileError
from netloom.core.headers import find_headers
from netloom.core.plan import BuildPlan
from netloom.core.tools import run_tool
from netloom.passes.analysis.hardware import PortInfo
from netloom.sim.result import SimulationResult
from netloom.sim.vectors import check

Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Called with the number of samples done and their total."""

CHUNK = 4096
"""Samples between two calls of `progress`."""

STANDARD = "c++14"
"""What the vendors' compilers understand; their headers need no more."""

OPTIMIZATION = (
    (60_000, ("-O3",)),
    # Straight lines of thousands of adders: one pass of -O1 alone would take a third of the time.
    (400_000, ("-O1", "-fno-tree-dse")),
)
"""Options by size of the layers in characters; beyond the last a run costs less than optimizing."""


class HlsSimulator:
    """Runs a plan that an HLS backend emitted.

    Args:
        plan: the project.
        work: directory to work in, which is kept; by default a temporary one, removed with the object.
        timeout_s: limit for the compiler.
    """

    def __init__(self, plan: BuildPlan, work: Path | None = None, *, timeout_s: float | None = None) -> None:
        self.plan = plan
        self.ports = PortInfo.from_json(plan.properties["ports"])
        self._temporary = tempfile.TemporaryDirectory(prefix="netloom-csim-") if work is None else None
        self.work = Path(self._temporary.name) if self._temporary is not None else work or Path()
        self._timeout_s = timeout_s
        self._library: ctypes.CDLL | None = None

    @property
    def inputs(self) -> list[PortInfo]:
        """Input ports, in the order of `run`."""
        return [port for port in self.ports if port.direction == "in"]

    @property
    def outputs(self) -> list[PortInfo]:
        """Output ports, in the order of results."""
        return [port for port in self.ports if port.direction == "out"]

    def compile(self) -> None:
        """Compile the sources; done by the first `run` if not before.

        Raises:
            CompileError: NL601 without a C++ compiler, NL604 without the vendor's headers, NL602 when the
                compiler refuses the sources.
        """
        if self._library is not None:
            return
        headers = find_headers(self.plan.properties["headers"])
        for path, text in self.plan.files.items():
            if path.startswith(("src/", "tb/")):
                target = self.work / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
        run_tool(
            [
                "gxx",
                f"-std={STANDARD}",
                *self._optimization(),
                "-fPIC",
                "-shared",
                "-w",
                # Else two designs of one name in this process would share their static variables.
                "-fno-gnu-unique",
                f"-isystem{headers}",
                *self.plan.properties["sources"].split(","),
                "-o",
                "design.so",
            ],
            directory=self.work,
            log=self.work / "compile.log",
            timeout_s=self._timeout_s,
        )
        self._library = ctypes.CDLL(str(self.work / "design.so"))

    def _optimization(self) -> tuple[str, ...]:
        size = sum(len(text) for path, text in self.plan.files.items() if path.startswith("src/layers/"))
        return next((options for limit, options in OPTIMIZATION if size <= limit), ("-O0",))

    def run(self, inputs: Sequence[Ints], *, progress: Progress | None = None) -> SimulationResult:
        """Feed samples and return what comes out.

        Args:
            inputs: mantissas int64[N, *shape] for each input port.
            progress: called with the number of samples done.

        Raises:
            CompileError: NL401 or NL403 for tensors that do not fit the ports, and those of `compile`.
        """
        if len(inputs) != len(self.inputs):
            raise CompileError(
                "NL401", f"{len(inputs)} input tensors", supported=f"{len(self.inputs)}, one for each port"
            )
        for port, tensor in zip(self.inputs, inputs, strict=True):
            check(port, tensor)
        self.compile()
        given = [np.ascontiguousarray(tensor, dtype=np.int64) for tensor in inputs]
        samples = len(given[0])
        found = [np.zeros((samples, *port.shape), dtype=np.int64) for port in self.outputs]
        for first in range(0, samples, CHUNK):
            last = min(first + CHUNK, samples)
            self._call([x[first:last] for x in given], [y[first:last] for y in found], last - first)
            if progress is not None:
                progress(last, samples)
        return SimulationResult(found)

    def _call(self, inputs: list[Ints], outputs: list[Ints], samples: int) -> None:
        assert self._library is not None

        def pointers(arrays: list[Ints]) -> ctypes.Array[ctypes.c_void_p]:
            return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))

        self._library.netloom_run(pointers(inputs), pointers(outputs), ctypes.c_int64(samples))
