"""Plugins: loading through entry points, versions, failures and clashes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from netloom.core import plugins
from netloom.core.diagnostics import CompileError
from netloom.core.hooks import API_VERSION, hookimpl
from netloom.core.plugins import Registry, registry

Install = Callable[[Mapping[str, ModuleType | str]], None]


@dataclass(frozen=True)
class Thing:
    name: str


def module(name: str, **hooks: Any) -> ModuleType:
    """An importable module that implements hooks by returning values."""
    made = ModuleType(name)
    for hook, value in hooks.items():
        implementation = value if callable(value) else lambda value=value: value
        implementation.__name__ = hook
        setattr(made, hook, hookimpl(implementation))
    return made


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Replace all entry points by given modules (or module names) for one test."""

    def replace(entries: Mapping[str, ModuleType | str]) -> None:
        found: list[EntryPoint] = []
        for name, plugin in entries.items():
            target = plugin if isinstance(plugin, str) else plugin.__name__
            if isinstance(plugin, ModuleType):
                monkeypatch.setitem(sys.modules, target, plugin)
            found.append(EntryPoint(name, target, "netloom"))
        monkeypatch.setattr(plugins, "entry_points", lambda group: found)
        registry.cache_clear()

    yield replace
    monkeypatch.undo()
    registry.cache_clear()


def refusal() -> str:
    with pytest.raises(CompileError) as caught:
        registry()
    return str(caught.value)


def test_the_package_itself_comes_in_by_the_same_door() -> None:
    registry.cache_clear()
    assert {"ir (netloom)", "onnx (netloom)", "passes (netloom)"} <= set(registry().plugins)
    assert list(registry().passes) == sorted(registry().passes)


def test_values_of_all_hooks_are_found_by_name(install: Install) -> None:
    kinds = ("backends", "frontends", "passes", "devices", "solvers")
    hooks = {f"netloom_{kind}": [Thing(f"my_{kind}")] for kind in kinds}
    install(
        {
            "mine": module(
                "plugin_all", netloom_pipelines={"fast": "a,b"}, netloom_api_version=API_VERSION, **hooks
            )
        }
    )
    found: Registry = registry()
    for kind in kinds:
        provided = getattr(found, kind)[f"my_{kind}"]
        assert (provided.value, provided.plugin) == (Thing(f"my_{kind}"), "mine (unknown distribution)")
    assert found.pipelines["fast"].value == "a,b"


def test_plugin_that_does_not_import(install: Install) -> None:
    install({"mine": "no_such_module_anywhere"})
    assert refusal() == (
        "[NL801] at 'mine (unknown distribution)': plugin does not load: "
        "ModuleNotFoundError: No module named 'no_such_module_anywhere'\n"
        "  to do: repair or uninstall that distribution"
    )


def test_hook_that_raises(install: Install) -> None:
    install({"mine": module("plugin_raises", netloom_backends=lambda: [][1])})
    assert refusal() == (
        "[NL801] at 'mine (unknown distribution)': plugin does not load: "
        "IndexError: list index out of range\n"
        "  to do: repair or uninstall that distribution"
    )


def test_hook_that_returns_something_without_a_name(install: Install) -> None:
    install({"mine": module("plugin_nameless", netloom_backends=[3])})
    assert refusal() == (
        "[NL801] at 'mine (unknown distribution)': plugin does not load: "
        "AttributeError: 'int' object has no attribute 'name'\n"
        "  to do: repair or uninstall that distribution"
    )


def test_misspelled_hook_is_not_ignored(install: Install) -> None:
    install({"mine": module("plugin_typo", netloom_backend=[Thing("a")])})
    message = refusal()
    assert message.startswith(
        "[NL801] at 'mine (unknown distribution)': plugin does not load: PluginValidationError"
    )
    assert "netloom_backend" in message


def test_plugin_for_another_version_of_the_hooks(install: Install) -> None:
    install({"mine": module("plugin_future", netloom_api_version=API_VERSION + 1)})
    assert refusal() == (
        "[NL801] at 'mine (unknown distribution)': "
        f"plugin was written for version {API_VERSION + 1} of the hooks\n"
        f"  supported: version {API_VERSION}\n"
        "  to do: install a matching version of the plugin"
    )


def test_two_plugins_with_one_name(install: Install) -> None:
    install(
        {
            "a": module("plugin_a", netloom_backends=[Thing("fpga")]),
            "b": module("plugin_b", netloom_backends=[Thing("fpga")]),
        }
    )
    message = refusal()
    assert message.splitlines()[1:] == [
        "  supported: one provider for each name",
        "  to do: uninstall this plugin or a (unknown distribution)",
    ]
    assert message.startswith("[NL802] at 'b (unknown distribution)': backends 'fpga' is provided twice")


def test_one_plugin_under_two_names(install: Install) -> None:
    plugin = module("plugin_twice", netloom_backends=[Thing("fpga")])
    install({"a": plugin, "b": plugin})
    assert refusal() == (
        "[NL802] at 'b (unknown distribution)': plugin plugin_twice is registered twice\n"
        "  supported: one entry point for each plugin\n"
        "  to do: remove this entry point or that of a (unknown distribution)"
    )


def test_one_distribution_found_twice_counts_once(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install({"a": module("plugin_once", netloom_backends=[Thing("fpga")])})
    found = plugins.entry_points(group="netloom")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [*found, *found])
    assert list(registry().backends) == ["fpga"]
