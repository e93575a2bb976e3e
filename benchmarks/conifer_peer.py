"""The peer of the benchmark of trees: conifer's VHDL backend, run in an environment of its own."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netloom.build import aiger, yosys
from netloom.build.report import Utilisation
from netloom.build.synthesizable import VERILOG, complete, with_binary_constants
from netloom.build.targets import TARGETS
from netloom.build.toolchain import Bench
from netloom.core.headers import find_headers
from netloom.core.tools import run_tool

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parent / ".venv" / "peers" / "conifer"
SETUP = f"""python -m venv {ENVIRONMENT}
{ENVIRONMENT}/bin/pip install -r {HERE / "conifer_peer.txt"}"""

TOP = "BDTTop"
CLOCK = """library ieee;
use ieee.std_logic_1164.all;
use work.Constants.all;
use work.Types.all;

entity latency is
end latency;

architecture bench of latency is
  signal clk : std_logic := '0';
  signal x : txArray(0 to nFeatures - 1) := (others => to_tx(0));
  signal x_vld : boolean := false;
  signal y : tyArray(0 to nClasses - 1);
  signal y_vld : boolArray(0 to nClasses - 1);
begin
  clk <= not clk after 1 ns;
  design : entity work.BDTTop port map (clk, x, x_vld, y, y_vld);

  process
    variable cycles : natural := 0;
  begin
    -- What the registers hold at the start has left by then.
    for edge in 1 to 100 loop
      wait until rising_edge(clk);
    end loop;
    x_vld <= true;
    loop
      wait until rising_edge(clk);
      wait for 1 ps;
      cycles := cycles + 1;
      exit when y_vld(0);
    end loop;
    report "latency " & natural'image(cycles);
    std.env.finish;
  end process;
end bench;
"""
"""Counts the registers between a sample and its score, as the test benches of netloom do."""


@dataclass(frozen=True)
class Peer:
    """What conifer took and gave.

    Attributes:
        convert_s: processor seconds from the fitted model to written VHDL.
        first_s: the same to a compiled C++ model.
        ghdl_s: seconds a sample of its VHDL in GHDL.
        cpp_s: seconds a sample of its C++ backend.
        scores: of the C++ backend, which equal the VHDL's.
        cycles: registers from inputs to scores.
        use: cells of the netlist, None when it was not synthesized.
    """

    convert_s: float
    first_s: float
    ghdl_s: float
    cpp_s: float
    scores: NDArray[np.float64]
    cycles: int
    use: Utilisation | None


def run(
    model: Path, x: NDArray[Any], directory: Path, precision: str, repeats: int, synth: bool, checked: int = 0
) -> Peer:
    """Convert, score and, if asked, synthesize a model and check the netlist on so many samples."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"conifer is not installed; set it up by\n{SETUP}")
    directory.mkdir(parents=True, exist_ok=True)
    np.save(directory / "x.npy", x)
    command = [python, HERE / "conifer_run.py", model, directory / "x.npy", directory, precision, repeats]
    environment = os.environ | {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        # The wheel lacks both headers.
        "XILINX_AP_INCLUDE": str(find_headers("ap")),
        "CPLUS_INCLUDE_PATH": str(next(ENVIRONMENT.glob("lib/*/site-packages/nlohmann_json/include"))),
    }
    done = subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"conifer failed on {model.name}:\n{done.stdout}{done.stderr}")
    times = json.loads(done.stdout.splitlines()[-1])
    cpp, vhdl = (np.load(directory / f"{name}.npy") for name in ("cpp", "vhdl"))
    if not np.array_equal(cpp[: len(vhdl)], vhdl):
        raise SystemExit(f"conifer's backends disagree on {model.name}")
    middle = {b: {step: statistics.median(found) for step, found in times[b].items()} for b in times}
    bench, cycles = hardware(directory)
    use = yosys.synthesize(TARGETS["xcup"], TOP, bench.within("xcup")) if synth else None
    if synth and checked:
        verify(bench.within("xcup"), x[:checked], vhdl[:checked], precision, cycles)
    return Peer(
        middle["vhdl"]["convert"],
        middle["cpp"]["convert"] + middle["cpp"]["compile"],
        middle["vhdl"]["predict"],
        middle["cpp"]["predict"],
        cpp,
        cycles,
        use,
    )


def hardware(directory: Path) -> tuple[Bench, int]:
    """The design as Verilog, and its latency in GHDL."""
    bench = Bench(directory).within("synthesis")
    firmware = directory / "vhdl" / "firmware"
    names = ["Constants", "Split", "Types", "Tree", "AddReduce"]
    names += sorted(path.stem for path in firmware.glob("Arrays*.vhd"))
    sources = [str(firmware / f"{name}.vhd") for name in [*names, "BDT", TOP]]
    (bench.directory / "latency.vhd").write_text(CLOCK)
    bench.run("ghdl", ["-a", "--std=08", *sources, "latency.vhd"], "analyse.log")
    bench.run("ghdl", ["-r", "--std=08", "latency"], "latency.log")
    found = re.search(r"latency (\d+)", (bench.directory / "latency.log").read_text())
    if found is None:
        raise SystemExit("conifer's design gave no result")
    log = bench.directory / "synth.log"
    run_tool(["ghdl", "--synth", "--std=08", "--out=verilog", TOP], directory=bench.directory, log=log)
    # Warnings come before the first module.
    text = re.sub(r"\A.*?^(?=module )", "", log.read_text(), count=1, flags=re.M | re.S)
    text = with_binary_constants(text)
    # GHDL leaves the padding of the adders open; in VHDL it starts as zero and stays.
    text = re.sub(r"(\d+)'bZ\b", r"\1'b0", text)
    complete(text, TOP)
    (bench.directory / VERILOG).write_text(text)
    return bench, int(found[1])


def verify(work: Bench, x: NDArray[Any], scores: NDArray[Any], precision: str, cycles: int) -> None:
    """The netlist must give the scores of its VHDL."""
    graph = aiger.read(yosys.to_aiger(TARGETS["xcup"], TOP, work))
    width, whole = map(int, re.findall(r"\d+", precision))
    scale = 2.0 ** (width - whole)
    words = bits(np.round(x * scale).astype(np.int64), width)
    fed = np.zeros((len(x) + cycles, len(graph.inputs)), dtype=np.uint64)
    for name, place in graph.inputs.items():
        number = re.fullmatch(r"X\[(\d+)\]", name)
        if number:
            # Element 0 is in the first bits of VHDL's array, which are the highest of Verilog's vector.
            fed[: len(x), place] = words[:, words.shape[1] - 1 - int(number[1])]
    found = aiger.run(graph, fed)[cycles:]
    expected = bits(np.round(scores * scale).astype(np.int64), width)
    outputs = list(graph.outputs)
    count = expected.shape[1]
    got = np.stack([found[:, outputs.index(f"y[{count - 1 - n}]")] & np.uint64(1) for n in range(count)], 1)
    if not np.array_equal(got, expected):
        raise SystemExit("conifer's netlist does not give conifer's scores")


def bits(mantissas: NDArray[np.int64], width: int) -> NDArray[np.uint64]:
    """uint64[N, elements * width], the highest bit of each element first."""
    places = np.arange(width - 1, -1, -1)
    return ((mantissas[:, :, None] >> places) & 1).reshape(len(mantissas), -1).astype(np.uint64)
