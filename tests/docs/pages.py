"""Runs the code of a documentation page, block by block, in the order in which a reader meets it.

A fenced block is, by its first word:

* `python`: run in one namespace for the whole page; a `text` block that follows it is its output;
* `console`: each line that begins with `$ ` is a command of the shell, the lines after it its output;
* any language with `title="path"`: a file of that name;
* `text`, `mlir`, `vhdl`, `toml` without a title: shown only.

Commands must succeed. In expected output `...` stands for anything, and runs of blanks are equal.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tests.shared import EXAMPLE, REPOSITORY

DOCS = REPOSITORY / "docs"
RUN = ("python", "console")
SHOWN = ("text", "mlir", "vhdl", "toml")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FENCE = re.compile(r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\s*$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that it is, its text, and the line where the text starts."""

    language: str
    title: str
    text: str
    line: int


def blocks(path: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    found: list[Block] = []
    start: re.Match[str] | None = None
    lines: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if start is None:
            start, lines = FENCE.match(line), []
        elif line.startswith("```"):
            first = number - len(lines)
            found.append(Block(start["language"], start["title"] or "", "\n".join(lines) + "\n", first))
            start = None
        else:
            lines.append(line)
    assert start is None, f"{path.name} ends within a block"
    return found


def prepare(directory: Path) -> None:
    """What a reader has: the examples, below the current directory."""
    for example in (EXAMPLE, EXAMPLE.parent / "jet_trees", EXAMPLE.parent / "mnist_stream"):
        copy = directory / "examples" / example.name
        shutil.copytree(example, copy, ignore=shutil.ignore_patterns("build"))


def write_titled(page: Path, title: str, directory: Path) -> Path:
    """Write one file that a page shows."""
    block = next(block for block in blocks(page) if block.title == title)
    (directory / title).write_text(block.text, encoding="utf-8")
    return directory / title


def run_page(page: Path, directory: Path, environment: dict[str, str] | None = None) -> None:
    """Run a page in `directory`, which is the current one.

    Raises:
        AssertionError: a command fails, or output differs from what the page shows.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    every = blocks(page)
    for block, after in zip_longest(every, every[1:]):
        if block.title:
            target = directory / block.title
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            output = run_python(page, block, namespace)
            if after is not None and after.language == "text":
                check(page, after.line, after.text, output)
        elif block.language == "console":
            for command, expected, line in commands(block):
                check(page, line, expected, run_command(page, line, command, directory, environment or {}))


def run_python(page: Path, block: Block, namespace: dict[str, Any]) -> str:
    """What a block prints; its lines have the page's numbers in stack traces."""
    code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(code, namespace)
    return output.getvalue()


def commands(block: Block) -> Iterator[tuple[str, str, int]]:
    """Command, expected output and line number."""
    lines = block.text.splitlines()
    starts = [index for index, line in enumerate(lines) if line.startswith("$ ")]
    assert starts[:1] == [0], f"line {block.line}: a console block begins with a command"
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        length = 1
        while lines[start + length - 1].endswith("\\"):
            length += 1
        command = "\n".join(lines[start : start + length])[2:]
        expected = "".join(f"{line}\n" for line in lines[start + length : end])
        yield command, expected, block.line + start


def run_command(page: Path, line: int, command: str, directory: Path, environment: dict[str, str]) -> str:
    """Output of a command, standard error included."""
    variables = {**os.environ, "COLUMNS": "110", "NO_COLOR": "1", "TERM": "dumb", **environment}
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", command],
        cwd=directory,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{page.name}:{line}: {command}\n{done.stdout}"
    return done.stdout


def check(page: Path, line: int, expected: str, output: str) -> None:
    """Compare output with what the page shows; a page that shows nothing promises nothing."""
    if not expected.strip() or doctest.OutputChecker().check_output(expected, output, FLAGS):
        return
    raise AssertionError(f"{page.name}:{line}: the page shows\n{expected}\nbut the output is\n{output}")


def all_pages() -> Sequence[Path]:
    """Every page of the documentation."""
    return sorted(DOCS.rglob("*.md"))
