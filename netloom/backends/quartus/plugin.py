"""The backend `quartus`, registered through the plugin hooks."""

from __future__ import annotations

from collections.abc import Sequence

from netloom.backends.hls.backend import HlsBackend
from netloom.backends.quartus.options import QuartusOptions
from netloom.backends.quartus.project import quartus_project
from netloom.backends.quartus.report import read_quartus_report
from netloom.backends.quartus.vendor import QUARTUS
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
            "quartus",
            "C++ for the Intel HLS Compiler",
            QuartusOptions,
            QUARTUS,
            quartus_project,
            read_quartus_report,
        )
    ]
