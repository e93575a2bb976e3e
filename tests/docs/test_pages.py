"""All pages: links lead somewhere, blocks are of a known kind, and the runner notices what is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, RUN, SHOWN, all_pages, blocks, run_page
from tests.shared import REPOSITORY

LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#]*)(?:#(?P<anchor>[^)]*))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    headings = HEADING.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_to_pages_and_headings(page: Path) -> None:
    for link in LINK.finditer(CODE.sub("", page.read_text(encoding="utf-8"))):
        target = (page.parent / link["path"]).resolve() if link["path"] else page
        assert target.exists(), link[0]
        assert target.is_relative_to(REPOSITORY), link[0]
        if link["anchor"]:
            assert link["anchor"] in anchors(target), link[0]


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: str(page.relative_to(DOCS)))
def test_every_block_is_of_a_known_kind(page: Path) -> None:
    for block in blocks(page):
        assert block.language in (*RUN, *SHOWN), f"line {block.line}: {block.language or 'no language'}"


def test_every_page_is_reached_from_the_index() -> None:
    reached, pending = set(), [DOCS / "index.md"]
    while pending:
        page = pending.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        pending += [
            (page.parent / link["path"]).resolve()
            for link in LINK.finditer(page.read_text(encoding="utf-8"))
            if link["path"] and not link["path"].endswith("/")
        ]
    assert {page for page in all_pages() if page.parent.name != "decisions"} <= reached


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```python\nassert 1 == 2\n```\n", AssertionError),
        ("```python\nprint(1)\n```\n```text\n2\n```\n", AssertionError),
        ("```console\n$ false\n```\n", AssertionError),
        ("```console\n$ false | true\n```\n", AssertionError),
        ("```console\n$ echo a\nb\n```\n", AssertionError),
        ("```console\necho a\n```\n", AssertionError),
        ("```python\n1 / 0\n```\n", ZeroDivisionError),
        ("```python\nprint(1)\n", AssertionError),
    ],
)
def test_the_runner_notices(
    text: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(error):
        run_page(page, tmp_path)


def test_the_runner_keeps_one_namespace_and_writes_titled_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        '```toml title="sub/a.toml"\nx = 1\n```\n```python\na = 2\n```\n'
        "```python\nprint(a, open('sub/a.toml').read())\n```\n```text\n2 x = ...\n```\n"
        "```console\n$ cat sub/a.toml\nx = 1\n$ printf 'a\\nb' \\\n  | tail -n 1\nb\n```\n"
    )
    run_page(page, tmp_path)
