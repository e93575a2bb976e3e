"""from_hls4ml: an hls4ml configuration as options of `netloom.compile`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netloom.config.entries import FromHls4ml
from netloom.config.hls4ml_model import layers_of
from netloom.config.hls4ml_reader import ALL, Reader, Scope
from netloom.config.hls4ml_rules import LAYER, MODEL, TOP, Rule, snake_case
from netloom.core.diagnostics import CompileError, suggestion

HLS_SECTIONS = ("Model", "LayerType", "LayerName")
"""Sections in the order in which later ones win."""

NOTHING = "nothing is set"
"""The reason of an empty section."""

FIRST = ("Backend", "ClockPeriod")
"""Entries that others depend on."""


def from_hls4ml(
    config: Mapping[str, Any] | str | Path, *, model: Any = None, strict: bool = False
) -> FromHls4ml:
    """Read an hls4ml configuration.

    Args:
        config: what hls4ml's `config_from_*_model` returns (sections Model, LayerName, LayerType), a whole
            conversion configuration with `HLSConfig`, or the path of a YAML file of either.
        model: the ONNX model (path or object) whose layers it names; by default the `OnnxModel` in the
            configuration. Without one, layers are taken by their names, and `LayerType` has no meaning.
        strict: refuse a configuration with entries that have no counterpart.

    Returns:
        The options, and what became of every entry.

    Raises:
        CompileError: NL208 for dropped entries when `strict`, NL101 for a file that cannot be read, NL203 for
            what is not a configuration, NL603 when PyYAML is needed and missing, NL111 for a model that is
            not ONNX.
    """
    given = load_yaml(Path(config)) if isinstance(config, str | Path) else config
    check_sections(given)
    reader = Reader(layers_of(model if model is not None else own_model(given)))
    nested = given.get("HLSConfig")
    hls = nested if isinstance(nested, Mapping) else {}
    top = {key: value for key, value in given.items() if key not in (*HLS_SECTIONS, "HLSConfig")}
    for key in sorted(top, key=lambda key: key not in FIRST):
        apply(reader, TOP, Scope(), str(key), top[key])
    for path, sections in (("", given), ("HLSConfig", hls)):
        for section in filter(sections.__contains__, HLS_SECTIONS):
            read_section(reader, Scope(path), section, sections[section])
    for key in (key for key in hls if key not in HLS_SECTIONS):
        apply(reader, TOP, Scope("HLSConfig"), str(key), hls[key])
    if "HLSConfig" in given and not hls:
        reader.imply("HLSConfig", nested, NOTHING)
    found = reader.finish()
    if strict and found.dropped:
        raise refusal(found)
    return found


def read_section(reader: Reader, around: Scope, section: str, entries: Any) -> None:
    """`Model`, or all layers of `LayerName` or `LayerType`."""
    path = around.at(section)
    if not entries:
        reader.imply(path, entries, NOTHING)
    elif section == "Model":
        for key, value in entries.items():
            apply(reader, MODEL, Scope(path, (ALL,)), str(key), value)
    else:
        for name, given in entries.items():
            read_layer(reader, section, Scope(path).at(str(name)), str(name), given)


def read_layer(reader: Reader, section: str, path: str, name: str, given: Any) -> None:
    """The entries of one layer, or of one class of layers."""
    layers = reader.layers
    if section == "LayerName":
        found = layers.find(name)
        names = [found] if found else []
        missing = "the model has no layer of this name"
    else:
        names = layers.of_class(name)
        missing = "the model has no layer of this class"
        if not layers.known:
            missing = "which layers are of this class is known with model= only"
    if not given:
        reader.imply(path, given, NOTHING)
        return
    if not names or not isinstance(given, Mapping):
        reader.drop(path, given, "not a section" if names else missing)
        return
    for key, value in given.items():
        apply(reader, LAYER, Scope(path, tuple(names)), str(key), value)


def apply(reader: Reader, rules: Mapping[str, Rule], scope: Scope, key: str, value: Any) -> None:
    """Give an entry to its rule; names that hls4ml does not read are dropped too."""
    if isinstance(value, Mapping) and not value:
        reader.imply(scope.at(key), value, NOTHING)
        return
    rule = rules.get(key) or (rules.get(snake_case(key)) if rules is not TOP else None)
    if rule is not None:
        rule(reader, scope, scope.at(key), value)
        return
    hint = suggestion(snake_case(key) if rules is not TOP else key, rules)
    reader.drop(scope.at(key), value, f"hls4ml reads no such entry{'; ' + hint if hint else ''}")


def own_model(config: Mapping[str, Any]) -> Any:
    """The ONNX model that a configuration carries, None when it has none that can be read."""
    model = config.get("OnnxModel")
    if isinstance(model, str | Path):
        return model if Path(model).is_file() else None
    return model if hasattr(model, "graph") else None


def check_sections(config: Any) -> None:
    """Refuse what is not a configuration.

    Raises:
        CompileError: NL203.
    """
    sections = {"the configuration": config}
    if isinstance(config, Mapping):
        nested = config.get("HLSConfig")
        for around in (config, nested if isinstance(nested, Mapping) else {}):
            sections.update({name: around[name] for name in HLS_SECTIONS if around.get(name) is not None})
    for name, section in sections.items():
        if not isinstance(section, Mapping):
            raise CompileError(
                "NL203",
                f"{name} is a {type(section).__name__}",
                origin="hls4ml configuration",
                supported="a dict with sections such as Model and LayerName, or the path of a YAML file",
            )


def load_yaml(path: Path) -> Any:
    """A YAML file; objects of Python that hls4ml wrote into it are left as their tags.

    Raises:
        CompileError: NL603 without PyYAML, NL101 when the file cannot be read.
    """
    try:
        import yaml  # type: ignore[import-untyped]  # its stubs are a distribution of their own
    except ImportError as error:
        raise CompileError(
            "NL603",
            "PyYAML is not installed",
            origin="pyyaml",
            hint="pip install 'netloom[hls4ml]', or pass the configuration as a dict",
        ) from error

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # untyped, as above
        """Takes tags that it does not know as text."""

    Loader.add_multi_constructor("", lambda loader, tag, node: f"<{tag}>")
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        found = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CompileError("NL101", found, origin=path.name) from error


def refusal(found: FromHls4ml) -> CompileError:
    """The error for entries without counterpart."""
    first = found.dropped[0]
    others = f" and {len(found.dropped) - 1} others" if len(found.dropped) > 1 else ""
    return CompileError(
        "NL208",
        f"no counterpart for {first.value!r}: {first.text}",
        origin=first.path,
        hint=f"leave out this entry{others}; without strict they are listed in 'dropped'",
    )
