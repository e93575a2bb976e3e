"""The page in headless Chromium: nothing is asked for, nothing complains, nothing overflows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from netloom.core.tools import Tool, candidates
from netloom.report.drawing.plots import LANE_HEIGHT
from tests.report.designs import long, parallel, shared

pytestmark = pytest.mark.slow

CHROMIUM = Tool(
    "chromium",
    "Chromium",
    ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    package="chromium",
)
WIDTH = 1280

OVERFLOWING = """() => {
  const found = [];
  const within = (inner, outer, sides) => {
    const a = inner.getBoundingClientRect(), b = outer.getBoundingClientRect();
    const fits = {
      x: a.left > b.left - 1 && a.right < b.right + 1,
      y: a.top > b.top - 1 && a.bottom < b.bottom + 1,
    };
    if ((a.width > 0 || a.height > 0) && !sides.every(side => fits[side])) found.push(inner.outerHTML);
  };
  for (const group of document.querySelectorAll('g.actor'))
    for (const text of group.querySelectorAll('text:not(.mark)'))
      within(text, group.querySelector('.box'), ['x', 'y']);
  for (const picture of document.querySelectorAll('svg'))
    for (const each of picture.querySelectorAll(':not(defs *):is(text, rect, path)'))
      within(each, picture, ['x', 'y']);
  for (const each of document.querySelectorAll('body *:not(defs *)')) within(each, document.body, ['x']);
  for (const each of document.querySelectorAll('td, th, dd, dt, li'))
    if (each.scrollWidth > each.clientWidth + 1) found.push(each.textContent);
  return found;
}"""
"""What reaches out of what it belongs to: text of its node, drawings of their picture, all of the page."""

COVERING = """() => {
  const boxes = [...document.querySelectorAll('g.actor .box')].map(each => each.getBoundingClientRect());
  return boxes.filter((a, i) => boxes.some((b, j) =>
    i < j && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length;
}"""
"""How many nodes of the graph cover another."""

CONTRAST = """([above, below]) => {
  const canvas = document.createElement('canvas').getContext('2d');
  const luminance = (selector, property) => {
    const element = document.querySelector(selector);
    const style = getComputedStyle(element);
    canvas.fillStyle = element instanceof SVGElement ? style.fill : style[property];
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const [a, b] = [luminance(above, 'color'), luminance(below, 'backgroundColor')];
  return Math.max(a, b) / Math.min(a, b);
}"""
"""Contrast of text with what is below it, as defined in WCAG 2.2."""

DRAWN = "paths => paths.every(path => path.getTotalLength() > 0 && path.getBoundingClientRect().height > 0)"


def executable() -> str | None:
    """The system's Chromium, or None where Playwright has brought its own."""
    given = os.environ.get(CHROMIUM.variable, "")
    found = [Path(given)] if given else candidates(CHROMIUM, os.environ.get("PATH", ""))
    return str(found[0]) if found else None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = executable()
        if path is None and not Path(playwright.chromium.executable_path).exists():
            pytest.fail(f"Chromium was not found: run scripts/setup-chromium.sh, or {CHROMIUM.hint}")
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


class Visit:
    """A page that was opened offline, with what it asked for and complained about."""

    def __init__(self, browser: Browser, path: Path, **context: Any) -> None:
        size = {"width": WIDTH, "height": 900}
        self.context = browser.new_context(viewport=size, offline=True, **context)
        self.page: Page = self.context.new_page()
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def count(self, selector: str) -> int:
        return self.page.locator(selector).count()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("pages")
    designs = {"shared": shared(), "long": long(), "parallel": parallel()}
    return {name: d.report().write_html(directory / f"{name}.html") for name, d in designs.items()}


@pytest.mark.parametrize("name", ["shared", "long", "parallel"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_offline_and_fits(
    browser: Browser, pages: dict[str, Path], name: str, scheme: str
) -> None:
    visit = Visit(browser, pages[name], color_scheme=scheme)
    assert visit.messages == []
    assert visit.requests == [pages[name].as_uri()]
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    assert visit.page.evaluate(OVERFLOWING) == []
    assert visit.page.evaluate(COVERING) == 0


@pytest.mark.parametrize("name", ["shared", "long"])
def test_graph_and_plots_have_all_elements(browser: Browser, pages: dict[str, Path], name: str) -> None:
    visit = Visit(browser, pages[name])
    flow = {"shared": shared, "long": long}[name]().dataflow()
    assert visit.count("#graph g.actor") == visit.count("#timeline g.span") == len(flow.nodes)
    assert visit.count("#graph g.fifo path.line") == visit.count("#occupancy g.lane") == len(flow.fifos)
    assert visit.count("#actors tbody tr") == len(flow.nodes) + 1
    assert visit.count("#fifos tbody tr") == len(flow.fifos)
    assert visit.count("#graph .bottleneck") == 1
    assert visit.page.locator("#graph g.fifo path.line").evaluate_all(DRAWN)


def test_curves_show_the_largest_occupancy(browser: Browser, pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["shared"])
    areas = visit.page.locator("#occupancy g.lane .area")
    heights = areas.evaluate_all("paths => paths.map(path => path.getBBox().height)")
    most = shared().report().occupancy.samples.max(axis=0)
    depths = [fifo.depth for fifo in shared().dataflow().fifos]
    # Coordinates have one decimal.
    assert np.allclose(heights, LANE_HEIGHT * most / depths, atol=0.06)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(browser: Browser, pages: dict[str, Path], scheme: str) -> None:
    visit = Visit(browser, pages["shared"], color_scheme=scheme)
    page = [(each, "body") for each in ("p", "h2", "nav a", "text.mark", "text.edge", "tr.marked td")]
    for pair in [*page, (".tile dt", ".tile"), (".u5 text.name", ".u5 .box"), (".u1 .small", ".u1 .box")]:
        assert visit.page.evaluate(CONTRAST, list(pair)) >= 4.5, pair


def test_a_page_prints_in_light_colours_on_its_paper(browser: Browser, pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["shared"], color_scheme="dark")
    visit.page.emulate_media(media="print")
    assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert visit.page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert visit.page.pdf(format="A4").startswith(b"%PDF")
