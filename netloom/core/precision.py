"""What the user says about number formats: for the model, for layers, for roles within a layer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.fixed import MAX_WIDTH, FormatError, Precision

ROLES = ("weight", "bias", "result")
"""Weights and other multiplied constants; added constants; what the layer hands on."""


def parse_precision(text: str, origin: str) -> Precision:
    """A precision such as `fixed<16,6>` or `ufixed<8,0,RND,SAT>`.

    Raises:
        CompileError: NL203 when it is not one, NL303 when it is wider than mantissas can be.
    """
    try:
        precision = Precision.parse(text)
    except FormatError as error:
        raise CompileError(
            "NL203",
            str(error),
            origin=origin,
            supported="fixed<W,I>, ufixed<W,I>, with optional rounding and overflow modes",
            hint="for example fixed<16,6> or fixed<16,6,RND_CONV,SAT>",
        ) from error
    if precision.format.width > MAX_WIDTH:
        raise CompileError(
            "NL303",
            f"{precision.format} has {precision.format.width} bits",
            origin=origin,
            supported=f"up to {MAX_WIDTH} bits",
            hint="choose a narrower format",
        )
    return precision


@dataclass(frozen=True)
class PrecisionConfig:
    """Formats chosen by the user; later layer entries win over earlier ones and over the model's.

    The text form is `fixed<16,6>; fc1*: weight=fixed<8,2>; head: fixed<18,8>`; `parse` reads back
    what `str` writes.
    """

    model: Precision | None = None
    layers: tuple[tuple[str, str, Precision], ...] = ()

    def __str__(self) -> str:
        entries = [str(self.model)] if self.model is not None else []
        entries += [f"{pattern}: {role}={precision}" for pattern, role, precision in self.layers]
        return "; ".join(entries)

    @staticmethod
    def parse(text: str) -> PrecisionConfig:
        """Read the text form."""
        model: Precision | None = None
        layers: list[tuple[str, str, Precision]] = []
        for entry in filter(None, (part.strip() for part in text.split(";"))):
            pattern, colon, rest = entry.rpartition(": ")
            if not colon:
                model = parse_precision(entry, "precision")
                continue
            role, equals, value = rest.partition("=")
            roles = (role.strip(),) if equals else ROLES
            precision = parse_precision(value if equals else rest, pattern)
            layers += [(pattern, _known_role(each, pattern), precision) for each in roles]
        return PrecisionConfig(model, tuple(layers))

    @staticmethod
    def from_user(value: object) -> PrecisionConfig:
        """From None, the text form, or {"model": ..., "layers": {pattern: str | {role: str}}}.

        Raises:
            CompileError: NL201 for unknown keys and roles, NL203 for values.
        """
        if value is None:
            return PrecisionConfig()
        if isinstance(value, str):
            return PrecisionConfig.parse(value)
        if isinstance(value, Precision):
            return PrecisionConfig(value)
        if not isinstance(value, Mapping):
            raise CompileError(
                "NL203",
                f"precision is a {type(value).__name__}",
                origin="precision",
                supported="a string, or a dict with the keys 'model' and 'layers'",
            )
        return _from_mapping(value)

    def for_layer(self, origin: str, role: str) -> Precision | None:
        """The chosen precision of a role of a layer, None when nothing was chosen."""
        for pattern, entry_role, precision in reversed(self.layers):
            if entry_role == role and matches(origin, pattern):
                return precision
        return self.model

    def check_patterns(self, origins: Iterable[str]) -> None:
        """Every pattern matches a layer.

        Raises:
            CompileError: NL202, with a suggestion.
        """
        names = sorted(set(origins))
        for pattern, _, _ in self.layers:
            check_pattern(pattern, names)

    def check_used(self, asked: Collection[tuple[str, str]]) -> None:
        """Every pattern gave a format to something.

        Args:
            asked: all (layer, role) for which a format was looked up.

        Raises:
            CompileError: NL202 for a pattern that only matches what has exact formats already.
        """
        for pattern in dict.fromkeys(pattern for pattern, _, _ in self.layers):
            roles = [role for entry, role, _ in self.layers if entry == pattern]
            if not any(role in roles and matches(name, pattern) for name, role in asked):
                names = sorted({name for name, _ in asked})
                raise CompileError(
                    "NL202",
                    f"'{pattern}' has no effect: the formats of {' and '.join(roles)} are the model's own",
                    origin=pattern,
                    supported=f"the layers {shown(names)}" if names else "layers on real numbers",
                    hint="leave the entry out; what the model quantizes stays as it was trained",
                )


def entries(text: str) -> Iterator[tuple[str | None, str]]:
    """Pattern and value of each entry of an option by layer, `16; fc1*=4`; None for a value of all layers."""
    for part in filter(None, (entry.strip() for entry in text.split(";"))):
        pattern, equals, value = (entry.strip() for entry in part.rpartition("="))
        yield pattern if equals else None, value


def matches(name: str, pattern: str) -> bool:
    """Whether a layer's name is the pattern itself or fits it as a glob pattern."""
    return name == pattern or fnmatchcase(name, pattern)


def shown(names: Sequence[str]) -> str:
    """The first names of a list, for messages."""
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def check_pattern(pattern: str, names: Sequence[str]) -> None:
    """A layer name or glob pattern matches one of `names`.

    Raises:
        CompileError: NL202, with a suggestion.
    """
    if any(matches(name, pattern) for name in names):
        return
    raise CompileError(
        "NL202",
        f"'{pattern}' matches no layer",
        origin=pattern,
        supported=f"the layers {shown(names)}" if names else "no layer of this model can be chosen",
        hint=suggestion(pattern, names) or "names and glob patterns such as 'fc*' are allowed",
    )


def _known_role(role: str, pattern: str) -> str:
    if role not in ROLES:
        raise CompileError(
            "NL201",
            f"unknown role '{role}'",
            origin=pattern,
            supported=", ".join(ROLES),
            hint=suggestion(role, ROLES),
        )
    return role


def _from_mapping(value: Mapping[Any, Any]) -> PrecisionConfig:
    for key in value:
        if key not in ("model", "layers"):
            raise CompileError(
                "NL201",
                f"unknown key '{key}' in precision",
                origin="precision",
                supported="model, layers",
                hint=suggestion(str(key), ("model", "layers")),
            )
    model = parse_precision(str(value["model"]), "precision") if value.get("model") else None
    entries = value.get("layers") or {}
    if not isinstance(entries, Mapping):
        raise CompileError(
            "NL203",
            f"precision['layers'] is a {type(entries).__name__}",
            origin="precision",
            supported="a dict of layer name or pattern: format, or {role: format}",
        )
    layers = tuple(entry for pattern, given in entries.items() for entry in _layer(str(pattern), given))
    return PrecisionConfig(model, layers)


def _layer(pattern: str, given: Any) -> Iterator[tuple[str, str, Precision]]:
    """The entries of one layer: one format for all roles, or one for each role named."""
    if any(character in pattern for character in RESERVED):
        raise CompileError(
            "NL203",
            f"the layer pattern '{pattern}' has one of the characters {' '.join(RESERVED)}",
            origin=pattern,
            supported="? in place of such a character",
        )
    roles = given if isinstance(given, Mapping) else dict.fromkeys(ROLES, given)
    for role, text in roles.items():
        yield pattern, _known_role(str(role), pattern), parse_precision(str(text), pattern)


RESERVED = (";", '"', "\\", "\n")
"""Characters that the text form, which travels inside the text of a pipeline, cannot hold."""
