"""The C++ printer: what it writes compiles without a warning and gives the interpreter's mantissas."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr

from netloom.backends.hls.backend import HlsBackend
from netloom.backends.hls.names import RESERVED
from netloom.backends.hls.options import HlsOptions
from netloom.backends.hls.text import index_expression, integer, whole
from netloom.backends.indexing import pattern_of
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.core.headers import find_headers
from netloom.core.plan import BuildPlan
from netloom.core.plugins import registry
from netloom.ir import interpreter
from netloom.ir.attributes import fixed_tensor
from netloom.ir.fx import LookupOp
from netloom.ir.nn import AddOp, ConcatOp, DenseOp, MatMulOp, MulOp, ReluOp
from netloom.ir.nn.linear import reuse_factors
from netloom.sim.hls import HlsSimulator
from netloom.sim.vectors import with_vectors
from tests.backends.designs import Program, array, random_graph, samples, signed, unsigned
from tests.backends.designs import integer as integer_attribute
from tests.backends.test_vhdl_project import every_op

from hypothesis import given  # isort: skip
from hypothesis import strategies as st  # isort: skip

VENDORS = ("vivado", "vitis", "quartus", "catapult")
GENUINE = ("vitis", "catapult")
"""One backend for each kind of header; what these tests look at is the same in the other two."""


def backend_of(name: str) -> HlsBackend:
    backend = registry().backends[name].value
    assert isinstance(backend, HlsBackend)
    return backend


def emitted(module: ModuleOp, name: str = "vitis", **options: Any) -> BuildPlan:
    backend = backend_of(name)
    return backend.emit(module, backend.options(**options))


def check(module: ModuleOp, name: str, count: int = 24) -> None:
    """The C-simulation gives the interpreter's mantissas."""
    simulator = HlsSimulator(emitted(module, name), timeout_s=300)
    inputs = samples(simulator, count, seed=count)
    expected = interpreter.run(module, inputs, np.int64)
    for port, got, want in zip(simulator.outputs, simulator.run(inputs).outputs, expected, strict=True):
        assert np.array_equal(got, want), f"{port.name}: {np.argwhere(got != want)[:3]}"


@pytest.mark.parametrize("name", VENDORS)
def test_every_op_gives_the_interpreters_bits(name: str) -> None:
    check(every_op().finish(), name)


@pytest.mark.parametrize("name", VENDORS)
def test_the_written_project_compiles_without_a_warning_and_its_test_bench_compares(
    name: str, tmp_path: Path
) -> None:
    module = every_op().finish()
    plan = emitted(module, name)
    inputs = samples(HlsSimulator(plan), 8, seed=2)
    expected = interpreter.run(module, inputs, np.int64)
    directory = with_vectors(plan, inputs, expected).write(tmp_path / "project")
    strict = ("-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-pedantic")
    headers = f"-isystem{find_headers(plan.properties['headers'])}"
    sources = [f"src/{plan.properties['top']}.cpp", "tb/testbench.cpp"]
    compiler = ["g++", "-std=c++14", *strict, headers, *sources, "-o", "testbench"]
    built = subprocess.run(compiler, cwd=directory, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    passed = subprocess.run(["./testbench"], cwd=directory, capture_output=True, text=True)
    assert (passed.returncode, passed.stdout) == (0, "netloom: PASS samples=8 differences=0\n")

    vectors = next((directory / "sim/vectors").glob("out_*.txt"))
    lines = vectors.read_text().splitlines()
    first, _, rest = lines[3].partition(" ")
    lines[3] = f"{int(first) ^ 1} {rest}".strip()
    vectors.write_text("\n".join(lines) + "\n")
    failed = subprocess.run(["./testbench"], cwd=directory, capture_output=True, text=True)
    assert (failed.returncode, failed.stdout) == (1, "netloom: FAIL samples=8 differences=1\n")
    assert f"sample 3, {vectors.stem[4:]}[0]: expected {int(first) ^ 1}, got {first}" in failed.stderr


@pytest.mark.parametrize("name", VENDORS)
def test_emission_gives_the_same_bytes_every_time(name: str) -> None:
    plan, again = (emitted(every_op().finish(), name) for _ in range(2))
    assert (dict(again.files), again.digest, again.steps) == (dict(plan.files), plan.digest, plan.steps)


def test_lines_are_of_readable_length_and_without_trailing_space() -> None:
    for name in VENDORS:
        for path, text in emitted(every_op().finish(), name).files.items():
            assert text.endswith("\n"), path
            assert not text.endswith("\n\n"), path
            for line in text.splitlines():
                assert line == line.rstrip(), path
                assert len(line) <= 160, (path, line)


def dense_program(
    rows: int, weights: Any, x_format: Format, strategy: str, reuse_factor: int | None = None
) -> ModuleOp:
    """One layer with a bias, one without, of the same weights."""
    matrix = np.asarray(weights, dtype=np.int64)
    inputs, outputs = matrix.shape
    program = Program([((rows, inputs), x_format)])
    weight = program.constant(matrix, signed(6, 2))
    bias = program.constant(np.arange(outputs) * 37 - 11, signed(12, 8 - x_format.fraction))
    more = {} if reuse_factor is None else {"reuse_factor": integer_attribute(reuse_factor)}
    for operands in ([weight, bias], [weight]):
        program.output(
            program.add(DenseOp, program.inputs[0], *operands, strategy=StringAttr(strategy), **more)
        )
    return program.finish()


@pytest.mark.parametrize("name", GENUINE)
@pytest.mark.parametrize("rows", [1, 3])
def test_every_reuse_factor_gives_the_same_bits_as_a_multiplier_for_each_weight(name: str, rows: int) -> None:
    rng = np.random.default_rng(rows)
    weights = rng.integers(-32, 32, (6, 4))
    for factor in reuse_factors(6, 4):
        check(dense_program(rows, weights, signed(5, 2), "resource", factor), name, count=12)
    check(dense_program(rows, weights, unsigned(5, 7), "latency"), name)


def test_shared_multipliers_read_memory_words_and_are_limited() -> None:
    plan = emitted(dense_program(1, np.eye(6, 4), signed(5, 2), "resource", 12))
    text = plan.files["src/layers/dense_2.h"]
    assert "2 multipliers work 12 times" in text
    assert "#pragma HLS ARRAY_RESHAPE variable=dense_2_weight type=cyclic factor=2 dim=1" in text
    assert "#pragma HLS ALLOCATION operation instances=mul limit=2" in text
    assert plan.properties["interval_cycles"] == "12"
    assert "#pragma HLS DATAFLOW" in plan.files[f"src/{plan.properties['top']}.cpp"]


@pytest.mark.parametrize("name", GENUINE)
def test_networks_of_many_rows_and_negated_outputs(name: str) -> None:
    program = Program([((5, 6), signed(5, 2)), ((1, 4), unsigned(30, 30))])
    x, wide = program.inputs
    program.output(program.kernel(x, random_graph(6, 20, 4, 8), 2, np.array([1, -40, 7, 0])))
    program.output(program.kernel(wide, random_graph(4, 12, 3, 9), 1, None))
    check(program.finish(), name)


@pytest.mark.parametrize("name", GENUINE)
def test_sums_that_pass_64_bits_on_their_way_are_exact(name: str) -> None:
    program = Program([((1, 3), signed(40, 20)), ((3, 1), signed(22, 4))])
    program.output(program.add(MatMulOp, *program.inputs, result=fixed_tensor((1, 1), signed(63, 25))))
    module = program.finish()
    plan = emitted(module, name)
    assert whole(40 + 22 + 2 + 3).type == "unsigned long long"
    assert any("(unsigned long long)" in text for text in plan.files.values())
    # Small enough for the declared result, though the operands' formats alone do not say so.
    rng = np.random.default_rng(4)
    inputs = [rng.integers(-(2**38), 2**38, (20, 1, 3)), rng.integers(-(2**20), 2**20, (20, 3, 1))]
    expected = interpreter.run(module, inputs, np.int64)
    assert np.array_equal(HlsSimulator(plan).run(inputs).outputs[0], expected[0])


@pytest.mark.parametrize("name", GENUINE)
def test_constants_may_be_operands_of_any_op(name: str) -> None:
    program = Program([((2, 3), signed(7, 3))])
    x = program.inputs[0]
    column = program.constant(np.array([[-9], [3]]), signed(5, 1))
    program.output(
        program.add(MulOp, program.add(AddOp, x, column), program.constant(np.array(5), signed(4, 2)))
    )
    program.output(
        program.add(
            ConcatOp, program.constant(np.arange(3)[None], signed(7, 3)), x, axis=integer_attribute(0)
        )
    )
    check(program.finish(), name)


@pytest.mark.parametrize("name", VENDORS)
def test_names_of_a_model_never_clash_with_the_language_or_with_each_other(name: str) -> None:
    program = Program([((2,), signed(5, 2))], name="operator")
    value = program.inputs[0]
    for origin in (
        "int",
        "in",
        "out",
        "ap_fixed",
        "ac",
        "copy_of_x0",
        "INT",
        "x",
        "m",
        "k",
        "i",
        "row",
        "index",
        "fc",
        "fc_t",
        "fc_type",
        "key_t",
        "errno",
        "fc_y",
        "fc_weight",
        "y",
        "main",
        "sum",
        "a b",
        "a/b",
    ):
        value = program.add(ReluOp, value)
        value.owner.properties["origin"] = StringAttr(origin)  # type: ignore[union-attr]
    program.output(value, "double")
    check(program.finish(), name)
    assert "double" in RESERVED


def test_an_op_without_hardware_is_refused_by_name() -> None:
    class Unknown(ReluOp):
        name = "nn.unknown"

    program = Program([((2,), signed(5, 2))])
    program.output(program.add(Unknown, program.inputs[0]))
    with pytest.raises(CompileError, match=r"\[NL308\] at 'unknown_0': nn.unknown has no C\+\+"):
        emitted(program.finish())


@pytest.mark.parametrize("value", [-1.0, 100.0])
def test_a_clock_uncertainty_is_a_part_of_the_period(value: float) -> None:
    with pytest.raises(CompileError, match=r"\[NL203\] at 'clock_uncertainty_percent'"):
        HlsOptions(clock_uncertainty_percent=value)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=24))
def test_an_index_expression_means_the_indices(indices: list[int]) -> None:
    text, tables = index_expression(np.array(indices), "k", "TABLE")
    table = [int(entry) for entry in tables[0].entries] if tables else []
    for k, index in enumerate(indices):
        assert eval(text.replace("/", "//"), {"k": k, "TABLE": table}) == index


@pytest.mark.parametrize(
    ("shape", "axis"), [((2, 3, 4), 0), ((2, 3, 4), 1), ((2, 3, 4), 2), ((5,), 0), ((1, 6), 1)]
)
def test_broadcasting_is_arithmetic_and_no_table(shape: tuple[int, ...], axis: int) -> None:
    kept = [size if n == axis else 1 for n, size in enumerate(shape)]
    positions = np.arange(shape[axis]).reshape(kept)
    assert pattern_of(np.broadcast_to(positions, shape)).table is None


@pytest.mark.parametrize("name", GENUINE)
def test_tables_are_exact_for_the_widest_numbers(name: str) -> None:
    formats = (signed(60, 20), signed(52, 3), unsigned(63, 60), signed(31, 3))
    program = Program([((6,), each) for each in formats])
    rng = np.random.default_rng(5)
    for x in program.inputs:
        for low, bits in ((0, 4), (0, 12), (-(2**31) - 1, None), (2**61, None)):
            table = {"table": array(rng.integers(0, 200, 300)), "function": StringAttr("table")}
            kind = {} if bits is None else {"mantissa_bits": integer_attribute(bits)}
            result = fixed_tensor((6,), unsigned(8, 3))
            program.output(
                program.add(LookupOp, x, result=result, low=integer_attribute(low), **table, **kind)
            )
    check(program.finish(), name)


@pytest.mark.parametrize("name", GENUINE)
@pytest.mark.parametrize("overflow", ["WRAP", "SAT", "SAT_ZERO", "SAT_SYM"])
def test_casts_may_shift_further_than_any_word(name: str, overflow: str) -> None:
    pairs = (
        ((9, 1), (9, 80)),
        ((9, 67), (9, 1)),
        ((10, 120), (9, 3)),
        ((9, 3), (10, 120)),
        ((40, 70), (6, 1)),
    )
    program = Program([((5,), make(*source)) for source, _ in pairs for make in (signed, unsigned)])
    targets = [make(*target) for _, target in pairs for make in (signed, unsigned)]
    for x, target in zip(program.inputs, targets, strict=True):
        for rounding in ("TRN", "RND", "RND_CONV"):
            program.output(program.cast(x, target, rounding, overflow))
    check(program.finish(), name)


def copies_in(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip().startswith("copy_")]


def test_beside_shared_multipliers_every_array_has_one_reader() -> None:
    program = Program([((1, 4), signed(5, 2))])
    x = program.inputs[0]
    weight = program.constant(np.arange(16).reshape(4, 4) - 8, signed(6, 2))
    more = {"strategy": StringAttr("resource"), "reuse_factor": integer_attribute(4)}
    y = program.add(DenseOp, x, weight, **more)
    program.output(program.add(AddOp, y, program.add(MulOp, x, y)))
    program.output(y)
    module = program.finish()
    for name in VENDORS:
        check(module, name)
    vitis, catapult = (emitted(module, name) for name in GENUINE)
    path = f"src/{vitis.properties['top']}.cpp"
    assert copies_in(vitis.files[path]) == [
        "copy_of_x0(x0, x0_0_copy, x0_1_copy);",
        "copy_of_dense_1_y(dense_1_y, dense_1_y_0_copy, dense_1_y_1_copy, dense_1_y_2_copy);",
        "copy_to_y1(dense_1_y_2_copy, y1);",
    ]
    assert copies_in(catapult.files[path]) == ["copy_to_y1(dense_1_y, y1);"]


@pytest.mark.parametrize("name", VENDORS)
def test_a_value_may_leave_by_several_ports_and_an_input_or_a_constant_by_any(name: str) -> None:
    program = Program([((2,), signed(5, 2))])
    x = program.inputs[0]
    y = program.add(ReluOp, x)
    for value in (y, y, x, x, program.constant(np.array([3, -1]), signed(4, 2))):
        program.output(value)
    check(program.finish(), name)


@pytest.mark.parametrize("part", ["x]; exec ls [", "x$(shell ls)", "a b"])
def test_a_part_number_has_no_characters_that_scripts_would_run(part: str) -> None:
    with pytest.raises(CompileError, match=r"\[NL203\] at 'part'"):
        HlsOptions(part=part)


@pytest.mark.parametrize(
    ("backend", "device"), [("quartus", "xcvu9p"), ("vivado", "agilex-7"), ("vitis", "ecp5-85k")]
)
def test_a_device_of_another_vendor_is_refused_unless_a_part_is_named(backend: str, device: str) -> None:
    options = backend_of(backend).options
    with pytest.raises(CompileError, match=r"\[NL203\] at 'device'"):
        options(device=device)
    assert options(device=device, part="some-part").chosen_part == "some-part"


def test_integer_literals_of_every_size() -> None:
    assert [integer(v) for v in (0, -5, 2**31 - 1, -(2**31), 2**40)] == [
        "0",
        "-5",
        "2147483647",
        "-2147483648LL",
        "1099511627776LL",
    ]
    assert integer(-(2**63)) == "(-9223372036854775807LL - 1)"
