"""Loading of plugins through entry points; every clash and failure is an error that names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from netloom.core import hooks
from netloom.core.contract import KINDS, Kind
from netloom.core.diagnostics import CompileError


@dataclass(frozen=True)
class Plugin:
    """Where a plugin comes from.

    Attributes:
        entry: name of its entry point.
        module: the module that the entry point names.
        distribution, version: of the distribution that declares it; empty when there is none.
    """

    entry: str
    module: str
    distribution: str = ""
    version: str = ""

    @staticmethod
    def of(entry: EntryPoint) -> Plugin:
        """The plugin of an entry point."""
        if entry.dist is None:
            return Plugin(entry.name, entry.value)
        return Plugin(entry.name, entry.value, entry.dist.name, entry.dist.version)

    @property
    def label(self) -> str:
        """Entry point and distribution."""
        return f"{self.entry} ({self.distribution or 'unknown distribution'})"

    @property
    def title(self) -> str:
        """Entry point, distribution and version, as errors show it."""
        where = f"{self.distribution} {self.version}" if self.distribution else "unknown distribution"
        return f"{self.entry} ({where})"


@dataclass(frozen=True)
class Provided:
    """One thing that a plugin provides; `plugin` is the label of where it comes from."""

    name: str
    value: Any
    plugin: str


@dataclass(frozen=True)
class Registry:
    """Everything that the loaded plugins provide, by name; and the plugins themselves, by label."""

    backends: Mapping[str, Provided]
    frontends: Mapping[str, Provided]
    passes: Mapping[str, Provided]
    pipelines: Mapping[str, Provided]
    devices: Mapping[str, Provided]
    tools: Mapping[str, Provided]
    solvers: Mapping[str, Provided]
    plugins: Mapping[str, Plugin]


@cache
def registry() -> Registry:
    """The registry of this process, loaded at first use.

    Raises:
        CompileError: NL801 when a plugin does not load or is for another version of the hooks, NL802
            when two provide the same name, NL803 for a value that is not what its hook asks for.
    """
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    plugins: dict[str, Plugin] = {}
    for entry in sorted(entry_points(group=hooks.PROJECT), key=lambda e: (e.name, e.value)):
        plugin = Plugin.of(entry)
        if plugins.get(plugin.label) == plugin:
            continue  # one distribution that is on the search path twice
        register(manager, entry, plugin, plugins)
        plugins[plugin.label] = plugin
    kinds = {hook.removeprefix("netloom_"): collect(manager, hook, plugins) for hook in KINDS}
    return Registry(**kinds, plugins=plugins)


def register(
    manager: pluggy.PluginManager, entry: EntryPoint, plugin: Plugin, known: Mapping[str, Plugin]
) -> None:
    """Load one plugin and add its hooks.

    Raises:
        CompileError: NL801 when that fails, NL802 for a plugin that is registered under another name.
    """
    module = load(entry, plugin)
    earlier = manager.get_name(module) or (plugin.label if manager.has_plugin(plugin.label) else None)
    if earlier is not None:
        raise CompileError(
            "NL802",
            f"plugin {plugin.module} is registered twice",
            origin=plugin.title,
            supported="one entry point for each plugin",
            hint=f"remove this entry point or that of {known[earlier].title}",
        )
    try:
        manager.register(module, name=plugin.label)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise failed(plugin, error) from error


def load(entry: EntryPoint, plugin: Plugin) -> Any:
    """The plugin's module, when it is for this version of the hooks."""
    try:
        module = entry.load()
        version = getattr(module, "netloom_api_version", None)
        written_for = hooks.FIRST_API_VERSION if version is None else version()
    except Exception as error:  # whatever a plugin raises is the plugin's failure
        raise failed(plugin, error) from error
    unmarked = [
        name
        for name in KINDS
        if callable(function := getattr(module, name, None))
        and not hasattr(function, f"{hooks.PROJECT}_impl")
    ]
    if unmarked:
        raise CompileError(
            "NL801",
            f"{unmarked[0]} is not marked as a hook, so nothing would call it",
            origin=plugin.title,
            hint="put @netloom.core.hooks.hookimpl before it",
        )
    if written_for != hooks.API_VERSION:
        says = "" if version is not None else ", as it has no netloom_api_version"
        raise CompileError(
            "NL801",
            f"plugin was written for version {written_for!r} of the hooks{says}",
            origin=plugin.title,
            supported=f"version {hooks.API_VERSION}",
            hint=f"install a version of {plugin.distribution or 'the plugin'} that was made for this netloom",
        )
    return module


def failed(plugin: Plugin, error: Exception) -> CompileError:
    """The refusal of a plugin that raised something."""
    return CompileError(
        "NL801",
        f"plugin does not load: {type(error).__name__}: {error}",
        origin=plugin.title,
        hint=f"repair or uninstall {plugin.distribution or 'that distribution'}",
    )


def collect(manager: pluggy.PluginManager, hook: str, plugins: Mapping[str, Plugin]) -> dict[str, Provided]:
    """All values of one hook, by name."""
    found: dict[str, Provided] = {}
    kind = KINDS[hook]
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        plugin = plugins[implementation.plugin_name]
        for name, value in checked(hook, kind, plugin, returned(implementation, plugin)):
            if name in found:
                earlier = plugins[found[name].plugin]
                others = [p for p in (earlier, plugin) if p.distribution != hooks.PROJECT] or [plugin]
                raise CompileError(
                    "NL802",
                    f"{kind.title} '{name}' is provided twice, by {earlier.title} and {plugin.title}",
                    origin=others[-1].title,
                    supported="one provider for each name",
                    hint=f"rename it, or uninstall {' or '.join(p.distribution or p.entry for p in others)}",
                )
            found[name] = Provided(name, value, plugin.label)
    return dict(sorted(found.items()))


def returned(implementation: pluggy.HookImpl, plugin: Plugin) -> Any:
    """What one implementation of a hook returns."""
    try:
        return implementation.function()
    except Exception as error:  # whatever a plugin raises is the plugin's failure
        raise failed(plugin, error) from error


def checked(hook: str, kind: Kind, plugin: Plugin, provided: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of one plugin, each as its hook asks for it.

    Raises:
        CompileError: NL803 for the first value that is not.
    """
    container, description = kind.returns
    named = isinstance(provided, Mapping)
    if not isinstance(provided, container) or isinstance(provided, str):
        raise unfit(hook, plugin, f"returned {type(provided).__qualname__}, not {description}")
    for key, value in pairs(provided):
        name = key if named else getattr(value, "name", None)
        title = f"{kind.title} '{name}'" if isinstance(name, str) else f"{kind.title} number {key}"
        defects = list(kind.defects(value))
        if defects:
            raise unfit(hook, plugin, f"{title} {'; it '.join(defects)}")
        yield str(name), value


def pairs(provided: Any) -> list[tuple[Any, Any]]:
    """Names and values of a mapping, numbers and values of a sequence."""
    return list(provided.items() if isinstance(provided, Mapping) else enumerate(provided))


def unfit(hook: str, plugin: Plugin, found: str) -> CompileError:
    """The refusal of a value."""
    return CompileError(
        "NL803",
        f"{hook}: {found}",
        origin=plugin.title,
        supported=f"what the docstring of netloom.core.hooks.{hook} describes",
        hint=f"repair or uninstall {plugin.distribution or 'that distribution'}",
    )


def listing() -> list[dict[str, str]]:
    """Everything that is loaded, one row each: kind, name, description, distribution, version, module."""
    found = registry()
    return [
        {
            "kind": kind.title,
            "name": provided.name,
            "description": kind.describe(provided.value),
            "distribution": found.plugins[provided.plugin].distribution,
            "version": found.plugins[provided.plugin].version,
            "module": found.plugins[provided.plugin].module,
        }
        for hook, kind in KINDS.items()
        for provided in getattr(found, hook.removeprefix("netloom_")).values()
    ]
