"""Legal, unique and deterministic names in generated text, from the names of a model."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LENGTH = 56
"""Names are cut to this length; tools print hierarchies of them."""


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def identifier(text: str) -> str:
    """An identifier close to `text`: lower case, letters, digits and single underscores."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:MAX_LENGTH].strip("_")
    if not name or not name[0].isalpha():
        name = f"n_{name}".rstrip("_")
    return name


class Names:
    """Hands out identifiers, each once, and none that a language or the generated text reserves."""

    def __init__(self, taken: Iterable[str] = (), reserved: frozenset[str] = frozenset()) -> None:
        self._taken = set(taken)
        self._reserved = reserved

    def fresh(self, text: str) -> str:
        """An identifier for `text`, numbered from 2 on when it is in use."""
        base = identifier(text)
        if base in self._reserved:
            base = f"n_{base}"
        name = base
        number = 2
        while name in self._taken:
            name = f"{base}_{number}"
            number += 1
        self._taken.add(name)
        return name
