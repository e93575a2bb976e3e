"""Weights from a memory outside: the bits of weights inside, in the cycles that the simulator predicts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr

import netloom
from netloom.backends.vhdl.emit import emit
from netloom.backends.vhdl.options import VhdlOptions
from netloom.core.dataflow import Network, Sink, Source, WeightedStage, WeightPort
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.core.tools import run_tool
from netloom.estimate.streams import estimate_actors
from netloom.ir.nn import DenseOp
from netloom.ir.nn.linear import reuse_factors
from netloom.ir.program import main, program_ops
from netloom.passes.analysis.network import network
from netloom.passes.analysis.reuse import sharing
from netloom.passes.manager import PassManager, parse
from netloom.passes.semantics import sample_inputs
from netloom.sim.dataflow.simulator import Stall, simulate
from netloom.sim.emulator import Emulator
from netloom.sim.ghdl import GhdlSimulator
from netloom.sim.ports import encode, output_mantissas
from netloom.testing.program import Port, Program
from tests.passes.streams import image_program
from tests.shared import EXAMPLE

FRAMES = 3
MODEL = str(EXAMPLE / "model.onnx")


def layers(module: ModuleOp) -> list[DenseOp]:
    return [op for op in program_ops(main(module)) if isinstance(op, DenseOp)]


def dense(inputs: int, outputs: int, reuse: int, weight: Format, rows: int = 3) -> ModuleOp:
    """A layer of random weights, the extreme ones among them, on a stream of rows."""
    program = Program([("x", Port((1, rows, inputs), Format(5, 2)))], "design")
    program.origin = "fc"
    rng = np.random.default_rng(inputs * outputs)
    values = rng.integers(weight.min_mantissa, weight.max_mantissa, (inputs, outputs), endpoint=True)
    values.reshape(-1)[:2] = weight.min_mantissa, weight.max_mantissa
    operands = (program.inputs[0], program.constant(values, weight))
    y = program.add(DenseOp, *operands, strategy="resource", reuse_factor=IntegerAttr(reuse, 64))
    program.output(y, "y")
    return program.finish()


def streaming(module: ModuleOp, memory_latency: int = 8) -> Network:
    """Makes streams of a program whose layers read their weights from outside."""
    passes = (
        f"place-weights{{weights=external memory-latency={memory_latency}}},stream-lower,"
        "insert-fifos{depth=2},schedule-stages,predict-timing"
    )
    PassManager(parse(passes)).run(module)
    return network(module)


def memories(found: Network) -> list[str]:
    return [node.name for node in found.nodes if isinstance(node.actor, WeightedStage)]


def pauses(draw: np.random.Generator, cycles: int) -> NDArray[np.bool_]:
    """When the outside is ready: in some of the spans of so many cycles, the first among them."""
    spans = draw.random(int(draw.integers(2, 40))) < 0.6
    spans[0] = True
    return np.repeat(spans, cycles)


def check(module: ModuleOp, found: Network, seed: int = 0) -> None:
    """GHDL gives the interpreter's bits, and moves beats when the simulator says, with and without pauses."""
    inputs = [x[:FRAMES] for x in sample_inputs(module, seed)]
    emulator = Emulator(module)
    ports, expected = encode(module, emulator, inputs), output_mantissas(module, emulator, inputs)
    draw = np.random.default_rng(seed)
    edges = [node.name for node in found.nodes if isinstance(node.actor, Source | Sink | WeightedStage)]
    offers = {name: pauses(draw, int(draw.choice([1, 1, 40]))) for name in edges}
    with GhdlSimulator(emit(module, VhdlOptions(io="stream"))) as simulator:
        runs = [(simulator.run(ports, expected), None)]
        runs.append((simulator.run(ports, expected, offers=offers), Stall(offers)))
        drawn = simulator.run(ports, expected, stall_seed=seed + 1)
    for got, wanted in zip(drawn.outputs, expected, strict=True):
        assert np.array_equal(got, wanted)
    for measured, stalls in runs:
        predicted = simulate(found, FRAMES, stalls=stalls)
        assert np.array_equal(measured.frame_ends, predicted.frame_ends)
        assert [measured.fifos[fifo.name] for fifo in found.fifos] == predicted.occupancy.tolist()
        if stalls is None:
            assert measured.latency_cycles == predicted.latency


@pytest.mark.parametrize("seed", [1, 4, 9, 17, 34, 52])
def test_convolutional_networks(seed: int) -> None:
    module, draw = image_program(seed), np.random.default_rng(seed)
    for layer in layers(module):
        factors = [factor for factor in reuse_factors(*layer.operand_shapes[1]) if factor > 1]
        layer.strategy = StringAttr("resource")
        layer.reuse_factor = IntegerAttr(int(draw.choice(factors or [1])), 64)
    found = streaming(module, memory_latency=int(draw.integers(1, 60)))
    assert memories(found)
    check(module, found, seed)


@pytest.mark.parametrize(
    ("shape", "reuse", "weight", "latency", "parts"),
    [
        ((6, 4), 2, Format(4, 2), 1, 1),  # one request for all words
        ((6, 4), 24, Format(1, 1), 100, 1),  # one weight a word, which the memory is too slow for
        ((30, 8), 15, Format(12, 3, signed=False), 20, 1),
        ((17, 3), 17, Format(7, 2), 12, 1),  # a request of 16 beats, and one of 1
        ((12, 90), 6, Format(6, 2), 40, 3),  # a word is several beats
    ],
)
def test_layers(shape: tuple[int, int], reuse: int, weight: Format, latency: int, parts: int) -> None:
    module = dense(*shape, reuse, weight)
    (layer,) = layers(module)
    found = streaming(module, latency)
    (port,) = [node.actor.port for node in found.nodes if isinstance(node.actor, WeightedStage)]
    assert (port.words, port.word_bits, port.parts) == (reuse, sharing(layer).word_bits, parts)
    check(module, found)


def test_only_the_layers_that_are_named() -> None:
    x = np.load(EXAMPLE / "jets.npz")["x"][:6]
    settings = {"io": "stream", "strategy": "resource", "reuse_factor": 16}
    inside = netloom.compile(MODEL, **settings)
    design = netloom.compile(MODEL, **settings, weights={"*_[12]": "external", "node_linear_2": "internal"})
    assert memories(network(design.module)) == ["node_linear_1"]
    (memory,) = json.loads(design.plan.properties["weights"])
    assert memory["port"] == "m_axi_node_linear_1"
    lines = design.plan.files[memory["file"]].splitlines()
    assert len(lines) == memory["beats"] == 16 * memory["beats_per_word"]
    assert {4 * len(line) for line in lines} == {memory["beat_bits"]}
    assert np.array_equal(design.simulate(x), inside.predict(x))
    assert "ROM_WEIGHTS" not in design.plan.files["src/main_graph_node_linear_1_mac.vhd"]
    report = design.report()
    assert any("saves 12288 bits on the chip" in note.text for note in report.notes)
    assert "weights of node_linear_1: 16384 bits a frame from outside, 512.0 a cycle" in str(report)
    assert "1 beat, 16 words of weights for each, 32 beats of the memory = 32 cycles" in str(report)
    assert [row["weight_bits"] for row in report.to_dict()["layers"] if "weight_bits" in row] == [16384]
    trace = simulate(network(design.module), len(x))
    assert design.last_simulation is not None
    assert np.array_equal(design.last_simulation.frame_ends, trace.frame_ends)


def test_the_file_holds_the_words_in_order() -> None:
    module = dense(4, 2, 2, Format(4, 4))
    weight = layers(module)[0].operands[1].owner.value.ints()  # type: ignore[union-attr]
    streaming(module)
    lines = emit(module, VhdlOptions(io="stream")).files["weights/fc.hex"].split()
    for cycle, line in enumerate(lines):
        word = int(line, 16)
        fields = [word >> 4 * place & 15 for place in range(8)]
        # Output by output, each with the inputs of the cycle; nothing above.
        assert fields[:4] == [int(w) % 16 for w in weight[2 * cycle : 2 * cycle + 2].T.reshape(-1)]
        assert not any(fields[4:])


def test_an_error_of_the_memory_shows() -> None:
    module = dense(6, 4, 2, Format(4, 2))
    streaming(module)
    plan = emit(module, VhdlOptions(io="stream"))
    bench = "sim/tb_design.vhd"
    broken = plan.with_files({bench: plan.files[bench].replace('rresp => "00"', 'rresp => "10"')})
    inputs = encode(module, Emulator(module), [x[:1] for x in sample_inputs(module, 0)])
    with GhdlSimulator(broken) as simulator, pytest.raises(CompileError) as error:
        simulator.run(inputs)
    assert error.value.code == "NL602"


def test_ghdl_synthesizes_the_reader(tmp_path: Path) -> None:
    module = dense(12, 90, 6, Format(6, 2))
    streaming(module)
    plan = emit(module, VhdlOptions(io="stream"))
    directory, log = plan.write(tmp_path / "project"), tmp_path / "netlist.log"
    sources = plan.properties["sources"].split(",")[:-1]
    command = ["ghdl", "--synth", "--std=08", "--out=verilog", *sources, "-e", "design"]
    run_tool(command, directory=directory, log=log, timeout_s=300)
    printed = log.read_text()
    assert "module netloom_axi_reader" in printed
    assert "latch" not in printed


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"io": "parallel", "strategy": "resource", "reuse_factor": 4}, "io='parallel'"),
        ({"backend": "vivado", "io": "stream"}, "backend 'vivado'"),
        ({"io": "stream", "strategy": "latency"}, "strategy 'latency'"),
        ({"io": "stream", "strategy": "resource"}, "reuse factor of 1"),
        ({"io": "stream", "weights": "somewhere"}, "'somewhere' is no place"),
        ({"io": "stream", "memory_latency": 0}, "memory latency of 0"),
    ],
)
def test_where_it_makes_no_sense(options: dict[str, object], found: str) -> None:
    with pytest.raises(CompileError) as error:
        netloom.compile(MODEL, **{"weights": "external", **options})  # type: ignore[arg-type]
    assert error.value.code == "NL203"
    assert found in error.value.found


def test_an_unknown_layer() -> None:
    with pytest.raises(CompileError) as error:
        netloom.compile(MODEL, io="stream", strategy="resource", weights="fc9=external")
    assert error.value.code == "NL202"


def test_a_parallel_design_of_ones_own_passes() -> None:
    module = dense(6, 4, 2, Format(4, 2))
    PassManager(parse("place-weights{weights=external},schedule")).run(module)
    with pytest.raises(CompileError) as error:
        emit(module, VhdlOptions())
    assert error.value.code == "NL308"


STREAMS = "stream-lower,insert-fifos,schedule-stages,predict-timing"


@pytest.mark.parametrize("backend", ["vivado", "vitis", "quartus", "catapult"])
@pytest.mark.parametrize(("io", "passes"), [("stream", STREAMS), ("parallel", "schedule")])
def test_hls_backends_refuse_them_in_passes_of_ones_own(backend: str, io: str, passes: str) -> None:
    module = dense(6, 4, 2, Format(4, 2))
    pipeline = f"place-weights{{weights=external}},{passes}"
    design = netloom.compile(module, backend=backend, io=io, pipeline=pipeline)
    with pytest.raises(CompileError) as error:
        _ = design.plan
    tool = {"vivado": "Vivado HLS", "vitis": "Vitis HLS", "quartus": "Intel HLS", "catapult": "Catapult"}
    assert str(error.value) == (
        f"[NL308] at 'fc': weights outside the chip in a design for {tool[backend]}\n"
        "  supported: such layers in backend 'vhdl' with io='stream'\n"
        "  to do: leave out the pass 'place-weights'"
    )


def test_ports_are_as_wide_as_interconnects_have_them() -> None:
    found = {bits: WeightPort(4, bits, 1).data_bits for bits in (1, 32, 33, 300, 512, 513, 5000)}
    assert found == {1: 32, 32: 32, 33: 64, 300: 512, 512: 512, 513: 512, 5000: 512}
    assert WeightPort(4, 5000, 1).beats == 40


def test_the_estimate_has_a_buffer_instead_of_the_memory() -> None:
    needs = {}
    for place in ("internal", "external"):
        module = dense(128, 32, 128, Format(6, 2))
        passes = f"place-weights{{weights={place}}},stream-lower,insert-fifos,schedule-stages,predict-timing"
        PassManager(parse(passes)).run(module)
        needs[place] = next(row for row in estimate_actors(module) if row.origin == "fc")
    assert needs["internal"].bram36 > 0
    assert needs["external"].bram36 == 0
    assert needs["external"].lut > needs["internal"].lut
