"""A bench for the library's streaming entities: what GHDL sees in every cycle, and what the rules say.

Every case is an entity with its generics. All cases of a bench are instances in one top entity, each with a
probe, which plays a script of stalls and resets and writes what it sees.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import netloom.backends.vhdl
from netloom.core.tools import run_tool
from tests.backends.stream_rules import Rules

LIBRARY = Path(netloom.backends.vhdl.__file__).parent / "lib"
ENTITIES = ("fifo", "window", "collect", "spread", "beat_reduce", "resample", "rom")

PROBE = """
library ieee;
use ieee.std_logic_1164.all;
use std.textio.all;

entity probe is
  generic (NAME : string; IN_BITS : positive; OUT_BITS : positive);
  port (
    clk, rst, in_valid, out_ready : out std_logic := '0';
    in_ready  : in  std_logic := '0';
    in_data   : out std_logic_vector(IN_BITS - 1 downto 0);
    out_valid : in  std_logic;
    out_data  : in  std_logic_vector(OUT_BITS - 1 downto 0)
  );
end entity probe;

architecture bench of probe is
begin
  play : process
    file script : text open read_mode is NAME & ".script";
    file beats  : text open read_mode is NAME & ".beats";
    file trace  : text open write_mode is NAME & ".trace";
    variable row    : line;
    variable wanted : bit_vector(0 to 2);
    variable beat   : std_logic_vector(IN_BITS - 1 downto 0);
    variable fires  : boolean;

    procedure tick is
    begin
      clk <= '1';
      wait for 1 ns;
      clk <= '0';
    end procedure tick;

    procedure next_beat is
    begin
      readline(beats, row);
      read(row, beat);
    end procedure next_beat;
  begin
    rst <= '1';
    wait for 1 ns;
    tick;
    next_beat;
    while not endfile(script) loop
      readline(script, row);
      read(row, wanted);
      rst       <= to_stdulogic(wanted(0));
      in_valid  <= to_stdulogic(wanted(1));
      out_ready <= to_stdulogic(wanted(2));
      in_data   <= beat;
      wait for 1 ns;
      write(row, in_ready);
      write(row, out_valid);
      if out_valid = '1' then
        write(row, " " & to_string(out_data));
      end if;
      writeline(trace, row);
      fires := rst = '0' and in_valid = '1' and in_ready = '1';
      tick;
      if fires then
        next_beat;
      end if;
    end loop;
    wait;
  end process play;
end architecture bench;
"""


@dataclass(frozen=True)
class Case:
    """An entity with its generics, and what it ought to do.

    Attributes:
        entity: name without prefix.
        generics: VHDL text of each.
        in_bits, out_bits: of a beat; no input for 0.
        rules: a fresh model.
        results: output beats for whole frames of input beats.
        frame: input beats of a frame.
        cycles: to simulate.
        fewest: beats that have to come out, so that the case is not idle.
    """

    entity: str
    generics: Mapping[str, str]
    in_bits: int
    out_bits: int
    rules: Callable[[], Rules]
    results: Callable[[Sequence[int]], Sequence[int]]
    frame: int
    cycles: int
    fewest: int


@dataclass(frozen=True)
class Script:
    """Of each cycle (reset, input valid, output ready); and the beats to offer."""

    cycles: Sequence[tuple[int, int, int]]
    beats: Sequence[int]


def script(case: Case, rng: random.Random) -> Script:
    """Stalls of changing density on both sides, none now and then, and a reset on the way."""
    cycles: list[tuple[int, int, int]] = []
    while len(cycles) < case.cycles:
        valid, ready = (rng.choice((0.1, 0.5, 0.9, 1, 1)) for _ in range(2))
        for _ in range(rng.randint(1, 80)):
            cycles.append((0, int(rng.random() < valid), int(rng.random() < ready)))
    reset = rng.randrange(case.cycles // 3)
    cycles[reset] = (1, 1, 1)
    beats = [rng.getrandbits(max(1, case.in_bits)) for _ in range(case.cycles + 2 * case.frame)]
    return Script(cycles[: case.cycles], beats)


def predicted(case: Case, played: Script) -> list[str]:
    """The trace that the rules promise."""
    rules, beats = case.rules(), list(played.beats)
    results = case.results(_whole(beats, case.frame))
    given = taken = 0
    trace: list[str] = []
    for reset, valid, ready in played.cycles:
        fire = bool(case.in_bits) and bool(valid) and rules.ready(bool(ready))
        push = bool(ready) and rules.valid()
        seen = f"{int(bool(case.in_bits) and rules.ready(bool(ready)))}{int(rules.valid())}"
        if rules.valid():
            seen += f" {results[given]:0{case.out_bits}b}"
        trace.append(seen)
        if reset:
            rules, beats = case.rules(), beats[taken:]
            results = case.results(_whole(beats, case.frame))
            given = taken = 0
        else:
            rules.clock(fire, push, bool(ready))
            given, taken = given + push, taken + fire
    assert given >= case.fewest, f"{case}: {given} beats"
    return trace


def _whole(beats: Sequence[int], frame: int) -> Sequence[int]:
    return beats[: len(beats) // frame * frame]


def observed(
    cases: Sequence[Case], scripts: Sequence[Script], directory: Path, replaced: Sequence[str] = ()
) -> tuple[list[list[str]], str]:
    """The traces of GHDL, and what it printed."""
    for n, (case, played) in enumerate(zip(cases, scripts, strict=True)):
        rows = "".join(f"{a}{b}{c}\n" for a, b, c in played.cycles)
        beats = "".join(f"{beat:0{max(1, case.in_bits)}b}\n" for beat in played.beats)
        (directory / f"c{n}.script").write_text(rows)
        (directory / f"c{n}.beats").write_text(beats)
    (directory / "bench.vhd").write_text(PROBE + _top(cases))
    analyse(directory, *replaced, "bench.vhd")
    options = ["--ieee-asserts=disable", "--max-stack-alloc=0"]
    printed = ghdl(directory, "-r", "--std=08", "bench", *options)
    return [(directory / f"c{n}.trace").read_text().splitlines() for n in range(len(cases))], printed


def analyse(directory: Path, *sources: str) -> None:
    """The library and `sources`."""
    library = [str(LIBRARY / f"netloom_{name}.vhd") for name in ("fx", *ENTITIES)]
    ghdl(directory, "-a", "--std=08", *library, *sources)


def ghdl(directory: Path, *arguments: str) -> str:
    """What GHDL prints."""
    log = directory / "ghdl.log"
    run_tool(["ghdl", *arguments], directory=directory, log=log, timeout_s=120)
    return log.read_text()


def instance(case: Case, name: str) -> str:
    """An instance whose signals begin with `name`."""
    ports = ["clk", "rst", "out_valid", "out_ready", "out_data"]
    if case.in_bits:
        ports += ["in_valid", "in_ready", "in_data"]
    generics = ", ".join(f"{key} => {value}" for key, value in case.generics.items())
    wires = ", ".join(f"{port} => {name}_{port}" for port in ports)
    head = f"  {name} : entity work.netloom_{case.entity}\n"
    return f"{head}    generic map ({generics})\n    port map ({wires});\n"


def _top(cases: Sequence[Case]) -> str:
    declared, placed = "", ""
    for n, case in enumerate(cases):
        name, in_bits = f"c{n}", max(1, case.in_bits)
        bits = ("clk", "rst", "in_valid", "in_ready", "out_valid", "out_ready")
        declared += f"  signal {', '.join(f'{name}_{bit}' for bit in bits)} : std_logic := '0';\n"
        declared += f"  signal {name}_in_data : std_logic_vector({in_bits - 1} downto 0);\n"
        declared += f"  signal {name}_out_data : std_logic_vector({case.out_bits - 1} downto 0);\n"
        placed += instance(case, name)
        wires = ", ".join(f"{port} => {name}_{port}" for port in (*bits, "in_data", "out_data"))
        placed += f'  p{n} : entity work.probe generic map ("{name}", {in_bits}, {case.out_bits})\n'
        placed += f"    port map ({wires});\n"
    return f"""
library ieee;
use ieee.std_logic_1164.all;

entity bench is
end entity bench;

architecture cases of bench is
{declared}begin
{placed}end architecture cases;
"""


def check(cases: Sequence[Case], directory: Path, seed: int = 0, *, replaced: Sequence[str] = ()) -> str:
    """GHDL and the rules agree in every cycle of every case.

    Args:
        cases: to compare.
        directory: to work in.
        seed: of the scripts.
        replaced: sources there that take the place of the library's.

    Returns:
        What GHDL printed.
    """
    rng = random.Random(seed)
    scripts = [script(case, rng) for case in cases]
    expected = [predicted(case, played) for case, played in zip(cases, scripts, strict=True)]
    traces, printed = observed(cases, scripts, directory, replaced)
    for case, wanted, got in zip(cases, expected, traces, strict=True):
        if got != wanted:
            at = next((n for n, pair in enumerate(zip(wanted, got, strict=False)) if len(set(pair)) > 1), -1)
            raise AssertionError(f"{case}: cycle {at}: {got[at : at + 2]} instead of {wanted[at : at + 2]}")
    return printed
