"""Trees in memories: GHDL gives the emulator's bits as late as predicted, also after others were written."""

from __future__ import annotations

import dataclasses
import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
from typer.testing import CliRunner
from xdsl.dialects.builtin import ModuleOp

import netloom
from netloom.api import Design
from netloom.cli.main import app
from netloom.core.diagnostics import CompileError
from netloom.core.ensemble import Ensemble
from netloom.core.fixed import Format
from netloom.core.tools import run_tool
from netloom.frontends.trees.forest import Forest, module_of
from netloom.ir.attributes import fixed_tensor
from netloom.ir.tree import ensemble_op
from netloom.passes.analysis.tree_image import FILE, TreeImage
from netloom.passes.analysis.tree_memory import all_in_memories, memory_of
from netloom.passes.manager import PassManager, parse
from netloom.sim.ghdl import GhdlSimulator
from netloom.testing.battery.ensembles import chain_case, ensemble_case, ensembles, grown
from netloom.testing.cases import Case, program_of
from netloom.testing.program import Port, Program
from netloom.testing.target import Target, interpreted, run
from tests.shared import EXAMPLE, REPOSITORY

Reals = NDArray[Any]
JETS = REPOSITORY / "examples" / "jet_trees"
FORMS = ("parallel", "stream")
BYTE = Format(8, 4)


# -- the engines ---------------------------------------------------------------------------------------


def agrees(cases: list[Case], io: str, samples: int = 12, **options: Any) -> Design:
    """The simulated program gives the interpreter's bits, with the predicted latency and interval."""
    done = run(Target("vhdl", io, {"strategy": "memory", **options}), program_of(cases), samples)
    for name, expected in done.expected.items():
        assert np.array_equal(done.got[name], expected), name
    properties = done.design.plan.properties
    assert str(done.result.latency_cycles) == properties["latency_cycles"]
    assert str(done.result.interval) == properties["interval_cycles"]
    return done.design


FEW = [
    ensemble_case("trees", Port((3,), BYTE), 1),
    ensemble_case("deep trees", Port((2,), Format(9, 4, False)), 2),
    ensemble_case("classes", Port((2, 3), BYTE), 3),
    ensemble_case("several results", Port((5,), Format(1, 1, False)), 4),
    ensemble_case("single leaves", Port((3,), BYTE), 5),
    ensemble_case("no trees", Port((2,), BYTE), 6),
    chain_case(20, Port((2,), BYTE)),
]


@pytest.mark.parametrize("io", FORMS)
@pytest.mark.parametrize("reuse", [1, 3, 100])
@pytest.mark.parametrize("period", [1.2, 20.0])
def test_ghdl_gives_the_same_bits(io: str, reuse: int, period: float) -> None:
    """At 1.2 ns every register of an engine is there, at 20 ns none that can be left out."""
    agrees(FEW, io, reuse_factor=reuse, clock_period_ns=period)


@pytest.mark.slow
@pytest.mark.parametrize("io", FORMS)
@pytest.mark.parametrize("reuse", [2, 4])
def test_all_kinds_of_trees(io: str, reuse: int) -> None:
    cases = list(ensembles())
    for first in range(4):
        agrees(cases[first::4], io, reuse_factor=reuse)


def test_one_stump_takes_a_sample_in_every_cycle() -> None:
    design = agrees([ensemble_case("one stump", Port((3,), BYTE), 1)], "parallel")
    assert design.report().interval_cycles == 1
    # The netlist forgets what stood in its memories.
    with pytest.raises(CompileError) as error:
        design.prove("nowhere")
    assert (error.value.code, error.value.found) == (
        "NL609",
        "the design computes what stands in its memories",
    )


def test_block_memories_have_a_register_more() -> None:
    design = agrees([ensemble_case("trees", Port((3,), BYTE), 1)], "parallel", reuse_factor=8)
    (memory,) = map(memory_of, all_in_memories(design.module))
    assert memory.block_nodes and memory.block_leaves
    assert memory.interval_cycles == memory.groups * memory.depth * memory.step_cycles + 1


def test_ensembles_of_a_design_have_pages_of_their_own() -> None:
    cases = [
        ensemble_case(kind, Port((3,), BYTE), n) for n, kind in enumerate(("trees", "stumps", "classes"))
    ]
    design = agrees(cases, "parallel", reuse_factor=4)
    memories = [memory_of(op) for op in all_in_memories(design.module)]
    assert [memory.first_page for memory in memories] == [0, 5, 10]
    image = design.tree_image()
    addresses = [address for address, _ in image.words]
    assert len(set(addresses)) == len(addresses) and max(addresses) < 1 << image.address_bits
    assert max(word for _, word in image.words) < 1 << image.data_bits


def test_only_the_named_ensemble_stands_in_memories() -> None:
    first, second = netloom.load(JETS / "model.json"), netloom.load(JETS / "model.json")
    both = netloom.chain(netloom.load(EXAMPLE / "model.onnx"), ensemble(5)), netloom.beside(first, second)
    for module, strategy in zip(both, ("auto; tr*=memory", {"trees": "memory"}), strict=True):
        design = netloom.compile(
            module, input_precision="fixed<16,6>", precision="fixed<16,6>", strategy=strategy, reuse_factor=30
        )
        assert all_in_memories(design.module)
        assert design.report().interval_cycles > 1


def ensemble(features: int) -> ModuleOp:
    """An imported ensemble on real numbers."""
    trees = grown(np.random.default_rng(3), features, 2, 6, 3, BYTE)
    real = dataclasses.replace(
        trees,
        threshold=trees.threshold / 16,
        leaves=trees.leaves / 8,
        base=trees.base / 8,
    )
    return module_of(Forest(real))


@pytest.mark.parametrize("io", FORMS)
def test_a_network_in_front_of_the_trees(io: str) -> None:
    module = netloom.chain(netloom.load(EXAMPLE / "model.onnx"), ensemble(5))
    options = {"input_precision": "fixed<16,6>", "precision": "fixed<16,6>", "strategy": "memory"}
    design = netloom.compile(module, io=io, reuse_factor=3, **options)
    tables = netloom.compile(module, io=io, **{**options, "strategy": "auto"})
    x = np.load(JETS / "jets.npz")["x"][:12]
    assert np.array_equal(design.predict(x), tables.predict(x))
    assert np.array_equal(design.simulate(x), design.predict(x))
    assert design.last_simulation.latency_cycles == design.report().latency_cycles


@pytest.mark.parametrize("io", FORMS)
def test_jets_have_the_probabilities_of_tables(io: str) -> None:
    options = {"io": io, "input_precision": "fixed<16,6>"}
    design = netloom.compile(JETS / "model.json", strategy="memory", reuse_factor=20, **options)
    x = np.load(JETS / "jets.npz")["x"]
    tables = netloom.compile(JETS / "model.json", **options)
    assert np.array_equal(design.predict(x, raw=True), tables.predict(x, raw=True))
    assert np.array_equal(interpreted(design.module, [x[:20, None]])[0][:, 0], design.predict(x[:20]))
    assert np.array_equal(design.simulate(x[:20]), design.predict(x[:20]))
    assert design.last_simulation.latency_cycles == design.report().latency_cycles
    assert design.last_simulation.interval == design.report().interval_cycles == 81


def test_every_pass_keeps_the_meaning() -> None:
    x = np.load(JETS / "jets.npz")["x"][:8]
    options = {"input_precision": "fixed<16,6>", "strategy": "memory", "reuse_factor": 20}
    for io in FORMS:
        design = netloom.compile(JETS / "model.json", io=io, check_semantics=x, **options)
        assert all_in_memories(design.module)


# -- other trees ---------------------------------------------------------------------------------------


@cache
def inputs() -> Reals:
    return np.round(np.random.default_rng(0).normal(size=(600, 5)) * 16) / 16


def classes(kind: int) -> Reals:
    x = inputs()
    if kind == 0:
        return (x[:, 0] * x[:, 1] > 0).astype(int) + (x[:, 2] > 0.5)
    return (x[:, 3] > x[:, 4]).astype(int) + (x[:, 1] > 1.0)


def boosted(kind: int = 0, trees: int = 8, depth: int = 3, **options: Any) -> GradientBoostingClassifier:
    model = GradientBoostingClassifier(n_estimators=trees, max_depth=depth, random_state=kind, **options)
    return model.fit(inputs(), classes(kind))


OPTIONS: dict[str, Any] = {"input_precision": "fixed<10,4>", "strategy": "memory", "reuse_factor": 5}


@cache
def design_of(io: str = "parallel") -> Design:
    return netloom.compile(boosted(), io=io, **OPTIONS)


@pytest.mark.parametrize("io", FORMS)
@pytest.mark.parametrize("after", [0, 25])
def test_the_results_are_those_of_the_trees_that_were_written(io: str, after: int) -> None:
    design = design_of(io)
    other = design.with_trees(boosted(1, trees=6))
    x = inputs()[:50]
    first, rest = design.predict(x[:after]), other.predict(x[after:])
    assert not np.array_equal(design.predict(x[after:]), rest)
    found = design.simulate(x, trees=other, trees_after=after)
    assert np.array_equal(found, np.concatenate([first, rest]))
    assert design.last_simulation.latency_cycles == design.report().latency_cycles


@pytest.mark.parametrize("io", FORMS)
@pytest.mark.parametrize("seed", [1, 2])
def test_words_are_written_whether_or_not_the_design_stands_still(io: str, seed: int) -> None:
    design = design_of(io)
    other = design.with_trees(boosted(1, trees=6))
    x = inputs()[:40]
    ports = [np.round(x * 64).astype(np.int64)[:, None]]
    expected = np.concatenate([design.predict(x[:15], raw=True), other.predict(x[15:], raw=True)])
    image = other.tree_image()
    done = design.simulator.run(ports, stall_seed=seed, trees=image.lines, trees_after=15)
    assert np.array_equal(done.outputs[0].reshape(expected.shape), expected)


def test_a_forest_with_values_for_every_class() -> None:
    def forest(seed: int, trees: int) -> RandomForestClassifier:
        model = RandomForestClassifier(n_estimators=trees, max_depth=4, random_state=seed)
        return model.fit(inputs(), classes(seed))

    design = netloom.compile(forest(0, 10), **{**OPTIONS, "precision": {"layers": {"trees": "fixed<20,6>"}}})
    # The mean over another number of trees is taken on the host.
    other = design.with_trees(forest(1, 7))
    x = inputs()[:30]
    expected = np.concatenate([design.predict(x[:10]), other.predict(x[10:])])
    assert np.array_equal(design.simulate(x, trees=other, trees_after=10), expected)


def test_scores_wider_than_their_layer_saturate_as_before() -> None:
    """The engines hold what the first trees needed; the cast behind them is the user's."""
    with pytest.warns(netloom.NetloomWarning, match="beyond"):
        design = netloom.compile(boosted(), **OPTIONS, precision={"layers": {"trees": "fixed<10,0>"}})
    with pytest.warns(netloom.NetloomWarning) as caught:
        other = design.with_trees(boosted(1, trees=2, learning_rate=0.2))
    assert caught
    x = inputs()[:30]
    assert np.array_equal(design.simulate(x, trees=other), other.predict(x))


def test_the_trees_of_a_written_project(tmp_path: Path) -> None:
    design, model = design_of(), boosted(1, trees=6)
    project = design.write(tmp_path / "project")
    other = netloom.load_trees(project, model)
    assert other.tree_image() == design.with_trees(model).tree_image()
    first = TreeImage.parse((project / FILE).read_text())
    assert first == design.tree_image() and first.text == (project / FILE).read_text()
    assert first.words != other.tree_image().words
    assert [each["layer"] for each in first.ensembles] == ["trees"]


def test_the_command_line_writes_a_loader_file(tmp_path: Path) -> None:
    flags = ["--input-precision", "fixed<16,6>", "-o", "strategy=memory", "-o", "reuse_factor=20"]
    model = str(JETS / "model.json")
    done = CliRunner().invoke(app, ["compile", model, "-d", str(tmp_path / "p"), *flags])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(app, ["trees", str(tmp_path / "p"), model, "-o", str(tmp_path / "t.json")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "t.json").read_bytes() == (tmp_path / "p" / FILE).read_bytes()
    done = CliRunner().invoke(app, ["trees", str(tmp_path / "p"), model, "-o", str(tmp_path / "no" / "t")])
    assert done.exit_code == 1 and "NL501" in done.output


def test_a_capacity_leaves_room() -> None:
    wanted = {"trees": 40, "depth": 5, "nodes": 28}
    design = netloom.compile(boosted(), **OPTIONS, tree_capacity=wanted)
    (memory,) = map(memory_of, all_in_memories(design.module))
    assert (memory.trees, memory.depth, memory.nodes) == (40, 5, 28)
    other = design.with_trees(boosted(1, trees=13, depth=5))
    x = inputs()[:20]
    assert np.array_equal(design.simulate(x, trees=other), other.predict(x))


def regressor(x: Reals | None = None, **options: Any) -> GradientBoostingRegressor:
    x = inputs() if x is None else x
    model = GradientBoostingRegressor(n_estimators=4, max_depth=2, random_state=0, **options)
    return model.fit(x, 8 * x[:, 0])


def quantized_input(number_format: str) -> ModuleOp:
    """The trees of `ensemble` on numbers that the model itself declares."""
    source = Format(8, 4) if number_format == "fixed<8,4>" else Format(9, 4)
    program = Program([("x", Port((1, 3), source))])
    trees = grown(np.random.default_rng(3), 3, 1, 4, 2, BYTE)
    result = fixed_tensor((1, 1), Format(14, 12))
    op = ensemble_op(program.inputs[0], trees, "trees", fraction=2, result=result)
    program.output(program.insert(op), "y")
    return program.finish()


@pytest.mark.parametrize(
    ("first", "other", "found", "supported"),
    [
        (boosted, lambda: boosted(1, trees=20), "there are 60 trees", "25 trees"),
        (
            boosted,
            lambda: boosted(1, trees=3, depth=5),
            "a tree has 5 comparisons on its longest way",
            "3 comparisons on a way",
        ),
        (boosted, regressor, "the trees give 1 score", "3 scores"),
        (regressor, lambda: regressor(inputs()[:, :4]), "the trees read 4 features", "5 features"),
        (
            regressor,
            lambda: regressor(learning_rate=0.9),
            "scores need ",
            "fixed<",
        ),
        (
            lambda: quantized_input("fixed<8,4>"),
            lambda: quantized_input("fixed<9,4>"),
            "the trees read fixed<9,4>",
            "fixed<8,4>",
        ),
        (
            lambda: module_of(Forest(real_scores())),
            lambda: module_of(Forest(real_scores(), steps=("sigmoid",))),
            "the hardware would ",
            "",
        ),
        (regressor, lambda: EXAMPLE / "model.onnx", "the model has 0 ensembles of trees", "1 ensemble"),
    ],
    ids=["trees", "depth", "scores", "features", "score format", "input format", "what follows", "no trees"],
)
def test_trees_that_do_not_fit_are_refused(first: Any, other: Any, found: str, supported: str) -> None:
    design = netloom.compile(first(), **OPTIONS)
    with pytest.raises(CompileError) as error:
        quietly(design, other())
    assert error.value.code == "NL610"
    assert error.value.found.startswith(found) and error.value.supported.startswith(supported)
    assert error.value.hint


def quietly(design: Design, model: Any) -> Design:
    """Warnings about formats come before the refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return design.with_trees(model)


def real_scores() -> Ensemble:
    trees = grown(np.random.default_rng(3), 3, 1, 4, 2, BYTE)
    return dataclasses.replace(
        trees, threshold=trees.threshold / 16.0, leaves=trees.leaves / 8.0, base=trees.base / 8.0
    )


def test_an_engine_that_is_full() -> None:
    design = netloom.compile(boosted(depth=2), **OPTIONS, tree_capacity={"depth": 6, "nodes": 3})
    with pytest.raises(CompileError) as error:
        quietly(design, boosted(1, depth=6))
    assert error.value.code == "NL610" and "trees of one engine have" in error.value.found


def test_scores_of_a_program_with_types_of_its_own() -> None:
    module = quantized_input("fixed<8,4>")
    target = Target("vhdl", "parallel", {"strategy": "memory"})
    (op,) = (op for op in module.walk() if op.name == "tree.ensemble")
    program = Program([("x", Port((1, 3), BYTE))])
    narrow = ensemble_op(
        program.inputs[0], op.ensemble, "trees", fraction=2, result=fixed_tensor((1, 1), Format(4, 2))
    )
    program.output(program.insert(narrow), "y")
    with pytest.raises(CompileError) as error:
        target.compile(program.finish())
    assert error.value.code == "NL610" and error.value.found.startswith("scores may reach")


# -- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code", "found"),
    [
        ({"backend": "vitis"}, "NL203", "strategy is 'memory' with backend 'vitis'"),
        ({"backend": "quartus", "io": "stream"}, "NL203", "strategy is 'memory' with backend 'quartus'"),
        ({"strategy": "auto; forest=memory"}, "NL202", "'forest' matches no layer"),
        ({"strategy": "auto", "tree_capacity": "trees=9"}, "NL203", "tree_capacity is 'trees=9' without"),
        ({"tree_capacity": "trees=9"}, "NL203", "trees is 9, and the model has 24"),
        ({"tree_capacity": "depth=2"}, "NL203", "depth is 2, and the model has 3"),
        ({"tree_capacity": "leaves=9"}, "NL201", "'leaves' is no part of a capacity"),
        ({"tree_capacity": "trees=many"}, "NL203", "trees is 'many'"),
        ({"tree_capacity": "nodes=1"}, "NL610", "the 24 trees of one engine have"),
        ({"reuse_factor": "0"}, "NL203", "'0' is not a reuse factor"),
        ({"reuse_factor": "forest=4"}, "NL202", "'forest' matches no layer"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], code: str, found: str) -> None:
    with pytest.raises(CompileError) as error:
        netloom.compile(boosted(), **{**OPTIONS, "reuse_factor": 24, **options})
    assert error.value.code == code
    assert error.value.found.startswith(found)


def test_a_model_without_trees() -> None:
    with pytest.raises(CompileError) as error:
        netloom.compile(EXAMPLE / "model.onnx", strategy="memory")
    assert (error.value.code, error.value.found) == ("NL202", "no layer of strategy 'memory'")


@pytest.mark.parametrize("use", [lambda d: d.tree_image(), lambda d: d.with_trees(boosted(1))])
def test_a_design_of_tables(use: Any) -> None:
    design = netloom.compile(boosted(), input_precision="fixed<10,4>")
    with pytest.raises(CompileError) as error:
        use(design)
    assert (error.value.code, error.value.found) == ("NL203", "no trees of the design stand in memories")


def test_a_directory_that_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as error:
        netloom.load_trees(tmp_path, boosted())
    assert (error.value.code, error.value.origin) == ("NL605", str(tmp_path))


@pytest.mark.parametrize("text", ["", "{}", '{"format": "netloom trees 9"}', "[1]"])
def test_a_file_that_is_no_loader_file(text: str) -> None:
    with pytest.raises(CompileError) as error:
        TreeImage.parse(text, "t.json")
    assert (error.value.code, error.value.origin) == ("NL605", "t.json")


MISSING = "replaceable-trees{strategy=memory},schedule"


def test_passes_of_ones_own_that_leave_out_one() -> None:
    with pytest.raises(CompileError) as error:
        PassManager(parse(MISSING)).run(quantized_input("fixed<8,4>"))
    assert (error.value.code, error.value.origin) == ("NL308", "trees")


def test_hls_refuses_them_in_passes_of_ones_own() -> None:
    passes = "replaceable-trees{strategy=memory},set-reuse-factors,place-trees,schedule"
    with pytest.raises(CompileError) as error:
        _ = netloom.compile(quantized_input("fixed<8,4>"), backend="vitis", pipeline=passes).plan
    assert error.value.code == "NL308"


# -- the files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("io", FORMS)
def test_the_files_are_the_same_every_time(io: str) -> None:
    files = design_of(io).plan.files
    again = netloom.compile(boosted(), io=io, **OPTIONS).plan.files
    assert files == again
    for path, text in files.items():
        if path.endswith(".vhd"):
            assert all(len(line) <= 200 and line == line.rstrip() for line in text.splitlines()), path
    header = json.loads(files[FILE])
    assert list(header)[:4] == ["format", "model", "address_bits", "data_bits"]


def test_other_trees_change_only_what_stands_in_memories() -> None:
    design = design_of()
    other = design.with_trees(boosted(1, trees=6))
    changed = {path for path, text in design.plan.files.items() if other.plan.files[path] != text}
    sources = [path for path in changed if path.startswith("src/")]
    assert sources == ["src/trees_trees_forest.vhd"]
    heads = [
        [part.split(":=")[0] for part in each.plan.files[sources[0]].split("  constant ")[1:]]
        for each in (design, other)
    ]
    assert heads[0] == heads[1] and len(heads[0]) == 3


@pytest.mark.parametrize(
    ("path", "text", "wrong"),
    [
        ("src/netloom_forest.vhd", "first <= first + STEP;", "first <= first;"),
        ("src/netloom_forest.vhd", "held <= x;", "held <= not x;"),
        ("src/netloom_forest.vhd", "write when page = FIRST_PAGE + 2 * e else '0';", "'0';"),
        ("src/netloom_tree_engine.vhd", "return signed(a) < signed(b);", "return unsigned(a) < unsigned(b);"),
        ("src/netloom_tree_engine.vhd", "if write_leaf = '1' then", "if write_leaf = '1' and ce = '0' then"),
    ],
)
def test_the_test_bench_notices_what_is_wrong(path: str, text: str, wrong: str) -> None:
    design = design_of()
    other = design.with_trees(boosted(1, trees=6))
    assert text in design.plan.files[path]
    files = {**design.plan.files, path: design.plan.files[path].replace(text, wrong)}
    x = inputs()[:60]
    ports = [np.round(x * 64).astype(np.int64)[:, None]]
    expected = [np.concatenate([design.predict(x[:20], raw=True), other.predict(x[20:], raw=True)])]
    shape = design.simulator.outputs[0].shape
    wanted, lines = [expected[0].reshape(-1, *shape)], other.tree_image().lines
    with (
        GhdlSimulator(dataclasses.replace(design.plan, files=files), timeout_s=120) as simulator,
        pytest.raises(CompileError, match="NL602"),
    ):
        simulator.run(ports, wanted, trees=lines, trees_after=20)


@pytest.mark.parametrize("io", FORMS)
def test_ghdl_synthesizes_them(io: str, tmp_path: Path) -> None:
    plan = design_of(io).plan
    directory, log = plan.write(tmp_path / "project"), tmp_path / "netlist.log"
    sources, top = plan.properties["sources"].split(",")[:-1], plan.properties["top"]
    command = ["ghdl", "--synth", "--std=08", "--out=verilog", *sources, "-e", top]
    run_tool(command, directory=directory, log=log, timeout_s=300)
    printed = log.read_text()
    assert "module netloom_tree_engine" in printed
    assert "latch" not in printed


@pytest.mark.slow
def test_the_netlist_computes_the_trees_that_are_written_to_it(tmp_path: Path) -> None:
    model = GradientBoostingRegressor(n_estimators=6, max_depth=2, random_state=0)
    model.fit(inputs()[:, :3], inputs()[:, 0] - inputs()[:, 2])
    design = netloom.compile(model, input_precision="fixed<8,4>", strategy="memory", reuse_factor=3)
    report = design.build(tmp_path / "p", targets="xcup", route=False, verify=40)
    assert report.targets["xcup"].verified_samples == 40


@pytest.mark.slow
def test_yosys_makes_block_memories_of_them(tmp_path: Path) -> None:
    design = netloom.compile(
        JETS / "model.json",
        input_precision="fixed<16,6>",
        cut_softmax=True,
        strategy="memory",
        reuse_factor=50,
    )
    found = design.build(tmp_path / "p", targets="xcup", route=False).targets["xcup"].utilisation
    row = design.report().layers[0]
    (memory,) = map(memory_of, all_in_memories(design.module))
    assert memory.engines == 2
    assert 0 < found.bram <= row.bram36
    assert 0.6 * found.lut < row.lut < 1.6 * found.lut


def test_the_estimate_counts_the_memories() -> None:
    reports = {
        reuse: netloom.compile(
            JETS / "model.json",
            input_precision="fixed<16,6>",
            cut_softmax=True,
            strategy="memory",
            reuse_factor=reuse,
        ).report()
        for reuse in (1, 15, 100)
    }
    blocks = {reuse: report.total("bram36") for reuse, report in reports.items()}
    assert blocks[1] == 0 and blocks[15] == 11
    assert reports[1].total("lut") > reports[15].total("lut") > reports[100].total("lut")
    assert reports[1].interval_cycles < reports[15].interval_cycles < reports[100].interval_cycles
