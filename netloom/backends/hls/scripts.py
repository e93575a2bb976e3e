"""Scripts of an HLS project: templates of one vendor over those that all vendors share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from netloom.backends.hls.options import HlsOptions
from netloom.backends.hls.program import Program
from netloom.backends.hls.text import NATIVE
from netloom.core.headers import KINDS

SHARED = "netloom.backends.hls"
VECTORS = "sim/vectors"
"""Where the test bench finds its vectors; `netloom.api` puts them there."""


@cache
def environment(package: str) -> Environment:
    """Templates of a vendor's package, then the shared ones; an undefined name is an error."""
    return Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(SHARED)]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def scripts(
    package: str,
    templates: Mapping[str, str],
    program: Program,
    options: HlsOptions,
    types: str,
    **more: object,
) -> dict[str, str]:
    """Texts of a project's scripts by path.

    Args:
        package: Python package of the vendor's templates.
        templates: path in the project to name of its template.
        program: the design.
        options: options of the backend.
        types: kind of header in `netloom.core.headers`.
        more: further names for the templates.
    """
    context = {
        "top": program.top,
        "part": options.chosen_part,
        "period_ns": f"{options.clock_period_ns:.3f}",
        "uncertainty_percent": f"{options.clock_uncertainty_percent:g}",
        "uncertainty_ns": f"{options.clock_period_ns * options.clock_uncertainty_percent / 100:.3f}",
        "source": f"src/{program.top}.cpp",
        "testbench": "tb/testbench.cpp",
        "vectors": VECTORS,
        "headers": KINDS[types],
        "streaming": program.streaming,
        **more,
    }
    loaded = environment(package)
    return {path: loaded.get_template(name).render(context) for path, name in templates.items()}


def largest_array(program: Program) -> int:
    """Elements of the largest array that becomes registers or logic."""
    counts = [array.count for array in program.arrays]
    return max([*counts, largest_table(program)])


def largest_table(program: Program) -> int:
    """Entries of the largest constant array that becomes logic."""
    tables = [
        len(table.entries)
        for call in program.calls
        for table in call.layer.tables
        if table.name not in call.layer.memories
    ]
    return max([*tables, *(len(table.entries) for table in program.constants)], default=1)


def memory_words(program: Program) -> list[tuple[str, int, int]]:
    """For each table in block memory: its name, words of all elements read at once, and a word's bits."""
    sizes = {kind: bits for bits, kind in NATIVE}
    found = []
    for call in program.calls:
        for table in call.layer.tables:
            lanes = call.layer.memories.get(table.name, 0)
            if lanes:
                found.append((table.name, len(table.entries) // lanes, lanes * sizes[table.type]))
    return found
