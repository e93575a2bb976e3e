"""The page of a report: self-contained, the same bytes each time, with everything on it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from netloom.core.diagnostics import CompileError, Note
from tests.report.designs import long, parallel, shared

VOID = {"meta", "link"}


class Checker(HTMLParser):
    """Every element is closed in its turn; ids are unique; counts elements by name and class."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.counts: dict[str, int] = {}
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "class":
                for each in (value or "").split():
                    self.counts[f"{tag}.{each}"] = self.counts.get(f"{tag}.{each}", 0) + 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    return checker


def test_a_page_has_an_element_for_every_actor_and_fifo() -> None:
    for design in (shared(), long()):
        flow = design.dataflow()
        counts = read(design.report().html()).counts
        assert counts["g.actor"] == counts["g.span"] == len(flow.nodes)
        assert counts["g.fifo"] == counts["g.lane"] == len(flow.fifos)
        assert counts["g.frame"] == 3
        assert counts["g.bottleneck"] == 2  # in the graph and in the timeline
        assert counts["tr.marked"] == 1


def test_a_page_of_a_parallel_design_has_its_layers() -> None:
    report = parallel().report()
    page = read(report.html())
    assert page.counts["g.span"] == len(report.starts)
    assert page.ids[:2] == ["timeline", "layers"]
    assert "g.fifo" not in page.counts


def test_a_page_needs_nothing_from_outside() -> None:
    for design in (shared(), parallel()):
        text = design.report().html()
        assert not re.search(r"https?:|//[a-z]|@import|<script|<img|<iframe|<object", text)
        assert set(re.findall(r'(?:href|src|xlink:href)="([^"]*)"', text)) - {"data:,"} == {
            f"#{name}" for name in re.findall(r'<section id="(\w+)"', text)
        }
        assert set(re.findall(r"url\(([^)]*)\)", text)) <= {"#head"}


def test_the_same_design_gives_the_same_bytes() -> None:
    assert shared().report().html() == shared().report().html()
    assert parallel().report().html() == parallel().report().html()


def test_names_cannot_break_the_page() -> None:
    nasty = '</title><script>alert("1")</script>'
    report = replace(shared().report(), name=nasty, notes=[Note(nasty, nasty)])
    first, *others = report.fifos
    first = replace(first, figures=replace(first.figures, name=nasty))
    report = replace(report, fifos=[first, *others])
    text = report.html()
    assert "<script" not in text
    assert nasty in "".join(read(text).texts)


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        shared().report().write_html(tmp_path / "missing" / "report.html")
    assert caught.value.code == "NL501"
    assert caught.value.found == "the page cannot be written: No such file or directory"
    assert shared().report().write_html(tmp_path / "report.html").read_text() == shared().report().html()


def test_only_some_of_very_many_rows_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netloom.report.sections.MOST_ROWS", 5)
    monkeypatch.setattr("netloom.report.sections.MOST_NODES", 5)
    page = read(shared().report().html())
    assert page.counts["g.span"] == page.counts["g.lane"] == 5
    assert "g.actor" not in page.counts
    text = "".join(page.texts)
    assert "11 actors are too many for a drawing." in text
    assert "Only the largest 5 of 11 are drawn." in text and "Only the longest 5 of 11 are drawn." in text
    assert "conv2_in2" in text  # the skip connection is the largest
