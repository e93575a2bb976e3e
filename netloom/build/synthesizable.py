"""GHDL turns VHDL into Verilog, which Yosys reads; what it loses or cannot do is refused here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netloom.build.toolchain import Bench, text_file
from netloom.core.diagnostics import CompileError
from netloom.core.plan import BuildPlan

VERILOG = "design.v"
"""The file that `to_verilog` writes."""

CONSTRUCTS: tuple[tuple[str, str], ...] = (
    (r":=?\s*real\b|\bconstant\s+\w+\s*:\s*real\b", "a constant of real numbers"),
    (
        r"\bcase\b[^;]*\bgenerate\b(?:(?!end generate).)*?process\s*\(all\)",
        "a process over all signals in a generate",
    ),
    (r"\bwait\s+(?:for|until)\b", "a process that waits"),
    (r"\bfile\s+\w+\s*:", "a file"),
    # It becomes zero, without a message; other widths and other bits do not.
    (
        r'"(?!0{64}")[01]{32}0{32}"|x"(?!0{16}")[0-9a-f]{8}0{8}"',
        "a constant of 64 bits whose lower half is zero",
    ),
)
"""What the VHDL 2008 synthesis of GHDL 2.0 refuses, or gives a wrong netlist of, as patterns of text."""

_VHDL_CONSTANT = re.compile(r'"([01XZUWxzuw-]+)"')
_MODULE = re.compile(r"^module (\S+)", re.MULTILINE)
_INSTANCE = re.compile(r"^  (?!assign|always|wire|reg)([A-Za-z_]\w*) (?:#\(.*?\) )?\w+ \($", re.MULTILINE)


def sources(plan: BuildPlan) -> list[str]:
    """The files of the design in order, without its test bench.

    Raises:
        CompileError: NL606 for a plan without VHDL.
    """
    if plan.properties.get("backend") != "vhdl" or "top" not in plan.properties:
        raise CompileError(
            "NL606",
            f"the backend '{plan.properties.get('backend', '')}' writes no register-transfer code",
            origin="flow",
            supported="backend='vhdl'",
        )
    return plan.properties["sources"].split(",")[:-1]


def constructs(plan: BuildPlan) -> Iterator[tuple[str, str]]:
    """File and description of what GHDL's synthesis is known not to take."""
    for path in sources(plan):
        text = re.sub(r"--[^\n]*", "", plan.files[path])
        for pattern, what in CONSTRUCTS:
            if re.search(pattern, text, re.IGNORECASE | re.DOTALL):
                yield path, what


def check(plan: BuildPlan) -> None:
    """Refuse what is known not to be synthesized.

    Raises:
        CompileError: NL606.
    """
    for path, what in constructs(plan):
        raise CompileError(
            "NL606",
            f"it has {what}",
            origin=path,
            hint="GHDL simulates this and does not synthesize it rightly",
        )


def to_verilog(plan: BuildPlan, bench: Bench) -> None:
    """Write the design as one file of Verilog, `design.v`, in the bench's directory.

    Raises:
        CompileError: NL606 for constructs that are known to fail, NL601 or NL602.
    """
    check(plan)
    paths = sources(plan)
    for path in paths:
        target = bench.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(plan.files[path], encoding="utf-8", newline="\n")
    bench.progress("GHDL: analysis")
    bench.run("ghdl", ["-a", "--std=08", *paths], "analyse.log")
    bench.progress("GHDL: synthesis")
    top = plan.properties["top"]
    bench.run("ghdl", ["--synth", "--std=08", "--out=verilog", top], "synth.log")
    text = with_binary_constants(_without_messages(text_file(bench.directory / "synth.log")))
    complete(text, top)
    (bench.directory / VERILOG).write_text(text, encoding="utf-8", newline="\n")


def _without_messages(log: str) -> str:
    """The Verilog alone: GHDL's warnings and notes come before it; Yosys would refuse any in between."""
    start = re.search(r"^module ", log, re.MULTILINE)
    return log[start.start() :] if start else ""


def with_binary_constants(verilog: str) -> str:
    """Constants of Verilog in place of VHDL's.

    GHDL 2.0 prints a constant of more than 32 bits as "0110", which in Verilog is a text of characters.
    """
    return _VHDL_CONSTANT.sub(lambda found: f"{len(found[1])}'b{_unknown(found[1])}", verilog)


def _unknown(digits: str) -> str:
    """Everything that is no 0 or 1 (U, W, -, X) is x; Z stays."""
    return "".join(digit if digit in "01Zz" else "x" for digit in digits)


def complete(verilog: str, top: str) -> None:
    """Refuse a netlist that uses a module which it does not have.

    GHDL 2.0 loses one of about a thousand instances of a generic entity.

    Raises:
        CompileError: NL602.
    """
    defined = set(_MODULE.findall(verilog))
    missing = sorted((set(_INSTANCE.findall(verilog)) | {top}) - defined)
    if missing:
        raise CompileError(
            "NL602",
            f"GHDL's netlist has no module {', '.join(missing[:5])}",
            origin="ghdl",
            hint="a newer GHDL does not lose modules; NETLOOM_GHDL chooses one",
        )
