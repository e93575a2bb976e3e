"""The hook specifications: everything that third parties may add to netloom, in one place.

A plugin is a module named by an entry point of group `netloom`; it implements any of these hooks
with `@netloom.core.hooks.hookimpl` and returns values. Nothing is registered by importing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

API_VERSION = 1
"""Raised when a hook changes so that older plugins no longer work."""

PROJECT = "netloom"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def netloom_api_version() -> int:  # type: ignore[empty-body]  # a specification has no body
    """Version of the hook specification that the plugin was written for."""


@hookspec
def netloom_backends() -> Sequence[Any]:  # type: ignore[empty-body]  # a specification has no body
    """Backends (`netloom.backends.base.Backend`), one for each name."""


@hookspec
def netloom_frontends() -> Sequence[Any]:  # type: ignore[empty-body]  # a specification has no body
    """Frontends (`netloom.frontends.base.Frontend`), one for each kind of model."""


@hookspec
def netloom_passes() -> Sequence[type[Any]]:  # type: ignore[empty-body]  # a specification has no body
    """Pass classes (`xdsl.passes.ModulePass`)."""


@hookspec
def netloom_pipelines() -> Mapping[str, str]:  # type: ignore[empty-body]  # a specification has no body
    """Named pipelines: name to the text of a pipeline."""


@hookspec
def netloom_devices() -> Sequence[Any]:  # type: ignore[empty-body]  # a specification has no body
    """Devices (`netloom.core.devices.Device`)."""


@hookspec
def netloom_solvers() -> Sequence[Any]:  # type: ignore[empty-body]  # a specification has no body
    """Solvers of constant matrices (`netloom.passes.solvers.ConstantMatrixSolver`)."""
