"""Proofs that a netlist equals the program's integer meaning for all inputs, on designs of a stated size.

Two methods. *Enumeration* runs the netlist on every input, after a proof on its graph that each result
depends on the sample of `latency_cycles` before and on nothing else. *SAT* gives the negated claim to the
solver in Yosys: whatever the registers held and whatever the inputs are in all `latency_cycles + 1` cycles,
the result is that of the specification (`netloom.build.specification`) for the sample of the first one.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

from netloom.build import aiger, netlist, yosys
from netloom.build.specification import WIDTH, Specification
from netloom.build.synthesizable import VERILOG, to_verilog
from netloom.build.targets import TARGETS
from netloom.build.toolchain import Bench, Progress, silent
from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.plan import BuildPlan
from netloom.ir.fx import ConstantOp
from netloom.ir.program import main, program_ops
from netloom.passes.analysis.hardware import PortInfo, hardware

Ints = NDArray[np.int64]
DIRECTORY = "build/formal"

ENUMERATED_BITS = 20
"""Input bits up to which every input is run: about a million."""

SAT_BITS = 64
"""Input bits up to which the SAT solver is asked; sums of many products are beyond any solver."""

CHUNK = 1 << 18
METHODS = ("auto", "enumeration", "sat")
NETLISTS = ("vhdl", *TARGETS)


@dataclass(frozen=True)
class Proof:
    """What has been proved.

    Attributes:
        netlist: `vhdl` for GHDL's netlist of the VHDL, or the family that it was synthesized for.
        method: `enumeration` or `sat`.
        input_bits: bits of all inputs; the claim holds for all their 2**input_bits values.
        latency_cycles: distance between a sample and its result, a part of the claim.
    """

    netlist: str
    method: str
    input_bits: int
    latency_cycles: int

    def __str__(self) -> str:
        return (
            f"proved by {self.method}: the netlist ({self.netlist}) equals the program for all"
            f" 2**{self.input_bits} inputs, {self.latency_cycles} cycles after each"
        )


def prove(
    plan: BuildPlan,
    module: ModuleOp,
    directory: Path,
    *,
    of: str = "vhdl",
    method: str = "auto",
    timeout_s: float = 600.0,
    progress: Progress | None = None,
) -> Proof:
    """Prove that the netlist of a design gives what the program means.

    Args:
        plan: what the backend `vhdl` emitted.
        module: the program.
        directory: works in `build/formal` there.
        of: `vhdl`, or a family (`xcup`, `ecp5`) for the netlist after its synthesis.
        method: `enumeration` (up to 20 input bits), `sat` (up to 64), or `auto` for the first that goes.
        timeout_s: limit for each tool.
        progress: told what is being done.

    Raises:
        CompileError: NL203 for unknown names, NL609 for a design without a proof (too large, an op without
            specification, an interval above 1, time over), NL608 for one that is wrong, NL601, NL602, NL606.
    """
    for name, value, allowed in (("of", of, NETLISTS), ("method", method, METHODS)):
        if value not in allowed:
            raise CompileError(
                "NL203",
                f"{name} is '{value}'",
                origin=name,
                supported=", ".join(allowed),
                hint=suggestion(value, allowed),
            )
    bits = _input_bits(plan)
    chosen = _method(method, bits)
    work = directory / DIRECTORY
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    bench = Bench(work, progress or silent, timeout_s)
    specification = Specification(module, plan.properties["signals"].split(",")) if chosen == "sat" else None
    to_verilog(plan, bench)
    if of != "vhdl":
        yosys.synthesize(TARGETS[of], plan.properties["top"], bench, VERILOG)
    if specification is not None:
        _check_widths(module)
        _by_sat(plan, specification, of, bench)
    else:
        _by_enumeration(plan, module, of, bench)
    return Proof(of, chosen, bits, int(plan.properties["latency_cycles"]))


def _input_bits(plan: BuildPlan) -> int:
    if plan.properties.get("io", "parallel") != "parallel" or plan.properties["interval_cycles"] != "1":
        raise CompileError(
            "NL609",
            "the design takes more than one cycle for a sample",
            origin=plan.properties["top"],
            supported="io='parallel' with an interval of 1",
        )
    if "trees" in plan.properties:
        raise CompileError(
            "NL609",
            "the design computes what stands in its memories",
            origin=plan.properties["top"],
            supported="trees as tables",
            hint="use verify=samples, which writes the trees first",
        )
    ports = PortInfo.from_json(plan.properties["ports"])
    return sum(port.bits for port in ports if port.direction == "in")


def _method(method: str, bits: int) -> str:
    limits = {"enumeration": ENUMERATED_BITS, "sat": SAT_BITS}
    if method == "auto":
        method = "enumeration" if bits <= ENUMERATED_BITS else "sat"
    if bits > limits[method]:
        raise CompileError(
            "NL609",
            f"the design has {bits} input bits",
            origin="formal",
            supported=f"up to {ENUMERATED_BITS} by enumeration, up to {SAT_BITS} by SAT",
            hint="prove a single layer, or use verify=samples",
        )
    return method


def _check_widths(module: ModuleOp) -> None:
    for op in hardware(module).ops:
        if op.result_format.width > WIDTH - 2:
            raise CompileError(
                "NL609",
                f"{op.name} gives {op.result_format}",
                origin=op.origin_name,
                supported=f"up to {WIDTH - 2} bits",
            )


def _source(plan: BuildPlan, of: str) -> list[str]:
    """Commands that read the netlist as the module of its name."""
    top = plan.properties["top"]
    if of == "vhdl":
        return [f"read_verilog {VERILOG}", f"hierarchy -top {top}", "proc", "flatten", "opt_clean"]
    return yosys.read_netlist(TARGETS[of], top)


def _by_enumeration(plan: BuildPlan, module: ModuleOp, of: str, bench: Bench) -> None:
    """Run everything.

    Raises:
        CompileError: NL608.
    """
    depends_on_one_sample(plan, of, bench)
    top = plan.properties["top"]
    yosys.run(bench, [*_source(plan, of), *yosys.logic_of()], "graph", f"graph of {top}")
    simulator = netlist.NetlistSimulator(plan, bench.directory / yosys.AIGER)
    ports = [port for port in simulator.ports if port.direction == "in"]
    outputs = [port for port in simulator.ports if port.direction == "out"]
    bits = _input_bits(plan)
    for start in range(0, 1 << bits, CHUNK):
        bench.progress(f"enumeration: input {start} of {1 << bits}")
        inputs = _inputs(ports, start, min(start + CHUNK, 1 << bits))
        expected = meaning(module, inputs)
        netlist.compare(outputs, simulator.run(inputs).outputs, expected, f"netlist ({of})")


def meaning(module: ModuleOp, inputs: Sequence[Ints]) -> list[Ints]:
    """Mantissas [N, *shape] at each output port for those at the input ports, op by op as each op says."""
    program = hardware(module)
    values = {value: array for (value, _), array in zip(program.inputs, inputs, strict=True)}
    inside = set(program.ops)
    for op in program_ops(main(module)):
        if op in inside or (isinstance(op, ConstantOp) and op.is_fixed):
            values[op.results[0]] = op.evaluate([values[operand] for operand in op.operands])
    count = len(inputs[0])
    return [np.broadcast_to(values[value], (count, *info.shape)) for value, info in program.outputs]


def _inputs(ports: Sequence[PortInfo], start: int, stop: int) -> list[Ints]:
    """Inputs by number: the bits of the number, port after port."""
    numbers = np.arange(start, stop, dtype=np.int64)
    found: list[Ints] = []
    at = 0
    for port in ports:
        places = at + np.arange(port.bits, dtype=np.int64)
        found.append(netlist.from_bits(port, ((numbers[:, None] >> places) & 1).astype(np.uint8)))
        at += port.bits
    return [
        np.clip(tensor, port.format.min_mantissa, port.format.max_mantissa)
        for port, tensor in zip(ports, found, strict=True)
    ]


def depends_on_one_sample(plan: BuildPlan, of: str, bench: Bench) -> None:
    """Prove on the graph that every data output depends on the inputs of `latency_cycles` before alone.

    With `ce` high and `rst` low, each variable is given the age of the inputs that it depends on; a gate that
    joins two ages refutes the claim, and so does an output of another age.

    Raises:
        CompileError: NL608.
    """
    top = plan.properties["top"]
    (bench.directory / "running.v").write_text(_running(plan), encoding="utf-8")
    commands = [
        *_source(plan, of),
        "read_verilog running.v",
        "hierarchy -top netloom_running",
        "flatten",
        # Registers that hold their value while ce is low lose that path here.
        *yosys.logic_of("opt -full -nodffe -nosdff", "abc -g AND"),
    ]
    yosys.run(bench, commands, "running", f"graph of {top} while it runs")
    aig = aiger.read(bench.directory / yosys.AIGER)
    ages = aiger.ages(aig)
    latency = int(plan.properties["latency_cycles"])
    for name, literal in aig.outputs.items():
        age = int(ages[literal >> 1])
        if age not in (aiger.CONSTANT, latency):
            what = "samples of several cycles" if age == aiger.MIXED else f"the sample of {age} cycles before"
            raise CompileError(
                "NL608",
                f"output '{name}' depends on {what}",
                origin=plan.properties["top"],
                supported=f"the sample of {latency} cycles before",
                hint="report this design: its netlist and its schedule disagree",
            )


def _running(plan: BuildPlan) -> str:
    """Verilog of the design with its control inputs fixed: enabled, out of reset, data in every cycle."""
    links = [".clk(clk)", ".rst(1'b0)", ".ce(1'b1)", ".in_valid(1'b1)"]
    ports = ["input clk"]
    infos = PortInfo.from_json(plan.properties["ports"])
    for info, name in zip(infos, plan.properties["signals"].split(","), strict=True):
        ports.append(f"{info.direction}put [{info.bits - 1}:0] {name}")
        links.append(f".{name}({name})")
    text = f"{plan.properties['top']} design ({', '.join(links)});"
    return f"module netloom_running({', '.join(ports)});\n  {text}\nendmodule\n"


def _by_sat(plan: BuildPlan, specification: Specification, of: str, bench: Bench) -> None:
    """Ask the solver.

    Raises:
        CompileError: NL608 with the solver's counterexample in the log, NL609 when its time is over.
    """
    (bench.directory / "specification.v").write_text(specification.text(), encoding="utf-8")
    (bench.directory / "claim.v").write_text(_claim(plan, specification), encoding="utf-8")
    cycles = int(plan.properties["latency_cycles"]) + 1
    commands = [
        *_source(plan, of),
        "read_verilog specification.v claim.v",
        "hierarchy -top netloom_claim",
        "proc",
        "flatten",
        "opt -full",
        "async2sync",
        "dffunmap",
        "wreduce",
        "opt -full -nodffe -nosdff",
        "setattr -unset init",
        f"sat -seq {cycles} -prove-skip {cycles - 1} -prove equal 1 -show-inputs -verify",
    ]
    try:
        yosys.run(bench, commands, "proof", f"SAT over {cycles} cycles")
    except CompileError as error:
        log = (bench.directory / "proof.log").read_text(errors="replace")
        if "model found: FAIL" in log:
            raise CompileError(
                "NL608",
                f"the netlist ({of}) differs from the specification",
                origin=plan.properties["top"],
                hint="proof.log has the inputs; report this design",
            ) from error
        if "was ended after" in error.found:
            raise CompileError(
                "NL609", error.found.splitlines()[0], origin="sat", hint="prove a smaller design"
            ) from error
        raise


def _claim(plan: BuildPlan, specification: Specification) -> str:
    """Verilog of the claim: `equal` compares each result with the specification of its sample."""
    latency = int(plan.properties["latency_cycles"])
    ports = [f"input [{info.bits - 1}:0] {name}" for name, info in specification.inputs]
    lines = [f"module netloom_claim(input clk, {', '.join(ports)}, output equal);"]
    links = [".clk(clk)", ".rst(1'b0)", ".ce(1'b1)", ".in_valid(1'b1)"]
    wires: list[str] = []
    for name, info in specification.inputs:
        lines += [f"  wire [{info.bits - 1}:0] {name}_at_0 = {name};"]
        for k in range(latency):
            lines += [
                f"  reg [{info.bits - 1}:0] {name}_at_{k + 1};",
                f"  always @(posedge clk) {name}_at_{k + 1} <= {name}_at_{k};",
            ]
        links.append(f".{name}({name})")
        wires.append(f".{name}({name}_at_{latency})")
    for name, info in specification.outputs:
        lines.append(f"  wire [{info.bits - 1}:0] {name}_got, {name}_want;")
        links.append(f".{name}({name}_got)")
        wires.append(f".{name}({name}_want)")
    lines += [
        f"  {plan.properties['top']} design ({', '.join(links)});",
        f"  netloom_specification specification ({', '.join(wires)});",
        f"  assign equal = {' && '.join(f'{n}_got == {n}_want' for n, _ in specification.outputs)};",
        "endmodule",
        "",
    ]
    return "\n".join(lines)
