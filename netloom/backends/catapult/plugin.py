"""The backend `catapult`, registered through the plugin hooks."""

from __future__ import annotations

from collections.abc import Sequence

from netloom.backends.catapult.options import CatapultOptions
from netloom.backends.catapult.project import catapult_project
from netloom.backends.catapult.report import read_catapult_report
from netloom.backends.catapult.vendor import CATAPULT
from netloom.backends.hls.backend import HlsBackend
from netloom.core.hooks import API_VERSION, hookimpl


@hookimpl
def netloom_api_version() -> int:
    """Version of the hooks that this plugin implements."""
    return API_VERSION


@hookimpl
def netloom_backends() -> Sequence[HlsBackend]:
    """The backend."""
    return [
        HlsBackend(
            "catapult", "C++ for Catapult", CatapultOptions, CATAPULT, catapult_project, read_catapult_report
        )
    ]
