"""The pass and a pipeline with it, registered through netloom's plugin hooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.passes import ModulePass

from netloom.core.hooks import hookimpl
from netloom_pruning.magnitude_prune import MagnitudePrune


@hookimpl
def netloom_api_version() -> int:
    """The version of the hooks that this was written for."""
    return 1


@hookimpl
def netloom_passes() -> Sequence[type[ModulePass]]:
    """The pass."""
    return [MagnitudePrune]


@hookimpl
def netloom_pipelines() -> Mapping[str, str]:
    """The pass where it belongs: after batch normalisation has joined the weights, before formats."""
    return {"clean-and-prune": "clean,magnitude-prune"}
