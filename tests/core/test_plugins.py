"""Plugins: loading through entry points, versions, failures and clashes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, make_dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest
from xdsl.passes import ModulePass

from netloom.backends.base import BackendOptions
from netloom.core import hooks as hook_module
from netloom.core import plugins
from netloom.core.devices import DEVICES, find_device
from netloom.core.diagnostics import CompileError
from netloom.core.hooks import API_VERSION, hookimpl
from netloom.core.plugins import Plugin, listing, registry
from netloom.core.tools import Tool, find_tool

Install = Callable[[Mapping[str, ModuleType | str]], None]


@dataclass(frozen=True)
class Options(BackendOptions):
    depth: int = 1


@dataclass(frozen=True)
class Fpga:
    """A backend that does nothing."""

    name: str = "fpga"
    description: str = "for tests"
    io: tuple[str, ...] = ("parallel",)
    options: type[Any] = Options

    def pipeline(self, options: Options) -> str:
        return ""

    def emit(self, module: object, options: Options) -> None:
        """Nothing."""

    def simulator(self, plan: object) -> None:
        """None."""

    def read_report(self, directory: object) -> None:
        """None."""


@dataclass(frozen=True)
class Reader:
    name: str = "reader"
    description: str = "reads nothing"

    def accepts(self, model: object) -> bool:
        return False

    def load(self, model: object) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Nothing(ModulePass):
    """Leaves everything as it is.

    More about it.
    """

    name: ClassVar[str] = "nothing"
    depth: int = 1

    def apply(self, ctx: object, op: object) -> None:
        """Nothing."""


class Unfinished(ModulePass):
    name: ClassVar[str] = "unfinished"


@dataclass(frozen=True)
class Solver:
    """Solves nothing."""

    name: str = "solver"

    def solve(self, problem: object) -> None:
        """Nothing."""


BOARD = replace(DEVICES["xcvu9p"], name="board")
VALUES: Mapping[str, Any] = {
    "backends": [Fpga()],
    "frontends": [Reader()],
    "passes": [Nothing],
    "pipelines": {"fast": "nothing,nothing"},
    "devices": [BOARD],
    "solvers": [Solver()],
}
"""What a plugin may provide, by the kind of its hook."""


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


OWN = {"devices", "ir", "onnx", "passes", "solvers", "vhdl"}
"""Entry points of the package that are the least it has."""


def test_the_package_itself_comes_in_by_the_same_door() -> None:
    registry.cache_clear()
    found = registry()
    own = {plugin.entry for plugin in found.plugins.values() if plugin.distribution == "netloom"}
    assert own >= OWN
    for kind in VALUES:
        assert any(p.plugin.endswith(" (netloom)") for p in getattr(found, kind).values()), kind
        assert list(getattr(found, kind)) == sorted(getattr(found, kind))


def test_values_of_all_hooks_are_found_by_name(install: Install) -> None:
    given = {f"netloom_{kind}": value for kind, value in VALUES.items()}
    install({"mine": module("plugin_all", netloom_api_version=API_VERSION, **given)})
    for kind, values in VALUES.items():
        wanted = values.items() if isinstance(values, Mapping) else ((value.name, value) for value in values)
        for name, value in wanted:
            provided = getattr(registry(), kind)[name]
            assert (provided.value, provided.plugin) == (value, "mine (unknown distribution)")
    assert list(registry().plugins.values()) == [Plugin("mine", "plugin_all")]


def test_the_listing_says_what_is_loaded_and_from_where(install: Install) -> None:
    install({"mine": module("plugin_listed", **{f"netloom_{kind}": value for kind, value in VALUES.items()})})
    rows = [tuple(row.values()) for row in listing()]
    where = ("", "", "plugin_listed")
    assert rows == [
        ("backend", "fpga", "for tests", *where),
        ("frontend", "reader", "reads nothing", *where),
        ("pass", "nothing", "Leaves everything as it is.", *where),
        ("pipeline", "fast", "nothing,nothing", *where),
        ("device", "board", "UltraScale+, xcvu9p-flga2104-2-e", *where),
        ("solver", "solver", "Solves nothing.", *where),
    ]


def test_errors_name_distribution_and_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution = tmp_path / "netloom_broken-2.1.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: netloom-broken\nVersion: 2.1\n")
    (distribution / "entry_points.txt").write_text("[netloom]\nbroken = no_such_module_anywhere\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.cache_clear()
    assert refusal() == (
        "[NL801] at 'broken (netloom-broken 2.1)': plugin does not load: "
        "ModuleNotFoundError: No module named 'no_such_module_anywhere'\n"
        "  to do: repair or uninstall netloom-broken"
    )
    monkeypatch.undo()
    registry.cache_clear()


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


def test_misspelled_hook_is_not_ignored(install: Install) -> None:
    install({"mine": module("plugin_typo", netloom_backend=[Fpga()])})
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
        "  to do: install a version of the plugin that was made for this netloom"
    )


def test_plugin_without_a_version_counts_as_one_for_the_first(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_module, "API_VERSION", 2)
    install({"mine": module("plugin_old", netloom_backends=[Fpga()])})
    assert refusal() == (
        "[NL801] at 'mine (unknown distribution)': "
        "plugin was written for version 1 of the hooks, as it has no netloom_api_version\n"
        "  supported: version 2\n"
        "  to do: install a version of the plugin that was made for this netloom"
    )


def test_two_plugins_with_one_name(install: Install) -> None:
    install(
        {
            "a": module("plugin_a", netloom_backends=[Fpga()]),
            "b": module("plugin_b", netloom_backends=[Fpga()]),
        }
    )
    assert refusal() == (
        "[NL802] at 'b (unknown distribution)': backend 'fpga' is provided twice,"
        " by a (unknown distribution) and b (unknown distribution)\n"
        "  supported: one provider for each name\n"
        "  to do: rename it, or uninstall a or b"
    )


def test_one_plugin_under_two_names(install: Install) -> None:
    plugin = module("plugin_twice", netloom_backends=[Fpga()])
    install({"a": plugin, "b": plugin})
    assert refusal() == (
        "[NL802] at 'b (unknown distribution)': plugin plugin_twice is registered twice\n"
        "  supported: one entry point for each plugin\n"
        "  to do: remove this entry point or that of a (unknown distribution)"
    )


def test_one_distribution_found_twice_counts_once(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install({"a": module("plugin_once", netloom_backends=[Fpga()])})
    found = plugins.entry_points(group="netloom")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [*found, *found])
    assert list(registry().backends) == ["fpga"]


def without(*names: str) -> object:
    """A backend that lacks some of its parts."""
    given = {name: getattr(Fpga(), name) for name in (*Fpga.__dataclass_fields__, *METHODS)}
    return SimpleNamespace(**{name: value for name, value in given.items() if name not in names})


METHODS = ("pipeline", "emit", "simulator", "read_report")
Thawed = make_dataclass("Thawed", [], bases=(Options,), frozen=True)
Thawed.__dataclass_params__.frozen = False  # type: ignore[attr-defined]
Strict = make_dataclass("Strict", [("depth_bits", int)], bases=(Options,), frozen=True, kw_only=True)


class Undecorated(BackendOptions):
    width_bits: int = 3


class Unrelated:
    """Options of nothing."""


UNFIT = [
    ("backends", Fpga(), "returned Fpga, not a sequence"),
    ("backends", "vhdl", "returned str, not a sequence"),
    ("backends", None, "returned NoneType, not a sequence"),
    ("pipelines", ["a,b"], "returned list, not a mapping from names to texts"),
    (
        "backends",
        [3],
        "backend number 0 has no 'name'; it has no 'description'; it has no 'io'; it has no 'options';"
        " it has no 'pipeline'; it has no 'emit'; it has no 'simulator'; it has no 'read_report'",
    ),
    ("backends", [without("emit")], "backend 'fpga' has no 'emit'"),
    (
        "backends",
        [without("emit", "simulator")],
        "backend 'fpga' has no 'emit'; it has no 'simulator'",
    ),
    ("backends", [Fpga(name="")], "backend '' has a 'name' that is '', not a text"),
    ("backends", [Fpga(io="parallel")], "backend 'fpga' has a 'io' that is 'parallel', not a tuple of texts"),
    (
        "backends",
        [Fpga(options=Unrelated)],
        "backend 'fpga' has a 'options' that is the class Unrelated, not a class derived from"
        " netloom.backends.base.BackendOptions",
    ),
    (
        "backends",
        [Fpga(options=Undecorated)],
        "backend 'fpga' has a 'options' that is the class Undecorated, not a frozen dataclass",
    ),
    (
        "backends",
        [Fpga(options=Thawed)],
        "backend 'fpga' has a 'options' that is the class Thawed, not a frozen dataclass",
    ),
    (
        "backends",
        [Fpga(options=Strict)],
        "backend 'fpga' has a 'options' that is the class Strict, not a class whose fields all have"
        " defaults, 'depth_bits' too",
    ),
    (
        "frontends",
        [SimpleNamespace(name="f", description="d", accepts=print, load=lambda: None)],
        "frontend 'f' has a 'load' that is the function <lambda>, not a method with 1 argument",
    ),
    ("passes", [Unfinished], "pass 'unfinished' is the class Unfinished, not a class with a method 'apply'"),
    (
        "passes",
        [Nothing()],
        "pass 'nothing' is Nothing(depth=1), not a class derived from xdsl.passes.ModulePass",
    ),
    ("passes", [Fpga], "pass 'fpga' is the class Fpga, not a class derived from xdsl.passes.ModulePass"),
    ("pipelines", {"fast": ["a", "b"]}, "pipeline 'fast' is ['a', 'b'], not a text"),
    ("devices", [Solver()], "device 'solver' is Solver(name='solver'), not a netloom.core.devices.Device"),
    ("solvers", [Reader()], "solver 'reader' has no 'solve'"),
]


@pytest.mark.parametrize(("kind", "value", "found"), UNFIT, ids=[found for _, _, found in UNFIT])
def test_a_value_that_is_not_what_its_hook_asks_for(
    kind: str, value: Any, found: str, install: Install
) -> None:
    install({"mine": module(f"plugin_unfit_{kind}", **{f"netloom_{kind}": value})})
    first, *others = refusal().splitlines()
    assert first == f"[NL803] at 'mine (unknown distribution)': netloom_{kind}: {found}"
    assert others == [
        f"  supported: what the docstring of netloom.core.hooks.netloom_{kind} describes",
        "  to do: repair or uninstall that distribution",
    ]


def test_a_plugged_in_device_is_found(install: Install) -> None:
    install({"mine": module("plugin_device", netloom_devices=[BOARD])})
    assert find_device("board") is BOARD
    assert BackendOptions(device="board").device == "board"
    with pytest.raises(CompileError) as caught:
        find_device("boart")
    assert str(caught.value) == (
        "[NL206] at 'device': unknown device 'boart'\n  supported: board\n  to do: did you mean 'board'?"
    )


def test_a_function_that_is_not_marked_as_a_hook(install: Install) -> None:
    plugin = module("plugin_forgetful")
    plugin.netloom_backends = lambda: [Fpga()]  # type: ignore[attr-defined]  # a module of the test
    install({"a": plugin})
    assert refusal() == (
        "[NL801] at 'a (unknown distribution)': netloom_backends is not marked as a hook,"
        " so nothing would call it\n"
        "  to do: put @netloom.core.hooks.hookimpl before it"
    )


def test_a_tool_of_a_plugin_is_found_by_its_key(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install(
        {"a": module("plugin_tool", netloom_tools=[Tool("lua", "Lua", ("no-such-lua",), package="lua5.4")])}
    )
    monkeypatch.delenv("NETLOOM_LUA", raising=False)
    with pytest.raises(CompileError, match=r"\[NL601\] at 'lua': Lua \('no-such-lua'\) was not found"):
        find_tool("lua")


def test_a_tool_may_not_take_the_place_of_one_of_netlooms(install: Install) -> None:
    install({"a": module("plugin_tool", netloom_tools=[Tool("ghdl", "GHDL", ("ghdl",))])})
    assert "a tool with a key of its own ('ghdl' is netloom's)" in refusal()
