"""Streaming VHDL in GHDL: the bits of the interpreter, and cycle for cycle what the simulator predicts."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from netloom.backends.vhdl.emit import emit
from netloom.backends.vhdl.options import VhdlOptions
from netloom.passes.analysis.hardware import hardware
from netloom.passes.analysis.network import network
from netloom.passes.manager import PassManager, parse
from netloom.passes.semantics import sample_inputs
from netloom.sim.dataflow.simulator import Stall, simulate
from netloom.sim.emulator import Emulator
from netloom.sim.ghdl import GhdlSimulator
from netloom.sim.ports import encode, output_mantissas
from tests.passes.streams import folding, image_program

FRAMES = 4


def streaming(module: ModuleOp, depth: int) -> ModuleOp:
    """The program as streams with FIFOs of one depth."""
    passes = f"stream-lower,insert-fifos{{depth={depth}}},schedule-stages,predict-timing"
    PassManager(parse(passes)).run(module)
    return module


@pytest.mark.parametrize("seed", range(12))
def test_ghdl_moves_beats_in_the_predicted_cycles(seed: int) -> None:
    check(image_program(seed), seed)


@pytest.mark.filterwarnings("ignore:layer")
@pytest.mark.parametrize("seed", range(100, 112))
def test_ghdl_moves_beats_of_any_size_in_the_predicted_cycles(seed: int) -> None:
    module = image_program(seed, grouped=True)
    PassManager(parse(folding(module, seed))).run(module)
    check(module, seed)


def check(module: ModuleOp, seed: int) -> None:
    """GHDL with and without stalls: bits, ends of frames, and the largest count of every FIFO."""
    module = streaming(module, depth=200)
    inputs = [x[:FRAMES] for x in sample_inputs(module, seed)]
    emulator = Emulator(module)
    ports = encode(module, emulator, inputs)
    expected = output_mantissas(module, emulator, inputs)
    found = network(module)
    draw = np.random.default_rng(seed)
    names = [info.name for info in hardware(module).ports]
    offers = {name: draw.random(int(draw.integers(2, 40))) < 0.6 for name in names}
    for pattern in offers.values():
        pattern[0] = True
    with GhdlSimulator(emit(module, VhdlOptions(io="stream"))) as simulator:
        free = simulator.run(ports, expected)
        held = simulator.run(ports, expected, offers=offers)
        drawn = simulator.run(ports, expected, stall_seed=seed + 1)
    for got, wanted in zip(drawn.outputs, expected, strict=True):
        assert np.array_equal(got, wanted)
    for measured, stalls in ((free, None), (held, Stall(offers))):
        predicted = simulate(found, FRAMES, stalls=stalls)
        assert np.array_equal(measured.frame_ends, predicted.frame_ends)
        assert [measured.fifos[fifo.name] for fifo in found.fifos] == predicted.occupancy.tolist()
        if stalls is None:
            assert measured.latency_cycles == predicted.latency
