"""Lattice ECP5 to the end: a harness of few pins, nextpnr, Fmax after routing, and the bitstream.

A design of this compiler has wide ports. The harness shifts its inputs in through one pin and its outputs out
through another, so that any design fits any package and every path that counts lies between
registers. It is made of the family's cells, so the design's own netlist stays as it was synthesized.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from netloom.build import carries
from netloom.build.options import OpenOptions
from netloom.build.report import Routing, Utilisation
from netloom.build.targets import ECP5_DEVICES, Ecp5
from netloom.build.toolchain import Bench, text_file
from netloom.build.yosys import NETLIST, run
from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan

HARNESS = "netloom_harness"
ROUTED_NETLIST = "harnessed.json"
TEXT_CONFIGURATION = "design.config"
BITSTREAM = "design.bit"
FULL = 0.5
"""Part of a device's tables up to which it is chosen; the largest is filled up to the end.

A chain of carry cells begins in a new tile, and adders need wires before they need tables.
"""

PLACERS_IN_TURN = ("static", "heap")
"""Static makes shorter wires of adders, but gives up on full devices and on designs with hardly any logic."""

_ITERATION = re.compile(r"^Info:\s+(?:at iteration #|at initial placer iter |iter=)(\d+)")


def choose(use: Utilisation, port_bits: int, wanted: str) -> Ecp5:
    """The device: the named one, or the smallest that holds the design and its harness.

    Args:
        use: counts of the design.
        port_bits: bits of its inputs and outputs, each of which takes a register of the harness.
        wanted: `auto` or the name of a device.

    Raises:
        CompileError: NL607 when it does not fit.
    """
    tables = use.lut + 2 * use.carry + port_bits
    needs = {"luts": max(tables, use.ff + port_bits), "dsp": use.dsp, "bram": int(use.bram)}
    largest = ECP5_DEVICES[-1]
    for device in ECP5_DEVICES:
        if wanted not in ("auto", device.name):
            continue
        full = 1.0 if device is largest or wanted != "auto" else FULL
        room = {"luts": full * device.luts, "dsp": device.dsp, "bram": device.bram}
        if all(need <= room[name] for name, need in needs.items()):
            return device
    last = next((device for device in ECP5_DEVICES if device.name == wanted), largest)
    what = ", ".join(
        f"{need} of {getattr(last, name)} {_TITLES[name]}"
        for name, need in needs.items()
        if need > getattr(last, name)
    )
    raise CompileError(
        "NL607",
        f"the design needs {what}",
        origin=f"ECP5 {last.name}",
        hint="share multipliers (strategy='resource'), or choose a larger device"
        if wanted != "auto" and last is not largest
        else "share multipliers (strategy='resource', reuse_factor=...)",
    )


_TITLES = {"luts": "lookup tables or registers", "dsp": "multipliers", "bram": "block memories"}


def harness(top: str, inputs: Mapping[str, int], outputs: Mapping[str, int], *, clocked: bool = True) -> str:
    """Verilog of the harness, out of cells of the family.

    Args:
        top: module in it.
        inputs: bits of its inputs, but the clock `clk`.
        outputs: bits of its outputs.
        clocked: whether it has a clock.

    Pins: `clk`, `si` (serial in), `load` (take the outputs instead of shifting) and `so` (serial out).
    """
    n_in, n_out = sum(inputs.values()), sum(outputs.values())
    lines = [
        f"module {HARNESS}(input clk, input si, input load, output so);",
        f"  wire [{n_in}:0] a;",
        f"  wire [{n_out}:0] b;",
        f"  wire [{n_out - 1}:0] y, d;",
        "  assign a[0] = si;",
        "  assign b[0] = 1'b0;",
        f"  assign so = b[{n_out}];",
    ]
    register = 'TRELLIS_FF #(.GSR("DISABLED"), .CEMUX("1"), .CLKMUX("CLK"), .LSRMUX("LSR"), .REGSET("RESET"))'
    lines += [
        f"  {register} take_{n} (.CLK(clk), .LSR(1'b0), .DI(a[{n}]), .Q(a[{n + 1}]));" for n in range(n_in)
    ]
    for n in range(n_out):
        # D when A is low, B when it is high.
        lines.append(
            f"  LUT4 #(.INIT(16'hDD88)) choose_{n} (.A(load), .B(y[{n}]), .C(1'b0), .D(b[{n}]), .Z(d[{n}]));"
        )
        lines.append(f"  {register} give_{n} (.CLK(clk), .LSR(1'b0), .DI(d[{n}]), .Q(b[{n + 1}]));")
    pins = [".clk(clk)"] if clocked else []
    for source, widths in (("a", inputs), ("y", outputs)):
        at = 1 if source == "a" else 0
        for name, width in widths.items():
            pins.append(f".{name}({source}[{at + width - 1}:{at}])")
            at += width
    return "\n".join([*lines, f"  {top} design (", "    " + "\n    , ".join(pins), "  );", "endmodule", ""])


def _port_widths(netlist: Path, top: str) -> tuple[Mapping[str, int], Mapping[str, int], bool]:
    """Bits of each input and output of the top module, but the clock, and whether it has one.

    Raises:
        CompileError: NL605 for a file that is no netlist of Yosys.
    """
    try:
        ports = json.loads(text_file(netlist))["modules"][top]["ports"]
        widths = {name: (entry["direction"], len(entry["bits"])) for name, entry in ports.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise CompileError("NL605", "it is no netlist of Yosys", origin=netlist.name) from error
    inputs = {name: bits for name, (way, bits) in widths.items() if way == "input" and name != "clk"}
    outputs = {name: bits for name, (way, bits) in widths.items() if way == "output"}
    return inputs, outputs, "clk" in widths


def route(plan: BuildPlan, use: Utilisation, options: OpenOptions, bench: Bench) -> Routing:
    """Place, route and pack the netlist in the bench's directory.

    Raises:
        CompileError: NL607 when it does not fit, NL601 or NL602.
    """
    top = plan.properties["top"]
    inputs, outputs, clocked = _port_widths(bench.directory / NETLIST, top)
    device = choose(use, sum(inputs.values()) + sum(outputs.values()), options.ecp5_device)
    text = harness(top, inputs, outputs, clocked=clocked)
    (bench.directory / "harness.v").write_text(text, encoding="utf-8")
    commands = [
        f"read_json {NETLIST}",
        f"delete =* {top} %d",
        "read_verilog -lib +/ecp5/cells_sim.v +/ecp5/cells_bb.v",
        "read_verilog harness.v",
        f"hierarchy -check -top {HARNESS}",
        "flatten",
        "clean",
        # The boxes stay, for nextpnr learns the directions of pins from them.
        "proc =*",
        f"write_json {ROUTED_NETLIST}",
    ]
    run(bench, commands, "harness")
    _for_nextpnr(bench.directory / ROUTED_NETLIST)
    wanted_mhz = round(1000 / float(plan.properties["clock_period_ns"]), 3)
    place_and_route(device, options, wanted_mhz, bench)
    if options.bitstream:
        bench.progress("ecppack: bitstream")
        bench.run("ecppack", ["--compress", TEXT_CONFIGURATION, BITSTREAM], "bitstream.log")
    name = f"LFE5U-{device.name[:-1]}F-{options.speed} {options.package}"
    return read_report(text_file(bench.directory / "route.json"), name, wanted_mhz, options.bitstream)


def _for_nextpnr(path: Path) -> None:
    netlist = json.loads(text_file(path))
    carries.name_every_pin(netlist["modules"][HARNESS])
    path.write_text(json.dumps(netlist, separators=(",", ":")), encoding="utf-8", newline="\n")


def place_and_route(device: Ecp5, options: OpenOptions, wanted_mhz: float, bench: Bench) -> None:
    """Run nextpnr, with the next placer where one gives up.

    Raises:
        CompileError: NL601, or NL602 of the last one.
    """
    *first, last = PLACERS_IN_TURN if options.placer == "auto" else (options.placer,)
    for placer in first:
        try:
            return _run_nextpnr(device, placer, options, wanted_mhz, bench, f"route_{placer}.log")
        except CompileError as error:
            if error.code != "NL602":
                raise
            bench.progress(f"nextpnr: placer {placer} gave up, see route_{placer}.log")
    return _run_nextpnr(device, last, options, wanted_mhz, bench, "route.log")


def _run_nextpnr(
    device: Ecp5, placer: str, options: OpenOptions, wanted_mhz: float, bench: Bench, log: str
) -> None:
    stage = ["packing"]

    def listen(line: str) -> None:
        for start, name in _STAGES.items():
            if line.startswith(start):
                stage[0] = name
                bench.progress(f"nextpnr: {name}")
        if found := _ITERATION.match(line):
            bench.progress(f"nextpnr: {stage[0]}, iteration {found[1]}")

    bench.progress("nextpnr: packing")
    arguments = [
        f"--{device.name}",
        "--package",
        options.package,
        "--speed",
        str(options.speed),
        "--json",
        ROUTED_NETLIST,
        "--textcfg",
        TEXT_CONFIGURATION,
        "--report",
        "route.json",
        "--placer",
        placer,
        "--router",
        options.router,
        "--seed",
        str(options.seed),
        "--freq",
        f"{wanted_mhz:g}",
        # The frequency is a wish; what was reached is the result.
        "--timing-allow-fail",
        "--lpf-allow-unconstrained",
    ]
    bench.run("nextpnr_ecp5", arguments, log, on_line=listen)


_STAGES = {
    "Info: Creating initial analytic placement": "placement",
    "Info: Running main analytical placer": "placement",
    "Info: Running Static placer": "placement",
    "Info: Running simulated annealing placer": "refinement of the placement",
    "Info: Routing globals": "routing of global nets",
    "Info: Setting up routing": "routing",
    "Info: Running router2": "routing",
}


def read_report(text: str, device: str, wanted_mhz: float, bitstream: bool) -> Routing:
    """What nextpnr's JSON report says.

    Raises:
        CompileError: NL605 for a text that is no such report.
    """
    try:
        data = json.loads(text)
        fmax = min((float(clock["achieved"]) for clock in data["fmax"].values()), default=0.0)
        used = {
            str(kind): (int(entry["used"]), int(entry["available"]))
            for kind, entry in sorted(data["utilization"].items())
            if int(entry["used"])
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CompileError("NL605", "it is no report of nextpnr", origin="route.json") from error
    return Routing(device, round(fmax, 2), wanted_mhz, used, f"ecp5/{BITSTREAM}" if bitstream else "")
