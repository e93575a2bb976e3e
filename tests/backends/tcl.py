"""Runs a vendor's Tcl script against stand-ins of the vendor's commands, and checks every call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netloom.core.tools import run_tool

SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Command:
    """What a command of a tool takes, by its manual.

    Attributes:
        flags: options without a value.
        values: options with one.
        operands: fewest and most arguments that are not options.
        answer: what it returns, as a Tcl script over `args`.
    """

    flags: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    operands: tuple[int, int] = (0, 0)
    answer: str = ""

    def check(self, call: Sequence[str]) -> None:
        """Refuse a call (its arguments without the command's words) that the tool would not take."""
        rest = list(call)
        operands = 0
        while rest:
            word = rest.pop(0)
            if word in self.values:
                assert rest, f"{word} has no value in {call}"
                rest.pop(0)
            elif word.startswith("-") and word != "--":
                assert word in self.flags, f"{word} in {call}"
            else:
                operands += 1
        assert self.operands[0] <= operands <= self.operands[1], call


def command(text: str = "", operands: tuple[int, int] = (0, 0), answer: str = "") -> Command:
    """A command from its options: `-name` alone, or `-name=` with a value."""
    words = text.split()
    return Command(
        frozenset(word for word in words if not word.endswith("=")),
        frozenset(word[:-1] for word in words if word.endswith("=")),
        operands,
        answer,
    )


STAND_IN = """proc {name} {{args}} {{
    puts [join [linsert $args 0 {name}] "{separator}"]
    {answer}
}}
"""


def run_tcl(
    directory: Path, script: str, commands: Mapping[str, Command], arguments: Sequence[str] = ()
) -> list[list[str]]:
    """The calls of a script, each as its words; every one is checked.

    Args:
        directory: the project.
        script: path in it.
        commands: by name, or by name and subcommand: "flow run".
        arguments: of the script.
    """
    names = sorted({name.split()[0] for name in commands})
    text = 'proc unknown {args} { error "unknown command: $args" }\n'
    for name in names:
        answers = "".join(_answer(full, c) for full, c in commands.items() if full.split()[0] == name)
        text += STAND_IN.format(name=name, separator=SEPARATOR, answer=answers)
    (directory / "stand_ins.tcl").write_text(text + f"source {script}\n")
    log = directory / "tcl.log"
    run_tool(["tclsh", "stand_ins.tcl", *arguments], directory=directory, log=log, timeout_s=60)
    calls = [line.split(SEPARATOR) for line in log.read_text().splitlines()]
    for call in calls:
        _known(call, commands)
    return calls


def _answer(full: str, taken: Command) -> str:
    """What a stand-in does when its first arguments are the command's subcommand."""
    words = full.split()[1:]
    condition = f'[lrange $args 0 {len(words) - 1}] eq "{" ".join(words)}"'
    return f"if {{{condition}}} {{ {taken.answer} }}\n" if taken.answer else ""


def _known(call: Sequence[str], commands: Mapping[str, Command]) -> None:
    for words in (3, 2, 1):
        name = " ".join(call[:words])
        if len(call) >= words and name in commands:
            commands[name].check(call[words:])
            return
    raise AssertionError(f"no such command: {' '.join(call)}")
