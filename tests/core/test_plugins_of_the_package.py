"""Our own backends, devices and solvers come through the hooks, and plugged-in ones work as ours do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

import netloom
from netloom.api import find_backend
from netloom.core import plugins
from netloom.core.adder_graph import AdderGraph
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.core.plugins import Provided, registry
from netloom.ir.da import KernelOp
from netloom.ir.nn import MatMulOp
from netloom.ir.program import main, program_ops
from netloom.passes import build_adder_graphs
from netloom.passes.manager import PassManager, parse
from netloom.passes.solvers import MatrixProblem, SharingSolver
from netloom.testing import Port, Program

PACKAGE = Path(netloom.__file__).parent
BACKENDS = sorted(path.name for path in (PACKAGE / "backends").iterdir() if (path / "plugin.py").exists())


@pytest.fixture
def only_frontends(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation whose backends have all been removed from its entry points."""

    def left(group: str) -> Sequence[EntryPoint]:
        return [entry for entry in entry_points(group=group) if "backends" not in entry.value]

    monkeypatch.setattr(plugins, "entry_points", left)
    registry.cache_clear()
    yield
    monkeypatch.undo()
    registry.cache_clear()


def test_nothing_but_an_entry_point_names_a_backend() -> None:
    assert "vhdl" in BACKENDS
    # An import, or a string that could be given to one; prose may mention them.
    named = re.compile(rf"(?m)(^\s*(from|import) |[\"'])netloom\.backends\.({'|'.join(BACKENDS)})\b")
    outside = [path for path in PACKAGE.rglob("*.py") if path.parts[len(PACKAGE.parts)] != "backends"]
    assert len(outside) > 50
    found = [path.relative_to(PACKAGE).as_posix() for path in outside if named.search(path.read_text())]
    assert found == []


@pytest.mark.usefixtures("only_frontends")
def test_without_its_entry_point_a_backend_is_unknown() -> None:
    assert registry().backends == {}
    with pytest.raises(CompileError) as caught:
        find_backend("vhdl", "parallel")
    assert caught.value.code == "NL204"


@dataclass(frozen=True)
class Adding:
    """A solver plugin that makes every product from additions of the input to itself."""

    name: str = "adding"
    wrong: int = 0

    def solve(self, problem: MatrixProblem) -> AdderGraph:
        assert problem.matrix.shape == (1, 1)
        adders = int(problem.matrix[0, 0]) - 1 + self.wrong
        zeros = np.zeros(adders, dtype=np.int64)
        none = np.zeros(1, dtype=np.int64)
        flags = np.zeros(adders, dtype=np.bool_)
        last = np.array([adders])
        return AdderGraph(1, np.arange(adders), zeros, zeros, zeros, flags, last, none, none.astype(np.bool_))


def layer() -> ModuleOp:
    program = Program([("x", Port((1, 1), Format(4, 4)))])
    program.origin = "fc1"
    weight = program.constant([[5]], Format(4, 4))
    program.output(program.add(MatMulOp, program.inputs[0], weight), "y")
    return program.finish()


def unrolled(solver: str, monkeypatch: pytest.MonkeyPatch, *plugged: Adding) -> int:
    """Adders of a layer that multiplies by five."""
    found = {**registry().solvers, **{s.name: Provided(s.name, s, "mine (mine)") for s in plugged}}
    with_plugin = replace(registry(), solvers=found)
    monkeypatch.setattr(build_adder_graphs, "registry", lambda: with_plugin)
    module = layer()
    pipeline = f"lower-dense,build-adder-graphs{{solver={solver}}}"
    PassManager(parse(pipeline), samples=[np.arange(-8, 8).reshape(-1, 1, 1).astype(np.float32)]).run(module)
    (kernel,) = (op for op in program_ops(main(module)) if isinstance(op, KernelOp))
    return kernel.graph.n_adders


def test_our_solver_is_registered_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(registry().solvers["sharing"].value, SharingSolver)
    assert unrolled("sharing", monkeypatch) == 1


def test_a_plugged_in_solver_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unrolled("adding", monkeypatch, Adding()) == 4


def test_a_solver_that_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CompileError) as caught:
        unrolled("shearing", monkeypatch)
    assert str(caught.value) == (
        "[NL203] at 'solver': unknown solver 'shearing'\n"
        "  supported: alkaid, best, da4ml, sharing\n"
        "  to do: did you mean 'sharing'?"
    )


def test_a_solver_whose_network_computes_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CompileError) as caught:
        unrolled("adding", monkeypatch, Adding(wrong=1))
    assert str(caught.value) == (
        "[NL703] at 'fc1': solver 'adding' gave a network that does not compute the layer's matrix\n"
        "  to do: report it to the makers of mine (mine)"
    )
