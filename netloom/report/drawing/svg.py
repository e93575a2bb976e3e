"""SVG elements as text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Point = tuple[float, float]

CHARACTER = 6.7
"""Width of a character of the drawings' text (monospace, 11 pixels)."""

WIDE = 1800.0
"""Pixels from which on a picture is scrolled."""


def number(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def element(name: str, *children: str, **attributes: object) -> str:
    """An element; `class_` is `class`, other underscores are hyphens, children are SVG."""
    texts = (
        f' {key.rstrip("_").replace("_", "-")}="{escape(number(v) if isinstance(v, float) else str(v))}"'
        for key, v in attributes.items()
    )
    body = "".join(children)
    return f"<{name}{''.join(texts)}>{body}</{name}>" if body else f"<{name}{''.join(texts)}/>"


def title(text: str) -> str:
    """What a pointer that rests shows, and a screen reader says."""
    return element("title", escape(text, quote=False))


def label(text: str, at: Point, **attributes: object) -> str:
    """Text whose baseline begins at a point, unless `text_anchor` says otherwise."""
    return element("text", escape(text, quote=False), x=float(at[0]), y=float(at[1]), **attributes)


def shortened(text: str, width: float) -> str:
    """Text that fits a width; a longer one keeps its beginning and its end."""
    room = max(int(width / CHARACTER), 3)
    if len(text) <= room:
        return text
    end = (room - 1) // 2
    return f"{text[: room - 1 - end]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - end :]}"


def drawing(body: Sequence[str], width: float, height: float, name: str) -> str:
    """A whole picture with a name for screen readers.

    It shrinks with the page but does not grow; one that would shrink beyond reading is of class `wide`.
    """
    w, h = number(width), number(height)
    kind = ' class="wide"' if width > WIDE else ""
    size = f'viewBox="0 0 {w} {h}" width="{w}" height="{h}"'
    head = f'<svg role="img" aria-label="{escape(name)}"{kind} {size}>'
    return "\n".join([head, *body, "</svg>"])
