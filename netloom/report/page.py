"""A report as one HTML page without anything from outside: no script, no font, no address."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from netloom.core.diagnostics import CompileError
from netloom.report.sections import parallel_sections, stream_sections, tiles
from netloom.report.stream import StreamReport
from netloom.report.summary import Report


def page(report: Report) -> str:
    """The page; the same report gives the same bytes."""
    environment = Environment(
        loader=PackageLoader("netloom.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    if isinstance(report, StreamReport):
        sections = stream_sections(report)
    else:
        sections = parallel_sections(report)
    return environment.get_template("page.html.j2").render(
        report=report, tiles=tiles(report), remarks=list(report.remarks()), sections=sections
    )


def write(report: Report, path: Path) -> Path:
    """Write the page.

    Raises:
        CompileError: NL501 when it cannot be written.
    """
    text = page(report)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CompileError(
            "NL501",
            f"the page cannot be written: {error.strerror}",
            origin=str(path),
            hint="name a file in a directory that exists and that you may write to",
        ) from error
    return path
