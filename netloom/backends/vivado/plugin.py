"""The backends `vivado` and `vitis`, registered through the plugin hooks."""

from __future__ import annotations

from collections.abc import Sequence

from netloom.backends.hls.backend import HlsBackend
from netloom.backends.vivado.options import VitisOptions, VivadoOptions
from netloom.backends.vivado.project import vitis_project, vivado_project
from netloom.backends.vivado.report import read_vitis_report, read_vivado_report
from netloom.backends.vivado.vendor import VITIS, VIVADO
from netloom.core.hooks import API_VERSION, hookimpl


@hookimpl
def netloom_api_version() -> int:
    """Version of the hooks that this plugin implements."""
    return API_VERSION


@hookimpl
def netloom_backends() -> Sequence[HlsBackend]:
    """The backends."""
    return [
        HlsBackend("vivado", "C++ for Vivado HLS", VivadoOptions, VIVADO, vivado_project, read_vivado_report),
        HlsBackend("vitis", "C++ for Vitis HLS", VitisOptions, VITIS, vitis_project, read_vitis_report),
    ]
