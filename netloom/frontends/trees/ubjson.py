"""Universal Binary JSON, draft 12 (ubjson.org), as far as XGBoost writes it: reading only."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

NUMBERS = {"i": "b", "U": "B", "I": "h", "l": "i", "L": "q", "d": "f", "D": "d"}
"""Marker to the code of `struct`; numbers are big-endian."""

DEPTH = 200


class UbjsonError(ValueError):
    """The bytes are no UBJSON, or end too early."""


def loads(data: bytes) -> Any:
    """The value of a document.

    Raises:
        UbjsonError: when it cannot be read.
    """
    reader = _Reader(data)
    value = reader.value(reader.marker(), 0)
    if reader.at != len(data):
        raise UbjsonError(f"{len(data) - reader.at} bytes follow the document")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise UbjsonError("it ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def marker(self) -> str:
        while (found := self.take(1).decode("latin-1")) == "N":
            pass
        return found

    def peek(self) -> str:
        return self.data[self.at : self.at + 1].decode("latin-1")

    def number(self, marker: str) -> Any:
        code = NUMBERS[marker]
        return struct.unpack(f">{code}", self.take(struct.calcsize(code)))[0]

    def length(self) -> int:
        marker = self.marker()
        if marker not in "iUIlL":
            raise UbjsonError(f"'{marker}' where a length is due")
        return int(self.number(marker))

    def text(self) -> str:
        try:
            return self.take(self.length()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise UbjsonError("a text is not UTF-8") from error

    def value(self, marker: str, depth: int) -> Any:
        if depth > DEPTH:
            raise UbjsonError("it is nested too deeply")
        if marker in NUMBERS:
            return self.number(marker)
        if marker in ("S", "H"):
            return self.text()
        if marker in ("T", "F", "Z"):
            return {"T": True, "F": False, "Z": None}[marker]
        if marker == "C":
            return self.take(1).decode("latin-1")
        if marker == "[":
            return self.array(depth)
        if marker == "{":
            return self.object(depth)
        raise UbjsonError(f"unknown marker {marker!r}")

    def head(self) -> tuple[str, int | None]:
        """Type and count of an optimised container."""
        kind = ""
        if self.peek() == "$":
            self.take(1)
            kind = self.marker()
        if self.peek() == "#":
            self.take(1)
            return kind, self.length()
        if kind:
            raise UbjsonError("a container has a type and no count")
        return kind, None

    def array(self, depth: int) -> Any:
        kind, count = self.head()
        if kind in NUMBERS and count is not None:
            code = np.dtype(NUMBERS[kind]).newbyteorder(">")
            return np.frombuffer(self.take(count * code.itemsize), code).tolist()
        found: list[Any] = []
        while len(found) < count if count is not None else self.peek() != "]":
            found.append(self.value(kind or self.marker(), depth + 1))
        if count is None:
            self.take(1)
        return found

    def object(self, depth: int) -> dict[str, Any]:
        kind, count = self.head()
        found: dict[str, Any] = {}
        while len(found) < count if count is not None else self.peek() != "}":
            key = self.text()
            found[key] = self.value(kind or self.marker(), depth + 1)
        if count is None:
            self.take(1)
        return found
