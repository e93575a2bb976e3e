"""The hook specifications: everything that third parties may add to netloom, in one place.

A plugin is a module named by an entry point of group `netloom`; it implements any of these hooks
with `@netloom.core.hooks.hookimpl` and returns values. Nothing is registered by importing. Every value
is checked when the plugins are loaded (`netloom.core.contract`); one that does not fit is an error
that names the plugin, its distribution and the hook (NL803).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

API_VERSION = 1
"""Raised when a hook changes so that older plugins no longer work."""

FIRST_API_VERSION = 1
"""What a plugin counts as written for that does not implement `netloom_api_version`."""

PROJECT = "netloom"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def netloom_api_version() -> int:  # type: ignore[empty-body]  # a specification has no body
    """Version of the hook specification that the plugin was written for, `1` today.

    A plugin without this hook counts as written for version 1. A plugin for any other version than
    `API_VERSION` is refused (NL801).
    """


@hookspec
def netloom_backends() -> Sequence[Any]:  # type: ignore[empty-body]  # a specification has no body
    """Backends: objects with what `netloom.backends.base.Backend` lists.

    That is `name`, `description`, `io` (a tuple of `parallel`, `stream`), `options` (a frozen dataclass
    derived from `netloom.backends.base.BackendOptions`, every field with a default), and the methods
    `pipeline(options)`, `emit(module, options)`, `simulator(plan)` and `read_report(directory)`.
    """


@hookspec
def netloom_frontends() -> Sequence[Any]:  # type: ignore[empty-body]  # a specification has no body
    """Frontends: objects with what `netloom.frontends.base.Frontend` lists.

    That is `name`, `description`, `accepts(model)` and `load(model)`.
    """


@hookspec
def netloom_passes() -> Sequence[type[Any]]:  # type: ignore[empty-body]  # a specification has no body
    """Pass classes: frozen dataclasses derived from `xdsl.passes.ModulePass`, with a `name` of the class."""


@hookspec
def netloom_pipelines() -> Mapping[str, str]:  # type: ignore[empty-body]  # a specification has no body
    """Named pipelines: name to the text of a pipeline, such as `canonicalize,cse`."""


@hookspec
def netloom_devices() -> Sequence[Any]:  # type: ignore[empty-body]  # a specification has no body
    """Devices: `netloom.core.devices.Device` objects."""


@hookspec
def netloom_tools() -> Sequence[Any]:  # type: ignore[empty-body]  # a specification has no body
    """External tools (`netloom.core.tools.Tool`); build steps and `run_tool` name them by their keys."""


@hookspec
def netloom_solvers() -> Sequence[Any]:  # type: ignore[empty-body]  # a specification has no body
    """Solvers of constant matrices: objects with what `netloom.passes.solvers.ConstantMatrixSolver` lists.

    That is `name` and `solve(problem)`; users choose one by the option `solver`.
    """
