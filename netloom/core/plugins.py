"""Loading of plugins through entry points; every clash and failure is an error that names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from netloom.core import hooks
from netloom.core.diagnostics import CompileError


@dataclass(frozen=True)
class Provided:
    """One thing that a plugin provides, and where it comes from."""

    name: str
    value: Any
    plugin: str


@dataclass(frozen=True)
class Registry:
    """Everything that the loaded plugins provide, by name."""

    backends: Mapping[str, Provided]
    frontends: Mapping[str, Provided]
    passes: Mapping[str, Provided]
    pipelines: Mapping[str, Provided]
    devices: Mapping[str, Provided]
    solvers: Mapping[str, Provided]
    plugins: Mapping[str, str]


@cache
def registry() -> Registry:
    """The registry of this process, loaded at first use.

    Raises:
        CompileError: NL801 when a plugin does not load, NL802 when two provide the same name.
    """
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    sources: dict[str, str] = {}
    for entry in sorted(entry_points(group=hooks.PROJECT), key=lambda e: (e.name, e.value)):
        label = f"{entry.name} ({distribution(entry)})"
        if sources.get(label) == entry.value:
            continue  # one distribution that is on the search path twice
        register(manager, entry, label)
        sources[label] = entry.value
    return Registry(
        backends=collect(manager, "netloom_backends"),
        frontends=collect(manager, "netloom_frontends"),
        passes=collect(manager, "netloom_passes"),
        pipelines=collect(manager, "netloom_pipelines"),
        devices=collect(manager, "netloom_devices"),
        solvers=collect(manager, "netloom_solvers"),
        plugins=sources,
    )


def distribution(entry: EntryPoint) -> str:
    """Name of the distribution that declares an entry point."""
    return entry.dist.name if entry.dist is not None else "unknown distribution"


def register(manager: pluggy.PluginManager, entry: EntryPoint, label: str) -> None:
    """Load one plugin and add its hooks.

    Raises:
        CompileError: NL801 when that fails, NL802 for a plugin that is registered under another name.
    """
    plugin = load(entry, label)
    known = manager.get_name(plugin)
    if known is not None or manager.has_plugin(label):
        raise CompileError(
            "NL802",
            f"plugin {entry.value} is registered twice",
            origin=label,
            supported="one entry point for each plugin",
            hint=f"remove this entry point or that of {known or label}",
        )
    try:
        manager.register(plugin, name=label)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise failed(label, error) from error


def load(entry: EntryPoint, label: str) -> Any:
    """The plugin's module."""
    try:
        plugin = entry.load()
        version = getattr(plugin, "netloom_api_version", None)
        wanted = version() if callable(version) else hooks.API_VERSION
    except Exception as error:  # whatever a plugin raises is the plugin's failure
        raise failed(label, error) from error
    if wanted != hooks.API_VERSION:
        raise CompileError(
            "NL801",
            f"plugin was written for version {wanted} of the hooks",
            origin=label,
            supported=f"version {hooks.API_VERSION}",
            hint="install a matching version of the plugin",
        )
    return plugin


def failed(label: str, error: Exception) -> CompileError:
    """The refusal of a plugin that raised something."""
    return CompileError(
        "NL801",
        f"plugin does not load: {type(error).__name__}: {error}",
        origin=label,
        hint="repair or uninstall that distribution",
    )


def collect(manager: pluggy.PluginManager, hook: str) -> dict[str, Provided]:
    """All values of one hook, by name."""
    found: dict[str, Provided] = {}
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        for name, value in named_values(implementation):
            if name in found:
                raise CompileError(
                    "NL802",
                    f"{hook.removeprefix('netloom_')} '{name}' is provided twice",
                    origin=implementation.plugin_name,
                    supported="one provider for each name",
                    hint=f"uninstall this plugin or {found[name].plugin}",
                )
            found[name] = Provided(name, value, implementation.plugin_name)
    return dict(sorted(found.items()))


def named_values(implementation: pluggy.HookImpl) -> list[tuple[str, Any]]:
    """What one implementation of a hook returns, with names."""
    try:
        provided: Any = implementation.function()
        if isinstance(provided, Mapping):
            return [(str(name), value) for name, value in provided.items()]
        return [(str(value.name), value) for value in provided]
    except Exception as error:  # whatever a plugin raises is the plugin's failure
        raise failed(implementation.plugin_name, error) from error
