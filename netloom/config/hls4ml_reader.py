"""What is known while an hls4ml configuration is read, and the options that come out at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netloom.config.entries import Entry, FromHls4ml
from netloom.config.hls4ml_model import PRODUCTS, Layers
from netloom.core.fixed import Precision

ALL = "*"

UNSHARED = "every product has its own multiplier unless strategy='resource' shares it"
NOT_SHARED = "only layers of strategy 'resource' share multipliers"
ONE_TABLE_SIZE = "netloom has one table size, a power of two from 4 to 65536, for all layers"


@dataclass(frozen=True)
class Scope:
    """Where an entry stands.

    Attributes:
        path: of the section around it, empty at the top.
        layers: names of the layers that it is about; `*` for the model; empty outside of layers.
    """

    path: str = ""
    layers: tuple[str, ...] = ()

    def at(self, key: str) -> str:
        """The path of an entry."""
        return f"{self.path}.{key}" if self.path else key

    @property
    def is_model(self) -> bool:
        """Whether the entry is about all layers."""
        return self.layers == (ALL,)


@dataclass(frozen=True)
class Pending:
    """An entry whose outcome depends on others."""

    path: str
    value: Any
    layers: tuple[str, ...]


@dataclass
class Reader:
    """Collects outcomes and options."""

    layers: Layers
    backend: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    mapped: list[Entry] = field(default_factory=list)
    implied: list[Entry] = field(default_factory=list)
    dropped: list[Entry] = field(default_factory=list)
    formats: dict[str, dict[str, Precision]] = field(default_factory=dict)
    model_format: Precision | None = None
    input_formats: dict[str, str] = field(default_factory=dict)
    strategies: dict[str, str] = field(default_factory=dict)
    reuse: list[Pending] = field(default_factory=list)
    tables: list[Pending] = field(default_factory=list)

    def map(self, path: str, value: Any, text: str) -> None:
        """An entry that became an option."""
        self.mapped.append(Entry(path, value, text))

    def imply(self, path: str, value: Any, text: str) -> None:
        """An entry that asks for what is so anyway."""
        for leaf, each in leaves(path, value):
            self.implied.append(Entry(leaf, each, text))

    def drop(self, path: str, value: Any, text: str) -> None:
        """An entry without counterpart, with everything below it."""
        for leaf, each in leaves(path, value):
            self.dropped.append(Entry(leaf, each, text))

    def finish(self) -> FromHls4ml:
        """Decide what waited for other entries, and put the options together."""
        self.finish_tables()
        self.finish_reuse()
        options = dict(self.options)
        if self.formats:
            layers = {
                name: {role: str(precision) for role, precision in roles.items()}
                for name, roles in self.formats.items()
            }
            model = {"model": str(self.model_format)} if self.model_format is not None else {}
            options["precision"] = {**model, "layers": layers}
        elif self.model_format is not None:
            options["precision"] = str(self.model_format)
        if self.input_formats:
            options["input_precision"] = dict(self.input_formats)
        if self.strategies:
            options["strategy"] = collapsed(self.strategies)
        return FromHls4ml(
            dict(sorted(options.items())), tuple(self.mapped), tuple(self.implied), tuple(self.dropped)
        )

    def finish_tables(self) -> None:
        """One table size, when all entries agree on one that netloom has."""
        sizes = {entry.value for entry in self.tables}
        size = sizes.pop() if len(sizes) == 1 else 0
        bits = int(size).bit_length() - 1 if isinstance(size, int) else 0
        fits = 2 <= bits <= 16 and size == 1 << bits
        for entry in self.tables:
            if fits:
                self.options["table_bits"] = bits
                self.map(entry.path, entry.value, "table_bits")
            else:
                self.drop(entry.path, entry.value, ONE_TABLE_SIZE)

    def finish_reuse(self) -> None:
        """Reuse factors of the layers whose strategy shares multipliers."""
        factors: dict[str, int] = {}
        for entry in self.reuse:
            sharing = self.sharing(entry.layers)
            if sharing:
                factors.update(dict.fromkeys(sharing, entry.value))
                self.map(entry.path, entry.value, "reuse_factor")
            elif entry.value == 1:
                self.imply(entry.path, entry.value, UNSHARED)
            else:
                self.drop(entry.path, entry.value, NOT_SHARED)
        if factors:
            self.options["reuse_factor"] = collapsed(factors)

    def sharing(self, layers: tuple[str, ...]) -> list[str]:
        """Those of the layers that have strategy `resource`; `*` when any layer has."""
        if layers == (ALL,):
            return [ALL] if "resource" in self.strategies.values() else []
        products = [
            name for name in layers if not self.layers.known or self.layers.operator(name) in PRODUCTS
        ]
        base = self.strategies.get(ALL)
        return [name for name in products if self.strategies.get(name, base) == "resource"]


def collapsed(by_layer: Mapping[str, Any]) -> Any:
    """One value when it is for all layers, else the dict with the value for all layers first."""
    if set(by_layer) == {ALL}:
        return by_layer[ALL]
    return {name: by_layer[name] for name in sorted(by_layer, key=lambda name: name != ALL)}


def leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every entry below a value that may be a section; an empty section is an entry itself."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from leaves(f"{path}.{key}" if path else str(key), each)
    else:
        yield path, value
