"""What becomes of each entry of another tool's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One entry of the configuration.

    Attributes:
        path: where it stands, such as `HLSConfig.LayerName.fc1.ReuseFactor`.
        value: as it was given.
        text: for a mapped entry the option of `netloom.compile`, else the reason.
    """

    path: str
    value: Any
    text: str

    def __str__(self) -> str:
        shown = repr(self.value)
        return f"{self.path} = {shown if len(shown) <= 40 else shown[:37] + '...'}: {self.text}"


@dataclass(frozen=True)
class FromHls4ml:
    """An hls4ml configuration as options of netloom; every entry is in one of the three lists.

    Attributes:
        options: keyword arguments for `netloom.compile`.
        mapped: entries that became an option, with its name.
        implied: entries that ask for what every netloom design is or does anyway.
        dropped: entries without counterpart, with the reason.
    """

    options: Mapping[str, Any]
    mapped: tuple[Entry, ...]
    implied: tuple[Entry, ...]
    dropped: tuple[Entry, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries."""
        return (*self.mapped, *self.implied, *self.dropped)

    def __str__(self) -> str:
        named = {"mapped": self.mapped, "implied": self.implied, "dropped": self.dropped}
        lines = [f"{name}: {entry}" for name, entries in named.items() for entry in entries]
        return "\n".join(lines)
